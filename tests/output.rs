//! Results that cannot be written: exit code 3, place and remedy, nothing half-written, old files as they were.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;

const INPUT: &str = "tests/errors/run/input";
const BINARY: &str = env!("CARGO_BIN_EXE_repchip");

/// A folder that holds the inputs, so that any user may read them, and a place for results.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        open(folder.path(), 0o755);
        let edge = fs::read_to_string("configs/chips/edge.toml").expect("it is shipped");
        let models = Path::new("tests/models").canonicalize().expect("models");
        for name in ["small.toml", "trained.toml"] {
            let study = fs::read_to_string(Path::new(INPUT).join(name)).expect("a study");
            let study = study
                .replace("../../../../configs/chips/edge.toml", "edge.toml")
                .replace("../../../models", &models.display().to_string());
            fs::write(folder.path().join(name), study).expect("it can be written");
        }
        fs::write(folder.path().join("edge.toml"), edge).expect("it can be written");
        for name in ["images.npy", "labels.npy"] {
            fs::copy(Path::new(INPUT).join(name), folder.path().join(name)).expect("copied");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `program` with `before`, then the command's own arguments.
    fn run(&self, before: &[&str], arguments: &[&str]) -> Output {
        let line: Vec<&str> = before.iter().chain(arguments).copied().collect();
        Command::new(line[0])
            .args(&line[1..])
            .current_dir(self.folder.path())
            .output()
            .expect("the command starts")
    }
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own folder");
}

/// Bytes of every file under `folder`, and every folder.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("its entries are readable").path();
        if path.is_dir() {
            found.extend(tree(&path));
            found.insert(path, Vec::new());
        } else {
            let bytes = fs::read(&path).expect("a file");
            found.insert(path, bytes);
        }
    }
    found
}

/// What each command writes, on a network that is only timed or on two small images.
const COMMANDS: [&[&str]; 5] = [
    &[
        "run",
        "small.toml",
        "--out",
        "out/report",
        "--set",
        "networks.seeded.execute=false",
    ],
    &[
        "run",
        "small.toml",
        "--png",
        "--out",
        "out/report",
        "--set",
        "networks.seeded.execute=false",
    ],
    &[
        "run",
        "small.toml",
        "--json",
        "out/x.json",
        "--out",
        "out/report",
        "--set",
        "networks.seeded.execute=false",
    ],
    &[
        "infer",
        "trained.toml",
        "--input",
        "images.npy",
        "--output",
        "out/y.npy",
        "--tensors",
        "out/layers",
    ],
    &["quantise", "trained.toml", "--out", "out/net.safetensors"],
];

fn refused(told: &Output, words: &[&str]) {
    let error = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(3), "{error}");
    assert!(told.stdout.is_empty(), "{error}");
    assert!(
        error.starts_with("error[report::write]: cannot write "),
        "{error}"
    );
    assert!(error.contains("= help: "), "{error}");
    assert!(!error.contains(".repchip-"), "a name of chance: {error}");
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// Without old results nothing is left; with old results they stay as they were.
fn keeps_all(bench: &Bench, before: &[&str], words: &[&str]) {
    for arguments in COMMANDS {
        let empty = tree(bench.folder.path());
        refused(&bench.run(before, arguments), words);
        assert!(
            tree(bench.folder.path()) == empty,
            "{arguments:?} leaves something"
        );
    }
    for arguments in COMMANDS {
        let told = bench.run(&[BINARY], arguments);
        assert!(
            told.status.success(),
            "{}",
            String::from_utf8_lossy(&told.stderr)
        );
    }
    let old = tree(bench.folder.path());
    for arguments in COMMANDS {
        // Other figures than before, so that a file that is replaced shows.
        let batch = [arguments, &["--set", "numerics.activation_bits=7"]].concat();
        refused(&bench.run(before, &batch), words);
        assert!(
            tree(bench.folder.path()) == old,
            "{arguments:?} changes something"
        );
    }
}

#[test]
fn a_disk_that_takes_no_more_keeps_what_is_there() {
    let limit = "ulimit -f 0; trap '' XFSZ; exec \"$0\" \"$@\"";
    keeps_all(
        &Bench::new(),
        &["sh", "-c", limit, BINARY],
        &["ulimit -f", "out"],
    );
}

/// Small files fit, the page does not: the small ones must not appear either.
#[test]
fn a_disk_that_takes_the_first_files_only_shows_none() {
    let bench = Bench::new();
    let limit = "ulimit -f 32; trap '' XFSZ; exec \"$0\" \"$@\"";
    let before = tree(bench.folder.path());
    refused(
        &bench.run(&["sh", "-c", limit, BINARY], COMMANDS[2]),
        &["File too large"],
    );
    assert!(tree(bench.folder.path()) == before);
}

#[test]
fn a_folder_that_is_a_file_is_told() {
    let bench = Bench::new();
    fs::write(bench.path("out"), "a file").expect("it can be written");
    let before = tree(bench.folder.path());
    for arguments in COMMANDS {
        refused(&bench.run(&[BINARY], arguments), &["a file stands where"]);
        assert!(tree(bench.folder.path()) == before, "{arguments:?}");
    }
}

/// Whether permissions bind us: an administrator writes everywhere.
fn privileged(folder: &Path) -> bool {
    open(folder, 0o555);
    let wrote = fs::write(folder.join("probe"), "").is_ok();
    open(folder, 0o755);
    if wrote {
        fs::remove_file(folder.join("probe")).expect("our own file");
    }
    wrote
}

#[test]
fn a_folder_of_somebody_else_is_told() {
    let bench = Bench::new();
    // An administrator becomes nobody, who reads only what lies here; weights in other folders are not for all.
    let copy = bench.path("repchip");
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "./repchip",
    ];
    let privileged = privileged(bench.folder.path());
    let before: &[&str] = if privileged {
        fs::copy(BINARY, copy).expect("the command is copied");
        &nobody
    } else {
        &[BINARY]
    };
    let old = bench.path("out/report");
    let closed: [&[PathBuf]; 2] = [&[bench.folder.path().to_owned()], &[bench.path("out"), old]];
    for folders in closed {
        for folder in folders {
            fs::create_dir_all(folder).expect("a folder");
        }
        folders.iter().for_each(|folder| open(folder, 0o555));
        let was = tree(bench.folder.path());
        for arguments in &COMMANDS[..3] {
            refused(
                &bench.run(before, arguments),
                &["Permission denied", "choose an output folder"],
            );
            assert!(tree(bench.folder.path()) == was, "{arguments:?}");
        }
        folders.iter().for_each(|folder| open(folder, 0o755));
    }
}

#[test]
fn a_full_standard_output_is_told() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let full = fs::File::options()
        .write(true)
        .open(full)
        .expect("a device");
    let output = Command::new(BINARY)
        .args(["list", "networks"])
        .stdout(full)
        .output()
        .expect("the command starts");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{error}");
    let beside = "tests/errors/output/full.stderr";
    assert_eq!(error, fs::read_to_string(beside).expect("a message"));
}

/// Whenever a run is interrupted, each file under its own name is whole.
#[test]
fn an_interrupted_run_leaves_whole_files_only() {
    let bench = Bench::new();
    let arguments = COMMANDS[1];
    assert!(bench.run(&[BINARY], arguments).status.success());
    let whole = tree(&bench.path("out"));
    for milliseconds in [0, 40, 80, 120, 200, 300, 500, 800] {
        fs::remove_dir_all(bench.path("out")).expect("our own folder");
        let mut child = Command::new(BINARY)
            .args(arguments)
            .current_dir(bench.folder.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("the command starts");
        // Not a wait for something: moments of the run, early to late, whatever the machine does in them.
        std::thread::sleep(Duration::from_millis(milliseconds));
        let id = child.id().to_string();
        Command::new("kill")
            .args(["-INT", &id])
            .status()
            .expect("`kill` is there");
        child.wait().expect("it ends");
        fs::create_dir_all(bench.path("out")).expect("our own folder");
        for (path, bytes) in tree(&bench.path("out")) {
            let name = path.file_name().expect("a name").to_string_lossy();
            let unnamed = name.starts_with(".repchip-");
            assert!(unnamed || whole[&path] == bytes, "{}", path.display());
        }
    }
}
