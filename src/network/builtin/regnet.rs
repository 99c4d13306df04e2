//! RegNetX (Radosavovic et al., "Designing Network Design Spaces", CVPR 2020, table 6): bottlenecks that do not
//! narrow, their 3x3 in groups of one width all through the network.
//!
//! A block is `relu(1x1, grouped 3x3, 1x1 of x + shortcut(x))`. The projection of the shortcut, which every stage's
//! first block has, comes first, so that the block's last convolution stands directly before the addition.

use crate::network::{Conv, Graph, GraphBuilder, NetworkError, NodeId};
use crate::tensor::FeatureMap;

/// One member of the family.
#[derive(Debug, Clone, Copy)]
pub(super) struct RegNetX {
    /// Channels of each stage, inside and outside its blocks.
    pub widths: &'static [usize; 4],
    /// Blocks of each stage; each stage starts with stride 2.
    pub blocks: &'static [usize; 4],
    /// Channels of one group of a 3x3.
    pub group_width: usize,
}

/// Channels of the first convolution.
const STEM: usize = 32;
/// Outputs of the classifier.
const CLASSES: usize = 1000;

impl RegNetX {
    pub(super) fn build(self, name: &str, input: FeatureMap) -> Result<Graph, NetworkError> {
        let mut builder = GraphBuilder::new(name, input)?;
        let stem = Conv::square(STEM, 3).with_stride(2);
        let x = builder.conv("stem.0", GraphBuilder::INPUT, stem)?;
        let x = builder.batch_norm("stem.1", x)?;
        let mut x = builder.relu("stem.2", x)?;
        for (stage, (&width, &blocks)) in (1..).zip(self.widths.iter().zip(self.blocks)) {
            for place in 0..blocks {
                let block = format!("trunk_output.block{stage}.block{stage}-{place}");
                let stride = if place == 0 { 2 } else { 1 };
                x = self.add_block(&mut builder, &block, x, width, stride)?;
            }
        }
        let x = builder.global_avg_pool("avgpool", x)?;
        builder.fully_connected("fc", x, CLASSES)?;
        builder.finish()
    }

    fn add_block(
        self,
        builder: &mut GraphBuilder,
        block: &str,
        x: NodeId,
        width: usize,
        stride: usize,
    ) -> Result<NodeId, NetworkError> {
        let one = Conv::square(width, 1);
        let shortcut = if stride != 1 || builder.shape(x).channels != width {
            let projected = builder.conv(format!("{block}.proj.0"), x, one.with_stride(stride))?;
            builder.batch_norm(format!("{block}.proj.1"), projected)?
        } else {
            x
        };
        let three = Conv::square(width, 3)
            .with_stride(stride)
            .with_groups(width / self.group_width);
        let mut y = x;
        for (part, conv) in [("a", one), ("b", three), ("c", one)] {
            y = builder.conv(format!("{block}.f.{part}.0"), y, conv)?;
            y = builder.batch_norm(format!("{block}.f.{part}.1"), y)?;
            if part != "c" {
                y = builder.relu(format!("{block}.f.{part}.2"), y)?;
            }
        }
        let sum = builder.add(format!("{block}.add"), y, shortcut)?;
        builder.relu(format!("{block}.activation"), sum)
    }
}

#[cfg(test)]
mod tests {
    use crate::network::{Op, builtin};

    #[test]
    fn groups_have_one_width_in_every_stage() {
        for (name, width, want) in [
            ("regnetx-3.2gf", 48, vec![2, 4, 9, 21]),
            ("regnetx-12gf", 112, vec![2, 4, 8, 20]),
        ] {
            let graph = builtin::graph(name, builtin::default_input(name).unwrap()).unwrap();
            let mut groups = Vec::new();
            for node in &graph.nodes {
                if let Op::Conv(conv) = node.op
                    && conv.groups > 1
                {
                    assert_eq!(conv.out_channels / conv.groups, width, "{}", node.name);
                    groups.push(conv.groups);
                }
            }
            groups.dedup();
            assert_eq!(groups, want, "{name}");
        }
    }
}
