//! Every requantisation rule against the program or the definition that it is named after.
//!
//! `vectors/` holds accumulators, scales and what an oracle made of them; `tests/oracles` makes them. The ignored
//! test compares vectors of a folder of the user's, as many as wanted, and writes `reports/conformance`.

mod judge;
mod matrix;
mod report;
mod vectors;

use judge::Verdict;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use vectors::Kind;

fn committed() -> Vec<Verdict> {
    verdicts(Path::new("tests/conformance/vectors"))
}

/// The verdict on each file of a folder, in order of their names.
fn verdicts(folder: &Path) -> Vec<Verdict> {
    let files = files(folder);
    files.iter().map(|path| Verdict::on(path)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder of vectors exists");
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
        .collect();
    files.sort();
    files
}

#[test]
fn no_value_differs_from_its_oracle() {
    for verdict in committed() {
        let first = verdict.first_difference.clone().unwrap_or_default();
        assert_eq!(verdict.differing, 0, "{}: {first}", verdict.name());
    }
}

#[test]
fn every_rule_has_its_vectors() {
    let found: BTreeSet<String> = committed()
        .into_iter()
        .filter(|verdict| verdict.kind == Kind::Requantise)
        .map(|verdict| verdict.rule)
        .collect();
    let rules = [
        "float32_half_even",
        "multiplier floor",
        "multiplier half_away",
        "multiplier half_even",
        "multiplier half_up",
        "multiplier toward_zero",
        "ruy",
        "shift floor",
        "shift half_away",
        "shift half_even",
        "shift half_up",
        "shift toward_zero",
        "slice",
        "tflite_double",
        "tflite_single",
        "tosa_double",
        "tosa_single",
    ];
    assert_eq!(found, BTreeSet::from(rules.map(str::to_owned)));
}

/// Random numbers would pass a wrong rounding: what each file must hold.
#[test]
fn the_vectors_aim_at_ties_and_ends() {
    let requantised = committed().into_iter();
    for verdict in requantised.filter(|verdict| verdict.kind == Kind::Requantise) {
        let name = verdict.name();
        assert!(verdict.values >= 2_000, "{name}: {}", verdict.values);
        assert!(
            verdict.saturated[0] > 0 && verdict.saturated[1] > 0,
            "{name}"
        );
        if verdict.rule == "slice" {
            continue;
        }
        assert!(verdict.ties >= 20, "{name}: {} ties", verdict.ties);
        assert!(
            verdict.negative_ties >= 5,
            "{name}: {} below zero",
            verdict.negative_ties
        );
        assert!(verdict.zero_points.iter().all(|count| *count > 0), "{name}");
        // A product without bias is small.
        assert!(
            verdict.above_24_bits > 0 || name.contains("QLinearMatMul"),
            "{name}"
        );
    }
}

#[test]
fn the_vectors_tell_rules_apart() {
    let folder = Path::new("tests/conformance/vectors");
    let told = matrix::Matrix::of(&files(folder), matrix::Scales::Any);
    for (row, column, differing) in told.pairs() {
        let same = matrix::SAME
            .iter()
            .any(|group| group.contains(&row) && group.contains(&column));
        assert_eq!(
            differing == 0,
            same,
            "{row} and {column}: {differing} values differ"
        );
    }
}

/// `REPCHIP_VECTORS=FOLDER cargo test --release --test conformance -- --ignored`
#[test]
#[ignore = "reads vectors that tests/oracles/remake.py makes"]
fn report_of_a_folder() {
    let folder = std::env::var_os("REPCHIP_VECTORS").expect("REPCHIP_VECTORS names a folder");
    let folder = PathBuf::from(folder);
    let verdicts = verdicts(&folder);
    let files = files(&folder);
    report::write(Path::new("reports/conformance"), &verdicts, &files);
    for verdict in &verdicts {
        let first = verdict.first_difference.clone().unwrap_or_default();
        assert_eq!(verdict.differing, 0, "{}: {first}", verdict.name());
    }
}
