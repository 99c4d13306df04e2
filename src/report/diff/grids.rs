//! The tables of a difference as plain rows of words: the terminal and the Markdown page print the same ones.

use super::change::{Change, signed};
use super::network::{Found, LayerDiff, NetworkDiff, counts};
use super::settings::{SettingChange, WordChange};
use crate::report::charts::palette::{Ink, words};
use crate::report::grid::Grid;
use std::cmp::Reverse;

const SIDES: [&str; 4] = ["A", "B", "difference", "of A"];

/// Facts in words that differ; `None` where none does.
pub(super) fn facts<'c>(changes: impl Iterator<Item = &'c WordChange>) -> Option<Grid> {
    let mut grid = Grid::new("What ran", &["fact", "A", "B"], 3);
    grid.rows = changes
        .map(|change| {
            [&change.what, &change.a, &change.b]
                .map(Clone::clone)
                .to_vec()
        })
        .collect();
    some(grid)
}

/// Keys of the configuration that differ; `None` where none does. Of a source `most` letters are shown.
pub(super) fn settings(changes: &[SettingChange], most: usize) -> Option<Grid> {
    let head = ["key", "A", "source of A", "B", "source of B"];
    let mut grid = Grid::new("Config keys changed", &head, 5);
    let side = |side: &Option<(String, String)>| match side {
        Some((value, source)) => [value.clone(), cut(source, most)],
        None => ["absent", ""].map(str::to_owned),
    };
    grid.rows = (changes.iter())
        .map(|change| {
            let sides = [side(&change.a), side(&change.b)].concat();
            [vec![change.key.clone()], sides].concat()
        })
        .collect();
    some(grid)
}

/// The figures of a network that are not 0 in both runs.
pub(super) fn figures(network: &NetworkDiff) -> Grid {
    let title = format!("{}: figures", network.id);
    let mut grid = Grid::new(&title, &[&["figure", "unit"], SIDES.as_slice()].concat(), 2);
    for change in network.figures.iter().filter(|change| is_there(change)) {
        let names = [change.words.clone(), change.unit.text().to_owned()];
        grid.rows
            .push([names.to_vec(), change.cells().to_vec()].concat());
    }
    grid
}

/// Cycles by cause, causes without a cycle in both runs left out.
pub(super) fn causes(network: &NetworkDiff) -> Grid {
    let title = format!("{}: cycles by cause", network.id);
    let mut grid = Grid::new(&title, &[&["cause"], SIDES.as_slice()].concat(), 1);
    for (cause, change) in network.causes.iter().filter(|(_, change)| is_there(change)) {
        let name = vec![words(*cause)];
        grid.rows.push([name, change.cells().to_vec()].concat());
        grid.inks.push(Ink::Cause(*cause));
    }
    grid
}

/// The layers that differ in A's order, the `most` that move most cycles; `None` where none differs.
/// Layers left out are told with their number and their cycles.
pub(super) fn layers(network: &NetworkDiff, most: usize) -> Option<(Grid, Option<String>)> {
    let changed: Vec<&LayerDiff> = network.changed_layers().collect();
    let mut places: Vec<usize> = (0..changed.len()).collect();
    places.sort_by_key(|&place| (Reverse(moved(changed[place])), place));
    let rest = places.split_off(most.min(places.len()));
    places.sort_unstable();
    let title = format!(
        "{}: cycles by layer, {} of {} layers differ",
        network.id,
        changed.len(),
        network.layers.len()
    );
    let tail = ["most in", "DRAM bytes"];
    let head = [&["layer"], SIDES.as_slice(), tail.as_slice()].concat();
    let mut grid = Grid::new(&title, &head, 1);
    grid.rows = places
        .iter()
        .map(|&place| layer_row(changed[place]))
        .collect();
    let left_out = (!rest.is_empty()).then(|| {
        let net = |place: &usize| {
            let [a, b] = counts(&changed[*place].total);
            i128::from(b) - i128::from(a)
        };
        let net: i128 = rest.iter().map(net).sum();
        format!(
            "{} more layers differ, together by {net:+} cycles",
            rest.len()
        )
    });
    Some((some(grid)?, left_out))
}

/// Cycles that changed their cause or their number in a layer, then bytes.
fn moved(layer: &LayerDiff) -> (u128, u128) {
    let way = |change: &Change| {
        let [a, b] = counts(change);
        u128::from(a.abs_diff(b))
    };
    let cycles = layer.causes.iter().map(|(_, change)| way(change)).sum();
    (cycles, layer.dram.iter().map(way).sum())
}

fn layer_row(layer: &LayerDiff) -> Vec<String> {
    let name = match layer.found {
        Found::Both => layer.name.clone(),
        Found::OnlyA => format!("{} (only in A)", layer.name),
        Found::OnlyB => format!("{} (only in B)", layer.name),
    };
    let largest = layer.causes.iter().rev().max_by_key(|(_, change)| {
        let [a, b] = counts(change);
        a.abs_diff(b)
    });
    let mostly = largest
        .filter(|(_, change)| change.differs())
        .map(|(cause, change)| {
            let [a, b] = counts(change);
            format!("{} {}", words(*cause), signed(a, b))
        });
    let [a, b] = layer.dram.last().map_or([0, 0], counts);
    let tail = [mostly.unwrap_or_else(|| "none".to_owned()), signed(a, b)];
    [vec![name], layer.total.cells().to_vec(), tail.to_vec()].concat()
}

/// The first letters of a text, with `…` where some are left out.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn is_there(change: &Change) -> bool {
    use super::change::Amount;
    let nothing = |side: Option<Amount>| side == Some(Amount::Count(0));
    !(nothing(change.a) && nothing(change.b))
}

fn some(grid: Grid) -> Option<Grid> {
    (!grid.rows.is_empty()).then_some(grid)
}
