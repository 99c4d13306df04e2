//! PSPNet (Zhao et al., "Pyramid Scene Parsing Network", CVPR 2017) with the head of its authors' PyTorch code, which
//! that of RepVGG takes over: the map is averaged to 1, 2, 3 and 6 bins a side, each average goes through a 1x1
//! convolution to a quarter of the channels, a batch norm and a ReLU, is interpolated to the map's size with aligned
//! corners and joined to the map; then a 3x3 convolution to 512 channels, batch norm, ReLU, a 1x1 classifier with bias,
//! and an interpolation to the size of the image. The auxiliary head of the training is left out, and so is dropout.
//!
//! At 713x713 the backbones give 90x90 pixels: their last two stages keep the resolution and dilate. ResNets have the
//! authors' stem of three 3x3 convolutions. Names are those of the authors' code, `layer0` to `layer4` for the
//! backbone's stages.

use super::repvgg::RepVgg;
use super::resnet::ResNet;
use crate::network::{Conv, Corners, Graph, GraphBuilder, NetworkError, NodeId, Resize};
use crate::tensor::FeatureMap;

/// What stands before the head.
#[derive(Debug, Clone, Copy)]
pub(super) enum Backbone {
    RepVgg(RepVgg),
    ResNet(ResNet),
}

/// Parts of the map that are averaged, a side.
const BINS: [usize; 4] = [1, 2, 3, 6];
/// Channels before the classifier.
const HIDDEN: usize = 512;
/// Classes of Cityscapes.
const CLASSES: usize = 19;

/// Builds the network on a backbone.
pub(super) fn pspnet(
    backbone: Backbone,
    name: &str,
    input: FeatureMap,
) -> Result<Graph, NetworkError> {
    let mut builder = GraphBuilder::new(name, input)?;
    let x = match backbone {
        Backbone::RepVgg(plan) => plan.add_body(&mut builder, "layer")?,
        Backbone::ResNet(plan) => plan.add_body(&mut builder)?,
    };
    let x = add_pyramid(&mut builder, x)?;
    let x = builder.conv("cls.0", x, Conv::square(HIDDEN, 3))?;
    let x = builder.batch_norm("cls.1", x)?;
    let x = builder.relu("cls.2", x)?;
    let x = builder.conv("cls.4", x, Conv::square(CLASSES, 1))?;
    builder.resize("upsample", x, to(input))?;
    builder.finish()
}

/// The map and its four averages, joined.
fn add_pyramid(builder: &mut GraphBuilder, x: NodeId) -> Result<NodeId, NetworkError> {
    let map = builder.shape(x);
    let conv = Conv::square(map.channels / BINS.len(), 1);
    let mut maps = vec![x];
    for (number, bins) in BINS.into_iter().enumerate() {
        let part = format!("ppm.features.{number}");
        let y = builder.adaptive_avg_pool(format!("{part}.0"), x, bins)?;
        let y = builder.conv(format!("{part}.1"), y, conv)?;
        let y = builder.batch_norm(format!("{part}.2"), y)?;
        let y = builder.relu(format!("{part}.3"), y)?;
        maps.push(builder.resize(format!("{part}.upsample"), y, to(map))?);
    }
    builder.concat("ppm.cat", &maps)
}

/// To the height and width of a map.
const fn to(map: FeatureMap) -> Resize {
    Resize {
        height: map.height,
        width: map.width,
        corners: Corners::Aligned,
    }
}

#[cfg(test)]
mod tests {
    use crate::network::{Op, builtin};
    use crate::tensor::FeatureMap;

    #[test]
    fn the_last_stages_keep_their_resolution() {
        for (name, channels) in [
            ("pspnet-repvgg-b1g2-fast", 2048),
            ("pspnet-repvgg-b2-fast", 2560),
            ("pspnet-resnet-50", 2048),
        ] {
            let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
            let shape = |node: &str| {
                let found = graph.nodes.iter().find(|n| n.name == node);
                found
                    .unwrap_or_else(|| panic!("{name} has no {node}"))
                    .shape
            };
            assert_eq!(shape("ppm.cat"), FeatureMap::new(90, 90, 2 * channels));
            assert_eq!(
                shape("ppm.features.3.1"),
                FeatureMap::new(6, 6, channels / 4)
            );
            assert_eq!(shape("upsample"), FeatureMap::new(713, 713, 19));
        }
    }

    #[test]
    fn the_fast_form_dilates_the_last_five_blocks() {
        let name = "pspnet-repvgg-b1g2-fast";
        let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
        let dilated: Vec<(String, usize)> = (graph.nodes.iter())
            .filter_map(|node| match node.op {
                Op::Conv(conv) if conv.dilation > 1 => Some((node.name.clone(), conv.dilation)),
                _ => None,
            })
            .collect();
        let mut want: Vec<(String, usize)> = (12..16)
            .map(|block| (format!("layer3.{block}.rbr_dense.conv"), 2))
            .collect();
        want.push(("layer4.0.rbr_dense.conv".to_owned(), 4));
        assert_eq!(dilated, want);
    }
}
