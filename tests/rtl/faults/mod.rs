//! Single faults in the RTL: each is a mismatch, and its true cause is told first.

mod command;
mod finding;
mod list;
mod stimuli;
mod table;

use crate::validation::{WRITE, place};
use crate::{simulate, verilator, whole};
use finding::{Finding, found};
use list::{FAULTS, none};
use rayon::prelude::*;
use repchip::report::write::all as write_all;
use repchip::rtl::Bounds;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use stimuli::{Stimulus, edge};

/// Faults that the stimuli must tell from every other cause.
const SEPARATED: usize = 20;

/// The compiled RTL, as a trained network on chip `edge` has it, and its bounds.
fn program() -> (PathBuf, Bounds) {
    let chip = edge();
    let bounds = Bounds::of(&whole::schedule(&chip), &chip).expect("the chip it was mapped to");
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    simulate::write(root.path(), Stimulus::Ties.case(), &bounds);
    let program = verilator::program(root.path()).unwrap_or_else(|message| panic!("{message}"));
    (program, bounds)
}

#[test]
fn without_a_fault_nothing_differs() {
    let program = program();
    for stimulus in Stimulus::ALL {
        let found = found(none(stimulus), &program);
        assert!(matches!(found, Ok(None)), "{stimulus:?}");
    }
}

/// With `REPCHIP_RTL_VALIDATE=faults` (`tests/rtl/validate --faults`) the table is written anew.
#[test]
fn each_fault_is_found_and_explained() {
    let program = program();
    let findings: Result<Vec<Finding>, String> = FAULTS
        .par_iter()
        .with_max_len(1)
        .map(|fault| {
            let found = found(*fault, &program).and_then(|found| found.ok_or("no mismatch".into()));
            found.map_err(|message| format!("{fault:?}: {message}"))
        })
        .collect();
    let findings = findings.unwrap_or_else(|message| panic!("{message}"));
    let wrong: Vec<String> = findings.iter().filter_map(Finding::wrong).collect();
    let files = table::files(&findings).map(|(name, bytes)| (place().join(name), bytes));
    if std::env::var(WRITE).is_ok_and(|mode| mode != "report") {
        write_all(&files).expect("the table can be written");
    }
    println!("{}", table::headline(&findings));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let separated = findings.iter().filter(|found| found.separated()).count();
    assert!(separated >= SEPARATED, "only {separated} are told apart");
    for (path, bytes) in files {
        let committed = fs::read(&path).unwrap_or_default();
        assert!(
            committed == bytes,
            "{} is not what the RTL gives: run tests/rtl/validate --faults",
            path.display()
        );
    }
}

/// Number and name of each fault, by `line` from the lines of a text.
fn named(text: &str, line: impl Fn(&str) -> Option<(u32, String)>) -> BTreeSet<(u32, String)> {
    text.lines().filter_map(line).collect()
}

#[test]
fn rtl_table_and_list_have_the_same_faults() {
    let list: BTreeSet<(u32, String)> = FAULTS
        .iter()
        .map(|fault| (fault.number, fault.name.to_owned()))
        .collect();
    let rtl = named(include_str!("../hw/faults.svh"), |line| {
        let (name, number) = line.strip_prefix("`define F_")?.split_once(' ')?;
        Some((number.parse().ok()?, name.to_owned()))
    });
    assert_eq!(rtl, list);
    let table = table::described().map(|[number, name, ..]| {
        let name = name.trim_matches('`').to_uppercase();
        (number.parse().expect("a number"), name)
    });
    assert_eq!(table.collect::<BTreeSet<(u32, String)>>(), list);
}
