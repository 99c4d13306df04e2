//! A whole trained network through the RTL: the files of `repchip golden`, and its answers layer by layer.

use crate::verilator;
use ndarray::Array4;
use repchip::chip::Chip;
use repchip::map::{Settings, map};
use repchip::network::builtin;
use repchip::quantise::{Numerics, ResidualForm, Widths, residual};
use repchip::reparam::{Branches, LayerId, fold_graph};
use repchip::rtl::{Counters, Dump, WriteLog};
use repchip::schedule::{LayerPlan, Schedule};
use repchip::tensor::FeatureMap;
use std::fs;
use std::path::Path;
use std::process::Command;

pub(crate) const STUDY: &str = "configs/studies/repvgg-vs-resnet.toml";
pub(crate) const CYCLES: u64 = 41_175;

/// Where the layers of the trained network lie, as the study has it on chip `edge`.
pub(crate) fn schedule(chip: &Chip) -> Schedule {
    let graph = builtin::graph("repvgg-mini", FeatureMap::new(28, 28, 1)).expect("it is built in");
    let folded = fold_graph(&graph, Branches::Fuse).expect("it folds");
    let graph = residual::apply(&folded, ResidualForm::Accumulate);
    let widths = Widths {
        activation_bits: 8,
        weight_bits: 8,
        output_bits: 8,
    };
    let numerics = Numerics::uniform(&graph, widths);
    map(&graph, &numerics, chip, &Settings::default()).expect("it fits")
}

/// The files of the first image in `folder/edge/repvgg-mini`.
pub(crate) fn write(folder: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args([
            "golden",
            STUDY,
            "--network",
            "repvgg-mini",
            "--chip",
            "edge",
        ])
        .arg("--out")
        .arg(folder)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}

#[test]
fn a_trained_network_runs_through_the_rtl_to_the_bit_and_the_cycle() {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    write(root.path());
    let folder = root.path().join("edge/repvgg-mini");
    let program = verilator::program(&folder).unwrap_or_else(|message| panic!("{message}"));
    let mut command = Command::new(program);
    command.arg(format!("+dir={}", folder.display()));
    command.args(["+log".to_owned(), format!("+limit={}", 2 * CYCLES)]);
    crate::simulate::started(&mut command).unwrap_or_else(|message| panic!("{message}"));
    let text = |name: &str| fs::read_to_string(folder.join(name)).expect("the file is there");

    let chip = Chip::read(Path::new("configs/chips/edge.toml")).expect("it is shipped");
    let schedule = schedule(&chip);
    let dump = Dump::parse(&text("dump.hex")).expect("all bytes");
    assert!(dump.bytes.iter().all(Option::is_some));
    assert!(dump == Dump::parse(&text("expected/dump.hex")).expect("all bytes"));
    let layers = schedule.layers.len();
    let counters = |name: &str| Counters::parse(&text(name), layers).expect("all counters");
    let counted = counters("counters.hex");
    assert_eq!(counted, counters("expected/counters.hex"));
    assert_eq!(counted.total.0, CYCLES);

    let log = WriteLog::parse(&text("writes.log")).expect("words");
    let written = log
        .tensors(&schedule, &chip)
        .expect("all layers of the array");
    let mut elements = 0;
    for (index, plan) in schedule.layers.iter().enumerate() {
        let layer = LayerId(index);
        let name = &schedule.graph.layers[index].name;
        let want = folder.join(format!("expected/{name}.npy"));
        let want: Array4<i32> = ndarray_npy::read_npy(want).expect("an expected output");
        let got = match plan {
            LayerPlan::Host => dump.tensor(&schedule, layer.output()).expect("in DRAM"),
            LayerPlan::Array(_) | LayerPlan::Vector { .. } => written[&layer].clone(),
        };
        assert!(got == want, "{name}");
        elements += got.len();
    }
    assert_eq!(written.len() + 1, layers, "one layer is on the host");
    verified(&folder);
    println!(
        "repvgg-mini on edge: {layers} layers, {elements} elements, {} bytes of DRAM, {} figures, {CYCLES} cycles",
        dump.bytes.len(),
        counted.figures().len()
    );
}

/// What the RTL left through the command: all equal, to the cycle; then one digit of the write log is another, then a
/// line is cut off.
fn verified(folder: &Path) {
    let verify = || {
        let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
            .args([
                "verify",
                STUDY,
                "--network",
                "repvgg-mini",
                "--chip",
                "edge",
            ])
            .args(["--cycles", "check", "--dump"])
            .arg(folder)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the command starts");
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        (output.status.code(), told)
    };
    let (code, told) = verify();
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("of 11 of 11 layers of repvgg-mini"), "{told}");
    let path = folder.join("writes.log");
    let whole = fs::read_to_string(&path).expect("the file is there");
    let (cycle, _) = whole.split_once(' ').expect("a cycle first");
    let first = whole.find('\n').expect("a line") - 1;
    let digit = if whole.as_bytes()[first] == b'0' {
        "1"
    } else {
        "0"
    };
    let mut changed = whole.clone();
    changed.replace_range(first..=first, digit);
    fs::write(&path, &changed).expect("it can be written");
    let (code, told) = verify();
    assert_eq!(code, Some(1), "{told}");
    let written = format!("written   cycle {cycle}, by writes.log");
    for words in [&*written, "PE row 0", "bank ", "lane 0", "MISMATCH: 1 of "] {
        assert!(told.contains(words), "{words}: {told}");
    }
    fs::write(&path, &whole[..whole.len() - 9]).expect("it can be written");
    let (code, told) = verify();
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("error[") && told.contains("line"), "{told}");
}
