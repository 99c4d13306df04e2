//! Where the time of one network goes: a bar a layer, stacked by cause, in network order or the longest first.

use super::axis::Linear;
use super::legend;
use super::rows::{Rows, layer_name};
use super::scene::Scene;
use crate::report::figures::{Summary, real, share};
use crate::report::human::{clock, grouped, percent, seconds, significant};
use crate::report::{ChipFacts, RunResult};
use crate::time::LayerTime;
use crate::units::Cycles;
use std::cmp::Reverse;

const WIDTH: f64 = 900.0;
/// Layers with a smaller share of the time get no figure.
const LABELLED: f64 = 0.01;
/// Layers that stand alone when the longest come first.
const LONGEST: usize = 39;

/// In which order the layers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they run.
    Network,
    /// The longest first; of equal ones the earlier.
    Longest,
}

impl Order {
    fn words(self) -> &'static str {
        match self {
            Self::Network => "Latency per layer",
            Self::Longest => "Latency per layer, longest first",
        }
    }

    fn sort(self, layers: &[LayerTime]) -> Vec<&LayerTime> {
        let mut sorted: Vec<&LayerTime> = layers.iter().collect();
        match self {
            Self::Network => {}
            Self::Longest => sorted.sort_by_key(|time| Reverse(time.account.total())),
        }
        sorted
    }

    /// Share of the layer, and when sorted the share of all layers so far.
    fn figure(self, part: f64, so_far: f64) -> String {
        match self {
            Self::Network => percent(part),
            Self::Longest => format!("{}, so far {}", percent(part), percent(so_far)),
        }
    }

    /// Room for the figure behind the longest bar.
    fn behind(self) -> f64 {
        match self {
            Self::Network => 64.0,
            Self::Longest => 138.0,
        }
    }

    /// Layers with a bar; sorted, the shorter ones share a figure.
    fn most(self) -> usize {
        match self {
            Self::Network => usize::MAX,
            Self::Longest => LONGEST,
        }
    }

    fn axis_words(self, unit: &str) -> String {
        let least = significant(LABELLED * 100.0, 1);
        match self {
            Self::Network => {
                format!("{unit} of each layer; percent of the run where at least {least} %")
            }
            Self::Longest => format!(
                "{unit} of each layer; percent of the run, and of the layers down to here, where at least {least} %"
            ),
        }
    }
}

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts, order: Order) -> Scene {
    let layers = order.sort(&network.timeline.layers);
    let summary = Summary::of(network, chip);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("{}: {} on {}", order.words(), network.id, chip.name),
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
    let names: Vec<&str> = layers
        .iter()
        .map(|time| layer_name(network, time))
        .collect();
    let (layers, rest) = layers.split_at(layers.len().min(order.most()));
    let (mut names, others) = (names, format!("{} shorter layers", rest.len()));
    names.truncate(layers.len());
    if !rest.is_empty() {
        names.push(&others);
    }
    let rows = Rows::new(&names, top);
    scene.height = rows.bottom + 46.0;
    let longest = layers.iter().map(|time| time.account.total().0).max();
    let longest = real(longest.unwrap_or(0).max(1));
    let axis = Linear::new(rows.left, WIDTH - 16.0 - order.behind(), longest);
    let (factor, unit) = unit(longest);
    rows.grid(&mut scene, axis, longest, factor, &order.axis_words(unit));
    let mut so_far = Cycles::ZERO;
    for (index, (time, name)) in layers.iter().zip(&names).enumerate() {
        rows.name(&mut scene, index, name);
        let height = rows.row - 5.0;
        let at = [rows.left, rows.y(index) - height / 2.0];
        legend::stack(&mut scene, &time.account, at, height, axis.per_unit);
        let cycles = time.account.total();
        so_far += cycles;
        let part = share(cycles, summary.cycles);
        // Sorted, the same words would stand on the page twice.
        if order == Order::Network {
            let tip = legend::tip(name, &time.account, summary.cycles);
            scene.tip(
                [0.0, rows.y(index) - rows.row / 2.0],
                [WIDTH, rows.row],
                tip,
            );
        }
        if part >= LABELLED {
            let text = order.figure(part, share(so_far, summary.cycles));
            rows.figure(&mut scene, index, axis.at(real(cycles.0)), text);
        }
    }
    if !rest.is_empty() {
        rows.name(&mut scene, layers.len(), &others);
        let others = rest.iter().map(|time| time.account.total()).sum();
        let part = share(others, summary.cycles);
        let text = order.figure(part, 1.0);
        rows.figure(&mut scene, layers.len(), rows.left, text);
    }
    scene
}

/// The unit that keeps the figures of an axis up to `longest` cycles short.
pub(super) fn unit(longest: f64) -> (f64, &'static str) {
    match longest {
        l if l >= 2e6 => (1e6, "million cycles"),
        l if l >= 2e3 => (1e3, "thousand cycles"),
        _ => (1.0, "cycles"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::time::Cause;

    #[test]
    fn sorted_layers_are_the_same_layers_the_longest_first() {
        let report = sample::report(22);
        let layers = &report.chips[0].networks[1].timeline.layers;
        let sorted = Order::Longest.sort(layers);
        let cycles = |time: &LayerTime| time.account.total();
        assert!(
            sorted
                .windows(2)
                .all(|two| { (cycles(two[1]), two[0].layer) < (cycles(two[0]), two[1].layer) })
        );
        let useful = |time: &LayerTime| time.account.get(Cause::Useful).0;
        assert_eq!(
            sorted.iter().map(|time| useful(time)).sum::<u64>(),
            layers.iter().map(useful).sum::<u64>()
        );
        assert_eq!(
            Order::Network.sort(layers),
            layers.iter().collect::<Vec<_>>()
        );
    }
}
