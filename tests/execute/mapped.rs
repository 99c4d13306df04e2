//! The mapper's schedules: they pass the check, give the integers of plain loops, and close their accounts.

use crate::legal_cuts::{accumulator, array, network, one_of, seeded};
use proptest::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Host, RequantiserBank, Reuse, VectorUnit,
    WeightSram,
};
use repchip::execute::{ExecuteError, Options, naive, run};
use repchip::map::{Forced, FullyConnected, Halo, ImageLoop, MapError, Offload, Settings, map};
use repchip::quantise::QuantNetwork;
use repchip::reparam::{LayerId, TensorId};
use repchip::schedule::weights::layer_bytes;
use repchip::schedule::{LayerPlan, LoopOrder, OpKind, Schedule, Traffic, WeightMode};
use repchip::time::{self, Mode};
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz};
use std::collections::BTreeSet;
use std::num::NonZeroU64;

fn number(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("not zero")
}

/// A small chip around `array`, with or without a vector unit.
fn chip(rng: &mut ChaCha8Rng, array: Array) -> Chip {
    let slot = 9 * array.rows * array.pe.lanes * 2;
    let slots: usize = one_of(rng, &[2, 3, 5, 16, 200]);
    let (bank_rows, bank_cols) = (rng.random_range(1..=4), rng.random_range(1..=3));
    let unit = bank_rows * bank_cols * array.pe.lanes;
    let units: usize = one_of(rng, &[8, 30, 100, 300, 1000, 10_000]);
    let bytes = |n: usize| Bytes(u64::try_from(n).expect("small"));
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
            units: rng.random_range(1..=4),
            write_words_per_cycle: rng.random_range(1..=2),
        },
        activation_sram: ActivationSram {
            capacity: bytes(unit * units),
            bank_rows,
            bank_cols,
            bank_channels: rng.random_range(1..=3),
            reuse: one_of(rng, &[Reuse::Window, Reuse::None]),
        },
        weight_sram: WeightSram {
            capacity: bytes(slot * slots),
            port: BytesPerCycle(number(one_of(rng, &[1, 16, 64]))),
        },
        dram: Dram::Flat(FlatDram {
            bandwidth: Bandwidth {
                numerator: number(rng.random_range(1..=8)),
                denominator: number(rng.random_range(1..=2)),
            },
            latency: Cycles(rng.random_range(0..=40)),
            burst: Bytes(one_of(rng, &[16, 64])),
            in_flight: rng.random_range(1..=4),
        }),
        vector: rng.random_bool(0.6).then(|| VectorUnit {
            lanes: rng.random_range(1..=4),
            start_cycles: Cycles(3),
            add_cycles: 1,
            max_pool_cycles: 1,
            avg_pool_cycles: 1,
            table_cycles: 1,
            multiply_cycles: 2,
            copy_cycles: 1,
            resize_cycles: 4,
        }),
        host: Some(Host {
            bytes_per_cycle: BytesPerCycle(number(4)),
            call_cycles: Cycles(50),
            elements_per_cycle: 2,
            macs_per_cycle: 2,
        }),
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    }
}

fn settings(rng: &mut ChaCha8Rng) -> Settings {
    let forced = Forced {
        strip_tiles: one_of(rng, &[None, None, Some(1), Some(2)]),
        order: one_of(
            rng,
            &[
                None,
                None,
                Some(LoopOrder::StripOuter),
                Some(LoopOrder::RowGroupOuter),
            ],
        ),
        weights: one_of(rng, &[None, None, Some(WeightMode::Streamed)]),
        stay: rng.random_bool(0.7),
    };
    Settings {
        batch: rng.random_range(1..=3),
        images: one_of(rng, &[ImageLoop::Outermost, ImageLoop::InsideWeights]),
        halo: one_of(rng, &[Halo::Keep, Halo::Refetch]),
        inplace_add: rng.random_bool(0.5),
        offload: Offload::Host,
        fully_connected: one_of(rng, &[FullyConnected::Array, FullyConnected::Host]),
        forced,
    }
}

struct Mapped {
    network: QuantNetwork,
    chip: Chip,
    settings: Settings,
    schedule: Result<Schedule, MapError>,
}

fn mapped(rng: &mut ChaCha8Rng) -> Mapped {
    let accumulator = accumulator(rng);
    let array = array(rng, accumulator);
    let network = network::network(rng);
    let chip = chip(rng, array);
    let settings = settings(rng);
    let schedule = map(&network.graph, &network.numerics, &chip, &settings);
    Mapped {
        network,
        chip,
        settings,
        schedule,
    }
}

/// A dead end is one, and the memory it asks for is enough.
fn dead_end(case: &Mapped, error: &MapError) -> Result<(), TestCaseError> {
    let MapError::Sram {
        needed, available, ..
    } = error
    else {
        return Err(TestCaseError::fail(error.to_string()));
    };
    prop_assert!(needed > available);
    let mut chip = case.chip.clone();
    chip.activation_sram.capacity = *needed;
    let again = map(
        &case.network.graph,
        &case.network.numerics,
        &chip,
        &case.settings,
    );
    if let Err(MapError::Sram { needed: more, .. }) = &again {
        prop_assert!(more > needed);
    } else {
        prop_assert!(again.is_ok());
    }
    Ok(())
}

/// Bytes that any run of the schedule moves: input, weights, and the output if the chip makes it.
fn compulsory(schedule: &Schedule) -> Bytes {
    let size = |tensor: TensorId| {
        let elements = schedule.graph.shape(tensor).elements().0;
        let batch = u64::try_from(schedule.batch).expect("small");
        Bytes(batch * elements * schedule.numerics.activations[tensor.0].bytes().0)
    };
    let mut bytes = Bytes::ZERO;
    for (index, plan) in schedule.layers.iter().enumerate() {
        if let LayerPlan::Array(plan) = plan {
            let weight = Bytes(u64::from(schedule.numerics.weight_bits[index].div_ceil(8)));
            bytes += layer_bytes(&plan.work, weight);
        }
    }
    if !matches!(schedule.layers.last(), Some(LayerPlan::Host)) {
        bytes += size(schedule.graph.output());
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_mapped_network_runs(seed in any::<u64>()) {
        let mut rng = seeded(seed);
        let case = mapped(&mut rng);
        let schedule = match &case.schedule {
            Ok(schedule) => schedule,
            Err(error) => return dead_end(&case, error),
        };
        prop_assert_eq!(schedule.check(&case.chip), Ok(()));
        let again = map(&case.network.graph, &case.network.numerics, &case.chip, &case.settings);
        prop_assert_eq!(Ok(schedule), again.as_ref());

        let timeline = time::run(schedule, &case.chip, Mode::Real);
        prop_assert_eq!(timeline.account().total(), timeline.total);
        let ideal = time::run(schedule, &case.chip, Mode::Ideal);
        prop_assert!(timeline.total >= ideal.total);
        prop_assert!(timeline.dram().payload() >= compulsory(schedule));
        prop_assert!(timeline.peak_activation_bytes <= case.chip.activation_sram.capacity);

        let input = network::input(&mut rng, &case.network, schedule.batch);
        let options = Options { keep_tensors: true, ..Options::default() };
        let run = run(schedule, &case.network, &input, &options, &mut |_| {});
        let plain = naive::run(&case.network, &case.chip.array, &input);
        match (run, plain) {
            (Ok(run), Ok(plain)) => prop_assert_eq!(run.tensors, plain),
            (Err(ExecuteError::Trap { .. }), Err(ExecuteError::Trap { .. })) => {}
            (run, plain) => {
                prop_assert!(false, "{:?} and {:?}", run.err(), plain.err());
            }
        }
    }
}

/// The generator reaches what the laws are about.
#[test]
fn the_cases_cover_what_they_should() {
    let mut seen = BTreeSet::new();
    for seed in 0..400 {
        let case = mapped(&mut seeded(seed));
        let Ok(schedule) = &case.schedule else {
            seen.insert("dead end".to_owned());
            continue;
        };
        for (index, plan) in schedule.layers.iter().enumerate() {
            if let LayerPlan::Array(plan) = plan {
                let strips = if plan.strips.len() > 1 {
                    "strips"
                } else {
                    "one"
                };
                seen.insert(format!("{:?} {:?} {strips}", plan.order, plan.weights));
            }
            let output = LayerId(index).output();
            if schedule
                .buffers
                .iter()
                .all(|buffer| buffer.tensor != output)
            {
                seen.insert("never in SRAM".to_owned());
            }
        }
        for op in &schedule.ops {
            match &op.kind {
                OpKind::Load { traffic, .. } | OpKind::Store { traffic, .. } => {
                    seen.insert(format!("{traffic:?}"));
                }
                OpKind::Fetch { .. }
                | OpKind::Sweep { .. }
                | OpKind::Vector { .. }
                | OpKind::Host { .. } => {}
            }
        }
    }
    let traffics = Traffic::ALL.into_iter().filter(|t| *t != Traffic::Weights);
    for want in traffics.map(|traffic| format!("{traffic:?}")) {
        assert!(seen.contains(&want), "{want} in {seen:?}");
    }
    for want in [
        "dead end",
        "never in SRAM",
        "StripOuter Resident strips",
        "StripOuter Held strips",
        "StripOuter Streamed strips",
        "RowGroupOuter Resident strips",
        "RowGroupOuter Streamed strips",
    ] {
        assert!(seen.contains(want), "{want} in {seen:?}");
    }
}
