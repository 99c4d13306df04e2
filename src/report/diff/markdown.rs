//! `diff.md`: the whole difference as Markdown, with every layer that differs and the pictures beside it.

use super::{Diff, grids, stem, terminal, verdict};
use crate::report::grid::Grid;
use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, ContentArrangement, Table};
use std::fmt::Write;

/// The text of `diff.md`, ending in a newline.
#[must_use]
pub(super) fn page(diff: &Diff<'_>) -> String {
    let mut text = "# Difference of two runs\n\n".to_owned();
    for sentence in verdict::sentences(diff) {
        let _ = writeln!(text, "- {}", escaped(&sentence));
    }
    let [a, b] = [diff.a, diff.b].map(|run| escaped(&terminal::run(run)));
    let _ = write!(text, "\nA is {a}.\n\nB is {b}.\n");
    let words = diff.networks.iter().flat_map(|network| &network.words);
    let facts = grids::facts(diff.facts.iter().chain(words));
    for grid in facts
        .iter()
        .chain(&grids::settings(&diff.settings, usize::MAX))
    {
        section(&mut text, grid);
    }
    for network in &diff.networks {
        let id = &network.id;
        let _ = write!(
            text,
            "\n![{0}: from the cycles of A to those of B]({1}.svg)\n",
            escaped(id),
            stem(id)
        );
        section(&mut text, &grids::figures(network));
        section(&mut text, &grids::causes(network));
        if let Some((grid, _)) = grids::layers(network, usize::MAX) {
            section(&mut text, &grid);
        }
    }
    text
}

fn section(text: &mut String, grid: &Grid) {
    let _ = write!(text, "\n## {}\n\n{}\n", escaped(&grid.title), table(grid));
}

fn table(grid: &Grid) -> String {
    let mut table = Table::new();
    let cells = |row: &Vec<String>| row.iter().map(|cell| escaped(cell)).collect::<Vec<_>>();
    table
        .load_style(ASCII_MARKDOWN)
        .force_no_tty()
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(cells(&grid.head))
        .add_rows(grid.rows.iter().map(cells));
    for column in table.column_iter_mut().skip(grid.words) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

/// Names of files and networks stay what they are: no letter of theirs means anything in Markdown.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if "\\`*_[]<>|#".contains(letter) {
            safe.push('\\');
        }
        safe.push(if letter.is_control() { ' ' } else { letter });
    }
    safe
}
