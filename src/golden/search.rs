//! A stimulus that a layer is driven by: pixel by pixel, what brings the most of something in the outputs under it.

use super::rounding::Parts;
use crate::network::Conv;
use crate::quantise::{QuantConv, QuantLayer, QuantNetwork};
use crate::reparam::{Activation, LayerOp, TensorId};
use crate::tensor::FeatureMap;
use ndarray::{Array3, ArrayView1, ArrayViewMut3};

/// Requantisations that a search looks at, at most: a second or two.
const BUDGET: usize = 1 << 26;

/// What an output is worth.
pub(super) type Worth = fn(&First<'_>, &Parts) -> u64;

/// The first convolution that reads the network's input.
pub(super) struct First<'a> {
    pub(super) quant: &'a QuantConv,
    conv: Conv,
    input: FeatureMap,
    output: FeatureMap,
    relu: bool,
}

/// Outputs that a pixel of the input is a term of: row, column, kernel row, kernel column.
type Under = Vec<[usize; 4]>;

impl<'a> First<'a> {
    /// `None` when no convolution reads the input.
    pub(super) fn of(network: &'a QuantNetwork) -> Option<Self> {
        let layers = network.graph.layers.iter().zip(&network.layers);
        let mut found = layers.filter(|(layer, _)| layer.inputs == [TensorId::INPUT]);
        found.find_map(|(layer, quant)| match (layer.op, quant) {
            (LayerOp::Conv { conv, activation }, QuantLayer::Conv(quant)) => Some(Self {
                quant,
                conv,
                input: network.graph.input,
                output: layer.output,
                relu: activation != Activation::None,
            }),
            _ => None,
        })
    }

    /// Gives each element of `image` in turn the one of `candidates` that makes the outputs over it worth the most; it
    /// keeps its own where none is worth more. Begins anew until nothing changes or `share` of the budget is used.
    pub(super) fn climb(
        &self,
        mut image: ArrayViewMut3<'_, i32>,
        candidates: &[i32],
        worth: Worth,
        share: usize,
    ) {
        let mut sums = self.sums(&image);
        let mut left = BUDGET / share.max(1);
        loop {
            let mut changed = false;
            for ((y, x, c), element) in image.indexed_iter_mut() {
                let under = self.under(y, x);
                let cost = candidates.len() * under.len() * self.group_outputs();
                let Some(rest) = left.checked_sub(cost) else {
                    return;
                };
                left = rest;
                let best = self.best(&sums, (&under, c), *element, candidates, worth);
                self.add(&mut sums, &under, c, best - *element);
                changed |= best != *element;
                *element = best;
            }
            if !changed {
                return;
            }
        }
    }

    fn best(
        &self,
        sums: &Array3<i64>,
        (under, c): (&Under, usize),
        own: i32,
        candidates: &[i32],
        worth: Worth,
    ) -> i32 {
        let value = |candidate: i32| -> u64 {
            let by = i64::from(candidate - own);
            let terms = self.terms(under, c);
            let parts = terms.map(|(at, weight)| {
                let sum = sums[at] + by * weight;
                Parts::of(&self.quant.requantise, at[2], sum, self.relu)
            });
            parts.map(|parts| worth(self, &parts)).sum()
        };
        let mut best = (value(own), own);
        for &candidate in candidates {
            let found = value(candidate);
            if found > best.0 {
                best = (found, candidate);
            }
        }
        best.1
    }

    fn group_outputs(&self) -> usize {
        self.output.channels / self.conv.groups
    }

    /// Outputs over a pixel that channel `c` goes into, and its weights.
    fn terms<'s>(
        &'s self,
        under: &'s Under,
        c: usize,
    ) -> impl Iterator<Item = ([usize; 3], i64)> + 's {
        let inputs = self.input.channels / self.conv.groups;
        let first = c / inputs * self.group_outputs();
        under.iter().flat_map(move |&[y, x, ky, kx]| {
            (first..first + self.group_outputs()).map(move |out| {
                let weight = self.quant.weight[[out, ky, kx, c % inputs]];
                ([y, x, out], i64::from(weight))
            })
        })
    }

    /// Outputs whose window holds the pixel.
    fn under(&self, y: usize, x: usize) -> Under {
        let conv = &self.conv;
        let over = |at: usize, size: usize| -> Vec<[usize; 2]> {
            let tap = |k: usize| {
                let first = (at + conv.padding).checked_sub(k * conv.dilation)?;
                let out = first / conv.stride;
                (first.is_multiple_of(conv.stride) && out < size).then_some([out, k])
            };
            (0..conv.kernel).filter_map(tap).collect()
        };
        let rows = over(y, self.output.height);
        let columns = over(x, self.output.width);
        let pairs = rows
            .iter()
            .flat_map(|&[y, ky]| columns.iter().map(move |&[x, kx]| [y, x, ky, kx]));
        pairs.collect()
    }

    /// The sums of all outputs, biases included.
    fn sums(&self, image: &ArrayViewMut3<'_, i32>) -> Array3<i64> {
        let map = self.output;
        let bias = ArrayView1::from(&self.quant.bias);
        let shape = (map.height, map.width, map.channels);
        let mut sums = bias
            .broadcast(shape)
            .map_or_else(|| Array3::zeros(shape), |b| b.to_owned());
        for ((y, x, c), &value) in image.indexed_iter() {
            self.add(
                &mut sums,
                &self.under(y, x),
                c,
                value - self.quant.input_zero_point,
            );
        }
        sums
    }

    fn add(&self, sums: &mut Array3<i64>, under: &Under, c: usize, by: i32) {
        if by != 0 {
            for (at, weight) in self.terms(under, c) {
                sums[at] += i64::from(by) * weight;
            }
        }
    }
}
