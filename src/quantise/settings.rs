//! How integers are made.

use super::statistics::Depth;
use super::{LayerWidths, QuantiseError, ResidualForm, Widths};
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

/// How the range of an activation is chosen.
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
    /// The range whose integers lose least of the distribution of the values seen: smallest relative entropy. The
    /// network's input keeps its whole range.
    Entropy,
}

impl Calibration {
    /// What it reads of the calibration images.
    #[must_use]
    pub const fn depth(self) -> Depth {
        match self {
            Self::MinMax => Depth::Extremes,
            Self::Percentile(_) | Self::Mse | Self::Entropy => Depth::Histograms,
        }
    }
}

/// How the range of weights is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightCalibration {
    /// Every weight fits.
    Max,
    /// The range with the smallest mean square error of rounding and clipping, among 128 equal fractions of the whole
    /// one; of a layer with one scale, over all its weights.
    Mse,
}

/// Whether the mean error of a channel is taken out of its bias.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BiasCorrection {
    /// Biases are rounded, nothing else.
    Off,
    /// The error is measured on the calibration images, layer by layer.
    Measured,
}

/// Whether the float network is rewritten before it is quantised, see [`mod@super::equalise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Equalisation {
    /// It stays as it is.
    Off,
    /// Weights of neighbouring layers get equal ranges.
    CrossLayer,
}

/// Which scales there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScaleSet {
    /// All.
    Free,
    /// Powers of two, the next one above the range.
    PowerOfTwo,
}

/// All choices of a quantisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Bits of activations, weights and the output.
    pub widths: Widths,
    /// Bits of single layers, where they are others; a later entry wins.
    pub layers: Vec<LayerWidths>,
    /// Scales of the weights.
    pub granularity: Granularity,
    /// Ranges of the activations.
    pub calibration: Calibration,
    /// Ranges of the weights.
    pub weight_calibration: WeightCalibration,
    /// What becomes of mean errors.
    pub bias_correction: BiasCorrection,
    /// Scales of weights and activations. For a shift or a slice they are powers of two whatever stands here.
    pub scales: ScaleSet,
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
            layers: Vec::new(),
            granularity: Granularity::PerChannel,
            calibration: Calibration::MinMax,
            weight_calibration: WeightCalibration::Max,
            bias_correction: BiasCorrection::Off,
            scales: ScaleSet::Free,
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
        let of_layers = (self.layers.iter()).flat_map(|layer| {
            [
                ("activations", layer.activation_bits),
                ("weights", layer.weight_bits),
            ]
        });
        let of_layers = of_layers.filter_map(|(what, bits)| Some((what, bits?)));
        for (what, bits) in [
            ("activations", activation_bits),
            ("weights", weight_bits),
            ("output", output_bits),
        ]
        .into_iter()
        .chain(of_layers)
        {
            if !(2..=16).contains(&bits) {
                return Err(QuantiseError::Bits { what, bits });
            }
        }
        match self.calibration {
            Calibration::Percentile(percent) if !(50.0..=100.0).contains(&percent) => {
                return Err(QuantiseError::Percentile { percent });
            }
            Calibration::Percentile(_)
            | Calibration::MinMax
            | Calibration::Mse
            | Calibration::Entropy => {}
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

    /// Which scales the rule and the choice leave.
    pub(super) const fn scale_set(&self) -> ScaleSet {
        match self.rule {
            Rule::Shift(_) | Rule::Slice => ScaleSet::PowerOfTwo,
            Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven => self.scales,
        }
    }

    /// The scale that may be used instead of `scale`: for a shift or a slice the next power of two times `unit`, not
    /// below it, else the next power of two where scales are; for a published rule the nearest float32, as its model
    /// files have it.
    pub(super) fn allowed(&self, scale: f64, unit: f64) -> f64 {
        match (self.scale_set(), self.rule) {
            (ScaleSet::PowerOfTwo, Rule::Shift(_) | Rule::Slice) => {
                super::real::power_of_two_from(scale / unit) * unit
            }
            (ScaleSet::PowerOfTwo, _) => super::real::power_of_two_from(scale),
            (ScaleSet::Free, Rule::Multiplier(_)) => scale,
            (ScaleSet::Free, _) => f64::from(super::real::nearest_f32(scale)),
        }
    }
}
