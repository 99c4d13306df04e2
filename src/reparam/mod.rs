//! Structural re-parameterisation: folds batch norm into the convolution before it, and the parallel
//! branches of a block into one 3x3 convolution.
//!
//! In: [`crate::network::Graph`] and its parameters. Out: a [`LayerGraph`] (what a chip runs: convolutions
//! with bias and activation, additions, pooling) and [`FoldedParams`]. Folding is done in f64 and rounded
//! once to f32. A folded network has no batch norm after a convolution; its branches are fused or kept.
//! This room knows nothing of integers, chips or time.

mod count;
mod error;
mod fold;
mod kernel;
#[cfg(test)]
mod laws;
mod linear;
mod plain;
mod plan;
mod report;
#[cfg(test)]
mod shapes;
mod text;
#[cfg(test)]
mod witness;

pub use error::ReparamError;
pub use fold::{exact, fold, fold_graph, places};
pub use kernel::{Affine, Norm, embed_pointwise, fold_batch_norm, identity_kernel, sum_branches};
pub use plain::{deploy, deploy_graph};
pub use report::{BlockReport, Outcome, Reason, Unfusable, report};

use crate::network::{Conv, Form, Function, Pool, Resize};
use crate::tensor::FeatureMap;
use serde::{Deserialize, Serialize};

/// A layer of a [`LayerGraph`], by its place in execution order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LayerId(pub usize);

/// A tensor of a [`LayerGraph`]: 0 is the network's input, `i + 1` the output of layer `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TensorId(pub usize);

impl LayerId {
    /// The tensor this layer makes.
    #[must_use]
    pub const fn output(self) -> TensorId {
        TensorId(self.0 + 1)
    }
}

impl TensorId {
    /// The network's input.
    pub const INPUT: Self = Self(0);

    /// The layer that makes this tensor; none makes the network's input.
    #[must_use]
    pub const fn producer(self) -> Option<LayerId> {
        match self.0 {
            0 => None,
            i => Some(LayerId(i - 1)),
        }
    }
}

/// What to do with the parallel branches of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Branches {
    /// Make one convolution of them where that is possible.
    Fuse,
    /// Leave them as they are.
    Keep,
}

/// What follows the sum of products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Nothing.
    None,
    /// `max(x, 0)`: the lower bound of the clamp.
    Relu,
    /// `min(max(x, 0), 6)`: both bounds of the clamp.
    Relu6,
}

/// An operator as a chip sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerOp {
    /// A convolution with a bias. Reads `inputs[0]`; with `residual` form `accumulate` it also adds
    /// `inputs[1]`, a map of the output's shape, before the activation.
    Conv {
        /// Its attributes.
        conv: Conv,
        /// What follows.
        activation: Activation,
    },
    /// Fully connected with a bias: a 1x1 convolution on one pixel of `height·width·channels` channels.
    FullyConnected {
        /// Output features.
        outputs: usize,
        /// What follows.
        activation: Activation,
    },
    /// A function of each element.
    Lookup(Function),
    /// Element-wise sum of `inputs[0]` and `inputs[1]`.
    Add {
        /// What follows.
        activation: Activation,
    },
    /// Element-wise product of `inputs[0]` and `inputs[1]`; the second may be one pixel, a scale for each channel.
    Multiply {
        /// What follows.
        activation: Activation,
    },
    /// The channels of all inputs, one after another.
    Concat,
    /// Maximum over a window.
    MaxPool(Pool),
    /// Mean over the pixels of a window that lie inside the map.
    AvgPool(Pool),
    /// Mean over all pixels of a channel.
    GlobalAvgPool,
    /// Means over `bins` x `bins` parts of the map.
    AdaptiveAvgPool {
        /// Rows and columns of the output.
        bins: usize,
    },
    /// Bilinear interpolation to another size.
    Resize(Resize),
}

impl LayerOp {
    /// Whether an output pixel gathers pixels from so far apart that rows are summed up as they come: the output is
    /// whole after the last input row, and not before.
    #[must_use]
    pub const fn gathers(&self) -> bool {
        match self {
            Self::GlobalAvgPool | Self::AdaptiveAvgPool { .. } => true,
            Self::Conv { .. }
            | Self::FullyConnected { .. }
            | Self::Lookup(_)
            | Self::Add { .. }
            | Self::Multiply { .. }
            | Self::Concat
            | Self::MaxPool(_)
            | Self::AvgPool(_)
            | Self::Resize(_) => false,
        }
    }
}

/// One layer: operator, inputs, shape of its output for one image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Unique: `stage1.0`, `layer1.0.conv2`.
    pub name: String,
    /// What it does.
    pub op: LayerOp,
    /// Tensors it reads, made by earlier layers. A convolution with two inputs adds the second (residual
    /// form `accumulate`).
    pub inputs: Vec<TensorId>,
    /// Output shape of one image.
    pub output: FeatureMap,
}

/// What a chip runs, in execution order; the last layer's output is the network's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerGraph {
    /// Name of the network.
    pub name: String,
    /// Which form it is in.
    pub form: Form,
    /// Shape of one input image.
    pub input: FeatureMap,
    /// The layers.
    pub layers: Vec<Layer>,
}

impl LayerGraph {
    /// Shape of a tensor for one image.
    #[must_use]
    pub fn shape(&self, tensor: TensorId) -> FeatureMap {
        match tensor.producer() {
            None => self.input,
            Some(layer) => self.layers[layer.0].output,
        }
    }

    /// The network's output.
    #[must_use]
    pub fn output(&self) -> TensorId {
        TensorId(self.layers.len())
    }
}

/// Float parameters of one layer.
#[derive(Debug, Clone, PartialEq)]
pub enum LayerParams {
    /// The operator has none.
    None,
    /// Of a convolution, or of a fully connected layer as a 1x1 kernel over `height·width·channels` inputs.
    Conv {
        /// OHWI.
        weight: ndarray::Array4<f32>,
        /// One per output channel.
        bias: ndarray::Array1<f32>,
    },
}

/// Float parameters of a [`LayerGraph`], one entry per layer.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedParams {
    /// `layers[i]` belongs to layer `i`.
    pub layers: Vec<LayerParams>,
}

/// A folded network with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct FoldedNetwork {
    /// Operators and shapes.
    pub graph: LayerGraph,
    /// Folded weights.
    pub params: FoldedParams,
}
