//! The report as one page; each tensor that differs has a heat map of its channels, rows and columns.

use super::super::Report;
use super::super::judge::{AXES, Difference, Judged};
use super::{both, found, headline, place, some, terminal, warnings, xor};
use crate::report::grid::Grid;
use crate::report::html::{document, escape, table};
use std::fmt::Write;

/// Cells of a heat map beside each other, and pixels of a cell.
const ACROSS: usize = 64;
const CELL: usize = 10;

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let of = &report.of;
    let mut sections = vec![section("verdict", "Verdict", verdict(report))];
    sections.push(section(
        "layers",
        "Elements by layer",
        table(&terminal::layers(report)),
    ));
    let firsts = [
        ("First in execution order", report.first_in_execution()),
        ("First in memory order", report.first_in_memory()),
    ];
    let firsts: String = firsts
        .into_iter()
        .filter_map(|(title, found)| {
            let (part, difference) = found?;
            Some(format!(
                "<h3>{title}</h3>\n{}",
                table(&one(part, difference))
            ))
        })
        .collect();
    if !firsts.is_empty() {
        sections.push(section("first", "First difference", firsts));
        let behind: String = terminal::behind(report)
            .iter()
            .map(|(title, grid)| paragraph(title) + &grid.as_ref().map(table).unwrap_or_default())
            .collect();
        if !behind.is_empty() {
            sections.push(section("causes", "Causes", behind));
        }
        sections.push(section("more", "Differences", table(&list(report))));
        let mut maps: String = report.judged.iter().map(maps).collect();
        if let Some((part, _)) = report.first_in_execution() {
            maps += &channels(part);
        }
        sections.push(section("maps", "Where they are", maps));
    }
    if let Some(cycles) = &report.cycles {
        let line = paragraph(&terminal::cycles_line(cycles));
        let figures = table(&terminal::figures(report, cycles, true));
        sections.push(section("cycles", "Cycles", line + &figures));
    }
    let title = format!("{} on {} beside the model", of.network, of.chip);
    let footer = format!(
        "<footer>\n<p class=\"small\">Made by <code>{}</code>, version {}.</p>\n</footer>\n",
        escape(&of.command),
        env!("CARGO_PKG_VERSION")
    );
    document(&title, "", &sections, &footer)
}

fn section(id: &str, title: &str, html: String) -> (String, String, String) {
    (id.to_owned(), title.to_owned(), html)
}

fn paragraph(text: &str) -> String {
    format!("<p>{}</p>\n", escape(text))
}

fn verdict(report: &Report) -> String {
    let of = &report.of;
    let mut html = format!(
        "<p class=\"answer headline\">{}</p>\n",
        escape(&headline(report))
    );
    html.extend(warnings(report).iter().map(|warning| paragraph(warning)));
    html + &paragraph(&format!(
        "Study {}, first image {}, batch {}, dump {}.",
        of.study, of.image, of.batch, of.dump
    ))
}

fn one(part: &Judged, difference: &Difference) -> Grid {
    let mut grid = Grid::new("", &["what", "value"], 2);
    let mut rows = place(part, difference);
    rows.push(("expected", both(difference, difference.expected)));
    rows.push(("found", found(difference)));
    rows.push((
        "xor",
        xor(difference).unwrap_or_else(|| "unknown".to_owned()),
    ));
    grid.rows = rows
        .into_iter()
        .map(|(name, value)| vec![name.to_owned(), value])
        .collect();
    grid
}

fn list(report: &Report) -> Grid {
    let head = [
        "layer",
        "file",
        "image, row, column, channel",
        "expected",
        "found",
        "xor",
    ];
    let mut grid = Grid::new("", &head, 3);
    for (part, difference) in some(report) {
        let at = match &difference.place {
            Some(place) => place.at.map(|n| n.to_string()).join(", "),
            None => format!("byte {} of DRAM", difference.dram_byte),
        };
        grid.rows.push(vec![
            part.name.clone(),
            part.source.clone(),
            at,
            both(difference, difference.expected),
            found(difference),
            xor(difference).unwrap_or_default(),
        ]);
    }
    grid
}

/// Heat maps of a tensor; empty where nothing differs.
fn maps(part: &Judged) -> String {
    let mut html = String::new();
    for (counts, axis) in part.spread.by.iter().zip(AXES) {
        if counts.is_empty() {
            continue;
        }
        let hit = counts.iter().filter(|count| **count > 0).count();
        let (name, source, all) = (&part.name, &part.source, counts.len());
        let title = format!("{name} in {source}: {hit} of {all} by {axis} differ");
        let label = |index: usize| format!("{axis} {index}");
        let _ = write!(
            html,
            "{}{}",
            paragraph(&title),
            map(counts, ACROSS, axis, &label)
        );
    }
    html
}

/// Rows and columns of the first channels that differ; of large maps a cell is a square of pixels.
fn channels(part: &Judged) -> String {
    let mut html = String::new();
    let [_, rows, columns, ..] = &part.spread.by;
    let (rows, columns) = (rows.len(), columns.len());
    let side = rows.max(columns).div_ceil(ACROSS).max(1);
    let across = columns.div_ceil(side).max(1);
    for (channel, counts) in &part.spread.maps {
        let mut cells = vec![0; across * rows.div_ceil(side)];
        for (pixel, count) in counts.iter().enumerate() {
            let (y, x) = (pixel / columns / side, pixel % columns / side);
            cells[y * across + x] += u64::from(*count);
        }
        let title = format!(
            "{}, channel {channel}: rows down, columns across, {side} x {side} pixels a cell",
            part.name
        );
        let label = |cell: usize| {
            let (y, x) = (cell / across * side, cell % across * side);
            format!("from row {y}, column {x}")
        };
        let _ = write!(
            html,
            "{}{}",
            paragraph(&title),
            map(&cells, across, "pixel", &label)
        );
    }
    html
}

/// A cell for each count, the darker the more, none where it is 0; its title says how many.
fn map(counts: &[u64], across: usize, axis: &str, label: &dyn Fn(usize) -> String) -> String {
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let (width, height) = (
        across.min(counts.len()) * CELL,
        counts.len().div_ceil(across) * CELL,
    );
    let mut svg = format!(
        "<svg role=\"img\" aria-label=\"differences by {axis}\" viewBox=\"0 0 {width} {height}\" \
         style=\"width:{width}px;max-width:100%;height:auto\" fill=\"#d03030\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#888\" fill-opacity=\"20%\"/>\n"
    );
    for (index, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let (x, y) = (index % across * CELL, index / across * CELL);
        let percent = 20 + u128::from(*count) * 80 / u128::from(most);
        let (side, label) = (CELL - 1, label(index));
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill-opacity=\"{percent}%\">\
             <title>{label}: {count} differ</title></rect>"
        );
    }
    svg + "</svg>\n"
}
