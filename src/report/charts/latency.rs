//! Where the time of one network goes: a bar a layer, stacked by cause, in network order.

use super::axis::{Linear, tick_text, ticks};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use super::{font, legend};
use crate::report::figures::{Summary, real, share};
use crate::report::human::{clock, grouped, percent, seconds, significant};
use crate::report::{ChipFacts, RunResult};
use crate::time::LayerTime;

const WIDTH: f64 = 900.0;
/// Room for the share behind the longest bar.
const BEHIND: f64 = 64.0;
/// Layers with a smaller share of the time get no figure.
const LABELLED: f64 = 0.01;

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let layers = &network.timeline.layers;
    let summary = Summary::of(network, chip);
    let (row, size) = if layers.len() <= 40 {
        (18.0, 11.0)
    } else {
        (14.0, 10.0)
    };
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Latency per layer: {} on {}", network.id, chip.name),
        &format!(
            "{} = {} cycles at {}, batch {}, array utilisation {}",
            seconds(summary.latency_s),
            grouped(summary.cycles.0),
            clock(chip.clock),
            network.schedule.batch,
            percent(summary.utilisation),
        ),
    );
    let causes = legend::causes(&summary.account);
    let top = 70.0 + legend::draw(&mut scene, &causes, 16.0, WIDTH - 16.0, 68.0) + 22.0;
    let names: Vec<&str> = layers.iter().map(|time| name(network, time)).collect();
    let widest = names
        .iter()
        .map(|name| font::width(name, size, false))
        .fold(0.0, f64::max);
    let left = 24.0 + widest.min(190.0);
    let bottom = top + row * real(crate::units::count(layers.len()));
    scene.height = bottom + 46.0;
    let longest = layers.iter().map(|time| time.account.total().0).max();
    let longest = real(longest.unwrap_or(0).max(1));
    let axis = Linear::new(left, WIDTH - 16.0 - BEHIND, longest);
    grid(&mut scene, axis, longest, [top, bottom]);
    for (index, (time, name)) in layers.iter().zip(&names).enumerate() {
        let y = top + row * (real(crate::units::count(index)) + 0.5);
        let label = font::fit(name, size, left - 24.0);
        scene.text([left - 8.0, y], Anchor::End, size, Ink::Text, label);
        let height = row - 5.0;
        legend::stack(
            &mut scene,
            &time.account,
            [left, y - height / 2.0],
            height,
            axis.per_unit,
        );
        let cycles = time.account.total();
        let part = share(cycles, summary.cycles);
        let tip = legend::tip(name, &time.account, summary.cycles);
        scene.tip([0.0, y - row / 2.0], [WIDTH, row], tip);
        if part >= LABELLED {
            let x = axis.at(real(cycles.0)) + 5.0;
            scene.text([x, y], Anchor::Start, size - 1.0, Ink::Muted, percent(part));
        }
    }
    scene
}

fn name<'a>(network: &'a RunResult, time: &LayerTime) -> &'a str {
    &network.schedule.graph.layers[time.layer.0].name
}

/// Vertical lines, their figures above and below, the unit below.
fn grid(scene: &mut Scene, axis: Linear, longest: f64, [top, bottom]: [f64; 2]) {
    let (factor, unit) = match longest {
        l if l >= 2e6 => (1e6, "million cycles"),
        l if l >= 2e3 => (1e3, "thousand cycles"),
        _ => (1.0, "cycles"),
    };
    for tick in ticks(longest / factor, 8) {
        let x = axis.at(tick * factor);
        scene.line(vec![[x, top], [x, bottom]], Ink::Grid, 1.0);
        for y in [top - 9.0, bottom + 12.0] {
            scene.text([x, y], Anchor::Middle, 10.0, Ink::Muted, tick_text(tick));
        }
    }
    scene.line(
        vec![[axis.origin, top], [axis.origin, bottom]],
        Ink::Muted,
        1.0,
    );
    scene.text(
        [axis.origin, bottom + 31.0],
        Anchor::Start,
        11.0,
        Ink::Muted,
        format!(
            "{unit} of each layer; percent of the run where at least {} %",
            significant(LABELLED * 100.0, 1)
        ),
    );
}
