//! Two runs side by side: what is told of good files, how bad ones are refused, and laws of every difference.
//!
//! `tests/errors/diff/x.json` is a bad file, `x.stderr` what the command prints of it. `tests/golden/diff`
//! holds a small good file and what is told of two real runs. With `REPCHIP_BLESS=1` both are written anew.

use proptest::prelude::*;
use repchip::cli::problem::render;
use repchip::problem::SourceFile;
use repchip::report::diff::{Diff, csv, machine, verdict};
use repchip::report::json::read::{LayerRun, NetworkRun, Run};
use repchip::time::{Account, Cause};
use repchip::units::{Bytes, Cycles};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

const GOOD: &str = "tests/golden/diff/small.json";

fn repchip(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .env_remove("COLUMNS")
        .current_dir(folder)
        .output()
        .expect("the command starts")
}

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn bless() -> bool {
    std::env::var_os("REPCHIP_BLESS").is_some()
}

/// Compares with a committed file, or writes it.
fn expect(path: &Path, got: &str) {
    if bless() {
        fs::write(path, got).expect("the file can be written");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(committed == got, "{} is not:\n{got}", path.display());
}

/// Bad files, and files that are not there but have a message.
fn cases() -> BTreeSet<PathBuf> {
    let folder = fs::read_dir(here().join("tests/errors/diff")).expect("the folder is there");
    let names = folder.map(|entry| entry.expect("it can be read").path());
    names.map(|path| path.with_extension("")).collect()
}

fn bad(case: &Path) -> String {
    let name = case.file_name().expect("a name").to_string_lossy();
    format!("tests/errors/diff/{name}.json")
}

#[test]
fn each_bad_file_is_refused_with_its_message() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for case in cases {
        let output = repchip(here(), &["diff", &bad(&case), GOOD]);
        assert_eq!(output.status.code(), Some(2), "{}", case.display());
        assert!(output.stdout.is_empty(), "{}", case.display());
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error[diff::") && stderr.contains("help: "));
        expect(&case.with_extension("stderr"), &stderr);
    }
}

#[test]
fn problems_of_both_files_come_at_once_and_a_huge_file_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let huge = folder.path().join("huge.json");
    let file = fs::File::create(&huge).expect("a file");
    file.set_len((256 << 20) + 1).expect("a file with a hole");
    let huge = huge.to_str().expect("a plain path");
    let output = repchip(here(), &["diff", huge, "no_such_file.json"]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("error[diff::too_large]"), "{stderr}");
    assert!(stderr.contains("error[diff::no_file]"), "{stderr}");
}

#[test]
fn a_limit_that_is_no_percentage_is_refused() {
    for limit in ["-1", "nan", "inf", "ten", ""] {
        let output = repchip(here(), &["diff", GOOD, GOOD, "--fail-over", limit]);
        assert_eq!(output.status.code(), Some(2), "{limit}");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error[diff::bad_limit]"), "{stderr}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn equal_runs_have_no_difference() {
    let output = repchip(here(), &["diff", GOOD, GOOD, "--fail-over", "0"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).starts_with("no difference\n"));
}

#[test]
fn a_folder_that_cannot_be_written_is_exit_3() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    let below = file.join("out");
    let below = below.to_str().expect("a plain path");
    for flag in ["--out", "--json"] {
        let output = repchip(here(), &["diff", GOOD, GOOD, flag, below]);
        assert_eq!(output.status.code(), Some(3), "{flag}");
    }
}

/// A folder with two real runs of the small networks, `a.json` and `b.json`; B's DRAM is slower.
fn two_runs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let shipped = here().join("configs/studies/repvgg-vs-resnet.toml");
    let shipped = fs::read_to_string(shipped).expect("the study is shipped");
    let head = shipped.split("[[networks]]").next().expect("a head");
    let chips = "chips = [\"../chips/edge.toml\", \"../chips/edge-general.toml\"]";
    assert!(head.contains(chips));
    let networks = [
        "repvgg-mini\"\nform = \"deploy",
        "resnet-mini\"\nform = \"folded",
    ];
    let networks = networks.map(|words| {
        let id = words.split('"').next().expect("an id");
        format!("[[networks]]\nid = \"{id}\"\nname = \"{words}\"\ninput = [28, 28, 1]\n\n")
    });
    let study = head.replace(chips, "chips = [\"edge.toml\"]") + &networks.concat();
    fs::write(folder.path().join("pair.toml"), study).expect("a file");
    let chip = here().join("configs/chips/edge.toml");
    fs::copy(chip, folder.path().join("edge.toml")).expect("a copy");
    let slower = ["--set", "chip.dram.latency_cycles=200"];
    for (file, flags) in [("a.json", &[][..]), ("b.json", &slower[..])] {
        let arguments = [&["run", "pair.toml", "--out", "out", "--json", file], flags].concat();
        let output = repchip(folder.path(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    folder
}

#[test]
fn two_real_runs_are_told_as_committed() {
    let folder = two_runs();
    let golden = here().join("tests/golden/diff");
    let arguments = [
        "diff", "a.json", "b.json", "--out", "d", "--png", "--json", "d.json",
    ];
    let output = repchip(folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    expect(&golden.join("terminal.txt"), &text(&output.stdout));
    let page = fs::read_to_string(folder.path().join("d/diff.md")).expect("the page");
    expect(&golden.join("diff.md"), &page);
    for name in ["waterfall-repvgg-mini", "waterfall-resnet-mini"] {
        let path = folder.path().join("d").join(name);
        assert!(page.contains(&format!("({name}.svg)")));
        assert!(path.with_extension("svg").is_file() && path.with_extension("png").is_file());
    }
    let json = fs::read(folder.path().join("d.json")).expect("the JSON");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("it is JSON");
    assert_eq!(json["config"][0]["key"], "chip.dram.latency_cycles");
    assert_eq!(json["config"].as_array().map(Vec::len), Some(1));
    assert_eq!(json["differs"], true);

    let limited = |limit| {
        repchip(
            folder.path(),
            &["diff", "a.json", "b.json", "--fail-over", limit],
        )
    };
    assert_eq!(limited("100").status.code(), Some(0));
    let over = limited("0.5");
    assert_eq!(over.status.code(), Some(1));
    let beside = here().join("tests/errors/output/slower.stderr");
    expect(&beside, &text(&over.stderr));
    assert!(text(&over.stdout).starts_with("repvgg-mini: "));
    let back = ["diff", "b.json", "a.json", "--fail-over", "0"];
    assert_eq!(repchip(folder.path(), &back).status.code(), Some(0));
}

fn account() -> impl Strategy<Value = Account> {
    prop::collection::vec(prop_oneof![Just(0), 0_u64..100_000], 17).prop_map(|cycles| {
        let mut account = Account::default();
        for (cause, cycles) in Cause::ALL.into_iter().zip(cycles) {
            account.add(cause, Cycles(cycles));
        }
        account
    })
}

fn layer(name: usize) -> impl Strategy<Value = LayerRun> {
    (account(), prop::array::uniform6(0_u64..1_000_000)).prop_map(move |(account, dram)| LayerRun {
        name: format!("layer{name}"),
        op: "conv".to_owned(),
        account,
        dram: dram.map(Bytes),
    })
}

/// A network of some of nine layers.
fn network(id: &'static str) -> impl Strategy<Value = NetworkRun> {
    let layers: Vec<_> = (0..9).map(|name| prop::option::of(layer(name))).collect();
    layers.prop_map(move |layers| {
        let layers: Vec<LayerRun> = layers.into_iter().flatten().collect();
        let (mut account, mut dram) = (Account::default(), [Bytes(0); 6]);
        for layer in &layers {
            account.merge(&layer.account);
            for (sum, bytes) in dram.iter_mut().zip(layer.dram) {
                *sum = Bytes(sum.0 + bytes.0);
            }
        }
        NetworkRun {
            id: id.to_owned(),
            name: id.to_owned(),
            form: "deploy".to_owned(),
            macs: 1,
            params: 1,
            latency_ms: 1.0,
            images_per_s: 1.0,
            utilisation: 0.5,
            peak_activation: Bytes(1),
            peak_live_elements: 1,
            account,
            dram,
            layers,
            accuracy: None,
        }
    })
}

fn run() -> impl Strategy<Value = Run> {
    (network("one"), network("two"), any::<bool>()).prop_map(|(one, two, both)| Run {
        path: "run.json".to_owned(),
        version: "0.1.0".to_owned(),
        command: "repchip run study.toml".to_owned(),
        chip: "edge".to_owned(),
        clock_hz: 1_000_000,
        batch: 1,
        config: Vec::new(),
        networks: if both { vec![one, two] } else { vec![one] },
    })
}

fn whole(text: &str) -> i128 {
    text.parse().expect("a whole number")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn a_run_does_not_differ_from_itself(a in run()) {
        let diff = Diff::of(&a, &a).expect("a common network");
        prop_assert!(!diff.differs());
        prop_assert_eq!(verdict::sentences(&diff), ["no difference"]);
        prop_assert!(diff.networks.iter().all(|network| network.steps().is_empty()));
        let limit = verdict::Limit::parse("0").expect("a limit");
        prop_assert!(verdict::slower(&diff, limit).is_empty());
    }

    #[test]
    fn causes_layers_and_the_waterfall_add_up_to_the_difference(a in run(), b in run()) {
        let diff = Diff::of(&a, &b).expect("a common network");
        for network in &diff.networks {
            let total = whole(&network.total().difference());
            let causes = network.causes.iter().map(|(_, change)| whole(&change.difference()));
            prop_assert_eq!(causes.sum::<i128>(), total);
            let layers = network.layers.iter().map(|layer| whole(&layer.total.difference()));
            prop_assert_eq!(layers.sum::<i128>(), total);
            let steps = network.steps();
            let mut at = 0;
            for step in &steps {
                prop_assert_eq!(step.start, at);
                prop_assert!(step.end != step.start);
                at = step.end;
            }
            prop_assert_eq!(at, total);
        }
        let both = a.networks.len().min(b.networks.len());
        prop_assert_eq!(diff.networks.len(), both);
        prop_assert_eq!(both + diff.only_a.len(), a.networks.len());
        prop_assert_eq!(both + diff.only_b.len(), b.networks.len());
        let rows = csv::rows(&diff);
        prop_assert!(::csv::Reader::from_reader(rows.as_slice()).records().all(|row| row.is_ok()));
        prop_assert!(serde_json::from_str::<serde_json::Value>(&machine::text(&diff)).is_ok());
    }

    /// However a file is damaged, it is a run or it is refused with a message; nothing panics.
    #[test]
    fn a_damaged_file_is_refused_in_words(
        place in 0_usize..2_000,
        length in 0_usize..40,
        put in prop::sample::select(vec![
            "", "{", "}", "[", "]", "\"", ",", "-", "1e9", "null", "\u{e9}", "\\ud800", "99999999999999999999", "0",
        ]),
    ) {
        let good = fs::read_to_string(here().join(GOOD)).expect("it is committed");
        let start = good.floor_char_boundary(place.min(good.len()));
        let end = good.floor_char_boundary((start + length).min(good.len()));
        let text = format!("{}{put}{}", &good[..start], &good[end..]);
        let file = Arc::new(SourceFile { path: "damaged.json".to_owned(), text });
        if let Err(problem) = Run::parse(&file) {
            prop_assert!(problem.code.starts_with("diff::") && !problem.help.is_empty());
            let drawn = render(&problem.into(), false);
            prop_assert!(drawn.contains("help: "), "{drawn}");
        }
    }
}
