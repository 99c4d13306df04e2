//! Two witnesses of one case, plain loops and the execution over a schedule, agree to the bit.

use crate::legal_cuts::{self, Case, case, cut};
use proptest::prelude::*;
use repchip::execute::{ExecuteError, Kernel, Options, Path, Run, naive, run};
use repchip::quantise::QuantLayer;
use repchip::reparam::LayerId;
use repchip::schedule::{Op, OpKind};

fn all(case: &Case, kernel: Kernel) -> Options {
    let layers = case.network.layers.iter().enumerate();
    Options {
        keep_tensors: true,
        accumulators: layers
            .filter(|(_, layer)| matches!(layer, QuantLayer::Conv(_)))
            .map(|(index, _)| LayerId(index))
            .collect(),
        kernel,
    }
}

fn scheduled(case: &Case, kernel: Kernel) -> Result<Run, ExecuteError> {
    run(
        &case.schedule,
        &case.network,
        &case.input,
        &all(case, kernel),
        &mut |_| {},
    )
}

/// The layer that trapped.
fn trapped(error: &ExecuteError) -> Option<&str> {
    match error {
        ExecuteError::Trap { layer, .. } => Some(layer),
        _ => None,
    }
}

fn agree(seed: u64) -> Result<(), TestCaseError> {
    let case = case(seed);
    let plain = naive::run(&case.network, &case.array, &case.input);
    for kernel in [Kernel::FastWhereProven, Kernel::StepOrder] {
        let run = scheduled(&case, kernel);
        let (tensors, run) = match (&plain, run) {
            (Ok(tensors), Ok(run)) => (tensors, run),
            (Err(a), Err(b)) => {
                prop_assert!(trapped(a).is_some(), "{}", a);
                prop_assert_eq!(trapped(a), trapped(&b));
                continue;
            }
            (Ok(_), Err(error)) => return Err(TestCaseError::fail(error.to_string())),
            (Err(error), Ok(_)) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(&run.tensors, tensors);
        prop_assert_eq!(Some(&run.output), tensors.last());
        for (&layer, accumulators) in &run.accumulators {
            let want = naive::accumulators(&case.network, &case.array, layer, tensors);
            prop_assert_eq!(Ok(accumulators.clone()), want);
        }
        for conv in run.layers.iter().flatten() {
            prop_assert!(kernel == Kernel::FastWhereProven || conv.path == Path::StepOrder);
            prop_assert!(!conv.proven || kernel == Kernel::StepOrder || conv.path == Path::Fast);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_legal_cut_gives_the_integers_of_plain_loops(seed in any::<u64>()) {
        agree(seed)?;
    }

    /// Any other legal cut of the same network on the same array gives the same integers.
    #[test]
    fn another_cut_gives_the_same_output(seed in any::<u64>(), other in any::<u64>()) {
        let mut case = case(seed);
        let first = scheduled(&case, Kernel::FastWhereProven);
        let batch = case.input.dim().0;
        case.schedule = cut::schedule(&mut legal_cuts::seeded(other), &case.network, case.array, batch);
        match (first, scheduled(&case, Kernel::FastWhereProven)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, b),
            (Err(a), Err(b)) => prop_assert_eq!(trapped(&a), trapped(&b)),
            (a, b) => prop_assert!(false, "{:?} and {:?}", a.err(), b.err()),
        }
    }

    /// A schedule without one of its Loads stops, or the rows were still there and the integers are the same.
    #[test]
    fn a_missing_load_is_seen_or_harmless(seed in any::<u64>(), pick in any::<prop::sample::Index>()) {
        let mut case = case(seed);
        let ops = case.schedule.ops.iter().enumerate();
        let is_load = |kind: &OpKind| matches!(kind, OpKind::Load { .. });
        let loads: Vec<usize> = ops.filter(|(_, op)| is_load(&op.kind)).map(|(i, _)| i).collect();
        prop_assume!(!loads.is_empty());
        let Ok(whole) = scheduled(&case, Kernel::FastWhereProven) else { return Ok(()) };
        // In its place stands an operation that moves nothing.
        let gone = loads[pick.index(loads.len())];
        case.schedule.ops[gone].kind = OpKind::Fetch { row_group: 0, fills: 0..0 };
        match scheduled(&case, Kernel::FastWhereProven) {
            Ok(run) => prop_assert_eq!(run, whole),
            Err(ExecuteError::StaleRow { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// A mean that is gathered without one of its bands of rows stops.
    #[test]
    fn a_missing_band_of_a_mean_is_seen(seed in any::<u64>(), pick in any::<prop::sample::Index>()) {
        let mut case = case(seed);
        let layers = &case.network.graph.layers;
        let ops = case.schedule.ops.iter().enumerate();
        let is_band = |op: &Op| matches!(op.kind, OpKind::Vector { .. }) && layers[op.layer.0].op.gathers();
        let bands: Vec<usize> = ops.filter(|(_, op)| is_band(op)).map(|(i, _)| i).collect();
        prop_assume!(!bands.is_empty());
        let Ok(whole) = scheduled(&case, Kernel::FastWhereProven) else { return Ok(()) };
        let gone = bands[pick.index(bands.len())];
        let of = case.schedule.ops[gone].layer;
        case.schedule.ops[gone].kind = OpKind::Fetch { row_group: 0, fills: 0..0 };
        match scheduled(&case, Kernel::FastWhereProven) {
            // Nothing reads the mean but later images' rows of the same layer, or the output is never stored.
            Ok(run) => prop_assert!(run != whole || case.network.graph.readers(of.output()).is_empty()),
            Err(ExecuteError::Operation { .. } | ExecuteError::StaleRow { .. } | ExecuteError::NotInDram { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    /// A ring cut short by one row stops, or had a row to spare and the integers are the same.
    #[test]
    fn a_short_ring_is_seen_or_harmless(seed in any::<u64>(), pick in any::<prop::sample::Index>()) {
        let mut case = case(seed);
        let Ok(whole) = scheduled(&case, Kernel::FastWhereProven) else { return Ok(()) };
        let rings: Vec<usize> = (0..case.schedule.buffers.len())
            .filter(|&b| case.schedule.buffers[b].rows > 1)
            .collect();
        prop_assume!(!rings.is_empty());
        case.schedule.buffers[rings[pick.index(rings.len())]].rows -= 1;
        match scheduled(&case, Kernel::FastWhereProven) {
            Ok(run) => prop_assert_eq!(run, whole),
            Err(ExecuteError::StaleRow { .. }) => {}
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let (one, three) = (pool(1).expect("threads"), pool(3).expect("threads"));
    for seed in 0..60 {
        let case = case(seed);
        for kernel in [Kernel::FastWhereProven, Kernel::StepOrder] {
            let alone = one.install(|| scheduled(&case, kernel));
            assert_eq!(
                alone,
                three.install(|| scheduled(&case, kernel)),
                "seed {seed}"
            );
        }
    }
}

/// The generator reaches every operator, path and kind of overflow.
#[test]
fn the_cases_cover_what_they_should() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..300 {
        let case = case(seed);
        match scheduled(&case, Kernel::FastWhereProven) {
            Ok(run) => {
                for conv in run.layers.iter().flatten() {
                    seen.insert(format!("{:?} proven {}", conv.path, conv.proven));
                }
                seen.insert(format!("{:?}", case.array.pe.accumulator.overflow));
            }
            Err(error) => {
                assert!(trapped(&error).is_some(), "seed {seed}: {error}");
                seen.insert("trapped".to_owned());
            }
        }
        let bases = case.schedule.buffers.iter().map(|buffer| buffer.base);
        if bases
            .clone()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
            < bases.len()
        {
            seen.insert("shared storage".to_owned());
        }
        let word = |text: String| text.split([' ', '(']).next().unwrap().to_owned();
        let ops = case.schedule.ops.iter().map(|op| format!("{:?}", op.kind));
        let layers = case.network.graph.layers.iter();
        let operators = layers.map(|layer| format!("{:?}", layer.op));
        seen.extend(ops.chain(operators).map(word));
    }
    let want = [
        "AdaptiveAvgPool",
        "Add",
        "AvgPool",
        "Concat",
        "Conv",
        "Fast proven false",
        "Fast proven true",
        "Fetch",
        "FullyConnected",
        "GlobalAvgPool",
        "Host",
        "Load",
        "Lookup",
        "MaxPool",
        "Multiply",
        "Resize",
        "Saturate",
        "StepOrder proven false",
        "Store",
        "Sweep",
        "Trap",
        "Vector",
        "Wrap",
        "shared storage",
        "trapped",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), want);
}
