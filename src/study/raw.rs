//! The study's file as written: one field a key, every value with its place.

use crate::problem::{Integer, Real, Sourced};
use serde::Deserialize;
use toml::Spanned;

type Count = Sourced<Integer>;
type Name = Sourced<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStudy {
    pub(super) name: Name,
    pub(super) description: Option<Name>,
    pub(super) chips: Spanned<Vec<Name>>,
    pub(super) networks: Spanned<Vec<RawNetwork>>,
    #[serde(default)]
    pub(super) contrasts: Vec<RawContrast>,
    pub(super) numerics: RawNumerics,
    pub(super) input: RawInput,
    pub(super) mapping: RawMapping,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) id: Name,
    pub(super) name: Name,
    pub(super) form: Name,
    pub(super) input: Spanned<Vec<Count>>,
    pub(super) weights: Option<Spanned<RawWeights>>,
    pub(super) execute: Option<Sourced<bool>>,
    pub(super) images: Option<Name>,
    pub(super) labels: Option<Name>,
    pub(super) logits: Option<Name>,
    pub(super) calibration: Option<Name>,
    pub(super) mean: Option<Spanned<Vec<Sourced<Real>>>>,
    pub(super) std: Option<Spanned<Vec<Sourced<Real>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeights {
    pub(super) seed: Option<Count>,
    pub(super) file: Option<Name>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContrast {
    pub(super) left: Name,
    pub(super) right: Name,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNumerics {
    pub(super) activation_bits: Count,
    pub(super) weight_bits: Count,
    pub(super) output_bits: Count,
    pub(super) weights: Name,
    pub(super) calibration: Name,
    pub(super) percentile: Option<Sourced<Real>>,
    pub(super) rule: Name,
    pub(super) rounding: Name,
    pub(super) residual: Name,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInput {
    pub(super) batch: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMapping {
    pub(super) inplace_add: Sourced<bool>,
    pub(super) halo: Name,
    pub(super) images: Name,
    pub(super) offload: Name,
}
