//! Random integer networks of one class. The integers have no float origin: any that are valid will do.

use crate::cases::{Class, one_of};
use crate::hosts;
use crate::integers::integers;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::fixed::{Rounding, Rule};
use repchip::network::{Conv, Form};
use repchip::quantise::{Numerics, QuantLayer, QuantNetwork, ResidualForm, TensorQuant};
use repchip::reparam::{Activation, Layer, LayerGraph, LayerOp, TensorId};
use repchip::tensor::{Activations, FeatureMap, IntType};

/// A network of `class`.
pub(crate) fn network(rng: &mut ChaCha8Rng, class: Class) -> QuantNetwork {
    let side = |rng: &mut ChaCha8Rng| rng.random_range(2..=11);
    let input = FeatureMap::new(side(rng), side(rng), rng.random_range(1..=20));
    let mut network = empty(rng, class, input);
    match class {
        Class::Layer => {
            let conv = three(rng);
            push(rng, &mut network, class, conv);
        }
        Class::Arithmetic => {
            let conv = three(rng);
            push(rng, &mut network, class, conv);
            if rng.random_bool(0.5) {
                push_same(rng, &mut network, class);
            }
        }
        Class::Chain | Class::Wide => {
            for _ in 0..rng.random_range(2..=3) {
                if class == Class::Wide && rng.random_bool(0.5) {
                    push_same(rng, &mut network, class);
                } else {
                    let conv = any(rng, network.graph.shape(network.graph.output()));
                    push(rng, &mut network, class, conv);
                }
            }
        }
        Class::Packed => {
            let conv = one(rng, 40);
            push(rng, &mut network, class, conv);
            let conv = one(rng, 20);
            push(rng, &mut network, class, conv);
        }
        Class::Residual => {
            for _ in 0..rng.random_range(2..=3) {
                push_same(rng, &mut network, class);
            }
        }
        Class::Batch => batch(rng, &mut network),
        Class::Host => hosts::layers(rng, &mut network),
    }
    network
}

/// A network of one convolution: two-byte elements in class `Wide`, its input added to its output in `Residual`.
pub(crate) fn single(
    rng: &mut ChaCha8Rng,
    class: Class,
    input: FeatureMap,
    conv: Conv,
) -> QuantNetwork {
    let mut network = empty(rng, class, input);
    push(rng, &mut network, class, conv);
    network
}

/// Random images of the network's input type.
pub(crate) fn input(rng: &mut ChaCha8Rng, network: &QuantNetwork, batch: usize) -> Activations {
    let map = network.graph.input;
    let range = network.numerics.activations[0];
    Activations::from_shape_simple_fn((batch, map.height, map.width, map.channels), || {
        match rng.random_range(0..8) {
            0 => range.min(),
            1 => range.max(),
            _ => rng.random_range(range.min()..=range.max()),
        }
    })
}

fn empty(rng: &mut ChaCha8Rng, class: Class, input: FeatureMap) -> QuantNetwork {
    let range = int_type(rng, class);
    QuantNetwork {
        graph: LayerGraph {
            name: "random".to_owned(),
            form: Form::Folded,
            input,
            layers: Vec::new(),
        },
        numerics: Numerics {
            activations: vec![range],
            weight_bits: Vec::new(),
        },
        tensors: vec![TensorQuant {
            range,
            scale: 1.0,
            zero_point: rng.random_range(range.min()..=range.max()),
        }],
        residual: ResidualForm::Accumulate,
        rule: Rule::Multiplier(Rounding::HalfEven),
        layers: Vec::new(),
    }
}

fn int_type(rng: &mut ChaCha8Rng, class: Class) -> IntType {
    let bits = match class {
        Class::Wide => one_of(rng, &[8, 9, 12, 16]),
        Class::Arithmetic => few_bits(rng),
        Class::Layer
        | Class::Chain
        | Class::Packed
        | Class::Residual
        | Class::Batch
        | Class::Host => 8,
    };
    if rng.random_bool(0.5) {
        IntType::signed(bits)
    } else {
        IntType::unsigned(bits)
    }
}

/// Mostly so few that sums are small, shifts short and ties frequent.
fn few_bits(rng: &mut ChaCha8Rng) -> u8 {
    let any = rng.random_range(2..=8);
    one_of(rng, &[2, 3, 3, 4, 8, any])
}

/// A 3x3 of stride 1 or 2, often with a last row group that ends in a part of a word.
pub(crate) fn three(rng: &mut ChaCha8Rng) -> Conv {
    let any = rng.random_range(1..=20);
    Conv {
        out_channels: one_of(rng, &[any, any, 4, 6, 11]),
        kernel: 3,
        stride: one_of(rng, &[1, 1, 2]),
        padding: one_of(rng, &[0, 1, 1]),
        dilation: 1,
        groups: 1,
    }
}

/// A 1x1.
fn one(rng: &mut ChaCha8Rng, most: usize) -> Conv {
    Conv {
        out_channels: rng.random_range(1..=most),
        kernel: 1,
        stride: one_of(rng, &[1, 1, 2]),
        padding: 0,
        dilation: 1,
        groups: 1,
    }
}

/// Adds a 1x1 or 3x3 that keeps its map.
fn push_same(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, class: Class) {
    let channels = network.graph.shape(network.graph.output()).channels;
    let kernel = one_of(rng, &[1, 3]);
    let conv = Conv {
        out_channels: channels,
        kernel,
        stride: 1,
        padding: kernel / 2,
        dilation: 1,
        groups: divisor(rng, channels),
    };
    push(rng, network, class, conv);
}

fn any(rng: &mut ChaCha8Rng, shape: FeatureMap) -> Conv {
    let kernel = one_of(rng, &[1, 2, 3, 3, 4, 5, 7]);
    let groups = if rng.random_bool(0.3) {
        divisor(rng, shape.channels)
    } else {
        1
    };
    Conv {
        out_channels: groups * rng.random_range(1..=20usize.div_ceil(groups)),
        kernel,
        stride: one_of(rng, &[1, 1, 2, 3]),
        padding: rng.random_range(0..=kernel / 2 + 1),
        dilation: one_of(rng, &[1, 1, 2, 3]),
        groups,
    }
}

fn divisor(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
    one_of(rng, &divisors)
}

/// A convolution down to one pixel and a fully connected layer, or some convolutions.
fn batch(rng: &mut ChaCha8Rng, network: &mut QuantNetwork) {
    let input = network.graph.input;
    if rng.random_bool(0.5) || input.height.max(input.width) > 5 {
        for _ in 0..rng.random_range(1..=2) {
            let conv = any(rng, network.graph.shape(network.graph.output()));
            push(rng, network, Class::Batch, conv);
        }
        return;
    }
    let conv = Conv {
        kernel: input.height.min(input.width),
        stride: input.height.max(input.width),
        padding: 0,
        ..three(rng)
    };
    push(rng, network, Class::Batch, conv);
    if network.graph.shape(network.graph.output()).pixels() == 1 {
        fully_connected(rng, network, Class::Batch);
    }
}

/// Adds a fully connected layer to a map of one pixel.
pub(crate) fn fully_connected(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, class: Class) {
    let outputs = rng.random_range(1..=20);
    let op = LayerOp::FullyConnected {
        outputs,
        activation: Activation::None,
    };
    let channels = network.graph.shape(network.graph.output()).channels;
    let kernel = (outputs, 1, 1, channels);
    layer(rng, network, class, op, kernel, (1, 1));
}

/// Adds a convolution; one that does not fit its map is left out unless it is the first, which is then a 1x1.
pub(crate) fn push(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, class: Class, mut conv: Conv) {
    let shape = network.graph.shape(network.graph.output());
    let reach = conv.dilation * (conv.kernel - 1) + 1;
    if shape.height.min(shape.width) + 2 * conv.padding < reach {
        conv.kernel = 1;
        conv.padding = 0;
    }
    let reach = conv.dilation * (conv.kernel - 1) + 1;
    let side = |n: usize| (n + 2 * conv.padding - reach) / conv.stride + 1;
    let kernel = (
        conv.out_channels,
        conv.kernel,
        conv.kernel,
        shape.channels / conv.groups,
    );
    let activation = Activation::None;
    let op = LayerOp::Conv { conv, activation };
    layer(
        rng,
        network,
        class,
        op,
        kernel,
        (side(shape.height), side(shape.width)),
    );
}

fn layer(
    rng: &mut ChaCha8Rng,
    network: &mut QuantNetwork,
    class: Class,
    op: LayerOp,
    kernel: (usize, usize, usize, usize),
    (height, width): (usize, usize),
) {
    let output = FeatureMap::new(height, width, kernel.0);
    let graph = &network.graph;
    let mut inputs = vec![graph.output()];
    let like: Vec<TensorId> = (0..=graph.layers.len())
        .map(TensorId)
        .filter(|t| graph.shape(*t) == output)
        .collect();
    let shortcuts = matches!(class, Class::Residual | Class::Arithmetic | Class::Wide);
    if shortcuts && !like.is_empty() {
        inputs.push(one_of(rng, &like));
    }
    let range = int_type(rng, class);
    let zero_point = rng.random_range(range.min()..=range.max());
    let weight_bits = match class {
        Class::Wide => one_of(rng, &[8, 9, 16]),
        Class::Arithmetic => few_bits(rng),
        Class::Layer
        | Class::Chain
        | Class::Packed
        | Class::Residual
        | Class::Batch
        | Class::Host => 8,
    };
    let quant = integers(
        rng,
        network,
        class,
        &inputs,
        kernel,
        (weight_bits, range, zero_point),
    );
    network.graph.layers.push(Layer {
        name: format!("layer{}", network.layers.len()),
        op,
        inputs,
        output,
    });
    network.numerics.activations.push(range);
    network.numerics.weight_bits.push(weight_bits);
    network.tensors.push(TensorQuant {
        range,
        scale: 1.0,
        zero_point,
    });
    network.layers.push(QuantLayer::Conv(quant));
}
