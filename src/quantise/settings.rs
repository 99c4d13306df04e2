//! What a quantisation may choose.

use super::{ResidualForm, Widths};
use crate::fixed::Rule;
use serde::{Deserialize, Serialize};

/// How many scales the weights of a layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One for each output channel.
    PerChannel,
    /// One for the whole layer.
    PerTensor,
}

/// How the range of a tensor is found from the values it takes on the calibration images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// From the smallest to the largest.
    MinMax,
    /// The range that holds this share of the values, in percent: above 50, at most 100.
    Percentile(f64),
    /// Of 64 even parts of the largest range the one with the least mean square error.
    Mse,
}

/// The settings of a quantisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Bits of activations, weights and the output.
    pub widths: Widths,
    /// Scales of the weights.
    pub granularity: Granularity,
    /// Ranges of the activations.
    pub calibration: Calibration,
    /// Requantisation; in the family `shift` all scales are powers of two.
    pub rule: Rule,
    /// How two branches are added.
    pub residual: ResidualForm,
}
