//! Keys about what is done so that integers lose less: ranges of weights, corrections, widths of single layers.

use super::raw::{RawLayerWidths, RawNumerics};
use super::{StudyError, bounds};
use crate::fixed::Rule;
use crate::problem::{Findings, Integer, Sourced};
use crate::quantise::{
    BiasCorrection, Equalisation, LayerWidths, Pattern, ScaleSet, WeightCalibration,
};

/// The values of these keys.
pub(super) struct Precision {
    pub(super) weight_calibration: WeightCalibration,
    pub(super) bias_correction: BiasCorrection,
    pub(super) equalisation: Equalisation,
    pub(super) scales: ScaleSet,
    pub(super) layers: Vec<LayerWidths>,
}

/// Reads them; `rule` is the requantisation of the study, `None` when it was refused.
pub(super) fn precision(
    f: &mut Findings,
    raw: &RawNumerics,
    rule: Option<Rule>,
) -> Option<Precision> {
    let weight_calibration = match &raw.weight_calibration {
        Some(name) => f.choice(
            "numerics.weight_calibration",
            name,
            &bounds::WEIGHT_CALIBRATIONS,
        ),
        None => {
            f.default("numerics.weight_calibration", "max");
            Some(WeightCalibration::Max)
        }
    };
    let correct = flag(f, "numerics.bias_correction", raw.bias_correction.as_ref());
    let equalise = flag(f, "numerics.equalisation", raw.equalisation.as_ref());
    let scales = scales(f, raw.scales.as_ref(), rule);
    let layers = layers(f, &raw.layers);
    Some(Precision {
        weight_calibration: weight_calibration?,
        bias_correction: if correct {
            BiasCorrection::Measured
        } else {
            BiasCorrection::Off
        },
        equalisation: if equalise {
            Equalisation::CrossLayer
        } else {
            Equalisation::Off
        },
        scales: scales?,
        layers: layers?,
    })
}

/// A switch that is off where the file is silent.
fn flag(f: &mut Findings, key: &str, raw: Option<&Sourced<bool>>) -> bool {
    if let Some(raw) = raw {
        f.setting(key, raw.span.clone());
        return raw.value;
    }
    f.default(key, "false");
    false
}

/// Powers of two go with every rule; a shift goes with them alone, and brings them where the file is silent.
fn scales(f: &mut Findings, raw: Option<&Sourced<String>>, rule: Option<Rule>) -> Option<ScaleSet> {
    const KEY: &str = "numerics.scales";
    let shift = matches!(rule, Some(Rule::Shift(_)));
    let Some(raw) = raw else {
        let (name, set) = bounds::SCALES[usize::from(shift)];
        f.default(KEY, name);
        return Some(set);
    };
    let set = f.choice(KEY, raw, &bounds::SCALES)?;
    if shift && set == ScaleSet::Free {
        let error = StudyError::ScalesOfShift;
        f.report(error.into(), raw.span.clone(), "no shift is left");
        return None;
    }
    Some(set)
}

fn layers(f: &mut Findings, raw: &[RawLayerWidths]) -> Option<Vec<LayerWidths>> {
    if raw.is_empty() {
        f.default("numerics.layers", "none");
    }
    for (index, entry) in raw.iter().enumerate() {
        let mut before = raw[..index].iter();
        if before.any(|before| before.name.value == entry.name.value) {
            let error = StudyError::Duplicate {
                key: "numerics.layers.name",
                value: entry.name.value.clone(),
            };
            f.report(error.into(), entry.name.span.clone(), "again");
        }
    }
    let entries: Vec<_> = raw.iter().map(|entry| layer(f, entry)).collect();
    entries.into_iter().collect()
}

fn layer(f: &mut Findings, raw: &RawLayerWidths) -> Option<LayerWidths> {
    let key = |key: &str| format!("numerics.layers.{}.{key}", raw.name.value);
    let name = f.text(&key("name"), &raw.name.value, raw.name.span.clone());
    let mut bits = |name: &str, raw: &Option<Sourced<Integer>>| match raw {
        Some(raw) => f.integer(&key(name), raw, bounds::BITS).map(Some),
        None => Some(None),
    };
    let activation_bits = bits("activation_bits", &raw.activation_bits);
    let weight_bits = bits("weight_bits", &raw.weight_bits);
    let (activation_bits, weight_bits) = (activation_bits?, weight_bits?);
    if activation_bits.is_none() && weight_bits.is_none() {
        let error = StudyError::Needed {
            key: key("weight_bits"),
            why: "the entry gives a layer no width",
        };
        f.report(error.into(), raw.name.span.clone(), "this layer");
        return None;
    }
    Some(LayerWidths {
        layers: Pattern::new(&name?),
        activation_bits,
        weight_bits,
    })
}
