//! The trained test networks as integers, by plain loops, against their float selves.

use ndarray::{Array4, s};
use repchip::chip::{Array, Pe, PeKind, Pointwise};
use repchip::execute::naive;
use repchip::fixed::{Accumulator, Overflow, Rounding, Rule};
use repchip::float::{forward, normalise, top1};
use repchip::network::{Network, builtin, checkpoint};
use repchip::quantise::{
    Calibration, Granularity, QuantLayer, QuantNetwork, QuantiseError, ResidualForm, Settings,
    Widths, quantise,
};
use repchip::reparam::{Branches, FoldedNetwork, LayerParams, fold};
use repchip::tensor::Activations;
use std::path::{Path, PathBuf};

const SETTINGS: Settings = Settings {
    widths: Widths {
        activation_bits: 8,
        weight_bits: 8,
        output_bits: 8,
    },
    granularity: Granularity::PerChannel,
    calibration: Calibration::MinMax,
    rule: Rule::Multiplier(Rounding::HalfAway),
    residual: ResidualForm::Separate,
};

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
    let params = checkpoint::read_safetensors(&graph, &file).expect("it fits");
    fold(&Network { graph, params }, Branches::Fuse).expect("it folds")
}

fn integers(network: &QuantNetwork, images: &Array4<f32>) -> Activations {
    let input = network.tensors[0];
    let (low, high) = (f64::from(input.range.min()), f64::from(input.range.max()));
    images.mapv(|value| {
        let steps = (f64::from(value) / input.scale).round() + f64::from(input.zero_point);
        let steps = steps.clamp(low, high);
        (input.range.min()..=input.range.max())
            .find(|&q| (f64::from(q) - steps).abs() < 0.25)
            .expect("an integer inside the range")
    })
}

/// On how many of the first `count` test images the integers choose the class that the floats choose.
fn agreement(network: &FoldedNetwork, settings: &Settings, count: usize) -> usize {
    let calibration = images("fashion-mnist-calibration-images.npy", 32);
    let quantised = quantise(network, &calibration, settings).expect("it quantises");
    let array = Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes: 128,
            accumulators: 1,
            accumulator: Accumulator {
                bits: 32,
                overflow: Overflow::Trap,
            },
        },
        rows: 128,
        tile_h: 4,
        tile_w: 4,
        pointwise: Pointwise::Naive,
    };
    let images = images("fashion-mnist-test-images.npy", count);
    let floats = top1(&forward(network, &images, &mut |_, _| {}));
    let input = integers(&quantised, &images);
    let tensors = naive::run(&quantised, &array, &input).expect("nothing traps");
    let found = top1(tensors.last().expect("there is an output"));
    floats.iter().zip(&found).filter(|(a, b)| a == b).count()
}

#[test]
fn eight_bits_choose_the_classes_of_the_floats() {
    let agreed = agreement(&folded("repvgg-mini"), &SETTINGS, 20);
    assert!(agreed >= 19, "{agreed} of 20");
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
