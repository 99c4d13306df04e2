//! The remedies, each by itself and together.

use crate::quantise::{
    BiasCorrection, Calibration, Equalisation, LayerWidths, Pattern, Settings, WeightCalibration,
};

/// Bits of what a remedy keeps wide.
const WIDE: u8 = 16;
/// Bits of the operands that are not looked at when the others are: more than enough, and few enough to be fast.
pub const WIDE_OPERANDS: u8 = 12;

/// What is done against the loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// Nothing: all values seen set the ranges.
    None,
    /// Activations by percentile.
    Percentile,
    /// Activations by mean square error.
    Mse,
    /// Activations by relative entropy.
    Entropy,
    /// Weights by mean square error.
    WeightMse,
    /// Mean errors taken out of the biases.
    BiasCorrection,
    /// Weights of neighbouring layers given equal ranges.
    Equalisation,
    /// Activations and weights by mean square error, bias correction and equalisation.
    All,
    /// The input, the first and the last layer with 16 bits.
    WideEnds,
    /// The same and all else.
    AllWideEnds,
    /// All weights with 12 bits: what is left is lost in the activations.
    WideWeights,
    /// All activations with 12 bits: what is left is lost in the weights.
    WideActivations,
}

impl Method {
    /// All of them, in the order of every table.
    pub const ALL: [Self; 12] = [
        Self::None,
        Self::Percentile,
        Self::Mse,
        Self::Entropy,
        Self::WeightMse,
        Self::BiasCorrection,
        Self::Equalisation,
        Self::All,
        Self::WideEnds,
        Self::AllWideEnds,
        Self::WideWeights,
        Self::WideActivations,
    ];

    /// As in files and on the command line: `bias_correction`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Percentile => "percentile",
            Self::Mse => "mse",
            Self::Entropy => "entropy",
            Self::WeightMse => "weight_mse",
            Self::BiasCorrection => "bias_correction",
            Self::Equalisation => "equalisation",
            Self::All => "all",
            Self::WideEnds => "wide_ends",
            Self::AllWideEnds => "all_wide_ends",
            Self::WideWeights => "wide_weights",
            Self::WideActivations => "wide_activations",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::None => "nothing (min-max)",
            Self::Percentile => "percentile",
            Self::Mse => "mean square error",
            Self::Entropy => "entropy",
            Self::WeightMse => "clipped weights",
            Self::BiasCorrection => "bias correction",
            Self::Equalisation => "equalisation",
            Self::All => "all four",
            Self::WideEnds => "ends at 16 bits",
            Self::AllWideEnds => "all four, ends at 16 bits",
            Self::WideWeights => "weights at 12 bits",
            Self::WideActivations => "activations at 12 bits",
        }
    }

    /// Whether it works within the widths of the point, so that it costs the hardware nothing.
    #[must_use]
    pub const fn keeps_widths(self) -> bool {
        match self {
            Self::None
            | Self::Percentile
            | Self::Mse
            | Self::Entropy
            | Self::WeightMse
            | Self::BiasCorrection
            | Self::Equalisation
            | Self::All => true,
            Self::WideEnds | Self::AllWideEnds | Self::WideWeights | Self::WideActivations => false,
        }
    }

    /// Whether the float network is rewritten first.
    #[must_use]
    pub const fn equalisation(self) -> Equalisation {
        match self {
            Self::Equalisation | Self::All | Self::AllWideEnds => Equalisation::CrossLayer,
            Self::None
            | Self::Percentile
            | Self::Mse
            | Self::Entropy
            | Self::WeightMse
            | Self::BiasCorrection
            | Self::WideEnds
            | Self::WideWeights
            | Self::WideActivations => Equalisation::Off,
        }
    }

    /// Lays the remedy over settings that have none; `percentile` is in percent.
    pub(super) fn apply(self, settings: &mut Settings, percentile: f64) {
        match self {
            Self::None | Self::Equalisation => {}
            Self::Percentile => settings.calibration = Calibration::Percentile(percentile),
            Self::Mse => settings.calibration = Calibration::Mse,
            Self::Entropy => settings.calibration = Calibration::Entropy,
            Self::WeightMse => settings.weight_calibration = WeightCalibration::Mse,
            Self::BiasCorrection => settings.bias_correction = BiasCorrection::Measured,
            Self::All => {
                settings.calibration = Calibration::Mse;
                settings.weight_calibration = WeightCalibration::Mse;
                settings.bias_correction = BiasCorrection::Measured;
            }
            Self::WideEnds => {
                for (name, weight_bits) in
                    [("input", None), ("first", Some(WIDE)), ("last", Some(WIDE))]
                {
                    settings.layers.push(LayerWidths {
                        layers: Pattern::new(name),
                        activation_bits: Some(WIDE),
                        weight_bits,
                    });
                }
            }
            Self::AllWideEnds => {
                Self::All.apply(settings, percentile);
                Self::WideEnds.apply(settings, percentile);
            }
            Self::WideWeights => settings.widths.weight_bits = WIDE_OPERANDS,
            Self::WideActivations => {
                settings.widths.activation_bits = WIDE_OPERANDS;
                settings.widths.output_bits = WIDE_OPERANDS;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_each_remedy_changes_something() {
        let mut keys: Vec<&str> = Method::ALL.iter().map(|method| method.key()).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Method::ALL.len());
        for method in Method::ALL {
            let mut settings = Settings::int8();
            method.apply(&mut settings, 99.9);
            let changed =
                settings != Settings::int8() || method.equalisation() == Equalisation::CrossLayer;
            assert_eq!(changed, method != Method::None, "{method:?}");
        }
    }
}
