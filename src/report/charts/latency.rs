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
    let sorted = order.sort(&network.timeline.layers);
    let (layers, rest) = sorted.split_at(sorted.len().min(order.most()));
    let summary = Summary::of(network, chip);
    let mut scene = Scene::new(WIDTH, 0.0);
    title(&mut scene, network, chip, &summary, order);
    let causes = legend::causes(&summary.account);
    let top = 70.0 + legend::draw(&mut scene, &causes, 16.0, WIDTH - 16.0, 68.0) + 22.0;
    let others = format!("{} shorter layers", rest.len());
    let mut names: Vec<&str> = layers.iter().map(|l| layer_name(network, l)).collect();
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
    for (index, name) in names.iter().enumerate() {
        rows.name(&mut scene, index, name);
    }
    bars(&mut scene, network, layers, &rows, axis, order);
    if !rest.is_empty() {
        let cycles = rest.iter().map(|time| time.account.total()).sum();
        let text = order.figure(share(cycles, summary.cycles), 1.0);
        rows.figure(&mut scene, layers.len(), rows.left, text);
    }
    scene
}

fn title(
    scene: &mut Scene,
    network: &RunResult,
    chip: &ChipFacts,
    summary: &Summary,
    order: Order,
) {
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
}

/// A bar a layer, with its figure where it is large enough.
fn bars(
    scene: &mut Scene,
    network: &RunResult,
    layers: &[&LayerTime],
    rows: &Rows,
    axis: Linear,
    order: Order,
) {
    let run = network.timeline.total;
    let mut so_far = Cycles::ZERO;
    for (index, time) in layers.iter().enumerate() {
        let height = rows.row - 5.0;
        let at = [rows.left, rows.y(index) - height / 2.0];
        legend::stack(scene, &time.account, at, height, axis.per_unit);
        // Sorted, the same words would stand on the page twice.
        if order == Order::Network {
            let words = legend::tip(layer_name(network, time), &time.account, run);
            let at = [0.0, rows.y(index) - rows.row / 2.0];
            scene.tip(at, [WIDTH, rows.row], words);
        }
        let cycles = time.account.total();
        so_far += cycles;
        let part = share(cycles, run);
        if part >= LABELLED {
            let text = order.figure(part, share(so_far, run));
            rows.figure(scene, index, axis.at(real(cycles.0)), text);
        }
    }
}

/// The unit that keeps the figures of an axis up to `longest` cycles short.
fn unit(longest: f64) -> (f64, &'static str) {
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

    #[test]
    fn sorted_the_shorter_layers_of_a_long_network_share_a_row() {
        let words = |layers: usize| -> Vec<String> {
            let report = sample::report(layers);
            let (chip, network) = (&report.chips[0].chip, &report.chips[0].networks[0]);
            let scene = scene(network, chip, Order::Longest);
            let texts = scene.text_boxes().map(|(text, _)| text.to_owned());
            texts
                .filter(|text| text.contains("shorter layers"))
                .collect()
        };
        assert_eq!(words(107), ["68 shorter layers"]);
        assert!(words(39).is_empty());
    }
}
