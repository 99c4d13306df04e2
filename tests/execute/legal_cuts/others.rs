//! Random layers that are neither convolutions, sums nor windows: functions, products, concatenations,
//! interpolations, means over parts of the map.

use super::network::{push, push_average, range_of_output, requantise, rule};
use super::one_of;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::network::{Corners, Function, Resize};
use repchip::quantise::{
    QuantConcat, QuantLayer, QuantMultiply, QuantNetwork, QuantResize, QuantTable,
};
use repchip::reparam::{Activation, LayerOp, TensorId};
use repchip::tensor::FeatureMap;

/// Tensors of a shape that passes `fits`.
fn tensors(network: &QuantNetwork, fits: impl Fn(FeatureMap) -> bool) -> Vec<TensorId> {
    let all = (0..=network.graph.layers.len()).map(TensorId);
    all.filter(|&t| fits(network.graph.shape(t))).collect()
}

/// Adds one of them.
pub(crate) fn push_other(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    match rng.random_range(0..5) {
        0 => push_table(rng, network, from),
        1 => push_product(rng, network, from),
        2 => push_concat(rng, network, from),
        3 => push_resize(rng, network, from),
        _ => {
            let bins = rng.random_range(1..=4);
            let out = FeatureMap::new(bins, bins, network.graph.shape(from).channels);
            let op = LayerOp::AdaptiveAvgPool { bins };
            push_average(rng, network, from, op, out, bins * bins);
        }
    }
}

/// Any table will do: its entries are random.
fn push_table(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    let input = network.tensors[from.0].range;
    let (range, zero_point) = range_of_output(rng);
    let values = (input.min()..=input.max()).map(|_| rng.random_range(range.min()..=range.max()));
    let quant = QuantLayer::Table(QuantTable {
        first: input.min(),
        values: values.collect(),
    });
    let op = LayerOp::Lookup(one_of(rng, &Function::ALL));
    let shape = network.graph.shape(from);
    push(
        network,
        op,
        vec![from],
        shape,
        (range, zero_point),
        0,
        quant,
    );
}

/// By a map of the same shape, often itself, or by a scale for each channel where there is one.
fn push_product(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    let shape = network.graph.shape(from);
    let scale = FeatureMap::new(1, 1, shape.channels);
    let by = one_of(
        rng,
        &tensors(network, |other| other == shape || other == scale),
    );
    let (range, zero_point) = range_of_output(rng);
    let rule = rule(rng);
    let quant = QuantLayer::Multiply(QuantMultiply {
        input_zero_points: [from, by].map(|t| network.tensors[t.0].zero_point),
        requantise: requantise(rng, rule, 1, 12, range, zero_point),
    });
    let op = LayerOp::Multiply {
        activation: Activation::None,
    };
    push(
        network,
        op,
        vec![from, by],
        shape,
        (range, zero_point),
        0,
        quant,
    );
}

fn push_concat(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    let shape = network.graph.shape(from);
    let side = |map: FeatureMap| (map.height, map.width);
    let like = tensors(network, |other| side(other) == side(shape));
    let mut inputs = vec![from];
    inputs.extend((0..rng.random_range(1..=4)).map(|_| one_of(rng, &like)));
    let channels = inputs
        .iter()
        .map(|&t| network.graph.shape(t).channels)
        .sum();
    let (range, zero_point) = range_of_output(rng);
    let rule = rule(rng);
    let zero_points = inputs.iter().map(|&t| network.tensors[t.0].zero_point);
    let quant = QuantLayer::Concat(QuantConcat {
        input_zero_points: zero_points.collect(),
        requantise: requantise(rng, rule, inputs.len(), 4, range, zero_point),
    });
    let out = FeatureMap::new(shape.height, shape.width, channels);
    push(
        network,
        LayerOp::Concat,
        inputs,
        out,
        (range, zero_point),
        0,
        quant,
    );
}

fn push_resize(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    let resize = Resize {
        height: rng.random_range(1..=12),
        width: rng.random_range(1..=12),
        corners: one_of(rng, &[Corners::Aligned, Corners::HalfPixel]),
    };
    let (range, zero_point) = range_of_output(rng);
    let rule = rule(rng);
    let quant = QuantLayer::Resize(QuantResize {
        input_zero_point: network.tensors[from.0].zero_point,
        requantise: requantise(rng, rule, 1, 24, range, zero_point),
    });
    let out = FeatureMap::new(
        resize.height,
        resize.width,
        network.graph.shape(from).channels,
    );
    let op = LayerOp::Resize(resize);
    push(network, op, vec![from], out, (range, zero_point), 0, quant);
}
