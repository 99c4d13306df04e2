//! Chooses scales and freezes integers: from a folded float network and calibration images to a
//! [`QuantNetwork`].
//!
//! In: [`crate::reparam::FoldedNetwork`], images, settings. Out: integer weights, biases, requantisation
//! parameters, and per layer what was lost. The residual form is decided here: it belongs to the network,
//! never to the chip. This room knows nothing of chips or time.
//!
//! Scales: the network's input has a zero point of its own; after a ReLU integers are unsigned with zero point
//! 0; every other tensor is signed around 0. A maximum and an interpolation keep their input's scale. A function is
//! a table with an entry for each input value; a ReLU6 behind a convolution, sum or product is the clamp's bounds.
//! Weights are symmetric. Where a real number becomes an integer here it goes to the nearest, ties to the even
//! neighbour. For a shift or a slice every scale is a power of two, so the requantisation is exact but for its
//! rounding. For a published rule scales are float32 numbers, and multipliers, shifts, additions and means are
//! computed as its program does.
//!
//! What is done so that integers lose less, each a setting of its own: [`mod@equalise`] rewrites the float network before
//! anything is quantised; ranges come from all values, a percentile, the square error or the relative entropy
//! ([`Calibration`], [`WeightCalibration`]); biases take out mean errors ([`BiasCorrection`]); single layers may be
//! wider ([`LayerWidths`]). [`Statistics`] of the images are gathered once for any number of settings.

mod addition;
mod build;
mod calibrate;
mod clip;
mod correct;
mod elementwise;
mod entropy;
pub mod equalise;
mod error;
mod factor;
pub mod freeze;
mod histogram;
pub mod onnx;
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

use crate::fixed::{AddForm, Addition, Average, AverageForm, Requantise, Rule};
use crate::reparam::{Activation, LayerGraph, LayerOp, TensorId};
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
    /// after a pooling of such a tensor, after a function that is never negative, and where only such tensors are
    /// multiplied or joined; signed elsewhere. A maximum and an interpolation have their input's width, even as the
    /// output.
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
            let joint = || {
                let signed = |t: &TensorId| activations[t.0].sign == Sign::Signed;
                if layer.inputs.iter().any(signed) {
                    Sign::Signed
                } else {
                    Sign::Unsigned
                }
            };
            let sign = match layer.op {
                LayerOp::Conv { activation, .. }
                | LayerOp::FullyConnected { activation, .. }
                | LayerOp::Add { activation } => match activation {
                    Activation::Relu | Activation::Relu6 => Sign::Unsigned,
                    Activation::None => Sign::Signed,
                },
                LayerOp::Multiply { activation } => match activation {
                    Activation::Relu | Activation::Relu6 => Sign::Unsigned,
                    Activation::None => joint(),
                },
                LayerOp::Lookup(function) if function.is_positive() => Sign::Unsigned,
                LayerOp::Lookup(_) => Sign::Signed,
                // A maximum passes integers on as they are, an interpolation stays between them.
                LayerOp::MaxPool(_) | LayerOp::Resize(_) => {
                    activations.push(activations[layer.inputs[0].0]);
                    continue;
                }
                LayerOp::Concat
                | LayerOp::AvgPool(_)
                | LayerOp::GlobalAvgPool
                | LayerOp::AdaptiveAvgPool { .. } => joint(),
            };
            activations.push(IntType { bits, sign });
        }
        let weight_bits = graph
            .layers
            .iter()
            .map(|layer| match layer.op {
                LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => widths.weight_bits,
                LayerOp::Lookup(_)
                | LayerOp::Add { .. }
                | LayerOp::Multiply { .. }
                | LayerOp::Concat
                | LayerOp::MaxPool(_)
                | LayerOp::AvgPool(_)
                | LayerOp::GlobalAvgPool
                | LayerOp::AdaptiveAvgPool { .. }
                | LayerOp::Resize(_) => 0,
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

/// Integers of an addition. In the form `weighted`
/// `y = clamp(z_y + round(((a - z_a)·m_a + (b - z_b)·m_b) / 2^shift))`; [`AddForm`] has the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantAdd {
    /// Zero points of the two operands.
    pub input_zero_points: [i32; 2],
    /// Multipliers of the two operands.
    pub multipliers: [i32; 2],
    /// How they become one sum.
    pub form: AddForm,
    /// From the sum to the output, one entry. Its multiplier is 1 but in the form `rescaled`.
    pub requantise: Requantise,
}

impl QuantAdd {
    /// The addition, ready to apply.
    #[must_use]
    pub fn ready(&self) -> Addition {
        let (zero_points, multipliers) = (self.input_zero_points, self.multipliers);
        self.form.ready(zero_points, multipliers, &self.requantise)
    }
}

/// Integers of an average. In the form `sum` `y = clamp(z_y + round(sum(x - z_x) · multiplier / 2^shift))`;
/// [`AverageForm`] has the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantAverage {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// How the pixels become their mean.
    pub form: AverageForm,
    /// One entry per number of pixels in a window, 1..=kernel²: index `n - 1`. Global average: one entry. Of
    /// `bins` x `bins` parts one each, in row order.
    pub requantise: Requantise,
}

/// A function of one element as a table: `y = values[x - first]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantTable {
    /// The smallest input.
    pub first: i32,
    /// One output for each input value, `2^bits` of them.
    pub values: Vec<i32>,
}

impl QuantTable {
    /// The output for the input `x`.
    ///
    /// # Panics
    /// When `x` is not in the input's range.
    #[must_use]
    pub fn apply(&self, x: i32) -> i32 {
        let place = usize::try_from(x - self.first).expect("not below the smallest input");
        self.values[place]
    }
}

/// Integers of a product: `y = clamp(z_y + round((a - z_a)·(b - z_b) · multiplier / 2^shift))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantMultiply {
    /// Zero points of the two operands.
    pub input_zero_points: [i32; 2],
    /// From the product to the output; one entry.
    pub requantise: Requantise,
}

/// Integers of a concatenation: operand `i` becomes `y = clamp(z_y + round((x - z_i) · multiplier[i] / 2^shift[i]))`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantConcat {
    /// Zero points of the operands.
    pub input_zero_points: Vec<i32>,
    /// To the common scale; one entry an operand.
    pub requantise: Requantise,
}

/// Integers of a bilinear interpolation: the four neighbours less their zero point, each times the product of its two
/// weights ([`crate::network::sampling::Tap::weights`]), summed up and requantised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuantResize {
    /// Zero point of the input.
    pub input_zero_point: i32,
    /// From the weighted sum to the output, the bits of both weights included; one entry.
    pub requantise: Requantise,
}

impl QuantAverage {
    /// The average over windows of `pixels` pixels, ready to apply; `entry` is their place in the requantisation.
    #[must_use]
    pub fn ready(&self, entry: usize, pixels: usize) -> Average {
        let zero_point = self.input_zero_point;
        (self.form).ready(zero_point, &self.requantise, entry, pixels)
    }
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
    /// Average over a window, the whole map or parts of it.
    Average(QuantAverage),
    /// A function of each element.
    Table(QuantTable),
    /// Product.
    Multiply(QuantMultiply),
    /// Concatenation.
    Concat(QuantConcat),
    /// Interpolation.
    Resize(QuantResize),
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
