//! Float parameters from a file: safetensors with the public names of RepVGG and ResNet checkpoints.

/// One tensor that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorFault {
    /// The graph needs it and it is not there.
    #[error("`{name}` {shape:?} is missing")]
    Missing {
        /// Name in the checkpoint.
        name: String,
        /// Shape it should have.
        shape: Vec<usize>,
    },
}
