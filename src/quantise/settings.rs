//! How integers are made.

use super::{QuantiseError, ResidualForm, Widths};
use crate::fixed::{Overflow, Rounding, Rule};
use serde::{Deserialize, Serialize};

/// How many scales the weights of a layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One for each output channel.
    PerChannel,
    /// One.
    PerTensor,
}

/// How the range of an activation is chosen. Weights always keep their whole range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// All values seen.
    MinMax,
    /// At least this share of the values seen, in percent, 50..=100. Of a tensor with a zero point of its own
    /// equal shares are cut off at both ends.
    Percentile(f64),
    /// The range with the smallest mean square error of rounding and clipping, among 128 equal fractions of all
    /// values seen.
    Mse,
}

/// All choices of a quantisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Bits of activations, weights and the output.
    pub widths: Widths,
    /// Scales of the weights.
    pub granularity: Granularity,
    /// Ranges of the activations.
    pub calibration: Calibration,
    /// Requantisation. For a shift or a slice every factor is a power of two. Where a factor cannot be one (the mean
    /// over a window, a product or concatenation of such means), a multiplier with the same rounding stands in
    /// (`floor` for a slice).
    pub rule: Rule,
    /// Significant bits of a multiplier, 1..=31; the published rules have their own.
    pub multiplier_bits: u8,
    /// `Saturate` or `Wrap` where an output does not fit its tensor.
    pub output_overflow: Overflow,
    /// How a sum of two branches is computed.
    pub residual: ResidualForm,
}

impl Settings {
    /// 8 bits everywhere, weights per channel, whole range, 31-bit multipliers rounded once to the even
    /// neighbour, saturating outputs, residual form `separate`.
    #[must_use]
    pub const fn int8() -> Self {
        Self {
            widths: Widths {
                activation_bits: 8,
                weight_bits: 8,
                output_bits: 8,
            },
            granularity: Granularity::PerChannel,
            calibration: Calibration::MinMax,
            rule: Rule::Multiplier(Rounding::HalfEven),
            multiplier_bits: 31,
            output_overflow: Overflow::Saturate,
            residual: ResidualForm::Separate,
        }
    }

    /// Checks that every number is in its range.
    ///
    /// # Errors
    /// When a width is outside 2..=16, the percentile outside 50..=100, the multiplier outside 1..=31 bits, or
    /// the output traps.
    pub fn check(&self) -> Result<(), QuantiseError> {
        let Widths {
            activation_bits,
            weight_bits,
            output_bits,
        } = self.widths;
        for (what, bits) in [
            ("activations", activation_bits),
            ("weights", weight_bits),
            ("output", output_bits),
        ] {
            if !(2..=16).contains(&bits) {
                return Err(QuantiseError::Bits { what, bits });
            }
        }
        match self.calibration {
            Calibration::Percentile(percent) if !(50.0..=100.0).contains(&percent) => {
                return Err(QuantiseError::Percentile { percent });
            }
            Calibration::Percentile(_) | Calibration::MinMax | Calibration::Mse => {}
        }
        if !(1..=31).contains(&self.multiplier_bits) {
            let bits = self.multiplier_bits;
            return Err(QuantiseError::MultiplierBits { bits });
        }
        match self.output_overflow {
            Overflow::Saturate | Overflow::Wrap => Ok(()),
            Overflow::Trap => Err(QuantiseError::OutputTrap),
        }
    }

    /// The scale that may be used instead of `scale`: for a shift or a slice the next power of two times `unit`,
    /// not below it; for a published rule the nearest float32, as its model files have it.
    pub(super) fn allowed(&self, scale: f64, unit: f64) -> f64 {
        match self.rule {
            Rule::Multiplier(_) => scale,
            Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven => f64::from(super::real::nearest_f32(scale)),
            Rule::Shift(_) | Rule::Slice => super::real::power_of_two_from(scale / unit) * unit,
        }
    }
}
