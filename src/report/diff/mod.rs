//! Two runs side by side: what was changed, and what it did to every figure.
//!
//! In: two runs on one chip each, read back from their JSON. Out: tables for the terminal, `diff.md`,
//! `diff.csv`, one waterfall a network from A's cycles to B's, and JSON for scripts. Networks are matched by
//! their ids and layers by their names; what only one run has is named and counted as 0 in the other, so that
//! the differences of all causes add up to the difference of all cycles. Nothing is simulated here, and a
//! difference is only told, never judged, but for the limit of [`verdict::slower`].

pub mod change;
pub mod csv;
mod grids;
pub mod machine;
mod markdown;
pub mod network;
pub mod settings;
pub mod terminal;
pub mod verdict;

use super::charts;
use super::json::read::Run;
use super::write::file_stem;
use crate::problem::Problem;
use network::NetworkDiff;
use settings::{SettingChange, WordChange};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The difference of two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff<'r> {
    /// The first run: where every way starts.
    pub a: &'r Run,
    /// The second run: where every way ends.
    pub b: &'r Run,
    /// Version, chip, clock and batch where they differ.
    pub facts: Vec<WordChange>,
    /// Keys of the configuration that differ.
    pub settings: Vec<SettingChange>,
    /// Networks of both, in A's order; at least one.
    pub networks: Vec<NetworkDiff>,
    /// Ids of networks that only A has.
    pub only_a: Vec<&'r str>,
    /// Ids of networks that only B has.
    pub only_b: Vec<&'r str>,
}

impl<'r> Diff<'r> {
    /// Sets `b` against `a`.
    ///
    /// # Errors
    /// `diff::no_common_network`: there is nothing to compare.
    pub fn of(a: &'r Run, b: &'r Run) -> Result<Self, Problem> {
        let in_b: BTreeMap<_, _> = b.networks.iter().map(|n| (n.id.as_str(), n)).collect();
        let pairs = (a.networks.iter()).filter_map(|n| Some((n, in_b.get(n.id.as_str())?)));
        let networks: Vec<_> = pairs.map(|(a, b)| NetworkDiff::of(a, b)).collect();
        if networks.is_empty() {
            return Err(nothing_in_common(a, b));
        }
        Ok(Self {
            a,
            b,
            facts: settings::facts(a, b),
            settings: settings::settings(a, b),
            networks,
            only_a: only(a, b),
            only_b: only(b, a),
        })
    }

    /// Whether anything differs: a figure, a name, a key of the configuration.
    #[must_use]
    pub fn differs(&self) -> bool {
        let lists = [self.only_a.is_empty(), self.only_b.is_empty()];
        let words = [self.facts.is_empty(), self.settings.is_empty()];
        lists.contains(&false)
            || words.contains(&false)
            || self.networks.iter().any(NetworkDiff::differs)
    }
}

/// Ids of networks that `run` has and `other` has not.
fn only<'r>(run: &'r Run, other: &Run) -> Vec<&'r str> {
    let others: BTreeSet<_> = other.networks.iter().map(|n| n.id.as_str()).collect();
    let ids = run.networks.iter().map(|n| n.id.as_str());
    ids.filter(|id| !others.contains(id)).collect()
}

fn nothing_in_common(a: &Run, b: &Run) -> Problem {
    let ids = |run: &Run| match run.networks.len() {
        0 => format!("`{}` has none", run.path),
        _ => {
            let ids: Vec<_> = run.networks.iter().map(|n| n.id.as_str()).collect();
            format!("`{}` has {}", run.path, ids.join(", "))
        }
    };
    Problem::new(
        "diff::no_common_network",
        format!("the runs have no network in common: {}, {}", ids(a), ids(b)),
        "give the same `id` in both studies to the networks to compare",
    )
}

/// The files of a difference under `out`: `diff.md`, `diff.csv`, and for each network of both runs
/// `waterfall-<id>.svg` (with `png` also `.png`).
#[must_use]
pub fn files(out: &Path, diff: &Diff<'_>, png: bool) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![
        (out.join("diff.md"), markdown::page(diff).into_bytes()),
        (out.join("diff.csv"), csv::rows(diff)),
    ];
    for network in &diff.networks {
        let chart = charts::difference(network, diff.a, diff.b);
        let path = out.join(&chart.stem);
        files.push((path.with_added_extension("svg"), chart.svg().into_bytes()));
        if png {
            files.push((path.with_added_extension("png"), chart.png()));
        }
    }
    files
}

/// Name of a network's waterfall without extension.
pub(super) fn stem(id: &str) -> String {
    file_stem(&format!("waterfall-{id}"))
}
