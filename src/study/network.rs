//! One network of a study: what it is, where its parameters and images come from.

use super::raw::{RawNetwork, RawWeights};
use super::{Images, NetworkEntry, Normalisation, StudyError, WeightSource, bounds};
use crate::problem::findings::nearest;
use crate::problem::{Findings, Real, Sourced};
use crate::tensor::FeatureMap;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The folder of the study, from which its paths are taken.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder that `study` lies in.
    pub(super) fn of(study: &Path) -> Self {
        Self(study.parent().map(Path::to_owned).unwrap_or_default())
    }

    /// The path of a file that exists.
    pub(super) fn file(
        &self,
        f: &mut Findings,
        key: &str,
        raw: &Sourced<String>,
    ) -> Option<PathBuf> {
        f.setting(key, raw.span.clone());
        let path = self.0.join(&raw.value);
        if path.is_file() {
            return Some(path);
        }
        let error = StudyError::NoSuchFile {
            key: key.to_owned(),
            path: path.display().to_string(),
        };
        f.report(error.into(), raw.span.clone(), "not there");
        None
    }
}

/// One `[[networks]]` entry.
pub(super) fn entry(
    f: &mut Findings,
    raw: &RawNetwork,
    folder: &Folder,
    known: &[&str],
) -> Option<NetworkEntry> {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let id = id(f, &raw.id);
    let name = name(f, &key("name"), &raw.name, known);
    let form = f.choice(&key("form"), &raw.form, &bounds::FORMS);
    let input = input(f, &key("input"), &raw.input);
    let weights = match &raw.weights {
        Some(raw) => Some(weights(f, &key("weights"), raw, folder)),
        None => {
            f.default(&key("weights"), "none");
            None
        }
    };
    let execute = execute(f, &key("execute"), raw);
    let images = images(f, raw, folder, input);
    Some(NetworkEntry {
        id: id?,
        name: name?,
        form: form?,
        input: input?,
        weights: match weights {
            Some(weights) => Some(weights?),
            None => None,
        },
        execute: execute?,
        images: images?,
    })
}

fn id(f: &mut Findings, raw: &Sourced<String>) -> Option<String> {
    let id = f.text("networks.id", &raw.value, raw.span.clone())?;
    if bounds::is_id(&id) {
        return Some(id);
    }
    f.report(StudyError::BadId { id }.into(), raw.span.clone(), "this id");
    None
}

fn name(f: &mut Findings, key: &str, raw: &Sourced<String>, known: &[&str]) -> Option<String> {
    f.setting(key, raw.span.clone());
    if known.contains(&raw.value.as_str()) {
        return Some(raw.value.clone());
    }
    let error = StudyError::UnknownNetwork {
        name: raw.value.clone(),
        nearest: nearest(&raw.value, known.iter().copied()).map(str::to_owned),
        known: known.iter().map(|&name| name.to_owned()).collect(),
    };
    f.report(error.into(), raw.span.clone(), "unknown");
    None
}

fn input(
    f: &mut Findings,
    key: &str,
    raw: &Spanned<Vec<Sourced<crate::problem::Integer>>>,
) -> Option<FeatureMap> {
    let [height, width, channels] = raw.get_ref().as_slice() else {
        let error = StudyError::InputNotHwc {
            key: key.to_owned(),
            found: raw.get_ref().len(),
        };
        f.report(error.into(), raw.span(), "this list");
        return None;
    };
    let height = f.integer(&format!("{key}.height"), height, bounds::SIDE);
    let width = f.integer(&format!("{key}.width"), width, bounds::SIDE);
    let channels = f.integer(&format!("{key}.channels"), channels, bounds::CHANNELS);
    Some(FeatureMap::new(height?, width?, channels?))
}

fn weights(
    f: &mut Findings,
    key: &str,
    raw: &Spanned<RawWeights>,
    folder: &Folder,
) -> Option<WeightSource> {
    let found = match (&raw.get_ref().seed, &raw.get_ref().file) {
        (Some(seed), None) => {
            let seed = f.integer(&format!("{key}.seed"), seed, bounds::SEED);
            return seed.map(WeightSource::Seed);
        }
        (None, Some(file)) => {
            let file = folder.file(f, &format!("{key}.file"), file);
            return file.map(WeightSource::File);
        }
        (None, None) => "neither",
        (Some(_), Some(_)) => "both",
    };
    let error = StudyError::WeightSource {
        key: key.to_owned(),
        found,
    };
    f.report(error.into(), raw.span(), "this table");
    None
}

fn execute(f: &mut Findings, key: &str, raw: &RawNetwork) -> Option<bool> {
    let Some(execute) = &raw.execute else {
        let default = raw.weights.is_some();
        f.default(key, default.to_string());
        return Some(default);
    };
    f.setting(key, execute.span.clone());
    if execute.value && raw.weights.is_none() {
        let error = StudyError::Needed {
            key: format!("networks.{}.weights", raw.id.value),
            why: "the network is to be executed",
        };
        f.report(error.into(), execute.span.clone(), "asks for them");
        return None;
    }
    Some(execute.value)
}

/// The images of a network. Inner `None`: it has none. Outer `None`: a problem was reported.
fn images(
    f: &mut Findings,
    raw: &RawNetwork,
    folder: &Folder,
    input: Option<FeatureMap>,
) -> Option<Option<Images>> {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let file = |f: &mut Findings, name: &str, path: &Option<Sourced<String>>| match path {
        Some(path) => folder.file(f, &key(name), path).map(Some),
        None => {
            f.default(&key(name), "none");
            Some(None)
        }
    };
    let test = file(f, "images", &raw.images);
    let labels = file(f, "labels", &raw.labels);
    let logits = file(f, "logits", &raw.logits);
    let calibration = file(f, "calibration", &raw.calibration);
    let used = all_used(f, raw);
    let mean = statistics(f, &key("mean"), raw.mean.as_ref(), input, bounds::MEAN);
    let std = statistics(f, &key("std"), raw.std.as_ref(), input, bounds::STD);
    let (test, labels, logits) = (test?, labels?, logits?);
    used.then_some(())?;
    let Some(calibration) = calibration? else {
        return Some(None);
    };
    Some(Some(Images {
        test,
        labels,
        logits,
        calibration,
        normalisation: Normalisation {
            mean: mean?,
            std: std?,
        },
    }))
}

/// Whether each key about images has what it needs, and nothing that is needed is missing.
fn all_used(f: &mut Findings, raw: &RawNetwork) -> bool {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let file = |path: &Option<Sourced<String>>| path.as_ref().map(|path| path.span.clone());
    let list = |list: &Option<Spanned<Vec<Sourced<Real>>>>| list.as_ref().map(Spanned::span);
    let (images, calibration) = (file(&raw.images), file(&raw.calibration));
    let weights = raw.weights.as_ref().map(Spanned::span);
    let trained = raw
        .weights
        .as_ref()
        .filter(|weights| weights.get_ref().file.is_some())
        .map(Spanned::span);
    let mut good = true;

    // A key, and what must be there for it to be read.
    let unused = [
        (
            "calibration",
            &calibration,
            &weights,
            "the network has no weights",
        ),
        (
            "labels",
            &file(&raw.labels),
            &images,
            "the network has no images",
        ),
        (
            "logits",
            &file(&raw.logits),
            &images,
            "the network has no images",
        ),
        (
            "mean",
            &list(&raw.mean),
            &calibration,
            "the network has no calibration images",
        ),
        (
            "std",
            &list(&raw.std),
            &calibration,
            "the network has no calibration images",
        ),
    ];
    for (name, present, needs, why) in unused {
        if let (Some(span), None) = (present, needs) {
            let error = StudyError::UnusedKey {
                key: key(name),
                why,
            };
            f.report(error.into(), span.clone(), "unused");
            good = false;
        }
    }
    // A key that is there, and what it asks for.
    let needed = [
        (
            &images,
            "calibration",
            &calibration,
            "the network has images to be executed on",
        ),
        (
            &trained,
            "calibration",
            &calibration,
            "scales of trained weights need images",
        ),
        (
            &calibration,
            "mean",
            &list(&raw.mean),
            "pixels become real inputs with it",
        ),
        (
            &calibration,
            "std",
            &list(&raw.std),
            "pixels become real inputs with it",
        ),
    ];
    for (present, name, needs, why) in needed {
        if let (Some(span), None) = (present, needs) {
            let error = StudyError::Needed {
                key: key(name),
                why,
            };
            f.report(error.into(), span.clone(), "asks for it");
            good = false;
        }
    }
    good
}

/// One number per channel, each in `range`.
fn statistics(
    f: &mut Findings,
    key: &str,
    raw: Option<&Spanned<Vec<Sourced<Real>>>>,
    input: Option<FeatureMap>,
    range: RangeInclusive<f64>,
) -> Option<Vec<f64>> {
    let raw = raw?;
    let list = raw.get_ref();
    if let Some(input) = input.filter(|input| input.channels != list.len()) {
        let error = StudyError::PerChannel {
            key: key.to_owned(),
            found: list.len(),
            channels: input.channels,
        };
        f.report(error.into(), raw.span(), "this list");
        return None;
    }
    let numbers: Vec<_> = (list.iter().map(|raw| f.real(key, raw, range.clone()))).collect();
    numbers.into_iter().collect()
}
