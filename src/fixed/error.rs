//! What can be wrong with the numbers of an arithmetic.

use crate::problem::Problem;
use crate::tensor::IntType;

/// Numbers that no arithmetic of this room accepts.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FixedError {
    /// A requantisation needs as many shifts as multipliers, and at least one.
    #[error("{multipliers} multipliers stand beside {shifts} shifts")]
    Lengths {
        /// Multipliers given.
        multipliers: usize,
        /// Shifts given.
        shifts: usize,
    },
    /// A multiplier is negative, not 1 for a shift or a slice, or 2^24 and more for a float32 scale.
    #[error("channel {channel} has the multiplier {multiplier}")]
    Multiplier {
        /// Which channel.
        channel: usize,
        /// Its multiplier.
        multiplier: i32,
    },
    /// A shift is outside 0..=62.
    #[error("channel {channel} has the shift {shift}, the largest is 62")]
    Shift {
        /// Which channel.
        channel: usize,
        /// Its shift.
        shift: u8,
    },
    /// A shift is below what the rule has: its scale would be larger than the rule can express.
    #[error("channel {channel} has the shift {shift}, the rule `{rule}` starts at {least}")]
    LeftShift {
        /// Which channel.
        channel: usize,
        /// Its shift.
        shift: u8,
        /// The smallest of the rule.
        least: u8,
        /// Name of the rule.
        rule: &'static str,
    },
    /// A rule that saturates was asked to wrap.
    #[error("the rule `{rule}` saturates at the output, it cannot wrap")]
    RuleSaturates {
        /// Name of the rule.
        rule: &'static str,
    },
    /// A bit slice has no zero point and no clamp but a ReLU.
    #[error("a bit slice has the clamp {lower}..={upper} and the zero point {zero_point}")]
    SliceTarget {
        /// Lower bound.
        lower: i32,
        /// Upper bound.
        upper: i32,
        /// Zero point.
        zero_point: i32,
    },
    /// Numbers of an addition or an average that do not belong together.
    #[error("the {operator} cannot be computed: {what}")]
    Operator {
        /// `addition` or `average`.
        operator: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A type is not 2 to 16 bits wide.
    #[error("an output of {bits} bits is outside 2..=16")]
    OutputBits {
        /// Its width.
        bits: u8,
    },
    /// An output cannot trap.
    #[error("the output of a requantisation cannot trap")]
    OutputTrap,
    /// The clamp or the zero point leaves the output type, or the clamp is empty.
    #[error("clamp {lower}..={upper} and zero point {zero_point} do not fit {output}")]
    Clamp {
        /// Lower bound.
        lower: i32,
        /// Upper bound.
        upper: i32,
        /// Zero point.
        zero_point: i32,
        /// The type.
        output: IntType,
    },
    /// An accumulator is not 16 to 64 bits wide.
    #[error("an accumulator of {bits} bits is outside 16..=64")]
    AccumulatorBits {
        /// Its width.
        bits: u8,
    },
    /// The width of a multiplier is outside 1..=31.
    #[error("a multiplier of {bits} bits is outside 1..=31")]
    MultiplierBits {
        /// Its width.
        bits: u8,
    },
    /// A scale ratio is zero, negative, infinite or not a number.
    #[error("the scale ratio {ratio} is not a positive number")]
    RatioNotPositive {
        /// The ratio.
        ratio: f64,
    },
    /// A scale ratio is too large for its multiplier or for a right shift.
    #[error("the scale ratio {ratio} is too large: the factor is below 2^{exponent}")]
    RatioTooLarge {
        /// The ratio.
        ratio: f64,
        /// The factor is below this power of two.
        exponent: u8,
    },
    /// A scale ratio is too small for a shift of 62.
    #[error("the scale ratio {ratio} is too small: a right shift is at most 62")]
    RatioTooSmall {
        /// The ratio.
        ratio: f64,
    },
}

impl From<FixedError> for Problem {
    fn from(error: FixedError) -> Self {
        let (code, help) = match &error {
            FixedError::Lengths { .. } => (
                "fixed::lengths",
                "give one multiplier and one shift for each channel",
            ),
            FixedError::Multiplier { .. } => (
                "fixed::multiplier",
                "give a multiplier of 0 or more; shifts and slices have 1 everywhere, float32 scales stay below 2^24",
            ),
            FixedError::Shift { .. } => ("fixed::shift", "give a shift of at most 62"),
            FixedError::LeftShift { .. } => (
                "fixed::left_shift",
                "check the scales of the layer: its products are much coarser than its output",
            ),
            FixedError::RuleSaturates { .. } => (
                "fixed::rule_saturates",
                "choose `saturate` at the output, or a rule of the families `shift`, `multiplier` and `slice`",
            ),
            FixedError::SliceTarget { .. } => (
                "fixed::slice_target",
                "give the zero point 0 and the whole output, from 0 on with a ReLU",
            ),
            FixedError::Operator { .. } => (
                "fixed::operator",
                "give every operand the scale that the form of the operator asks for",
            ),
            FixedError::OutputBits { .. } => ("fixed::output_bits", "give a width of 2 to 16 bits"),
            FixedError::OutputTrap => (
                "fixed::output_trap",
                "choose `wrap` or `saturate` at the output",
            ),
            FixedError::Clamp { .. } => (
                "fixed::clamp",
                "choose lower <= upper and a zero point, all three inside the output type",
            ),
            FixedError::AccumulatorBits { .. } => (
                "fixed::accumulator_bits",
                "choose an accumulator of 16 to 64 bits",
            ),
            FixedError::MultiplierBits { .. } => (
                "fixed::multiplier_bits",
                "choose a multiplier of 1 to 31 bits",
            ),
            FixedError::RatioNotPositive { .. } => (
                "fixed::ratio_not_positive",
                "check the scales of the layer: each must be above zero and finite",
            ),
            FixedError::RatioTooLarge { .. } => (
                "fixed::ratio_too_large",
                "raise the multiplier's bits, or check the calibration of the output",
            ),
            FixedError::RatioTooSmall { .. } => (
                "fixed::ratio_too_small",
                "check the calibration of the layer: its output is coarser than its products by more than 2^62",
            ),
        };
        Self::new(code, error.to_string(), help)
    }
}
