//! Which words of two runs differ: keys of their configurations, versions, names.

use crate::problem::Setting;
use crate::report::json::read::Run;
use std::collections::BTreeMap;

/// Something in words that the runs do not share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WordChange {
    /// `chip`, `clock_hz`, `resnet-18: form`.
    pub what: String,
    /// A's.
    pub a: String,
    /// B's.
    pub b: String,
}

/// A key of the configuration that has another value, or that only one run has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingChange {
    /// As `--set` takes it.
    pub key: String,
    /// A's value and its source.
    pub a: Option<(String, String)>,
    /// B's value and its source.
    pub b: Option<(String, String)>,
}

/// Facts of the whole runs that differ.
pub(super) fn facts(a: &Run, b: &Run) -> Vec<WordChange> {
    let of = |run: &Run| {
        [
            ("version", run.version.clone()),
            ("chip", run.chip.clone()),
            ("clock_hz", run.clock_hz.to_string()),
            ("batch", run.batch.to_string()),
        ]
    };
    let pairs = of(a).into_iter().zip(of(b));
    pairs
        .filter_map(|((what, a), (_, b))| changed(what, &a, &b))
        .collect()
}

/// The change of `what`, when there is one.
pub(super) fn changed(what: &str, a: &str, b: &str) -> Option<WordChange> {
    (a != b).then(|| WordChange {
        what: what.to_owned(),
        a: a.to_owned(),
        b: b.to_owned(),
    })
}

/// Keys whose values differ, in A's order, then those only in B. The same value from another source is no
/// change. A key that stands several times is matched in its order.
pub(super) fn settings(a: &Run, b: &Run) -> Vec<SettingChange> {
    let (a, b) = (numbered(&a.config), numbered(&b.config));
    let in_b: BTreeMap<_, _> = b.iter().copied().collect();
    let in_a: BTreeMap<_, _> = a.iter().copied().collect();
    let of_a = a.iter().filter_map(|(name, setting)| {
        let other = in_b.get(name).copied();
        let same = other.is_some_and(|other| other.value == setting.value);
        (!same).then(|| change(Some(*setting), other))
    });
    let alone = b.iter().filter(|(name, _)| !in_a.contains_key(name));
    let of_b = alone.map(|(_, setting)| change(None, Some(*setting)));
    of_a.chain(of_b).flatten().collect()
}

/// Each setting under its key and how often the key came before.
fn numbered(settings: &[Setting]) -> Vec<((&str, usize), &Setting)> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut numbered = Vec::with_capacity(settings.len());
    for setting in settings {
        let before = seen.entry(setting.key.as_str()).or_insert(0);
        *before += 1;
        numbered.push(((setting.key.as_str(), *before), setting));
    }
    numbered
}

fn change(a: Option<&Setting>, b: Option<&Setting>) -> Option<SettingChange> {
    let side = |setting: &Setting| (setting.value.clone(), setting.source.clone());
    Some(SettingChange {
        key: a.or(b)?.key.clone(),
        a: a.map(side),
        b: b.map(side),
    })
}
