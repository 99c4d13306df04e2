//! ResNet with basic or bottleneck blocks (He et al., "Deep Residual Learning for Image Recognition", CVPR 2016,
//! table 1), and ResNeXt with grouped ones (Xie et al., "Aggregated Residual Transformations for Deep Neural
//! Networks", CVPR 2017, table 1).
//!
//! A block is `relu(convolutions(x) + shortcut(x))`. The projection of the shortcut, where there is one, comes
//! first, so that the block's last convolution stands directly before the addition.

use crate::network::{Conv, Graph, GraphBuilder, NetworkError, NodeId, Pool};
use crate::tensor::FeatureMap;

/// One member of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResNet {
    /// What comes before the first block.
    pub stem: Stem,
    /// Inner width of the blocks of each stage; a bottleneck gives four times as many channels.
    pub widths: &'static [usize; 4],
    /// Blocks of each stage; stages 2 to 4 start with stride 2.
    pub blocks: &'static [usize; 4],
    /// Kind of block.
    pub block: Block,
    /// Distance of the taps of each stage's 3x3 convolutions; a stage that dilates keeps the map's size.
    pub dilations: &'static [usize; 4],
}

/// What comes before the first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stem {
    /// A 7x7 convolution of stride 2, then a 3x3 max-pool of stride 2.
    SevenBySeven,
    /// A 3x3 convolution of stride 1, for small images.
    ThreeByThree,
    /// Three 3x3 convolutions, the first of stride 2 and the last twice as wide, then the max-pool.
    Deep,
}

/// Kind of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Block {
    /// Two 3x3 convolutions; the first strides.
    Basic,
    /// 1x1, 3x3, 1x1; the first 1x1 strides.
    BottleneckV1,
    /// 1x1, 3x3, 1x1; the 3x3 strides.
    BottleneckV15,
    /// As the one before, twice as wide inside, its 3x3 in 32 groups: 32x4d.
    Grouped,
}

impl Block {
    /// The convolutions of a block of inner width `width`.
    fn convolutions(self, width: usize, stride: usize) -> Vec<Conv> {
        let (one, three) = (Conv::square(width, 1), Conv::square(width, 3));
        let wide = Conv::square(4 * width, 1);
        match self {
            Self::Basic => vec![three.with_stride(stride), three],
            Self::BottleneckV1 => vec![one.with_stride(stride), three, wide],
            Self::BottleneckV15 => vec![one, three.with_stride(stride), wide],
            Self::Grouped => {
                let inner = Conv::square(2 * width, 3).with_stride(stride);
                vec![Conv::square(2 * width, 1), inner.with_groups(32), wide]
            }
        }
    }
}

impl ResNet {
    /// The body, a mean and a classifier of `classes` outputs.
    pub(super) fn build(
        self,
        name: &str,
        input: FeatureMap,
        classes: usize,
    ) -> Result<Graph, NetworkError> {
        let mut builder = GraphBuilder::new(name, input)?;
        let x = self.add_body(&mut builder)?;
        let x = builder.global_avg_pool("avgpool", x)?;
        builder.fully_connected("fc", x, classes)?;
        builder.finish()
    }

    /// Stem and all blocks.
    pub(super) fn add_body(self, builder: &mut GraphBuilder) -> Result<NodeId, NetworkError> {
        let mut x = self.add_stem(builder)?;
        for (stage, (&width, &blocks)) in self.widths.iter().zip(self.blocks).enumerate() {
            let dilation = self.dilations[stage];
            for place in 0..blocks {
                let stride = if stage > 0 && place == 0 && dilation == 1 {
                    2
                } else {
                    1
                };
                let block = format!("layer{}.{place}", stage + 1);
                let mut convolutions = self.block.convolutions(width, stride);
                for conv in convolutions.iter_mut().filter(|conv| conv.kernel > 1) {
                    *conv = conv.with_dilation(dilation);
                }
                x = add_block(builder, &block, x, stride, &convolutions)?;
            }
        }
        Ok(x)
    }

    fn add_stem(self, builder: &mut GraphBuilder) -> Result<NodeId, NetworkError> {
        let pool = Pool {
            kernel: 3,
            stride: 2,
            padding: 1,
        };
        let width = self.widths[0];
        let conv = match self.stem {
            Stem::SevenBySeven => Conv::square(width, 7).with_stride(2),
            Stem::ThreeByThree => Conv::square(width, 3),
            Stem::Deep => {
                let x = add_deep_stem(builder, width)?;
                return builder.max_pool("layer0.9", x, pool);
            }
        };
        let x = builder.conv("conv1", GraphBuilder::INPUT, conv)?;
        let x = builder.batch_norm("bn1", x)?;
        let x = builder.relu("relu", x)?;
        match self.stem {
            Stem::ThreeByThree | Stem::Deep => Ok(x),
            Stem::SevenBySeven => builder.max_pool("maxpool", x, pool),
        }
    }
}

/// Three convolutions with batch norm and ReLU, numbered through.
fn add_deep_stem(builder: &mut GraphBuilder, width: usize) -> Result<NodeId, NetworkError> {
    let three = Conv::square(width, 3);
    let mut x = GraphBuilder::INPUT;
    let convolutions = [three.with_stride(2), three, Conv::square(2 * width, 3)];
    for (number, conv) in (0..).step_by(3).zip(convolutions) {
        x = builder.conv(format!("layer0.{number}"), x, conv)?;
        x = builder.batch_norm(format!("layer0.{}", number + 1), x)?;
        x = builder.relu(format!("layer0.{}", number + 2), x)?;
    }
    Ok(x)
}

fn add_block(
    builder: &mut GraphBuilder,
    block: &str,
    x: NodeId,
    stride: usize,
    convolutions: &[Conv],
) -> Result<NodeId, NetworkError> {
    let last = convolutions.last().expect("a block has convolutions");
    let shortcut = if stride != 1 || builder.shape(x).channels != last.out_channels {
        let projection = Conv::square(last.out_channels, 1).with_stride(stride);
        let projected = builder.conv(format!("{block}.downsample.0"), x, projection)?;
        builder.batch_norm(format!("{block}.downsample.1"), projected)?
    } else {
        x
    };
    let mut y = x;
    for (number, &conv) in (1..).zip(convolutions) {
        y = builder.conv(format!("{block}.conv{number}"), y, conv)?;
        y = builder.batch_norm(format!("{block}.bn{number}"), y)?;
        if number < convolutions.len() {
            y = builder.relu(format!("{block}.relu{number}"), y)?;
        }
    }
    let sum = builder.add(format!("{block}.add"), y, shortcut)?;
    builder.relu(format!("{block}.relu"), sum)
}

#[cfg(test)]
mod tests {
    use crate::network::{Op, builtin};

    fn convolutions(name: &str) -> usize {
        let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
        (graph.nodes.iter())
            .filter(|node| matches!(node.op, Op::Conv(_)))
            .count()
    }

    #[test]
    fn projections_stand_where_the_shape_changes() {
        for (name, want) in [
            ("resnet-18", 20),
            ("resnet-34", 36),
            ("resnet-50-v1", 53),
            ("resnet-101-v1.5", 104),
            ("resnet-152-v1", 155),
            ("resnext-50-32x4d", 53),
            ("resnet-mini", 1 + 2 + 3 + 5 + 3),
        ] {
            assert_eq!(convolutions(name), want, "{name}");
        }
    }

    #[test]
    fn the_last_convolution_stands_before_the_addition() {
        let name = "resnet-50-v1.5";
        let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
        for (place, node) in graph.nodes.iter().enumerate() {
            if node.op == Op::Add {
                assert_eq!(node.inputs[0].0, place - 1, "{}", node.name);
                assert!(graph.nodes[place - 1].name.ends_with("bn3"));
            }
        }
    }
}
