//! Chooses scales and freezes integers: from a folded float network and calibration images to a
//! [`QuantNetwork`].
//!
//! In: [`crate::reparam::FoldedNetwork`], images, settings. Out: integer weights, biases, requantisation
//! parameters, and per layer what was lost. The residual form is decided here: it belongs to the network,
//! never to the chip. This room knows nothing of chips or time.
//!
//! Scales: the network's input has a zero point of its own; after a ReLU integers are unsigned with zero point
//! 0; every other tensor is signed around 0. A maximum keeps its input's scale. Weights are symmetric. Where a
//! real number becomes an integer here it goes to the nearest, ties to the even neighbour. In the shift family
//! every scale is a power of two, so a requantisation by shift is exact but for its rounding.
//!
//! What is done so that integers lose less, each a setting of its own: [`equalise`] rewrites the float network before
//! anything is quantised; ranges come from all values, a percentile, the square error or the relative entropy
//! ([`Calibration`], [`WeightCalibration`]); biases take out mean errors ([`BiasCorrection`]); single layers may be
//! wider ([`LayerWidths`]). [`Statistics`] of the images are gathered once for any number of settings.

mod build;
mod calibrate;
mod clip;
mod correct;
mod entropy;
pub mod equalise;
mod error;
pub mod freeze;
mod histogram;
mod operators;
mod proof;
pub mod quality;
mod real;
pub mod residual;
mod settings;
mod shortcut;
mod statistics;
mod weights;
mod widths;

pub use build::{quantise, quantise_with};
pub use equalise::equalise;
pub use error::QuantiseError;
pub use proof::proof;
pub use settings::{
    BiasCorrection, Calibration, Equalisation, Granularity, ScaleSet, Settings, WeightCalibration,
};
pub use statistics::{Depth, Statistics};
pub use widths::{LayerWidths, Pattern};

use crate::fixed::{Requantise, Rule};
use crate::reparam::{Activation, LayerGraph, LayerOp};
use crate::tensor::{IntType, Sign, Weights};
use serde::{Deserialize, Serialize};

/// How a sum of two branches is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResidualForm {
    /// The convolution's output is requantised, then an addition rescales both operands.
    Separate,
    /// The shortcut is added into the accumulator of the block's last convolution, after its last step.
    Accumulate,
}

/// The bit widths of a network: all that mapping and timing may know of its integers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numerics {
    /// Range of each tensor, by [`crate::reparam::TensorId`].
    pub activations: Vec<IntType>,
    /// Bits of each layer's weights, by layer; 0 where the layer has none.
    pub weight_bits: Vec<u8>,
}

/// The bit widths a study asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Widths {
    /// Of every activation but the network's output, 2..=16.
    pub activation_bits: u8,
    /// Of every weight, 2..=16.
    pub weight_bits: u8,
    /// Of the network's output, 2..=16.
    pub output_bits: u8,
}

impl Numerics {
    /// Bits of the widest weight: what a weight slot must hold. 2 if no layer has weights.
    #[must_use]
    pub fn widest_weight(&self) -> u8 {
        self.weight_bits.iter().copied().max().unwrap_or(0).max(2)
    }

    /// The widths that a quantisation of `graph` has, known without parameters: unsigned after a ReLU and
    /// after a pooling of such a tensor, signed elsewhere. A maximum has its input's width, even as the output.
    #[must_use]
    pub fn uniform(graph: &LayerGraph, widths: Widths) -> Self {
        let mut activations = vec![IntType::signed(widths.activation_bits)];
        for (index, layer) in graph.layers.iter().enumerate() {
            let last = index + 1 == graph.layers.len();
            let bits = if last {
                widths.output_bits
            } else {
                widths.activation_bits
            };
            let sign = match layer.op {
                LayerOp::Conv { activation, .. }
                | LayerOp::FullyConnected { activation, .. }
                | LayerOp::Add { activation } => match activation {
                    Activation::Relu => Sign::Unsigned,
                    Activation::None => Sign::Signed,
                },
                // A maximum passes integers on as they are.
                LayerOp::MaxPool(_) => {
                    activations.push(activations[layer.inputs[0].0]);
                    continue;
                }
                LayerOp::AvgPool(_) | LayerOp::GlobalAvgPool => activations[layer.inputs[0].0].sign,
            };
            activations.push(IntType { bits, sign });
        }
        let weight_bits = graph
            .layers
            .iter()
            .map(|layer| match layer.op {
                LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => widths.weight_bits,
                LayerOp::Add { .. }
                | LayerOp::MaxPool(_)
                | LayerOp::AvgPool(_)
                | LayerOp::GlobalAvgPool => 0,
            })
            .collect();
        Self {
            activations,
            weight_bits,
        }
    }
}

/// How real numbers map to the integers of one tensor: `real = scale · (q - zero_point)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TensorQuant {
    /// Range of the integers.
    pub range: IntType,
    /// Real size of one step.
    pub scale: f64,
    /// The integer that stands for real zero.
    pub zero_point: i32,
}

/// The residual operand of a convolution in form `accumulate`: `acc += ((r - zero_point) · k[c]) << e[c]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantResidual {
    /// Zero point of the shortcut tensor.
    pub zero_point: i32,
    /// Multiplier per output channel, within the weight range.
    pub k: Vec<i32>,
    /// Left shift per output channel, 0..=15.
    pub e: Vec<u8>,
}

/// Integers of a convolution, or of a fully connected layer as a 1x1 kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantConv {
    /// OHWI, symmetric.
    pub weight: Weights,
    /// Added once, in accumulator scale; one per output channel.
    pub bias: Vec<i64>,
    /// Zero point of the input; also the padding value.
    pub input_zero_point: i32,
    /// The shortcut, in form `accumulate`.
    pub residual: Option<QuantResidual>,
    /// From accumulator to output.
    pub requantise: Requantise,
}

/// Integers of an addition: `y = clamp(z_y + round(((a - z_a)·m_a + (b - z_b)·m_b) / 2^shift))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantAdd {
    /// Zero points of the two operands.
    pub input_zero_points: [i32; 2],
    /// Multipliers of the two operands.
    pub multipliers: [i32; 2],
    /// From the weighted sum to the output; its only multiplier is 1.
    pub requantise: Requantise,
}

/// Integers of an average: `y = clamp(z_y + round(sum(x - z_x) · multiplier / 2^shift))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantAverage {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// One entry per number of pixels in a window, 1..=kernel²: index `n - 1`. Global average: one entry.
    pub requantise: Requantise,
}

/// Integers of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuantLayer {
    /// Convolution or fully connected.
    Conv(QuantConv),
    /// Addition, residual form `separate`.
    Add(QuantAdd),
    /// Maximum; input and output share scale and zero point.
    MaxPool,
    /// Average over a window or the whole map.
    Average(QuantAverage),
}

/// A frozen integer network.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantNetwork {
    /// Operators and shapes, residual form applied.
    pub graph: LayerGraph,
    /// Bit widths.
    pub numerics: Numerics,
    /// Scale and zero point of each tensor.
    pub tensors: Vec<TensorQuant>,
    /// The residual form used.
    pub residual: ResidualForm,
    /// The requantisation rule used.
    pub rule: Rule,
    /// Integers, one entry per layer.
    pub layers: Vec<QuantLayer>,
}
