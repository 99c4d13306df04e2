//! The fast path: an area of a layer's output from plain sums.
//!
//! Taken where the range proof holds, so that no addition can overflow, and for accumulators that wrap, whose
//! sums do not depend on their order. The result is the same for any number of threads.

use super::exact::shortcut_addend;
use super::layer::ConvLayer;
use super::view::{Area, Block, View};
use crate::fixed::{Accumulator, ChannelRequantise};
use rayon::prelude::*;
use std::ops::Range;

/// Pixels laid out at once, at most.
const MOST_PIXELS: usize = 64;
/// Operands of the patches laid out at once, about: they should stay in a core's cache.
const PANEL: usize = 1 << 16;

/// All outputs of `area`.
pub(super) fn area(
    layer: &ConvLayer<'_>,
    area: Area,
    input: &View<'_>,
    shortcut: Option<&View<'_>>,
    keep_accumulators: bool,
) -> Block {
    let packed = layer
        .packed
        .as_ref()
        .expect("the fast path packs its weights");
    let patches = packed.patches(input);
    let width = layer.work.output.width;
    let (first, end) = (area.rows.start * width, area.rows.end * width);
    let channels = area.channels.len();
    let at_once = ((end - first) / 16)
        .min(PANEL / packed.patch_length())
        .clamp(1, MOST_PIXELS);
    let mut values = vec![0; (end - first) * channels];
    let kept = if keep_accumulators { values.len() } else { 0 };
    let mut accumulators = vec![0; kept];
    let conv = &layer.work.conv;
    let pixels = |index: usize| first + index * at_once..(first + (index + 1) * at_once).min(end);
    let sums = |index: usize| {
        let pixels = pixels(index);
        let mut sums = vec![0; pixels.len() * channels];
        packed.sums(
            &patches,
            conv,
            width,
            pixels.clone(),
            area.channels.clone(),
            &mut sums,
        );
        finish(layer, &area.channels, shortcut, pixels, &mut sums);
        sums
    };
    let requantise = |sums: &[i64], values: &mut [i32]| {
        for (sums, values) in sums
            .chunks_exact(channels)
            .zip(values.chunks_exact_mut(channels))
        {
            let rules = &layer.requantise[area.channels.clone()];
            ChannelRequantise::apply_each(rules, sums, values);
        }
    };
    let chunks = values.par_chunks_mut(at_once * channels).enumerate();
    if keep_accumulators {
        let kept = accumulators.par_chunks_mut(at_once * channels);
        chunks.zip(kept).for_each(|((index, values), kept)| {
            kept.copy_from_slice(&sums(index));
            requantise(kept, values);
        });
    } else {
        chunks.for_each(|(index, values)| requantise(&sums(index), values));
    }
    Block {
        area,
        values,
        accumulators: keep_accumulators.then_some(accumulators),
    }
}

/// Adds bias and shortcut to the products and brings the sums into the accumulator's width.
fn finish(
    layer: &ConvLayer<'_>,
    channels: &Range<usize>,
    shortcut: Option<&View<'_>>,
    pixels: Range<usize>,
    sums: &mut [i64],
) {
    let accumulator = layer.work.array.pe.accumulator;
    let width = layer.work.output.width;
    for (pixel, sums) in pixels.zip(sums.chunks_exact_mut(channels.len())) {
        for (channel, sum) in channels.clone().zip(sums) {
            let residual = match shortcut {
                Some(view) => shortcut_addend(layer, view, [pixel / width, pixel % width], channel),
                None => 0,
            };
            let exact = sum
                .wrapping_add(layer.quant.bias[channel])
                .wrapping_add(residual);
            *sum = low_bits(exact, accumulator);
        }
    }
}

/// The low bits that the accumulator keeps; under a range proof these are the number itself.
const fn low_bits(sum: i64, accumulator: Accumulator) -> i64 {
    let unused = 64 - accumulator.bits as u32;
    (sum << unused) >> unused
}
