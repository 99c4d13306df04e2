//! Random small networks, arrays and legal schedules, each from a seed.

pub(crate) mod cut;
pub(crate) mod network;
mod others;

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{Array, Pe, PeKind, Pointwise};
use repchip::fixed::{Accumulator, Overflow};
use repchip::quantise::QuantNetwork;
use repchip::schedule::Schedule;
use repchip::tensor::Activations;

/// A random number generator for `seed`.
pub(crate) fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// One of `choices`.
pub(crate) fn one_of<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    *choices.choose(rng).expect("there are choices")
}

/// A small array; `accumulator` is taken as it is.
pub(crate) fn array(rng: &mut ChaCha8Rng, accumulator: Accumulator) -> Array {
    Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes: rng.random_range(1..=4),
            accumulators: rng.random_range(1..=3),
            accumulator,
        },
        rows: rng.random_range(1..=4),
        tile_h: rng.random_range(1..=3),
        tile_w: rng.random_range(1..=3),
        pointwise: one_of(rng, &[Pointwise::Naive, Pointwise::Packed]),
    }
}

/// A narrow accumulator that often overflows, or a wide one that never does.
pub(crate) fn accumulator(rng: &mut ChaCha8Rng) -> Accumulator {
    let overflow = one_of(rng, &[Overflow::Wrap, Overflow::Saturate, Overflow::Trap]);
    let bits = if rng.random_bool(0.7) {
        rng.random_range(16..=24)
    } else {
        one_of(rng, &[32, 48, 64])
    };
    Accumulator { bits, overflow }
}

/// A network, an array, a legal schedule of the one on the other and an input.
pub(crate) struct Case {
    pub(crate) network: QuantNetwork,
    pub(crate) array: Array,
    pub(crate) schedule: Schedule,
    pub(crate) input: Activations,
}

/// The case of `seed`.
pub(crate) fn case(seed: u64) -> Case {
    let mut rng = seeded(seed);
    let accumulator = accumulator(&mut rng);
    let array = array(&mut rng, accumulator);
    let network = network::network(&mut rng);
    let batch = rng.random_range(1..=3);
    let input = network::input(&mut rng, &network, batch);
    let schedule = cut::schedule(&mut rng, &network, array, batch);
    Case {
        network,
        array,
        schedule,
        input,
    }
}
