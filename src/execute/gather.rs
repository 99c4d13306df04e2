//! Means over the whole map or parts of it, summed up as bands of rows come in.

use super::view::View;
use crate::network::sampling::bin;
use crate::quantise::QuantAverage;
use crate::reparam::LayerOp;
use crate::tensor::FeatureMap;
use std::ops::Range;

/// Sums of one image.
pub(super) struct Gather<'a> {
    quant: &'a QuantAverage,
    input: FeatureMap,
    bins: usize,
    /// Axes bin row, bin column, channel.
    sums: Vec<i64>,
    /// Of a mean that is no exact sum the pixels themselves, row by row; axes as the sums.
    pixels: Option<Vec<Vec<i32>>>,
    /// The row that must come next.
    pub(super) next: usize,
}

impl<'a> Gather<'a> {
    /// Before the first row; `None` for an operator that gathers nothing.
    pub(super) fn new(op: &LayerOp, quant: &'a QuantAverage, input: FeatureMap) -> Option<Self> {
        let bins = match op {
            LayerOp::GlobalAvgPool => 1,
            LayerOp::AdaptiveAvgPool { bins } => *bins,
            LayerOp::Conv { .. }
            | LayerOp::FullyConnected { .. }
            | LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::Resize(_) => return None,
        };
        Some(Self {
            quant,
            input,
            bins,
            sums: vec![0; bins * bins * input.channels],
            pixels: (!quant.form.is_sum()).then(|| vec![Vec::new(); bins * bins * input.channels]),
            next: 0,
        })
    }

    /// Takes `rows` of `view`.
    pub(super) fn take(&mut self, view: &View<'_>, rows: &Range<usize>) {
        let (size, zero) = (self.input.channels, i64::from(self.quant.input_zero_point));
        for y in rows.clone() {
            self.keep(view, y);
            let columns: Vec<i64> = (0..self.bins)
                .flat_map(|column| {
                    let mut sums = vec![0; size];
                    for x in bin(column, self.bins, self.input.width) {
                        for (sum, &value) in sums.iter_mut().zip(view.pixel(y, x)) {
                            *sum += i64::from(value) - zero;
                        }
                    }
                    sums
                })
                .collect();
            for (row, sums) in self.sums.chunks_exact_mut(columns.len()).enumerate() {
                if bin(row, self.bins, self.input.height).contains(&y) {
                    sums.iter_mut()
                        .zip(&columns)
                        .for_each(|(sum, add)| *sum += add);
                }
            }
        }
        self.next = rows.end;
    }

    /// Keeps the pixels of a row where the mean needs them.
    fn keep(&mut self, view: &View<'_>, y: usize) {
        let (bins, map) = (self.bins, self.input);
        let Some(pixels) = &mut self.pixels else {
            return;
        };
        for place in 0..bins * bins {
            if !bin(place / bins, bins, map.height).contains(&y) {
                continue;
            }
            for x in bin(place % bins, bins, map.width) {
                let kept = &mut pixels[place * map.channels..][..map.channels];
                let values = kept.iter_mut().zip(view.pixel(y, x));
                values.for_each(|(kept, &value)| kept.push(value));
            }
        }
    }

    /// The output after the last row: one requantisation a bin.
    pub(super) fn finish(&self) -> Vec<i32> {
        if let Some(pixels) = &self.pixels {
            let mean = |(place, values): (usize, &Vec<i32>)| {
                let ready = self.quant.ready(place / self.input.channels, values.len());
                ready.of(values.iter().copied())
            };
            return pixels.iter().enumerate().map(mean).collect();
        }
        let bins = self.sums.chunks_exact(self.input.channels);
        let mean = |(place, sums): (usize, &[i64])| {
            let rule = self.quant.requantise.channel(place);
            let means: Vec<i32> = sums.iter().map(|&sum| rule.apply(sum)).collect();
            means
        };
        bins.enumerate().flat_map(mean).collect()
    }
}
