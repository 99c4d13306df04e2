//! EfficientNet (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
//! table 1): inverted bottlenecks with depthwise convolutions, squeeze-and-excitation and swish.
//!
//! Widths are scaled and rounded to a multiple of eight, never down by more than a tenth; depths are scaled and
//! rounded up. Every padding is half the kernel, as in checkpoints trained outside TensorFlow.

use crate::network::{Conv, Function, Graph, GraphBuilder, NetworkError, NodeId};
use crate::tensor::FeatureMap;

/// One member of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct EfficientNet {
    /// Width over that of B0, in tenths.
    pub width_tenths: usize,
    /// Depth over that of B0, in tenths.
    pub depth_tenths: usize,
}

/// One stage of B0.
struct Stage {
    /// Channels inside a block over those before it.
    expand: usize,
    kernel: usize,
    /// Stride of the first block.
    stride: usize,
    channels: usize,
    blocks: usize,
}

const fn stage(
    expand: usize,
    kernel: usize,
    stride: usize,
    channels: usize,
    blocks: usize,
) -> Stage {
    Stage {
        expand,
        kernel,
        stride,
        channels,
        blocks,
    }
}

const STAGES: [Stage; 7] = [
    stage(1, 3, 1, 16, 1),
    stage(6, 3, 2, 24, 2),
    stage(6, 5, 2, 40, 2),
    stage(6, 3, 2, 80, 3),
    stage(6, 5, 1, 112, 3),
    stage(6, 5, 2, 192, 4),
    stage(6, 3, 1, 320, 1),
];
/// Channels of the first convolution of B0.
const STEM: usize = 32;
/// Channels before the classifier over those of the last stage.
const HEAD: usize = 4;
/// Channels before a block over those squeezed to.
const SQUEEZE: usize = 4;
/// Outputs of the classifier.
const CLASSES: usize = 1000;

impl EfficientNet {
    pub(super) fn build(self, name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
        let mut builder = GraphBuilder::new(name, input)?;
        let stem = Conv::square(self.width(STEM), 3).with_stride(2);
        let mut x = conv_norm(&mut builder, "features.0", GraphBuilder::INPUT, stem)?;
        x = builder.lookup("features.0.2", x, Function::Silu)?;
        for (number, stage) in (1..).zip(&STAGES) {
            for place in 0..(stage.blocks * self.depth_tenths).div_ceil(10) {
                let block = Block {
                    name: format!("features.{number}.{place}.block"),
                    inner: builder.shape(x).channels * stage.expand,
                    kernel: stage.kernel,
                    stride: if place == 0 { stage.stride } else { 1 },
                    channels: self.width(stage.channels),
                };
                x = block.add(&mut builder, x)?;
            }
        }
        let head = format!("features.{}", STAGES.len() + 1);
        let conv = Conv::square(HEAD * builder.shape(x).channels, 1);
        x = conv_norm(&mut builder, &head, x, conv)?;
        x = builder.lookup(format!("{head}.2"), x, Function::Silu)?;
        x = builder.global_avg_pool("avgpool", x)?;
        builder.fully_connected("classifier.1", x, CLASSES)?;
        builder.finish()
    }

    /// A width of B0 scaled, to the nearest multiple of eight; the next one where that takes off more than a tenth.
    fn width(self, channels: usize) -> usize {
        let tenths = channels * self.width_tenths;
        let nearest = ((tenths + 40) / 80 * 8).max(8);
        if 100 * nearest < 9 * tenths {
            nearest + 8
        } else {
            nearest
        }
    }
}

/// One block: expansion unless it adds nothing, depthwise convolution, squeeze-and-excitation, projection.
struct Block {
    name: String,
    /// Channels of the depthwise convolution.
    inner: usize,
    kernel: usize,
    stride: usize,
    channels: usize,
}

impl Block {
    fn add(&self, builder: &mut GraphBuilder, x: NodeId) -> Result<NodeId, NetworkError> {
        let before = builder.shape(x).channels;
        let mut part = 0..;
        let mut next = || format!("{}.{}", self.name, part.next().expect("numbers go on"));
        let mut y = x;
        if self.inner != before {
            let name = next();
            y = conv_norm(builder, &name, y, Conv::square(self.inner, 1))?;
            y = builder.lookup(format!("{name}.2"), y, Function::Silu)?;
        }
        let name = next();
        let depthwise = Conv::square(self.inner, self.kernel)
            .with_stride(self.stride)
            .with_groups(self.inner);
        y = conv_norm(builder, &name, y, depthwise)?;
        y = builder.lookup(format!("{name}.2"), y, Function::Silu)?;
        y = squeeze_excite(builder, &next(), y, (before / SQUEEZE).max(1))?;
        y = conv_norm(builder, &next(), y, Conv::square(self.channels, 1))?;
        if self.stride == 1 && before == self.channels {
            return builder.add(format!("{}.add", self.name), y, x);
        }
        Ok(y)
    }
}

/// A convolution `name.0` with its batch norm `name.1`.
fn conv_norm(
    builder: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    conv: Conv,
) -> Result<NodeId, NetworkError> {
    let y = builder.conv(format!("{name}.0"), x, conv)?;
    builder.batch_norm(format!("{name}.1"), y)
}

/// `x · sigmoid(fc2(swish(fc1(mean(x)))))`, `fc1` and `fc2` 1x1 convolutions with bias over `hidden` channels.
fn squeeze_excite(
    builder: &mut GraphBuilder,
    name: &str,
    x: NodeId,
    hidden: usize,
) -> Result<NodeId, NetworkError> {
    let channels = builder.shape(x).channels;
    let y = builder.global_avg_pool(format!("{name}.avgpool"), x)?;
    let y = builder.conv(format!("{name}.fc1"), y, Conv::square(hidden, 1))?;
    let y = builder.lookup(format!("{name}.activation"), y, Function::Silu)?;
    let y = builder.conv(format!("{name}.fc2"), y, Conv::square(channels, 1))?;
    let y = builder.lookup(format!("{name}.scale_activation"), y, Function::Sigmoid)?;
    builder.multiply(format!("{name}.scale"), x, y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Op, builtin};

    #[test]
    fn widths_of_b3_are_those_published() {
        let b3 = EfficientNet {
            width_tenths: 12,
            depth_tenths: 14,
        };
        let widths = [32, 16, 24, 40, 80, 112, 192, 320].map(|width| b3.width(width));
        assert_eq!(widths, [40, 24, 32, 48, 96, 136, 232, 384]);
    }

    #[test]
    fn depthwise_convolutions_and_shortcuts_are_as_many_as_published() {
        for (name, blocks, shortcuts) in [("efficientnet-b0", 16, 9), ("efficientnet-b3", 26, 19)] {
            let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
            let of = |wanted: fn(&Op) -> bool| graph.nodes.iter().filter(|n| wanted(&n.op)).count();
            assert_eq!(
                of(|op| matches!(op, Op::Conv(conv) if conv.groups > 1)),
                blocks
            );
            assert_eq!(of(|op| *op == Op::Multiply), blocks);
            assert_eq!(of(|op| *op == Op::Add), shortcuts, "{name}");
        }
    }
}
