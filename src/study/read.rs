//! From the raw file to a valid [`Study`].

use super::bounds::RuleOf;
use super::network::{self, Folder};
use super::precision::{Precision, precision};
use super::raw::{RawContrast, RawMapping, RawNetwork, RawNumerics, RawStudy};
use super::{Calibration, Contrast, MappingEntry, NumericsEntry, Study, StudyError, bounds};
use crate::fixed::Rule;
use crate::problem::{Findings, OverrideFlag, Problems, SourceFile, Sourced, mirror};
use crate::quantise::Widths;
use std::path::{Path, PathBuf};
use toml::Spanned;

impl Study {
    /// Reads a study's file; `known` are the names of the built-in networks.
    ///
    /// # Errors
    /// All problems of the file's values; of an unreadable or ill-formed file the first one.
    pub fn read(path: &Path, known: &[&str]) -> Result<Self, Problems> {
        Self::read_with(path, &[], known)
    }

    /// Reads a study's file with flags laid over it.
    ///
    /// # Errors
    /// As [`Study::read`]; a problem of a flag's value points into the flag.
    pub fn read_with(
        path: &Path,
        flags: &[OverrideFlag],
        known: &[&str],
    ) -> Result<Self, Problems> {
        let source = SourceFile::read(path)?;
        let (raw, origins) = mirror::<RawStudy>(&source, flags)?;
        let mut findings = Findings::new(origins);
        let folder = Folder::of(path);
        let study = study(&mut findings, &raw, &folder, known);
        let settings = findings.finish()?;
        let mut study = study.expect("a value that is refused leaves a problem");
        study.settings = settings;
        study.digest = source.digest();
        Ok(study)
    }
}

fn study(f: &mut Findings, raw: &RawStudy, folder: &Folder, known: &[&str]) -> Option<Study> {
    let name = f.text("name", &raw.name.value, raw.name.span.clone());
    let description = match &raw.description {
        Some(text) => f.text("description", &text.value, text.span.clone()),
        None => {
            f.default("description", "none");
            None
        }
    };
    let chips = chips(f, &raw.chips, folder);
    not_empty(f, "networks", &raw.networks);
    let entries = raw.networks.get_ref();
    unique_ids(f, entries);
    let networks: Vec<_> = entries
        .iter()
        .map(|entry| network::entry(f, entry, folder, known))
        .collect();
    if raw.contrasts.is_empty() {
        f.default("contrasts", "none");
    }
    let contrasts: Vec<_> = raw
        .contrasts
        .iter()
        .map(|contrast| self::contrast(f, contrast, entries))
        .collect();
    let numerics = numerics(f, &raw.numerics);
    let batch = f.integer("input.batch", &raw.input.batch, bounds::BATCH);
    let mapping = mapping(f, &raw.mapping);
    Some(Study {
        name: name?,
        description,
        chips: chips?,
        networks: networks.into_iter().collect::<Option<_>>()?,
        contrasts: contrasts.into_iter().collect::<Option<_>>()?,
        numerics: numerics?,
        batch: batch?,
        mapping: mapping?,
        settings: Vec::new(),
        digest: String::new(),
    })
}

fn not_empty<T>(f: &mut Findings, key: &'static str, list: &Spanned<Vec<T>>) {
    if list.get_ref().is_empty() {
        f.report(StudyError::EmptyList { key }.into(), list.span(), "empty");
    }
}

fn chips(
    f: &mut Findings,
    raw: &Spanned<Vec<Sourced<String>>>,
    folder: &Folder,
) -> Option<Vec<PathBuf>> {
    not_empty(f, "chips", raw);
    let list = raw.get_ref();
    for (index, chip) in list.iter().enumerate() {
        if list[..index]
            .iter()
            .any(|before| before.value == chip.value)
        {
            let error = StudyError::Duplicate {
                key: "chips",
                value: chip.value.clone(),
            };
            f.report(error.into(), chip.span.clone(), "again");
        }
    }
    let paths: Vec<_> = list
        .iter()
        .map(|chip| folder.file(f, "chips", chip))
        .collect();
    paths.into_iter().collect()
}

fn unique_ids(f: &mut Findings, entries: &[RawNetwork]) {
    for (index, entry) in entries.iter().enumerate() {
        let id = &entry.id;
        if entries[..index]
            .iter()
            .any(|before| before.id.value == id.value)
        {
            let error = StudyError::Duplicate {
                key: "networks.id",
                value: id.value.clone(),
            };
            f.report(error.into(), id.span.clone(), "again");
        }
    }
}

fn contrast(f: &mut Findings, raw: &RawContrast, entries: &[RawNetwork]) -> Option<Contrast> {
    let left = place_of(f, "contrasts.left", &raw.left, entries);
    let right = place_of(f, "contrasts.right", &raw.right, entries);
    let (left, right) = (left?, right?);
    if left == right {
        let error = StudyError::ContrastWithItself {
            id: raw.right.value.clone(),
        };
        f.report(error.into(), raw.right.span.clone(), "the same");
    }
    Some(Contrast { left, right })
}

fn place_of(
    f: &mut Findings,
    key: &str,
    raw: &Sourced<String>,
    entries: &[RawNetwork],
) -> Option<usize> {
    f.setting(key, raw.span.clone());
    let place = entries.iter().position(|entry| entry.id.value == raw.value);
    if place.is_none() {
        let error = StudyError::UnknownId {
            id: raw.value.clone(),
            known: entries.iter().map(|entry| entry.id.value.clone()).collect(),
        };
        f.report(error.into(), raw.span.clone(), "unknown");
    }
    place
}

fn numerics(f: &mut Findings, raw: &RawNumerics) -> Option<NumericsEntry> {
    let activation_bits = f.integer(
        "numerics.activation_bits",
        &raw.activation_bits,
        bounds::BITS,
    );
    let weight_bits = f.integer("numerics.weight_bits", &raw.weight_bits, bounds::BITS);
    let output_bits = f.integer("numerics.output_bits", &raw.output_bits, bounds::BITS);
    let weights = f.choice("numerics.weights", &raw.weights, &bounds::WEIGHTS);
    let calibration = calibration(f, raw);
    let rule = rule(f, raw);
    let residual = f.choice("numerics.residual", &raw.residual, &bounds::RESIDUALS);
    let precision = precision(f, raw, rule);
    let Precision {
        weight_calibration,
        bias_correction,
        equalisation,
        scales,
        layers,
    } = precision?;
    Some(NumericsEntry {
        widths: Widths {
            activation_bits: activation_bits?,
            weight_bits: weight_bits?,
            output_bits: output_bits?,
        },
        weights: weights?,
        calibration: calibration?,
        rule: rule?,
        residual: residual?,
        weight_calibration,
        bias_correction,
        equalisation,
        scales,
        layers,
    })
}

fn rule(f: &mut Findings, raw: &RawNumerics) -> Option<Rule> {
    const KEY: &str = "numerics.rounding";
    let choice = f.choice("numerics.rule", &raw.rule, &bounds::RULES);
    let rounding = (raw.rounding.as_ref())
        .map(|rounding| (rounding, f.choice(KEY, rounding, &bounds::ROUNDINGS)));
    match (choice?, rounding) {
        (RuleOf::Rounding(of), Some((_, rounding))) => rounding.map(of),
        (RuleOf::Rounding(_), None) => {
            let error = StudyError::Needed {
                key: KEY.to_owned(),
                why: "the rule is \"multiplier\" or \"shift\"",
            };
            f.report(error.into(), raw.rule.span.clone(), "asks for it");
            None
        }
        (RuleOf::Whole(rule), None) => Some(rule),
        (RuleOf::Whole(_), Some((unused, _))) => {
            let error = StudyError::UnusedKey {
                key: KEY.to_owned(),
                why: "only the rules \"multiplier\" and \"shift\" leave the rounding open",
            };
            f.report(error.into(), unused.span.clone(), "unused");
            None
        }
    }
}

fn calibration(f: &mut Findings, raw: &RawNumerics) -> Option<Calibration> {
    const KEY: &str = "numerics.percentile";
    let choice = f.choice(
        "numerics.calibration",
        &raw.calibration,
        &bounds::CALIBRATIONS,
    );
    let percentile = raw
        .percentile
        .as_ref()
        .map(|percentile| (percentile, f.real(KEY, percentile, bounds::PERCENTILE)));
    match (choice?, percentile) {
        (Calibration::Percentile(_), Some((_, value))) => value.map(Calibration::Percentile),
        (Calibration::Percentile(_), None) => {
            let error = StudyError::Needed {
                key: KEY.to_owned(),
                why: "the calibration is \"percentile\"",
            };
            f.report(error.into(), raw.calibration.span.clone(), "asks for it");
            None
        }
        (choice @ (Calibration::MinMax | Calibration::Mse | Calibration::Entropy), None) => {
            Some(choice)
        }
        (Calibration::MinMax | Calibration::Mse | Calibration::Entropy, Some((unused, _))) => {
            let error = StudyError::UnusedKey {
                key: KEY.to_owned(),
                why: "the calibration is not \"percentile\"",
            };
            f.report(error.into(), unused.span.clone(), "unused");
            None
        }
    }
}

fn mapping(f: &mut Findings, raw: &RawMapping) -> Option<MappingEntry> {
    f.setting("mapping.inplace_add", raw.inplace_add.span.clone());
    let halo = f.choice("mapping.halo", &raw.halo, &bounds::HALOS);
    let images = f.choice("mapping.images", &raw.images, &bounds::IMAGE_LOOPS);
    let offload = f.choice("mapping.offload", &raw.offload, &bounds::OFFLOADS);
    let fully_connected = f.choice(
        "mapping.fully_connected",
        &raw.fully_connected,
        &bounds::FULLY_CONNECTED,
    );
    Some(MappingEntry {
        inplace_add: raw.inplace_add.value,
        halo: halo?,
        images: images?,
        offload: offload?,
        fully_connected: fully_connected?,
    })
}
