//! RepVGG in its multi-branch training form (Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR
//! 2021, tables 2 and 3).
//!
//! A block is `relu(bn(conv3x3(x)) + bn(conv1x1(x)) + bn(x))`; the last branch exists when the block keeps the
//! map's shape. Branches stand in this order and are all made before the first sum. In the variants named `se`
//! (the authors' repository) a squeeze-and-excitation scales the channels of the sum before the ReLU.

use crate::network::{Conv, Function, Graph, GraphBuilder, NetworkError, NodeId};
use crate::tensor::FeatureMap;

/// One member of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct RepVgg {
    /// Output channels of each stage.
    pub widths: &'static [usize],
    /// Blocks of each stage; stage 0 is one block named `stage0`.
    pub blocks: &'static [usize],
    /// Groups of the second, fourth, ... block after stage 0, counted through the network.
    pub groups: usize,
    /// Stride of stage 0; every later stage starts with stride 2.
    pub first_stride: usize,
    /// What stands between the sum and the ReLU of every block.
    pub gate: Gate,
    /// How the last two stages keep their resolution.
    pub dilation: Dilation,
}

/// How the last two of five stages keep their resolution, for dense prediction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dilation {
    /// They do not: each starts with stride 2.
    None,
    /// They start with stride 1; of the last five blocks the first four have taps two apart, the last one four.
    LastFive,
}

impl Dilation {
    /// The dense window of a block of stride `stride`, `left` blocks before the last.
    fn window(self, stage: usize, stride: usize, left: usize) -> (usize, usize) {
        match (self, stage) {
            (Self::None, _) | (Self::LastFive, 0..=2) => (stride, 1),
            (Self::LastFive, _) => match left {
                0 => (1, 4),
                1..=4 => (1, 2),
                _ => (1, 1),
            },
        }
    }
}

/// What stands between the sum and the ReLU of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing.
    None,
    /// Squeeze-and-excitation with one hidden channel for so many of the block's.
    SqueezeExcite(usize),
}

impl RepVgg {
    /// The body, a mean and a classifier of `classes` outputs.
    pub(super) fn build(
        self,
        name: &str,
        input: FeatureMap,
        classes: usize,
    ) -> Result<Graph, NetworkError> {
        let mut builder = GraphBuilder::new(name, input)?;
        let x = self.add_body(&mut builder, "stage")?;
        let x = builder.global_avg_pool("gap", x)?;
        builder.fully_connected("linear", x, classes)?;
        builder.finish()
    }

    /// All blocks, their names `<stage>0`, `<stage>1.0` and so on.
    pub(super) fn add_body(
        self,
        builder: &mut GraphBuilder,
        name: &str,
    ) -> Result<NodeId, NetworkError> {
        let mut x = GraphBuilder::INPUT;
        let mut index = 0;
        let all: usize = self.blocks.iter().sum();
        for (stage, (&width, &blocks)) in self.widths.iter().zip(self.blocks).enumerate() {
            for place in 0..blocks {
                let block = match stage {
                    0 => format!("{name}0"),
                    _ => format!("{name}{stage}.{place}"),
                };
                let stride = match (stage, place) {
                    (0, _) => self.first_stride,
                    (_, 0) => 2,
                    (_, _) => 1,
                };
                index += 1;
                let (stride, dilation) = self.dilation.window(stage, stride, all - index);
                let conv = Conv::square(width, 3)
                    .with_stride(stride)
                    .with_dilation(dilation)
                    .with_groups(self.groups_of(index - 1));
                x = self.add_block(builder, &block, x, conv)?;
            }
        }
        Ok(x)
    }

    /// Groups of the block with this number through the network; the last block, a stage of its own, is odd.
    fn groups_of(self, index: usize) -> usize {
        if index > 0 && index.is_multiple_of(2) {
            self.groups
        } else {
            1
        }
    }

    fn add_block(
        self,
        builder: &mut GraphBuilder,
        block: &str,
        x: NodeId,
        conv: Conv,
    ) -> Result<NodeId, NetworkError> {
        let mut x = add_branches(builder, block, x, conv)?;
        if let Gate::SqueezeExcite(ratio) = self.gate {
            x = add_gate(
                builder,
                &format!("{block}.se"),
                x,
                conv.out_channels / ratio,
            )?;
        }
        builder.relu(format!("{block}.nonlinearity"), x)
    }
}

/// The sum of a block's branches.
fn add_branches(
    builder: &mut GraphBuilder,
    block: &str,
    x: NodeId,
    conv: Conv,
) -> Result<NodeId, NetworkError> {
    let dense = builder.conv(format!("{block}.rbr_dense.conv"), x, conv)?;
    let dense = builder.batch_norm(format!("{block}.rbr_dense.bn"), dense)?;
    let pointwise = Conv {
        kernel: 1,
        padding: 0,
        dilation: 1,
        ..conv
    };
    let one = builder.conv(format!("{block}.rbr_1x1.conv"), x, pointwise)?;
    let one = builder.batch_norm(format!("{block}.rbr_1x1.bn"), one)?;
    if conv.stride == 1 && builder.shape(x).channels == conv.out_channels {
        let identity = builder.batch_norm(format!("{block}.rbr_identity"), x)?;
        let sum = builder.add(format!("{block}.add_1x1"), dense, one)?;
        builder.add(format!("{block}.add_identity"), sum, identity)
    } else {
        builder.add(format!("{block}.add_1x1"), dense, one)
    }
}

/// `x · sigmoid(up(relu(down(mean(x)))))`, `down` and `up` 1x1 convolutions with bias over `hidden` channels.
fn add_gate(
    builder: &mut GraphBuilder,
    gate: &str,
    x: NodeId,
    hidden: usize,
) -> Result<NodeId, NetworkError> {
    let channels = builder.shape(x).channels;
    let mean = builder.global_avg_pool(format!("{gate}.pool"), x)?;
    let down = builder.conv(format!("{gate}.down"), mean, Conv::square(hidden, 1))?;
    let down = builder.relu(format!("{gate}.relu"), down)?;
    let up = builder.conv(format!("{gate}.up"), down, Conv::square(channels, 1))?;
    let scale = builder.lookup(format!("{gate}.sigmoid"), up, Function::Sigmoid)?;
    builder.multiply(format!("{gate}.scale"), x, scale)
}

#[cfg(test)]
mod tests {
    use crate::network::{Op, builtin};
    use crate::tensor::FeatureMap;

    #[test]
    fn groups_stand_on_every_second_block_and_never_on_the_first_of_a_stage() {
        let graph = builtin::graph("repvgg-b1g4", FeatureMap::new(224, 224, 3)).unwrap();
        let grouped: Vec<&str> = (graph.nodes.iter())
            .filter(
                |node| matches!(node.op, Op::Conv(conv) if conv.groups == 4 && conv.kernel == 3),
            )
            .map(|node| node.name.strip_suffix(".rbr_dense.conv").unwrap())
            .collect();
        let mut want = vec!["stage1.1", "stage1.3", "stage2.1", "stage2.3", "stage2.5"];
        let stage3: Vec<String> = (1..16).step_by(2).map(|i| format!("stage3.{i}")).collect();
        want.extend(stage3.iter().map(String::as_str));
        assert_eq!(grouped, want);
    }

    #[test]
    fn a_block_has_an_identity_branch_when_it_keeps_the_shape() {
        for (name, want) in [("repvgg-a0", 17), ("repvgg-b0", 23), ("repvgg-mini", 5)] {
            let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
            let identities = (graph.nodes.iter()).filter(|n| n.name.ends_with("rbr_identity"));
            assert_eq!(identities.count(), want, "{name}");
        }
    }

    #[test]
    fn branches_are_made_before_the_sums() {
        let graph = builtin::graph("repvgg-mini", FeatureMap::new(28, 28, 1)).unwrap();
        let names: Vec<&str> = (graph.nodes.iter())
            .filter_map(|node| node.name.strip_prefix("stage1.1."))
            .collect();
        let want = [
            "rbr_dense.conv",
            "rbr_dense.bn",
            "rbr_1x1.conv",
            "rbr_1x1.bn",
            "rbr_identity",
            "add_1x1",
            "add_identity",
            "nonlinearity",
        ];
        assert_eq!(names, want);
    }
}
