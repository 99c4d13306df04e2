//! The cycle model over chips and layers of real size, drawn from a Latin hypercube, beside the RTL.
//!
//! `tests/rtl/validate` runs all pairs through the RTL and writes `reports/validation`. What the RTL said of each
//! pair stays there in `pairs.csv`, so that the model of today is held against it at each run of the tests, without
//! a simulator.

mod digest;
mod gates;
mod latin;
mod measure;
mod page;
mod pair;
mod record;
mod sensitivity;
mod summary;

use crate::verilator;
use record::Row;
use repchip::report::write::all as write_all;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use summary::{Identity, Summary};

/// What a pair is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    /// The model may have been made to agree with these.
    Tuned,
    /// Drawn by the digest of the model: no one has seen them before it was written.
    HeldOut,
}

impl Set {
    const ALL: [Self; 2] = [Self::Tuned, Self::HeldOut];

    const fn name(self) -> &'static str {
        match self {
            Self::Tuned => "tuned",
            Self::HeldOut => "held-out",
        }
    }
}

/// Pairs of each set; a fifth of all are held out.
const TUNED: usize = 260;
const HELD_OUT: usize = 65;
/// Seed of the tuned set.
const TUNED_SEED: u64 = 1;
/// Set by `tests/rtl/validate`: the report is written; with `measure` all pairs run through the RTL first.
pub(crate) const WRITE: &str = "REPCHIP_RTL_VALIDATE";

/// Where the report lies.
pub(crate) fn place() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/validation")
}

/// All pairs through the RTL, then the report.
fn measured() -> (Vec<Row>, Identity) {
    let seed = digest::seed(&digest::of(&digest::MODEL));
    let (pairs, points) = measure::pairs(seed);
    let rows = measure::measure(pairs);
    (
        rows,
        Identity::new([TUNED_SEED, seed], points, verilator::version()),
    )
}

/// What the committed report says of each pair.
fn recorded() -> (Vec<Row>, Identity) {
    let read = |name: &str| {
        let path = place().join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let json: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&read("validation.json")).expect("validation.json");
    let identity: Identity = serde_json::from_value(json["identity"].clone()).expect("identity");
    let rows = record::read(&read("pairs.csv"), |set| identity.seeds[set.name()]);
    (rows, identity)
}

fn files(rows: &[Row], summary: &Summary) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![
        ("pairs.csv", record::write(rows)),
        ("validation.json", summary.json()),
    ];
    files.extend(page::files(rows, summary));
    files
        .into_iter()
        .map(|(name, bytes)| (place().join(name), bytes))
        .collect()
}

/// The model of today passes all gates on what the RTL said, each changed constant fails one, and the report is what
/// these figures give.
#[test]
fn the_model_passes_the_gates() {
    let write = std::env::var(WRITE).ok();
    let (rows, identity) = match write.as_deref() {
        Some("measure") => measured(),
        _ => recorded(),
    };
    let summary = Summary::new(&rows, identity);
    let files = files(&rows, &summary);
    if write.is_some() {
        fs::create_dir_all(place()).expect("the folder can be made");
        write_all(&files).expect("the report can be written");
    }
    println!(
        "{}\n{}",
        page::headline(&rows, &summary),
        page::printed(&summary)
    );
    assert!(
        rows.len() >= 300
            && rows
                .iter()
                .filter(|row| row.pair.set == Set::HeldOut)
                .count()
                * 5
                >= rows.len()
    );
    assert!(summary.passes(), "a gate fails");
    for changed in &summary.changed_constants {
        assert!(
            !changed.gates_that_fail.is_empty(),
            "no gate sees another {}",
            changed.constant
        );
    }
    for (path, bytes) in files {
        let found = fs::read(&path).unwrap_or_default();
        assert!(
            found == bytes,
            "{} is not what its figures give: run tests/rtl/validate",
            path.display()
        );
    }
}
