//! The trained networks beside the tests are read whole and fold into finite weights.

use repchip::network::{Network, builtin, checkpoint};
use repchip::reparam::{Branches, LayerParams, fold};
use std::path::Path;

#[test]
fn the_trained_networks_are_read_and_folded() {
    for name in ["repvgg-mini", "resnet-mini"] {
        let input = builtin::default_input(name).unwrap();
        let graph = builtin::graph(name, input).unwrap();
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/models/{name}.safetensors"));
        let params = checkpoint::read(&graph, &file).unwrap();
        let folded = fold(&Network { graph, params }, Branches::Fuse).unwrap();
        let stored: usize = (folded.params.layers.iter())
            .map(|params| match params {
                LayerParams::None => 0,
                LayerParams::Conv { weight, bias } => weight.len() + bias.len(),
            })
            .sum();
        assert_eq!(u64::try_from(stored).unwrap(), folded.graph.parameters());
    }
}

#[test]
fn the_checkpoint_of_another_network_is_refused_with_all_differences() {
    let graph = builtin::graph(
        "resnet-mini",
        builtin::default_input("resnet-mini").unwrap(),
    )
    .unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models/repvgg-mini.safetensors");
    let error = checkpoint::read(&graph, &file).unwrap_err().to_string();
    assert!(
        error.contains("`conv1.weight` of shape [16, 1, 3, 3] is missing"),
        "{error}"
    );
    assert!(
        error.contains(
            "`stage0.rbr_dense.conv.weight` of shape [16, 1, 3, 3] is not in the network"
        )
    );
}
