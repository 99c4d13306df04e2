//! Cross-layer equalisation: the same float function with weights that share their range better.
//!
//! Where one convolution feeds the next through nothing but ReLUs and pooling, channel `i` between them may be made
//! `s_i` times smaller by the first and taken `s_i` times more by the second: `relu(x / s) = relu(x) / s` for
//! `s > 0`, and a maximum or a mean keeps the factor. With `r1_i` the largest weight that makes the channel and
//! `r2_i` the largest that reads it, `s_i = sqrt(r1_i · r2_i) / r2_i` gives both the range `sqrt(r1_i · r2_i)`: the
//! product of the two relative ranges is then the largest there is. Source: M. Nagel, M. van Baalen, T. Blankevoort,
//! M. Welling, "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.1.
//!
//! It stands in this room and not in [`crate::reparam`]: what it balances matters only where one step serves many
//! weights, while a folded network is the same for every choice of integers. It needs no images.
//!
//! * A chain ends at an addition, at a second reader, at a shortcut and at the network's output: there the factor
//!   would have to reach further layers.
//! * A channel that nothing makes or nothing reads keeps its scale. Nothing is a largest weight not above `2^-20` of
//!   the layer's median, as where scales of weights are chosen.
//! * Pairs are visited in the order of the network, again and again, since a layer in a chain has two neighbours. It
//!   ends when no factor of a whole round is off 1 by more than [`SETTLED`], or after [`MOST_ROUNDS`] rounds.
//! * Factors stay within [`MOST_FACTOR`] of 1 in all, so that no weight or bias leaves the floats.
//!
//! Factors are multiplied up in f64 and laid on the weights once: each is rounded to f32 once.

mod pairs;

use super::real::nearest_f32;
use super::weights::{EMPTY, median};
use crate::reparam::{FoldedNetwork, LayerId, LayerParams};
use ndarray::{Array4, Axis};
use pairs::{Pair, pairs};

/// A round whose factors are all within this of 1 is the last: `s` or `1 / s` is at most `1 + SETTLED`.
pub const SETTLED: f64 = 1e-3;
/// Rounds at most.
pub const MOST_ROUNDS: usize = 200;
/// A channel's factor in all, or its inverse, is at most this.
pub const MOST_FACTOR: f64 = 65_536.0;

/// What equalisation did.
#[derive(Debug, Clone, PartialEq)]
pub struct Equalised {
    /// The same function with other weights.
    pub network: FoldedNetwork,
    /// The pairs of layers that share a factor for each channel between them.
    pub pairs: Vec<EqualisedPair>,
    /// Rounds over all pairs, the last one included.
    pub rounds: usize,
    /// By how much a factor of the last round was off 1 at most: above [`SETTLED`] where the rounds ran out.
    pub last_change: f64,
}

/// Two layers and the factors of the channels between them.
#[derive(Debug, Clone, PartialEq)]
pub struct EqualisedPair {
    /// Makes the channels.
    pub first: LayerId,
    /// Reads them.
    pub second: LayerId,
    /// What the first layer's weights and bias were divided by, and the second's multiplied with; 1 where the channel
    /// is left alone.
    pub factors: Vec<f64>,
}

/// Equalises the weights of every chain of `network`. A network without a chain comes back as it is.
#[must_use]
pub fn equalise(network: &FoldedNetwork) -> Equalised {
    let mut sides: Vec<Sides> = pairs(&network.graph)
        .into_iter()
        .filter_map(|pair| Sides::new(network, pair))
        .collect();
    let mut state = State::new(network, &sides);
    let (mut rounds, mut last_change) = (0, 0.0);
    while rounds < MOST_ROUNDS && !sides.is_empty() {
        rounds += 1;
        last_change = sides
            .iter_mut()
            .map(|sides| sides.balance(network, &mut state))
            .fold(0.0, f64::max);
        if last_change <= SETTLED {
            break;
        }
    }
    let mut result = network.clone();
    state.lay_on(&mut result);
    let pairs = sides.into_iter().map(|sides| EqualisedPair {
        factors: state.shrunk[sides.pair.first.0].clone(),
        first: sides.pair.first,
        second: sides.pair.second,
    });
    Equalised {
        pairs: pairs.collect(),
        network: result,
        rounds,
        last_change,
    }
}

/// The network whose channels between the layers of every pair are divided by `factor` where they are made, and
/// multiplied with it where they are read; `factor` is asked once for each channel, in the order of the network.
#[must_use]
pub fn rescale(network: &FoldedNetwork, factor: &mut dyn FnMut() -> f64) -> FoldedNetwork {
    let sides: Vec<Sides> = pairs(&network.graph)
        .into_iter()
        .filter_map(|pair| Sides::new(network, pair))
        .collect();
    let mut state = State::new(network, &sides);
    for Sides { pair, .. } in &sides {
        let factors: Vec<f64> = state.shrunk[pair.first.0]
            .iter()
            .map(|_| factor())
            .collect();
        state.shrunk[pair.first.0].clone_from(&factors);
        state.grown[pair.second.0] = factors;
    }
    let mut result = network.clone();
    state.lay_on(&mut result);
    result
}

/// The factors so far. An empty list stands for ones.
struct State {
    /// By layer and output channel: what its weights and bias are divided by.
    shrunk: Vec<Vec<f64>>,
    /// By layer and channel of the map it reads: what its weights are multiplied with.
    grown: Vec<Vec<f64>>,
}

impl State {
    fn new(network: &FoldedNetwork, sides: &[Sides]) -> Self {
        let none = vec![Vec::new(); network.graph.layers.len()];
        let mut state = Self {
            shrunk: none.clone(),
            grown: none,
        };
        for sides in sides {
            let ones = vec![1.0; sides.live.len()];
            state.shrunk[sides.pair.first.0].clone_from(&ones);
            state.grown[sides.pair.second.0] = ones;
        }
        state
    }

    /// What weight `[o, y, x, i]` of `layer` is multiplied with; `channel` is that of the map it reads.
    fn factor(&self, layer: LayerId, output: usize, channel: usize) -> f64 {
        let shrunk = self.shrunk[layer.0].get(output).copied().unwrap_or(1.0);
        let grown = self.grown[layer.0].get(channel).copied().unwrap_or(1.0);
        grown / shrunk
    }

    /// Lays all factors on the weights and biases.
    fn lay_on(&self, network: &mut FoldedNetwork) {
        for index in 0..network.graph.layers.len() {
            if self.shrunk[index].is_empty() && self.grown[index].is_empty() {
                continue;
            }
            let LayerParams::Conv { weight, bias } = &mut network.params.layers[index] else {
                unreachable!("only layers with weights are in pairs")
            };
            let reads = Reads::of(weight, self.grown[index].len());
            for ((o, _, _, i), w) in weight.indexed_iter_mut() {
                let factor = self.factor(LayerId(index), o, reads.channel(o, i));
                *w = nearest_f32(f64::from(*w) * factor);
            }
            for (bias, shrunk) in bias.iter_mut().zip(&self.shrunk[index]) {
                *bias = nearest_f32(f64::from(*bias) / shrunk);
            }
        }
    }
}

/// Which channel of the map a weight reads.
#[derive(Debug, Clone, Copy)]
struct Reads {
    /// Input channels of the map; 0 where nobody asks.
    channels: usize,
    /// Inputs of one filter.
    inputs: usize,
    /// Output channels of a group.
    group_outputs: usize,
}

impl Reads {
    /// Of OHWI weights over a map of `channels` channels. A fully connected layer has whole pixels in its only tap,
    /// so its inputs are a multiple of the channels; a grouped convolution has fewer.
    fn of(weight: &Array4<f32>, channels: usize) -> Self {
        let (outputs, _, _, inputs) = weight.dim();
        let groups = (channels / inputs).max(1);
        Self {
            channels,
            inputs,
            group_outputs: (outputs / groups).max(1),
        }
    }

    fn channel(self, output: usize, input: usize) -> usize {
        if self.channels == 0 {
            return 0;
        }
        ((output / self.group_outputs) * self.inputs + input) % self.channels
    }
}

/// A pair of layers with the weights' ranges at its start.
struct Sides {
    pair: Pair,
    reads: Reads,
    /// By channel: whether it is made and read.
    live: Vec<bool>,
}

impl Sides {
    /// `None` when a layer of the pair has no weights, or no channel between them is both made and read.
    fn new(network: &FoldedNetwork, pair: Pair) -> Option<Self> {
        let params = |id: LayerId| match &network.params.layers[id.0] {
            LayerParams::Conv { weight, .. } => Some(weight),
            LayerParams::None => None,
        };
        let (first, second) = (params(pair.first)?, params(pair.second)?);
        let channels = first.dim().0;
        let reads = Reads::of(second, channels);
        let one = |_: usize, _: usize, _: usize| 1.0;
        let made = made(first, &one);
        let read = read(second, reads, channels, &one);
        let above = |ranges: &[f64]| median(ranges) * EMPTY;
        let (least_made, least_read) = (above(&made), above(&read));
        let live: Vec<bool> = (made.iter().zip(&read))
            .map(|(made, read)| *made > least_made && *read > least_read)
            .collect();
        live.contains(&true).then_some(Self { pair, reads, live })
    }

    /// Gives both layers the same range in every channel; returns by how much a factor was off 1 at most.
    fn balance(&mut self, network: &FoldedNetwork, state: &mut State) -> f64 {
        let weight = |id: LayerId| match &network.params.layers[id.0] {
            LayerParams::Conv { weight, .. } => weight,
            LayerParams::None => unreachable!("both have weights"),
        };
        let Pair { first, second } = self.pair;
        let own = Reads::of(weight(first), state.grown[first.0].len());
        let made = made(weight(first), &|o, i, _| {
            state.factor(first, o, own.channel(o, i))
        });
        let read = read(weight(second), self.reads, made.len(), &|o, _, c| {
            state.factor(second, o, c)
        });
        let mut most: f64 = 0.0;
        for channel in (0..made.len()).filter(|&channel| self.live[channel]) {
            let wanted = (made[channel] * read[channel]).sqrt() / read[channel];
            let before = state.shrunk[first.0][channel];
            let after = (before * wanted).clamp(1.0 / MOST_FACTOR, MOST_FACTOR);
            state.shrunk[first.0][channel] = after;
            state.grown[second.0][channel] = after;
            let change = after / before;
            most = most.max(change.max(1.0 / change) - 1.0);
        }
        most
    }
}

/// By output channel: the largest weight that makes it. `factor` takes output, input and, unused here, the channel.
fn made(weight: &Array4<f32>, factor: &dyn Fn(usize, usize, usize) -> f64) -> Vec<f64> {
    let inputs = weight.dim().3;
    let filters = weight.axis_iter(Axis(0)).enumerate();
    filters
        .map(|(o, filter)| {
            let most = (0..inputs).map(|i| {
                let taps = filter.index_axis(Axis(2), i);
                let most = taps.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
                f64::from(most) * factor(o, i, 0)
            });
            most.fold(0.0, f64::max)
        })
        .collect()
}

/// By channel of the map: the largest weight that reads it. `factor` takes output, input and channel.
fn read(
    weight: &Array4<f32>,
    reads: Reads,
    channels: usize,
    factor: &dyn Fn(usize, usize, usize) -> f64,
) -> Vec<f64> {
    let (outputs, _, _, inputs) = weight.dim();
    let mut ranges: Vec<f64> = vec![0.0; channels];
    for o in 0..outputs {
        let filter = weight.index_axis(Axis(0), o);
        for i in 0..inputs {
            let channel = reads.channel(o, i);
            let taps = filter.index_axis(Axis(2), i);
            let most = taps.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            let range = f64::from(most) * factor(o, i, channel);
            ranges[channel] = ranges[channel].max(range);
        }
    }
    ranges
}

#[cfg(test)]
mod laws;
