//! Random small chips and mappings, each case from its class and seed.

use crate::{chips, networks};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{Array, Chip, Pointwise};
use repchip::execute::{self, Options};
use repchip::map::{Forced, FullyConnected, Halo, ImageLoop, Offload, Settings, map};
use repchip::quantise::QuantNetwork;
use repchip::rtl::Run;
use repchip::schedule::{Schedule, WeightMode};
use repchip::tensor::Activations;
use repchip::time::{self, Mode, Timeline};
use repchip::units::count;

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
    /// `chain:7`; as a folder `chain-7`.
    pub(crate) title: String,
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

    /// Every tensor of `network` on `input`, the input first.
    pub(crate) fn tensors(
        schedule: &Schedule,
        network: &QuantNetwork,
        input: &Activations,
    ) -> Vec<Activations> {
        let options = Options {
            keep_tensors: true,
            ..Options::default()
        };
        let run = execute::run(schedule, network, input, &options, &mut |_| {});
        run.expect("a mapped network runs").tensors
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
}

fn draw(rng: &mut ChaCha8Rng, class: Class, seed: u64) -> Option<Case> {
    let (array, banks) = chips::shape(class, seed);
    let network = networks::network(rng, class);
    let mut chip = chips::chip(rng, array, banks, network.numerics.widest_weight());
    if class == Class::Host {
        chip.host = Some(chips::host(rng));
    }
    let settings = settings(rng, class);
    let schedule = map(&network.graph, &network.numerics, &chip, &settings).ok()?;
    let timeline = time::run(&schedule, &chip, Mode::Real);
    if timeline.total.0 > MOST_CYCLES {
        return None;
    }
    let input = networks::input(rng, &network, settings.batch);
    Some(Case {
        title: format!("{}:{seed}", class.name()),
        tensors: Case::tensors(&schedule, &network, &input),
        chip,
        network,
        input,
        schedule,
        timeline,
    })
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
