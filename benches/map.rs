//! Speed of mapping and timing built-in networks at 224x224 on the shipped chips, without parameters.

use divan::{Bencher, black_box};
use repchip::chip::Chip;
use repchip::map::{Settings, map};
use repchip::network::builtin;
use repchip::quantise::{Numerics, Widths};
use repchip::reparam::{Branches, LayerGraph, fold_graph};
use repchip::tensor::FeatureMap;
use repchip::time::{Mode, run};
use std::path::Path;

fn main() {
    divan::main();
}

const CASES: [(&str, &str); 6] = [
    ("repvgg-a0", "edge"),
    ("repvgg-a0", "edge-general"),
    ("repvgg-a0", "large"),
    ("resnet-50-v1.5", "edge"),
    ("resnet-50-v1.5", "edge-general"),
    ("resnet-50-v1.5", "large"),
];

fn case((network, chip): (&str, &str)) -> (LayerGraph, Numerics, Chip) {
    let graph = builtin::graph(network, FeatureMap::new(224, 224, 3)).expect("a built-in network");
    let graph = fold_graph(&graph, Branches::Fuse).expect("it folds");
    let widths = Widths {
        activation_bits: 8,
        weight_bits: 8,
        output_bits: 8,
    };
    let numerics = Numerics::uniform(&graph, widths);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs/chips")
        .join(chip)
        .with_extension("toml");
    (graph, numerics, Chip::read(&path).expect("a shipped chip"))
}

/// Mapping alone.
#[divan::bench(args = CASES)]
fn maps(bencher: Bencher, name: (&str, &str)) {
    let (graph, numerics, chip) = case(name);
    let settings = Settings::default();
    bencher.bench(|| map(black_box(&graph), &numerics, &chip, &settings).expect("it fits"));
}

/// Timing alone.
#[divan::bench(args = CASES)]
fn times(bencher: Bencher, name: (&str, &str)) {
    let (graph, numerics, chip) = case(name);
    let schedule = map(&graph, &numerics, &chip, &Settings::default()).expect("it fits");
    bencher.bench(|| run(black_box(&schedule), &chip, Mode::Real));
}
