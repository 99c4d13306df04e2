//! What keeps the array from its peak: from 100 % down to the achieved share, one step a cause.
//!
//! The steps come from the integer account: every cycle has one cause, so they close exactly.

use super::axis::{Linear, tick_text, ticks};
use super::font;
use super::palette::{Ink, words};
use super::scene::{Anchor, Scene};
use crate::report::figures::{Summary, real, share};
use crate::report::human::{grouped, percent, seconds, significant};
use crate::report::{ChipFacts, RunResult};
use crate::time::{Account, Cause};
use crate::units::{Cycles, count};

const WIDTH: f64 = 900.0;
const ROW: f64 = 22.0;
const BAR: f64 = 15.0;
const SIZE: f64 = 11.0;
/// Room for the figures behind the longest bar.
const BEHIND: f64 = 280.0;

/// Causes from the shape of the layers to the world outside: the order of the steps.
const ORDER: [Cause; 16] = [
    Cause::KernelIdle,
    Cause::LaneIdle,
    Cause::RowIdle,
    Cause::TileEdge,
    Cause::Residual,
    Cause::Halo,
    Cause::ActPort,
    Cause::WeightPort,
    Cause::Drain,
    Cause::Fill,
    Cause::Setup,
    Cause::InputsWait,
    Cause::WeightsWait,
    Cause::OutputsWait,
    Cause::Vector,
    Cause::Host,
];

/// A bar from a figure to a figure, a row each.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    /// Left of the bars.
    pub label: String,
    /// Its colour.
    pub ink: Ink,
    /// Where it starts and where it ends; either may be the larger.
    pub ends: [f64; 2],
    /// Right of the bar.
    pub figure: String,
}

/// A cause and the cycles left before and after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    cause: Cause,
    before: Cycles,
    after: Cycles,
}

/// The steps of an account; the first starts at all cycles, the last ends at the useful ones.
fn steps(account: &Account) -> Vec<Step> {
    let mut left = account.total().0;
    let present = ORDER.into_iter().filter(|&c| account.get(c).0 > 0);
    present
        .map(|cause| {
            let before = left;
            left -= account.get(cause).0;
            Step {
                cause,
                before: Cycles(before),
                after: Cycles(left),
            }
        })
        .collect()
}

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let summary = Summary::of(network, chip);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!(
            "Array utilisation, from peak to achieved: {} on {}",
            network.id, chip.name
        ),
        &format!(
            "100 % = {} MAC/cycle in all {} cycles ({}), batch {}; {} of these MACs are done",
            significant(chip.roofs.peak_macs_per_cycle, 1),
            grouped(summary.cycles.0),
            seconds(summary.latency_s),
            network.schedule.batch,
            percent(summary.utilisation),
        ),
    );
    let bars = bars(&summary);
    let words = "percent of the peak of all cycles; each step: share, cycles, and what is left";
    scene.height = draw(&mut scene, &bars, 82.0, 100.0, words);
    scene
}

/// The peak, a bar a cause, and what is achieved, in percent.
fn bars(summary: &Summary) -> Vec<Bar> {
    let account = &summary.account;
    let total = account.total();
    let part = |cycles: Cycles| share(cycles, total) * 100.0;
    let useful = account.get(Cause::Useful);
    let row = |label: &str, ink: Ink, cycles: Cycles, ends: [f64; 2], sign: &str, left: String| {
        let (part, cycles) = (percent(share(cycles, total)), grouped(cycles.0));
        Bar {
            label: label.to_owned(),
            ink,
            ends,
            figure: format!("{sign}{part}, {cycles} cycles{left}"),
        }
    };
    let full = part(total);
    let mut bars = vec![row(
        "peak",
        Ink::Muted,
        total,
        [0.0, full],
        "",
        String::new(),
    )];
    for step in steps(account) {
        let cycles = account.get(step.cause);
        let left = format!(", leaves {}", percent(share(step.after, total)));
        let ends = [part(step.before), part(step.after)];
        let ink = Ink::Cause(step.cause);
        let part = share(cycles, total);
        let sign = if percent(part).starts_with('<') {
            ""
        } else {
            "-"
        };
        bars.push(row(&words(step.cause), ink, cycles, ends, sign, left));
    }
    let ink = Ink::Cause(Cause::Useful);
    bars.push(row(
        "achieved",
        ink,
        useful,
        [0.0, part(useful)],
        "",
        String::new(),
    ));
    bars
}

/// Draws bars below `top`, a row each, on a scale from zero to `most`; a thin line joins the end of each to
/// the next. Returns the height of the picture.
pub(super) fn draw(scene: &mut Scene, bars: &[Bar], top: f64, most: f64, words: &str) -> f64 {
    let widest = bars
        .iter()
        .map(|bar| font::width(&bar.label, SIZE, false))
        .fold(0.0, f64::max);
    let left = 24.0 + widest.min(190.0);
    let axis = Linear::new(left, WIDTH - BEHIND, most);
    let bottom = top + ROW * real(count(bars.len()));
    for tick in ticks(most, 10) {
        let x = axis.at(tick);
        scene.line(vec![[x, top], [x, bottom]], Ink::Grid, 1.0);
        let at = [x, bottom + 12.0];
        scene.text(at, Anchor::Middle, 10.0, Ink::Muted, tick_text(tick));
    }
    scene.line(vec![[left, top], [left, bottom]], Ink::Muted, 1.0);
    for (index, bar) in bars.iter().enumerate() {
        let y = top + ROW * (real(count(index)) + 0.5);
        let label = font::fit(&bar.label, SIZE, left - 24.0);
        scene.text([left - 8.0, y], Anchor::End, SIZE, Ink::Text, label);
        let [from, to] = bar.ends.map(|end| axis.at(end));
        // The smallest step is still seen.
        let width = (to - from).abs().max(0.75);
        scene.rect([from.min(to), y - BAR / 2.0], [width, BAR], bar.ink);
        if index + 1 < bars.len() {
            let joint = vec![[to, y + BAR / 2.0], [to, y + ROW - BAR / 2.0]];
            scene.line(joint, Ink::Muted, 1.0);
        }
        let width = font::width(&bar.figure, SIZE, false) + 4.0;
        let behind = [from.max(to) + 5.0, y - 7.0];
        scene.rect(behind, [width, 14.0], Ink::Paper);
        let tip = format!("{}: {}", bar.label, bar.figure);
        scene.tip([0.0, y - ROW / 2.0], [WIDTH, ROW], tip);
        let at = [from.max(to) + 7.0, y];
        scene.text(at, Anchor::Start, SIZE, Ink::Text, bar.figure.as_str());
    }
    scene.text(
        [left, bottom + 31.0],
        Anchor::Start,
        SIZE,
        Ink::Muted,
        words,
    );
    bottom + 46.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn steps_close_from_the_peak_to_the_useful_cycles() {
        let report = sample::report(22);
        for network in &report.chips[0].networks {
            let account = network.timeline.account();
            let steps = steps(&account);
            assert_eq!(steps[0].before, network.timeline.total);
            assert!(steps.windows(2).all(|two| two[0].after == two[1].before));
            let last = steps.last().unwrap();
            assert_eq!(last.after, account.get(Cause::Useful));
        }
    }

    #[test]
    fn every_cause_but_useful_is_a_step_once() {
        let mut causes: Vec<Cause> = ORDER.into_iter().chain([Cause::Useful]).collect();
        causes.sort_unstable();
        let mut all = Cause::ALL.to_vec();
        all.sort_unstable();
        assert_eq!(causes, all);
    }

    #[test]
    fn figures_stand_behind_the_chart() {
        let report = sample::report(5);
        let (chip, network) = (&report.chips[0].chip, &report.chips[0].networks[0]);
        let bars = bars(&Summary::of(network, chip));
        let text: Vec<String> = bars
            .iter()
            .map(|bar| format!("{}: {}", bar.label, bar.figure))
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
peak: 100.0 %, 1,269,117 cycles
lane idle: -3.7 %, 47,040 cycles, leaves 96.3 %
tile edge: -3.3 %, 41,811 cycles, leaves 93.0 %
drain: -1.3 %, 16,722 cycles, leaves 91.7 %
fill: <0.1 %, 400 cycles, leaves 91.6 %
setup: <0.1 %, 80 cycles, leaves 91.6 %
inputs wait: -8.0 %, 101,005 cycles, leaves 83.7 %
weights wait: -17.8 %, 225,792 cycles, leaves 65.9 %
achieved: 65.9 %, 836,267 cycles
");
    }
}
