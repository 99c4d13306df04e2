//! What each operator requantises, from the integers it reads.

use crate::network::Pool;
use crate::network::sampling::bin;
use crate::quantise::{QuantAdd, QuantAverage, QuantMultiply, QuantResize};
use crate::reparam::LayerOp;
use crate::tensor::Activations;
use std::ops::Range;

/// The sums of an addition; none where they are no integers.
pub(super) fn added<'t>(
    quant: &QuantAdd,
    a: &'t Activations,
    b: &'t Activations,
) -> impl Iterator<Item = i64> + use<'t> {
    let addition = quant.ready();
    a.iter()
        .zip(b)
        .filter_map(move |(&a, &b)| addition.sum(a, b))
}

/// The sums of an average, each with its entry: that of its number of pixels, of its part of the map, or the only one
/// of a whole map.
pub(super) fn averaged<'t>(
    quant: &QuantAverage,
    op: &LayerOp,
    input: &'t Activations,
    (images, height, width, channels): (usize, usize, usize, usize),
) -> impl Iterator<Item = (usize, i64)> + use<'t> {
    let zero = i64::from(quant.input_zero_point);
    let pool = match op {
        LayerOp::AvgPool(pool) => Some(*pool),
        _ => None,
    };
    let (_, rows, columns, _) = input.dim();
    let outputs = ndarray::indices((images, height, width, channels)).into_iter();
    outputs.map(move |(n, y, x, c)| {
        let (ys, xs) = match pool {
            Some(pool) => (window(pool, y, rows), window(pool, x, columns)),
            None => (bin(y, height, rows), bin(x, width, columns)),
        };
        let entry = match pool {
            Some(_) => ys.len() * xs.len() - 1,
            None => y * width + x,
        };
        let window = input.slice(ndarray::s![n, ys, xs, c]);
        let sum: i64 = window.iter().map(|value| i64::from(*value) - zero).sum();
        (entry, sum)
    })
}

/// Positions under a window along an axis, inside the map.
fn window(pool: Pool, out: usize, length: usize) -> Range<usize> {
    let start = out * pool.stride;
    let end = (start + pool.kernel).saturating_sub(pool.padding);
    start.saturating_sub(pool.padding)..end.min(length)
}

/// The products of two maps, or of a map and a scale for each channel.
pub(super) fn multiplied<'t>(
    quant: &QuantMultiply,
    a: &'t Activations,
    b: &'t Activations,
) -> impl Iterator<Item = i64> + use<'t> {
    let [zero_a, zero_b] = quant.input_zero_points.map(i64::from);
    let b = b
        .broadcast(a.dim())
        .expect("a scale is one pixel of the map");
    a.iter()
        .zip(b)
        .map(move |(&a, &b)| (i64::from(a) - zero_a) * (i64::from(b) - zero_b))
}

/// The weighted sums of an interpolation.
pub(super) fn interpolated<'t>(
    quant: &QuantResize,
    op: &LayerOp,
    input: &'t Activations,
) -> impl Iterator<Item = i64> + use<'t> {
    let zero = i64::from(quant.input_zero_point);
    let (images, rows, columns, channels) = input.dim();
    let resize = match op {
        LayerOp::Resize(resize) => Some(*resize),
        _ => None,
    };
    let outputs = resize.into_iter().flat_map(move |resize| {
        let shape = (images, resize.height, resize.width, channels);
        ndarray::indices(shape)
            .into_iter()
            .map(move |at| (resize, at))
    });
    outputs.map(move |(resize, (n, y, x, c))| {
        let row = resize.corners.tap(y, rows, resize.height);
        let column = resize.corners.tap(x, columns, resize.width);
        let along = |y: usize| {
            let [low, high] = column.weights();
            let value = |x: usize| i64::from(input[(n, y, x, c)]) - zero;
            value(column.low) * low + value(column.high) * high
        };
        let [low, high] = row.weights();
        along(row.low) * low + along(row.high) * high
    })
}
