//! ONNX, float and quantised: a network that keeps its own rules, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::network::import::{read_onnx, stated};
use repchip::quantise::onnx;
use repchip_fuzz::file;

fuzz_target!(|data: &[u8]| {
    let path = file("net.onnx", data);
    let _ = stated(&path);
    if let Ok(network) = read_onnx(&path, None) {
        network.graph.check().expect("an imported graph is a graph");
        network.params.check(&network.graph).expect("and has its parameters");
    }
    if let Ok(network) = onnx::read(&path, None) {
        assert_eq!(network.layers.len(), network.graph.layers.len());
        assert_eq!(network.tensors.len(), network.graph.layers.len() + 1);
    }
});
