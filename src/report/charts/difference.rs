//! Where the difference of two runs comes from: a waterfall from A's cycles over the causes to B's.
//!
//! The axis shows cycles more or fewer than A, so that small differences of long runs are seen and no bar is
//! cut short.

use super::axis::{tick_text, ticks};
use super::font;
use super::palette::{Ink, words};
use super::scene::{Anchor, Scene};
use crate::report::diff::change::{percent_shown, signed};
use crate::report::diff::network::{NetworkDiff, Step};
use crate::report::figures::real;
use crate::report::human::grouped;
use crate::report::json::read::Run;
use crate::units::count;

const WIDTH: f64 = 900.0;
const ROW: f64 = 26.0;
const BAR: f64 = 16.0;
const SIZE: f64 = 12.0;
const TOP: f64 = 84.0;
const LEFT: f64 = 120.0;
const RIGHT: f64 = WIDTH - 220.0;

/// From cycles more than A to pixels.
#[derive(Debug, Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Holds A and every end of a step.
    fn of(steps: &[Step]) -> Self {
        let ends = steps.iter().map(|step| more(step.end));
        let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| {
            (low.min(end), high.max(end))
        });
        let high = if low < high { high } else { low + 1.0 };
        Self { low, high }
    }

    fn at(self, value: f64) -> f64 {
        LEFT + (value - self.low) / (self.high - self.low) * (RIGHT - LEFT)
    }
}

/// Lays the chart out: a row for A, one for each cause that differs, one for B.
pub(super) fn scene(network: &NetworkDiff, a: &Run, b: &Run) -> Scene {
    let steps = network.steps();
    let scale = Scale::of(&steps);
    let bottom = TOP + ROW * real(count(steps.len() + 2));
    let mut scene = Scene::new(WIDTH, bottom + 48.0);
    scene.title(
        &format!("Cycles of {} from A to B, by cause", network.id),
        &format!(
            "A: {}, chip {}; B: {}, chip {}",
            a.path, a.chip, b.path, b.chip
        ),
    );
    grid(&mut scene, scale, bottom);
    let [before, after] = network.cycles();
    row(&mut scene, 0, "A", &format!("{} cycles", grouped(before)));
    for (index, step) in steps.iter().enumerate() {
        let [a, b] = step.cycles;
        let figures = format!("{} cycles", signed(a, b));
        row(&mut scene, index + 1, &words(step.cause), &figures);
        let way = [more(step.start), more(step.end)];
        bar(&mut scene, scale, index + 1, way, Ink::Cause(step.cause));
        let x = scale.at(way[1]);
        let [from, to] = [middle(index + 1) + BAR / 2.0, middle(index + 2) - BAR / 2.0];
        scene.line(vec![[x, from], [x, to]], Ink::Muted, 1.0);
    }
    let end = steps.last().map_or(0.0, |step| more(step.end));
    let last = steps.len() + 1;
    bar(&mut scene, scale, last, [0.0, end], Ink::Muted);
    let growth = percent_shown(network.total().percent());
    row(
        &mut scene,
        last,
        "B",
        &format!("{} cycles, {growth}", grouped(after)),
    );
    scene
}

fn middle(row: usize) -> f64 {
    TOP + ROW * (real(count(row)) + 0.5)
}

/// The name of a row at its left, its figures at its right.
fn row(scene: &mut Scene, row: usize, name: &str, figures: &str) {
    let y = middle(row);
    scene.text([LEFT - 10.0, y], Anchor::End, SIZE, Ink::Text, name);
    let figures = font::fit(figures, SIZE, WIDTH - RIGHT - 40.0);
    scene.text([WIDTH - 16.0, y], Anchor::End, SIZE, Ink::Text, figures);
}

/// A bar between two values; at least one pixel wide.
fn bar(scene: &mut Scene, scale: Scale, row: usize, way: [f64; 2], ink: Ink) {
    let [one, two] = way.map(|value| scale.at(value));
    let width = (one - two).abs().max(1.0);
    scene.rect([one.min(two), middle(row) - BAR / 2.0], [width, BAR], ink);
}

/// Vertical lines with their figures below, the line of A in ink, and what the axis shows.
fn grid(scene: &mut Scene, scale: Scale, bottom: f64) {
    let longest = scale.high.max(-scale.low);
    let (factor, unit) = match longest {
        l if l >= 2e6 => (1e6, "million cycles"),
        l if l >= 2e3 => (1e3, "thousand cycles"),
        _ => (1.0, "cycles"),
    };
    for tick in ticks(longest / factor, 5) {
        // One tick at zero, two of each other figure where the scale reaches them.
        let sides: &[f64] = if tick > 0.0 { &[-1.0, 1.0] } else { &[1.0] };
        for side in sides {
            let value = tick * factor * side;
            let x = scale.at(value);
            if value < scale.low || value > scale.high {
                continue;
            }
            let ink = if tick > 0.0 { Ink::Grid } else { Ink::Text };
            scene.line(vec![[x, TOP], [x, bottom]], ink, 1.0);
            let sign = match tick > 0.0 {
                true if *side > 0.0 => "+",
                true => "-",
                false => "",
            };
            let text = format!("{sign}{}", tick_text(tick));
            scene.text([x, bottom + 13.0], Anchor::Middle, 10.0, Ink::Muted, text);
        }
    }
    let words = format!("{unit} more (right) or fewer (left) than A");
    scene.text(
        [LEFT, bottom + 32.0],
        Anchor::Start,
        11.0,
        Ink::Muted,
        words,
    );
}

/// Cycles more than A as a float.
fn more(cycles: i128) -> f64 {
    let magnitude = u64::try_from(cycles.unsigned_abs()).unwrap_or(u64::MAX);
    if cycles < 0 {
        -real(magnitude)
    } else {
        real(magnitude)
    }
}
