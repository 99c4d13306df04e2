//! The committed study of precision: a part of it is what the command gives today, on one thread too, and its figures
//! show what its sentences say.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const STUDY: &str = "configs/studies/quantisation.toml";
const COMMITTED: &str = "reports/quantisation";

/// The rows of a CSV file below its head, as text.
fn rows(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    text.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn a_part_of_the_committed_figures_comes_out_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args([
            "precision",
            STUDY,
            "--images",
            "500",
            "--network",
            "resnet-mini",
        ])
        .args([
            "--bits",
            "4",
            "--methods",
            "none,all",
            "--spread",
            "0",
            "--out",
        ])
        .arg(folder.path())
        .env("RAYON_NUM_THREADS", "1")
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{output:?}");
    let how = format!(
        "write it anew: cargo run --release -- precision {STUDY} --images 500 --out {COMMITTED}"
    );
    for (file, least) in [("points.csv", 8), ("layers.csv", 40)] {
        let again = rows(&folder.path().join(file));
        let committed = rows(&Path::new(COMMITTED).join(file));
        assert!(again.len() >= least, "{file} has {} rows", again.len());
        for row in again {
            assert!(committed.contains(&row), "{file}: {row}; {how}");
        }
    }
}

/// Top-1 in percent by network, scales of the weights, bits and remedy, all with free scales.
fn top1() -> BTreeMap<[String; 4], f64> {
    let rows = rows(&Path::new(COMMITTED).join("points.csv"));
    let cells = rows.iter().map(|row| row.split(',').collect::<Vec<_>>());
    cells
        .filter(|cells| cells[2] == "free" && !cells[7].is_empty())
        .map(|cells| {
            let key = [cells[0], cells[1], cells[3], cells[4]].map(str::to_owned);
            (key, cells[7].parse().expect("a number"))
        })
        .collect()
}

#[test]
fn one_scale_a_layer_collapses_and_equalisation_repairs_what_it_can() {
    let top1 = top1();
    let at = |network: &str, scales: &str, bits: &str, method: &str| {
        let key = [network, scales, bits, method].map(str::to_owned);
        top1[&key]
    };
    // Trained mini networks stand 8 bits; with 4 bits one scale a layer is worth half of one a channel, or less.
    for network in ["repvgg-mini", "resnet-mini"] {
        let float = at(network, "per_tensor", "16", "none");
        assert!(at(network, "per_tensor", "8", "none") > float - 3.0);
        assert!(at(network, "per_tensor", "4", "none") < at(network, "per_channel", "4", "none"));
    }
    assert!(at("repvgg-mini", "per_tensor", "4", "none") < 50.0);
    // The twin is lost even with 8 bits, and equalisation alone brings it back.
    assert!(at("repvgg-mini-spread", "per_tensor", "8", "none") < 30.0);
    assert!(at("repvgg-mini-spread", "per_tensor", "8", "equalisation") > 90.0);
}

#[test]
fn the_committed_report_is_small_and_whole() {
    let mut bytes = 0;
    for file in [
        "points.csv",
        "layers.csv",
        "weights.csv",
        "precision.json",
        "report.html",
    ] {
        bytes += fs::metadata(Path::new(COMMITTED).join(file))
            .expect("it is there")
            .len();
    }
    for chart in fs::read_dir(Path::new(COMMITTED).join("charts")).expect("a folder") {
        bytes += chart.expect("readable").metadata().expect("readable").len();
    }
    assert!(bytes < 2_000_000, "{bytes} B");
    let page = fs::read_to_string(Path::new(COMMITTED).join("report.html")).expect("text");
    let links = page.replace("http://www.w3.org/2000/svg", "");
    assert!(!links.contains("http://") && !links.contains("https://"));
    assert!(page.contains("It collapses"));
}
