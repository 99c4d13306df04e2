//! What can be wrong with a network: a name, an attribute, a shape, a checkpoint.

use super::checkpoint::TensorFault;
use crate::problem::{Problem, Problems};
use crate::tensor::FeatureMap;

/// Why a graph or its parameters were refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// No built-in network has this name.
    #[error("no built-in network is named `{name}`")]
    UnknownName {
        /// The name asked for.
        name: String,
        /// The built-in name closest to it.
        nearest: &'static str,
    },
    /// An input image without pixels or channels.
    #[error(
        "the input image is {input} (rows x columns x channels), but each of the three must be at least 1"
    )]
    EmptyInput {
        /// The shape asked for.
        input: FeatureMap,
    },
    /// A graph without operators.
    #[error("network `{name}` has no operator, only its input")]
    NoOperator {
        /// Name of the network.
        name: String,
    },
    /// The first node is not the only `Input`.
    #[error("node `{node}` is at a place where it cannot be: node 0 is the input, and no other is")]
    MisplacedInput {
        /// The node.
        node: String,
    },
    /// Two nodes have one name.
    #[error("two nodes are named `{node}`")]
    DuplicateName {
        /// The shared name.
        node: String,
    },
    /// A node reads a node that is not earlier in the list.
    #[error("node `{node}` reads node number {input}, which does not come before it")]
    UnknownInput {
        /// The reader.
        node: String,
        /// Place of the node it wants to read.
        input: usize,
    },
    /// A node reads too many or too few maps.
    #[error("node `{node}` reads {got} maps, its operator takes {want}")]
    InputCount {
        /// The node.
        node: String,
        /// Inputs it has.
        got: usize,
        /// Inputs its operator takes.
        want: usize,
    },
    /// A node that nothing reads and that is not the output.
    #[error("the output of node `{node}` is never read")]
    Unread {
        /// The node.
        node: String,
    },
    /// An attribute that makes no sense.
    #[error("node `{node}`: `{attribute}` is {value}, {rule}")]
    Attribute {
        /// The node.
        node: String,
        /// Name of the attribute.
        attribute: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: String,
    },
    /// Groups that do not divide the channels.
    #[error("node `{node}`: {groups} groups do not divide {channels} {side} channels")]
    Groups {
        /// The node.
        node: String,
        /// Groups asked for.
        groups: usize,
        /// Channels to be divided.
        channels: usize,
        /// `input` or `output`.
        side: &'static str,
    },
    /// A window larger than the padded map.
    #[error(
        "node `{node}`: its window spans {window} pixels, the padded map of {input} only {rows} x {columns}; nothing is left"
    )]
    VanishingMap {
        /// The node.
        node: String,
        /// Side of the window with its dilation.
        window: usize,
        /// The unpadded map.
        input: FeatureMap,
        /// Rows with padding.
        rows: usize,
        /// Columns with padding.
        columns: usize,
    },
    /// An addition of maps of two shapes.
    #[error("node `{node}` adds {left} to {right}")]
    ShapesDiffer {
        /// The node.
        node: String,
        /// Shape of the first map.
        left: FeatureMap,
        /// Shape of the second map.
        right: FeatureMap,
    },
    /// A product of maps whose shapes do not fit.
    #[error("node `{node}` multiplies {left} by {right}")]
    NoProduct {
        /// The node.
        node: String,
        /// Shape of the first map.
        left: FeatureMap,
        /// Shape of the second map.
        right: FeatureMap,
    },
    /// A concatenation of maps of different height or width.
    #[error("node `{node}` puts the channels of {right} behind those of {left}")]
    SidesDiffer {
        /// The node.
        node: String,
        /// Shape of the first map.
        left: FeatureMap,
        /// Shape of the map that differs.
        right: FeatureMap,
    },
    /// A map, a kernel or its work beyond what the simulator counts exactly.
    #[error("node `{node}` has more than {limit} {what}")]
    TooLarge {
        /// The node.
        node: String,
        /// What there is too much of.
        what: &'static str,
        /// The most there may be.
        limit: u64,
    },
    /// A shape written beside a node is not what its operator gives.
    #[error("node `{node}` claims an output of {stored}, its operator gives {computed}")]
    WrongShape {
        /// The node.
        node: String,
        /// The shape beside it.
        stored: FeatureMap,
        /// The shape its operator gives.
        computed: FeatureMap,
    },
    /// A checkpoint that cannot be read at all.
    #[error("checkpoint `{path}` cannot be read: {cause}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        cause: String,
    },
    /// Tensors of a checkpoint that do not fit the graph: all of them.
    #[error("{} of the tensors in {origin} do not fit network `{network}`: {}", .faults.len(), list(.faults))]
    Tensors {
        /// Where the tensors come from.
        origin: String,
        /// Name of the network.
        network: String,
        /// All faults, in node order, then extra tensors by name.
        faults: Vec<TensorFault>,
    },
}

fn list(faults: &[TensorFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("; ")
}

impl NetworkError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownName { .. } => "network::unknown_name",
            Self::EmptyInput { .. } => "network::empty_input",
            Self::NoOperator { .. } => "network::no_operator",
            Self::MisplacedInput { .. } => "network::misplaced_input",
            Self::DuplicateName { .. } => "network::duplicate_name",
            Self::UnknownInput { .. } => "network::unknown_input",
            Self::InputCount { .. } => "network::input_count",
            Self::Unread { .. } => "network::unread",
            Self::Attribute { .. } => "network::attribute",
            Self::Groups { .. } => "network::groups",
            Self::VanishingMap { .. } => "network::vanishing_map",
            Self::ShapesDiffer { .. } => "network::shapes_differ",
            Self::NoProduct { .. } => "network::no_product",
            Self::SidesDiffer { .. } => "network::sides_differ",
            Self::TooLarge { .. } => "network::too_large",
            Self::WrongShape { .. } => "network::wrong_shape",
            Self::Unreadable { .. } => "network::unreadable",
            Self::Tensors { .. } => "network::tensors",
        }
    }

    fn help(&self) -> String {
        match self {
            Self::UnknownName { nearest, .. } => {
                format!("did you mean `{nearest}`? `repchip list networks` shows all names")
            }
            Self::EmptyInput { .. } => "give a size such as 224x224x3".to_owned(),
            Self::NoOperator { .. } => "add at least one operator".to_owned(),
            Self::MisplacedInput { .. } => "let the list start with its one input node".to_owned(),
            Self::DuplicateName { .. } => "rename one of the two".to_owned(),
            Self::UnknownInput { .. } => "put the nodes in topological order".to_owned(),
            Self::InputCount { .. } => {
                "an addition or a product reads two maps, a concatenation two to eight, the input none, every \
                 other operator one"
                    .to_owned()
            }
            Self::Unread { .. } => "remove the node, or let another node read it".to_owned(),
            Self::Attribute { attribute, .. } => format!("change `{attribute}` of the node"),
            Self::Groups { .. } => {
                "choose a number of groups that divides input and output channels".to_owned()
            }
            Self::VanishingMap { .. } => {
                "use a larger input image, or a smaller window or more padding here".to_owned()
            }
            Self::ShapesDiffer { .. } => {
                "give both branches the same stride, padding and output channels".to_owned()
            }
            Self::NoProduct { .. } => {
                "give the second map the shape of the first, or one pixel of as many channels".to_owned()
            }
            Self::SidesDiffer { .. } => "give all maps one height and width".to_owned(),
            Self::TooLarge { .. } => "use a smaller input image or fewer channels".to_owned(),
            Self::WrongShape { .. } => {
                "build the graph with `GraphBuilder`, which computes the shapes".to_owned()
            }
            Self::Unreadable { .. } => {
                "give a whole safetensors file, or a state dict that `torch.save` wrote".to_owned()
            }
            Self::Tensors { .. } => {
                "check that the checkpoint belongs to this network and input size".to_owned()
            }
        }
    }
}

impl From<NetworkError> for Problem {
    fn from(error: NetworkError) -> Self {
        Self::new(error.code(), error.to_string(), error.help())
    }
}

/// Faults of a checkpoint told one by one; the others are counted.
const TOLD: usize = 6;

/// One problem for each of the first tensors that do not fit and one for the rest, otherwise one.
impl From<NetworkError> for Problems {
    fn from(error: NetworkError) -> Self {
        let (code, help) = (error.code(), error.help());
        match error {
            NetworkError::Tensors { faults, origin, .. } => {
                let problem = |fault: &TensorFault| {
                    Problem::new(code, format!("{origin}: {fault}"), help.clone())
                };
                let mut problems: Vec<Problem> = faults.iter().take(TOLD).map(problem).collect();
                if let Some(more) = faults.len().checked_sub(TOLD).filter(|more| *more > 0) {
                    let message = format!("{origin}: {more} more tensors do not fit");
                    problems.push(Problem::new(code, message, help.clone()));
                }
                Self(problems)
            }
            other => Problem::from(other).into(),
        }
    }
}
