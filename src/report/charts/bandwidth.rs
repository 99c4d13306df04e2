//! DRAM bandwidth over time: what the bus moves in each column of the run, by kind, below the channel's peak.

use super::axis::{Linear, tick_text, ticks};
use super::bins::{Bins, Histogram, place};
use super::clock::{COLUMNS, Clock, LEFT, RIGHT, WIDTH, column_words, stack};
use super::legend;
use super::palette::Ink;
use super::ruler::{RULER, ruler};
use super::scene::{Anchor, Scene};
use crate::report::engine::transfer;
use crate::report::figures::{real, seconds, share, traffic_key};
use crate::report::human::{self, percent, significant, traffic};
use crate::report::{ChipFacts, RunResult};
use crate::schedule::Traffic;
use crate::time::DramTraffic;
use crate::units::{Cycles, Tick};

const PLOT: f64 = 230.0;
/// From this share of the peak on the bus counts as full.
const FULL: f64 = 0.9;

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let total = network.timeline.total;
    let moved = histogram(network);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("DRAM bandwidth over time: {} on {}", network.id, chip.name),
        &figures(network, chip, &moved),
    );
    let entries = kinds(&network.timeline.dram());
    let top = 70.0 + legend::draw(&mut scene, &entries, 16.0, WIDTH - 16.0, 68.0) + 18.0;
    let plot = Plot::new(chip, &moved, top);
    plot.grid(&mut scene);
    let inks = Traffic::ALL.map(Ink::Traffic);
    stack(&mut scene, &moved, inks, plot.base(), |bytes, cycles| {
        rate(bytes, cycles, chip) * -plot.axis.per_unit
    });
    plot.limits(&mut scene, chip, rate(real(moved.total()), total, chip));
    let clock = Clock::new(Tick::ZERO, total, chip);
    ruler(&mut scene, network, &clock, plot.base(), None);
    let words = format!(
        "since the first DRAM request; {}; above the axis its layers",
        column_words(&moved.bins, chip)
    );
    clock.axis(&mut scene, plot.base() + RULER, &words);
    scene.height = plot.base() + RULER + 44.0;
    scene
}

/// Bytes on the bus, whole bursts, by kind in each column. All of DRAM's traffic goes over the bus: the host's own
/// port is another.
fn histogram(network: &RunResult) -> Histogram<6> {
    let end = Tick::ZERO + network.timeline.total;
    let mut moved = Histogram::new(Bins::new(Tick::ZERO, end, COLUMNS));
    for span in &network.record.bus {
        let (_, kind) = transfer(&network.schedule, span);
        let kind = place(&Traffic::ALL, &kind);
        moved.add([span.from, span.to], kind, span.bytes.0);
    }
    moved
}

/// GB/s of bytes that move within a span.
fn rate(bytes: f64, cycles: Cycles, chip: &ChipFacts) -> f64 {
    bytes / seconds(Cycles(cycles.0.max(1)), chip) / 1e9
}

/// GB/s that the channel can move.
fn peak(chip: &ChipFacts) -> f64 {
    chip.roofs.dram_bytes_per_cycle * real(chip.clock.0.get()) / 1e9
}

/// What moved, how fast, and how long the bus was full.
fn figures(network: &RunResult, chip: &ChipFacts, moved: &Histogram<6>) -> String {
    let total = network.timeline.total;
    let full: Cycles = moved
        .stacks()
        .filter(|(cycles, stack)| rate(stack[5], *cycles, chip) >= FULL * peak(chip))
        .map(|(cycles, _)| cycles)
        .sum();
    let dram = network.timeline.dram();
    let mean = rate(real(moved.total()), total, chip);
    format!(
        "{} in whole bursts, {} of it to fill them, in {}: {} of the peak on average, at least {:.0} % of it in {} of \
         the time",
        traffic(dram.bus()),
        percent(filling(&dram)),
        human::seconds(seconds(total, chip)),
        percent(mean / peak(chip)),
        FULL * 100.0,
        percent(share(full, total)),
    )
}

/// Share of the bytes on the bus that nobody asked for.
fn filling(dram: &DramTraffic) -> f64 {
    real(dram.bus().0.saturating_sub(dram.payload().0)) / real(dram.bus().0.max(1))
}

/// The kinds that moved, with what was asked for in each direction.
pub(super) fn kinds(dram: &DramTraffic) -> Vec<(Ink, String)> {
    let mut entries = Vec::new();
    for kind in Traffic::ALL {
        let moved = dram.get(kind);
        let ways = [(moved.read, "read"), (moved.written, "written")];
        let words: Vec<String> = ways
            .into_iter()
            .filter(|(bytes, _)| bytes.0 > 0)
            .map(|(bytes, way)| format!("{} {way}", traffic(bytes)))
            .collect();
        if !words.is_empty() {
            let words = format!("{} {}", traffic_key(kind), words.join(", "));
            entries.push((Ink::Traffic(kind), words));
        }
    }
    entries
}

/// The vertical axis.
struct Plot {
    axis: Linear,
    /// GB/s at its upper end.
    top: f64,
}

impl Plot {
    /// From `top` down, with room for the peak and the highest column.
    fn new(chip: &ChipFacts, moved: &Histogram<6>, top: f64) -> Self {
        let columns = moved
            .stacks()
            .map(|(cycles, stack)| rate(stack[5], cycles, chip));
        let most = columns.fold(peak(chip), f64::max) * 1.04;
        Self {
            axis: Linear::new(top + PLOT, top, most),
            top: most,
        }
    }

    /// Pixel of zero.
    fn base(&self) -> f64 {
        self.axis.origin
    }

    fn grid(&self, scene: &mut Scene) {
        let above = self.axis.at(self.top) - 13.0;
        scene.text([LEFT - 8.0, above], Anchor::End, 11.0, Ink::Muted, "GB/s");
        for tick in ticks(self.top, 8) {
            let y = self.axis.at(tick);
            scene.line(vec![[LEFT, y], [RIGHT, y]], Ink::Grid, 1.0);
            let at = [LEFT - 8.0, y];
            scene.text(at, Anchor::End, 10.0, Ink::Muted, tick_text(tick));
        }
    }

    /// Lines at the peak and at the mean, their figures at the right.
    fn limits(&self, scene: &mut Scene, chip: &ChipFacts, mean: f64) {
        let peak = peak(chip);
        let mut free = f64::NEG_INFINITY;
        for (words, rate) in [("peak", peak), ("average", mean)] {
            let y = self.axis.at(rate);
            scene.line(vec![[LEFT, y], [RIGHT, y]], Ink::Text, 1.5);
            let label = (y - 6.0).min(self.base() - 24.0).max(free);
            let figure = format!("{} GB/s", significant(rate, 3));
            for (line, text) in [(0.0, words.to_owned()), (12.5, figure)] {
                let at = [RIGHT + 5.0, label + line];
                scene.text(at, Anchor::Start, 10.0, Ink::Text, text);
            }
            free = label + 26.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_bytes_of_all_columns_are_those_of_the_timeline() {
        for layers in [2, 22, 107] {
            let report = sample::report(layers);
            for network in &report.chips[0].networks {
                let moved = histogram(network);
                assert_eq!(moved.total(), network.timeline.dram().bus().0);
            }
        }
    }
}
