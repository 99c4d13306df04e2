//! A second simulator: cases that Icarus Verilog runs too, compiled by Verilator once for one shape.
//!
//! One simulator may be wrong: what both and the model agree on is not an accident of either.

use crate::cases::Case;
use crate::simulate::{answers, folder, groups, hardware, sources, started, write};
use rayon::prelude::*;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Another Verilator than that of the virtual environment.
const PROGRAM: &str = "REPCHIP_VERILATOR";

/// Held while a shape is compiled.
static COMPILING: Mutex<()> = Mutex::new(());

/// Flags that a C++ compiler older than the one Verilator expects needs.
const FLAGS: [&str; 7] = [
    "--binary",
    "--timing",
    "-Wno-fatal",
    "-CFLAGS",
    "-std=gnu++20 -fcoroutines -O1",
    "-MAKEFLAGS",
    "CFG_CXXFLAGS_PCH_I=-include",
];

/// Runs the cases of the shape that most of them have; how many these are, and a text for each that differs.
pub(crate) fn all(cases: Vec<Case>) -> (usize, Vec<String>) {
    let groups = groups(cases);
    let group = (groups.iter().rev())
        .max_by_key(|group| group.cases.len())
        .expect("there are cases");
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    for case in &group.cases {
        write(&folder(root.path(), case), case, &group.bounds);
    }
    let shape = folder(root.path(), &group.cases[0]);
    let program = match program(&shape) {
        Ok(program) => program,
        Err(message) => return (0, vec![message]),
    };
    let run = |case: &Case| {
        let differs = answers(&folder(root.path(), case), case, Command::new(&program)).err();
        differs.map(|text| format!("{}\n{text}", case.title))
    };
    let failures: Vec<Option<String>> = group.cases.par_iter().map(run).collect();
    (group.cases.len(), failures.into_iter().flatten().collect())
}

fn verilator() -> Command {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/venv/bin/verilator-cli");
    Command::new(std::env::var(PROGRAM).map_or(installed, PathBuf::from))
}

/// As Verilator names itself.
pub(crate) fn version() -> String {
    let said = started(verilator().arg("--version")).unwrap_or_else(|error| panic!("{error}"));
    format!("Verilator {}", said.trim())
}

/// A top module: its sources and the library it calls, beside the RTL, and flags of its own.
#[derive(Hash)]
pub(crate) struct Top<'a> {
    pub(crate) name: &'a str,
    pub(crate) sources: &'a [PathBuf],
    pub(crate) library: Option<&'a Path>,
    pub(crate) flags: &'a [&'a str],
}

/// The compiled RTL of the shape in `folder`; kept below `target` until RTL, shape or flags change.
pub(crate) fn program(folder: &Path) -> Result<PathBuf, String> {
    let bench = Top {
        name: "bench",
        sources: &[],
        library: None,
        flags: &[],
    };
    compiled(folder, &bench)
}

/// The same under another top module; the library is not compiled in, but found again when the program starts.
pub(crate) fn compiled(folder: &Path, top: &Top<'_>) -> Result<PathBuf, String> {
    let mut state = DefaultHasher::new();
    (FLAGS, top).hash(&mut state);
    let shape = [folder.join("shape.svh")];
    for path in [&sources("sv"), &sources("svh"), &shape[..], top.sources].concat() {
        fs::read(&path)
            .expect("a source can be read")
            .hash(&mut state);
    }
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
    let place = target.join(format!("verilated/{:016x}", state.finish()));
    // Tests of this process that want one shape at the same time: the first compiles it.
    let _alone = COMPILING.lock().unwrap_or_else(PoisonError::into_inner);
    if place.join("bench").is_file() {
        return Ok(place.join("bench"));
    }
    let made = place.with_extension(std::process::id().to_string());
    fs::create_dir_all(&made).expect("target can be written");
    let mut command = verilator();
    command.args(FLAGS).args(top.flags);
    command.args(["-j", "2", "--top-module", top.name, "-o", "bench", "--Mdir"]);
    command.arg(&made);
    let own = top.sources.iter().filter_map(|path| path.parent());
    for included in own.chain([folder, &hardware()]) {
        command.arg(format!("-I{}", included.display()));
    }
    let compiled = top
        .sources
        .iter()
        .filter(|path| path.extension() == Some("sv".as_ref()));
    command.args(sources("sv")).args(compiled);
    started(command.args(top.library))?;
    // Another process may have been faster: then its program stands there.
    let _ = fs::rename(&made, &place);
    Ok(place.join("bench"))
}
