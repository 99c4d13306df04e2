//! Why a file was refused as a network.

use crate::problem::{Problem, Problems};

/// What can be wrong with the file of a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A file that cannot be read, or that is no ONNX file.
    #[error("`{path}` cannot be read as ONNX: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// Operators of a version whose meaning is not known here.
    #[error(
        "`{path}` uses version {found} of the ONNX operators, versions {least} to {most} are read"
    )]
    Opset {
        /// The file.
        path: String,
        /// Its version.
        found: i64,
        /// The oldest that is read.
        least: i64,
        /// The newest that is read.
        most: i64,
    },
    /// A constant whose values cannot be had.
    #[error("tensor `{tensor}` of `{path}`: {cause}")]
    Tensor {
        /// The file.
        path: String,
        /// Name of the constant.
        tensor: String,
        /// What is wrong.
        cause: String,
    },
    /// A graph that breaks the rules of the format.
    #[error("`{path}` holds no whole graph: {cause}")]
    Graph {
        /// The file.
        path: String,
        /// What is wrong, with the node's name.
        cause: String,
    },
    /// A graph that is not from one image to one result.
    #[error("`{path}` is no network from one image to one result: {cause}")]
    Interface {
        /// The file.
        path: String,
        /// What is wrong.
        cause: String,
    },
    /// Operators that cannot be run: all of them.
    #[error("{} nodes of `{path}` cannot be run: {}", .refused.len(), list(.refused))]
    Unsupported {
        /// The file.
        path: String,
        /// Each node, in the file's order.
        refused: Vec<Refused>,
    },
}

/// One node that cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{op} `{node}`: {why}")]
pub struct Refused {
    /// Its name.
    pub node: String,
    /// Its operator.
    pub op: String,
    /// Why, without its name.
    pub why: String,
}

fn list(refused: &[Refused]) -> String {
    let lines: Vec<String> = refused.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

impl ImportError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "network::onnx_unreadable",
            Self::Opset { .. } => "network::onnx_opset",
            Self::Tensor { .. } => "network::onnx_tensor",
            Self::Graph { .. } => "network::onnx_graph",
            Self::Interface { .. } => "network::onnx_interface",
            Self::Unsupported { .. } => "network::onnx_unsupported",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                "check the path, and that the file is a whole ONNX model".to_owned()
            }
            Self::Opset { least, most, .. } => {
                format!("export the network with an `opset_version` from {least} to {most}")
            }
            Self::Tensor { .. } => {
                "export the network anew, with its weights as floats or integers of 8 to 64 bits"
                    .to_owned()
            }
            Self::Graph { .. } => {
                "check the file with `onnx.checker.check_model`, and export it anew".to_owned()
            }
            Self::Interface { .. } => {
                "export one input of axes image, channel, row, column, and one output".to_owned()
            }
            Self::Unsupported { .. } => {
                "export the network without these operators, in inference mode".to_owned()
            }
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        Self::new(error.code(), error.to_string(), error.help())
    }
}

/// One problem for each reason, with all its nodes; otherwise one.
impl From<ImportError> for Problems {
    fn from(error: ImportError) -> Self {
        let (code, help) = (error.code(), error.help());
        let ImportError::Unsupported { path, refused } = error else {
            return Problem::from(error).into();
        };
        let mut reasons: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for Refused { node, op, why } in &refused {
            match reasons.iter_mut().find(|(o, w, _)| o == op && w == why) {
                Some((.., nodes)) => nodes.push(node),
                None => reasons.push((op, why, vec![node])),
            }
        }
        let problem = |(op, why, nodes): (&str, &str, Vec<&str>)| {
            let nodes = nodes.join("`, `");
            let message = format!("{op} in `{path}`: {why} (`{nodes}`)");
            Problem::new(code, message, help.clone())
        };
        Self(reasons.into_iter().map(problem).collect())
    }
}
