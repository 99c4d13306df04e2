//! What fused and what did not, and why: one entry for each block or addition.

use super::plan::Plan;
use super::{Branches, ReparamError};
use crate::network::Graph;

/// What became of one block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockReport {
    /// Name of the fused layer, or of the addition that stays.
    pub block: String,
    /// Fused or not.
    pub outcome: Outcome,
}

/// Whether the branches of a block became one convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// They did.
    Fused {
        /// Names of the convolutions and batch norms that start the branches; for the bare input, its node.
        branches: Vec<String>,
    },
    /// The addition stays.
    Kept(Unfusable),
}

/// An addition whose branches cannot be one convolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{block}` stays an addition: {reason}")]
pub struct Unfusable {
    /// Name of the addition.
    pub block: String,
    /// Why.
    pub reason: Reason,
}

/// Why two branches cannot be one convolution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// They read two maps that have nothing in common.
    #[error("one branch reads `{left}`, the other `{right}`")]
    DifferentInputs {
        /// What the first branch reads.
        left: String,
        /// What the second branch reads.
        right: String,
    },
    /// An activation stands inside a branch.
    #[error("the activation `{node}` stands inside a branch")]
    Activation {
        /// The activation.
        node: String,
    },
    /// A branch holds an operator that no convolution can take in.
    #[error("`{node}` inside a branch is neither a convolution nor a batch norm")]
    Operator {
        /// The operator.
        node: String,
    },
    /// A branch has more than one convolution in a row.
    #[error("a branch has a further convolution `{node}` before its last")]
    Series {
        /// The earlier convolution.
        node: String,
    },
    /// A branch's output is needed elsewhere, too.
    #[error("branch `{node}` is also read by `{reader}`")]
    OtherReader {
        /// The branch's last node.
        node: String,
        /// The other reader.
        reader: String,
    },
    /// Two windows differ in an attribute that must be equal.
    #[error("branches differ in {what}: {left} and {right}")]
    Attribute {
        /// `stride`, `groups` or `dilation`.
        what: &'static str,
        /// Of the smaller window; the bare input counts as 1x1 of stride 1.
        left: usize,
        /// Of the larger window.
        right: usize,
    },
    /// An even kernel has no centre tap.
    #[error("a {kernel}x{kernel} kernel has no centre tap")]
    EvenKernel {
        /// Its side.
        kernel: usize,
    },
    /// The small window is not in the centre of the large one.
    #[error(
        "the {small}x{small} branch pads {padding}, the {large}x{large} branch {large_padding}; they must differ by {ring}"
    )]
    Padding {
        /// Side of the smaller kernel.
        small: usize,
        /// Side of the larger kernel.
        large: usize,
        /// Padding of the smaller.
        padding: usize,
        /// Padding of the larger.
        large_padding: usize,
        /// By how much the larger must pad more.
        ring: usize,
    },
}

/// For every block, which branches fuse, and for every addition that stays, why.
///
/// # Errors
/// When the graph breaks a rule of the network room.
pub fn report(graph: &Graph) -> Result<Vec<BlockReport>, ReparamError> {
    Ok(Plan::new(graph, Branches::Fuse)?.report())
}
