//! The trained test networks as integers, by plain loops, against their float selves.

use ndarray::{Array4, s};
use repchip::chip::{Array, Chip, Pe, PeKind, Pointwise};
use repchip::execute::{self, Options, Plain, naive};
use repchip::fixed::{Accumulator, Overflow, Rounding, Rule};
use repchip::float::{forward, normalise, seeded, seeded_image, top1};
use repchip::map::map;
use repchip::network::{Network, builtin, checkpoint};
use repchip::quantise::quality::quality;
use repchip::quantise::{
    BiasCorrection, Calibration, Granularity, LayerWidths, Pattern, QuantLayer, QuantNetwork,
    QuantiseError, ResidualForm, Settings, freeze, proof, quantise,
};
use repchip::reparam::LayerId;
use repchip::reparam::{Branches, FoldedNetwork, LayerParams, fold};
use repchip::tensor::{Activations, FeatureMap};
use std::path::{Path, PathBuf};

const SETTINGS: Settings = Settings::int8();

fn model(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(file)
}

fn images(file: &str, count: usize) -> Array4<f32> {
    let images: Array4<u8> = ndarray_npy::read_npy(model(file)).expect("it reads");
    let images = images.slice(s![..count, .., .., ..]).to_owned();
    normalise(&images, &[0.2860], &[0.3530])
}

fn folded(name: &str) -> FoldedNetwork {
    let input = builtin::default_input(name).expect("built in");
    let graph = builtin::graph(name, input).expect("built in");
    let file = model(&format!("{name}.safetensors"));
    let params = checkpoint::read(&graph, &file).expect("it fits");
    fold(&Network { graph, params }, Branches::Fuse).expect("it folds")
}

/// Every tensor of `network` on the images, by plain loops.
fn tensors(network: &QuantNetwork, images: &Array4<f32>) -> Vec<Activations> {
    let array = Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes: 128,
            accumulators: 1,
            accumulator: Accumulator {
                bits: 48,
                overflow: Overflow::Trap,
            },
        },
        rows: 128,
        tile_h: 4,
        tile_w: 4,
        pointwise: Pointwise::Naive,
    };
    let input = network.tensors[0].quantise_map(images);
    naive::run(network, &array, &input).expect("nothing traps")
}

#[test]
fn the_integers_by_themselves_are_those_of_the_plain_loops() {
    let test = images("fashion-mnist-test-images.npy", 2);
    let calibration = images("fashion-mnist-calibration-images.npy", 4);
    let wide = |name: &str, activation_bits, weight_bits| LayerWidths {
        layers: Pattern::new(name),
        activation_bits,
        weight_bits,
    };
    for (name, residual) in [
        ("repvgg-mini", ResidualForm::Separate),
        ("resnet-mini", ResidualForm::Separate),
        ("resnet-mini", ResidualForm::Accumulate),
    ] {
        let settings = Settings {
            residual,
            layers: vec![
                wide("first", Some(16), Some(16)),
                wide("*.0.*", Some(12), Some(5)),
                wide("last", None, Some(16)),
            ],
            bias_correction: BiasCorrection::Measured,
            ..SETTINGS
        };
        let quantised = quantise(&folded(name), &calibration, &settings).expect("it quantises");
        let wanted = tensors(&quantised, &test);
        let plain = Plain::new(&quantised).expect("it is valid");
        let input = quantised.tensors[0].quantise_map(&test);
        assert_eq!(plain.tensors(&input).expect("it runs"), wanted);
        assert_eq!(Some(&plain.output(&input).expect("it runs")), wanted.last());
    }
}

/// On how many of the first `count` test images the integers choose the class that the floats choose.
fn agreement(network: &FoldedNetwork, settings: &Settings, count: usize) -> usize {
    let calibration = images("fashion-mnist-calibration-images.npy", 32);
    let quantised = quantise(network, &calibration, settings).expect("it quantises");
    let images = images("fashion-mnist-test-images.npy", count);
    let floats = top1(&forward(network, &images, &mut |_, _| {}));
    let tensors = tensors(&quantised, &images);
    let found = top1(tensors.last().expect("there is an output"));
    floats.iter().zip(&found).filter(|(a, b)| a == b).count()
}

#[test]
fn eight_bits_choose_the_classes_of_the_floats() {
    let agreed = agreement(&folded("repvgg-mini"), &SETTINGS, 8);
    assert_eq!(agreed, 8);
}

#[test]
fn powers_of_two_choose_most_of_them_too() {
    let settings = Settings {
        rule: Rule::Shift(Rounding::HalfUp),
        calibration: Calibration::Percentile(99.99),
        ..SETTINGS
    };
    let agreed = agreement(&folded("repvgg-mini"), &settings, 3);
    assert_eq!(agreed, 3);
}

#[test]
fn a_residual_network_keeps_its_classes_in_both_forms() {
    let network = folded("resnet-mini");
    for residual in [ResidualForm::Separate, ResidualForm::Accumulate] {
        let settings = Settings {
            residual,
            ..SETTINGS
        };
        let agreed = agreement(&network, &settings, 3);
        assert_eq!(agreed, 3, "{residual:?}");
    }
}

#[test]
fn the_shortcut_is_exact_in_accumulator_steps() {
    let calibration = images("fashion-mnist-calibration-images.npy", 4);
    let settings = Settings {
        residual: ResidualForm::Accumulate,
        ..SETTINGS
    };
    let network = folded("resnet-mini");
    let quantised = quantise(&network, &calibration, &settings).expect("it quantises");
    let mut shortcuts = 0;
    for layer in &quantised.layers {
        let QuantLayer::Conv(conv) = layer else {
            continue;
        };
        let Some(residual) = &conv.residual else {
            continue;
        };
        shortcuts += 1;
        assert!(residual.k.iter().all(|k| (1..=127).contains(k)));
        assert!(residual.e.iter().all(|e| *e <= 15));
    }
    assert_eq!(shortcuts, 5);
}

#[test]
fn a_shortcut_that_is_finer_than_a_step_is_an_error() {
    let calibration = images("fashion-mnist-calibration-images.npy", 2);
    let settings = Settings {
        residual: ResidualForm::Accumulate,
        ..SETTINGS
    };
    let mut network = folded("resnet-mini");
    let wide = (network.graph.layers.iter())
        .position(|layer| layer.name.starts_with("layer1.0.conv2"))
        .expect("the block's last convolution");
    let LayerParams::Conv { weight, .. } = &mut network.params.layers[wide] else {
        panic!("a convolution has weights")
    };
    weight.mapv_inplace(|weight| weight * 1e6);
    match quantise(&network, &calibration, &settings).map(|_| ()) {
        Err(QuantiseError::Shortcut { layer, q, .. }) => {
            assert!(
                layer.starts_with("layer1.0.conv2") && q < 1.0,
                "{layer} {q}"
            );
        }
        other => panic!("{other:?}"),
    }
}

/// A network from a seed and the seeded image its statistics come from.
fn from_seed(name: &str, side: usize, branches: Branches) -> (FoldedNetwork, Array4<f32>) {
    let graph = builtin::graph(name, FeatureMap::new(side, side, 3)).expect("built in");
    let params = seeded(&graph, 1);
    let image = seeded_image(graph.input(), 1);
    let folded = fold(&Network { graph, params }, branches).expect("it folds");
    (folded, image)
}

#[test]
fn seeded_networks_clip_little_and_use_many_values() {
    for (name, branches, residual) in [
        ("repvgg-a0", Branches::Fuse, ResidualForm::Separate),
        ("resnet-18", Branches::Fuse, ResidualForm::Accumulate),
    ] {
        let (folded, image) = from_seed(name, 32, branches);
        let settings = Settings {
            residual,
            ..SETTINGS
        };
        let quantised = quantise(&folded, &image, &settings).expect("it quantises");
        let tensors = tensors(&quantised, &image);
        let layers = quality(&folded, &quantised, &image, &tensors).expect("the same network");
        assert_eq!(layers.len(), quantised.graph.layers.len());
        // The last maps are one pixel large and hold little but noise: judged is the typical layer.
        let mut alone: Vec<f64> = (layers.iter())
            .map(|layer| layer.sqnr_alone_db.unwrap_or(f64::INFINITY))
            .collect();
        alone.sort_by(f64::total_cmp);
        assert!(alone[alone.len() / 2] > 30.0, "{name} {alone:?}");
        for (place, layer) in layers.iter().enumerate() {
            assert!(layer.clip_rate < 0.05, "{name} {layer:?}");
            assert!(layer.distinct > 20, "{name} {layer:?}");
            if let Some(weights) = layer.weights {
                assert!(weights.clip_rate <= 0.0, "{name} {layer:?}");
                assert!(weights.accumulator_bits <= 32, "{name} {layer:?}");
                let proof = proof(&quantised, LayerId(place)).expect("it has accumulators");
                assert_eq!(proof.bits(), weights.accumulator_bits);
            }
        }
    }
}

#[test]
fn shortcuts_of_seeded_networks_fit_their_accumulators() {
    let shift = Rule::Shift(Rounding::HalfEven);
    let multiplier = Rule::Multiplier(Rounding::HalfUp);
    for (name, branches, rule, granularity, additions) in [
        (
            "resnet-50-v1",
            Branches::Fuse,
            multiplier,
            Granularity::PerChannel,
            16,
        ),
        (
            "resnet-18",
            Branches::Fuse,
            shift,
            Granularity::PerChannel,
            8,
        ),
        (
            "repvgg-a0",
            Branches::Keep,
            multiplier,
            Granularity::PerTensor,
            39,
        ),
        (
            "repvgg-a0",
            Branches::Keep,
            shift,
            Granularity::PerTensor,
            39,
        ),
    ] {
        let (folded, image) = from_seed(name, 32, branches);
        let settings = Settings {
            rule,
            granularity,
            residual: ResidualForm::Accumulate,
            ..SETTINGS
        };
        let quantised = quantise(&folded, &image, &settings).expect("every shortcut fits");
        let has_shortcut =
            |layer: &&QuantLayer| matches!(layer, QuantLayer::Conv(c) if c.residual.is_some());
        let shortcuts = quantised.layers.iter().filter(has_shortcut).count();
        assert_eq!(shortcuts, additions, "{name}");
    }
}

#[test]
fn a_frozen_network_is_the_same_network() {
    let network = folded("resnet-mini");
    let calibration = images("fashion-mnist-calibration-images.npy", 4);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("resnet-mini.safetensors");
    for rule in [SETTINGS.rule, Rule::TfliteDouble, Rule::Float32HalfEven] {
        let settings = Settings { rule, ..SETTINGS };
        let quantised = quantise(&network, &calibration, &settings).expect("it quantises");
        std::fs::write(&path, freeze::to_bytes(&quantised)).expect("it is written");
        assert_eq!(freeze::read(&path).expect("it reads back"), quantised);
    }
}

/// All but the bit slice, which drops half a step everywhere.
#[test]
fn the_rules_of_programs_choose_the_classes_of_the_floats() {
    let network = folded("resnet-mini");
    for rule in [
        Rule::TosaSingle,
        Rule::TosaDouble,
        Rule::TfliteDouble,
        Rule::TfliteSingle,
        Rule::Ruy,
        Rule::Float32HalfEven,
    ] {
        let agreed = agreement(&network, &Settings { rule, ..SETTINGS }, 3);
        assert_eq!(agreed, 3, "{rule:?}");
    }
}

#[test]
fn a_bit_slice_takes_powers_of_two() {
    let calibration = images("fashion-mnist-calibration-images.npy", 4);
    let settings = Settings {
        rule: Rule::Slice,
        output_overflow: Overflow::Wrap,
        ..SETTINGS
    };
    let network = folded("resnet-mini");
    let quantised = quantise(&network, &calibration, &settings).expect("it quantises");
    for layer in &quantised.layers {
        if let QuantLayer::Conv(conv) = layer {
            assert_eq!(conv.requantise.rule, Rule::Slice);
            assert!(conv.requantise.multiplier.iter().all(|m| *m == 1));
        }
    }
    // The mini networks end in a mean over 7x7 pixels: no shift, so a multiplier, rounded as a slice is.
    let means = quantised.layers.iter().filter_map(|layer| match layer {
        QuantLayer::Average(average) => Some(average.requantise.rule),
        _ => None,
    });
    let floor = [Rule::Slice, Rule::Multiplier(Rounding::Floor)];
    assert!(means.into_iter().all(|rule| floor.contains(&rule)));
}

/// Swish, squeeze-and-excitation and depthwise convolutions: the mapped execution gives the integers of plain loops,
/// and each layer alone stays near the floats.
#[test]
fn an_efficient_network_runs_in_integers() {
    let graph = builtin::graph("efficientnet-b0", FeatureMap::new(40, 40, 3)).expect("built in");
    let params = seeded(&graph, 3);
    let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
    let image = seeded_image(folded.graph.input, 4);
    let quantised = quantise(&folded, &image, &SETTINGS).expect("it quantises");
    let path = Path::new("configs/chips/edge-general.toml");
    let chip = Chip::read(path).unwrap_or_else(|problems| panic!("{problems}"));
    let input = quantised.tensors[0].quantise_map(&image);
    let schedule = map(
        &quantised.graph,
        &quantised.numerics,
        &chip,
        &repchip::map::Settings::default(),
    );
    let schedule = schedule.unwrap_or_else(|error| panic!("{error}"));
    let options = Options {
        keep_tensors: true,
        ..Options::default()
    };
    let run = execute::run(&schedule, &quantised, &input, &options, &mut |_| {});
    let run = run.unwrap_or_else(|error| panic!("{error}"));
    let plain = naive::run(&quantised, &chip.array, &input).expect("it runs");
    assert!(plain == run.tensors, "both witnesses agree");
    let layers = quality(&folded, &quantised, &image, &run.tensors).expect("they belong together");
    let alone = layers.iter().filter_map(|layer| layer.sqnr_alone_db);
    let worst = alone.fold(f64::INFINITY, f64::min);
    assert!(worst > 20.0, "a layer alone has {worst} dB");
}
