//! The horizontal axis of pictures over time: milliseconds or microseconds, and what happens in even columns of it.

use super::axis::{Linear, tick_text, ticks};
use super::bins::{Bins, Histogram};
use super::font;
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use crate::report::ChipFacts;
use crate::report::figures::{real, seconds};
use crate::report::human;
use crate::units::{Cycles, Tick};

pub(super) const WIDTH: f64 = 900.0;
pub(super) const LEFT: f64 = 78.0;
pub(super) const RIGHT: f64 = 834.0;
/// Columns of a whole run, 3.5 pixels each.
pub(super) const COLUMNS: u64 = 216;
/// Pixels; a thinner part of a column is not drawn, unless it is the lowest.
const THIN: f64 = 0.5;

/// A stretch of a run from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    from: Tick,
    per_cycle: f64,
    /// Its length in `unit`.
    length: f64,
    /// `ms` or `us`.
    pub unit: &'static str,
}

impl Clock {
    /// From `from` on for `cycles`, at least one.
    pub(super) fn new(from: Tick, cycles: Cycles, chip: &ChipFacts) -> Self {
        let cycles = Cycles(cycles.0.max(1));
        let length = seconds(cycles, chip);
        let (factor, unit) = if length >= 1e-3 {
            (1e3, "ms")
        } else {
            (1e6, "us")
        };
        Self {
            from,
            per_cycle: (RIGHT - LEFT) / real(cycles.0),
            length: length * factor,
            unit,
        }
    }

    /// Pixel of a moment; what lies outside the stretch is moved to its end.
    pub(super) fn x(&self, at: Tick) -> f64 {
        let cycles = at.0.saturating_sub(self.from.0);
        (LEFT + real(cycles) * self.per_cycle).min(RIGHT)
    }

    /// Draws the axis at `y`, its figures below, and `words` behind the unit; 36 pixels in all.
    pub(super) fn axis(&self, scene: &mut Scene, y: f64, words: &str) {
        let axis = Linear::new(LEFT, RIGHT, self.length);
        for tick in ticks(self.length, 8) {
            let x = axis.at(tick);
            scene.line(vec![[x, y], [x, y + 4.0]], Ink::Muted, 1.0);
            let at = [x, y + 13.0];
            scene.text(at, Anchor::Middle, 10.0, Ink::Muted, tick_text(tick));
        }
        scene.line(vec![[LEFT, y], [RIGHT, y]], Ink::Muted, 1.0);
        let words = font::fit(&format!("{} {words}", self.unit), 11.0, RIGHT - LEFT);
        let at = [RIGHT, y + 29.0];
        scene.text(at, Anchor::End, 11.0, Ink::Muted, words);
    }
}

/// Draws the kinds of each column, one on the other from `base` up in the order of `inks`; `height` is the pixels that
/// an amount takes in a column of that many cycles.
pub(super) fn stack<const N: usize>(
    scene: &mut Scene,
    histogram: &Histogram<N>,
    inks: [Ink; N],
    base: f64,
    height: impl Fn(f64, Cycles) -> f64,
) {
    let width = (RIGHT - LEFT) / real(histogram.bins.len());
    // From the back to the front: a kind is painted over by those below it in the stack.
    for (kind, ink) in inks.into_iter().enumerate().rev() {
        let heights: Vec<f64> = histogram
            .stacks()
            .map(|(cycles, stack)| {
                let below = kind.checked_sub(1).map_or(0.0, |below| stack[below]);
                let part = height(stack[kind] - below, cycles);
                let is_seen = part >= THIN || (part > 0.0 && below <= 0.0);
                if is_seen {
                    visible(height(stack[kind], cycles))
                } else {
                    0.0
                }
            })
            .collect();
        if heights.iter().any(|&height| height > 0.0) {
            scene.bars([LEFT, base], width, heights, ink);
        }
    }
}

/// A height in whole pixels, at least one: equal neighbours then are one step.
fn visible(height: f64) -> f64 {
    height.round().max(1.0)
}

/// How long a column of the whole run is.
pub(super) fn column_words(bins: &Bins, chip: &ChipFacts) -> String {
    let each = seconds(bins.cycles(), chip) / real(bins.len());
    format!("a column is {}", human::seconds(each))
}
