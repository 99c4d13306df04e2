//! Integer arithmetic of the chip: roundings, requantisation rules, accumulators and range proofs.
//!
//! In: accumulators as `i64`, multipliers and shifts. Out: activations as `i32` inside their range.
//! Used by `quantise`, `execute` and the RTL generator alike. Every rounding is exact and named; what does not
//! fit wraps, saturates or traps as asked, never otherwise. This room knows nothing of tensors' shapes.

mod accumulator;
mod error;
mod proof;
mod requantise;
mod rounding;
mod scale;

pub use accumulator::{Trap, wrap};
pub use error::FixedError;
pub use proof::{ChannelSum, Proof, Span};
pub use requantise::{ChannelRequantise, Target};
pub use rounding::{shift_round, shift_round_i64};
pub use scale::{multiplier_and_shift, nearest_shift};

use crate::tensor::IntType;
use serde::{Deserialize, Serialize};

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

/// Names a whole requantisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "family", content = "rounding")]
pub enum Rule {
    /// `round(acc / 2^shift)`.
    Shift(Rounding),
    /// `round(acc · multiplier / 2^shift)`, rounded once.
    Multiplier(Rounding),
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
/// `y = clamp(fit(z_y + round(acc[c] · multiplier[c] / 2^shift[c])), lower, upper)`, where `fit` wraps or
/// saturates to `output`. ReLU is `lower = z_y`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requantise {
    /// The rule.
    pub rule: Rule,
    /// One per output channel (1 for the shift family).
    pub multiplier: Vec<i32>,
    /// One per output channel, 0..=62.
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
