//! RepVGG in training form (Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021, tables 2 and 3).

use crate::network::build::GraphBuilder;
use crate::network::{Conv, Graph, NetworkError, NodeId};
use crate::tensor::FeatureMap;

/// One member of the family.
pub(super) struct Spec {
    pub(super) name: &'static str,
    /// Blocks of each stage after the first.
    blocks: &'static [usize],
    /// Output channels of each stage, the first included.
    widths: &'static [usize],
    /// Stride of the first stage.
    stem_stride: usize,
    /// Groups of every second block (2, 4, ... 26, counted from the first stage as 0).
    groups: usize,
    classes: usize,
}

const fn imagenet(
    name: &'static str,
    blocks: &'static [usize],
    widths: &'static [usize],
    groups: usize,
) -> Spec {
    Spec {
        name,
        blocks,
        widths,
        stem_stride: 2,
        groups,
        classes: 1000,
    }
}

const A: &[usize] = &[2, 4, 14, 1];
const B: &[usize] = &[4, 6, 16, 1];

/// All members.
pub(super) const FAMILY: &[Spec] = &[
    imagenet("repvgg-a0", A, &[48, 48, 96, 192, 1280], 1),
    imagenet("repvgg-a1", A, &[64, 64, 128, 256, 1280], 1),
    imagenet("repvgg-a2", A, &[64, 96, 192, 384, 1408], 1),
    imagenet("repvgg-b0", B, &[64, 64, 128, 256, 1280], 1),
    imagenet("repvgg-b1", B, &[64, 128, 256, 512, 2048], 1),
    imagenet("repvgg-b1g2", B, &[64, 128, 256, 512, 2048], 2),
    imagenet("repvgg-b1g4", B, &[64, 128, 256, 512, 2048], 4),
    imagenet("repvgg-b2", B, &[64, 160, 320, 640, 2560], 1),
    imagenet("repvgg-b2g4", B, &[64, 160, 320, 640, 2560], 4),
    imagenet("repvgg-b3", B, &[64, 192, 384, 768, 2560], 1),
    Spec {
        name: "repvgg-mini",
        blocks: &[2, 4, 2],
        widths: &[16, 32, 64, 128],
        stem_stride: 1,
        groups: 1,
        classes: 10,
    },
];

/// The network in training form: parallel 3x3, 1x1 and, where shapes allow, identity branches, each with a batch norm.
pub(super) fn graph(spec: &Spec, input: FeatureMap) -> Result<Graph, NetworkError> {
    let mut b = GraphBuilder::new(spec.name, input)?;
    let image = b.input();
    let mut node = block(&mut b, "stage0", image, spec.widths[0], spec.stem_stride, 1)?;
    let mut index = 1;
    for (stage, (&blocks, &width)) in spec.blocks.iter().zip(&spec.widths[1..]).enumerate() {
        for place in 0..blocks {
            let stride = if place == 0 { 2 } else { 1 };
            let groups = if index % 2 == 0 { spec.groups } else { 1 };
            node = block(
                &mut b,
                &format!("stage{}.{place}", stage + 1),
                node,
                width,
                stride,
                groups,
            )?;
            index += 1;
        }
    }
    let pooled = b.global_avg_pool("gap", node);
    b.fully_connected("linear", pooled, spec.classes);
    Ok(b.finish())
}

fn block(
    b: &mut GraphBuilder,
    name: &str,
    from: NodeId,
    width: usize,
    stride: usize,
    groups: usize,
) -> Result<NodeId, NetworkError> {
    let conv = |kernel: usize| Conv {
        out_channels: width,
        kernel,
        stride,
        padding: kernel / 2,
        dilation: 1,
        groups,
    };
    let dense = b.conv(&format!("{name}.rbr_dense.conv"), from, conv(3))?;
    let dense = b.batch_norm(&format!("{name}.rbr_dense.bn"), dense);
    let point = b.conv(&format!("{name}.rbr_1x1.conv"), from, conv(1))?;
    let point = b.batch_norm(&format!("{name}.rbr_1x1.bn"), point);
    let identity = (stride == 1 && b.shape(from).channels == width)
        .then(|| b.batch_norm(&format!("{name}.rbr_identity"), from));
    let mut sum = b.add(&format!("{name}.add_1x1"), dense, point)?;
    if let Some(identity) = identity {
        sum = b.add(&format!("{name}.add_identity"), sum, identity)?;
    }
    Ok(b.relu(&format!("{name}.relu"), sum))
}
