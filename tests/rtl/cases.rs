//! Random small chips and mappings, each case from its class and seed.

use crate::networks;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Host, Pe, PeKind, Pointwise,
    RequantiserBank, Reuse, WeightSram,
};
use repchip::execute::{self, Options};
use repchip::fixed::{Accumulator, Overflow};
use repchip::map::{Forced, FullyConnected, Halo, ImageLoop, Offload, Settings, map};
use repchip::quantise::QuantNetwork;
use repchip::rtl::Run;
use repchip::schedule::{Schedule, WeightMode};
use repchip::tensor::Activations;
use repchip::time::{self, Mode, Timeline};
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};
use std::num::NonZeroU64;

/// Longer runs are drawn again: Icarus does about a thousand cycles a second.
const MOST_CYCLES: u64 = 1_500;

/// What the layers of a case are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// One 3x3 layer.
    Layer,
    /// Several layers: 3x3, naive 1x1, 5x5, groups, dilation.
    Chain,
    /// Packed 1x1.
    Packed,
    /// Shortcuts added in the accumulator.
    Residual,
    /// Narrow accumulators, both rules, five roundings, outputs that wrap.
    Arithmetic,
    /// A fully connected layer at the end, batches.
    Batch,
    /// Two-byte activations and weights.
    Wide,
    /// Pooling on the host.
    Host,
}

impl Class {
    pub(crate) const ALL: [Self; 8] = [
        Self::Layer,
        Self::Chain,
        Self::Packed,
        Self::Residual,
        Self::Arithmetic,
        Self::Batch,
        Self::Wide,
        Self::Host,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Chain => "chain",
            Self::Packed => "packed",
            Self::Residual => "residual",
            Self::Arithmetic => "arithmetic",
            Self::Batch => "batch",
            Self::Wide => "wide",
            Self::Host => "host",
        }
    }

    /// `chain:7` or `chain:0..20`.
    pub(crate) fn parse(text: &str) -> Option<Vec<(Self, u64)>> {
        let (name, seeds) = text.split_once(':')?;
        let class = Self::ALL.into_iter().find(|class| class.name() == name)?;
        let seeds = match seeds.split_once("..") {
            Some((first, end)) => first.parse().ok()?..end.parse().ok()?,
            None => {
                let seed: u64 = seeds.parse().ok()?;
                seed..seed + 1
            }
        };
        Some(seeds.map(|seed| (class, seed)).collect())
    }
}

/// One of `choices`.
pub(crate) fn one_of<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    *choices.choose(rng).expect("there are choices")
}

/// A run and what the model says of it.
pub(crate) struct Case {
    pub(crate) class: Class,
    pub(crate) seed: u64,
    pub(crate) chip: Chip,
    pub(crate) network: QuantNetwork,
    pub(crate) input: Activations,
    pub(crate) schedule: Schedule,
    /// Every tensor, the input first.
    pub(crate) tensors: Vec<Activations>,
    pub(crate) timeline: Timeline,
}

impl Case {
    /// The case of `class` and `seed`: the first draw that can be mapped and is short.
    pub(crate) fn new(class: Class, seed: u64) -> Self {
        let place = Class::ALL.iter().position(|c| *c == class);
        let class_seed = count(place.expect("all classes are listed"));
        let mut rng = ChaCha8Rng::seed_from_u64(class_seed << 32 | seed);
        loop {
            if let Some(case) = draw(&mut rng, class, seed) {
                return case;
            }
        }
    }

    /// What all cases of one compiled RTL share.
    pub(crate) fn shape(&self) -> (Array, [usize; 3]) {
        let mut array = self.chip.array;
        array.pointwise = Pointwise::Naive;
        let sram = &self.chip.activation_sram;
        (array, [sram.bank_rows, sram.bank_cols, sram.bank_channels])
    }

    /// What the RTL is to run.
    pub(crate) fn run(&self) -> Run<'_> {
        Run {
            schedule: &self.schedule,
            chip: &self.chip,
            network: &self.network,
            input: &self.input,
            tensors: &self.tensors,
        }
    }

    pub(crate) fn title(&self) -> String {
        format!("{}:{}", self.class.name(), self.seed)
    }
}

fn draw(rng: &mut ChaCha8Rng, class: Class, seed: u64) -> Option<Case> {
    let (array, banks) = shape(class, seed);
    let network = networks::network(rng, class);
    let mut chip = chip(rng, array, banks, network.numerics.widest_weight());
    if class == Class::Host {
        chip.host = Some(host(rng));
    }
    let settings = settings(rng, class);
    let schedule = map(&network.graph, &network.numerics, &chip, &settings).ok()?;
    let timeline = time::run(&schedule, &chip, Mode::Real);
    if timeline.total.0 > MOST_CYCLES {
        return None;
    }
    let input = networks::input(rng, &network, settings.batch);
    let options = Options {
        keep_tensors: true,
        ..Options::default()
    };
    let run = execute::run(&schedule, &network, &input, &options, &mut |_| {});
    Some(Case {
        class,
        seed,
        tensors: run.expect("a mapped network runs").tensors,
        chip,
        network,
        input,
        schedule,
        timeline,
    })
}

/// Compile-time shapes: lanes, rows, tile, accumulators; banks and words of a bank. Few, because each is compiled.
fn shape(class: Class, seed: u64) -> (Array, [usize; 3]) {
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

fn number(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("not zero")
}

fn chip(rng: &mut ChaCha8Rng, array: Array, banks: [usize; 3], weight_bits: u8) -> Chip {
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
            burst: Bytes(one_of(rng, &[2, 8, 16, 32, 64])),
            in_flight: one_of(rng, &[1, 2, 3, 5, 16]),
        }),
        vector: None,
        host: None,
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    }
}

fn host(rng: &mut ChaCha8Rng) -> Host {
    Host {
        bytes_per_cycle: BytesPerCycle(number(one_of(rng, &[1, 4, 100]))),
        call_cycles: Cycles(one_of(rng, &[0, 0, 1, 30])),
        elements_per_cycle: one_of(rng, &[1, 8, 1000]),
        macs_per_cycle: one_of(rng, &[8, 1000]),
    }
}

fn settings(rng: &mut ChaCha8Rng, class: Class) -> Settings {
    let modes = [
        None,
        Some(WeightMode::Resident),
        Some(WeightMode::Held),
        Some(WeightMode::Streamed),
    ];
    let batch = match class {
        Class::Batch => rng.random_range(1..=3),
        Class::Host => rng.random_range(1..=2),
        Class::Layer
        | Class::Chain
        | Class::Packed
        | Class::Residual
        | Class::Arithmetic
        | Class::Wide => 1,
    };
    Settings {
        batch,
        images: one_of(rng, &[ImageLoop::Outermost, ImageLoop::InsideWeights]),
        halo: one_of(rng, &[Halo::Keep, Halo::Refetch]),
        inplace_add: rng.random_bool(0.5),
        offload: Offload::Host,
        fully_connected: match class {
            Class::Host => one_of(rng, &[FullyConnected::Array, FullyConnected::Host]),
            _ => FullyConnected::Array,
        },
        forced: Forced {
            strip_tiles: one_of(rng, &[None, Some(1), Some(2)]),
            order: None,
            weights: one_of(rng, &modes),
            stay: rng.random_bool(0.6),
        },
    }
}
