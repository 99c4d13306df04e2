//! Random networks with layers on the host: convolutions, pooling between them, an average and a fully connected layer.

use crate::cases::{Class, one_of};
use crate::networks::{fully_connected, push, three};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::fixed::{AverageForm, Requantise, Target};
use repchip::network::Pool;
use repchip::quantise::{QuantAverage, QuantLayer, QuantNetwork, TensorQuant};
use repchip::reparam::{Layer, LayerOp};
use repchip::tensor::FeatureMap;

/// Appends the layers to an empty network; at least one is a pooling.
pub(crate) fn layers(rng: &mut ChaCha8Rng, network: &mut QuantNetwork) {
    if rng.random_bool(0.3) {
        pool(rng, network);
    }
    for _ in 0..rng.random_range(1..=2) {
        let conv = three(rng);
        push(rng, network, Class::Host, conv);
        if rng.random_bool(0.3) {
            pool(rng, network);
        }
    }
    let shape = network.graph.shape(network.graph.output());
    average(rng, network, LayerOp::GlobalAvgPool, 1, (1, 1, shape));
    if rng.random_bool(0.7) {
        fully_connected(rng, network, Class::Host);
    }
}

/// Adds a window of two by two, if the map has as many pixels.
fn pool(rng: &mut ChaCha8Rng, network: &mut QuantNetwork) {
    let shape = network.graph.shape(network.graph.output());
    if shape.height.min(shape.width) < 2 {
        return;
    }
    let pool = Pool {
        kernel: 2,
        stride: one_of(rng, &[1, 2]),
        padding: 0,
    };
    let side = |n: usize| (n - pool.kernel) / pool.stride + 1;
    let output = (side(shape.height), side(shape.width), shape);
    if rng.random_bool(0.5) {
        let like = *network.tensors.last().expect("there is an input");
        append(network, LayerOp::MaxPool(pool), output, like);
        network.layers.push(QuantLayer::MaxPool);
    } else {
        let pixels = pool.kernel * pool.kernel;
        average(rng, network, LayerOp::AvgPool(pool), pixels, output);
    }
}

/// Adds an average with a multiplier for each number of pixels up to `counts`.
fn average(
    rng: &mut ChaCha8Rng,
    network: &mut QuantNetwork,
    op: LayerOp,
    counts: usize,
    output: (usize, usize, FeatureMap),
) {
    let input = *network.tensors.last().expect("there is an input");
    let zero_point = rng.random_range(input.range.min()..=input.range.max());
    let target = Target::whole(input.range, zero_point);
    let multipliers = (0..counts).map(|_| rng.random_range(1..=255)).collect();
    let requantise = Requantise::new(network.rule, multipliers, vec![8; counts], target);
    let quant = QuantAverage {
        form: AverageForm::Sum,
        input_zero_point: input.zero_point,
        requantise: requantise.expect("these numbers are valid"),
    };
    append(
        network,
        op,
        output,
        TensorQuant {
            zero_point,
            ..input
        },
    );
    network.layers.push(QuantLayer::Average(quant));
}

/// Adds the layer of an operator without weights.
fn append(
    network: &mut QuantNetwork,
    op: LayerOp,
    (height, width, input): (usize, usize, FeatureMap),
    output: TensorQuant,
) {
    let graph = &mut network.graph;
    graph.layers.push(Layer {
        name: format!("layer{}", network.layers.len()),
        op,
        inputs: vec![graph.output()],
        output: FeatureMap::new(height, width, input.channels),
    });
    network.numerics.activations.push(output.range);
    network.numerics.weight_bits.push(0);
    network.tensors.push(output);
}
