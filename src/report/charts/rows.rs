//! A row a layer: names at the left, a horizontal scale, figures behind the bars.

use super::axis::{Linear, tick_text, ticks};
use super::font;
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use crate::report::RunResult;
use crate::report::figures::real;
use crate::time::LayerTime;
use crate::units::count;

/// Widest name that is not cut.
const NAME: f64 = 190.0;
/// From here on rows are lower.
const MANY: usize = 40;

/// Where the rows lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    /// Height of a row.
    pub row: f64,
    /// Pixels of an em.
    pub size: f64,
    /// Left end of the bars.
    pub left: f64,
    /// Upper end of the first row.
    pub top: f64,
    /// Lower end of the last row.
    pub bottom: f64,
}

impl Rows {
    /// Rows with these names below `top`.
    pub(super) fn new(names: &[&str], top: f64) -> Self {
        let (row, size) = if names.len() <= MANY {
            (18.0, 11.0)
        } else {
            (14.0, 10.0)
        };
        let widest = names
            .iter()
            .map(|name| font::width(name, size, false))
            .fold(0.0, f64::max);
        Self {
            row,
            size,
            left: 24.0 + widest.min(NAME),
            top,
            bottom: top + row * real(count(names.len())),
        }
    }

    /// Middle of a row.
    pub(super) fn y(&self, index: usize) -> f64 {
        self.top + self.row * (real(count(index)) + 0.5)
    }

    /// Writes the name of a row.
    pub(super) fn name(&self, scene: &mut Scene, index: usize, name: &str) {
        let label = font::fit(name, self.size, self.left - 24.0);
        let at = [self.left - 8.0, self.y(index)];
        scene.text(at, Anchor::End, self.size, Ink::Text, label);
    }

    /// Writes a figure behind a bar that ends at `x`.
    pub(super) fn figure(&self, scene: &mut Scene, index: usize, x: f64, text: String) {
        let at = [x + 5.0, self.y(index)];
        // No line of the grid runs through the figure.
        let width = font::width(&text, self.size - 1.0, false) + 4.0;
        let height = self.row - 4.0;
        scene.rect(
            [at[0] - 2.0, at[1] - height / 2.0],
            [width, height],
            Ink::Paper,
        );
        scene.text(at, Anchor::Start, self.size - 1.0, Ink::Muted, text);
    }

    /// Vertical lines up to `most`, their figures in units of `factor` above and below, `words` below.
    pub(super) fn grid(
        &self,
        scene: &mut Scene,
        axis: Linear,
        most: f64,
        factor: f64,
        words: &str,
    ) {
        let (top, bottom) = (self.top, self.bottom);
        for tick in ticks(most / factor, 8) {
            let x = axis.at(tick * factor);
            scene.line(vec![[x, top], [x, bottom]], Ink::Grid, 1.0);
            for y in [top - 9.0, bottom + 12.0] {
                scene.text([x, y], Anchor::Middle, 10.0, Ink::Muted, tick_text(tick));
            }
        }
        let ends = vec![[axis.origin, top], [axis.origin, bottom]];
        scene.line(ends, Ink::Muted, 1.0);
        let at = [axis.origin, bottom + 31.0];
        scene.text(at, Anchor::Start, 11.0, Ink::Muted, words);
    }
}

/// Name of the layer of `time`.
pub(super) fn layer_name<'a>(network: &'a RunResult, time: &LayerTime) -> &'a str {
    &network.schedule.graph.layers[time.layer.0].name
}
