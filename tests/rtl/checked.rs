//! The bench in `dpi/`: Verilator runs cases on the RTL and compares DRAM with `libgolden` through DPI-C.

#[path = "dpi/library.rs"]
mod library;

use crate::cases::{Case, Class};
use crate::simulate::{folder, groups, root, started, write};
use crate::verilator;
use repchip::chip::{Chip, Pointwise};
use repchip::fixed::Overflow;
use repchip::quantise::freeze;
use repchip::reparam::LayerId;
use repchip::schedule::OpKind;
use repchip::units::count;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Cases of one shape: layers after one another, shortcuts, two-byte values, pooling on the host.
const CASES: [(Class, u64); 7] = [
    (Class::Chain, 1),
    (Class::Chain, 7),
    (Class::Residual, 1),
    (Class::Residual, 7),
    (Class::Wide, 1),
    (Class::Host, 1),
    (Class::Host, 7),
];
/// The programs run a thousand cycles: compiling is what takes time.
const QUICK: [&str; 5] = ["-O0", "--unroll-count", "1", "-CFLAGS", "-O0"];

/// A chip's file with the array of a case, the one thing that the golden model takes of it.
fn chip(case: &Case) -> String {
    let array = &case.chip.array;
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/tiny.toml");
    let text = fs::read_to_string(shipped).expect("it is shipped");
    let mut chip: toml::Table = text.parse().expect("it is TOML");
    let number = |n: usize| toml::Value::from(i64::try_from(n).expect("small"));
    let overflow = match array.pe.accumulator.overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::Trap => "trap",
    };
    let pointwise = match array.pointwise {
        Pointwise::Naive => "naive",
        Pointwise::Packed => "packed",
    };
    let bits = usize::from(array.pe.accumulator.bits);
    for (section, key, value) in [
        ("pe", "lanes", number(array.pe.lanes)),
        ("pe", "accumulators", number(array.pe.accumulators)),
        ("pe", "accumulator_bits", number(bits)),
        ("pe", "overflow", overflow.into()),
        ("array", "rows", number(array.rows)),
        ("array", "tile_h", number(array.tile_h)),
        ("array", "tile_w", number(array.tile_w)),
        ("array", "pointwise", pointwise.into()),
    ] {
        let section = chip[section].as_table_mut().expect("it is a section");
        section.insert(key.to_owned(), value);
    }
    chip.to_string()
}

/// Layers that leave their output in DRAM.
fn stored(case: &Case) -> BTreeSet<LayerId> {
    let ops = case.schedule.ops.iter();
    let stores = |kind: &OpKind| matches!(kind, OpKind::Store { .. } | OpKind::Host { .. });
    ops.filter(|op| stores(&op.kind))
        .map(|op| op.layer)
        .collect()
}

/// Runs the bench on the files of a case.
fn run(program: &Path, folder: &Path, case: &Case, more: &[String]) -> Result<String, String> {
    let [network, file] = ["network.safetensors", "chip.toml"].map(|name| folder.join(name));
    fs::write(&network, freeze::to_bytes(&case.network)).expect("the file can be written");
    fs::write(&file, chip(case)).expect("the file can be written");
    let read = Chip::read(&file).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.array, case.chip.array);
    let mut command = Command::new(program);
    command.arg(format!("+dir={}", folder.display()));
    command.arg(format!("+network={}", network.display()));
    command.arg(format!("+chip={}", file.display()));
    started(command.args(more))
}

/// Both runs of a case: how many words are compared, and that one wrong byte is found where it is.
fn compare(program: &Path, folder: &Path, case: &Case) -> usize {
    let title = &case.title;
    let stored = stored(case);
    let size = |layer: &LayerId| {
        case.tensors[layer.output().0]
            .index_axis(ndarray::Axis(0), 0)
            .len()
    };
    let words: usize = stored.iter().map(size).sum();
    let said = run(program, folder, case, &[]).unwrap_or_else(|text| panic!("{title}\n{text}"));
    let wanted = format!("OK: {words} words of {} layers in DRAM", stored.len());
    assert!(said.contains(&wanted), "{title}: not `{wanted}`\n{said}");

    let layer = *stored
        .iter()
        .nth(stored.len() / 2)
        .expect("the output is stored");
    let index = size(&layer) / 2;
    let tensor = layer.output().0;
    let bytes = case.schedule.numerics.activations[tensor].bytes().0;
    let flip = case.schedule.dram.tensors[tensor].0 + count(index) * bytes;
    let said = run(program, folder, case, &[format!("+flip={flip}")]);
    let said = said.expect_err("a wrong byte is a failure");
    let expected = case.tensors[tensor].iter().nth(index).expect("a value");
    let name = &case.schedule.graph.layers[layer.0].name;
    let found = expected ^ 1;
    let wanted =
        format!("MISMATCH: layer {name}, index {index}: expected {expected}, found {found}\n");
    assert!(said.contains(&wanted), "{title}: not `{wanted}`\n{said}");
    assert!(said.contains("ends with exit status: 1"), "{said}");
    words
}

#[test]
fn a_bench_compares_dram_with_the_golden_model_through_dpi() {
    let temporary = tempfile::tempdir().expect("a temporary folder can be made");
    let root = root(temporary.path());
    let cases = CASES.map(|(class, seed)| Case::new(class, seed));
    let groups = groups(cases.into());
    let [group] = &groups[..] else {
        panic!("the cases have {} shapes", groups.len())
    };
    for case in &group.cases {
        write(&folder(&root, case), case, &group.bounds);
    }
    let dpi = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rtl/dpi");
    let top = verilator::Top {
        name: "checked",
        sources: &["golden.svh", "checked.sv"].map(|name| dpi.join(name)),
        library: Some(&library::built()[1]),
        flags: &QUICK,
    };
    let program = verilator::compiled(&folder(&root, &group.cases[0]), &top);
    let program: PathBuf = program.unwrap_or_else(|message| panic!("{message}"));
    let each = |case: &Case| compare(&program, &folder(&root, case), case);
    let words: usize = group.cases.iter().map(each).sum();
    println!("{words} words through DPI-C");
}
