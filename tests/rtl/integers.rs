//! Random integers of one layer, scaled so that outputs spread over their range.

use crate::cases::{Class, one_of};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::fixed::{Overflow, Requantise, Rounding, Rule, Target};
use repchip::quantise::{QuantConv, QuantNetwork, QuantResidual};
use repchip::reparam::TensorId;
use repchip::tensor::{IntType, Weights};

const ROUNDINGS: [Rounding; 5] = [
    Rounding::Floor,
    Rounding::TowardZero,
    Rounding::HalfUp,
    Rounding::HalfEven,
    Rounding::HalfAway,
];

/// Weights, biases and requantisation of a layer of `class` with an OHWI `kernel`.
pub(crate) fn integers(
    rng: &mut ChaCha8Rng,
    network: &QuantNetwork,
    class: Class,
    inputs: &[TensorId],
    kernel: (usize, usize, usize, usize),
    (weight_bits, range, zero_point): (u8, IntType, i32),
) -> QuantConv {
    let most = (1 << (weight_bits - 1)) - 1;
    let mut target = Target::whole(range, zero_point);
    if rng.random_bool(0.5) {
        target = target.relu();
    }
    let rule = if class == Class::Arithmetic {
        if rng.random_bool(0.3) {
            target.overflow = Overflow::Wrap;
        }
        let rounding = one_of(rng, &ROUNDINGS);
        one_of(rng, &[Rule::Shift(rounding), Rule::Multiplier(rounding)])
    } else {
        Rule::Multiplier(Rounding::HalfEven)
    };
    let input_bits = network.numerics.activations[inputs[0].0].bits;
    let products = u32::try_from(kernel.1 * kernel.2 * kernel.3).expect("small");
    let sum_bits = u32::from(input_bits + weight_bits) + products.ilog2() / 2;
    let most_shift = if class == Class::Arithmetic { 15 } else { 6 };
    let residual = inputs.get(1).map(|shortcut| QuantResidual {
        zero_point: network.tensors[shortcut.0].zero_point,
        k: (0..kernel.0)
            .map(|_| rng.random_range(-most..=most))
            .collect(),
        e: (0..kernel.0)
            .map(|_| rng.random_range(0..=most_shift))
            .collect(),
    });
    let bias = 1i64 << (sum_bits - 1);
    QuantConv {
        weight: Weights::from_shape_simple_fn(kernel, || rng.random_range(-most..=most)),
        bias: (0..kernel.0)
            .map(|_| rng.random_range(-bias..=bias))
            .collect(),
        input_zero_point: network.tensors[inputs[0].0].zero_point,
        residual,
        requantise: requantise(rng, rule, kernel.0, sum_bits, target),
    }
}

/// Scales a sum of some `sum_bits` bits roughly to the output's width.
fn requantise(
    rng: &mut ChaCha8Rng,
    rule: Rule,
    channels: usize,
    sum_bits: u32,
    target: Target,
) -> Requantise {
    let down = sum_bits.saturating_sub(u32::from(target.output.bits));
    let (mut multipliers, mut shifts) = (Vec::new(), Vec::new());
    for _ in 0..channels {
        let near = (down + rng.random_range(0..=3)).saturating_sub(2);
        let (multiplier, shift) = match rule {
            Rule::Shift(_) => (1, near),
            Rule::Multiplier(_) => {
                let any = rng.random_range(0..=30);
                // A multiplier of one bit is a power of two: ties occur.
                let bits = one_of(rng, &[0, 1, any, any]);
                (
                    rng.random_range(1 << bits..=(1i32 << bits) - 1 + (1 << bits)),
                    near + bits,
                )
            }
            whole => unreachable!("the RTL has no rule {whole:?}"),
        };
        multipliers.push(multiplier);
        shifts.push(u8::try_from(shift.min(62)).expect("at most 62"));
    }
    Requantise::new(rule, multipliers, shifts, target).expect("these numbers are valid")
}
