//! The report on a terminal.

use super::super::Report;
use super::super::cycles::Cycles;
use super::super::judge::{Difference, Judged};
use super::{both, found, headline, place, sentence, some, warnings, xor};
use crate::report::grid::Grid;
use crate::report::human::grouped;
use crate::report::{Borders, table};
use std::fmt::Write;

/// The whole report as text of at most `width` columns where words allow; no colour.
#[must_use]
pub fn terminal(report: &Report, width: u16, borders: Borders) -> String {
    let mut text = format!("{}\n", headline(report));
    for warning in warnings(report) {
        let _ = writeln!(text, "note: {warning}");
    }
    let _ = write!(text, "\n{}", table::print(&layers(report), width, borders));
    if let Some((part, difference)) = report.first_in_execution() {
        let _ = write!(
            text,
            "\nFirst in execution order\n{}",
            block(part, difference)
        );
    }
    if let Some((part, difference)) = report.first_in_memory() {
        let _ = write!(text, "\nFirst in memory order\n{}", block(part, difference));
    }
    let (more, differ) = (some(report), report.counts().differ());
    if differ > 1 && !more.is_empty() {
        let _ = writeln!(
            text,
            "\n{} of {} differences, in memory order of each tensor",
            more.len(),
            grouped(differ)
        );
        for (part, difference) in more {
            let _ = writeln!(text, "  {}", sentence(part, difference));
        }
    }
    if let Some(cycles) = &report.cycles {
        let _ = write!(text, "\n{}", counters(report, cycles, width, borders));
    }
    text
}

/// A row a tensor: how many elements are what.
pub(super) fn layers(report: &Report) -> Grid {
    let head = [
        "layer",
        "file",
        "elements compared",
        "wrong",
        "unknown",
        "missing",
        "hidden",
    ];
    let mut grid = Grid::new("Elements by layer", &head, 2);
    for part in &report.judged {
        let c = &part.counts;
        let figures = [c.compared, c.wrong, c.unknown, c.missing, c.hidden].map(grouped);
        grid.rows.push(
            [
                vec![part.name.clone(), part.source.clone()],
                figures.to_vec(),
            ]
            .concat(),
        );
    }
    grid
}

/// Figures that differ, or all of them.
pub(super) fn figures(report: &Report, cycles: &Cycles, all: bool) -> Grid {
    let head = ["layer", "figure", "unit", "model", "hardware", "difference"];
    let mut grid = Grid::new("Cycles and counts beside the model", &head, 3);
    for figure in &cycles.figures {
        let difference = figure.difference();
        if all || difference != 0 {
            let layer = figure.layer.and_then(|layer| report.layers.get(layer));
            grid.rows.push(vec![
                layer.map_or_else(|| "(whole run)".to_owned(), Clone::clone),
                figure.name.to_owned(),
                figure.unit.to_owned(),
                grouped(figure.model),
                grouped(figure.hardware),
                format!("{difference:+}"),
            ]);
        }
    }
    grid
}

/// How the counters compare, in a sentence.
pub(super) fn cycles_line(cycles: &Cycles) -> String {
    let (all, off) = (cycles.figures.len(), cycles.off().count());
    let checked = if cycles.checked {
        "checked"
    } else {
        "reported only"
    };
    format!(
        "Counters ({checked}): {off} of {all} are off by more than the tolerance of {} cycles",
        cycles.tolerance
    )
}

fn counters(report: &Report, cycles: &Cycles, width: u16, borders: Borders) -> String {
    let grid = figures(report, cycles, false);
    let line = cycles_line(cycles);
    if grid.rows.is_empty() {
        return format!("{line}\n");
    }
    format!("{line}\n{}", table::print(&grid, width, borders))
}

/// Everything about one difference, a line each.
fn block(part: &Judged, difference: &Difference) -> String {
    let mut rows = place(part, difference);
    rows.push(("expected", both(difference, difference.expected)));
    rows.push(("found", found(difference)));
    rows.push((
        "xor",
        xor(difference).unwrap_or_else(|| "unknown".to_owned()),
    ));
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "  {name:<10}{value}");
        text
    })
}
