//! The committed report is what the command writes today, byte for byte, and what it says adds up.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const STUDY: &str = "configs/studies/repvgg-vs-resnet.toml";
const COMMITTED: &str = "reports/repvgg-vs-resnet";

/// All files under `folder` by their path in it.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("its entries are readable").path();
        let name = PathBuf::from(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            let inner = tree(&path).into_iter();
            files.extend(inner.map(|(below, bytes)| (name.join(below), bytes)));
        } else {
            files.insert(name, fs::read(&path).expect("a readable file"));
        }
    }
    files
}

fn check_accuracy(report: &serde_json::Value) {
    let results = report["accuracy"].as_array().expect("a list");
    assert_eq!(results.len(), 2);
    for result in results {
        let figure = |key: &str| result[key].as_f64().expect("a number");
        assert_eq!(result["images"].as_u64(), Some(1000));
        let lost = (figure("float_top1") - figure("integer_top1")).abs();
        assert!(lost <= 0.005, "{result}");
        assert!(figure("agreement") >= 0.98, "{result}");
    }
}

fn check_sums(report: &serde_json::Value) {
    for network in report["networks"].as_array().expect("a list") {
        let causes = network["cycles"].as_object().expect("an object").values();
        let sum: u64 = causes.map(|n| n.as_u64().expect("a count")).sum();
        assert_eq!(Some(sum), network["total_cycles"].as_u64());
    }
}

#[test]
fn the_committed_report_regenerates_byte_for_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(["run", STUDY, "--out"])
        .arg(&out)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{output:?}");
    let again = tree(&out);
    let committed = tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join(COMMITTED));
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    let how = format!("write it anew: cargo run --release -- run {STUDY} --out {COMMITTED}");
    assert_eq!(names(&committed), names(&again), "{how}");
    for (name, bytes) in &again {
        assert!(
            committed[name] == *bytes,
            "{} differs; {how}",
            name.display()
        );
    }
    for chip in ["edge.json", "edge-general.json"] {
        let report = serde_json::from_slice(&again[Path::new(chip)]).expect("it is JSON");
        check_accuracy(&report);
        check_sums(&report);
    }
}
