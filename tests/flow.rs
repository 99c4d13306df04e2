//! From a built-in network to cycles: closed forms, bounds, and accounts that close.

use repchip::chip::{Chip, Pointwise};
use repchip::map::{MapError, Settings, map};
use repchip::network::builtin;
use repchip::quantise::{Numerics, Widths};
use repchip::reparam::{Branches, LayerGraph, LayerOp, fold_graph};
use repchip::schedule::{Schedule, Traffic};
use repchip::tensor::FeatureMap;
use repchip::time::{Mode, Timeline, run};
use std::path::Path;

const WIDTHS: Widths = Widths {
    activation_bits: 8,
    weight_bits: 8,
    output_bits: 16,
};

fn chip(name: &str) -> Chip {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs/chips")
        .join(name);
    Chip::read(&path.with_extension("toml")).expect("a shipped chip is valid")
}

fn graph(name: &str, side: usize) -> LayerGraph {
    let graph = builtin::graph(name, FeatureMap::new(side, side, 3)).expect("a built-in network");
    fold_graph(&graph, Branches::Fuse).expect("a built-in network folds")
}

fn try_schedule(graph: &LayerGraph, chip: &Chip) -> Result<Schedule, MapError> {
    let numerics = Numerics::uniform(graph, WIDTHS);
    map(graph, &numerics, chip, &Settings::default())
}

fn schedule(graph: &LayerGraph, chip: &Chip) -> Schedule {
    try_schedule(graph, chip).expect("the network fits the chip")
}

/// Cycles of the convolutions when memory costs nothing, on 8 rows, 8 lanes and one pixel.
fn ideal_conv_cycles(name: &str, pointwise: Pointwise) -> u64 {
    let mut chip = chip("edge");
    chip.array.pointwise = pointwise;
    assert_eq!(
        (
            chip.array.rows,
            chip.array.pe.lanes,
            chip.array.tile_h,
            chip.array.tile_w
        ),
        (8, 8, 1, 1)
    );
    let graph = graph(name, 224);
    let timeline = run(&schedule(&graph, &chip), &chip, Mode::Ideal);
    timeline
        .layers
        .iter()
        .filter(|time| matches!(graph.layers[time.layer.0].op, LayerOp::Conv { .. }))
        .map(|time| time.account.total().0)
        .sum()
}

#[test]
fn ideal_cycles_equal_the_closed_form() {
    assert_eq!(ideal_conv_cycles("repvgg-a0", Pointwise::Naive), 2_408_448);
    assert_eq!(
        ideal_conv_cycles("resnet-50-v1.5", Pointwise::Naive),
        37_230_592
    );
    assert_eq!(
        ideal_conv_cycles("resnet-50-v1.5", Pointwise::Packed),
        8_178_688
    );
}

fn closes(timeline: &Timeline) {
    let mut now = 0;
    for layer in &timeline.layers {
        assert_eq!(layer.start.0, now);
        assert_eq!(
            layer.account.total(),
            layer.end - layer.start,
            "{:?}",
            layer.layer
        );
        now = layer.end.0;
    }
    assert_eq!(timeline.total.0, now);
    assert_eq!(timeline.account().total(), timeline.total);
}

/// A kind of traffic moves at least its payload over the bus, in every layer: weights fetched again cost again.
fn whole_bursts_carry_the_payload(timeline: &Timeline) {
    for layer in &timeline.layers {
        for kind in Traffic::ALL {
            let moved = layer.dram.get(kind);
            let payload = moved.read + moved.written;
            assert!(
                moved.bus >= payload,
                "{:?} {kind:?}: {moved:?}",
                layer.layer
            );
        }
    }
}

#[test]
fn accounts_close_and_bounds_hold_on_every_shipped_chip() {
    for name in [
        "tiny",
        "edge",
        "edge-general",
        "k210-like",
        "ucla-kneron-like",
        "large",
    ] {
        let chip = chip(name);
        for network in ["repvgg-a0", "resnet-18", "resnet-50-v1"] {
            let graph = graph(network, 224);
            if name == "tiny" && network == "resnet-50-v1" {
                // One tile row of its widest layers does not fit so small a memory.
                let error = try_schedule(&graph, &chip).unwrap_err();
                assert!(matches!(error, MapError::Sram { .. }), "{error}");
                continue;
            }
            let schedule = schedule(&graph, &chip);
            schedule.check(&chip).expect("the schedule can run");
            let timeline = run(&schedule, &chip, Mode::Real);
            closes(&timeline);
            whole_bursts_carry_the_payload(&timeline);
            let ideal = run(&schedule, &chip, Mode::Ideal);
            closes(&ideal);
            assert!(timeline.total >= ideal.total, "{network} on {name}");
            let weights = timeline.dram().get(Traffic::Weights).read.0;
            assert!(weights >= graph.parameters() - graph.layers.len() as u64 * 4096);
            assert!(timeline.dram().get(Traffic::Inputs).read.0 >= 224 * 224 * 3);
            let peak = timeline.peak_activation_bytes;
            assert!(
                peak <= chip.activation_sram.capacity,
                "{network} on {name}: {peak} B"
            );
            println!(
                "{network:14} on {name:16} {:>12} cycles, ideal {:>12}, DRAM {:>12} B, peak {:>9} B",
                timeline.total,
                ideal.total,
                timeline.dram().payload(),
                timeline.peak_activation_bytes,
            );
        }
    }
}
