//! One page that needs nothing else: styles, script and pictures are inside, no reference to the outside.
//!
//! First the answer, then the tables and charts it comes from, then all layers, the words and the
//! configuration. The page follows the reader's dark or light scheme; wide tables and charts scroll inside
//! their own frame on a phone and shrink to the paper in print. Without its script it loses only the sorting
//! and the filter of the layers.

mod figure;
mod glossary;
mod layers;
mod table;

use super::charts::Chart;
use super::charts::palette::Ink;
use super::grid::{self, Grid};
use super::human::{clock, memory, short};
use super::{ChipRun, Contrasted, Report, contrasted, validated};
use crate::time::Cause;
use figure::Place;
pub(super) use figure::figure;
use std::fmt::Write as _;
pub use table::table;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// A text with the characters that mean something in HTML and XML written as entities; control characters
/// other than line feed and tab become U+FFFD.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // XML has no other control characters, not even as entities.
            c if c.is_control() && c != '\n' && c != '\t' => escaped.push('\u{FFFD}'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The whole page; `charts` are those of the report.
#[must_use]
pub fn page(report: &Report, charts: &[Chart]) -> String {
    document(
        &report.title,
        &layers::rule(report),
        &sections(report, charts),
        &provenance(report),
    )
}

/// A page of its own: `rules` are added to the style sheet, `sections` are id, title and content of each in order,
/// `footer` stands below them.
#[must_use]
pub fn document(
    title: &str,
    rules: &str,
    sections: &[(String, String, String)],
    footer: &str,
) -> String {
    let title = escape(title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{}{rules}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        chart_inks(),
    );
    let (mut contents, mut body) = (Vec::new(), String::new());
    for (id, title, html) in sections {
        let title = escape(title);
        contents.push(format!("<li><a href=\"#{id}\">{title}</a></li>\n"));
        let _ = write!(
            body,
            "<section id=\"{id}\">\n<h2>{title}</h2>\n{html}</section>\n"
        );
    }
    let _ = write!(
        page,
        "<nav aria-label=\"Contents\"><ol>\n{}</ol></nav>\n{body}{footer}</main>\n<script>\n{SCRIPT}</script>\n\
         </body>\n</html>\n",
        contents.concat(),
    );
    page
}

/// Id, title and content of each section, in order.
fn sections(report: &Report, charts: &[Chart]) -> Vec<(String, String, String)> {
    let command = report.provenance.command.as_str();
    let mut sections = vec![("answer".to_owned(), "Answer".to_owned(), String::new())];
    let contrasts: Vec<_> = report.chips.iter().flat_map(ChipRun::contrasts).collect();
    if let Some(headline) = contrasted::headline(&contrasts) {
        paragraph(&mut sections[0].2, "answer headline", &headline);
    }
    for run in &report.chips {
        sections[0].2.push_str(&answer(run, charts, command));
    }
    if report.chips.iter().any(has_published) {
        paragraph(&mut sections[0].2, "small", contrasted::PUBLISHED_SOURCE);
    }
    for (number, run) in (1..).zip(&report.chips) {
        let title = format!("Chip {}", run.chip.name);
        sections.push((format!("chip-{number}"), title, chip(run, charts, command)));
    }
    let mut shared = String::new();
    for chart in figure::shared(charts) {
        shared.push_str(&self::figure(chart, command));
    }
    let layers = layers::table(report);
    for (id, title, html) in [
        ("chips", "All chips", shared),
        ("layers", "Layers", layers),
        ("glossary", "Words", glossary::section()),
        ("configuration", "Configuration", configuration(report)),
    ] {
        if !html.is_empty() {
            sections.push((id.to_owned(), title.to_owned(), html));
        }
    }
    sections
}

/// The contrast of each pair, in words and as a chart.
fn answer(run: &ChipRun, charts: &[Chart], command: &str) -> String {
    let mut html = String::new();
    for pair in run.contrasts() {
        paragraph(&mut html, "answer", &contrasted::sentence(&pair));
        if let Some(sentence) = contrasted::without_host(&pair) {
            paragraph(&mut html, "", &sentence);
        }
    }
    for chart in figure::of_chip(charts, &run.chip.name, Place::Answer) {
        html.push_str(&self::figure(chart, command));
    }
    html
}

fn has_published(run: &ChipRun) -> bool {
    run.contrasts()
        .any(|pair| pair.contrast.published.is_some())
}

/// A chip in a few words.
fn facts_of(run: &ChipRun) -> String {
    let (facts, roofs) = (&run.chip, &run.chip.roofs);
    format!(
        "{}, batch {}, peak {} MAC/cycle, DRAM {} B/cycle, activation SRAM {}. Latency is cold: first DRAM \
         request to last output byte. Utilisation is array MACs over peak MACs of all cycles.",
        clock(facts.clock),
        run.batch(),
        short(roofs.peak_macs_per_cycle, 1),
        short(roofs.dram_bytes_per_cycle, 3),
        memory(facts.activation_capacity),
    )
}

/// Tables and charts of one chip.
fn chip(run: &ChipRun, charts: &[Chart], command: &str) -> String {
    let facts = &run.chip;
    let mut html = String::new();
    paragraph(&mut html, "", &facts_of(run));
    let contrasts: Vec<Contrasted<'_>> = run.contrasts().collect();
    let tables = [
        Some(grid::summary(run)),
        grid::ratios(&contrasts),
        Some(grid::causes(run)),
        Some(grid::traffic(run)),
        grid::accuracy(run),
    ];
    for grid in tables.into_iter().flatten() {
        let title = escape(&grid.title);
        let _ = write!(html, "<h3>{title}</h3>\n{}", table(&grid));
    }
    if let Some(sentence) = validated::sentence(run) {
        paragraph(&mut html, "", &sentence);
    }
    html.push_str("<h3>Charts</h3>\n");
    for chart in figure::of_chip(charts, &facts.name, Place::Chip) {
        html.push_str(&self::figure(chart, command));
    }
    for network in &run.networks {
        let figures: String = figure::of_chip(charts, &facts.name, Place::Network)
            .into_iter()
            .filter(|chart| chart.network.as_ref() == Some(&network.id))
            .map(|chart| self::figure(chart, command))
            .collect();
        if !figures.is_empty() {
            let title = format!("Charts of {} on {}", network.id, facts.name);
            folded(&mut html, &title, &figures);
        }
    }
    html
}

/// The effective configuration, and which of its figures have no source.
fn configuration(report: &Report) -> String {
    let mut html = String::new();
    let mut assumed = rows_of(
        "Assumed figures: no source is known",
        &["file", "key", "value"],
    );
    for config in &report.configs {
        for (key, value, _) in config.assumed() {
            let row = [&config.title, key, value].map(String::clone);
            assumed.rows.push(row.to_vec());
        }
    }
    let _ = writeln!(html, "<h3>{}</h3>", assumed.title);
    if assumed.rows.is_empty() {
        paragraph(&mut html, "", "None.");
    } else {
        html.push_str(&table(&assumed));
    }
    html.push_str("<h3>Effective values, defaults included</h3>\n");
    for config in &report.configs {
        let mut grid = rows_of(&config.title, &["key", "value", "source"]);
        for (key, value, source) in &config.rows {
            grid.rows
                .push([key, value, source].map(String::clone).to_vec());
        }
        folded(&mut html, &config.title, &table(&grid));
    }
    html
}

fn rows_of(title: &str, head: &[&str]) -> Grid {
    Grid {
        title: title.to_owned(),
        head: head.iter().map(|&text| text.to_owned()).collect(),
        rows: Vec::new(),
        words: head.len(),
        inks: Vec::new(),
    }
}

/// Notes, then the command, the version and the digests of the inputs.
fn provenance(report: &Report) -> String {
    let mut html = "<footer>\n".to_owned();
    for note in &report.notes {
        paragraph(&mut html, "", note);
    }
    let made = &report.provenance;
    let _ = writeln!(
        html,
        "<p class=\"small\">Made by <code>{}</code>, version {}.",
        escape(&made.command),
        escape(&made.version)
    );
    for (name, digest) in &made.digests {
        let _ = writeln!(html, "<br>{} <code>{}</code>", escape(name), escape(digest));
    }
    html.push_str("</p>\n</footer>\n");
    html
}

fn folded(html: &mut String, title: &str, inside: &str) {
    let _ = write!(
        html,
        "<details><summary>{}</summary>\n{inside}</details>\n",
        escape(title)
    );
}

fn paragraph(html: &mut String, class: &str, text: &str) {
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class=\"{class}\"")
    };
    let _ = writeln!(html, "<p{class}>{}</p>", escape(text));
}

/// Rules that give the charts the page's colours for background, words and lines, and each cause its class.
fn chart_inks() -> String {
    let mut css = String::new();
    let names = [
        (Ink::Paper, "paper"),
        (Ink::Text, "text"),
        (Ink::Muted, "muted"),
        (Ink::Grid, "grid"),
    ];
    for (ink, name) in names {
        let hex = ink.css();
        for part in ["fill", "stroke"] {
            let _ = writeln!(css, "svg [{part}=\"{hex}\"] {{ {part}: var(--{name}) }}");
        }
    }
    for cause in Cause::ALL {
        let ink = Ink::Cause(cause).css();
        let _ = writeln!(css, ".{} {{ background: {ink} }}", cause.key());
    }
    css
}

#[cfg(test)]
mod tests;
