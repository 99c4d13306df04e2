//! `manifest.json` beside a dump: whether the dump is of this study, chip, network and image.

use super::dumps::text;
use crate::problem::{Problem, Problems, Setting};
use crate::report::manifest::digest;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What a dump is to come from.
#[derive(Debug, Clone)]
pub struct Origin<'a> {
    /// Digest and settings of the study.
    pub study: (&'a str, &'a [Setting]),
    /// The same of the chip.
    pub chip: (&'a str, &'a [Setting]),
    /// The network's id.
    pub network: &'a str,
    /// The first image of the batch.
    pub image: usize,
    /// What the batch is made of, as a manifest has it.
    pub stimulus: Value,
}

/// The manifest of the dump at `path`: beside it, or above the folders `expected` and `words` of its set.
#[must_use]
pub fn manifest(path: &Path) -> Option<PathBuf> {
    let folder = folder(path);
    let named = folder.canonicalize().unwrap_or_else(|_| folder.clone());
    let below = named.ancestors().map_while(|folder| {
        let name = folder.file_name()?;
        (name == "expected" || name == "words").then_some("..")
    });
    let places = below.scan(folder.clone(), |place, up| {
        place.push(up);
        Some(place.clone())
    });
    let places = std::iter::once(folder.clone()).chain(places);
    let mut files = places.map(|place| place.join("manifest.json"));
    files.find(|file| file.is_file())
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
        ("stimulus", &read["stimulus"], origin.stimulus.clone()),
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

/// Keys with another value, that `--set` can give. A key of a list comes once an entry, in order.
fn settings(read: &Value, origin: &Origin<'_>) -> Vec<String> {
    let below = |settings: &[Setting], above: &str| -> Vec<(String, String)> {
        let pair = |s: &Setting| (format!("{above}{}", s.key), s.value.clone());
        settings.iter().map(pair).collect()
    };
    let wanted = [below(origin.study.1, ""), below(origin.chip.1, "chip.")].concat();
    let rows = read["config"].as_array().map_or(&[][..], Vec::as_slice);
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut others = Vec::new();
    for (key, value) in &wanted {
        let turn = seen.entry(key).or_default();
        match rows.iter().filter(|row| row["key"] == **key).nth(*turn) {
            Some(row) if row["value"] == **value => {}
            Some(row) => others.push(format!("{key} = {}, this run has {value:?}", row["value"])),
            None => others.push(format!("no key {key}, this run has {value:?}")),
        }
        *turn += 1;
    }
    others
}

/// Files that the hardware ran and that are not as they were written. What it should answer is not looked at.
fn files(read: &Value, manifest: &Path) -> Vec<String> {
    let folder = folder(manifest);
    let listed = read["files"].as_array().map_or(&[][..], Vec::as_slice);
    let changed = |file: &Value| {
        let path = file["path"].as_str()?;
        let below = |part: Component<'_>| matches!(part, Component::Normal(_));
        let plain = !path.starts_with("expected/") && Path::new(path).components().all(below);
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
    let help = "give study, `--network`, `--chip`, `--image`, `--stimulus` and `--set` as the dump was made with, or a dump of this run";
    Problem::new("verify::mixed_set", message, help)
}
