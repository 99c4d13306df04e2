//! The first witness: plain loops over whole maps, without tiles, strips or buffers.
//!
//! The step order comes as data: for each output channel the list of passes of its row group. One addition
//! into the accumulator a pass, then the requantisation. Written apart from the second witness on purpose:
//! the two share the arithmetic of [`crate::fixed`] and the passes, nothing else.

use super::layer::{conv_of, images_are_pixels};
use super::{ExecuteError, check};
use crate::chip::Array;
use crate::network::sampling::{Tap, bin};
use crate::network::{Conv, Pool};
use crate::quantise::{
    QuantAdd, QuantAverage, QuantConcat, QuantConv, QuantLayer, QuantMultiply, QuantNetwork,
    QuantResize,
};
use crate::reparam::{Layer, LayerId, LayerOp};
use crate::schedule::work::{ConvWork, Pass, PassKind};
use crate::tensor::{Activations, FeatureMap};
use ndarray::Array4;

/// Every tensor of the network, the input first: `result[i]` is [`crate::reparam::TensorId`] `i`.
///
/// `array` gives the step order and the accumulator.
///
/// # Errors
/// When the network or the input is not valid, or an accumulator traps; see [`ExecuteError`].
pub fn run(
    network: &QuantNetwork,
    array: &Array,
    input: &Activations,
) -> Result<Vec<Activations>, ExecuteError> {
    check::network(network)?;
    check::input(network, input.dim().0, input)?;
    let mut tensors = vec![input.clone()];
    for index in 0..network.graph.layers.len() {
        let inputs: Vec<&Activations> = (network.graph.layers[index].inputs.iter())
            .map(|tensor| &tensors[tensor.0])
            .collect();
        let output = compute(network, array, LayerId(index), &inputs)?;
        tensors.push(output);
    }
    Ok(tensors)
}

/// The output of one layer on `inputs` (its operands in order: input, shortcut), which need not be those of a run.
///
/// # Errors
/// When the network is not valid, there is no such layer, `inputs` do not have its operands' shapes or leave their
/// ranges, or an accumulator traps; see [`ExecuteError`].
pub fn layer(
    network: &QuantNetwork,
    array: &Array,
    id: LayerId,
    inputs: &[&Activations],
) -> Result<Activations, ExecuteError> {
    check::network(network)?;
    check::operands(network, id, inputs)?;
    compute(network, array, id, inputs)
}

fn compute(
    network: &QuantNetwork,
    array: &Array,
    id: LayerId,
    inputs: &[&Activations],
) -> Result<Activations, ExecuteError> {
    let layer = &network.graph.layers[id.0];
    Ok(match &network.layers[id.0] {
        QuantLayer::Conv(quant) => {
            let sums = conv(layer, quant, array, inputs)?;
            Array4::from_shape_fn(sums.dim(), |(n, y, x, c)| {
                quant.requantise.apply(sums[(n, y, x, c)], c)
            })
        }
        QuantLayer::Add(quant) => add(quant, inputs[0], inputs[1]),
        QuantLayer::MaxPool => max_pool(layer, inputs[0]),
        QuantLayer::Average(quant) => average(layer, quant, inputs[0]),
        QuantLayer::Table(table) => inputs[0].mapv(|x| table.apply(x)),
        QuantLayer::Multiply(quant) => multiply(quant, inputs[0], inputs[1]),
        QuantLayer::Concat(quant) => concat(quant, inputs),
        QuantLayer::Resize(quant) => resize(layer, quant, inputs[0]),
    })
}

/// The accumulators of convolution `id` over `tensors`, as [`run`] gave them; same axes as its output.
///
/// # Errors
/// When the layer is no convolution, or an accumulator traps.
///
/// # Panics
/// When `tensors` are not those of `network`.
pub fn accumulators(
    network: &QuantNetwork,
    array: &Array,
    id: LayerId,
    tensors: &[Activations],
) -> Result<Array4<i64>, ExecuteError> {
    let Some((layer, QuantLayer::Conv(quant))) =
        network.graph.layers.get(id.0).zip(network.layers.get(id.0))
    else {
        return Err(ExecuteError::NoAccumulators {
            layer: id.0.to_string(),
        });
    };
    let inputs: Vec<&Activations> = layer.inputs.iter().map(|t| &tensors[t.0]).collect();
    conv(layer, quant, array, &inputs)
}

/// Accumulators after the last step.
fn conv(
    layer: &Layer,
    quant: &QuantConv,
    array: &Array,
    inputs: &[&Activations],
) -> Result<Array4<i64>, ExecuteError> {
    let (images, height, width, channels) = inputs[0].dim();
    let (conv, map) = conv_of(&layer.op, FeatureMap::new(height, width, channels))
        .expect("the layer is a convolution or fully connected");
    let x = if images_are_pixels(&layer.op) {
        inputs[0]
            .to_shape((images, 1, 1, map.channels))
            .expect("the same elements in the same order")
            .to_owned()
    } else {
        inputs[0].clone()
    };
    let work = ConvWork::new(map, layer.output, conv, quant.residual.is_some(), *array);
    let FeatureMap {
        height,
        width,
        channels,
    } = layer.output;
    let mut sums = Array4::zeros((images, height, width, channels));
    for row_group in 0..work.row_groups() {
        let passes = work.passes(row_group);
        for channel in work.row_group(row_group).channels {
            for ((image, y, x_out), sum) in sums
                .index_axis_mut(ndarray::Axis(3), channel)
                .indexed_iter_mut()
            {
                let at = |step, trap| ExecuteError::Trap {
                    layer: layer.name.clone(),
                    image,
                    pixel: [y, x_out],
                    channel,
                    step,
                    trap,
                };
                let mut acc = array
                    .pe
                    .accumulator
                    .start(quant.bias[channel])
                    .map_err(|trap| at(0, trap))?;
                for (index, pass) in passes.iter().enumerate() {
                    let place = [image, y, x_out, channel];
                    let addend = match pass.kind {
                        PassKind::Window | PassKind::Packed => {
                            products(quant, &conv, pass, &x, place)
                        }
                        PassKind::Residual => shortcut(quant, pass, inputs[1], place),
                    };
                    acc = array
                        .pe
                        .accumulator
                        .add(acc, addend)
                        .map_err(|trap| at(index + 1, trap))?;
                }
                *sum = acc;
            }
        }
    }
    Ok(sums)
}

/// Sum of the products of one pass for one output.
fn products(
    quant: &QuantConv,
    conv: &Conv,
    pass: &Pass,
    x: &Activations,
    [image, oy, ox, channel]: [usize; 4],
) -> i64 {
    let (_, height, width, _) = x.dim();
    let group_inputs = quant.weight.dim().3;
    let mut sum = 0;
    for ky in pass.tap_rows.clone() {
        for kx in pass.tap_cols.clone() {
            let y = oy * conv.stride + ky * conv.dilation;
            let x_in = ox * conv.stride + kx * conv.dilation;
            if y < conv.padding || x_in < conv.padding {
                continue;
            }
            let (y, x_in) = (y - conv.padding, x_in - conv.padding);
            if y >= height || x_in >= width {
                continue;
            }
            for c in pass.channels.clone() {
                let activation =
                    i64::from(x[(image, y, x_in, c)]) - i64::from(quant.input_zero_point);
                sum += activation * i64::from(quant.weight[(channel, ky, kx, c % group_inputs)]);
            }
        }
    }
    sum
}

/// What a residual pass adds to one output: nothing unless its channel is among the pass's.
fn shortcut(quant: &QuantConv, pass: &Pass, r: &Activations, [n, y, x, c]: [usize; 4]) -> i64 {
    match &quant.residual {
        Some(residual) if pass.channels.contains(&c) => {
            let value = i64::from(r[(n, y, x, c)]) - i64::from(residual.zero_point);
            (value * i64::from(residual.k[c])) << residual.e[c]
        }
        Some(_) | None => 0,
    }
}

fn add(quant: &QuantAdd, a: &Activations, b: &Activations) -> Activations {
    let addition = quant.ready();
    Array4::from_shape_fn(a.dim(), |at| addition.apply(a[at], b[at]))
}

fn multiply(quant: &QuantMultiply, a: &Activations, b: &Activations) -> Activations {
    let [z_a, z_b] = quant.input_zero_points.map(i64::from);
    let one = b.dim().1 * b.dim().2 == 1;
    Array4::from_shape_fn(a.dim(), |(n, y, x, c)| {
        let by = if one {
            b[(n, 0, 0, c)]
        } else {
            b[(n, y, x, c)]
        };
        let product = (i64::from(a[(n, y, x, c)]) - z_a) * (i64::from(by) - z_b);
        quant.requantise.apply(product, 0)
    })
}

fn concat(quant: &QuantConcat, inputs: &[&Activations]) -> Activations {
    let (images, height, width, _) = inputs[0].dim();
    // Which operand and which of its channels each output channel is.
    let from: Vec<(usize, usize)> = (inputs.iter().enumerate())
        .flat_map(|(place, input)| (0..input.dim().3).map(move |c| (place, c)))
        .collect();
    Array4::from_shape_fn((images, height, width, from.len()), |(n, y, x, c)| {
        let (place, channel) = from[c];
        let value = i64::from(inputs[place][(n, y, x, channel)]);
        let zero = i64::from(quant.input_zero_points[place]);
        quant.requantise.apply(value - zero, place)
    })
}

fn resize(layer: &Layer, quant: &QuantResize, input: &Activations) -> Activations {
    let LayerOp::Resize(resize) = &layer.op else {
        unreachable!("the network was checked: only an interpolation has these integers")
    };
    let (images, height, width, channels) = input.dim();
    let shape = (images, resize.height, resize.width, channels);
    // The two weights of a tap, spread over the pixels of the axis.
    let weight = |tap: Tap, place: usize| {
        let [low, high] = tap.weights();
        i64::from(place == tap.low) * low + i64::from(place == tap.high) * high
    };
    Array4::from_shape_fn(shape, |(n, y, x, c)| {
        let row = resize.corners.tap(y, height, resize.height);
        let column = resize.corners.tap(x, width, resize.width);
        let mut sum = 0;
        for y in row.low..=row.high {
            for x in column.low..=column.high {
                let value = i64::from(input[(n, y, x, c)]) - i64::from(quant.input_zero_point);
                sum += value * weight(row, y) * weight(column, x);
            }
        }
        quant.requantise.apply(sum, 0)
    })
}

/// Input pixels of a pooling window that lie inside the map.
fn window(pool: &Pool, y: usize, x: usize, height: usize, width: usize) -> Vec<(usize, usize)> {
    let mut pixels = Vec::new();
    for ky in 0..pool.kernel {
        for kx in 0..pool.kernel {
            let (y, x) = (y * pool.stride + ky, x * pool.stride + kx);
            let inside = (pool.padding..height + pool.padding).contains(&y)
                && (pool.padding..width + pool.padding).contains(&x);
            if inside {
                pixels.push((y - pool.padding, x - pool.padding));
            }
        }
    }
    pixels
}

fn max_pool(layer: &Layer, input: &Activations) -> Activations {
    let LayerOp::MaxPool(pool) = &layer.op else {
        unreachable!("the network was checked: only a maximum has these integers")
    };
    let (images, height, width, _) = input.dim();
    let out = layer.output;
    Array4::from_shape_fn(
        (images, out.height, out.width, out.channels),
        |(n, y, x, c)| {
            let pixels = window(pool, y, x, height, width);
            let values = pixels.into_iter().map(|(y, x)| input[(n, y, x, c)]);
            values.max().expect("a checked window holds a pixel")
        },
    )
}

fn average(layer: &Layer, quant: &QuantAverage, input: &Activations) -> Activations {
    let (images, height, width, _) = input.dim();
    let out = layer.output;
    Array4::from_shape_fn(
        (images, out.height, out.width, out.channels),
        |(n, y, x, c)| {
            let (pixels, entry) = match &layer.op {
                LayerOp::AvgPool(pool) => {
                    let pixels = window(pool, y, x, height, width);
                    let entry = pixels.len() - 1;
                    (pixels, entry)
                }
                LayerOp::GlobalAvgPool => {
                    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
                    (pixels.collect::<Vec<_>>(), 0)
                }
                LayerOp::AdaptiveAvgPool { bins } => {
                    let rows = bin(y, *bins, height);
                    let pixels = rows.flat_map(|y| bin(x, *bins, width).map(move |x| (y, x)));
                    (pixels.collect(), y * bins + x)
                }
                LayerOp::Conv { .. }
                | LayerOp::FullyConnected { .. }
                | LayerOp::Lookup(_)
                | LayerOp::Add { .. }
                | LayerOp::Multiply { .. }
                | LayerOp::Concat
                | LayerOp::Resize(_)
                | LayerOp::MaxPool(_) => {
                    unreachable!("the network was checked: only averages have these integers")
                }
            };
            let ready = quant.ready(entry, pixels.len());
            ready.of(pixels.into_iter().map(|(y, x)| input[(n, y, x, c)]))
        },
    )
}
