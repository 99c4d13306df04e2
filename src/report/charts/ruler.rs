//! The layers of a run along its time: in the upper line those of one stage together, in the lower one each.

use super::clock::{Clock, LEFT, RIGHT};
use super::font;
use super::palette::Ink;
use super::rows::layer_name;
use super::scene::{Anchor, Scene};
use crate::report::RunResult;
use crate::report::figures::share;
use crate::report::human::percent;
use crate::time::LayerTime;
use crate::units::Tick;

/// Height of both lines.
pub(super) const RULER: f64 = 28.0;
/// Height of each line.
pub(super) const LINE: f64 = RULER / 2.0;
/// Pixels of an em of a name.
const NAME: f64 = 9.5;
/// A narrower layer says nothing under the pointer.
const POINTED: f64 = 10.0;

/// Layers in a row whose names are the same up to the first point.
struct Stage<'a> {
    name: &'a str,
    from: Tick,
    to: Tick,
}

/// Draws both lines from `y` down, names where they fit; the layer at `marked` stands out.
pub(super) fn ruler(
    scene: &mut Scene,
    network: &RunResult,
    clock: &Clock,
    y: f64,
    marked: Option<&LayerTime>,
) {
    for stage in stages(network) {
        let (x, end) = (clock.x(stage.from), clock.x(stage.to));
        scene.line(vec![[x, y], [x, y + LINE]], Ink::Muted, 0.5);
        label(scene, [x, end], y, Ink::Text, stage.name);
    }
    let lower = y + LINE;
    for (index, time) in network.timeline.layers.iter().enumerate() {
        let (x, end) = (clock.x(time.start), clock.x(time.end));
        let is_marked = marked.is_some_and(|marked| marked.layer == time.layer);
        let (fill, ink) = match (is_marked, index % 2) {
            (true, _) => (Some(Ink::Text), Ink::Paper),
            (false, 0) => (Some(Ink::Grid), Ink::Text),
            (false, _) => (None, Ink::Text),
        };
        if let Some(fill) = fill {
            scene.rect([x, lower], [end - x, LINE], fill);
        }
        let (_, name) = split(layer_name(network, time));
        label(scene, [x, end], lower, ink, name);
    }
    for edge in [lower, y + RULER] {
        scene.line(vec![[LEFT, edge], [RIGHT, edge]], Ink::Grid, 1.0);
    }
}

/// The whole name and the share of each layer that is wide enough, under the pointer.
pub(super) fn point(scene: &mut Scene, network: &RunResult, clock: &Clock, y: f64) {
    for time in &network.timeline.layers {
        let (x, end) = (clock.x(time.start), clock.x(time.end));
        if end - x >= POINTED {
            let part = percent(share(time.end - time.start, network.timeline.total));
            let words = format!("{}: {part}", layer_name(network, time));
            scene.tip([x, y + LINE], [end - x, LINE], words);
        }
    }
}

/// Writes a name into the line from `y` down where there is room for it.
fn label(scene: &mut Scene, [x, end]: [f64; 2], y: f64, ink: Ink, name: &str) {
    if !name.is_empty() && font::width(name, NAME, false) + 4.0 <= end - x {
        let middle = [f64::midpoint(x, end), y + LINE / 2.0];
        scene.text(middle, Anchor::Middle, NAME, ink, name);
    }
}

/// The stage and the layer in it: `layer2` and `0.conv1`.
fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

fn stages(network: &RunResult) -> Vec<Stage<'_>> {
    let mut stages: Vec<Stage<'_>> = Vec::new();
    for time in &network.timeline.layers {
        let (name, _) = split(layer_name(network, time));
        match stages.last_mut() {
            Some(last) if last.name == name => last.to = time.end,
            Some(_) | None => stages.push(Stage {
                name,
                from: time.start,
                to: time.end,
            }),
        }
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn stages_follow_one_another_from_the_first_cycle_to_the_last() {
        let report = sample::report(22);
        let network = &report.chips[0].networks[0];
        let stages = stages(network);
        let names: Vec<&str> = stages.iter().map(|stage| stage.name).collect();
        assert_eq!(
            names,
            ["stage0", "stage1", "stage2", "stage3", "stage4", "linear"]
        );
        assert_eq!(stages[0].from, Tick::ZERO);
        assert_eq!(stages[5].to - Tick::ZERO, network.timeline.total);
        assert!(stages.windows(2).all(|two| two[0].to == two[1].from));
    }
}
