//! What lies behind the differences of a tensor: where they are, what the model makes of the first, weights that worked.

use super::super::judge::{AXES, Judged};
use crate::diagnose::regression::{Estimate, Skipped};
use crate::diagnose::terms::Terms;
use crate::report::grid::Grid;
use crate::report::human::grouped;
use crate::units::count;

/// Accumulators of a list that are told.
const STEPS: usize = 8;

/// Where differences are, an axis a row.
pub(super) fn spread(part: &Judged) -> Grid {
    let head = ["by", "differ in", "of", "most in", "elements there"];
    let mut grid = Grid::new("Where the differences are", &head, 1);
    for (axis, counts) in AXES.iter().zip(&part.spread.by) {
        let hit = counts.iter().filter(|count| **count > 0).count();
        let most = counts.iter().copied().max().unwrap_or(0);
        if let Some(place) = counts.iter().position(|count| *count == most && most > 0) {
            grid.rows.push(vec![
                (*axis).to_owned(),
                grouped(count(hit)),
                if whole(axis) {
                    grouped(count(counts.len()))
                } else {
                    String::new()
                },
                format!("{axis} {place}"),
                grouped(most),
            ]);
        }
    }
    grid
}

/// Whether all places of an axis are counted, also where nothing differs.
fn whole(axis: &str) -> bool {
    ["channel", "row", "column", "bit"].contains(&axis)
}

/// What the model makes an element of, term by term.
pub(super) fn terms(terms: &Terms) -> Grid {
    let mut grid = Grid::new("What the model makes of it", &["term", "value"], 1);
    let mut row = |name: String, value: String| grid.rows.push(vec![name, value]);
    row("bias".to_owned(), terms.bias.to_string());
    for step in terms.steps.iter().take(STEPS) {
        let value = format!("{:+} = {}", step.addend, step.accumulator);
        row(format!("after pass {}", step.pass), value);
    }
    if terms.steps.len() > STEPS {
        row(
            format!("{} more passes", terms.steps.len() - STEPS),
            "...".to_owned(),
        );
    }
    row("accumulator".to_owned(), terms.accumulator.to_string());
    let product = format!("x {} = {}", terms.multiplier, terms.product);
    row("multiplier".to_owned(), product);
    let rounded = format!("{} bits = {}", terms.shift, terms.rounded);
    row("shift, rounding, zero point".to_owned(), rounded);
    let clamped = if terms.clamped {
        "clamped to"
    } else {
        "in range:"
    };
    row("output".to_owned(), format!("{clamped} {}", terms.output));
    grid
}

/// The weights that worked, in a sentence.
pub(super) fn estimate(estimate: &Result<Estimate, Skipped>) -> String {
    match estimate {
        Err(skipped) => format!("Weights in effect: not estimated, {skipped}"),
        Ok(found) => {
            let nearest = found.orders.first().map_or_else(
                || "no order of the true ones is near".to_owned(),
                |order| {
                    format!(
                        "nearest to the true ones {} (off by {:.2} on average)",
                        order.text, order.distance
                    )
                },
            );
            format!(
                "Weights in effect of channel {}, estimated from {} outputs: {nearest}; bias {:.1}; they leave {:.2} steps of an output over",
                found.channel, found.outputs, found.bias, found.residual
            )
        }
    }
}
