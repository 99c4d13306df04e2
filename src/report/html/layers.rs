//! One table of all layers of the report: the script of the page sorts and filters it.

use super::super::charts::palette::words;
use super::super::figures::{layer_utilisation, payload, real, share, traffic_key};
use super::super::grid::largest_loss;
use super::super::human::{grouped, significant};
use super::super::{ChipRun, Report, RunResult, validated, work};
use super::{escape, paragraph};
use crate::schedule::Traffic;
use crate::units::Bytes;
use std::fmt::Write as _;

/// A column: its head with the unit, what it means, and whether its cells are figures.
type Column = (String, &'static str, bool);

/// The table with its filter box; empty for a report without layers.
pub(super) fn table(report: &Report) -> String {
    let rows: usize = runs(report)
        .map(|(_, network)| network.timeline.layers.len())
        .sum();
    if rows == 0 {
        return String::new();
    }
    let (kinds, quality) = told(report);
    let columns = columns(&kinds, quality);
    let mut html = format!(
        "<p class=\"filter\" hidden><label for=\"filter\">Show rows with all these words</label> \
         <input id=\"filter\" type=\"search\" placeholder=\"resnet conv 3x3\" autocomplete=\"off\"> \
         <output for=\"filter\">{rows} layers</output></p>\n\
         <div class=\"scroll tall\" tabindex=\"0\"><table class=\"sortable\">\n<thead><tr>"
    );
    for (head, about, figures) in &columns {
        let class = if *figures { " class=\"n\"" } else { "" };
        let (head, about) = (escape(head), escape(about));
        let _ = write!(
            html,
            "<th scope=\"col\"{class} title=\"{about}\">{head}</th>"
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (run, network) in runs(report) {
        for index in 0..network.timeline.layers.len() {
            html.push_str("<tr>");
            let cells = cells(run, network, index, &kinds, quality);
            for cell in cells {
                let _ = write!(html, "<td>{cell}</td>");
            }
            html.push_str("</tr>\n");
        }
    }
    html.push_str("</tbody></table></div>\n");
    if let Some(line) = runs(report).find_map(|(run, n)| validated::footnote(&run.chip, n)) {
        paragraph(&mut html, "small", line);
    }
    html
}

/// The rule that sets figures to the right: said once for a column, not in each of its thousands of cells.
pub(super) fn rule(report: &Report) -> String {
    let (kinds, quality) = told(report);
    let figures: Vec<String> = (1..)
        .zip(columns(&kinds, quality))
        .filter(|(_, (_, _, figures))| *figures)
        .map(|(column, _)| format!(".sortable td:nth-child({column})"))
        .collect();
    format!("{} {{ text-align: right }}\n", figures.join(", "))
}

fn runs(report: &Report) -> impl Iterator<Item = (&ChipRun, &RunResult)> {
    (report.chips.iter()).flat_map(|run| run.networks.iter().map(move |n| (run, n)))
}

/// The kinds of traffic with a column, and whether the integers have some.
fn told(report: &Report) -> (Vec<Traffic>, bool) {
    let kinds = (Traffic::ALL.into_iter())
        .filter(|&kind| runs(report).any(|(_, n)| payload(&n.timeline.dram(), kind).0 > 0))
        .collect();
    let quality = runs(report).any(|(_, network)| !network.quality.is_empty());
    (kinds, quality)
}

fn columns(kinds: &[Traffic], quality: bool) -> Vec<Column> {
    let fixed = [
        ("chip", "Name of the chip", false),
        ("network", "Id of the network in the study", false),
        (
            "layer",
            "Name of the layer; rows come in the order of the network",
            false,
        ),
        (
            "operator",
            "Kernel, stride after the slash, groups after g",
            false,
        ),
        (
            "output HxWxC",
            "Height, width and channels of the output",
            false,
        ),
        (
            "MMAC/image",
            "Million multiply-accumulates for one image",
            true,
        ),
        ("cycles", "Cycles of the layer in its run", true),
        (
            "share of run %",
            "Cycles of the layer over cycles of its run",
            true,
        ),
        (
            "utilisation %",
            "MACs done over MACs possible in the layer's cycles",
            true,
        ),
        (
            "largest loss",
            "The cause besides useful steps that takes most of the layer",
            false,
        ),
        (
            "loss %",
            "Cycles of that cause over cycles of the layer",
            true,
        ),
    ];
    let mut columns: Vec<Column> = fixed
        .map(|(head, about, figures)| (head.to_owned(), about, figures))
        .to_vec();
    for &kind in kinds {
        let head = format!("DRAM {} kB", traffic_key(kind));
        columns.push((head, "Bytes of this kind, read and written", true));
    }
    columns.push((
        "DRAM total kB".to_owned(),
        "All bytes, read and written",
        true,
    ));
    if quality {
        columns.extend([
            (
                "scale".to_owned(),
                "Real size of one integer step of the output",
                true,
            ),
            ("clipped %".to_owned(), "Outputs outside the range", true),
            (
                "SQNR dB".to_owned(),
                "Signal to quantisation noise of the output",
                true,
            ),
        ]);
    }
    columns
}

/// The cells of a layer as HTML; what has no meaning for it is empty.
fn cells(
    run: &ChipRun,
    network: &RunResult,
    index: usize,
    kinds: &[Traffic],
    quality: bool,
) -> Vec<String> {
    let time = &network.timeline.layers[index];
    let graph = &network.schedule.graph;
    let layer = &graph.layers[time.layer.0];
    let cycles = time.account.total();
    let macs = work::layer_macs(graph, layer).0;
    let peak = network.timeline.peak_macs_per_cycle;
    let utilisation = layer_utilisation(time, peak).filter(|_| time.macs.0 > 0);
    let loss = largest_loss(&time.account);
    let mut cells = vec![
        escape(&run.chip.name),
        escape(&network.id),
        escape(&layer.name),
        escape(&validated::operator(&run.chip, network, time.layer)),
        escape(&layer.output.to_string()),
        if macs > 0 {
            significant(real(macs) / 1e6, 3)
        } else {
            String::new()
        },
        grouped(cycles.0),
        hundredths(share(cycles, network.timeline.total)),
        utilisation.map_or_else(String::new, hundredths),
        loss.map_or_else(String::new, |cause| {
            format!("<i class=\"{}\"></i>{}", cause.key(), words(cause))
        }),
        loss.map_or_else(String::new, |cause| {
            hundredths(share(time.account.get(cause), cycles))
        }),
    ];
    cells.extend(
        kinds
            .iter()
            .map(|&kind| kilobytes(payload(&time.dram, kind))),
    );
    cells.push(kilobytes(time.dram.payload()));
    if quality {
        let found = network.quality.iter().find(|row| row.name == layer.name);
        cells.extend(found.map_or_else(Default::default, |row| {
            [
                format!("{:.3e}", row.scale),
                hundredths(row.clipped),
                significant(row.sqnr_db, 3),
            ]
        }));
    }
    cells
}

fn hundredths(fraction: f64) -> String {
    format!("{:.2}", fraction * 100.0)
}

fn kilobytes(bytes: Bytes) -> String {
    if bytes.0 == 0 {
        "0".to_owned()
    } else {
        significant(real(bytes.0) / 1e3, 4)
    }
}
