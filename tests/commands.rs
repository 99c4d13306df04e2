//! The everyday commands: lists, schemas, texts of the stages, completions, manual pages, wrong arguments.

use snapbox::cmd::{Command, cargo_bin};
use snapbox::{file, str};
use std::fs;
use std::path::Path;

const STUDY: &str = "configs/studies/repvgg-vs-resnet.toml";

fn repchip() -> Command {
    Command::new(cargo_bin!("repchip"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("COLUMNS", "140")
}

/// Standard output of a command that succeeds and says nothing else.
fn told(arguments: &[&str]) -> String {
    let output = repchip().args(arguments).output().expect("it starts");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{error}");
    String::from_utf8(output.stdout).expect("results are text")
}

#[test]
fn a_schema_is_printed_as_committed() {
    for kind in ["chip", "study"] {
        let committed = fs::read_to_string(format!("configs/schema/{kind}.json"));
        assert_eq!(told(&["schema", kind]), committed.expect("it is there"));
    }
}

#[test]
fn chips_are_listed_with_their_figures() {
    repchip()
        .args(["list", "chips"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(file!["commands/chips.txt"]);
}

#[test]
fn a_broken_chip_is_told_after_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = fs::read_to_string("configs/chips/tiny.toml").expect("it is shipped");
    fs::write(folder.path().join("tiny.toml"), &tiny).expect("it can be written");
    let broken = tiny.replace("rows = { value = 2,", "rows = { value = 0,");
    assert_ne!(broken, tiny);
    fs::write(folder.path().join("broken.toml"), broken).expect("it can be written");
    let arguments = ["list", "chips", folder.path().to_str().expect("a path")];
    let output = repchip().args(arguments).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stdout).contains(" tiny "));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        error.contains("config::out_of_range") && error.contains("broken.toml:"),
        "{error}"
    );
}

#[test]
fn a_folder_without_chips_is_refused() {
    let empty = tempfile::tempdir().expect("a folder");
    for (folder, code) in [
        ("no/such", "list::folder"),
        (empty.path().to_str().expect("a path"), "list::no_chip"),
    ] {
        let output = repchip()
            .args(["list", "chips", folder])
            .output()
            .expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(code) && error.contains("help:"), "{error}");
    }
}

#[test]
fn lists_are_also_json() {
    let json = |what| -> serde_json::Value {
        serde_json::from_str(&told(&["list", what, "--json"])).expect("it is JSON")
    };
    let chips = json("chips");
    assert_eq!(chips.as_array().expect("a list").len(), 7);
    assert_eq!(chips[0]["name"], "edge");
    assert_eq!(chips[0]["peak_macs_per_cycle"], 576);
    assert_eq!(chips[0]["file"], "configs/chips/edge.toml");
    assert_eq!(chips[0]["dram_gigabytes_per_second"], 12.8);
    let networks = json("networks");
    let named = |name: &str| {
        networks
            .as_array()
            .expect("a list")
            .iter()
            .find(|n| n["name"] == name)
            .cloned()
    };
    assert_eq!(
        named("repvgg-a0").expect("it is built in")["fused_parameters"],
        8_309_384
    );
}

#[test]
fn the_help_of_golden_tells_every_file_and_flag() {
    repchip()
        .args(["golden", "--help"])
        .assert()
        .success()
        .stderr_eq("")
        .stdout_eq(file!["commands/golden.help.txt"]);
}

#[test]
fn stages_are_stable_text() {
    let small = ["--set", "networks.repvgg-mini.input=[12,12,1]"];
    for (stage, golden) in [
        ("graph", file!["commands/repvgg-mini.graph.txt"]),
        ("schedule", file!["commands/edge-repvgg-mini.schedule.txt"]),
    ] {
        let arguments = [
            "run",
            STUDY,
            "--emit",
            stage,
            "--network",
            "repvgg-mini",
            "--chip",
            "edge",
        ];
        repchip()
            .args(arguments)
            .args(small)
            .assert()
            .success()
            .stderr_eq("")
            .stdout_eq(golden.raw());
    }
}

#[test]
fn the_fetches_of_every_layer_add_up_to_its_weights() {
    let text = told(&[
        "run",
        STUDY,
        "--emit",
        "schedule",
        "--network",
        "resnet-18",
        "--chip",
        "edge-general",
    ]);
    let figure = |line: &str, key: &str| -> u64 {
        let word = line.split(' ').find_map(|word| word.strip_prefix(key));
        word.expect("the key is there").parse().expect("a number")
    };
    // Layer 2 has its weights fetched once: 64 kernels of 3x3x64 bytes and 16 bytes of parameters for each.
    let fetches = text
        .lines()
        .filter(|line| line.contains(" dma fetch layer=2 "));
    let mut next = None;
    let mut bytes = 0;
    for line in fetches {
        let address = figure(line, "address=");
        assert!(next.is_none_or(|next| next == address), "{line}");
        next = Some(address + figure(line, "bytes="));
        bytes += figure(line, "bytes=");
    }
    assert_eq!(bytes, 64 * (9 * 64 + 16));
}

#[test]
fn texts_go_to_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let listed = told(&[
        "run",
        STUDY,
        "--emit",
        "graph",
        "--emit",
        "schedule",
        "--network",
        "resnet-mini",
        "--out",
        out,
    ]);
    let names: Vec<&str> = listed
        .lines()
        .filter_map(|path| path.rsplit('/').next())
        .collect();
    let wanted = [
        "resnet-mini.graph.txt",
        "edge-resnet-mini.schedule.txt",
        "edge-general-resnet-mini.schedule.txt",
    ];
    assert_eq!(names, wanted);
    for name in wanted {
        let text = fs::read_to_string(folder.path().join(name)).expect("it is written");
        assert!(text.contains("resnet-mini form=folded"), "{name}");
    }
}

#[test]
fn layers_are_printed_on_request_and_quiet_says_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(STUDY).expect("it is shipped");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let head = text.split("[[networks]]").next().expect("a head");
    let study = head.replace(
        "../chips",
        &root.join("configs/chips").display().to_string(),
    ) + "[[networks]]\nid = \"mini\"\nname = \"repvgg-mini\"\nform = \"deploy\"\ninput = [8, 8, 1]\n";
    let path = folder.path().join("study.toml");
    fs::write(&path, study).expect("it can be written");
    let [study, out] = [&path, &folder.path().join("out")].map(|path| path.display().to_string());
    let plain = told(&["run", &study, "--out", &out]);
    let quiet = told(&["run", &study, "--out", &out, "--quiet", "--layers"]);
    assert!(!plain.contains("stage2.3") && !plain.contains("Layers of"));
    for words in [
        "Layers of mini on edge\n",
        "Layers of mini on edge-general\n",
        "stage2.3",
    ] {
        assert!(quiet.contains(words), "{quiet}");
    }
    let (_, report) = plain
        .rsplit_once('\n')
        .expect("lines")
        .0
        .rsplit_once('\n')
        .expect("lines");
    assert!(quiet.ends_with(&format!("{report}\n")), "{quiet}");
}

#[test]
fn shells_complete_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = told(&["completions", shell]);
        for word in ["quantise", "tensors", "schema"] {
            assert!(script.contains(word), "{shell} {word}");
        }
    }
}

#[test]
fn manual_pages_are_written_one_a_command() {
    let page = told(&["man"]);
    assert!(page.contains(".TH repchip 1") && page.contains("Exit codes:"));
    let folder = tempfile::tempdir().expect("a folder");
    told(&["man", "--out", folder.path().to_str().expect("a path")]);
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("it is readable")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    for name in [
        "repchip.1",
        "repchip-run.1",
        "repchip-list-chips.1",
        "repchip-man.1",
    ] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    let run = fs::read_to_string(folder.path().join("repchip-run.1")).expect("it is written");
    assert!(run.contains("Also print a table"), "{run}");
}

#[test]
fn the_version_is_printed() {
    repchip()
        .arg("--version")
        .assert()
        .success()
        .stdout_eq(str!["repchip [..]\n"]);
}

#[test]
fn wrong_arguments_exit_with_2_and_a_remedy() {
    for (arguments, words) in [
        (&[][..], "Usage: repchip <COMMAND>"),
        (&["rum", STUDY], "a similar subcommand exists: 'run'"),
        (
            &["run", STUDY, "--layer"],
            "a similar argument exists: '--layers'",
        ),
        (&["run"], "<STUDY>"),
        (
            &["run", STUDY, "--emit", "schedul"],
            "a similar value exists: 'schedule'",
        ),
        (&["run", STUDY, "--chip", "edge"], "--emit"),
        (
            &["run", STUDY, "--emit", "graph", "--png"],
            "cannot be used with",
        ),
        (
            &["run", STUDY, "--emit", "graph", "--network", "resnet"],
            "run::which_network",
        ),
        (
            &["run", STUDY, "--emit", "schedule", "--chip", "tiny"],
            "run::which_chip",
        ),
        (&["schema", "chips"], "a similar value exists: 'chip'"),
        (&["completions", "csh"], "possible values"),
        (&["list", "chip"], "a similar subcommand exists: 'chips'"),
    ] {
        let output = repchip().args(arguments).output().expect("it starts");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(
            error.contains(words) && error.contains("help"),
            "{arguments:?}: {error}"
        );
        assert!(
            output.stdout.is_empty() && !error.contains('\u{1b}'),
            "{error}"
        );
    }
}
