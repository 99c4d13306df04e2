//! Integer arithmetic of the chip: roundings, requantisation rules, accumulators and range proofs.
//!
//! In: accumulators as `i64`, multipliers and shifts. Out: activations as `i32` inside their range.
//! Used by `quantise`, `execute` and the RTL generator alike. Every rounding is exact and named; what does not
//! fit wraps, saturates or traps as asked, never otherwise. This room knows nothing of tensors' shapes.

mod accumulator;
mod addition;
mod average;
mod channel;
mod error;
mod proof;
mod requantise;
mod rounding;
mod rules;
mod scale;

pub use accumulator::{Trap, wrap};
pub use addition::{AddForm, Addition};
pub use average::{Average, AverageForm, gemmlowp_mean};
pub use channel::ChannelRequantise;
pub use error::FixedError;
pub use proof::{ChannelSum, Proof, Span};
pub use requantise::Target;
pub use rounding::{shift_round, shift_round_i64};
pub use rules::{LastRounding, scaled};
pub use scale::{float32_scale, gemmlowp_scale, multiplier_and_shift, nearest_shift};

use crate::tensor::IntType;
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// How a quotient by a power of two becomes an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Towards minus infinity.
    Floor,
    /// Towards zero.
    TowardZero,
    /// To nearest, ties towards plus infinity.
    HalfUp,
    /// To nearest, ties to the even neighbour.
    HalfEven,
    /// To nearest, ties away from zero.
    HalfAway,
}

/// Names a whole requantisation: what is multiplied, where it is rounded and how ties fall.
///
/// On the same accumulators and scales each of these gives another tensor; the definitions stand in
/// `fixed::rules`, one file a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "family", content = "rounding")]
pub enum Rule {
    /// `round(acc / 2^shift)`.
    Shift(Rounding),
    /// `round(acc · multiplier / 2^shift)`, rounded once.
    Multiplier(Rounding),
    /// TOSA RESCALE with `SINGLE_ROUND`: rounded once, ties up.
    TosaSingle,
    /// TOSA RESCALE with `DOUBLE_ROUND`: as if rounded at bit 31 and again at `shift`.
    TosaDouble,
    /// TensorFlow Lite, gemmlowp and CMSIS-NN: a rounding high product, then a rounding right shift.
    TfliteDouble,
    /// TensorFlow Lite and CMSIS-NN built for single rounding: rounded once, ties up.
    TfliteSingle,
    /// ruy, the optimised kernels of TensorFlow Lite: as `TfliteDouble`, ties of the right shift up.
    Ruy,
    /// ONNX Runtime and XNNPACK: a float32 product, clamped, then rounded with ties to even.
    Float32HalfEven,
    /// Bits `[shift + bits - 1 : shift]` of the accumulator, behind a sign test for a ReLU.
    Slice,
}

impl Rule {
    /// Its name, as a study writes it; the rounding of the first two families is another word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shift(_) => "shift",
            Self::Multiplier(_) => "multiplier",
            Self::TosaSingle => "tosa_single",
            Self::TosaDouble => "tosa_double",
            Self::TfliteDouble => "tflite_double",
            Self::TfliteSingle => "tflite_single",
            Self::Ruy => "ruy",
            Self::Float32HalfEven => "float32_half_even",
            Self::Slice => "slice",
        }
    }

    /// The multipliers and the shifts that it has.
    ///
    /// A shift of less would be a left shift by more than 31 bits, or, in TOSA, one that its pseudocode excludes.
    #[must_use]
    pub const fn limits(self) -> (RangeInclusive<i32>, RangeInclusive<u8>) {
        match self {
            Self::Shift(_) | Self::Slice => (1..=1, 0..=62),
            Self::Multiplier(_) => (0..=i32::MAX, 0..=62),
            Self::TosaSingle | Self::TosaDouble => (0..=i32::MAX, 2..=62),
            Self::TfliteDouble | Self::TfliteSingle | Self::Ruy => (0..=i32::MAX, 1..=62),
            Self::Float32HalfEven => (0..=(1 << 24) - 1, 0..=62),
        }
    }

    /// The rounding that its name leaves open; `None` where the name says all.
    #[must_use]
    pub const fn rounding(self) -> Option<Rounding> {
        match self {
            Self::Shift(rounding) | Self::Multiplier(rounding) => Some(rounding),
            Self::TosaSingle
            | Self::TosaDouble
            | Self::TfliteDouble
            | Self::TfliteSingle
            | Self::Ruy
            | Self::Float32HalfEven
            | Self::Slice => None,
        }
    }
}

/// What happens to a number that does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Two's complement wrap-around.
    Wrap,
    /// Clamp to the nearest bound.
    Saturate,
    /// An error that names the place.
    Trap,
}

/// An accumulator: its width and what each addition does on overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Accumulator {
    /// Width in bits, 16..=64.
    pub bits: u8,
    /// Applied after each step.
    pub overflow: Overflow,
}

/// Requantisation of one layer's accumulators to its output tensor.
///
/// `y = clamp(fit(z_y + scaled(acc[c])), lower, upper)`, where the rule says what `scaled` is (for the first two
/// families `round(acc[c] · multiplier[c] / 2^shift[c])`) and `fit` wraps or saturates to `output`. ReLU is
/// `lower = z_y`. Every rule's scale is `multiplier / 2^shift`: the `(q, e)` of TensorFlow Lite travels as
/// `multiplier = q`, `shift = 31 - e`, and a float32 scale as its significand and a shift, exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requantise {
    /// The rule.
    pub rule: Rule,
    /// One per output channel (1 for a shift or a slice, below 2^24 for a float32 scale).
    pub multiplier: Vec<i32>,
    /// One per output channel, 0..=62; TOSA starts at 2, TensorFlow Lite and ruy at 1.
    pub shift: Vec<u8>,
    /// Output zero point.
    pub zero_point: i32,
    /// Range of the output tensor.
    pub output: IntType,
    /// `Saturate` or `Wrap` at the output.
    pub overflow: Overflow,
    /// Smallest output after the clamp.
    pub lower: i32,
    /// Largest output after the clamp.
    pub upper: i32,
}
