//! The report of a study of precision: tables on the terminal, CSV, JSON, charts, one page that says it in words.
//!
//! In: what [`crate::precision`] found. Out: `points.csv` (a row a point), `layers.csv` (a row a layer and variant),
//! `weights.csv` (magnitudes of the weights of parallel branches), `precision.json` (all of it), `charts/*.svg` and
//! `report.html`, the same bytes for the same figures. The sentences of `words` are made of the figures alone.

mod charts;
mod csv;
mod grids;
mod json;
mod page;
mod words;

use super::{Borders, ConfigTable, Provenance, table};
use crate::precision::{Found, Grid, Method, Outcome, Point};
use crate::quantise::{Granularity, ScaleSet};
use std::path::{Path, PathBuf};

/// What follows the id of a network in the id of its twin.
pub const TWIN_SUFFIX: &str = "-spread";

/// Files that every report has, besides its charts.
pub const MAIN_FILES: [&str; 5] = [
    "points.csv",
    "layers.csv",
    "weights.csv",
    "precision.json",
    "report.html",
];

/// Everything a study of precision found.
#[derive(Debug, Clone)]
pub struct PrecisionReport {
    /// Name of the study.
    pub title: String,
    /// What it asks.
    pub description: Option<String>,
    /// What made it.
    pub provenance: Provenance,
    /// What was tried.
    pub grid: Grid,
    /// By network, a twin behind its original.
    pub networks: Vec<Found>,
    /// Powers of two between the channels of a twin.
    pub spread_octaves: u8,
    /// The effective configuration.
    pub config: ConfigTable,
}

/// The result of one network at one point, if it was tried and has integers.
fn at(network: &Found, point: Point) -> Option<Outcome> {
    let found = network.points.iter().find(|(tried, _)| *tried == point)?;
    found.1.as_ref().ok().copied()
}

/// Right answers of the integers in percent of the images.
fn top1(network: &Found, outcome: Outcome) -> f64 {
    percent(outcome.right, network.images)
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * super::figures::real(part) / super::figures::real(whole.max(1))
}

/// Right answers of the floats in percent of the images.
fn float_top1(network: &Found) -> f64 {
    percent(network.float_right, network.images)
}

const fn granularity_words(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::PerTensor => "per tensor",
        Granularity::PerChannel => "per channel",
    }
}

const fn granularity_key(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::PerTensor => "per_tensor",
        Granularity::PerChannel => "per_channel",
    }
}

const fn scales_key(scales: ScaleSet) -> &'static str {
    match scales {
        ScaleSet::Free => "free",
        ScaleSet::PowerOfTwo => "power_of_two",
    }
}

const fn scales_words(scales: ScaleSet) -> &'static str {
    match scales {
        ScaleSet::Free => "free scales",
        ScaleSet::PowerOfTwo => "powers of two",
    }
}

/// The files of a report under `out`, not written yet.
#[must_use]
pub fn files(out: &Path, report: &PrecisionReport, png: bool) -> Vec<(PathBuf, Vec<u8>)> {
    let charts = charts::draw(report);
    let [points, layers, weights, json, html] = MAIN_FILES.map(|name| out.join(name));
    let mut files = vec![
        (points, csv::points(report)),
        (layers, csv::layers(report)),
        (weights, csv::weights(report)),
        (json, json::text(report).into_bytes()),
        (html, page::page(report, &charts).into_bytes()),
    ];
    for chart in &charts {
        let path = out.join("charts").join(&chart.stem);
        files.push((path.with_added_extension("svg"), chart.svg().into_bytes()));
    }
    if png {
        for (stem, bytes) in super::charts::encode_all(&charts) {
            let path = out.join("charts").join(stem);
            files.push((path.with_added_extension("png"), bytes));
        }
    }
    files
}

/// Tables and sentences for a terminal of `width` columns; no colour.
#[must_use]
pub fn terminal(report: &PrecisionReport, width: u16, borders: Borders) -> String {
    let mut text = String::new();
    for network in &report.networks {
        for grid in grids::of(report, network) {
            text.push_str(&format!("{}\n", grid.title));
            text.push_str(&table::print(&grid, width, borders));
            text.push('\n');
        }
        for sentence in words::of(report, network) {
            text.push_str(&table::wrap(&sentence, width));
        }
        text.push('\n');
    }
    text
}

/// Remedies of the grid that stand at this many bits.
fn methods_at(report: &PrecisionReport, bits: u8) -> Vec<Method> {
    let points = report.grid.points();
    let at = points.iter().filter(|point| point.bits == bits);
    let mut methods: Vec<Method> = at.map(|point| point.method).collect();
    methods.sort_unstable();
    methods.dedup();
    methods
}

#[cfg(test)]
mod tests;
