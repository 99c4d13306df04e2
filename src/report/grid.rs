//! The tables of a report as plain rows of words: the terminal and the page print the same ones.

use super::charts::palette::{Ink, words};
use super::figures::{Summary, layer_utilisation, payload, real, share, traffic_key};
use super::human::{grouped, percent, significant};
use super::{ChipFacts, ChipRun, Contrasted, RunResult, contrasted, validated, work};
use crate::schedule::Traffic;
use crate::time::{Account, Cause};
use crate::units::Bytes;

/// A table: every figure has its unit beside it or in the head of its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// What it shows.
    pub title: String,
    /// Heads of the columns.
    pub head: Vec<String>,
    /// Rows as wide as the head.
    pub rows: Vec<Vec<String>>,
    /// Columns of words before the columns of figures.
    pub words: usize,
    /// A colour for each row, or none at all.
    pub inks: Vec<Ink>,
}

impl Grid {
    /// A table without rows; `words` columns of words stand before the columns of figures.
    #[must_use]
    pub fn new(title: &str, head: &[&str], words: usize) -> Self {
        Self {
            title: title.to_owned(),
            head: head.iter().map(|&text| text.to_owned()).collect(),
            rows: Vec::new(),
            words,
            inks: Vec::new(),
        }
    }
}

/// A row a network: the figures of its whole run.
#[must_use]
pub fn summary(run: &ChipRun) -> Grid {
    let head = [
        "network",
        "form",
        "cycles",
        "latency ms",
        "images/s",
        "utilisation %",
        "peak SRAM KiB",
        "DRAM MB",
    ];
    let mut grid = Grid::new("Networks", &head, 2);
    for network in &run.networks {
        let summary = Summary::of(network, &run.chip);
        grid.rows.push(vec![
            network.id.clone(),
            network.schedule.graph.form.to_string(),
            grouped(summary.cycles.0),
            significant(summary.latency_s * 1e3, 4),
            significant(summary.images_per_s, 4),
            bare_percent(summary.utilisation),
            significant(real(summary.peak_activation.0) / 1024.0, 4),
            megabytes(summary.dram.payload()),
        ]);
    }
    grid
}

/// Cycles by cause in percent of each run; causes without a cycle in any run are left out.
#[must_use]
pub fn causes(run: &ChipRun) -> Grid {
    let mut grid = Grid::new("Cycles by cause, percent of each run", &["cause"], 1);
    grid.head.extend(run.networks.iter().map(|n| n.id.clone()));
    let accounts: Vec<_> = run.networks.iter().map(|n| n.timeline.account()).collect();
    for cause in Cause::ALL {
        if accounts.iter().all(|account| account.get(cause).0 == 0) {
            continue;
        }
        let mut row = vec![words(cause)];
        let shares = accounts
            .iter()
            .map(|account| percent(share(account.get(cause), account.total())));
        row.extend(shares);
        grid.rows.push(row);
        grid.inks.push(Ink::Cause(cause));
    }
    grid
}

/// DRAM payload by kind.
#[must_use]
pub fn traffic(run: &ChipRun) -> Grid {
    let mut grid = Grid::new("DRAM bytes by kind, MB read and written", &["network"], 1);
    grid.head
        .extend(Traffic::ALL.map(|kind| traffic_key(kind).to_owned()));
    grid.head.push("total".to_owned());
    for network in &run.networks {
        let dram = network.timeline.dram();
        let mut row = vec![network.id.clone()];
        row.extend(Traffic::ALL.map(|kind| megabytes(payload(&dram, kind))));
        row.push(megabytes(dram.payload()));
        grid.rows.push(row);
    }
    grid
}

/// Top-1 of floats and integers; `None` without labelled images.
#[must_use]
pub fn accuracy(run: &ChipRun) -> Option<Grid> {
    let head = [
        "network",
        "images",
        "float top-1 %",
        "integer top-1 %",
        "agreement %",
    ];
    let mut grid = Grid::new("Accuracy on labelled images", &head, 1);
    for network in &run.networks {
        if let Some(accuracy) = network.accuracy {
            grid.rows.push(vec![
                network.id.clone(),
                grouped(accuracy.images),
                bare_percent(accuracy.float_top1),
                bare_percent(accuracy.integer_top1),
                bare_percent(accuracy.agreement),
            ]);
        }
    }
    (!grid.rows.is_empty()).then_some(grid)
}

/// The quotients of each pair; `None` without pairs.
#[must_use]
pub fn ratios(contrasts: &[Contrasted<'_>]) -> Option<Grid> {
    let columns: Vec<_> = contrasts.iter().map(contrasted::rows).collect();
    let mut grid = Grid::new("First network over second", &["figure"], 1);
    grid.head.extend(
        contrasts
            .iter()
            .map(|pair| format!("{} / {}", pair.first.id, pair.second.id)),
    );
    for (index, (name, _)) in columns.first()?.iter().enumerate() {
        let mut row = vec![(*name).to_owned()];
        row.extend(columns.iter().map(|column| column[index].1.clone()));
        grid.rows.push(row);
    }
    Some(grid)
}

/// A row a layer of one network, with what quantisation lost where that is known; operators that the RTL does not
/// validate are marked.
#[must_use]
pub fn layers(chip: &ChipFacts, network: &RunResult) -> Grid {
    let head = [
        "layer",
        "operator",
        "output",
        "MMAC/image",
        "cycles",
        "of run",
        "utilisation",
        "largest loss",
        "weights kB",
        "other DRAM kB",
    ];
    let mut grid = Grid::new(&format!("Layers of {}", network.id), &head, 3);
    if !network.quality.is_empty() {
        grid.head
            .extend(["scale", "clipped", "SQNR dB"].map(str::to_owned));
    }
    for index in 0..network.timeline.layers.len() {
        grid.rows.push(layer_row(chip, network, index));
    }
    grid
}

fn layer_row(chip: &ChipFacts, network: &RunResult, index: usize) -> Vec<String> {
    let time = &network.timeline.layers[index];
    let graph = &network.schedule.graph;
    let layer = &graph.layers[time.layer.0];
    let cycles = time.account.total();
    let weights = payload(&time.dram, Traffic::Weights);
    let mut row = vec![
        layer.name.clone(),
        validated::operator(chip, network, time.layer),
        layer.output.to_string(),
        significant(real(work::layer_macs(graph, layer).0) / 1e6, 3),
        grouped(cycles.0),
        percent(share(cycles, network.timeline.total)),
        layer_utilisation(time, network.timeline.peak_macs_per_cycle)
            .map_or_else(|| "n/a".to_owned(), percent),
        largest_wait(network, index),
        kilobytes(weights),
        kilobytes(Bytes(time.dram.payload().0 - weights.0)),
    ];
    if !network.quality.is_empty() {
        let quality = network.quality.iter().find(|q| q.name == layer.name);
        row.extend(quality.map_or_else(
            || ["n/a", "n/a", "n/a"].map(str::to_owned),
            |quality| {
                [
                    format!("{:.3e}", quality.scale),
                    percent(quality.clipped),
                    significant(quality.sqnr_db, 3),
                ]
            },
        ));
    }
    row
}

/// The cause besides useful steps that takes most of a layer, the first of equal ones.
pub(super) fn largest_loss(account: &Account) -> Option<Cause> {
    Cause::ALL
        .into_iter()
        .filter(|&cause| cause != Cause::Useful && account.get(cause).0 > 0)
        .rev()
        .max_by_key(|&cause| account.get(cause))
}

/// That cause with its share of the layer.
fn largest_wait(network: &RunResult, index: usize) -> String {
    let account = &network.timeline.layers[index].account;
    largest_loss(account).map_or_else(
        || "none".to_owned(),
        |cause| {
            let part = percent(share(account.get(cause), account.total()));
            format!("{} {part}", words(cause))
        },
    )
}

fn bare_percent(fraction: f64) -> String {
    percent(fraction).trim_end_matches(" %").to_owned()
}

fn megabytes(bytes: Bytes) -> String {
    significant(real(bytes.0) / 1e6, 4)
}

fn kilobytes(bytes: Bytes) -> String {
    format!("{:.1}", real(bytes.0) / 1e3)
}
