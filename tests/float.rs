//! Float inference of the trained test networks against logits computed elsewhere.

use ndarray::{Array2, Array4, s};
use repchip::float::{forward, forward_train, normalise};
use repchip::network::{Network, builtin, checkpoint};
use repchip::reparam::{Branches, fold};
use std::path::{Path, PathBuf};

fn model(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/models")
        .join(file)
}

#[test]
fn both_networks_give_the_logits_they_were_saved_with() {
    let images: Array4<u8> =
        ndarray_npy::read_npy(model("fashion-mnist-test-images.npy")).expect("it reads");
    let images = images.slice(s![..3, .., .., ..]).to_owned();
    let images = normalise(&images, &[0.2860], &[0.3530]);
    for name in ["repvgg-mini", "resnet-mini"] {
        let logits: Array2<f32> =
            ndarray_npy::read_npy(model(&format!("{name}-logits.npy"))).expect("it reads");
        let graph = builtin::default_input(name).and_then(|input| builtin::graph(name, input));
        let graph = graph.expect("built in");
        let file = model(&format!("{name}.safetensors"));
        let params = checkpoint::read(&graph, &file).expect("it fits");
        let network = Network { graph, params };
        let mut outputs = vec![forward_train(&network, &images)];
        for branches in [Branches::Fuse, Branches::Keep] {
            let folded = fold(&network, branches).expect("it folds");
            let mut seen = Vec::new();
            outputs.push(forward(&folded, &images, &mut |id, map| {
                let shape = folded.graph.shape(id);
                let expected = (3, shape.height, shape.width, shape.channels);
                assert_eq!(map.dim(), expected);
                seen.push(id.0);
            }));
            assert!(seen.into_iter().eq(0..=folded.graph.layers.len()));
        }
        for output in outputs {
            for ((image, _, _, class), &value) in output.indexed_iter() {
                let saved = logits[(image, class)];
                assert!(
                    (value - saved).abs() < 1e-4,
                    "{name} {image} {class}: {value} {saved}"
                );
            }
        }
    }
}
