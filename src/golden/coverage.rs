//! What a stimulus reaches: ties, ends of ranges and clipped outputs, counted over every requantisation.

use super::rounding::{End, Parts, smallest_tie};
use super::{Set, sums};
use crate::fixed::{AverageForm, Requantise};
use crate::quantise::QuantLayer;
use crate::reparam::{Activation, LayerId, LayerOp};
use serde::Serialize;

/// Outputs by what happened on their way from the sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All that were requantised.
    pub requantised: u64,
    /// Exactly half way between two integers, above zero.
    pub ties_positive: u64,
    /// The same below zero.
    pub ties_negative: u64,
    /// Of these ties, those whose rounding shows in the output: neither ReLU nor range hides it.
    pub ties_visible: u64,
    /// No tie, but less than one step of the sum away from one.
    pub beside_ties: u64,
    /// Below the range of the output.
    pub saturated_low: u64,
    /// Above the range of the output.
    pub saturated_high: u64,
    /// Below the zero point, in front of a ReLU.
    pub relu_clipped: u64,
}

/// Of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerCoverage {
    /// Its name.
    pub layer: String,
    /// Outputs by what happened to them.
    #[serde(flatten)]
    pub counts: Counts,
    /// The smallest sum that is a tie in any channel; `None` when no sum is one, or nothing is requantised.
    pub smallest_tie_sum: Option<u128>,
    /// The largest sum of this run, its sign left out: below [`Self::smallest_tie_sum`] no tie can be had.
    pub largest_sum: u64,
}

/// Of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Over all layers.
    pub total: Counts,
    /// By layer, in order.
    pub layers: Vec<LayerCoverage>,
}

impl Counts {
    /// Ties of either sign.
    #[must_use]
    pub const fn ties(&self) -> u64 {
        self.ties_positive + self.ties_negative
    }

    fn add(&mut self, parts: &Parts) {
        self.requantised += 1;
        let ties = if parts.negative {
            &mut self.ties_negative
        } else {
            &mut self.ties_positive
        };
        *ties += u64::from(parts.tie);
        self.ties_visible += u64::from(parts.tie && parts.visible);
        self.beside_ties += u64::from(parts.beside_tie);
        match parts.end {
            End::Kept => {}
            End::SaturatedLow => self.saturated_low += 1,
            End::SaturatedHigh => self.saturated_high += 1,
            End::ReluClipped => self.relu_clipped += 1,
        }
    }

    fn merge(&mut self, other: &Self) {
        for (sum, more) in [
            (&mut self.requantised, other.requantised),
            (&mut self.ties_positive, other.ties_positive),
            (&mut self.ties_negative, other.ties_negative),
            (&mut self.ties_visible, other.ties_visible),
            (&mut self.beside_ties, other.beside_ties),
            (&mut self.saturated_low, other.saturated_low),
            (&mut self.saturated_high, other.saturated_high),
            (&mut self.relu_clipped, other.relu_clipped),
        ] {
            *sum += more;
        }
    }
}

impl Coverage {
    /// Counts over every layer of a run.
    #[must_use]
    pub fn of(set: &Set<'_>) -> Self {
        let layers: Vec<LayerCoverage> = (set.run.schedule.graph.ids())
            .map(|layer| counted(set, layer))
            .collect();
        let mut total = Counts::default();
        for layer in &layers {
            total.merge(&layer.counts);
        }
        Self { total, layers }
    }

    /// The JSON text.
    ///
    /// # Panics
    /// Never: plain numbers have a JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        let text = serde_json::to_string_pretty(self).expect("plain numbers have a JSON text");
        text + "\n"
    }
}

fn counted(set: &Set<'_>, layer: LayerId) -> LayerCoverage {
    let run = &set.run;
    let graph = &run.schedule.graph;
    let op = &graph.layers[layer.0].op;
    let mut found = LayerCoverage {
        layer: graph.layers[layer.0].name.clone(),
        counts: Counts::default(),
        smallest_tie_sum: None,
        largest_sum: 0,
    };
    let input = |place: usize| &run.tensors[graph.layers[layer.0].inputs[place].0];
    match &run.network.layers[layer.0] {
        QuantLayer::Conv(quant) => {
            let sums = &set.accumulators[&layer];
            let sums = sums.indexed_iter().map(|(at, sum)| (at.3, *sum));
            found.count(&quant.requantise, relu(op), sums);
        }
        QuantLayer::Add(quant) => {
            let sums = sums::added(quant, input(0), input(1)).map(|sum| (0, sum));
            found.count(&quant.requantise, relu(op), sums);
        }
        QuantLayer::Average(quant) => {
            let sums = sums::averaged(quant, op, input(0), run.tensors[layer.output().0].dim());
            match quant.form {
                AverageForm::Sum => found.count(&quant.requantise, false, sums),
                // Nothing there is a requantised sum.
                AverageForm::Quotient | AverageForm::Float32 { .. } => {}
            }
        }
        QuantLayer::Multiply(quant) => {
            let sums = sums::multiplied(quant, input(0), input(1)).map(|sum| (0, sum));
            found.count(&quant.requantise, relu(op), sums);
        }
        QuantLayer::Concat(quant) => {
            let inputs = (0..quant.input_zero_points.len()).map(input);
            let sums = inputs.enumerate().flat_map(|(place, input)| {
                let zero = i64::from(quant.input_zero_points[place]);
                input.iter().map(move |&x| (place, i64::from(x) - zero))
            });
            found.count(&quant.requantise, false, sums);
        }
        QuantLayer::Resize(quant) => {
            let sums = sums::interpolated(quant, op, input(0)).map(|sum| (0, sum));
            found.count(&quant.requantise, false, sums);
        }
        QuantLayer::MaxPool | QuantLayer::Table(_) => {}
    }
    found
}

impl LayerCoverage {
    /// Counts sums, each with its entry of multipliers and shifts.
    fn count(&mut self, rule: &Requantise, relu: bool, sums: impl Iterator<Item = (usize, i64)>) {
        let ties = (0..rule.channels()).filter_map(|channel| smallest_tie(rule, channel));
        self.smallest_tie_sum = ties.min();
        for (entry, sum) in sums {
            self.counts.add(&Parts::of(rule, entry, sum, relu));
            self.largest_sum = self.largest_sum.max(sum.unsigned_abs());
        }
    }
}

const fn relu(op: &LayerOp) -> bool {
    match op {
        LayerOp::Conv { activation, .. }
        | LayerOp::FullyConnected { activation, .. }
        | LayerOp::Add { activation }
        | LayerOp::Multiply { activation } => {
            matches!(activation, Activation::Relu | Activation::Relu6)
        }
        LayerOp::Lookup(_)
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => false,
    }
}

impl std::fmt::Display for Coverage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let total = &self.total;
        let reached = |layer: &&LayerCoverage| {
            let largest = u128::from(layer.largest_sum);
            layer.smallest_tie_sum.is_some_and(|tie| tie <= largest)
        };
        write!(
            f,
            "{} outputs requantised: {} ties ({} above zero, {} below, {} visible), {} beside a tie; {} saturated low, {} high; {} clipped by ReLU; sums large enough for a tie in {} of {} layers",
            total.requantised,
            total.ties(),
            total.ties_positive,
            total.ties_negative,
            total.ties_visible,
            total.beside_ties,
            total.saturated_low,
            total.saturated_high,
            total.relu_clipped,
            self.layers.iter().filter(reached).count(),
            self.layers.len()
        )
    }
}
