//! The answer in one picture: both networks of each pair, cycles by cause, on the pair's own scale.

use super::axis::{Linear, tick_text, ticks};
use super::palette::{Ink, words};
use super::scene::{Anchor, Scene};
use super::{font, legend};
use crate::report::figures::{Summary, real};
use crate::report::human::{clock, seconds, significant, times};
use crate::report::{Contrasted, RunResult};

const WIDTH: f64 = 900.0;
const BAR: f64 = 24.0;
/// Heading, two bars, ticks.
const GROUP: f64 = 126.0;
const SIZE: f64 = 12.0;

/// Lays out the pairs of one chip, at least one.
pub(super) fn scene(pairs: &[Contrasted<'_>]) -> Scene {
    let chip = pairs[0].chip;
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Latency by cause of each pair on {}", chip.name),
        &format!(
            "{}, peak {} MAC/cycle; each pair on its own scale",
            clock(chip.clock),
            significant(chip.roofs.peak_macs_per_cycle, 1),
        ),
    );
    let accounts: Vec<_> = pairs
        .iter()
        .flat_map(|pair| [pair.first, pair.second])
        .map(|network| network.timeline.account())
        .collect();
    let causes: Vec<(Ink, String)> = legend::present(&accounts.iter().collect::<Vec<_>>())
        .into_iter()
        .map(|cause| (Ink::Cause(cause), words(cause)))
        .collect();
    let mut y = 70.0 + legend::draw(&mut scene, &causes, 16.0, WIDTH - 16.0, 68.0);
    let widest = pairs
        .iter()
        .flat_map(|pair| [&pair.first.id, &pair.second.id])
        .map(|id| font::width(id, SIZE, false))
        .fold(0.0, f64::max);
    let left = 24.0 + widest.min(200.0);
    for pair in pairs {
        group(&mut scene, pair, left, y);
        y += GROUP;
    }
    scene.height = y + 8.0;
    scene
}

fn group(scene: &mut Scene, pair: &Contrasted<'_>, left: f64, top: f64) {
    let speed = times(pair.contrast.ratios.images_per_s);
    let published = pair.contrast.published.map_or_else(String::new, |p| {
        format!(", published for a GPU {}", times(p.ratio()))
    });
    let heading = format!(
        "{} / {}: {speed} images/s{published}",
        pair.first.id, pair.second.id
    );
    let heading = font::fit(&heading, 12.5, WIDTH - 32.0);
    scene.text([16.0, top + 10.0], Anchor::Start, 12.5, Ink::Text, heading);
    let slowest = pair.first.timeline.total.max(pair.second.timeline.total);
    let ms_per_cycle = 1e3 / real(pair.chip.clock.0.get());
    let longest = real(slowest.0.max(1)) * ms_per_cycle;
    let axis = Linear::new(left, WIDTH - 200.0, longest);
    let bars = top + 26.0;
    let bottom = bars + 2.0 * (BAR + 6.0);
    for tick in ticks(longest, 6) {
        let x = axis.at(tick);
        scene.line(vec![[x, bars - 3.0], [x, bottom]], Ink::Grid, 1.0);
        scene.text(
            [x, bottom + 10.0],
            Anchor::Middle,
            10.0,
            Ink::Muted,
            tick_text(tick),
        );
    }
    scene.text(
        [axis.at(longest) + 30.0, bottom + 10.0],
        Anchor::Start,
        10.0,
        Ink::Muted,
        "ms",
    );
    for (network, y) in [(pair.first, bars), (pair.second, bars + BAR + 6.0)] {
        bar(scene, pair, network, axis, [left, y], ms_per_cycle);
    }
}

fn bar(
    scene: &mut Scene,
    pair: &Contrasted<'_>,
    network: &RunResult,
    axis: Linear,
    [left, y]: [f64; 2],
    ms_per_cycle: f64,
) {
    let summary = Summary::of(network, pair.chip);
    let middle = y + BAR / 2.0;
    let name = font::fit(&network.id, SIZE, left - 24.0);
    scene.text([left - 8.0, middle], Anchor::End, SIZE, Ink::Text, name);
    let per_cycle = axis.per_unit * ms_per_cycle;
    legend::stack(scene, &summary.account, [left, y], BAR, per_cycle);
    let end = left + real(summary.cycles.0) * per_cycle;
    let figures = format!(
        "{}, {} images/s",
        seconds(summary.latency_s),
        significant(summary.images_per_s, 3)
    );
    scene.text([end + 8.0, middle], Anchor::Start, SIZE, Ink::Text, figures);
}
