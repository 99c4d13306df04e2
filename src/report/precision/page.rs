//! One page that needs nothing else: what the figures say, then charts and tables, network by network.

use super::{PrecisionReport, grids, words};
use crate::precision::Found;
use crate::report::charts::Chart;
use crate::report::grid::Grid;
use crate::report::html::{document, escape, figure, table};
use std::fmt::Write as _;

/// How the figures are made, on every page.
const METHOD: &str = "Every point quantises the network anew on the same calibration images, and executes its integers \
on the test images; float run and statistics are shared. The integers run by themselves, in accumulators that hold \
every sum. A figure in a table is the share of test images whose class is right.";

/// The whole page.
pub(super) fn page(report: &PrecisionReport, charts: &[Chart]) -> String {
    let mut sections = vec![("answer".to_owned(), "Answer".to_owned(), answer(report))];
    for (number, network) in (1..).zip(&report.networks) {
        let html = self::network(report, network, charts);
        sections.push((format!("network-{number}"), network.id.clone(), html));
    }
    let mut grid = Grid::new(&report.config.title, &["key", "value", "source"], 3);
    for (key, value, source) in &report.config.rows {
        grid.rows
            .push([key, value, source].map(String::clone).to_vec());
    }
    sections.push((
        "configuration".to_owned(),
        "Configuration".to_owned(),
        table(&grid),
    ));
    document(&report.title, "", &sections, &footer(report))
}

fn answer(report: &PrecisionReport) -> String {
    let mut html = String::new();
    if let Some(words) = &report.description {
        paragraph(&mut html, words);
    }
    for network in &report.networks {
        if let Some(sentence) = words::widest(report, network) {
            paragraph(&mut html, &sentence);
        }
        for sentence in words::verdicts(report, network) {
            paragraph(&mut html, &format!("{}: {sentence}", network.id));
        }
    }
    paragraph(&mut html, METHOD);
    html
}

fn network(report: &PrecisionReport, network: &Found, charts: &[Chart]) -> String {
    let mut html = String::new();
    for sentence in words::of(report, network) {
        paragraph(&mut html, &sentence);
    }
    let own = charts
        .iter()
        .filter(|chart| chart.network.as_ref() == Some(&network.id));
    for chart in own {
        html.push_str(&figure(chart, &report.provenance.command));
    }
    for grid in grids::of(report, network) {
        let _ = write!(html, "<h3>{}</h3>\n{}", escape(&grid.title), table(&grid));
    }
    for grid in grids::layers(network) {
        let title = escape(&grid.title);
        let inside = table(&grid);
        let _ = write!(
            html,
            "<details><summary>{title}</summary>\n{inside}</details>\n"
        );
    }
    html
}

fn footer(report: &PrecisionReport) -> String {
    let made = &report.provenance;
    let mut html = format!(
        "<footer>\n<p class=\"small\">Made by <code>{}</code>, version {}.",
        escape(&made.command),
        escape(&made.version)
    );
    for (name, digest) in &made.digests {
        let _ = writeln!(html, "<br>{} <code>{}</code>", escape(name), escape(digest));
    }
    html.push_str("</p>\n</footer>\n");
    html
}

fn paragraph(html: &mut String, text: &str) {
    let _ = writeln!(html, "<p>{}</p>", escape(text));
}
