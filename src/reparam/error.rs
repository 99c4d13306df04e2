//! What can be wrong with a network that is to be folded.

use crate::network::NetworkError;
use crate::problem::{Problem, Problems};

/// Why a network could not be folded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReparamError {
    /// The graph or its parameters break a rule of the network room.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Folding gave a weight or bias that f32 cannot hold.
    #[error("layer `{layer}`: a folded {what} is not a finite number")]
    NotFinite {
        /// The layer.
        layer: String,
        /// `weight` or `bias`.
        what: &'static str,
    },
}

impl From<ReparamError> for Problem {
    fn from(error: ReparamError) -> Self {
        match error {
            ReparamError::Network(inner) => inner.into(),
            ReparamError::NotFinite { .. } => Self::new(
                "reparam::not_finite",
                error.to_string(),
                "look for a batch norm whose variance is almost zero, or a weight that is not finite",
            ),
        }
    }
}

impl From<ReparamError> for Problems {
    fn from(error: ReparamError) -> Self {
        Problem::from(error).into()
    }
}
