//! The trained network is one network in every form.

use super::{fixture, images, model, nano, onnx};
use ndarray::Array2;
use repchip::float::{forward, top1};
use repchip::network::{Network, export, import};
use repchip::quantise::{QuantLayer, QuantNetwork, Settings, quantise};
use repchip::reparam::{Branches, FoldedNetwork, LayerParams, deploy, fold};

/// Name, and the network that the file holds.
fn forms() -> Vec<(&'static str, Network)> {
    let onnx = [
        "legacy-train",
        "dynamo-train",
        "legacy-deploy",
        "dynamo-deploy",
        "external",
    ];
    let mut forms: Vec<(&str, Network)> = onnx
        .into_iter()
        .map(|name| (name, super::onnx(&format!("{name}.onnx"))))
        .collect();
    forms.push(("safetensors", nano(&model("repvgg-nano.safetensors"))));
    for name in [
        "official-train.pth",
        "official-deploy.pth",
        "timm-train.pth",
        "timm-deploy.safetensors",
    ] {
        forms.push((name, nano(&fixture(name))));
    }
    forms
}

fn fused(network: &Network) -> FoldedNetwork {
    fold(network, Branches::Fuse).expect("it folds")
}

fn integers(network: &Network) -> QuantNetwork {
    quantise(&fused(network), &images(64), &Settings::int8()).expect("it quantises")
}

#[test]
fn every_form_gives_the_logits_of_the_framework_and_the_same_classes() {
    let images = images(200);
    let logits: Array2<f32> = ndarray_npy::read_npy(model("repvgg-nano-logits.npy")).unwrap();
    let logits = logits.slice_move(ndarray::s![..200, ..]);
    let peak = logits
        .iter()
        .fold(0.0_f32, |peak, value| peak.max(value.abs()));
    let shaped = logits.to_shape((200, 1, 1, 10)).unwrap().into_owned();
    let classes = top1(&shaped);
    for (name, network) in forms() {
        let outputs = forward(&fused(&network), &images, &mut |_, _| {});
        let off = outputs
            .iter()
            .zip(&logits)
            .fold(0.0_f32, |off, (a, b)| off.max((a - b).abs()));
        assert!(off / peak < 5e-6, "{name}: {off}");
        assert_eq!(top1(&outputs), classes, "{name}");
    }
}

#[test]
fn blocks_have_their_names_and_one_convolution_each() {
    let blocks = [
        "stage0", "stage1.0", "stage1.1", "stage2.0", "stage2.1", "stage2.2", "stage3.0",
    ];
    for (name, network) in forms() {
        let folded = fused(&network);
        let layers = folded.graph.layers.iter();
        let names: Vec<&str> = layers
            .map(|layer| layer.name.trim_end_matches(".rbr_reparam"))
            .collect();
        let names: Vec<String> = names
            .iter()
            .map(|name| name.trim_end_matches(".reparam_conv").to_owned())
            .collect();
        assert_eq!(names[..7], blocks, "{name}");
        assert_eq!((names.len(), names[8].as_str()), (9, "linear"), "{name}");
    }
}

#[test]
fn int8_weights_of_all_forms_differ_by_one_step_in_few_places() {
    let forms = forms();
    let want = integers(
        &forms
            .iter()
            .find(|(name, _)| *name == "safetensors")
            .unwrap()
            .1,
    );
    for (name, network) in &forms {
        let got = integers(network);
        let (mut all, mut other) = (0_u32, 0_u32);
        for (a, b) in got.layers.iter().zip(&want.layers) {
            let (QuantLayer::Conv(a), QuantLayer::Conv(b)) = (a, b) else {
                continue;
            };
            for (a, b) in a.weight.iter().zip(&b.weight) {
                assert!((a - b).abs() <= 1, "{name}");
                all += 1;
                other += u32::from(a != b);
            }
        }
        assert!(all > 20_000, "{name}: {all}");
        // One in ten thousand.
        assert!(other * 10_000 <= all, "{name}: {other} of {all}");
    }
}

#[test]
fn what_is_written_is_read_back_to_the_bit() {
    for name in [
        "legacy-train",
        "dynamo-train",
        "fresh",
        "fresh-dynamo",
        "blocks",
    ] {
        let network = onnx(&format!("{name}.onnx"));
        let fused_once = fused(&network);
        let plain = deploy(&network).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("written.onnx");
        std::fs::write(&path, export::onnx(&plain)).unwrap();
        let again = import::read_onnx(&path, None).unwrap();
        let again_fused = fused(&again);
        assert_eq!(fused_once.params, again_fused.params, "{name}");
        let ops = |folded: &FoldedNetwork| -> Vec<_> {
            folded
                .graph
                .layers
                .iter()
                .map(|l| (l.op, l.inputs.clone(), l.output))
                .collect()
        };
        assert_eq!(ops(&fused_once), ops(&again_fused), "{name}");
        // The train form is written and read as it is, too.
        std::fs::write(&path, export::onnx(&network)).unwrap();
        let again = import::read_onnx(&path, None).unwrap();
        assert_eq!(again.params, network.params, "{name}");
    }
}

#[test]
fn a_checkpoint_that_is_written_is_read_back_to_the_bit() {
    let network = nano(&fixture("official-train.pth"));
    let plain = deploy(&network).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (file, network) in [("train", &network), ("deploy", &plain)] {
        let path = folder.path().join(format!("{file}.safetensors"));
        std::fs::write(&path, export::safetensors(network)).unwrap();
        assert_eq!(nano(&path).params, network.params, "{file}");
    }
}

#[test]
fn constants_shared_by_an_exporter_and_biases_left_out_make_the_same_network() {
    let (shared, left_out) = (
        fused(&onnx("fresh.onnx")),
        fused(&onnx("fresh-dynamo.onnx")),
    );
    let pairs = shared.params.layers.iter().zip(&left_out.params.layers);
    for (a, b) in pairs {
        let (LayerParams::Conv { weight: a, .. }, LayerParams::Conv { weight: b, .. }) = (a, b)
        else {
            assert_eq!(a, b);
            continue;
        };
        let off = a
            .iter()
            .zip(b)
            .fold(0.0_f32, |off, (a, b)| off.max((a - b).abs()));
        assert!(off < 1e-6, "{off}");
    }
}

#[test]
fn the_batch_is_a_symbol_and_the_study_may_ask_for_another_size() {
    use repchip::tensor::FeatureMap;
    let path = fixture("legacy-train.onnx");
    assert_eq!(
        import::stated(&path).unwrap().input.unwrap(),
        FeatureMap::new(28, 28, 1)
    );
    let larger = import::read_onnx(&path, Some(FeatureMap::new(32, 40, 1))).unwrap();
    assert_eq!(larger.graph.input(), FeatureMap::new(32, 40, 1));
    let error = import::read_onnx(&path, Some(FeatureMap::new(28, 28, 3))).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("its images have 1 channels, 28x28x3"),
        "{error}"
    );
}
