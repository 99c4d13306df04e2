//! What can stop an execution.

use crate::fixed::{FixedError, Trap};
use crate::problem::Problem;
use crate::schedule::{BufferId, OpId};
use crate::tensor::IntType;

/// Why an execution gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExecuteError {
    /// The schedule was made for another graph, other widths or another batch.
    #[error("the schedule and the network differ in {what}")]
    OtherNetwork {
        /// In what.
        what: &'static str,
    },
    /// The integers of a layer do not fit its operator.
    #[error("layer `{layer}`: {what}")]
    Network {
        /// Which layer.
        layer: String,
        /// What is wrong, with its numbers.
        what: String,
    },
    /// The requantisation of a layer is not valid.
    #[error("layer `{layer}`: {error}")]
    Requantise {
        /// Which layer.
        layer: String,
        /// What is wrong.
        error: FixedError,
    },
    /// The input has another shape.
    #[error("the input has the shape {found:?} (image, row, column, channel), not {wanted:?}")]
    InputShape {
        /// Shape given.
        found: [usize; 4],
        /// Shape needed.
        wanted: [usize; 4],
    },
    /// A value of the input is outside its type.
    #[error("input value {value} at image {}, row {}, column {}, channel {} is outside {range}", .at[0], .at[1], .at[2], .at[3])]
    InputRange {
        /// The value.
        value: i32,
        /// Image, row, column, channel.
        at: [usize; 4],
        /// The type.
        range: IntType,
    },
    /// An accumulator that traps left its range.
    #[error("layer `{layer}`, image {image}, pixel ({}, {}), channel {channel}, step {step}: {trap}", .pixel[0], .pixel[1])]
    Trap {
        /// Which layer.
        layer: String,
        /// Which image.
        image: usize,
        /// Output row and column.
        pixel: [usize; 2],
        /// Output channel.
        channel: usize,
        /// Which addition into this output: 0 is the bias, `n` the n-th step.
        step: usize,
        /// The sum.
        trap: Trap,
    },
    /// An operation reads a row that its buffer does not hold, or not in all channels.
    #[error("layer `{layer}` reads row {row} of image {image} from buffer {}, which holds {held} there", .buffer.0)]
    StaleRow {
        /// Which layer.
        layer: String,
        /// Which buffer.
        buffer: BufferId,
        /// Which image.
        image: usize,
        /// Which row.
        row: usize,
        /// What stands in its place.
        held: String,
    },
    /// An operation reads a row that was never written to DRAM.
    #[error(
        "layer `{layer}` reads row {row} of image {image} of tensor {tensor} from DRAM before it is there"
    )]
    NotInDram {
        /// Which layer.
        layer: String,
        /// Which tensor.
        tensor: usize,
        /// Which image.
        image: usize,
        /// Which row.
        row: usize,
    },
    /// An operation touches a buffer outside its life.
    #[error("operation {} of layer `{layer}` touches buffer {} outside its life {}..={}", .op.0, .buffer.0, .live[0].0, .live[1].0)]
    NotLive {
        /// Which layer.
        layer: String,
        /// Which operation.
        op: OpId,
        /// Which buffer.
        buffer: BufferId,
        /// First and last operation of its life.
        live: [OpId; 2],
    },
    /// An operation does not fit the plan of its layer.
    #[error("operation {} does not fit the plan of layer `{layer}`: {what}", .op.0)]
    Operation {
        /// Which operation.
        op: OpId,
        /// Which layer.
        layer: String,
        /// What is wrong.
        what: String,
    },
    /// Accumulators were asked of a layer that has none.
    #[error("layer `{layer}` has no accumulators")]
    NoAccumulators {
        /// Which layer, by name or by number when there is no such layer.
        layer: String,
    },
}

impl From<ExecuteError> for Problem {
    fn from(error: ExecuteError) -> Self {
        const SCHEDULE: &str = "the schedule is not legal: make it again with this version";
        let (code, help) = match &error {
            ExecuteError::OtherNetwork { .. } => (
                "execute::other_network",
                "map the network that is to be executed, with its own widths and batch",
            ),
            ExecuteError::Network { .. } => (
                "execute::network",
                "quantise the network again from its float form",
            ),
            ExecuteError::Requantise { .. } => (
                "execute::requantise",
                "quantise the network again from its float form",
            ),
            ExecuteError::InputShape { .. } => (
                "execute::input_shape",
                "give images of the network's size, as many as the batch",
            ),
            ExecuteError::InputRange { .. } => (
                "execute::input_range",
                "quantise the images with the scale and zero point of the network's input",
            ),
            ExecuteError::Trap { .. } => (
                "execute::trap",
                "raise `accumulator_bits`, or choose `wrap` or `saturate` as `overflow`",
            ),
            ExecuteError::StaleRow { .. } => ("execute::stale_row", SCHEDULE),
            ExecuteError::NotInDram { .. } => ("execute::not_in_dram", SCHEDULE),
            ExecuteError::NotLive { .. } => ("execute::not_live", SCHEDULE),
            ExecuteError::Operation { .. } => ("execute::operation", SCHEDULE),
            ExecuteError::NoAccumulators { .. } => (
                "execute::no_accumulators",
                "ask for the accumulators of convolutions and fully connected layers only",
            ),
        };
        Self::new(code, error.to_string(), help)
    }
}
