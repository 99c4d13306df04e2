//! Which layer suits which chip: a row a layer, a column a chip, array utilisation in every cell.
//!
//! One hue, darker is better; cells are coloured in steps of five percent and carry their figure.

use super::font;
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use crate::report::figures::{layer_utilisation, real};
use crate::report::{ChipRun, Report, RunResult};
use crate::units::count;
use std::collections::BTreeMap;

const WIDTH: f64 = 900.0;
const EDGE: f64 = 16.0;
/// Between the columns of layers.
const GAP: f64 = 24.0;
const SIZE: f64 = 10.0;
const ROW: f64 = 15.0;
/// Narrowest and widest cell.
const CELL: [f64; 2] = [38.0, 84.0];
/// Widest name that is not cut.
const NAME: f64 = 170.0;
/// Layers of a column, if more columns find room.
const COLUMN: usize = 36;
/// Percent of one step of the colours.
const STEP: f64 = 5.0;

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cell {
    /// Array MACs over the peak of the layer's cycles, 0 to 1.
    Share(f64),
    /// The layer runs elsewhere than on the array.
    NoMacs,
    /// The network, or this layer of it, does not run on the chip.
    Absent,
}

/// One network on all chips of a report.
struct Table<'a> {
    chips: Vec<&'a str>,
    layers: Vec<&'a str>,
    /// Layer by layer, a cell a chip.
    cells: Vec<Vec<Cell>>,
    /// The whole network, a cell a chip.
    whole: Vec<Cell>,
}

/// Ids of all networks of a report, in the order of its chips.
pub(super) fn networks(report: &Report) -> Vec<&str> {
    let mut ids: Vec<&str> = Vec::new();
    for network in report.chips.iter().flat_map(|run| &run.networks) {
        if !ids.contains(&network.id.as_str()) {
            ids.push(&network.id);
        }
    }
    ids
}

fn table<'a>(report: &'a Report, id: &str) -> Table<'a> {
    let runs: Vec<(&ChipRun, Option<&RunResult>)> = report
        .chips
        .iter()
        .map(|chip| (chip, chip.networks.iter().find(|network| network.id == id)))
        .collect();
    let longest = runs
        .iter()
        .filter_map(|(_, run)| *run)
        .max_by_key(|run| run.timeline.layers.len());
    let layers: Vec<&str> = longest.map_or_else(Vec::new, |run| names(run).collect());
    let columns: Vec<BTreeMap<&str, Cell>> = runs
        .iter()
        .map(|(_, run)| run.map_or_else(BTreeMap::new, column))
        .collect();
    let cell = |column: &BTreeMap<&str, Cell>, name| *column.get(name).unwrap_or(&Cell::Absent);
    Table {
        chips: runs
            .iter()
            .map(|(chip, _)| chip.chip.name.as_str())
            .collect(),
        cells: layers
            .iter()
            .map(|name| columns.iter().map(|column| cell(column, name)).collect())
            .collect(),
        layers,
        whole: runs.iter().map(|(_, run)| whole(*run)).collect(),
    }
}

fn names(run: &RunResult) -> impl Iterator<Item = &str> {
    let layers = &run.schedule.graph.layers;
    run.timeline
        .layers
        .iter()
        .map(|time| layers[time.layer.0].name.as_str())
}

fn column(run: &RunResult) -> BTreeMap<&str, Cell> {
    let peak = run.timeline.peak_macs_per_cycle;
    let cells = run.timeline.layers.iter().map(|time| {
        if time.macs.0 == 0 {
            Cell::NoMacs
        } else {
            layer_utilisation(time, peak).map_or(Cell::Absent, Cell::Share)
        }
    });
    names(run).zip(cells).collect()
}

fn whole(run: Option<&RunResult>) -> Cell {
    run.filter(|run| run.timeline.total.0 > 0)
        .map_or(Cell::Absent, |run| Cell::Share(run.counts().utilisation()))
}

/// Lays out one network over all chips.
pub(super) fn scene(report: &Report, id: &str) -> Scene {
    let table = table(report, id);
    let plan = Plan::new(&table);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Array utilisation, layers by chips: {id}"),
        &format!(
            "percent of the peak MACs of each layer's cycles, batch {}; first row: the whole network",
            report.chips.first().map_or(0, ChipRun::batch)
        ),
    );
    scale(&mut scene, 70.0);
    let mut top = 112.0;
    if plan.numbered {
        top += key(&mut scene, &table.chips, top);
    }
    let mut first = 0;
    for column in 0..plan.columns {
        let left = EDGE + real(count(column)) * (plan.width() + GAP);
        let end = table.layers.len().min(first + plan.rows);
        block(&mut scene, &table, &plan, [left, top], first..end);
        first = end;
    }
    scene.height = top + 22.0 + ROW * real(count(plan.rows + 1)) + 14.0;
    scene
}

/// How many columns of layers there are, and how wide each part of them is.
struct Plan {
    names: f64,
    cell: f64,
    chips: usize,
    columns: usize,
    rows: usize,
    /// The heads are numbers with a key, as the chips' names are too wide.
    numbered: bool,
}

impl Plan {
    fn new(table: &Table<'_>) -> Self {
        let width = |text: &&str| font::width(text, SIZE, false);
        let names = table
            .layers
            .iter()
            .map(width)
            .fold(80.0, f64::max)
            .min(NAME)
            + 10.0;
        let head = table.chips.iter().map(width).fold(0.0, f64::max) + 8.0;
        let chips = table.chips.len();
        let numbered = head > CELL[1];
        let wanted = if numbered { CELL[0] } else { head.max(CELL[0]) };
        let room = WIDTH - 2.0 * EDGE;
        let fits = |columns: usize, cell: f64| {
            let one = names + cell * real(count(chips));
            one * real(count(columns)) + GAP * real(count(columns - 1)) <= room
        };
        let most = table.layers.len().div_ceil(COLUMN).max(1);
        let columns = (1..=most).rev().find(|&n| fits(n, wanted)).unwrap_or(1);
        let cell = wanted.min((room - names) / real(count(chips.max(1))));
        Self {
            names,
            cell,
            chips,
            columns,
            rows: table.layers.len().div_ceil(columns),
            numbered: numbered || cell < wanted,
        }
    }

    fn width(&self) -> f64 {
        self.names + self.cell * real(count(self.chips))
    }
}

/// The colours from 0 to 100 %, and the mark of a blank cell.
fn scale(scene: &mut Scene, y: f64) {
    let (left, width) = (EDGE, 240.0);
    for step in 0..20_u8 {
        let part = width / 20.0;
        let at = [left + f64::from(step) * part, y];
        scene.rect(at, [part, 12.0], Ink::Heat(step * 5));
    }
    for (percent, anchor) in [
        (0.0, Anchor::Start),
        (50.0, Anchor::Middle),
        (100.0, Anchor::End),
    ] {
        let at = [left + width * percent / 100.0, y + 21.0];
        scene.text(at, anchor, SIZE, Ink::Muted, format!("{percent} %"));
    }
    let words = "– no MACs of this layer run on the array";
    scene.text(
        [left + width + 24.0, y + 6.0],
        Anchor::Start,
        SIZE,
        Ink::Muted,
        words,
    );
}

/// What the numbers over the cells stand for; returns the height.
fn key(scene: &mut Scene, chips: &[&str], top: f64) -> f64 {
    let (mut x, mut y) = (EDGE, top);
    for (number, name) in (1..).zip(chips) {
        let text = font::fit(&format!("{number}: {name}"), SIZE, WIDTH - 2.0 * EDGE);
        let width = font::width(&text, SIZE, false);
        if x > EDGE && x + width > WIDTH - EDGE {
            (x, y) = (EDGE, y + ROW);
        }
        scene.text([x, y], Anchor::Start, SIZE, Ink::Text, text);
        x += width + 18.0;
    }
    y + ROW + 4.0 - top
}

/// One column of layers with its heads and the row of the network.
fn block(
    scene: &mut Scene,
    table: &Table<'_>,
    plan: &Plan,
    [left, top]: [f64; 2],
    layers: std::ops::Range<usize>,
) {
    let cells = left + plan.names;
    let x = |chip: usize| cells + plan.cell * real(count(chip));
    for (chip, name) in table.chips.iter().enumerate() {
        let head = if plan.numbered {
            (chip + 1).to_string()
        } else {
            (*name).to_owned()
        };
        let at = [x(chip) + plan.cell / 2.0, top + 6.0];
        scene.text(at, Anchor::Middle, SIZE, Ink::Text, head);
    }
    let first = top + 18.0;
    let y = |row: usize| first + ROW * real(count(row));
    let below = first + ROW + 4.0;
    if layers.start == 0 {
        let at = [cells - 6.0, y(0) + ROW / 2.0];
        scene.text(at, Anchor::End, SIZE, Ink::Text, "whole network");
        for (chip, &cell) in table.whole.iter().enumerate() {
            paint(scene, cell, [x(chip), y(0)], plan.cell);
        }
    }
    for (row, layer) in layers.clone().enumerate() {
        let middle = below + ROW * (real(count(row)) + 0.5);
        let name = font::fit(table.layers[layer], SIZE, plan.names - 10.0);
        scene.text([cells - 6.0, middle], Anchor::End, SIZE, Ink::Text, name);
    }
    for chip in 0..plan.chips {
        let column: Vec<Cell> = layers
            .clone()
            .map(|layer| table.cells[layer][chip])
            .collect();
        fill(scene, &column, [x(chip), below], plan.cell);
        for (row, &cell) in column.iter().enumerate() {
            write(
                scene,
                cell,
                [x(chip), below + ROW * real(count(row))],
                plan.cell,
            );
        }
    }
}

/// Colours of a column of cells; neighbours of one colour are one shape.
fn fill(scene: &mut Scene, column: &[Cell], [x, top]: [f64; 2], width: f64) {
    let mut row = 0;
    for same in column.chunk_by(|a, b| ink(*a) == ink(*b)) {
        if let Some(ink) = ink(same[0]) {
            let at = [x, top + ROW * real(count(row))];
            scene.rect(at, [width - 2.0, ROW * real(count(same.len()))], ink);
        }
        row += same.len();
    }
}

fn paint(scene: &mut Scene, cell: Cell, at: [f64; 2], width: f64) {
    fill(scene, &[cell], at, width);
    write(scene, cell, at, width);
}

fn write(scene: &mut Scene, cell: Cell, [x, y]: [f64; 2], width: f64) {
    let (text, ink) = match cell {
        Cell::Share(share) if share < 0.7 => (figure(share), Ink::OnLight),
        Cell::Share(share) => (figure(share), Ink::OnDark),
        Cell::NoMacs => ("–".to_owned(), Ink::Muted),
        Cell::Absent => return,
    };
    let at = [x + width / 2.0 - 1.0, y + ROW / 2.0];
    scene.text(at, Anchor::Middle, SIZE, ink, text);
}

fn figure(share: f64) -> String {
    format!("{:.1}", share * 100.0)
}

/// The colour of a share, in steps of five percent.
fn ink(cell: Cell) -> Option<Ink> {
    let Cell::Share(share) = cell else {
        return None;
    };
    let step = (0..20_u8)
        .rev()
        .find(|step| share * 100.0 >= f64::from(*step) * STEP);
    Some(Ink::Heat(step.unwrap_or(0) * 5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_cell_is_the_utilisation_of_its_layer_on_its_chip() {
        let report = sample::report(22);
        let table = table(&report, "resnet-18");
        let run = &report.chips[0].networks[1];
        assert_eq!(table.layers.len(), 22);
        for (time, row) in run.timeline.layers.iter().zip(&table.cells) {
            let wanted = match layer_utilisation(time, run.timeline.peak_macs_per_cycle) {
                Some(share) if time.macs.0 > 0 => Cell::Share(share),
                _ => Cell::NoMacs,
            };
            assert_eq!(row, &[wanted]);
        }
        assert!(table.cells.iter().any(|row| row[0] == Cell::NoMacs));
        assert_eq!(table.whole, [Cell::Share(run.counts().utilisation())]);
    }

    #[test]
    fn a_chip_without_the_network_has_blank_cells() {
        let mut report = sample::report(3);
        report.chips.push(report.chips[0].clone());
        report.chips[1].networks.remove(1);
        let table = table(&report, "resnet-18");
        assert!(table.cells.iter().all(|row| row[1] == Cell::Absent));
        assert_eq!(networks(&report), ["repvgg-a0", "resnet-18"]);
    }

    #[test]
    fn many_chips_stay_inside_the_picture() {
        let mut report = sample::report(107);
        for number in 0..11 {
            let mut chip = report.chips[0].clone();
            chip.chip.name = format!("a-chip-with-a-name-{number}");
            report.chips.push(chip);
        }
        let scene = scene(&report, "resnet-18");
        assert!(
            scene
                .text_boxes()
                .all(|(_, [x0, _, x1, _])| x0 >= 0.0 && x1 <= WIDTH)
        );
    }
}
