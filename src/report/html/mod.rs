//! One page that needs nothing else: styles and pictures are inside, no script, no reference to the outside.
//!
//! First the answer, then the tables and charts it comes from, then the configuration. The page follows
//! the reader's dark or light scheme; wide tables and charts scroll inside their own frame on a phone.

use super::charts::palette::Ink;
use super::charts::{Chart, Kind};
use super::grid::{self, Grid};
use super::human::{clock, memory, short};
use super::{ChipRun, Contrasted, Report, contrasted};
use std::fmt::Write as _;

const STYLE: &str = include_str!("page.css");

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
    let title = escape(&report.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n",
        chart_inks()
    );
    for run in &report.chips {
        push(&mut page, &answer(run, charts));
    }
    if report.chips.iter().any(has_published) {
        paragraph(&mut page, "small", contrasted::PUBLISHED_SOURCE);
    }
    for run in &report.chips {
        push(&mut page, &chip(run, charts));
    }
    push(&mut page, &configuration(report));
    push(&mut page, &provenance(report));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

/// The contrast of each pair, in words and as a chart.
fn answer(run: &ChipRun, charts: &[Chart]) -> String {
    let mut html = String::new();
    for pair in run.contrasts() {
        paragraph(&mut html, "answer", &contrasted::sentence(&pair));
        if let Some(sentence) = contrasted::without_host(&pair) {
            paragraph(&mut html, "", &sentence);
        }
    }
    figures(&mut html, run, charts, |kind| kind == Kind::Contrast);
    html
}

fn has_published(run: &ChipRun) -> bool {
    run.contrasts()
        .any(|pair| pair.contrast.published.is_some())
}

/// Tables, charts and layers of one chip.
fn chip(run: &ChipRun, charts: &[Chart]) -> String {
    let facts = &run.chip;
    let mut html = format!("<section>\n<h2>Chip {}</h2>\n", escape(&facts.name));
    let roofs = &facts.roofs;
    let line = format!(
        "{}, batch {}, peak {} MAC/cycle, DRAM {} B/cycle, activation SRAM {}. Latency is cold: first DRAM \
         request to last output byte. Utilisation is array MACs over peak MACs of all cycles.",
        clock(facts.clock),
        run.batch(),
        short(roofs.peak_macs_per_cycle, 1),
        short(roofs.dram_bytes_per_cycle, 3),
        memory(facts.activation_capacity),
    );
    paragraph(&mut html, "", &line);
    let contrasts: Vec<Contrasted<'_>> = run.contrasts().collect();
    let tables = [
        Some(grid::summary(run)),
        grid::ratios(&contrasts),
        Some(grid::causes(run)),
        Some(grid::traffic(run)),
        grid::accuracy(run),
    ];
    for grid in tables.into_iter().flatten() {
        push(&mut html, &format!("<h3>{}</h3>\n", escape(&grid.title)));
        push(&mut html, &table(&grid));
    }
    html.push_str("<h3>Charts</h3>\n");
    figures(&mut html, run, charts, |kind| kind == Kind::Occupancy);
    figures(&mut html, run, charts, |kind| {
        kind == Kind::Latency || kind == Kind::Roofline
    });
    html.push_str("<h3>Layers</h3>\n");
    for network in &run.networks {
        let grid = grid::layers(network);
        folded(&mut html, &grid.title, &table(&grid));
    }
    html.push_str("</section>\n");
    html
}

fn figures(html: &mut String, run: &ChipRun, charts: &[Chart], wanted: fn(Kind) -> bool) {
    for chart in charts {
        if chart.chip.as_deref() == Some(run.chip.name.as_str()) && wanted(chart.kind) {
            html.push_str("<figure class=\"scroll\" tabindex=\"0\">\n");
            html.push_str(&chart.svg());
            html.push_str("</figure>\n");
        }
    }
}

/// The effective configuration, and which of its figures have no source.
fn configuration(report: &Report) -> String {
    let mut html = "<section>\n<h2>Configuration</h2>\n".to_owned();
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
        push(&mut html, &table(&assumed));
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
    html.push_str("</section>\n");
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

fn table(grid: &Grid) -> String {
    let mut html = "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>".to_owned();
    let class = |column: usize| {
        if column < grid.words {
            ""
        } else {
            " class=\"n\""
        }
    };
    for (column, head) in grid.head.iter().enumerate() {
        let _ = write!(
            html,
            "<th scope=\"col\"{}>{}</th>",
            class(column),
            escape(head)
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (index, row) in grid.rows.iter().enumerate() {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let swatch = match grid.inks.get(index) {
                Some(ink) if column == 0 => {
                    format!("<i style=\"background:{}\"></i>", ink.css())
                }
                _ => String::new(),
            };
            let _ = write!(html, "<td{}>{swatch}{}</td>", class(column), escape(cell));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
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

fn push(html: &mut String, part: &str) {
    html.push_str(part);
}

/// Rules that give the charts the page's colours for background, words and lines.
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
    css
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{charts, sample};

    fn sample_page(layers: usize) -> String {
        let report = sample::report(layers);
        page(&report, &charts::draw_all(&report))
    }

    #[test]
    fn the_page_needs_nothing_else_and_stays_small() {
        let html = sample_page(107);
        for outside in ["http-equiv", "src=", "href=", "url(", "@import", "<script"] {
            assert!(!html.contains(outside), "{outside}");
        }
        let links = html.matches("http").count();
        let names = html.matches("http://www.w3.org/2000/svg").count();
        assert_eq!(links, names, "only the name space of the pictures");
        assert!(html.len() < 500_000, "{} bytes", html.len());
    }

    #[test]
    fn the_answer_comes_first_and_the_tables_follow() {
        let html = sample_page(22);
        let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("no {text}"));
        assert!(place("class=\"answer\"") < place("<svg"));
        assert!(place("<svg") < place("<h2>Chip edge</h2>"));
        assert!(place("<h2>Chip edge</h2>") < place("<h2>Configuration</h2>"));
        assert!(html.contains("<td>chip edge</td><td>dram.latency_cycles</td><td>60</td>"));
        assert!(html.contains("sha256:0123abcd"));
    }

    #[test]
    fn every_text_is_escaped() {
        let html = sample_page(2);
        assert!(html.contains("table &lt;3&gt;"));
        assert!(html.contains("by hand &amp; not measured"));
        assert_eq!(
            escape("<a href='x'>&\""),
            "&lt;a href=&#39;x&#39;&gt;&amp;&quot;"
        );
    }

    #[test]
    fn tags_are_closed() {
        let html = sample_page(5);
        for tag in [
            "section", "table", "figure", "details", "div", "svg", "text", "p",
        ] {
            let open = html.matches(&format!("<{tag}>")).count()
                + html.matches(&format!("<{tag} ")).count();
            let close = html.matches(&format!("</{tag}>")).count();
            assert_eq!(open, close, "{tag}");
        }
    }
}
