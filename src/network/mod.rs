//! What is asked of the chip: a graph of operators and its parameters, as plain data.
//!
//! In: a name of a built-in network, an input size. Out: a [`Graph`] in training form (batch norms and
//! parallel branches still there), and float parameters beside it. Nodes stand in topological order.
//! This room knows nothing of integers, chips or time.

mod builder;
pub mod builtin;
mod count;
mod error;
pub mod export;
mod function;
pub mod import;
mod params;
pub mod sampling;
pub mod shape;

pub use builder::{BATCH_NORM_EPS, GraphBuilder};
pub use error::NetworkError;
pub use function::Function;
pub use import::{ImportError, checkpoint};
pub use sampling::{Corners, Resize};

use crate::tensor::FeatureMap;
use serde::{Deserialize, Serialize};

/// A node of a [`Graph`], by its place in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub usize);

/// Which form of a network a graph describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As trained: batch norms and parallel branches apart.
    Train,
    /// Parallel branches of each block fused into one 3x3 convolution.
    Deploy,
    /// Batch norms folded into the convolutions before them; branches, if any, kept.
    Folded,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Train => "train",
            Self::Deploy => "deploy",
            Self::Folded => "folded",
        })
    }
}

/// A square convolution without its parameters. Input channels come from the input's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conv {
    /// Output channels.
    pub out_channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step between windows, in both directions.
    pub stride: usize,
    /// Pixels of padding on each side; the padding value is real zero (the input's zero point).
    pub padding: usize,
    /// Distance between taps; 1 is dense.
    pub dilation: usize,
    /// Channel groups; `out_channels` groups is depthwise when the input has as many channels.
    pub groups: usize,
}

/// A square pooling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Pool {
    /// Side of the window.
    pub kernel: usize,
    /// Step between windows.
    pub stride: usize,
    /// Pixels of padding on each side. A maximum ignores them; an average divides by the pixels inside the map.
    pub padding: usize,
}

/// An operator of a network in training form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The network's input image.
    Input,
    /// A convolution, with or without a bias.
    Conv(Conv),
    /// Batch normalisation by running statistics: `(x - mean) · gamma / sqrt(var + eps) + beta`.
    BatchNorm {
        /// Added to the variance.
        eps: f64,
    },
    /// `max(x, 0)`.
    Relu,
    /// A function of each element.
    Lookup(Function),
    /// Element-wise sum of two maps of one shape.
    Add,
    /// Element-wise product of two maps of one shape, or of a map and a scale for each channel: a map of one pixel.
    Multiply,
    /// The channels of 2 to [`MAX_CONCAT`] maps of one height and width, one map after another.
    Concat,
    /// Maximum over a window.
    MaxPool(Pool),
    /// Mean over a window.
    AvgPool(Pool),
    /// Mean over all pixels of a channel.
    GlobalAvgPool,
    /// Means over `bins` x `bins` equal parts of the map ([`sampling::bin`]).
    AdaptiveAvgPool {
        /// Rows and columns of the output.
        bins: usize,
    },
    /// Bilinear interpolation to another size.
    Resize(Resize),
    /// Matrix product over the flattened map (row, column, channel) with a bias; a 1x1 map of `outputs` channels.
    FullyConnected {
        /// Output features.
        outputs: usize,
    },
}

/// The most maps that one concatenation joins.
pub const MAX_CONCAT: usize = 8;

/// One node: its operator, where its inputs come from, the shape it gives for one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Unique; the stem of the parameter names in a checkpoint (`stage1.0.rbr_dense.conv`).
    pub name: String,
    /// What it does.
    pub op: Op,
    /// Nodes it reads, all earlier in the list.
    pub inputs: Vec<NodeId>,
    /// Output shape of one image.
    pub shape: FeatureMap,
}

/// A network as trained: nodes in topological order, node 0 the input, the last node the output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Name of the network: `repvgg-a0`, `resnet-50-v1.5`.
    pub name: String,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// Float parameters of one node.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeParams {
    /// The operator has none.
    None,
    /// Of a convolution.
    Conv {
        /// OHWI.
        weight: ndarray::Array4<f32>,
        /// One per output channel, if the layer has a bias.
        bias: Option<ndarray::Array1<f32>>,
    },
    /// Of a batch norm; each array one value per channel.
    BatchNorm {
        /// Scale after normalising.
        gamma: ndarray::Array1<f32>,
        /// Shift after normalising.
        beta: ndarray::Array1<f32>,
        /// Running mean.
        mean: ndarray::Array1<f32>,
        /// Running variance, without eps.
        var: ndarray::Array1<f32>,
    },
    /// Of a fully connected layer.
    FullyConnected {
        /// Axes output, input; inputs in row, column, channel order.
        weight: ndarray::Array2<f32>,
        /// One per output.
        bias: ndarray::Array1<f32>,
    },
}

/// Float parameters of a whole graph, one entry per node in node order.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// `nodes[i]` belongs to the graph's node `i`.
    pub nodes: Vec<NodeParams>,
}

/// A network in training form with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Operators and shapes.
    pub graph: Graph,
    /// Weights.
    pub params: Params,
}
