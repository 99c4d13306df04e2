//! Faults of a whole trained network, through `repchip verify`.

use super::program;
use crate::{simulate, whole};
use rayon::prelude::*;
use std::fs;
use std::path::Path;
use std::process::Command;

/// `+fault`, `+fault_at` and the cause that is told first.
const FAULTS: [(u32, u32, &str); 5] = [
    (1, 0, "rounds towards minus infinity"),
    (21, 1, "bank rows 1 and 2 change places"),
    (29, 0, "takes the kernel transposed"),
    (
        34,
        2,
        "the PE of array row 2, tile pixel (0, 0) adds nothing to the bias",
    ),
    (36, 4, "bit 4 of the output is always 1"),
];

/// Runs the RTL with a fault on the files in `golden`, in a folder of its own, and verifies what it left.
fn verified(golden: &Path, bench: &Path, [fault, at]: [u32; 2]) -> (Option<i32>, String) {
    let root = tempfile::tempdir().expect("a folder");
    for entry in fs::read_dir(golden).expect("it is written") {
        let path = entry.expect("it is readable").path();
        let name = path.file_name().expect("a file").to_owned();
        if path.is_file() {
            fs::copy(&path, root.path().join(name)).expect("it can be copied");
        }
    }
    let mut rtl = Command::new(bench);
    rtl.arg(format!("+dir={}", root.path().display()));
    rtl.args(["+log".to_owned(), format!("+limit={}", 2 * whole::CYCLES)]);
    rtl.args([format!("+fault={fault}"), format!("+fault_at={at}")]);
    simulate::started(&mut rtl).unwrap_or_else(|message| panic!("{message}"));
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args([
            "verify",
            whole::STUDY,
            "--network",
            "repvgg-mini",
            "--chip",
            "edge",
        ])
        .arg("--dump")
        .arg(root.path())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// Causes of rank 1 of the first layer, in a report.
fn first(told: &str) -> Vec<&str> {
    let table = told.split_once("Causes of stage0 in writes.log");
    let lines = table.map_or("", |(_, rest)| rest).lines();
    let rows = lines.skip_while(|line| !line.starts_with('╞')).skip(1);
    let cells = rows.map(|line| line.split(['│', '┆']).map(str::trim));
    let first = cells.map_while(|mut cells| cells.nth(1).zip(cells.next()));
    let first = first.skip_while(|(rank, _)| *rank != "1");
    first
        .take_while(|(rank, _)| *rank == "1")
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn the_command_names_a_fault_of_a_trained_network() {
    let (bench, _) = program();
    let root = tempfile::tempdir().expect("a folder");
    whole::write(root.path());
    let golden = root.path().join("edge/repvgg-mini");
    FAULTS
        .par_iter()
        .with_max_len(1)
        .for_each(|(fault, at, cause)| {
            let (code, told) = verified(&golden, &bench, [*fault, *at]);
            assert_eq!(code, Some(1), "{cause}: {told}");
            assert!(told.starts_with("MISMATCH: "), "{told}");
            assert!(first(&told).contains(cause), "{cause}: {told}");
        });
}
