//! What each key of a study's file may be: ranges and choices. The reader judges by them and the schema shows
//! them.

use super::{Calibration, FullyConnected, Halo, ImageLoop, Offload, WeightScales};
use crate::fixed::{Rounding, Rule};
use crate::network::Form;
use crate::quantise::{ResidualForm, ScaleSet, WeightCalibration};
use std::ops::RangeInclusive;

/// Pixels of the shorter side of a resized picture.
pub(super) const RESIZE: RangeInclusive<u32> = 1..=16_384;
/// Height and width of an input in pixels.
pub(super) const SIDE: RangeInclusive<usize> = 1..=16_384;
pub(super) const CHANNELS: RangeInclusive<usize> = 1..=4_096;
pub(super) const SEED: RangeInclusive<u64> = 0..=u64::MAX;
pub(super) const BATCH: RangeInclusive<usize> = 1..=1024;
pub(super) const BITS: RangeInclusive<u8> = 2..=16;
pub(super) const PERCENTILE: RangeInclusive<f64> = 50.0..=100.0;
pub(super) const MEAN: RangeInclusive<f64> = -1e6..=1e6;
pub(super) const STD: RangeInclusive<f64> = 1e-6..=1e6;
/// What an id may be, for an editor; [`is_id`] judges.
pub(super) const ID_PATTERN: &str = "^[A-Za-z0-9_-]+$";

/// Whether a text that is not blank is an id.
pub(super) fn is_id(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.chars().all(good)
}

pub(super) const FORMS: [(&str, Form); 3] = [
    ("train", Form::Train),
    ("deploy", Form::Deploy),
    ("folded", Form::Folded),
];
pub(super) const WEIGHTS: [(&str, WeightScales); 2] = [
    ("per_channel", WeightScales::PerChannel),
    ("per_tensor", WeightScales::PerTensor),
];
/// The percentile itself is another key.
pub(super) const CALIBRATIONS: [(&str, Calibration); 4] = [
    ("min_max", Calibration::MinMax),
    ("percentile", Calibration::Percentile(0.0)),
    ("mse", Calibration::Mse),
    ("entropy", Calibration::Entropy),
];
pub(super) const WEIGHT_CALIBRATIONS: [(&str, WeightCalibration); 2] = [
    ("max", WeightCalibration::Max),
    ("mse", WeightCalibration::Mse),
];
pub(super) const SCALES: [(&str, ScaleSet); 2] = [
    ("free", ScaleSet::Free),
    ("power_of_two", ScaleSet::PowerOfTwo),
];
/// The rounding of the first two is another key.
pub(super) const RULES: [(&str, RuleOf); 9] = [
    ("multiplier", RuleOf::Rounding(Rule::Multiplier)),
    ("shift", RuleOf::Rounding(Rule::Shift)),
    ("tosa_single", RuleOf::Whole(Rule::TosaSingle)),
    ("tosa_double", RuleOf::Whole(Rule::TosaDouble)),
    ("tflite_double", RuleOf::Whole(Rule::TfliteDouble)),
    ("tflite_single", RuleOf::Whole(Rule::TfliteSingle)),
    ("ruy", RuleOf::Whole(Rule::Ruy)),
    ("float32_half_even", RuleOf::Whole(Rule::Float32HalfEven)),
    ("slice", RuleOf::Whole(Rule::Slice)),
];
/// What the name of a rule says.
#[derive(Debug, Clone, Copy)]
pub(super) enum RuleOf {
    /// The family; the rounding makes it a rule.
    Rounding(fn(Rounding) -> Rule),
    /// All.
    Whole(Rule),
}
pub(super) const ROUNDINGS: [(&str, Rounding); 5] = [
    ("floor", Rounding::Floor),
    ("toward_zero", Rounding::TowardZero),
    ("half_up", Rounding::HalfUp),
    ("half_even", Rounding::HalfEven),
    ("half_away", Rounding::HalfAway),
];
pub(super) const RESIDUALS: [(&str, ResidualForm); 2] = [
    ("separate", ResidualForm::Separate),
    ("accumulate", ResidualForm::Accumulate),
];
pub(super) const HALOS: [(&str, Halo); 2] = [("keep", Halo::Keep), ("refetch", Halo::Refetch)];
pub(super) const IMAGE_LOOPS: [(&str, ImageLoop); 2] = [
    ("outermost", ImageLoop::Outermost),
    ("inside_weights", ImageLoop::InsideWeights),
];
pub(super) const FULLY_CONNECTED: [(&str, FullyConnected); 2] = [
    ("array", FullyConnected::Array),
    ("host", FullyConnected::Host),
];
pub(super) const OFFLOADS: [(&str, Offload); 2] =
    [("host", Offload::Host), ("forbid", Offload::Forbid)];
