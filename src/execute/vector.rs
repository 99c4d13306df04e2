//! Additions and pooling, row by row: what the vector unit and the host compute besides convolutions.

use super::view::View;
use crate::fixed::AverageForm;
use crate::network::Pool;
use crate::quantise::{QuantAdd, QuantAverage, QuantLayer};
use crate::reparam::LayerOp;
use crate::tensor::FeatureMap;
use std::ops::Range;

/// Input rows that output rows `out_rows` need, inside the map.
pub(super) fn input_rows(op: &LayerOp, input: FeatureMap, out_rows: &Range<usize>) -> Range<usize> {
    match op {
        LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => {
            let first = window(pool, out_rows.start, input.height).start;
            first..window(pool, out_rows.end - 1, input.height).end
        }
        LayerOp::GlobalAvgPool => 0..input.height,
        LayerOp::Add { .. } => out_rows.clone(),
        LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => {
            unreachable!("convolutions do not come here")
        }
    }
}

/// Positions under a window along one axis of length `length`, padding cut off.
fn window(pool: &Pool, out: usize, length: usize) -> Range<usize> {
    let start = out * pool.stride;
    let first = start.saturating_sub(pool.padding);
    first
        ..(start + pool.kernel)
            .saturating_sub(pool.padding)
            .min(length)
}

/// Output rows `out_rows`, each `width · channels` integers of the layer's output.
pub(super) fn rows(
    op: &LayerOp,
    quant: &QuantLayer,
    inputs: &[View<'_>],
    output: FeatureMap,
    out_rows: &Range<usize>,
) -> Vec<i32> {
    let mut values = Vec::with_capacity(out_rows.len() * output.width * output.channels);
    let input = &inputs[0];
    for y in out_rows.clone() {
        for x in 0..output.width {
            match (op, quant) {
                (LayerOp::Add { .. }, QuantLayer::Add(quant)) => {
                    add(quant, input.pixel(y, x), inputs[1].pixel(y, x), &mut values);
                }
                (LayerOp::MaxPool(pool), QuantLayer::MaxPool) => {
                    maximum(
                        input,
                        &window(pool, y, input.height),
                        &window(pool, x, input.width),
                        &mut values,
                    );
                }
                (LayerOp::AvgPool(pool), QuantLayer::Average(quant)) => {
                    let (ys, xs) = (window(pool, y, input.height), window(pool, x, input.width));
                    let entry = ys.len() * xs.len() - 1;
                    average(quant, input, &ys, &xs, entry, &mut values);
                }
                (LayerOp::GlobalAvgPool, QuantLayer::Average(quant)) => {
                    average(
                        quant,
                        input,
                        &(0..input.height),
                        &(0..input.width),
                        0,
                        &mut values,
                    );
                }
                (
                    LayerOp::Conv { .. }
                    | LayerOp::FullyConnected { .. }
                    | LayerOp::Add { .. }
                    | LayerOp::MaxPool(_)
                    | LayerOp::AvgPool(_)
                    | LayerOp::GlobalAvgPool,
                    QuantLayer::Conv(_)
                    | QuantLayer::Add(_)
                    | QuantLayer::MaxPool
                    | QuantLayer::Average(_),
                ) => unreachable!("the network was checked: operator and integers belong together"),
            }
        }
    }
    values
}

fn add(quant: &QuantAdd, a: &[i32], b: &[i32], to: &mut Vec<i32>) {
    let addition = quant.ready();
    to.extend(a.iter().zip(b).map(|(&a, &b)| addition.apply(a, b)));
}

fn maximum(input: &View<'_>, ys: &Range<usize>, xs: &Range<usize>, to: &mut Vec<i32>) {
    let first = to.len();
    to.extend_from_slice(input.pixel(ys.start, xs.start));
    for y in ys.clone() {
        for x in xs.clone() {
            for (most, &value) in to[first..].iter_mut().zip(input.pixel(y, x)) {
                *most = value.max(*most);
            }
        }
    }
}

fn average(
    quant: &QuantAverage,
    input: &View<'_>,
    ys: &Range<usize>,
    xs: &Range<usize>,
    entry: usize,
    to: &mut Vec<i32>,
) {
    match quant.form {
        AverageForm::Sum => {}
        AverageForm::Quotient | AverageForm::Float32 { .. } => {
            let ready = quant.ready(entry, ys.len() * xs.len());
            to.extend((0..input.channels).map(|c| {
                let pixels = ys.clone().flat_map(|y| xs.clone().map(move |x| (y, x)));
                ready.of(pixels.map(|(y, x)| input.pixel(y, x)[c]))
            }));
            return;
        }
    }
    let mut sums = vec![0i64; input.channels];
    let zero = i64::from(quant.input_zero_point);
    for y in ys.clone() {
        for x in xs.clone() {
            for (sum, &value) in sums.iter_mut().zip(input.pixel(y, x)) {
                *sum += i64::from(value) - zero;
            }
        }
    }
    let rule = quant.requantise.channel(entry);
    to.extend(sums.into_iter().map(|sum| rule.apply(sum)));
}
