//! What can be wrong with a network.

use crate::problem::Problem;
use crate::tensor::FeatureMap;

/// Why a network cannot be built or its parameters not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No built-in network has this name.
    #[error("there is no built-in network `{name}`")]
    UnknownName {
        /// As asked.
        name: String,
        /// The nearest known name.
        nearest: String,
    },
    /// An operator's window does not fit its input.
    #[error("node `{node}`: a window of {window} pixels does not fit its input of {input}")]
    Vanishes {
        /// The node.
        node: String,
        /// Pixels the window spans.
        window: usize,
        /// Shape read.
        input: FeatureMap,
    },
    /// A shape with a zero or an absurd side.
    #[error("an input of {0} pixels and channels is out of range")]
    Input(FeatureMap),
    /// Channels that do not divide.
    #[error("node `{node}`: {channels} channels do not divide into {groups} groups")]
    Groups {
        /// The node.
        node: String,
        /// Channels.
        channels: usize,
        /// Groups.
        groups: usize,
    },
    /// Two operands of different shapes.
    #[error("node `{node}` adds {left} to {right}")]
    Shapes {
        /// The node.
        node: String,
        /// First operand.
        left: FeatureMap,
        /// Second operand.
        right: FeatureMap,
    },
    /// A checkpoint that cannot be read.
    #[error("cannot read the checkpoint `{path}`: {cause}")]
    Checkpoint {
        /// The file.
        path: String,
        /// What the reader says.
        cause: String,
    },
    /// A checkpoint whose tensors are not the network's.
    #[error("`{path}` does not hold the parameters of {network}: {}", .problems.join("; "))]
    Tensors {
        /// The file.
        path: String,
        /// The network.
        network: String,
        /// One entry per missing, extra or misshapen tensor.
        problems: Vec<String>,
    },
}

impl From<NetworkError> for Problem {
    fn from(error: NetworkError) -> Self {
        let message = error.to_string();
        let (code, help) = match error {
            NetworkError::UnknownName { nearest, .. } => (
                "network::unknown_name",
                format!("did you mean `{nearest}`? `repchip list networks` shows all"),
            ),
            NetworkError::Vanishes { .. } => {
                ("network::map_vanishes", "choose a larger input".to_owned())
            }
            NetworkError::Input(_) => (
                "network::input_range",
                "give each side 1 to 8192 pixels and 1 to 4096 channels".to_owned(),
            ),
            NetworkError::Groups { .. } => (
                "network::groups",
                "choose groups that divide input and output channels".to_owned(),
            ),
            NetworkError::Shapes { .. } => (
                "network::shapes",
                "make both operands the same shape".to_owned(),
            ),
            NetworkError::Checkpoint { .. } => (
                "network::checkpoint",
                "give a complete safetensors file of float32 tensors".to_owned(),
            ),
            NetworkError::Tensors { .. } => (
                "network::tensors",
                "give the checkpoint of this very network, in training form".to_owned(),
            ),
        };
        Self::new(code, message, help)
    }
}
