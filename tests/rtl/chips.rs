//! Random small chips of few shapes.

use crate::cases::{Class, one_of};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Host, Pe, PeKind, Pointwise,
    RequantiserBank, Reuse, WeightSram,
};
use repchip::fixed::{Accumulator, Overflow};
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};
use std::num::NonZeroU64;

/// Compile-time shapes: lanes, rows, tile, accumulators; banks and words of a bank. Few, because each is compiled.
pub(crate) fn shape(class: Class, seed: u64) -> (Array, [usize; 3]) {
    let shapes = [
        ([4, 4, 2, 2, 4], [3, 3, 1]),
        ([3, 5, 1, 3, 2], [4, 2, 2]),
        ([8, 8, 1, 1, 8], [1, 4, 1]),
        ([2, 3, 3, 2, 1], [2, 1, 3]),
        ([1, 2, 2, 4, 3], [2, 3, 1]),
        ([5, 6, 4, 1, 2], [1, 1, 9]),
    ];
    let index = usize::try_from(seed % count(shapes.len())).expect("small");
    let ([lanes, rows, tile_h, tile_w, accumulators], banks) = shapes[index];
    let (bits, overflow) = match (class, index) {
        (Class::Arithmetic, 0) => (16, Overflow::Wrap),
        (Class::Arithmetic, 1) => (17, Overflow::Saturate),
        (Class::Arithmetic, 2) => (18, Overflow::Saturate),
        (Class::Arithmetic, 3) => (64, Overflow::Wrap),
        (Class::Arithmetic, _) => (16, Overflow::Saturate),
        (_, index) if index % 2 == 0 => (32, Overflow::Wrap),
        (_, _) => (32, Overflow::Saturate),
    };
    let array = Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes,
            accumulators,
            accumulator: Accumulator { bits, overflow },
        },
        rows,
        tile_h,
        tile_w,
        pointwise: match class {
            Class::Packed | Class::Batch => Pointwise::Packed,
            Class::Layer
            | Class::Chain
            | Class::Residual
            | Class::Arithmetic
            | Class::Wide
            | Class::Host => Pointwise::Naive,
        },
    };
    (array, banks)
}

pub(crate) fn number(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("not zero")
}

pub(crate) fn chip(rng: &mut ChaCha8Rng, array: Array, banks: [usize; 3], weight_bits: u8) -> Chip {
    let slot = WeightSram::slot(&array, weight_bits).0;
    let slots: u64 = one_of(rng, &[2, 2, 3, 5, 9, 16]);
    let unit = count(banks[0] * banks[1] * array.pe.lanes);
    let units: u64 = one_of(rng, &[12, 20, 40, 80, 160, 400]);
    Chip {
        name: "random".to_owned(),
        description: None,
        clock: Hertz(number(1_000_000)),
        array,
        control: Control {
            pipeline_cycles: Cycles(rng.random_range(0..=6)),
            layer_start_cycles: Cycles(rng.random_range(0..=20)),
        },
        requantise: RequantiserBank {
            units: one_of(rng, &[1, 2, 3, 4, 8, 64]),
            write_words_per_cycle: one_of(rng, &[1, 1, 2, 3]),
        },
        activation_sram: ActivationSram {
            capacity: Bytes(unit * units),
            bank_rows: banks[0],
            bank_cols: banks[1],
            bank_channels: banks[2],
            reuse: one_of(rng, &[Reuse::Window, Reuse::Window, Reuse::None]),
        },
        weight_sram: WeightSram {
            capacity: Bytes(slot * slots + rng.random_range(0..slot)),
            port: BytesPerCycle(number(one_of(rng, &[7, 16, 64, 144, 1000]))),
        },
        dram: Dram::Flat(FlatDram {
            bandwidth: Bandwidth {
                numerator: number(one_of(rng, &[1, 3, 8, 16, 32, 7])),
                denominator: number(rng.random_range(1..=3)),
            },
            latency: Cycles(one_of(rng, &[0, 1, 5, 20, 40, 100])),
            burst: Bytes(one_of(rng, &[2, 8, 16, 64, 256])),
            in_flight: one_of(rng, &[1, 2, 3, 5, 16]),
        }),
        vector: None,
        host: None,
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    }
}

pub(crate) fn host(rng: &mut ChaCha8Rng) -> Host {
    Host {
        bytes_per_cycle: BytesPerCycle(number(one_of(rng, &[1, 4, 100]))),
        call_cycles: Cycles(one_of(rng, &[0, 0, 1, 30])),
        elements_per_cycle: one_of(rng, &[1, 8, 1000]),
        macs_per_cycle: one_of(rng, &[8, 1000]),
    }
}
