//! Networks known by name, in training form, for any input image.
//!
//! Node names are the stems of the parameter names in the networks' public checkpoints. The input size a
//! network is usually run with is its [`default_input`].

mod efficientnet;
mod pspnet;
mod regnet;
mod repvgg;
mod resnet;
mod vgg;

use super::{Graph, NetworkError};
use crate::tensor::FeatureMap;
use efficientnet::EfficientNet;
use pspnet::Backbone;
use regnet::RegNetX;
use repvgg::{Dilation, Gate, RepVgg};
use resnet::{Block, ResNet, Stem};

/// Outputs of a classifier.
type Classes = usize;

/// How to build one network.
#[derive(Debug, Clone, Copy)]
enum Architecture {
    RepVgg(RepVgg, Classes),
    ResNet(ResNet, Classes),
    RegNetX(RegNetX),
    EfficientNet(EfficientNet),
    PspNet(Backbone),
    Vgg16,
}

const fn repvgg_a(widths: &'static [usize; 5]) -> Architecture {
    repvgg(widths, &[1, 2, 4, 14, 1], 1)
}

const fn repvgg_b(widths: &'static [usize; 5], groups: usize) -> Architecture {
    repvgg(widths, &[1, 4, 6, 16, 1], groups)
}

const fn repvgg(
    widths: &'static [usize; 5],
    blocks: &'static [usize; 5],
    groups: usize,
) -> Architecture {
    Architecture::RepVgg(
        RepVgg {
            widths,
            blocks,
            groups,
            first_stride: 2,
            gate: Gate::None,
            dilation: Dilation::None,
        },
        1000,
    )
}

const fn resnet(block: Block, blocks: &'static [usize; 4]) -> Architecture {
    Architecture::ResNet(
        ResNet {
            stem: Stem::SevenBySeven,
            widths: &[64, 128, 256, 512],
            blocks,
            block,
            dilations: &[1; 4],
        },
        1000,
    )
}

const REGNETX_3_2: Architecture = Architecture::RegNetX(RegNetX {
    widths: &[96, 192, 432, 1008],
    blocks: &[2, 6, 15, 2],
    group_width: 48,
});

const REGNETX_12: Architecture = Architecture::RegNetX(RegNetX {
    widths: &[224, 448, 896, 2240],
    blocks: &[2, 5, 11, 1],
    group_width: 112,
});

const REPVGG_MINI: Architecture = Architecture::RepVgg(
    RepVgg {
        widths: &[16, 32, 64, 128],
        blocks: &[1, 2, 4, 2],
        groups: 1,
        first_stride: 1,
        gate: Gate::None,
        dilation: Dilation::None,
    },
    10,
);

const REPVGG_D2SE: Architecture = Architecture::RepVgg(
    RepVgg {
        widths: &[64, 160, 320, 640, 2560],
        blocks: &[1, 8, 14, 24, 1],
        groups: 1,
        first_stride: 2,
        gate: Gate::SqueezeExcite(16),
        dilation: Dilation::None,
    },
    1000,
);

const REPVGG_NANO: Architecture = Architecture::RepVgg(
    RepVgg {
        widths: &[8, 16, 24, 32],
        blocks: &[1, 2, 3, 1],
        groups: 1,
        first_stride: 1,
        gate: Gate::None,
        dilation: Dilation::None,
    },
    10,
);

const RESNET_MINI: Architecture = Architecture::ResNet(
    ResNet {
        stem: Stem::ThreeByThree,
        widths: &[16, 32, 64, 128],
        blocks: &[1, 1, 2, 1],
        block: Block::Basic,
        dilations: &[1; 4],
    },
    10,
);

const fn pspnet_repvgg(widths: &'static [usize; 5], groups: usize) -> Architecture {
    Architecture::PspNet(Backbone::RepVgg(RepVgg {
        widths,
        blocks: &[1, 4, 6, 16, 1],
        groups,
        first_stride: 2,
        gate: Gate::None,
        dilation: Dilation::LastFive,
    }))
}

const fn pspnet_resnet(blocks: &'static [usize; 4]) -> Architecture {
    Architecture::PspNet(Backbone::ResNet(ResNet {
        stem: Stem::Deep,
        widths: &[64, 128, 256, 512],
        blocks,
        block: Block::BottleneckV15,
        dilations: &[1, 1, 2, 4],
    }))
}

const IMAGENET: FeatureMap = FeatureMap::new(224, 224, 3);
const GREY_28: FeatureMap = FeatureMap::new(28, 28, 1);

/// A crop of a Cityscapes image.
const CITYSCAPES: FeatureMap = FeatureMap::new(713, 713, 3);
/// What EfficientNet-B3 is trained and measured at.
const SIDE_300: FeatureMap = FeatureMap::new(300, 300, 3);

const EFFICIENTNET_B0: Architecture = Architecture::EfficientNet(EfficientNet {
    width_tenths: 10,
    depth_tenths: 10,
});

const EFFICIENTNET_B3: Architecture = Architecture::EfficientNet(EfficientNet {
    width_tenths: 12,
    depth_tenths: 14,
});

const ENTRIES: &[(&str, FeatureMap, Architecture)] = &[
    ("efficientnet-b0", IMAGENET, EFFICIENTNET_B0),
    ("efficientnet-b3", SIDE_300, EFFICIENTNET_B3),
    (
        "pspnet-repvgg-b1g2-fast",
        CITYSCAPES,
        pspnet_repvgg(&[64, 128, 256, 512, 2048], 2),
    ),
    (
        "pspnet-repvgg-b2-fast",
        CITYSCAPES,
        pspnet_repvgg(&[64, 160, 320, 640, 2560], 1),
    ),
    ("pspnet-resnet-50", CITYSCAPES, pspnet_resnet(&[3, 4, 6, 3])),
    (
        "pspnet-resnet-101",
        CITYSCAPES,
        pspnet_resnet(&[3, 4, 23, 3]),
    ),
    ("regnetx-3.2gf", IMAGENET, REGNETX_3_2),
    ("regnetx-12gf", IMAGENET, REGNETX_12),
    ("repvgg-a0", IMAGENET, repvgg_a(&[48, 48, 96, 192, 1280])),
    ("repvgg-a1", IMAGENET, repvgg_a(&[64, 64, 128, 256, 1280])),
    ("repvgg-a2", IMAGENET, repvgg_a(&[64, 96, 192, 384, 1408])),
    (
        "repvgg-b0",
        IMAGENET,
        repvgg_b(&[64, 64, 128, 256, 1280], 1),
    ),
    (
        "repvgg-b1",
        IMAGENET,
        repvgg_b(&[64, 128, 256, 512, 2048], 1),
    ),
    (
        "repvgg-b1g2",
        IMAGENET,
        repvgg_b(&[64, 128, 256, 512, 2048], 2),
    ),
    (
        "repvgg-b1g4",
        IMAGENET,
        repvgg_b(&[64, 128, 256, 512, 2048], 4),
    ),
    (
        "repvgg-b2",
        IMAGENET,
        repvgg_b(&[64, 160, 320, 640, 2560], 1),
    ),
    (
        "repvgg-b2g4",
        IMAGENET,
        repvgg_b(&[64, 160, 320, 640, 2560], 4),
    ),
    (
        "repvgg-b3",
        IMAGENET,
        repvgg_b(&[64, 192, 384, 768, 2560], 1),
    ),
    ("repvgg-d2se", IMAGENET, REPVGG_D2SE),
    ("repvgg-mini", GREY_28, REPVGG_MINI),
    ("repvgg-nano", GREY_28, REPVGG_NANO),
    ("resnet-18", IMAGENET, resnet(Block::Basic, &[2, 2, 2, 2])),
    ("resnet-34", IMAGENET, resnet(Block::Basic, &[3, 4, 6, 3])),
    (
        "resnet-50-v1",
        IMAGENET,
        resnet(Block::BottleneckV1, &[3, 4, 6, 3]),
    ),
    (
        "resnet-50-v1.5",
        IMAGENET,
        resnet(Block::BottleneckV15, &[3, 4, 6, 3]),
    ),
    (
        "resnet-101-v1",
        IMAGENET,
        resnet(Block::BottleneckV1, &[3, 4, 23, 3]),
    ),
    (
        "resnet-101-v1.5",
        IMAGENET,
        resnet(Block::BottleneckV15, &[3, 4, 23, 3]),
    ),
    (
        "resnet-152-v1",
        IMAGENET,
        resnet(Block::BottleneckV1, &[3, 8, 36, 3]),
    ),
    (
        "resnet-152-v1.5",
        IMAGENET,
        resnet(Block::BottleneckV15, &[3, 8, 36, 3]),
    ),
    ("resnet-mini", GREY_28, RESNET_MINI),
    (
        "resnext-50-32x4d",
        IMAGENET,
        resnet(Block::Grouped, &[3, 4, 6, 3]),
    ),
    (
        "resnext-101-32x4d",
        IMAGENET,
        resnet(Block::Grouped, &[3, 4, 23, 3]),
    ),
    ("vgg-16", IMAGENET, Architecture::Vgg16),
];

/// All built-in names, families together.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ENTRIES.iter().map(|(name, ..)| *name).collect()
}

/// The image size and channels a network is usually run with.
///
/// # Errors
/// When the name is unknown.
pub fn default_input(name: &str) -> Result<FeatureMap, NetworkError> {
    find(name).map(|(_, input, _)| input)
}

/// The graph of a built-in network in training form, for images of shape `input`.
///
/// # Errors
/// When the name is unknown, or the input is empty, too large, or so small that a map would vanish.
pub fn graph(name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
    let (name, _, architecture) = find(name)?;
    match architecture {
        Architecture::RepVgg(plan, classes) => plan.build(name, input, classes),
        Architecture::ResNet(plan, classes) => plan.build(name, input, classes),
        Architecture::RegNetX(plan) => plan.build(name, input),
        Architecture::EfficientNet(plan) => plan.build(name, input),
        Architecture::PspNet(backbone) => pspnet::pspnet(backbone, name, input),
        Architecture::Vgg16 => vgg::vgg_16(name, input),
    }
}

fn find(name: &str) -> Result<(&'static str, FeatureMap, Architecture), NetworkError> {
    (ENTRIES.iter().find(|(known, ..)| *known == name).copied()).ok_or_else(|| {
        let distance =
            |known: &&'static str| strsim::damerau_levenshtein(known, &name.to_lowercase());
        let nearest = names().into_iter().min_by_key(distance);
        NetworkError::UnknownName {
            name: name.to_owned(),
            nearest: nearest.expect("the table has entries"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Op;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        for (asked, nearest) in [
            ("RepVGG-A0", "repvgg-a0"),
            ("resnet50-v1", "resnet-50-v1"),
            ("vgg16", "vgg-16"),
            ("", "vgg-16"),
        ] {
            let error = graph(asked, IMAGENET).unwrap_err();
            let name = asked.to_owned();
            assert_eq!(error, NetworkError::UnknownName { name, nearest });
        }
    }

    #[test]
    fn every_network_builds_at_its_own_size_and_passes_its_own_check() {
        for name in names() {
            let graph = graph(name, default_input(name).unwrap()).unwrap();
            graph.check().unwrap();
            assert_eq!(graph.name, name);
            assert_eq!(graph.nodes.iter().filter(|n| n.op == Op::Input).count(), 1);
        }
    }

    #[test]
    fn any_size_and_channel_count_builds_or_names_the_node() {
        for name in names() {
            for side in [1, 2, 7, 16, 33] {
                let input = FeatureMap::new(side, side + 3, 5);
                match graph(name, input) {
                    Ok(graph) => assert_eq!(graph.input(), input),
                    Err(error) => {
                        assert_eq!(name, "vgg-16");
                        assert!(
                            matches!(&error, NetworkError::VanishingMap { node, .. } if node.starts_with("features.")),
                            "{error}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn empty_and_absurd_inputs_are_refused() {
        for input in [
            FeatureMap::new(0, 224, 3),
            FeatureMap::new(224, 224, 0),
            FeatureMap::new(usize::MAX, 2, 3),
            FeatureMap::new(1 << 20, 1 << 20, 3),
        ] {
            for name in names() {
                assert!(graph(name, input).is_err(), "{name} {input}");
            }
        }
    }
}
