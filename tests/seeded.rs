//! Seeded networks at full size: every layer keeps its spread after quantisation, executed to the bit.

use repchip::chip::Chip;
use repchip::execute::{self, Options};
use repchip::float;
use repchip::map::{Settings, map};
use repchip::network::{Network, builtin};
use repchip::quantise::{self, quality};
use repchip::reparam::{Branches, fold};
use repchip::tensor::FeatureMap;
use std::path::Path;

fn keeps_its_spread(name: &str) {
    let shape = FeatureMap::new(224, 224, 3);
    let graph = builtin::graph(name, shape).expect("a built-in network");
    let params = float::seeded(&graph, 1);
    let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
    let image = float::seeded_image(shape, 1);
    let settings = quantise::Settings::int8();
    let network = quantise::quantise(&folded, &image, &settings).expect("it quantises");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge.toml");
    let chip = Chip::read(&path).expect("a shipped chip is valid");
    let schedule = map(
        &network.graph,
        &network.numerics,
        &chip,
        &Settings::default(),
    )
    .expect("the network fits the chip");
    let input = network.tensors[0].quantise_map(&image);
    let options = Options {
        keep_tensors: true,
        ..Options::default()
    };
    let run = execute::run(&schedule, &network, &input, &options, &mut |_| {}).expect("it runs");
    let rows = quality::quality(&folded, &network, &image, &run.tensors).expect("same shapes");
    for row in rows {
        assert!(
            row.clip_rate < 0.05,
            "{name} {}: {} clipped",
            row.name,
            row.clip_rate
        );
        assert!(
            row.distinct > 20,
            "{name} {}: {} values",
            row.name,
            row.distinct
        );
    }
}

#[test]
fn repvgg_a0_keeps_its_spread() {
    keeps_its_spread("repvgg-a0");
}

#[test]
fn resnet_18_keeps_its_spread() {
    keeps_its_spread("resnet-18");
}

#[test]
fn repvgg_a2_keeps_its_spread() {
    keeps_its_spread("repvgg-a2");
}

#[test]
fn resnet_50_keeps_its_spread() {
    keeps_its_spread("resnet-50-v1");
}
