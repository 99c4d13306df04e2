//! The report on a terminal: a row a network, cycles by cause, the contrasts. Every column has a unit.

use super::figures::{Summary, share};
use super::human::{clock, grouped, percent, significant};
use super::{ChipRun, Contrasted, Report, contrasted};
use crate::time::Cause;
use crate::units::Bytes;
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
    let mut text = String::new();
    for run in &report.chips {
        text.push_str(&heading(run));
        text.push_str(&print(summary(run), width, borders));
        text.push_str("\nCycles by cause, percent of each run\n");
        text.push_str(&print(causes(run), width, borders));
        if run.networks.iter().any(|n| n.accuracy.is_some()) {
            text.push_str("\nAccuracy on labelled images\n");
            text.push_str(&print(accuracy(run), width, borders));
        }
        let contrasts: Vec<Contrasted<'_>> = run.contrasts().collect();
        if !contrasts.is_empty() {
            text.push_str("\nFirst network over second\n");
            text.push_str(&print(ratios(&contrasts), width, borders));
        }
        for contrast in &contrasts {
            text.push('\n');
            text.push_str(&wrap(&contrasted::sentence(contrast), width));
            if let Some(sentence) = contrasted::without_host(contrast) {
                text.push_str(&wrap(&sentence, width));
            }
        }
        text.push('\n');
    }
    if text.ends_with("\n\n") {
        text.pop();
    }
    text
}

fn heading(run: &ChipRun) -> String {
    format!(
        "Chip {}, {}, batch {}, peak {} MAC/cycle\n",
        run.chip.name,
        clock(run.chip.clock),
        run.batch(),
        significant(run.chip.roofs.peak_macs_per_cycle, 1),
    )
}

fn summary(run: &ChipRun) -> Table {
    let mut table = framed(&[
        "network", "form", "cycles", "latency ms", "images/s", "utilisation %", "peak SRAM KiB", "DRAM MB",
    ]);
    for network in &run.networks {
        let summary = Summary::of(network, &run.chip);
        table.add_row([
            network.id.clone(),
            network.schedule.graph.form.to_string(),
            grouped(summary.cycles.0),
            significant(summary.latency_s * 1e3, 4),
            significant(summary.images_per_s, 4),
            plain_percent(summary.utilisation),
            kib(summary.peak_activation),
            megabytes(summary.dram.payload()),
        ]);
    }
    right_from(&mut table, 2);
    table
}

fn causes(run: &ChipRun) -> Table {
    let summaries: Vec<Summary> = run
        .networks
        .iter()
        .map(|network| Summary::of(network, &run.chip))
        .collect();
    let mut header = vec!["cause"];
    header.extend(run.networks.iter().map(|network| network.id.as_str()));
    let mut table = framed(&header);
    for cause in present(&summaries) {
        let mut row = vec![cause.key().to_owned()];
        row.extend(
            summaries
                .iter()
                .map(|s| percent(share(s.account.get(cause), s.cycles))),
        );
        table.add_row(row);
    }
    right_from(&mut table, 1);
    table
}

/// Causes that took a cycle in any of the runs, in the order of every report.
fn present(summaries: &[Summary]) -> impl Iterator<Item = Cause> {
    Cause::ALL.into_iter().filter(|&cause| {
        summaries
            .iter()
            .any(|summary| summary.account.get(cause).0 > 0)
    })
}

fn accuracy(run: &ChipRun) -> Table {
    let mut table = framed(&[
        "network", "images", "float top-1 %", "integer top-1 %", "agreement %",
    ]);
    for network in &run.networks {
        if let Some(accuracy) = network.accuracy {
            table.add_row([
                network.id.clone(),
                grouped(accuracy.images),
                plain_percent(accuracy.float_top1),
                plain_percent(accuracy.integer_top1),
                plain_percent(accuracy.agreement),
            ]);
        }
    }
    right_from(&mut table, 1);
    table
}

fn ratios(contrasts: &[Contrasted<'_>]) -> Table {
    let mut header = vec!["figure".to_owned()];
    header.extend(contrasts.iter().map(|c| format!("{} / {}", c.first.id, c.second.id)));
    let mut table = framed(&header.iter().map(String::as_str).collect::<Vec<_>>());
    let columns: Vec<_> = contrasts.iter().map(contrasted::rows).collect();
    for (index, (name, _)) in columns[0].iter().enumerate() {
        let mut row = vec![(*name).to_owned()];
        row.extend(columns.iter().map(|column| column[index].1.clone()));
        table.add_row(row);
    }
    right_from(&mut table, 1);
    table
}

fn framed(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.set_header(header.to_vec()).force_no_tty();
    table
}

fn right_from(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
}

fn print(mut table: Table, width: u16, borders: Borders) -> String {
    table
        .load_style(match borders {
            Borders::Utf8 => UTF8_FULL_CONDENSED,
            Borders::Ascii => ASCII_FULL_CONDENSED,
        })
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width);
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

fn plain_percent(fraction: f64) -> String {
    percent(fraction).trim_end_matches(" %").to_owned()
}

fn kib(bytes: Bytes) -> String {
    significant(super::figures::real(bytes.0) / 1024.0, 4)
}

fn megabytes(bytes: Bytes) -> String {
    significant(super::figures::real(bytes.0) / 1e6, 4)
}

/// Breaks a sentence at spaces so that lines are at most `width` columns; a longer word stays whole.
fn wrap(sentence: &str, width: u16) -> String {
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
        insta::assert_snapshot!(terminal(&report, 110, Borders::Utf8), @"");
    }

    #[test]
    fn plain_text_is_ascii_and_stays_narrow() {
        let report = sample::report(22);
        let text = terminal(&report, 80, Borders::Ascii);
        assert!(text.is_ascii());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
