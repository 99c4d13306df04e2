//! The mapper as a whole, on a shipped chip.

use super::*;
use crate::network::builtin;
use crate::quantise::Widths;
use crate::reparam::{Branches, fold_graph};
use crate::schedule::check::ScheduleError;
use crate::schedule::{LayerPlan, LoopOrder, OpId, OpKind, Traffic, WeightMode};
use crate::tensor::FeatureMap;
use crate::units::{Bytes, Elements};
use std::path::Path;

fn chip(name: &str) -> Chip {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips");
    Chip::read(&path.join(name).with_extension("toml")).unwrap()
}

fn graph(name: &str, side: usize) -> (LayerGraph, Numerics) {
    let graph = builtin::graph(name, FeatureMap::new(side, side, 3)).unwrap();
    let graph = fold_graph(&graph, Branches::Fuse).unwrap();
    let widths = Widths {
        activation_bits: 8,
        weight_bits: 8,
        output_bits: 8,
    };
    let numerics = Numerics::uniform(&graph, widths);
    (graph, numerics)
}

fn mapped(name: &str, side: usize, chip: &Chip, settings: &Settings) -> Schedule {
    let (graph, numerics) = graph(name, side);
    map(&graph, &numerics, chip, settings).unwrap()
}

fn moved(schedule: &Schedule, wanted: Traffic) -> u64 {
    schedule
        .ops
        .iter()
        .map(|op| match op.kind {
            OpKind::Load { bytes, traffic, .. } | OpKind::Store { bytes, traffic, .. }
                if traffic == wanted =>
            {
                bytes.0
            }
            _ => 0,
        })
        .sum()
}

#[test]
fn a_network_that_fits_moves_nothing_twice() {
    let mut chip = chip("edge-general");
    chip.activation_sram.capacity = Bytes(4 << 20);
    let schedule = mapped("repvgg-a0", 64, &chip, &Settings::default());
    assert_eq!(moved(&schedule, Traffic::Inputs), 64 * 64 * 3);
    assert_eq!(moved(&schedule, Traffic::Outputs), 1000);
    assert_eq!(moved(&schedule, Traffic::Spills), 0);
    let timeline = time::run(&schedule, &chip, Mode::Real);
    let live = liveness::peak_live_elements(&schedule.graph, false);
    assert!(timeline.peak_activation_elements <= live);
}

#[test]
fn a_small_memory_spills_and_a_large_one_does_not() {
    let mut chip = chip("edge-general");
    let spilled = |kib: u64, chip: &mut Chip| {
        chip.activation_sram.capacity = Bytes(kib * 1024);
        let schedule = mapped("resnet-18", 64, chip, &Settings::default());
        moved(&schedule, Traffic::Spills) + moved(&schedule, Traffic::Shortcuts)
    };
    assert!(spilled(64, &mut chip) > 0);
    assert_eq!(spilled(1024, &mut chip), 0);
}

#[test]
fn images_inside_the_weights_fetch_them_once() {
    let mut chip = chip("edge-general");
    chip.activation_sram.capacity = Bytes(64 << 20);
    let weights = |images| {
        let settings = Settings {
            batch: 4,
            images,
            ..Settings::default()
        };
        let schedule = mapped("repvgg-a0", 32, &chip, &settings);
        time::run(&schedule, &chip, Mode::Real)
            .dram()
            .get(Traffic::Weights)
            .read
    };
    let (graph, _) = graph("repvgg-a0", 32);
    let once = weights(ImageLoop::InsideWeights);
    assert!(once.0 < graph.parameters() * 11 / 10);
    assert!(weights(ImageLoop::Outermost).0 > 3 * once.0);
}

#[test]
fn forced_choices_are_taken() {
    let chip = chip("edge-general");
    let settings = Settings {
        forced: Forced {
            strip_tiles: Some(2),
            order: Some(LoopOrder::StripOuter),
            weights: Some(WeightMode::Streamed),
            stay: false,
        },
        ..Settings::default()
    };
    let schedule = mapped("repvgg-a0", 32, &chip, &settings);
    let LayerPlan::Array(plan) = &schedule.layers[0] else {
        panic!("a convolution runs on the array");
    };
    assert_eq!(plan.strips.len(), 8);
    assert_eq!(plan.weights, WeightMode::Streamed);
    assert_eq!(plan.order, LoopOrder::StripOuter);
    assert!(moved(&schedule, Traffic::Spills) > 0);
}

#[test]
fn each_layer_ranks_at_most_64_candidates() {
    let chip = chip("tiny");
    let schedule = mapped("repvgg-a0", 224, &chip, &Settings::default());
    let mut most = 0;
    for plan in &schedule.layers {
        if let LayerPlan::Array(plan) = plan {
            most = most.max(plan.candidates);
        }
    }
    assert!((2..=64).contains(&most), "{most}");
}

#[test]
fn what_has_no_unit_is_named() {
    let mut chip = chip("edge");
    let settings = Settings {
        offload: Offload::Forbid,
        ..Settings::default()
    };
    let (graph, numerics) = graph("resnet-18", 32);
    let error = map(&graph, &numerics, &chip, &settings).unwrap_err();
    assert!(matches!(error, MapError::NoUnit { .. }), "{error}");
    chip.weight_sram.capacity = Bytes(600);
    let error = map(&graph, &numerics, &chip, &Settings::default()).unwrap_err();
    assert!(matches!(error, MapError::Slots { slots: 1, .. }), "{error}");
    chip.weight_sram.capacity = Bytes(6000);
    chip.activation_sram.capacity = Bytes(1024);
    let error = map(&graph, &numerics, &chip, &Settings::default()).unwrap_err();
    let MapError::Sram { needed, .. } = error else {
        panic!("{error}");
    };
    assert!(needed > Bytes(1024));
    let none = Settings {
        batch: 0,
        ..Settings::default()
    };
    let error = map(&graph, &numerics, &chip, &none).unwrap_err();
    assert_eq!(error, MapError::Nothing);
}

#[test]
fn live_elements_on_the_chip_equal_the_table() {
    // All of resnet-18 stays but the network's input: its peak is the stem beside the pooled map.
    let mut chip = chip("edge-general");
    chip.activation_sram.capacity = Bytes(8 << 20);
    let schedule = mapped("resnet-18", 224, &chip, &Settings::default());
    let timeline = time::run(&schedule, &chip, Mode::Real);
    assert_eq!(timeline.peak_activation_elements, Elements(1_003_520));
}

/// A network in a memory so small that it is cut, spilled and streamed.
fn crowded() -> (Chip, Schedule) {
    let mut chip = chip("edge-general");
    chip.activation_sram.capacity = Bytes(48 << 10);
    chip.weight_sram.capacity = Bytes(16 * 576);
    let settings = Settings {
        forced: Forced {
            strip_tiles: Some(4),
            ..Forced::default()
        },
        ..Settings::default()
    };
    let schedule = mapped("resnet-18", 32, &chip, &settings);
    assert_eq!(schedule.check(&chip), Ok(()));
    (chip, schedule)
}

/// What a damaged schedule is refused for.
fn refused(damage: impl Fn(&mut Schedule)) -> ScheduleError {
    let (chip, mut schedule) = crowded();
    damage(&mut schedule);
    schedule.check(&chip).unwrap_err()
}

fn places(schedule: &Schedule, wanted: impl Fn(&OpKind) -> bool) -> Vec<usize> {
    let all = 0..schedule.ops.len();
    all.filter(|op| wanted(&schedule.ops[*op].kind)).collect()
}

fn is_load(kind: &OpKind) -> bool {
    matches!(kind, OpKind::Load { .. })
}

fn is_store(kind: &OpKind) -> bool {
    matches!(kind, OpKind::Store { .. })
}

fn is_work(kind: &OpKind) -> bool {
    matches!(kind, OpKind::Sweep { .. } | OpKind::Vector { .. })
}

#[test]
fn the_check_finds_an_operation_that_does_not_wait() {
    let (chip, schedule) = crowded();
    for wanted in [is_load, is_store, is_work] {
        let mut races = 0;
        for op in places(&schedule, wanted) {
            if schedule.ops[op].after.is_empty() {
                continue;
            }
            let mut damaged = schedule.clone();
            damaged.ops[op].after.clear();
            match damaged.check(&chip) {
                // Something before it waits for the same.
                Ok(()) => {}
                Err(ScheduleError::Race { .. }) => races += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(races > 0);
    }
}

#[test]
fn the_check_finds_rows_that_are_missing() {
    let (chip, schedule) = crowded();
    for op in places(&schedule, is_load).into_iter().step_by(7) {
        let mut damaged = schedule.clone();
        let OpKind::Load { rows, .. } = &mut damaged.ops[op].kind else {
            unreachable!("a Load");
        };
        if rows.len() < 2 {
            continue;
        }
        rows.end -= 1;
        let error = damaged.check(&chip).unwrap_err();
        assert!(matches!(error, ScheduleError::Row { .. }), "{error}");
    }
    let error = refused(|schedule| {
        let last = *places(schedule, is_store).last().unwrap();
        schedule.ops[last].kind = schedule.ops[0].kind.clone();
        schedule.ops[last].layer = schedule.ops[0].layer;
        schedule.ops[last].after.clear();
    });
    assert!(
        matches!(
            error,
            ScheduleError::Output { .. } | ScheduleError::NotInDram { .. }
        ),
        "{error}"
    );
}

#[test]
fn the_check_finds_wrong_places() {
    let error = refused(|schedule| {
        for buffer in &mut schedule.buffers {
            buffer.base.0 = 0;
        }
    });
    assert!(matches!(error, ScheduleError::Overlap { .. }), "{error}");
    let error = refused(|schedule| schedule.buffers[0].words.0 -= 1);
    assert!(matches!(error, ScheduleError::BeyondSram { .. }), "{error}");
    let error = refused(|schedule| schedule.buffers[0].base.0 += 1 << 20);
    assert!(matches!(error, ScheduleError::BeyondSram { .. }), "{error}");
    let error = refused(|schedule| schedule.buffers[0].live.end = schedule.buffers[0].live.start);
    assert!(matches!(error, ScheduleError::NotLive { .. }), "{error}");
    let error = refused(|schedule| schedule.ops[3].after = vec![OpId(3)]);
    assert!(matches!(error, ScheduleError::NotEarlier { .. }), "{error}");
    let error = refused(|schedule| schedule.ops[0].layer = LayerId(1000));
    assert!(matches!(error, ScheduleError::Malformed { .. }), "{error}");
}

#[test]
fn the_check_finds_weights_that_never_come() {
    // The rest of a row group's weights waits for the end of the Sweep that needs them.
    let error = refused(|schedule| {
        let own = |of: usize, fetch: usize| {
            let (this, other) = (&schedule.ops[fetch], &schedule.ops[of]);
            let row_group = |kind: &OpKind| match kind {
                OpKind::Fetch { row_group, .. } | OpKind::Sweep { row_group, .. } => {
                    Some(*row_group)
                }
                _ => None,
            };
            this.layer == other.layer && row_group(&this.kind) == row_group(&other.kind)
        };
        let continues =
            |kind: &OpKind| matches!(kind, OpKind::Fetch { fills, .. } if fills.start > 0);
        // A part that stands right behind the Sweep whose weights it continues.
        let cut = places(schedule, continues).into_iter().find_map(|fetch| {
            let before = (0..fetch).rev().find(|op| own(*op, fetch))?;
            let sweep = matches!(schedule.ops[before].kind, OpKind::Sweep { .. });
            sweep.then_some((fetch, before))
        });
        let (fetch, sweep) = cut.expect("a Fetch is cut");
        schedule.ops[fetch].after = vec![OpId(sweep)];
    });
    assert!(matches!(error, ScheduleError::Deadlock { .. }), "{error}");
    let error = refused(|schedule| {
        let fetch = places(schedule, |kind| matches!(kind, OpKind::Fetch { .. }))[2];
        let OpKind::Fetch { fills, .. } = &mut schedule.ops[fetch].kind else {
            unreachable!("a Fetch");
        };
        fills.end += 1;
    });
    assert!(matches!(error, ScheduleError::Fills { .. }), "{error}");
}

/// The maps that squeeze-and-excitation averages do not fit: their rows come band by band, and the mean is whole
/// behind the last.
#[test]
fn a_mean_of_a_map_larger_than_the_memory_comes_in_bands() {
    let mut chip = chip("large");
    chip.activation_sram.capacity = Bytes(96 << 10);
    let schedule = mapped("efficientnet-b0", 112, &chip, &Settings::default());
    let banded = schedule.graph.ids().filter(|id| {
        let LayerPlan::Vector { strips, .. } = &schedule.layers[id.0] else {
            return false;
        };
        let layer = &schedule.graph.layers[id.0];
        let height = schedule.graph.shape(layer.inputs[0]).height;
        if !layer.op.gathers() {
            return false;
        }
        assert!(strips.iter().all(|strip| strip.out_rows == (0..1)));
        assert_eq!(strips.first().map(|strip| strip.in_rows.start), Some(0));
        assert_eq!(strips.last().map(|strip| strip.in_rows.end), Some(height));
        strips.len() > 1
    });
    assert!(banded.count() > 0);
}
