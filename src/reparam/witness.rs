//! Naive executors for tests: a graph as trained and its folded layers, node by node, one image, plain loops.

use super::{Activation, FoldedNetwork, LayerOp, LayerParams};
use crate::network::sampling::bin;
use crate::network::{Conv, Corners, Graph, Network, NodeParams, Op, Params, Pool, Resize};
use ndarray::{Array1, Array2, Array3, Array4, Axis, LinalgScalar};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;

/// One image: row, column, channel.
pub(super) type Image<F> = Array3<F>;

/// A convolution by its definition, taps in row, column, channel order, the bias last.
pub(super) fn convolve<F: LinalgScalar>(
    x: &Image<F>,
    weight: &Array4<F>,
    bias: &Array1<F>,
    conv: Conv,
) -> Image<F> {
    let (height, width, _) = x.dim();
    let (outputs, kernel, _, inputs) = weight.dim();
    let span = conv.dilation * (kernel - 1) + 1;
    let along = |size: usize| (size + 2 * conv.padding - span) / conv.stride + 1;
    let per_group = outputs / conv.groups;
    Array3::from_shape_fn(
        (along(height), along(width), outputs),
        |(row, column, out)| {
            let first = out / per_group * inputs;
            let mut sum = F::zero();
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let y = (row * conv.stride + ky * conv.dilation).checked_sub(conv.padding);
                    let x_at =
                        (column * conv.stride + kx * conv.dilation).checked_sub(conv.padding);
                    let (Some(y), Some(x_at)) = (y, x_at) else {
                        continue;
                    };
                    if y >= height || x_at >= width {
                        continue;
                    }
                    for input in 0..inputs {
                        sum = sum + weight[[out, ky, kx, input]] * x[[y, x_at, first + input]];
                    }
                }
            }
            sum + bias[out]
        },
    )
}

fn pooled(x: &Image<f64>, pool: Pool, of: fn(&[f64]) -> f64) -> Image<f64> {
    let (height, width, channels) = x.dim();
    let along = |size: usize| (size + 2 * pool.padding - pool.kernel) / pool.stride + 1;
    Array3::from_shape_fn(
        (along(height), along(width), channels),
        |(row, column, c)| {
            let inside = |at: usize, size: usize| -> Range<usize> {
                let end = at * pool.stride + pool.kernel - pool.padding;
                (at * pool.stride).saturating_sub(pool.padding)..end.min(size)
            };
            let values: Vec<f64> = inside(row, height)
                .flat_map(|y| inside(column, width).map(move |x_at| (y, x_at)))
                .map(|(y, x_at)| x[[y, x_at, c]])
                .collect();
            of(&values)
        },
    )
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

fn global_mean(x: &Image<f64>) -> Image<f64> {
    let per_channel = x
        .axis_iter(Axis(2))
        .map(|plane| mean(&plane.iter().copied().collect::<Vec<_>>()));
    vector(per_channel.collect())
}

fn binned(x: &Image<f64>, bins: usize) -> Image<f64> {
    let (height, width, channels) = x.dim();
    Array3::from_shape_fn((bins, bins, channels), |(row, column, c)| {
        let values: Vec<f64> = bin(row, bins, height)
            .flat_map(|y| bin(column, bins, width).map(move |x_at| (y, x_at)))
            .map(|(y, x_at)| x[[y, x_at, c]])
            .collect();
        mean(&values)
    })
}

/// The surface over the pixels' centres, flat beyond the outermost.
fn interpolated(x: &Image<f64>, resize: Resize) -> Image<f64> {
    let (height, width, channels) = x.dim();
    let real = |n: usize| f64::from(u32::try_from(n).unwrap());
    let at = |place: usize, from: usize, to: usize| match resize.corners {
        Corners::Aligned if to == 1 => 0.0,
        Corners::Aligned => real(place) * real(from - 1) / real(to - 1),
        Corners::HalfPixel => {
            ((real(place) + 0.5) * real(from) / real(to) - 0.5).clamp(0.0, real(from - 1))
        }
    };
    let hat = |distance: f64| (1.0 - distance.abs()).max(0.0);
    Array3::from_shape_fn(
        (resize.height, resize.width, channels),
        |(row, column, c)| {
            let (y, x_at) = (
                at(row, height, resize.height),
                at(column, width, resize.width),
            );
            let pixels = (0..height).flat_map(|i| (0..width).map(move |j| (i, j)));
            pixels
                .map(|(i, j)| hat(y - real(i)) * hat(x_at - real(j)) * x[[i, j, c]])
                .sum()
        },
    )
}

fn vector(values: Vec<f64>) -> Image<f64> {
    Array3::from_shape_vec((1, 1, values.len()), values).unwrap()
}

fn product(x: &Image<f64>, weight: &Array2<f64>, bias: &Array1<f64>) -> Image<f64> {
    let flat: Array1<f64> = x.iter().copied().collect();
    vector((weight.dot(&flat) + bias).to_vec())
}

/// The output of a network in training form, in f64.
pub(super) fn as_trained(network: &Network, image: &Image<f64>) -> Image<f64> {
    let mut maps: Vec<Image<f64>> = Vec::new();
    for (node, params) in network.graph.nodes.iter().zip(&network.params.nodes) {
        let x = node.inputs.first().map_or(image, |id| &maps[id.0]);
        let map = match (&node.op, params) {
            (Op::Input, _) => image.clone(),
            (Op::Conv(conv), NodeParams::Conv { weight, bias }) => {
                let bias = bias.as_ref().map(|b| b.mapv(f64::from));
                let bias = bias.unwrap_or_else(|| Array1::zeros(conv.out_channels));
                convolve(x, &weight.mapv(f64::from), &bias, *conv)
            }
            (
                Op::BatchNorm { eps },
                NodeParams::BatchNorm {
                    gamma,
                    beta,
                    mean,
                    var,
                },
            ) => {
                let mut map = x.clone();
                for ((_, _, c), value) in map.indexed_iter_mut() {
                    let deviation = (f64::from(var[c]) + eps).sqrt();
                    let normal = (*value - f64::from(mean[c])) / deviation;
                    *value = f64::from(gamma[c]) * normal + f64::from(beta[c]);
                }
                map
            }
            (Op::Relu, _) => x.mapv(|v| v.max(0.0)),
            (Op::Lookup(function), _) => x.mapv(|v| function.value(v)),
            (Op::Add, _) => x + &maps[node.inputs[1].0],
            (Op::Multiply, _) => x * &maps[node.inputs[1].0],
            (Op::Concat, _) => {
                let parts: Vec<_> = node.inputs.iter().map(|id| maps[id.0].view()).collect();
                ndarray::concatenate(Axis(2), &parts).unwrap()
            }
            (Op::AdaptiveAvgPool { bins }, _) => binned(x, *bins),
            (Op::Resize(resize), _) => interpolated(x, *resize),
            (Op::MaxPool(pool), _) => pooled(x, *pool, largest),
            (Op::AvgPool(pool), _) => pooled(x, *pool, mean),
            (Op::GlobalAvgPool, _) => global_mean(x),
            (Op::FullyConnected { .. }, NodeParams::FullyConnected { weight, bias }) => {
                product(x, &weight.mapv(f64::from), &bias.mapv(f64::from))
            }
            (op, _) => panic!("`{}`: {op:?} without its parameters", node.name),
        };
        assert_eq!(
            map.len(),
            node.shape.pixels() * node.shape.channels,
            "{}",
            node.name
        );
        maps.push(map);
    }
    maps.pop().unwrap()
}

/// The output of a folded network, in f64 with its f32 weights.
pub(super) fn as_folded(network: &FoldedNetwork, image: &Image<f64>) -> Image<f64> {
    let mut maps = vec![image.clone()];
    for (layer, params) in network.graph.layers.iter().zip(&network.params.layers) {
        let x = &maps[layer.inputs[0].0];
        let (map, activation) = match (&layer.op, params) {
            (LayerOp::Conv { conv, activation }, LayerParams::Conv { weight, bias }) => {
                let map = convolve(x, &weight.mapv(f64::from), &bias.mapv(f64::from), *conv);
                (map, *activation)
            }
            (
                LayerOp::FullyConnected {
                    outputs,
                    activation,
                },
                LayerParams::Conv { weight, bias },
            ) => {
                let weight = weight.mapv(f64::from);
                let weight = weight.to_shape((*outputs, x.len())).unwrap().into_owned();
                (product(x, &weight, &bias.mapv(f64::from)), *activation)
            }
            (LayerOp::Lookup(function), _) => (x.mapv(|v| function.value(v)), Activation::None),
            (LayerOp::Add { activation }, _) => (x + &maps[layer.inputs[1].0], *activation),
            (LayerOp::Multiply { activation }, _) => (x * &maps[layer.inputs[1].0], *activation),
            (LayerOp::Concat, _) => {
                let parts: Vec<_> = layer.inputs.iter().map(|id| maps[id.0].view()).collect();
                (
                    ndarray::concatenate(Axis(2), &parts).unwrap(),
                    Activation::None,
                )
            }
            (LayerOp::AdaptiveAvgPool { bins }, _) => (binned(x, *bins), Activation::None),
            (LayerOp::Resize(resize), _) => (interpolated(x, *resize), Activation::None),
            (LayerOp::MaxPool(pool), _) => (pooled(x, *pool, largest), Activation::None),
            (LayerOp::AvgPool(pool), _) => (pooled(x, *pool, mean), Activation::None),
            (LayerOp::GlobalAvgPool, _) => (global_mean(x), Activation::None),
            (op, _) => panic!("`{}`: {op:?} without its parameters", layer.name),
        };
        let map = match activation {
            Activation::None => map,
            Activation::Relu => map.mapv(|v| v.max(0.0)),
            Activation::Relu6 => map.mapv(|v| v.clamp(0.0, 6.0)),
        };
        let shape = (
            layer.output.height,
            layer.output.width,
            layer.output.channels,
        );
        assert_eq!(map.dim(), shape, "{}", layer.name);
        maps.push(map);
    }
    maps.pop().unwrap()
}

/// A random image with values in -1..1.
pub(super) fn image(graph: &Graph, seed: u64) -> Image<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let input = graph.input();
    Array3::from_shape_fn((input.height, input.width, input.channels), |_| {
        f64::from(rng.random_range(-1.0_f32..1.0))
    })
}

/// Random parameters; variances lie between `var` and three times `var`.
pub(super) fn params(graph: &Graph, seed: u64, var: f32) -> Params {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values = move |n: usize, low: f32, high: f32| -> Vec<f32> {
        (0..n).map(|_| rng.random_range(low..high)).collect()
    };
    let biased = graph.biased();
    let nodes = (graph.nodes.iter().zip(biased)).map(|(node, biased)| match &node.op {
        Op::Conv(conv) => {
            let inputs = graph.source(node).channels / conv.groups;
            let shape = (conv.out_channels, conv.kernel, conv.kernel, inputs);
            let n = conv.out_channels * conv.kernel * conv.kernel * inputs;
            let weight = Array4::from_shape_vec(shape, values(n, -0.5, 0.5)).unwrap();
            let bias = biased.then(|| values(conv.out_channels, -0.5, 0.5).into());
            NodeParams::Conv { weight, bias }
        }
        Op::BatchNorm { .. } => {
            let c = node.shape.channels;
            NodeParams::BatchNorm {
                gamma: values(c, -1.5, 1.5).into(),
                beta: values(c, -1.0, 1.0).into(),
                mean: values(c, -1.0, 1.0).into(),
                var: values(c, var, 3.0 * var).into(),
            }
        }
        Op::FullyConnected { outputs } => {
            let map = graph.source(node);
            let inputs = map.pixels() * map.channels;
            let weight = values(outputs * inputs, -0.5, 0.5);
            NodeParams::FullyConnected {
                weight: Array2::from_shape_vec((*outputs, inputs), weight).unwrap(),
                bias: values(*outputs, -0.5, 0.5).into(),
            }
        }
        Op::Input
        | Op::Relu
        | Op::Lookup(_)
        | Op::Add
        | Op::Multiply
        | Op::Concat
        | Op::MaxPool(_)
        | Op::AvgPool(_)
        | Op::GlobalAvgPool
        | Op::AdaptiveAvgPool { .. }
        | Op::Resize(_) => NodeParams::None,
    });
    Params {
        nodes: nodes.collect(),
    }
}

/// Largest difference, over the largest magnitude of `want`.
pub(super) fn distance(got: &Image<f64>, want: &Image<f64>) -> f64 {
    assert_eq!(got.dim(), want.dim());
    let largest = want.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let difference = (got - want).iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if difference == 0.0 {
        0.0
    } else {
        difference / largest
    }
}
