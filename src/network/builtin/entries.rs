//! Every built-in network by name: its family's plan with the figures of the member.

use super::efficientnet::EfficientNet;
use super::pspnet::Backbone;
use super::regnet::RegNetX;
use super::repvgg::{Dilation, Gate, RepVgg};
use super::resnet::{Block, ResNet, Stem};
use crate::tensor::FeatureMap;

/// Outputs of a classifier.
type Classes = usize;

/// How to build one network.
#[derive(Debug, Clone, Copy)]
pub(super) enum Architecture {
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

/// Name, the input size it is usually run with, how it is built; families together.
pub(super) const ENTRIES: &[(&str, FeatureMap, Architecture)] = &[
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
