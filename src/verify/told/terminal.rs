//! The report on a terminal.

use super::super::Report;
use super::super::cycles::Cycles;
use super::super::judge::{Difference, Judged};
use super::{both, found, headline, place, reasons, sentence, some, warnings, xor};
use crate::report::grid::Grid;
use crate::report::human::grouped;
use crate::report::{Borders, table};
use crate::units::count;
use std::fmt::Write;

/// Causes of a layer that are told.
const CAUSES: usize = 6;

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
    for (title, grid) in behind(report) {
        let _ = write!(text, "\n{title}\n");
        if let Some(grid) = grid {
            text.push_str(&table::print(&grid, width, borders));
        }
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

/// What lies behind the differences, under titles: of the first tensor that differs all, of others the causes.
pub(super) fn behind(report: &Report) -> Vec<(String, Option<Grid>)> {
    let mut all = Vec::new();
    let first = report.first_in_execution().map(|(part, _)| part);
    if let Some(part) = first {
        let grid = reasons::spread(part);
        let title = format!("Where {} in {} differs", part.name, part.source);
        all.extend((!grid.rows.is_empty()).then_some((title, Some(grid))));
        let explained = part.explained.as_ref();
        if let Some(terms) = explained.and_then(|explained| explained.terms.as_ref()) {
            all.push((
                "What the model makes the first of".to_owned(),
                Some(reasons::terms(terms)),
            ));
        }
        let estimate = explained.and_then(|explained| explained.estimate.as_ref());
        all.extend(estimate.map(|estimate| (reasons::estimate(estimate), None)));
    }
    all.extend(
        causes(report)
            .into_iter()
            .map(|(title, grid)| (title, Some(grid))),
    );
    all
}

/// For each layer with causes what was tried, and the best of them.
fn causes(report: &Report) -> Vec<(String, Grid)> {
    let of_part = |part: &Judged| {
        let causes = &part.explained.as_ref()?.causes;
        let title = format!(
            "Causes of {} in {}: {} tried on {} elements that differ and {} that do not; {}",
            part.name,
            part.source,
            causes.tried,
            causes.wrong,
            causes.right,
            if causes.ranked.is_empty() {
                "none explains one"
            } else {
                "the best first"
            },
        );
        let head = ["rank", "cause", "explains", "breaks", "same bits as"];
        let mut grid = Grid::new("Causes", &head, 2);
        for cause in causes.ranked.iter().take(CAUSES) {
            grid.rows.push(vec![
                cause.rank.to_string(),
                cause.cause.text.clone(),
                grouped(count(cause.explained)),
                grouped(count(cause.broken)),
                cause.same_as.map_or_else(String::new, |place| {
                    causes.ranked[place].cause.key.to_owned()
                }),
            ]);
        }
        Some((title, grid))
    };
    report.judged.iter().filter_map(of_part).collect()
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
