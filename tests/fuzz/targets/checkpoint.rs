//! Checkpoints: safetensors and the zip of a pickle and its arrays, told apart by their first bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repchip::network::builtin;
use repchip::network::checkpoint::Checkpoint;
use repchip_fuzz::file;

fuzz_target!(|data: &[u8]| {
    let ending = if data.starts_with(b"PK") { "net.pth" } else { "net.safetensors" };
    let path = file(ending, data);
    let Ok(checkpoint) = Checkpoint::read(&path) else {
        return;
    };
    let _ = checkpoint.form();
    let input = builtin::default_input("repvgg-nano").expect("built in");
    let graph = builtin::graph("repvgg-nano", input).expect("built in");
    if let Ok(params) = checkpoint.params(&graph) {
        params.check(&graph).expect("what is read fits");
    }
});
