//! The report on a terminal: a row a network, cycles by cause, the contrasts. Every figure has a unit.

use super::grid::{self, Grid};
use super::human::{clock, short};
use super::{ChipRun, Contrasted, Report, contrasted, validated};
use comfy_table::presets::{ASCII_FULL_CONDENSED, UTF8_FULL_CONDENSED};
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// How tables are framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Borders {
    /// Box drawing characters.
    Utf8,
    /// `+`, `-` and `|`.
    Ascii,
}

/// The whole report as text of at most `width` columns, ending in a newline; no colour.
#[must_use]
pub fn terminal(report: &Report, width: u16, borders: Borders) -> String {
    let chips: Vec<String> = report
        .chips
        .iter()
        .map(|run| chip(run, width, borders))
        .collect();
    chips.join("\n")
}

/// The layers of every network on every chip as text of at most `width` columns, ending in a newline; no
/// colour.
#[must_use]
pub fn layers(report: &Report, width: u16, borders: Borders) -> String {
    let tables = report.chips.iter().flat_map(|run| {
        run.networks.iter().map(move |network| {
            let grid = grid::layers(&run.chip, network);
            let title = format!("{} on {}\n", grid.title, run.chip.name);
            let footnote = validated::footnote(&run.chip, network);
            let footnote = footnote.map_or_else(String::new, |line| format!("{line}\n"));
            title + &print(&grid, width, borders) + &footnote
        })
    });
    tables.collect::<Vec<_>>().join("\n")
}

fn chip(run: &ChipRun, width: u16, borders: Borders) -> String {
    let contrasts: Vec<Contrasted<'_>> = run.contrasts().collect();
    let mut text = heading(run);
    text.push_str(&print(&grid::summary(run), width, borders));
    if let Some(sentence) = validated::sentence(run) {
        text.push_str(&wrap(&sentence, width));
    }
    let more = [
        Some(grid::causes(run)),
        grid::accuracy(run),
        grid::ratios(&contrasts),
    ];
    for grid in more.into_iter().flatten() {
        text.push_str(&format!("\n{}\n", grid.title));
        text.push_str(&print(&grid, width, borders));
    }
    for contrast in &contrasts {
        text.push('\n');
        text.push_str(&wrap(&contrasted::sentence(contrast), width));
        if let Some(sentence) = contrasted::without_host(contrast) {
            text.push_str(&wrap(&sentence, width));
        }
    }
    text
}

fn heading(run: &ChipRun) -> String {
    format!(
        "Chip {}, {}, batch {}, peak {} MAC/cycle\n",
        run.chip.name,
        clock(run.chip.clock),
        run.batch(),
        short(run.chip.roofs.peak_macs_per_cycle, 1),
    )
}

/// The rows of one table, without its title; a table that is too wide in several parts.
#[must_use]
pub fn print(grid: &Grid, width: u16, borders: Borders) -> String {
    let parts: Vec<String> = split(grid, usize::from(width))
        .iter()
        .map(|part| framed(part, borders))
        .collect();
    parts.concat()
}

/// Cuts a table that is too wide between its columns of figures; every part repeats the columns of words.
/// A cell is never broken.
fn split(grid: &Grid, width: usize) -> Vec<Grid> {
    let cells = |column: usize| {
        let rows = grid.rows.iter().map(move |row| &row[column]);
        rows.chain([&grid.head[column]])
    };
    let wide = |column: usize| {
        let longest = cells(column).map(|cell| cell.chars().count()).max();
        longest.unwrap_or(0) + 3
    };
    let words: usize = (0..grid.words).map(wide).sum();
    let mut parts: Vec<Vec<usize>> = vec![Vec::new()];
    let mut used = words + 1;
    for column in grid.words..grid.head.len() {
        let part = parts.last().expect("there is always a part");
        if used + wide(column) > width && !part.is_empty() {
            parts.push(Vec::new());
            used = words + 1;
        }
        used += wide(column);
        parts
            .last_mut()
            .expect("there is always a part")
            .push(column);
    }
    parts
        .iter()
        .map(|figures| {
            let columns: Vec<usize> = (0..grid.words).chain(figures.iter().copied()).collect();
            let pick = |row: &Vec<String>| columns.iter().map(|&c| row[c].clone()).collect();
            Grid {
                head: pick(&grid.head),
                rows: grid.rows.iter().map(pick).collect(),
                ..grid.clone()
            }
        })
        .collect()
}

fn framed(grid: &Grid, borders: Borders) -> String {
    let mut table = Table::new();
    table
        .load_style(match borders {
            Borders::Utf8 => UTF8_FULL_CONDENSED,
            Borders::Ascii => ASCII_FULL_CONDENSED,
        })
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(&grid.head)
        .add_rows(&grid.rows);
    for column in table.column_iter_mut().skip(grid.words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Breaks a sentence at spaces so that lines are at most `width` columns; a longer word stays whole.
pub(super) fn wrap(sentence: &str, width: u16) -> String {
    let width = usize::from(width.max(20));
    let (mut text, mut column) = (String::new(), 0);
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += length;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_whole_terminal() {
        let report = sample::report(22);
        insta::assert_snapshot!(terminal(&report, 110, Borders::Utf8), @r"
Chip edge, 200 MHz, batch 1, peak 576 MAC/cycle
┌───────────┬────────┬────────────┬────────────┬──────────┬───────────────┬───────────────┬─────────┐
│ network   ┆ form   ┆     cycles ┆ latency ms ┆ images/s ┆ utilisation % ┆ peak SRAM KiB ┆ DRAM MB │
╞═══════════╪════════╪════════════╪════════════╪══════════╪═══════════════╪═══════════════╪═════════╡
│ repvgg-a0 ┆ deploy ┆ 10,742,299 ┆      53.71 ┆    18.62 ┆          68.9 ┆         1,176 ┆   29.46 │
│ resnet-18 ┆ folded ┆  9,498,183 ┆      47.49 ┆    21.06 ┆          68.4 ┆         1,176 ┆   28.05 │
└───────────┴────────┴────────────┴────────────┴──────────┴───────────────┴───────────────┴─────────┘
Cycles on edge in layers without RTL: 0.4 % of repvgg-a0, 0.7 % of resnet-18.

Cycles by cause, percent of each run
┌──────────────┬───────────┬───────────┐
│ cause        ┆ repvgg-a0 ┆ resnet-18 │
╞══════════════╪═══════════╪═══════════╡
│ useful       ┆    68.9 % ┆    68.4 % │
│ lane idle    ┆     0.4 % ┆     0.5 % │
│ tile edge    ┆     3.4 % ┆     3.4 % │
│ setup        ┆    <0.1 % ┆    <0.1 % │
│ vector       ┆     0.0 % ┆     0.2 % │
│ inputs wait  ┆     8.8 % ┆     7.6 % │
│ drain        ┆     1.4 % ┆     1.4 % │
│ weights wait ┆    17.0 % ┆    18.5 % │
│ fill         ┆    <0.1 % ┆    <0.1 % │
└──────────────┴───────────┴───────────┘

Accuracy on labelled images
┌───────────┬────────┬───────────────┬─────────────────┬─────────────┐
│ network   ┆ images ┆ float top-1 % ┆ integer top-1 % ┆ agreement % │
╞═══════════╪════════╪═══════════════╪═════════════════╪═════════════╡
│ repvgg-a0 ┆  1,000 ┆          91.3 ┆            91.1 ┆        98.8 │
│ resnet-18 ┆  1,000 ┆          91.3 ┆            91.1 ┆        98.8 │
└───────────┴────────┴───────────────┴─────────────────┴─────────────┘

First network over second
┌─────────────────────────┬───────────────────────┐
│ figure                  ┆ repvgg-a0 / resnet-18 │
╞═════════════════════════╪═══════════════════════╡
│ images/s                ┆                 0.88x │
│ images/s without host   ┆                 0.88x │
│ images/s published, GPU ┆                 1.33x │
│ latency                 ┆                 1.13x │
│ MACs of an image        ┆                 1.14x │
│ array utilisation       ┆                 1.01x │
│ DRAM bytes              ┆                 1.05x │
│ peak activation SRAM    ┆                 1.00x │
└─────────────────────────┴───────────────────────┘

On edge, repvgg-a0 runs 0.88x the images/s of resnet-18: it does 1.14x the MACs of an image at 1.01x the array
utilisation. The ratio published for a GPU is 1.33x; this chip disagrees on the faster network (0.66 times the
published ratio).
");
    }

    #[test]
    fn plain_text_is_ascii_and_stays_narrow() {
        let report = sample::report(22);
        let text = terminal(&report, 80, Borders::Ascii);
        assert!(text.is_ascii());
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
    }
}
