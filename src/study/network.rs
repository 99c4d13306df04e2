//! One network of a study: what it is, where its parameters and images come from.

use super::raw::{RawNetwork, RawWeights};
use super::{
    ImageFiles, Images, NetworkEntry, Normalisation, Source, StudyError, WeightSource, bounds,
};
use crate::network::import::{ImportError, Numbers, Stated};
use crate::network::{Form, import};
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
        Self::absent(f, key, raw, &path);
        None
    }

    /// Images that exist, as a file or a folder; behind a npz file may stand `:` and the name of an array.
    fn images(&self, f: &mut Findings, key: &str, raw: &Sourced<String>) -> Option<ImageFiles> {
        f.setting(key, raw.span.clone());
        let files = ImageFiles::new(&raw.value);
        let path = self.0.join(&files.path);
        if path.is_file() || (path.is_dir() && files.array.is_none()) {
            return Some(ImageFiles { path, ..files });
        }
        Self::absent(f, key, raw, &path);
        None
    }

    fn absent(f: &mut Findings, key: &str, raw: &Sourced<String>, path: &Path) {
        let error = StudyError::NoSuchFile {
            key: key.to_owned(),
            path: path.display().to_string(),
        };
        f.report(error.into(), raw.span.clone(), "not there");
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
    let (source, stated) = source(f, raw, folder, known).unzip();
    let numbers = match &source {
        Some(Source::Model { numbers, .. }) => *numbers,
        Some(Source::Builtin { .. }) | None => Numbers::Reals,
    };
    let form = match (&raw.form, &raw.model) {
        (Some(form), _) => f.choice(&key("form"), form, &bounds::FORMS),
        (None, Some(_)) => {
            f.default(&key("form"), Form::Deploy.to_string());
            Some(Form::Deploy)
        }
        (None, None) => needed(f, key("form"), raw),
    };
    let input = match (&raw.input, &raw.model) {
        (Some(list), _) => input(f, &key("input"), list),
        (None, Some(file)) => stated
            .flatten()
            .and_then(|stated| of_file(f, &key("input"), file, stated)),
        (None, None) => needed(f, key("input"), raw),
    };
    let execute = execute(f, &key("execute"), raw);
    let images = images(f, raw, folder, input, numbers);
    Some(NetworkEntry {
        id: id?,
        source: source?,
        form: form?,
        input: input?,
        execute: execute?,
        images: images?,
    })
}

/// Reports a key that a built-in network needs.
fn needed<T>(f: &mut Findings, key: String, raw: &RawNetwork) -> Option<T> {
    // Without a name either, the missing name is what is told.
    let name = raw.name.as_ref()?;
    let why = "a built-in network has none of its own";
    let error = StudyError::Needed { key, why };
    f.report(error.into(), name.span.clone(), "asks for it");
    None
}

/// The size of the images of a model's file.
fn of_file(
    f: &mut Findings,
    key: &str,
    file: &Sourced<String>,
    stated: Result<FeatureMap, ImportError>,
) -> Option<FeatureMap> {
    match stated {
        Ok(input) => {
            f.default(key, format!("{input}, from the file"));
            Some(input)
        }
        Err(error) => {
            f.report(error.into(), file.span.clone(), "this file");
            None
        }
    }
}

/// A built-in network with its weights, or a model and the size of its images.
fn source(
    f: &mut Findings,
    raw: &RawNetwork,
    folder: &Folder,
    known: &[&str],
) -> Option<(Source, Option<Result<FeatureMap, ImportError>>)> {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let found = match (&raw.name, &raw.model) {
        (Some(raw_name), None) => {
            let name = name(f, &key("name"), raw_name, known);
            let weights = match &raw.weights {
                Some(raw) => weights(f, &key("weights"), raw, folder).map(Some),
                None => {
                    f.default(&key("weights"), "none");
                    Some(None)
                }
            };
            let source = Source::Builtin {
                name: name?,
                weights: weights?,
            };
            return Some((source, None));
        }
        (None, Some(model)) => {
            let path = folder.file(f, &key("model"), model);
            if let Some(weights) = &raw.weights {
                let error = StudyError::UnusedKey {
                    key: key("weights"),
                    why: "the model holds its weights",
                };
                f.report(error.into(), weights.span(), "unused");
                return None;
            }
            let path = path?;
            return match import::stated(&path) {
                Ok(Stated { input, numbers }) => {
                    Some((Source::Model { path, numbers }, Some(input)))
                }
                Err(error) => {
                    f.report(error.into(), model.span.clone(), "this file");
                    None
                }
            };
        }
        (None, None) => "neither",
        (Some(_), Some(_)) => "both",
    };
    let error = StudyError::NetworkSource {
        key: format!("networks.{}", raw.id.value),
        found,
    };
    f.report(error.into(), raw.id.span.clone(), "this network");
    None
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
        let default = raw.weights.is_some() || raw.model.is_some();
        f.default(key, default.to_string());
        return Some(default);
    };
    f.setting(key, execute.span.clone());
    if execute.value && raw.weights.is_none() && raw.model.is_none() {
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
    numbers: Numbers,
) -> Option<Option<Images>> {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let file = |f: &mut Findings, name: &str, path: &Option<Sourced<String>>| match path {
        Some(path) => folder.file(f, &key(name), path).map(Some),
        None => {
            f.default(&key(name), "none");
            Some(None)
        }
    };
    let pictures = |f: &mut Findings, name: &str, path: &Option<Sourced<String>>| match path {
        Some(path) => folder.images(f, &key(name), path).map(Some),
        None => {
            f.default(&key(name), "none");
            Some(None)
        }
    };
    let test = pictures(f, "images", &raw.images);
    let labels = file(f, "labels", &raw.labels);
    let logits = file(f, "logits", &raw.logits);
    let calibration = pictures(f, "calibration", &raw.calibration);
    let resize = match &raw.resize {
        Some(resize) => f.integer(&key("resize"), resize, bounds::RESIZE).map(Some),
        None => {
            f.default(&key("resize"), "none");
            Some(None)
        }
    };
    let are_pictures = [&test, &calibration]
        .into_iter()
        .flatten()
        .flatten()
        .any(ImageFiles::are_pictures);
    let used = all_used(f, raw, are_pictures, numbers);
    let mean = statistics(f, &key("mean"), raw.mean.as_ref(), input, bounds::MEAN);
    let std = statistics(f, &key("std"), raw.std.as_ref(), input, bounds::STD);
    let (test, labels, logits, resize) = (test?, labels?, logits?, resize?);
    used.then_some(())?;
    let calibration = calibration?;
    if test.is_none() && calibration.is_none() {
        return Some(None);
    }
    Some(Some(Images {
        test,
        labels,
        logits,
        calibration,
        resize,
        normalisation: Normalisation {
            mean: mean?,
            std: std?,
        },
    }))
}

/// Whether each key about images has what it needs, and nothing that is needed is missing.
fn all_used(f: &mut Findings, raw: &RawNetwork, are_pictures: bool, numbers: Numbers) -> bool {
    let key = |name: &str| format!("networks.{}.{name}", raw.id.value);
    let file = |path: &Option<Sourced<String>>| path.as_ref().map(|path| path.span.clone());
    let list = |list: &Option<Spanned<Vec<Sourced<Real>>>>| list.as_ref().map(Spanned::span);
    let (images, calibration) = (file(&raw.images), file(&raw.calibration));
    let model = file(&raw.model);
    let weights = raw.weights.as_ref().map(Spanned::span).or(model.clone());
    let trained = raw
        .weights
        .as_ref()
        .filter(|weights| weights.get_ref().file.is_some())
        .map(Spanned::span)
        .or(model);
    let resize = raw.resize.as_ref().map(|resize| resize.span.clone());
    // What is calibrated, and the pixels that are read for it or for the integers that are there.
    let (to_calibrate, pixels) = match numbers {
        Numbers::Reals => (weights.clone(), calibration.clone()),
        Numbers::Integers => (None, images.clone()),
    };
    let resized = (pixels.clone()).filter(|_| are_pictures);
    let mut good = true;

    // A key, and what must be there for it to be read.
    let unused = [
        (
            "resize",
            &resize,
            &resized,
            "the network has no PNG or JPEG images",
        ),
        (
            "calibration",
            &calibration,
            &to_calibrate,
            "the network has no weights in real numbers",
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
            &pixels,
            "the network has no images to make inputs of",
        ),
        (
            "std",
            &list(&raw.std),
            &pixels,
            "the network has no images to make inputs of",
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
    let real = |span: &Option<std::ops::Range<usize>>| match numbers {
        Numbers::Reals => span.clone(),
        Numbers::Integers => None,
    };
    // A key that is there, and what it asks for.
    let needed = [
        (
            &real(&images),
            "calibration",
            &calibration,
            "the network has images to be executed on",
        ),
        (
            &real(&trained),
            "calibration",
            &calibration,
            "scales of trained weights need images",
        ),
        (
            &pixels,
            "mean",
            &list(&raw.mean),
            "pixels become real inputs with it",
        ),
        (
            &pixels,
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
