//! The keys of the shipped chips, turned one at a time.

use repchip::chip::Chip;
use repchip::execute::{self, Options};
use repchip::float;
use repchip::map::{FullyConnected, Settings, map};
use repchip::network::{Corners, Function, GraphBuilder, Network, Resize, builtin};
use repchip::problem::OverrideFlag;
use repchip::quantise::{self, Numerics, QuantNetwork, Widths, quantise};
use repchip::reparam::{Branches, LayerGraph, fold, fold_graph};
use repchip::report::ChipFacts;
use repchip::tensor::FeatureMap;
use repchip::time::{self, Mode};
use repchip::units::Bytes;
use std::path::Path;

/// How one key is turned.
struct Knob {
    key: &'static str,
    value: &'static str,
    /// Set before and after the turn: what makes the key felt.
    beside: &'static [&'static str],
}

const fn knob(key: &'static str, value: &'static str) -> Knob {
    felt(key, value, &[])
}

const fn felt(key: &'static str, value: &'static str, beside: &'static [&'static str]) -> Knob {
    Knob { key, value, beside }
}

/// Keys of one choice: any other is refused, so there is nothing to turn yet.
const ONE_CHOICE: [&str; 2] = ["pe.kind", "dram.kind"];

/// Keys that name a chip and move no figure.
const WORDS: [&str; 2] = ["name", "description"];

const KNOBS: &[Knob] = &[
    knob("clock.frequency_mhz", "800"),
    knob("pe.lanes", "4"),
    knob("pe.accumulators", "8"),
    knob("pe.accumulator_bits", "16"),
    felt("pe.overflow", "saturate", &["pe.accumulator_bits=16"]),
    knob("array.rows", "4"),
    knob("array.tile_h", "2"),
    knob("array.tile_w", "2"),
    felt("array.pointwise", "packed", &["array.pointwise=naive"]),
    knob("array.pipeline_cycles", "60"),
    knob("array.layer_start_cycles", "640"),
    knob("requantise.units", "1"),
    // A row group of two words a patch.
    felt("requantise.write_words_per_cycle", "2", &["pe.lanes=4"]),
    knob("activation_sram.kib", "32"),
    knob("activation_sram.bank_rows", "1"),
    knob("activation_sram.bank_cols", "2"),
    knob("activation_sram.bank_channels", "3"),
    knob("activation_sram.reuse", "none"),
    knob("weight_sram.kib", "8"),
    knob("weight_sram.port_bytes", "8"),
    knob("dram.gigabytes_per_second", "1.6"),
    knob("dram.latency_cycles", "1000"),
    knob("dram.burst_bytes", "256"),
    knob("dram.in_flight", "1"),
    knob("host.bytes_per_cycle", "1"),
    knob("host.call_cycles", "1"),
    felt("host.elements_per_cycle", "1", &["host.bytes_per_cycle=64"]),
    knob("host.macs_per_cycle", "1"),
    knob("vector.lanes", "1"),
    knob("vector.start_cycles", "1000"),
    knob("vector.add_cycles", "30"),
    knob("vector.max_pool_cycles", "10"),
    knob("vector.avg_pool_cycles", "10"),
    knob("vector.table_cycles", "10"),
    knob("vector.multiply_cycles", "30"),
    knob("vector.copy_cycles", "10"),
    knob("vector.resize_cycles", "40"),
    // A table that the chip lacks.
    knob(
        "vector",
        "{ lanes = 8, start_cycles = 16, add_cycles = 3, max_pool_cycles = 1, avg_pool_cycles = 1 }",
    ),
    felt("host", HOST, &[]),
];

const HOST: &str =
    "{ bytes_per_cycle = 8, call_cycles = 1, elements_per_cycle = 4, macs_per_cycle = 8 }";

/// Networks, built once.
struct Bench {
    timed: LayerGraph,
    numerics: Numerics,
    gated: LayerGraph,
    gated_numerics: Numerics,
    integers: QuantNetwork,
    image: ndarray::Array4<f32>,
}

/// A network with a function, a product, an interpolation and a concatenation.
fn gated() -> LayerGraph {
    let mut b = GraphBuilder::new("gated", FeatureMap::new(16, 16, 8)).expect("a valid image");
    let x = GraphBuilder::INPUT;
    let scale = b.global_avg_pool("mean", x).expect("it fits");
    let scale = b
        .lookup("sigmoid", scale, Function::Sigmoid)
        .expect("it fits");
    let x = b.multiply("scale", x, scale).expect("it fits");
    let resize = Resize {
        height: 32,
        width: 32,
        corners: Corners::Aligned,
    };
    let x = b.resize("resize", x, resize).expect("it fits");
    let swish = b.lookup("swish", x, Function::Silu).expect("it fits");
    b.concat("concat", &[x, swish]).expect("it fits");
    let graph = b.finish().expect("a valid graph");
    fold_graph(&graph, Branches::Fuse).expect("it folds")
}

impl Bench {
    fn new() -> Self {
        let graph = builtin::graph("resnet-18", FeatureMap::new(64, 64, 3)).expect("built in");
        let timed = fold_graph(&graph, Branches::Fuse).expect("it folds");
        let widths = Widths {
            activation_bits: 8,
            weight_bits: 8,
            output_bits: 8,
        };
        let numerics = Numerics::uniform(&timed, widths);
        let gated = gated();
        let gated_numerics = Numerics::uniform(&gated, widths);
        let input = FeatureMap::new(28, 28, 1);
        let graph = builtin::graph("repvgg-mini", input).expect("built in");
        let params = float::seeded(&graph, 1);
        let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
        let image = float::seeded_image(input, 1);
        let integers = quantise(&folded, &image, &quantise::Settings::int8()).expect("integers");
        Self {
            timed,
            numerics,
            gated,
            gated_numerics,
            integers,
            image,
        }
    }

    /// All figures that a report shows of a chip: account, traffic, occupancy, seconds, roofs, integers.
    fn outcome(&self, chip: &Chip) -> String {
        let facts = ChipFacts::of(chip, Bytes(1));
        let settings = Settings::default();
        let schedule = map(&self.timed, &self.numerics, chip, &settings).expect("it fits");
        let timeline = time::run(&schedule, chip, Mode::Real);
        let gated = map(&self.gated, &self.gated_numerics, chip, &settings).expect("it fits");
        let gated = time::run(&gated, chip, Mode::Real).total;
        let integers = &self.integers;
        let settings = Settings {
            fully_connected: match chip.host {
                Some(_) => FullyConnected::Host,
                None => FullyConnected::Array,
            },
            ..settings
        };
        let mini = map(&integers.graph, &integers.numerics, chip, &settings).expect("it fits");
        let small = time::run(&mini, chip, Mode::Real).total;
        let input = integers.tensors[0].quantise_map(&self.image);
        let run = execute::run(&mini, integers, &input, &Options::default(), &mut |_| {});
        let logits = run.map(|run| run.output).map_err(|trap| trap.to_string());
        let moved = (
            timeline.account(),
            timeline.dram(),
            timeline.peak_activation_bytes,
        );
        let roofs = (facts.roofs, facts.activation_capacity, facts.clock);
        format!(
            "{:?} {small:?} {gated:?} {moved:?} {roofs:?} {logits:?}",
            timeline.total
        )
    }
}

fn read(name: &str, flags: &[String]) -> Result<Chip, repchip::problem::Problems> {
    let path = Path::new("configs/chips").join(name).with_extension("toml");
    let flags: Vec<_> = flags.iter().map(|flag| OverrideFlag::new(flag)).collect();
    Chip::read_with(&path, &flags)
}

fn turned(bench: &Bench, chip: &str, knob: &Knob) -> bool {
    let mut flags: Vec<String> = knob.beside.iter().map(ToString::to_string).collect();
    let before = read(chip, &flags).expect("a valid chip");
    flags.push(format!("{}={}", knob.key, knob.value));
    let after = read(chip, &flags).unwrap_or_else(|problems| panic!("{}: {problems}", knob.key));
    bench.outcome(&before) != bench.outcome(&after)
}

#[test]
fn every_key_of_the_default_chips_moves_a_figure() {
    let bench = Bench::new();
    let mut dead = Vec::new();
    for name in ["edge", "edge-general"] {
        let chip = read(name, &[]).expect("it is shipped");
        for setting in chip.effective() {
            let key = setting.key.as_str();
            if WORDS.contains(&key) {
                let other = read(name, &[format!("{key}=\"other words\"")]).expect("a valid chip");
                assert_ne!(chip.effective(), other.effective(), "{key}");
            } else if ONE_CHOICE.contains(&key) {
                let refused = read(name, &[format!("{key}=other")]).expect_err("one choice");
                assert_eq!(refused.0[0].code, "config::unknown_choice");
                assert_eq!(
                    refused.0[0].help.matches('"').count(),
                    2,
                    "{key} has choices"
                );
            } else {
                let knob = KNOBS.iter().find(|knob| knob.key == key);
                let knob = knob.unwrap_or_else(|| panic!("{name}: no knob turns `{key}`"));
                if !turned(&bench, name, knob) {
                    dead.push(format!("{name}: {key}"));
                }
            }
        }
    }
    assert!(dead.is_empty(), "these keys move nothing: {dead:?}");
}
