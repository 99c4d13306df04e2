//! `repchip golden`: what it writes is whole, and is what the manifest says.

use repchip::rtl::{Counters, Dump};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// A trained network on one chip.
const SMALL: &str = "tests/knobs/study.toml";
/// Several on two chips, of which one has a vector unit.
const LARGE: &str = "configs/studies/repvgg-vs-resnet.toml";

fn golden(study: &str, out: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(["golden", study, "--out"])
        .arg(out)
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn manifest(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("manifest.json")).expect("it is written");
    serde_json::from_str(&text).expect("it is JSON")
}

#[test]
fn the_manifest_lists_every_file_with_its_digest() {
    let root = tempfile::tempdir().expect("a folder");
    let output = golden(SMALL, root.path(), &["--image", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    for folder in fs::read_dir(root.path().join("edge")).expect("a folder a chip") {
        let folder = folder.expect("it is readable").path();
        let manifest = manifest(&folder);
        assert_eq!(manifest["image"], 1);
        let files = manifest["files"].as_array().expect("files");
        for file in files {
            let bytes = fs::read(folder.join(file["path"].as_str().expect("a path")));
            let bytes = bytes.expect("it is written");
            assert_eq!(file["bytes"], bytes.len());
            let digest: String = Sha256::digest(&bytes)
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            assert_eq!(file["sha256"], digest);
        }
        let layers = manifest["layers"].as_array().expect("layers").len();
        // Six files of the RTL, DRAM and counters, and at least three of each layer.
        assert!(files.len() >= 6 + 2 + 3 * layers);
        let read = |name: &str| fs::read_to_string(folder.join(name)).expect("it is written");
        let counters = Counters::parse(&read("expected/counters.hex"), layers).expect("counters");
        assert_eq!(manifest["total"]["value"], counters.total.0);
        assert_eq!(manifest["total"]["unit"], "cycles");
        let [before, after] = ["dram.hex", "expected/dump.hex"]
            .map(|name| Dump::parse(&read(name)).expect("bytes").bytes);
        assert!(before.len() == after.len() && before != after);
        let told = text(&output.stdout);
        assert!(
            told.contains(&format!("{} cycles", counters.total)),
            "{told}"
        );
    }
}

#[test]
fn what_one_of_two_runs_lacks_is_told_and_nothing_is_written() {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().join("out");
    let output = golden(LARGE, &out, &["--network", "repvgg-mini"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    let words = "error[rtl::layer]: `repvgg-mini` on `edge-general`";
    assert!(told.contains(words) && told.contains("help:"), "{told}");
    assert!(!out.exists());
}
