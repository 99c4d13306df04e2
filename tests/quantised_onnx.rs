//! Networks that ONNX Runtime quantised, against the tensors that it makes of them.

use ndarray::{Array4, s};
use repchip::chip::{Array, Pe, PeKind, Pointwise};
use repchip::execute::naive;
use repchip::fixed::{Accumulator, Overflow};
use repchip::float::normalise;
use repchip::quantise::QuantNetwork;
use repchip::quantise::onnx::read;
use repchip::tensor::Activations;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn images(count: usize) -> Array4<f32> {
    let file = folder("models").join("fashion-mnist-test-images.npy");
    let images: Array4<u8> = ndarray_npy::read_npy(file).expect("it reads");
    let images = images.slice(s![..count, .., .., ..]).to_owned();
    normalise(&images, &[0.2860], &[0.3530])
}

fn network(name: &str) -> QuantNetwork {
    let path = folder("import/quantised").join(format!("{name}.onnx"));
    read(&path, None).expect("it reads")
}

/// SHA-256 of each tensor's 32-bit integers.
fn digests(network: &QuantNetwork) -> Vec<String> {
    let pe = Pe {
        kind: PeKind::Direct,
        lanes: 128,
        accumulators: 1,
        accumulator: Accumulator {
            bits: 32,
            overflow: Overflow::Trap,
        },
    };
    let array = Array {
        pe,
        rows: 128,
        tile_h: 4,
        tile_w: 4,
        pointwise: Pointwise::Naive,
    };
    let input = network.quantise_images(&images(20));
    let tensors = naive::run(network, &array, &input).expect("nothing traps");
    tensors.iter().map(digest).collect()
}

fn digest(tensor: &Activations) -> String {
    let mut hash = Sha256::new();
    for value in tensor {
        hash.update(value.to_le_bytes());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What ONNX Runtime said, by the tensor's name: its digest, and the operator that makes it.
fn said(name: &str) -> BTreeMap<String, (String, String)> {
    let path = folder("import/quantised").join(format!("{name}.json"));
    let text = std::fs::read_to_string(path).expect("it is there");
    let json: Value = serde_json::from_str(&text).expect("it is JSON");
    let text = |entry: &Value, key: &str| entry[key].as_str().expect("a text").to_owned();
    let entries = json["tensors"].as_array().expect("a list").iter();
    entries
        .filter(|entry| entry["integer"] == true)
        .map(|entry| {
            let tensor = text(entry, "name");
            let plain = (tensor.strip_suffix("_QuantizeLinear_Output"))
                .or_else(|| tensor.strip_suffix("_quantized"))
                .unwrap_or(&tensor);
            (
                plain.to_owned(),
                (text(entry, "sha256"), text(entry, "operator")),
            )
        })
        .collect()
}

/// Compares the image and the output of every layer; how many there are.
fn equals_the_runtime(name: &str) -> usize {
    let network = network(name);
    let said = said(name);
    let found = digests(&network);
    let image = said
        .values()
        .find(|(_, operator)| operator == "QuantizeLinear");
    assert_eq!(
        image.map(|(digest, _)| digest),
        Some(&found[0]),
        "{name}: the image"
    );
    let mut compared = 1;
    for (layer, digest) in network.graph.layers.iter().zip(&found[1..]) {
        if let Some((runtime, operator)) = said.get(&layer.name) {
            assert_eq!(digest, runtime, "{name}: `{}` by {operator}", layer.name);
            compared += 1;
        }
    }
    assert_eq!(said.len(), compared, "{name}: tensors of the runtime");
    compared
}

#[test]
fn unsigned_activations_between_pairs_equal_the_runtime() {
    assert_eq!(equals_the_runtime("nano-u8s8-qdq"), 10);
}

#[test]
fn signed_activations_with_zero_points_equal_the_runtime() {
    assert_eq!(equals_the_runtime("nano-s8s8-qoperator"), 10);
}

#[test]
fn weights_with_a_zero_point_equal_the_runtime_and_take_nine_bits() {
    assert_eq!(equals_the_runtime("nano-u8u8-qoperator"), 10);
    let network = network("nano-u8u8-qoperator");
    assert!(network.numerics.weight_bits.contains(&9));
}

#[test]
fn a_relu_between_two_pairs_is_rounded_twice_as_the_runtime_does() {
    assert_eq!(equals_the_runtime("nano-symmetric-qdq"), 17);
}

#[test]
fn additions_equal_the_runtime() {
    // Of 22 tensors the runtime makes one in float: the mean that the exporter writes as ReduceMean.
    assert_eq!(equals_the_runtime("resnet-u8s8-qdq"), 21);
}
