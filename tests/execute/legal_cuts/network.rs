//! Random integer networks. The integers have no float origin: any that are valid will do.

use super::one_of;
use super::others::push_other;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::fixed::{AddForm, AverageForm, Overflow, Requantise, Rounding, Rule, Target};
use repchip::network::{Conv, Form, Pool};
use repchip::quantise::{
    Numerics, QuantAdd, QuantAverage, QuantConv, QuantLayer, QuantNetwork, QuantResidual,
    ResidualForm, TensorQuant,
};
use repchip::reparam::{Activation, Layer, LayerGraph, LayerOp, TensorId};
use repchip::tensor::{Activations, FeatureMap, IntType, Weights};

/// One to five random layers on a small input.
pub(crate) fn network(rng: &mut ChaCha8Rng) -> QuantNetwork {
    let side = |rng: &mut ChaCha8Rng| rng.random_range(2..=9);
    let input = FeatureMap::new(side(rng), side(rng), rng.random_range(1..=6));
    let mut network = empty(rng, input);
    for _ in 0..rng.random_range(1..=5) {
        push_random(rng, &mut network);
    }
    network
}

/// A network without layers.
pub(crate) fn empty(rng: &mut ChaCha8Rng, input: FeatureMap) -> QuantNetwork {
    let range = int_type(rng);
    let zero_point = rng.random_range(range.min()..=range.max());
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
            zero_point,
        }],
        residual: ResidualForm::Accumulate,
        rule: Rule::Multiplier(Rounding::HalfEven),
        layers: Vec::new(),
    }
}

/// Random images of the network's input type.
pub(crate) fn input(rng: &mut ChaCha8Rng, network: &QuantNetwork, batch: usize) -> Activations {
    let FeatureMap {
        height,
        width,
        channels,
    } = network.graph.input;
    let range = network.numerics.activations[0];
    Activations::from_shape_simple_fn((batch, height, width, channels), || {
        match rng.random_range(0..4) {
            0 => range.min(),
            1 => range.max(),
            _ => rng.random_range(range.min()..=range.max()),
        }
    })
}

fn int_type(rng: &mut ChaCha8Rng) -> IntType {
    let bits = if rng.random_bool(0.1) {
        rng.random_range(9..=16)
    } else {
        rng.random_range(2..=8)
    };
    if rng.random_bool(0.5) {
        IntType::signed(bits)
    } else {
        IntType::unsigned(bits)
    }
}

fn push_random(rng: &mut ChaCha8Rng, network: &mut QuantNetwork) {
    let graph = &network.graph;
    let from = if rng.random_bool(0.8) {
        graph.output()
    } else {
        TensorId(rng.random_range(0..=graph.layers.len()))
    };
    let shape = graph.shape(from);
    let like: Vec<TensorId> = (0..=graph.layers.len())
        .map(TensorId)
        .filter(|&t| graph.shape(t) == shape)
        .collect();
    match rng.random_range(0..14) {
        0..=3 => {
            let conv = random_conv(rng, shape);
            push_conv(rng, network, from, conv, None);
        }
        4..=5 => {
            let shortcut = one_of(rng, &like);
            let kernel = one_of(rng, &[1, 3]);
            let conv = Conv {
                out_channels: shape.channels,
                kernel,
                stride: 1,
                padding: kernel / 2,
                dilation: 1,
                groups: divisor(rng, shape.channels),
            };
            push_conv(rng, network, from, conv, Some(shortcut));
        }
        6 => {
            let op = LayerOp::Add {
                activation: Activation::None,
            };
            let other = one_of(rng, &like);
            let zero_points = [from, other].map(|t| network.tensors[t.0].zero_point);
            let (range, zero_point) = range_of_output(rng);
            let quant = QuantLayer::Add(addition(rng, zero_points, range, zero_point));
            push(
                network,
                op,
                vec![from, other],
                shape,
                (range, zero_point),
                0,
                quant,
            );
        }
        7 => {
            let (pool, out) = random_pool(rng, shape);
            let ty = (
                network.tensors[from.0].range,
                network.tensors[from.0].zero_point,
            );
            push(
                network,
                LayerOp::MaxPool(pool),
                vec![from],
                out,
                ty,
                0,
                QuantLayer::MaxPool,
            );
        }
        8 => {
            let (pool, out) = random_pool(rng, shape);
            let entries = pool.kernel * pool.kernel;
            push_average(rng, network, from, LayerOp::AvgPool(pool), out, entries);
        }
        10..=13 => push_other(rng, network, from),
        _ if rng.random_bool(0.5) => {
            let out = FeatureMap::new(1, 1, shape.channels);
            push_average(rng, network, from, LayerOp::GlobalAvgPool, out, 1);
        }
        _ => push_fully_connected(rng, network, from),
    }
}

fn divisor(rng: &mut ChaCha8Rng, n: usize) -> usize {
    let divisors: Vec<usize> = (1..=n).filter(|d| n.is_multiple_of(*d)).collect();
    one_of(rng, &divisors)
}

fn random_conv(rng: &mut ChaCha8Rng, shape: FeatureMap) -> Conv {
    let smallest = shape.height.min(shape.width);
    let (kernel, dilation) = loop {
        let kernel = one_of(rng, &[1, 3, 3, 5, 7]);
        let dilation = one_of(rng, &[1, 1, 2]);
        if dilation * (kernel - 1) < smallest + 2 * (kernel / 2) {
            break (kernel, dilation);
        }
    };
    let reach = dilation * (kernel - 1) + 1;
    let needed = reach.saturating_sub(smallest).div_ceil(2);
    let groups = divisor(rng, shape.channels);
    Conv {
        out_channels: groups * rng.random_range(1..=4),
        kernel,
        stride: one_of(rng, &[1, 1, 2]),
        padding: rng.random_range(needed..=(dilation * (kernel / 2)).max(needed)),
        dilation,
        groups,
    }
}

fn random_pool(rng: &mut ChaCha8Rng, shape: FeatureMap) -> (Pool, FeatureMap) {
    let kernel = rng.random_range(1..=3usize.min(shape.height).min(shape.width));
    let pool = Pool {
        kernel,
        stride: rng.random_range(1..=2),
        padding: rng.random_range(0..kernel),
    };
    let side = |n: usize| (n + 2 * pool.padding - kernel) / pool.stride + 1;
    // Windows that start behind the map would hold no pixel.
    let side = |n: usize| side(n).min((n + pool.padding - 1) / pool.stride + 1);
    let out = FeatureMap::new(side(shape.height), side(shape.width), shape.channels);
    (pool, out)
}

pub(super) fn range_of_output(rng: &mut ChaCha8Rng) -> (IntType, i32) {
    let range = int_type(rng);
    (range, rng.random_range(range.min()..=range.max()))
}

/// An addition in any form.
fn addition(
    rng: &mut ChaCha8Rng,
    input_zero_points: [i32; 2],
    range: IntType,
    zero_point: i32,
) -> QuantAdd {
    let whole = Target::whole(range, zero_point);
    let one = |rule, multiplier, shift| {
        Requantise::new(rule, vec![multiplier], vec![shift], whole)
            .expect("these numbers are valid")
    };
    let (form, multipliers, requantise) = match rng.random_range(0..3) {
        0 => (
            AddForm::Weighted,
            [rng.random_range(-50..=50), rng.random_range(0..=50)],
            requantise(
                rng,
                Rule::Multiplier(Rounding::HalfAway),
                1,
                5,
                range,
                zero_point,
            ),
        ),
        1 => {
            let scales = [(); 3].map(|()| scale(rng, Rule::TfliteDouble, 3));
            let left_shift = 10;
            let form = AddForm::Rescaled {
                left_shift,
                shifts: [scales[0].1, scales[1].1],
            };
            let (multiplier, shift) = scales[2];
            let sum = one(Rule::TfliteDouble, multiplier, shift + left_shift);
            (form, [scales[0].0, scales[1].0], sum)
        }
        _ => {
            let scales = [(); 2].map(|()| scale(rng, Rule::Float32HalfEven, 3));
            let form = AddForm::Float32 {
                shifts: scales.map(|(_, shift)| shift),
            };
            let multipliers = scales.map(|(multiplier, _)| multiplier);
            (form, multipliers, one(Rule::Float32HalfEven, 1, 0))
        }
    };
    QuantAdd {
        input_zero_points,
        multipliers,
        form,
        requantise,
    }
}

/// An average over windows of up to `entries` pixels, in any form.
fn averaging(
    rng: &mut ChaCha8Rng,
    input_zero_point: i32,
    entries: usize,
    range: IntType,
    zero_point: i32,
) -> QuantAverage {
    let whole = |rule| {
        let target = Target::whole(range, zero_point);
        Requantise::new(rule, vec![1; entries], vec![0; entries], target)
            .expect("these numbers are valid")
    };
    let same = input_zero_point == zero_point;
    let (form, requantise) = match rng.random_range(0..3) {
        0 => {
            let scales = [(); 2].map(|()| scale(rng, Rule::Float32HalfEven, 2));
            let form = AverageForm::Float32 {
                multipliers: scales.map(|(multiplier, _)| multiplier),
                shifts: scales.map(|(_, shift)| shift),
            };
            (form, whole(Rule::Float32HalfEven))
        }
        1 if same => (
            AverageForm::Quotient,
            whole(Rule::Shift(Rounding::HalfAway)),
        ),
        _ => {
            let rule = rule(rng);
            let requantise = requantise(rng, rule, entries, 5, range, zero_point);
            (AverageForm::Sum, requantise)
        }
    };
    QuantAverage {
        input_zero_point,
        form,
        requantise,
    }
}

pub(super) fn requantise(
    rng: &mut ChaCha8Rng,
    rule: Rule,
    channels: usize,
    shift: u8,
    output: IntType,
    zero_point: i32,
) -> Requantise {
    let zero_point = if rule == Rule::Slice { 0 } else { zero_point };
    let mut target = Target::whole(output, zero_point);
    if rng.random_bool(0.5) {
        target = target.relu();
    }
    if matches!(rule, Rule::Shift(_) | Rule::Multiplier(_) | Rule::Slice) {
        target.overflow = one_of(
            rng,
            &[Overflow::Saturate, Overflow::Saturate, Overflow::Wrap],
        );
    }
    let (multipliers, shifts) = (0..channels).map(|_| scale(rng, rule, shift)).unzip();
    Requantise::new(rule, multipliers, shifts, target).expect("these numbers are valid")
}

/// A scale of at least about `2^-shift`, as the rule writes it.
fn scale(rng: &mut ChaCha8Rng, rule: Rule, shift: u8) -> (i32, u8) {
    let right = rng.random_range(0..=shift);
    match rule {
        Rule::Shift(_) | Rule::Slice => (1, right),
        Rule::Multiplier(_) => (rng.random_range(0..=5), right),
        Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy => (rng.random_range(1 << 30..=i32::MAX), 30 + right),
        Rule::Float32HalfEven => (rng.random_range(1 << 23..1 << 24), 23 + right),
    }
}

pub(super) fn rule(rng: &mut ChaCha8Rng) -> Rule {
    let rounding = one_of(
        rng,
        &[
            Rounding::Floor,
            Rounding::TowardZero,
            Rounding::HalfUp,
            Rounding::HalfEven,
            Rounding::HalfAway,
        ],
    );
    one_of(
        rng,
        &[
            Rule::Shift(rounding),
            Rule::Multiplier(rounding),
            Rule::TosaSingle,
            Rule::TosaDouble,
            Rule::TfliteDouble,
            Rule::TfliteSingle,
            Rule::Ruy,
            Rule::Float32HalfEven,
            Rule::Slice,
        ],
    )
}

/// Adds a convolution with random integers.
pub(crate) fn push_conv(
    rng: &mut ChaCha8Rng,
    network: &mut QuantNetwork,
    from: TensorId,
    conv: Conv,
    shortcut: Option<TensorId>,
) {
    let shape = network.graph.shape(from);
    let reach = conv.dilation * (conv.kernel - 1) + 1;
    let side = |n: usize| (n + 2 * conv.padding - reach) / conv.stride + 1;
    let out = FeatureMap::new(side(shape.height), side(shape.width), conv.out_channels);
    let activation = Activation::None;
    let op = LayerOp::Conv { conv, activation };
    let kernel = (
        conv.out_channels,
        conv.kernel,
        conv.kernel,
        shape.channels / conv.groups,
    );
    push_sums(rng, network, vec![from], op, out, kernel, shortcut);
}

fn push_fully_connected(rng: &mut ChaCha8Rng, network: &mut QuantNetwork, from: TensorId) {
    let shape = network.graph.shape(from);
    let outputs = rng.random_range(1..=6);
    let op = LayerOp::FullyConnected {
        outputs,
        activation: Activation::None,
    };
    let kernel = (outputs, 1, 1, shape.pixels() * shape.channels);
    let out = FeatureMap::new(1, 1, outputs);
    push_sums(rng, network, vec![from], op, out, kernel, None);
}

fn push_sums(
    rng: &mut ChaCha8Rng,
    network: &mut QuantNetwork,
    mut inputs: Vec<TensorId>,
    op: LayerOp,
    out: FeatureMap,
    kernel: (usize, usize, usize, usize),
    shortcut: Option<TensorId>,
) {
    let weight_bits = if rng.random_bool(0.1) {
        16
    } else {
        rng.random_range(2..=8)
    };
    let most = (1 << (weight_bits - 1)) - 1;
    let weight = Weights::from_shape_simple_fn(kernel, || rng.random_range(-most..=most));
    let input_zero_point = network.tensors[inputs[0].0].zero_point;
    let residual = shortcut.map(|tensor| QuantResidual {
        zero_point: network.tensors[tensor.0].zero_point,
        k: (0..out.channels)
            .map(|_| rng.random_range(0..=most))
            .collect(),
        e: (0..out.channels).map(|_| rng.random_range(0..=6)).collect(),
    });
    inputs.extend(shortcut);
    let (range, zero_point) = range_of_output(rng);
    let rule = rule(rng);
    let shift = one_of(rng, &[4, 8, 12]);
    let quant = QuantLayer::Conv(QuantConv {
        weight,
        bias: (0..out.channels)
            .map(|_| rng.random_range(-30_000..=30_000))
            .collect(),
        input_zero_point,
        residual,
        requantise: requantise(rng, rule, out.channels, shift, range, zero_point),
    });
    push(
        network,
        op,
        inputs,
        out,
        (range, zero_point),
        weight_bits,
        quant,
    );
}

pub(super) fn push_average(
    rng: &mut ChaCha8Rng,
    network: &mut QuantNetwork,
    from: TensorId,
    op: LayerOp,
    out: FeatureMap,
    entries: usize,
) {
    let (range, zero_point) = range_of_output(rng);
    let own = network.tensors[from.0].zero_point;
    // A quotient keeps the zero point of its input.
    let zero_point = if (range.min()..=range.max()).contains(&own) {
        own
    } else {
        zero_point
    };
    let quant = QuantLayer::Average(averaging(rng, own, entries, range, zero_point));
    push(network, op, vec![from], out, (range, zero_point), 0, quant);
}

pub(super) fn push(
    network: &mut QuantNetwork,
    op: LayerOp,
    inputs: Vec<TensorId>,
    output: FeatureMap,
    (range, zero_point): (IntType, i32),
    weight_bits: u8,
    quant: QuantLayer,
) {
    let name = format!("layer{}", network.graph.layers.len());
    network.graph.layers.push(Layer {
        name,
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
    network.layers.push(quant);
}
