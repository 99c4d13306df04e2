//! Sums, products, functions, pooling and the like, row by row: what the vector unit and the host compute besides
//! convolutions.

use super::gather::Gather;
use super::view::View;
use crate::fixed::AverageForm;
use crate::network::{Pool, Resize};
use crate::quantise::{
    QuantAdd, QuantAverage, QuantConcat, QuantLayer, QuantMultiply, QuantResize,
};
use crate::reparam::LayerOp;
use crate::tensor::FeatureMap;
use std::ops::Range;

/// Rows of an operand of shape `input` that output rows `out_rows` need, inside the map.
pub(super) fn input_rows(op: &LayerOp, input: FeatureMap, out_rows: &Range<usize>) -> Range<usize> {
    match op {
        LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => {
            let first = window(pool, out_rows.start, input.height).start;
            first..window(pool, out_rows.end - 1, input.height).end
        }
        LayerOp::GlobalAvgPool | LayerOp::AdaptiveAvgPool { .. } => 0..input.height,
        LayerOp::Resize(resize) => resize.rows(out_rows, input.height),
        LayerOp::Multiply { .. } if input.pixels() == 1 => 0..1,
        LayerOp::Lookup(_) | LayerOp::Add { .. } | LayerOp::Multiply { .. } | LayerOp::Concat => {
            out_rows.clone()
        }
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
    let input = &inputs[0];
    if let QuantLayer::Average(quant) = quant {
        let map = FeatureMap::new(input.height, input.width, input.channels);
        if let Some(mut gather) = Gather::new(op, quant, map) {
            gather.take(input, &(0..input.height));
            return gather.finish();
        }
    }
    let mut values = Vec::with_capacity(out_rows.len() * output.width * output.channels);
    for y in out_rows.clone() {
        for x in 0..output.width {
            pixel(op, quant, inputs, [y, x], &mut values);
        }
    }
    values
}

/// The channels of one output pixel.
fn pixel(
    op: &LayerOp,
    quant: &QuantLayer,
    inputs: &[View<'_>],
    [y, x]: [usize; 2],
    to: &mut Vec<i32>,
) {
    let input = &inputs[0];
    match (op, quant) {
        (LayerOp::Add { .. }, QuantLayer::Add(quant)) => {
            add(quant, input.pixel(y, x), inputs[1].pixel(y, x), to);
        }
        (LayerOp::MaxPool(pool), QuantLayer::MaxPool) => {
            maximum(
                input,
                &window(pool, y, input.height),
                &window(pool, x, input.width),
                to,
            );
        }
        (LayerOp::AvgPool(pool), QuantLayer::Average(quant)) => {
            let (ys, xs) = (window(pool, y, input.height), window(pool, x, input.width));
            let entry = ys.len() * xs.len() - 1;
            average(quant, input, &ys, &xs, entry, to);
        }
        (LayerOp::Lookup(_), QuantLayer::Table(table)) => {
            to.extend(input.pixel(y, x).iter().map(|&value| table.apply(value)));
        }
        (LayerOp::Multiply { .. }, QuantLayer::Multiply(quant)) => {
            let scale = &inputs[1];
            let one = scale.height * scale.width == 1;
            let by = if one {
                scale.pixel(0, 0)
            } else {
                scale.pixel(y, x)
            };
            multiply(quant, input.pixel(y, x), by, to);
        }
        (LayerOp::Concat, QuantLayer::Concat(quant)) => {
            concat(quant, inputs, [y, x], to);
        }
        (LayerOp::Resize(resize), QuantLayer::Resize(quant)) => {
            interpolate(quant, *resize, input, [y, x], to);
        }
        (
            LayerOp::Conv { .. }
            | LayerOp::FullyConnected { .. }
            | LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_),
            QuantLayer::Conv(_)
            | QuantLayer::Add(_)
            | QuantLayer::MaxPool
            | QuantLayer::Average(_)
            | QuantLayer::Table(_)
            | QuantLayer::Multiply(_)
            | QuantLayer::Concat(_)
            | QuantLayer::Resize(_),
        ) => unreachable!("the network was checked: operator and integers belong together"),
    }
}

fn add(quant: &QuantAdd, a: &[i32], b: &[i32], to: &mut Vec<i32>) {
    let addition = quant.ready();
    to.extend(a.iter().zip(b).map(|(&a, &b)| addition.apply(a, b)));
}

fn multiply(quant: &QuantMultiply, a: &[i32], b: &[i32], to: &mut Vec<i32>) {
    let [z_a, z_b] = quant.input_zero_points.map(i64::from);
    let rule = quant.requantise.channel(0);
    let product = |(&a, &b): (&i32, &i32)| (i64::from(a) - z_a) * (i64::from(b) - z_b);
    to.extend(a.iter().zip(b).map(product).map(|p| rule.apply(p)));
}

fn concat(quant: &QuantConcat, inputs: &[View<'_>], [y, x]: [usize; 2], to: &mut Vec<i32>) {
    for (place, (input, &zero)) in inputs.iter().zip(&quant.input_zero_points).enumerate() {
        let rule = quant.requantise.channel(place);
        let scaled = |&value: &i32| rule.apply(i64::from(value) - i64::from(zero));
        to.extend(input.pixel(y, x).iter().map(scaled));
    }
}

/// Both neighbours along the columns of both rows, each by its two weights.
fn interpolate(
    quant: &QuantResize,
    resize: Resize,
    input: &View<'_>,
    [y, x]: [usize; 2],
    to: &mut Vec<i32>,
) {
    let row = resize.corners.tap(y, input.height, resize.height);
    let column = resize.corners.tap(x, input.width, resize.width);
    let mut sums = vec![0i64; input.channels];
    for (y, down) in [row.low, row.high].into_iter().zip(row.weights()) {
        for (x, right) in [column.low, column.high].into_iter().zip(column.weights()) {
            for (sum, &value) in sums.iter_mut().zip(input.pixel(y, x)) {
                let value = i64::from(value) - i64::from(quant.input_zero_point);
                *sum += value * down * right;
            }
        }
    }
    let rule = quant.requantise.channel(0);
    to.extend(sums.into_iter().map(|sum| rule.apply(sum)));
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
