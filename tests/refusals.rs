//! The command refuses what it cannot use: exit code, place and remedy of each case of `tests/errors/run`.
//!
//! `x.cmd` holds the arguments, one a line; `[OUT]` stands for a folder that is not there yet. `x.stderr` is the exit
//! code and what is printed. With `REPCHIP_BLESS=1` the messages are written anew.

use rayon::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FOLDER: &str = "tests/errors/run";

struct Refused {
    code: i32,
    stderr: String,
    /// Files and folders that came to be.
    left: usize,
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(FOLDER).expect("the folder of cases is there");
    let mut cases: Vec<PathBuf> = entries
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| path.extension().is_some_and(|e| e == "cmd"))
        .collect();
    cases.sort();
    cases
}

fn refuse(case: &Path) -> Refused {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let out = out.to_str().expect("a plain path");
    let arguments = fs::read_to_string(case).expect("the arguments are text");
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments.lines().map(|line| line.replace("[OUT]", out)))
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.is_empty(), "{}: {told}", case.display());
    Refused {
        code: output.status.code().expect("it ends by itself"),
        stderr: String::from_utf8_lossy(&output.stderr).replace(out, "[OUT]"),
        left: fs::read_dir(folder.path()).expect("a folder").count(),
    }
}

/// Each case, run once.
fn all() -> BTreeMap<PathBuf, Refused> {
    cases()
        .into_par_iter()
        .map(|case| {
            let refused = refuse(&case);
            (case, refused)
        })
        .collect()
}

#[test]
fn each_case_has_its_code_its_place_and_its_remedy() {
    let bless = std::env::var_os("REPCHIP_BLESS").is_some();
    let mut wrong = Vec::new();
    let mut bad_inputs = 0;
    for (case, refused) in all() {
        let name = case.display();
        assert!((1..=3).contains(&refused.code), "{name}: {}", refused.code);
        assert_eq!(refused.left, 0, "{name} leaves something behind");
        assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
        assert!(remedied(&refused.stderr), "{name}:\n{}", refused.stderr);
        bad_inputs += usize::from(refused.code == 2);
        let got = format!("exit code {}\n{}", refused.code, refused.stderr);
        let beside = case.with_extension("stderr");
        if bless {
            fs::write(&beside, got).expect("messages can be written");
        } else if fs::read_to_string(&beside).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", beside.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "other messages than committed:\n{}",
        wrong.join("\n")
    );
    assert!(bad_inputs >= 30, "{bad_inputs} bad inputs");
}

/// Each problem has a help; an argument that is no argument is shown with the usage.
fn remedied(stderr: &str) -> bool {
    let problems = stderr.matches("error[").count();
    let helps = stderr
        .lines()
        .filter_map(|line| line.split_once("= help: "))
        .filter(|(_, help)| !help.trim().is_empty())
        .count();
    let usage = stderr.starts_with("error: ") && stderr.contains("--help");
    usage || (problems > 0 && helps == problems)
}
