//! ResNet (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, table 1).
//!
//! `v1` puts the stride of a bottleneck on its first 1x1 convolution, as published; `v1.5` on the 3x3. The shortcut's
//! projection stands first in its block, so that the block's last convolution stands directly before the sum.

use crate::network::build::GraphBuilder;
use crate::network::{Conv, Graph, NetworkError, NodeId, Pool};
use crate::tensor::FeatureMap;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    Basic,
    /// Stride on the first 1x1.
    BottleneckV1,
    /// Stride on the 3x3.
    BottleneckV15,
}

#[derive(Clone, Copy)]
enum Stem {
    /// 7x7 stride 2 and a 3x3 maximum of stride 2.
    ImageNet,
    /// 3x3 stride 1, no pooling.
    Small,
}

/// One member of the family.
pub(super) struct Spec {
    pub(super) name: &'static str,
    block: Block,
    stem: Stem,
    /// Blocks of each stage.
    blocks: [usize; 4],
    /// Inner channels of each stage.
    widths: [usize; 4],
    classes: usize,
}

const fn imagenet(name: &'static str, block: Block, blocks: [usize; 4]) -> Spec {
    Spec {
        name,
        block,
        stem: Stem::ImageNet,
        blocks,
        widths: [64, 128, 256, 512],
        classes: 1000,
    }
}

/// All members.
pub(super) const FAMILY: &[Spec] = &[
    imagenet("resnet-18", Block::Basic, [2, 2, 2, 2]),
    imagenet("resnet-34", Block::Basic, [3, 4, 6, 3]),
    imagenet("resnet-50-v1", Block::BottleneckV1, [3, 4, 6, 3]),
    imagenet("resnet-50-v1.5", Block::BottleneckV15, [3, 4, 6, 3]),
    imagenet("resnet-101-v1", Block::BottleneckV1, [3, 4, 23, 3]),
    imagenet("resnet-101-v1.5", Block::BottleneckV15, [3, 4, 23, 3]),
    imagenet("resnet-152-v1", Block::BottleneckV1, [3, 8, 36, 3]),
    imagenet("resnet-152-v1.5", Block::BottleneckV15, [3, 8, 36, 3]),
    Spec {
        name: "resnet-mini",
        block: Block::Basic,
        stem: Stem::Small,
        blocks: [1, 1, 2, 1],
        widths: [16, 32, 64, 128],
        classes: 10,
    },
];

/// The network in training form.
pub(super) fn graph(spec: &Spec, input: FeatureMap) -> Result<Graph, NetworkError> {
    let mut b = GraphBuilder::new(spec.name, input)?;
    let from = b.input();
    let (kernel, stride) = match spec.stem {
        Stem::ImageNet => (7, 2),
        Stem::Small => (3, 1),
    };
    let stem = conv_bn(
        &mut b,
        "conv1",
        "bn1",
        from,
        conv(spec.widths[0], kernel, stride),
    )?;
    let mut node = b.relu("relu", stem);
    if let Stem::ImageNet = spec.stem {
        node = b.max_pool(
            "maxpool",
            node,
            Pool {
                kernel: 3,
                stride: 2,
                padding: 1,
            },
        )?;
    }
    for (stage, (&blocks, &width)) in spec.blocks.iter().zip(&spec.widths).enumerate() {
        for place in 0..blocks {
            let stride = if stage > 0 && place == 0 { 2 } else { 1 };
            node = block(
                &mut b,
                spec.block,
                &format!("layer{}.{place}", stage + 1),
                node,
                width,
                stride,
            )?;
        }
    }
    let pooled = b.global_avg_pool("avgpool", node);
    b.fully_connected("fc", pooled, spec.classes);
    Ok(b.finish())
}

fn conv(out_channels: usize, kernel: usize, stride: usize) -> Conv {
    Conv {
        out_channels,
        kernel,
        stride,
        padding: kernel / 2,
        dilation: 1,
        groups: 1,
    }
}

fn conv_bn(
    b: &mut GraphBuilder,
    conv_name: &str,
    bn_name: &str,
    from: NodeId,
    conv: Conv,
) -> Result<NodeId, NetworkError> {
    let node = b.conv(conv_name, from, conv)?;
    Ok(b.batch_norm(bn_name, node))
}

fn block(
    b: &mut GraphBuilder,
    kind: Block,
    name: &str,
    from: NodeId,
    width: usize,
    stride: usize,
) -> Result<NodeId, NetworkError> {
    let convs = match kind {
        Block::Basic => vec![conv(width, 3, stride), conv(width, 3, 1)],
        Block::BottleneckV1 => vec![
            conv(width, 1, stride),
            conv(width, 3, 1),
            conv(4 * width, 1, 1),
        ],
        Block::BottleneckV15 => vec![
            conv(width, 1, 1),
            conv(width, 3, stride),
            conv(4 * width, 1, 1),
        ],
    };
    let outputs = convs.last().expect("a block has convolutions").out_channels;
    let shortcut = if stride != 1 || b.shape(from).channels != outputs {
        let (c, n) = (
            format!("{name}.downsample.0"),
            format!("{name}.downsample.1"),
        );
        conv_bn(b, &c, &n, from, conv(outputs, 1, stride))?
    } else {
        from
    };
    let mut node = from;
    for (index, conv) in convs.iter().enumerate() {
        if index > 0 {
            node = b.relu(&format!("{name}.relu{index}"), node);
        }
        let place = index + 1;
        node = conv_bn(
            b,
            &format!("{name}.conv{place}"),
            &format!("{name}.bn{place}"),
            node,
            *conv,
        )?;
    }
    let sum = b.add(&format!("{name}.add"), node, shortcut)?;
    Ok(b.relu(&format!("{name}.relu"), sum))
}
