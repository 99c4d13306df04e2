//! Every bad file of `tests/errors` is refused with the message beside it.
//!
//! `x.toml` is the file, `x.set` holds flags laid over it, one a line, `x.stderr` what is printed. With
//! `REPCHIP_BLESS=1` the messages are written anew.

use proptest::prelude::*;
use repchip::chip::Chip;
use repchip::cli::problem::render;
use repchip::problem::{OverrideFlag, Problems};
use repchip::study::Study;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const NETWORKS: [&str; 4] = ["repvgg-a0", "repvgg-a2", "resnet-18", "resnet-50-v1"];

/// The cases of a folder, by their names without ending.
fn cases(folder: &str) -> BTreeSet<PathBuf> {
    // Relative, so that messages hold no path of this machine; tests start in the package's folder.
    fs::read_dir(folder)
        .expect("the folder of bad files exists")
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| path.extension().is_some())
        .map(|path| path.with_extension(""))
        .collect()
}

fn flags(case: &Path) -> Vec<OverrideFlag> {
    fs::read_to_string(case.with_extension("set"))
        .unwrap_or_default()
        .lines()
        .map(OverrideFlag::new)
        .collect()
}

fn refuse_chip(case: &Path) -> Problems {
    Chip::read_with(&case.with_extension("toml"), &flags(case))
        .expect_err(&format!("{} is a bad chip", case.display()))
}

fn refuse_study(case: &Path) -> Problems {
    Study::read_with(&case.with_extension("toml"), &flags(case), &NETWORKS)
        .expect_err(&format!("{} is a bad study", case.display()))
}

fn all() -> BTreeMap<PathBuf, Problems> {
    let mut all = BTreeMap::new();
    for case in cases("tests/errors/chip") {
        let problems = refuse_chip(&case);
        all.insert(case, problems);
    }
    for case in cases("tests/errors/study") {
        let problems = refuse_study(&case);
        all.insert(case, problems);
    }
    all
}

#[test]
fn each_bad_file_has_its_message() {
    let bless = std::env::var_os("REPCHIP_BLESS").is_some();
    let mut wrong = Vec::new();
    for (case, problems) in all() {
        let stderr = case.with_extension("stderr");
        let got = render(&problems, false);
        if bless {
            fs::write(&stderr, got).expect("messages can be written");
        } else if fs::read_to_string(&stderr).unwrap_or_default() != got {
            wrong.push(format!("{}:\n{got}", stderr.display()));
        }
    }
    assert!(
        wrong.is_empty(),
        "other messages than committed:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn each_problem_has_a_sentence_a_remedy_and_a_good_code() {
    for (case, problems) in all() {
        assert!(!problems.0.is_empty(), "{}", case.display());
        for problem in problems.0 {
            let (room, what) = problem.code.split_once("::").expect("room::what");
            assert!(
                ["config", "chip", "study"].contains(&room),
                "{}",
                problem.code
            );
            assert!(
                !what.is_empty() && !problem.message.is_empty(),
                "{}",
                problem.code
            );
            assert!(!problem.help.trim().is_empty(), "{}", problem.code);
        }
    }
}

#[test]
fn all_problems_of_a_file_come_at_once() {
    let problems = refuse_chip(Path::new("tests/errors/chip/many"));
    assert_eq!(problems.0.len(), 8);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    /// However a file is damaged, it is a chip or it is refused with a message; nothing panics.
    #[test]
    fn a_damaged_file_is_refused_in_words(
        line in 0_usize..60,
        value in prop::sample::select(vec![
            "0", "1", "-1", "7", "64", "1048576", "4294967296", "9223372036854775807",
            "18446744073709551616", "1e300", "-0.0", "nan", "-inf", "\"\"", "\"packed\"", "true", "[]",
            "{}", "{ value = 1 }", "{ value = nan, source = \"\u{e9}\" }", "\u{e9}", "1979-05-27", "",
        ]),
    ) {
        let good = fs::read_to_string("configs/chips/edge-general.toml").expect("it is shipped");
        let damaged: Vec<_> = good
            .lines()
            .filter(|text| !text.starts_with('#'))
            .enumerate()
            .map(|(index, text)| match text.split_once(" = ") {
                Some((key, _)) if index == line => format!("{key} = {value}"),
                _ => text.to_owned(),
            })
            .collect();
        if let Err(problems) = Chip::parse("damaged.toml", &damaged.join("\n")) {
            let drawn = render(&problems, false);
            prop_assert!(drawn.starts_with("error[c") && drawn.contains("help: "), "{drawn}");
            prop_assert!(problems.0.iter().all(|problem| !problem.help.is_empty()));
        }
    }
}
