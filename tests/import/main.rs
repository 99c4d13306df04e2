//! Networks from files of training frameworks: one trained network in all forms, other families, damaged files, pictures.

mod checkpoints;
mod command;
mod forms;
mod pictures;

use ndarray::Array4;
use repchip::float::normalise;
use repchip::network::{Network, checkpoint::Checkpoint, import};
use repchip::reparam::deploy_graph;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/import")
        .join(name)
}

fn model(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(name)
}

/// The first test images, normalised.
fn images(count: usize) -> Array4<f32> {
    let images: Array4<u8> =
        ndarray_npy::read_npy(model("fashion-mnist-test-images.npy")).expect("it reads");
    let images = images.slice(ndarray::s![..count, .., .., ..]).to_owned();
    normalise(&images, &[0.2860], &[0.3530])
}

fn onnx(name: &str) -> Network {
    import::read_onnx(&fixture(name), None).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// repvgg-nano from a checkpoint of either form.
fn nano(path: &Path) -> Network {
    use repchip::network::{Form, builtin};
    let input = builtin::default_input("repvgg-nano").expect("built in");
    let mut graph = builtin::graph("repvgg-nano", input).expect("built in");
    let checkpoint = Checkpoint::read(path).expect("it reads");
    if checkpoint.form().expect("it is whole") == Form::Deploy {
        graph = deploy_graph(&graph).expect("it folds");
    }
    let params = checkpoint
        .params(&graph)
        .unwrap_or_else(|error| panic!("{error}"));
    Network { graph, params }
}
