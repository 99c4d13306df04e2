//! `manifest.json` beside a dump: whether the dump is of this study, chip, network and image.

use super::dumps::text;
use crate::problem::{Problem, Problems, Setting};
use crate::report::manifest::digest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a dump is to come from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// Digest and settings of the study.
    pub study: (&'a str, &'a [Setting]),
    /// The same of the chip.
    pub chip: (&'a str, &'a [Setting]),
    /// The network's id.
    pub network: &'a str,
    /// The first image of the batch.
    pub image: usize,
}

/// The manifest of the dump at `path`: beside it, or above a folder `expected`.
#[must_use]
pub fn manifest(path: &Path) -> Option<PathBuf> {
    let folder = folder(path);
    let named = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let mut places = vec![folder.clone()];
    if named.file_name().is_some_and(|name| name == "expected") {
        places.push(folder.join(".."));
    }
    let files = places.into_iter().map(|place| place.join("manifest.json"));
    files.into_iter().find(|file| file.is_file())
}

/// The folder that a dump is, or lies in.
#[must_use]
pub fn folder(path: &Path) -> PathBuf {
    if path.is_dir() {
        return path.to_owned();
    }
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// That the dump comes from `origin`, as far as its manifest says, and the files that the hardware ran are whole.
///
/// # Errors
/// `verify::manifest`; `verify::mixed_set` for each thing that is another.
pub fn check(manifest: &Path, origin: &Origin<'_>) -> Result<(), Problems> {
    let text = text(manifest)?;
    let read: Value = serde_json::from_str(&text).map_err(|error| unread(manifest, &error))?;
    let mut others = Vec::new();
    for (what, found, wanted) in [
        ("network", &read["network"], Value::from(origin.network)),
        ("image", &read["image"], Value::from(origin.image)),
        (
            "study",
            &read["study"]["digest"],
            Value::from(origin.study.0),
        ),
        ("chip", &read["chip"]["digest"], Value::from(origin.chip.0)),
    ] {
        if *found != wanted {
            others.push(format!("{what} {found}, this run has {wanted}"));
        }
    }
    others.extend(settings(&read, origin));
    others.extend(files(&read, manifest));
    if others.is_empty() {
        return Ok(());
    }
    Err(Problems(
        others.iter().map(|other| mixed(manifest, other)).collect(),
    ))
}

/// Keys with other values, that `--set` can give. A key of a list stands once for each entry.
fn settings(read: &Value, origin: &Origin<'_>) -> Vec<String> {
    let mut wanted: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (above, settings) in [("", origin.study.1), ("chip.", origin.chip.1)] {
        for setting in settings {
            let values = wanted.entry(format!("{above}{}", setting.key));
            values.or_default().push(&setting.value);
        }
    }
    let mut found: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in read["config"].as_array().into_iter().flatten() {
        if let (Some(key), Some(value)) = (row["key"].as_str(), row["value"].as_str()) {
            found.entry(key).or_default().push(value);
        }
    }
    let other = |(key, values): (&String, &Vec<&str>)| {
        let (now, then) = (values.join(", "), found.get(key.as_str()));
        match then {
            Some(then) if then == values => None,
            Some(then) => Some(format!("{key} = {}, this run has {now}", then.join(", "))),
            None => Some(format!("no key {key}, this run has {now}")),
        }
    };
    wanted.iter().filter_map(other).collect()
}

/// Files that the hardware ran and that are not as they were written. What it should answer is not looked at.
fn files(read: &Value, manifest: &Path) -> Vec<String> {
    let folder = folder(manifest);
    let listed = read["files"].as_array().map_or(&[][..], Vec::as_slice);
    let changed = |file: &Value| {
        let path = file["path"].as_str()?;
        let plain = !path.starts_with("expected/") && Path::new(path).components().count() == 1;
        let bytes = std::fs::read(folder.join(path)).ok().filter(|_| plain)?;
        let now = digest(&bytes);
        (file["sha256"] != now)
            .then(|| format!("{path} of SHA-256 {}, the file has {now}", file["sha256"]))
    };
    listed.iter().filter_map(changed).collect()
}

fn unread(path: &Path, error: &serde_json::Error) -> Problem {
    let message = format!("`{}` is no manifest: {error}", path.display());
    let help = "give the `manifest.json` that `repchip golden` wrote, or none";
    Problem::new("verify::manifest", message, help)
}

fn mixed(path: &Path, other: &str) -> Problem {
    let message = format!("mixed set: `{}` tells of {other}", path.display());
    let help = "give study, `--network`, `--chip`, `--image` and `--set` as the dump was made with, or a dump of this run";
    Problem::new("verify::mixed_set", message, help)
}
