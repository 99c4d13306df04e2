//! Grids as HTML tables.

use super::super::charts::palette::Ink;
use super::super::grid::Grid;
use super::{escape, glossary};
use std::fmt::Write as _;

/// A grid in a frame that scrolls where it is too wide. A row of a cause says what the cause means.
#[must_use]
pub fn table(grid: &Grid) -> String {
    let mut html = "<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>".to_owned();
    let class = |column: usize| {
        if column < grid.words {
            ""
        } else {
            " class=\"n\""
        }
    };
    for (column, head) in grid.head.iter().enumerate() {
        let (class, head) = (class(column), escape(head));
        let _ = write!(html, "<th scope=\"col\"{class}>{head}</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for (index, row) in grid.rows.iter().enumerate() {
        html.push_str("<tr>");
        for (column, cell) in row.iter().enumerate() {
            let cell = match grid.inks.get(index) {
                Some(Ink::Cause(cause)) if column == 0 => glossary::named(*cause),
                Some(ink) if column == 0 => {
                    format!("<i style=\"background:{}\"></i>{}", ink.css(), escape(cell))
                }
                _ => escape(cell),
            };
            let _ = write!(html, "<td{}>{cell}</td>", class(column));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    html
}
