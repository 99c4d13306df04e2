//! `repchip verify`: what `repchip golden` expects passes in every form, and what is spoilt is told with its place.
//!
//! `tests/errors/verify/x.stderr` is what a case prints on standard error; with `REPCHIP_BLESS=1` it is written anew.

use ndarray::Array4;
use ndarray_npy::{read_npy, write_npy};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

/// A trained network on one chip.
const STUDY: &str = "tests/knobs/study.toml";
/// Another, whose dumps are of no use to the first.
const OTHER: &str = "configs/studies/repvgg-vs-resnet.toml";

fn repchip(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts")
}

fn golden(study: &str, more: &[&str]) -> TempDir {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().to_str().expect("a plain path");
    let output = repchip(&[&["golden", study, "--out", out], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    root
}

static GOLDEN: LazyLock<TempDir> = LazyLock::new(|| golden(STUDY, &[]));

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The folder of a run of the RTL that does what the model says: what it ran, and its answers beside.
struct Set {
    root: TempDir,
}

impl Set {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let from = GOLDEN.path().join("edge/mini");
        let set = Self { root };
        fs::create_dir(set.at("expected")).expect("a folder");
        for (folder, to) in [(from.clone(), ""), (from.join("expected"), "expected")] {
            for entry in fs::read_dir(folder).expect("it is written") {
                let path = entry.expect("it is readable").path();
                if path.is_file() {
                    let name = path.file_name().expect("a file");
                    fs::copy(&path, set.at(to).join(name)).expect("it can be copied");
                }
            }
        }
        for name in ["dump.hex", "counters.hex"] {
            let answer = set.at("expected").join(name);
            fs::rename(answer, set.at(name)).expect("it can be moved");
        }
        set
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).expect("it is there")
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).expect("it can be written");
    }

    fn tensor(&self, layer: &str) -> Array4<i32> {
        read_npy(self.at(&format!("expected/{layer}.npy"))).expect("a tensor")
    }

    /// A tensor as a hex file in a folder of its own.
    fn hex(&self, layer: &str, word: impl Fn(usize, i32) -> String) {
        let words = self.tensor(layer).into_iter().enumerate();
        let lines: String = words.map(|(at, value)| word(at, value) + "\n").collect();
        self.write(&format!("{layer}.hex"), lines);
    }

    /// Changes line `line`, from 0, of a file of words.
    fn word(&self, name: &str, line: usize, change: impl Fn(&str) -> String) {
        let text = self.read(name);
        let lines = text.lines().enumerate();
        let changed: Vec<String> = lines
            .map(|(at, word)| {
                if at == line {
                    change(word)
                } else {
                    word.to_owned()
                }
            })
            .collect();
        self.write(name, changed.join("\n"));
    }

    fn verify(&self, dump: &str, more: &[&str]) -> Output {
        let dump = self.at(dump);
        let dump = dump.to_str().expect("a plain path");
        let more: Vec<String> = more.iter().map(|word| self.placed(word)).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        repchip(&[&["verify", STUDY, "--dump", dump], &more[..]].concat())
    }

    /// `[DIR]` stands for this folder.
    fn placed(&self, word: &str) -> String {
        word.replace("[DIR]", self.root.path().to_str().expect("a plain path"))
    }

    fn passes(&self, dump: &str, more: &[&str]) -> String {
        let output = self.verify(dump, more);
        let told = text(&output.stdout);
        assert_eq!(text(&output.stderr), "", "{dump}");
        assert!(
            output.status.success() && told.starts_with("MATCH"),
            "{told}"
        );
        told
    }

    /// What is told of a dump that fails with this exit code, and on standard error as committed.
    fn fails(&self, case: &str, code: i32, dump: &str, more: &[&str]) -> String {
        let output = self.verify(dump, more);
        let root = self.root.path().to_str().expect("a plain path");
        let error = text(&output.stderr).replace(root, "[DIR]");
        assert_eq!(output.status.code(), Some(code), "{case}: {error}");
        assert!(
            error.contains("error[") && error.contains("= help: "),
            "{error}"
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors/verify");
        let path = path.join(format!("{case}.stderr"));
        if std::env::var_os("REPCHIP_BLESS").is_some() {
            fs::write(path, &error).expect("messages can be written");
        } else {
            let committed = fs::read_to_string(path).unwrap_or_default();
            assert_eq!(error, committed, "{case}");
        }
        text(&output.stdout) + &error
    }
}

fn byte(value: i32) -> String {
    format!("{:02x}", value & 0xff)
}

/// Number of an element of a map of 28 x 28 pixels of 16 channels.
fn number(row: usize, column: usize, channel: usize) -> usize {
    (row * 28 + column) * 16 + channel
}

#[test]
fn what_the_model_expects_passes_in_every_form() {
    let set = Set::new();
    let whole = set.passes("", &["--cycles", "check"]);
    assert!(
        whole.contains("of 3 of 16 layers") && whole.contains("(rest of DRAM)"),
        "{whole}"
    );
    set.passes("dump.hex", &[]);
    let tensors = set.passes("expected", &[]);
    assert!(tensors.contains("of 16 of 16 layers"), "{tensors}");
    set.passes("expected/fc.npy", &["--format", "npy"]);
    fs::remove_file(set.at("dump.hex")).expect("it is there");
    set.hex("conv1", |at, value| match at {
        0 => format!("// image 0\n{}", byte(value)),
        7 => format!("@7 /* channel 7 */ {}", byte(value)),
        _ => byte(value),
    });
    set.passes("conv1.hex", &[]);
    let bytes = |layer: &str| -> Vec<u8> {
        let tensor = set.tensor(layer);
        tensor.iter().map(|value| value.to_le_bytes()[0]).collect()
    };
    set.write("layer1.0.conv1.raw", bytes("layer1.0.conv1"));
    set.write("fc.bin", bytes("fc"));
    set.passes("layer1.0.conv1.raw", &[]);
    let mixed = set.passes("", &[]);
    assert!(mixed.contains("of 3 of 16 layers"), "{mixed}");
    set.write("some", bytes("fc"));
    let only = set.passes("", &["--format", "raw"]);
    assert!(only.contains("of 2 of 16 layers"), "{only}");
}

#[test]
fn one_bit_is_told_with_its_exact_place_in_every_output() {
    let set = Set::new();
    let at = number(3, 5, 7);
    set.hex("conv1", |n, value| {
        byte(if n == at { value ^ 4 } else { value })
    });
    let files = ["[DIR]/r.json", "[DIR]/r.xml", "[DIR]/r.html"];
    let told = set.fails(
        "one_bit",
        1,
        "conv1.hex",
        &["--json", files[0], "--junit", files[1], "--html", files[2]],
    );
    for words in [
        "MISMATCH: 1 of 12,544 elements",
        "image 0, row 3, column 5, channel 7 (number 1431)",
        "PE row 7; pixel 0, 0 of the tile",
        "tile row 3, tile column 5",
        "lane 7",
        "xor       0x04",
        "cycle unknown",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let json: Value = serde_json::from_str(&set.read("r.json")).expect("it is JSON");
    let first = &json["first_in_execution_order"];
    assert_eq!(json["verdict"], "mismatch");
    assert_eq!(first, &json["first_in_memory_order"]);
    assert_eq!(
        (&first["row"], &first["xor_hex"]),
        (&3.into(), &"0x04".into())
    );
    let tensor = &json["tensors"][0];
    assert_eq!(tensor["elements"]["wrong_elements"], 1);
    assert_eq!(tensor["differing_elements"]["by_channel"][7], 1);
    let junit = set.read("r.xml");
    let head = "name=\"mini on edge\" tests=\"16\" failures=\"1\" errors=\"0\" skipped=\"15\"";
    assert!(
        junit.contains(head) && junit.contains("row 3, column 5"),
        "{junit}"
    );
    let page = set.read("r.html");
    assert!(
        page.contains("channel 7: 1 differ") && page.contains("<svg"),
        "{page}"
    );
}

#[test]
fn execution_and_memory_have_their_own_first() {
    let set = Set::new();
    // The second row group sweeps a strip after the first has swept it.
    let spoilt = [number(0, 0, 9), number(0, 1, 2)];
    set.hex("conv1", |n, value| {
        byte(if spoilt.contains(&n) {
            value ^ 1
        } else {
            value
        })
    });
    let told = set.fails("two_bits", 1, "conv1.hex", &["--limit", "1"]);
    let (execution, memory) = told.split_once("First in memory order").expect("both");
    assert!(execution.contains("column 1, channel 2"), "{told}");
    assert!(memory.contains("column 0, channel 9"), "{told}");
    assert!(told.contains("1 of 2 differences"), "{told}");
}

#[test]
fn unknown_and_missing_words_are_told() {
    let set = Set::new();
    let last = 28 * 28 * 16 - 1;
    set.hex("conv1", |n, value| {
        if n == 40 {
            "0X".to_owned()
        } else {
            byte(value)
        }
    });
    let told = set.fails("unknown_word", 1, "conv1.hex", &[]);
    assert!(told.contains("row 0, column 2, channel 8"), "{told}");
    set.hex("conv1", |n, value| {
        if n == last {
            String::new()
        } else {
            byte(value)
        }
    });
    let told = set.fails("missing_word", 1, "conv1.hex", &[]);
    assert!(told.contains("row 27, column 27, channel 15"), "{told}");
}

/// The first byte of DRAM that the run writes.
fn first_output(set: &Set) -> usize {
    let (before, after) = (set.read("dram.hex"), set.read("dump.hex"));
    let differ = before.lines().zip(after.lines()).position(|(a, b)| a != b);
    differ.expect("a run writes something")
}

#[test]
fn a_byte_of_dram_is_told_as_output_or_as_rest() {
    let set = Set::new();
    let at = first_output(&set);
    let flip = |word: &str| byte(i32::from_str_radix(word, 16).expect("a byte") ^ 1);
    set.word("dump.hex", at, flip);
    let told = set.fails("dram_output", 1, "", &[]);
    assert!(
        told.contains(&format!("byte {at} (")) && told.contains("layer4.0.conv2"),
        "{told}"
    );
    let set = Set::new();
    let last = set.read("dump.hex").lines().count() - 1;
    set.word("dump.hex", last, |_| "xx".to_owned());
    let told = set.fails("dram_rest", 1, "dump.hex", &[]);
    assert!(told.contains(&format!("byte {last} of DRAM")), "{told}");
}

#[test]
fn a_mixed_set_is_refused() {
    let set = Set::new();
    let manifest = set.read("manifest.json");
    let changed = manifest.replace("\"network\": \"mini\"", "\"network\": \"maxi\"");
    set.write("manifest.json", changed);
    set.fails("mixed_network", 2, "", &[]);
    set.write("manifest.json", &manifest);
    set.fails("mixed_image", 2, "", &["--image", "1"]);
    set.fails(
        "mixed_setting",
        2,
        "expected",
        &["--set", "chip.dram.latency_cycles=60"],
    );
    set.word("ops.hex", 3, |word| word.replace('0', "1"));
    let told = set.fails("mixed_files", 2, "dump.hex", &[]);
    assert!(told.contains("ops.hex"), "{told}");
    set.write("manifest.json", "{");
    set.fails("manifest", 2, "", &[]);
}

#[test]
fn another_network_and_another_image_are_refused() {
    let other = golden(OTHER, &["--network", "repvgg-mini", "--chip", "edge"]);
    let set = Set::new();
    fs::remove_file(set.at("manifest.json")).expect("it is there");
    let from = other.path().join("edge/repvgg-mini/expected");
    fs::copy(from.join("dump.hex"), set.at("dump.hex")).expect("it can be copied");
    set.fails("other_network", 2, "", &[]);
    fs::create_dir(set.at("other")).expect("a folder");
    fs::copy(from.join("stage1.0.npy"), set.at("other/stage1.0.npy")).expect("it is there");
    set.fails("no_layer", 2, "other", &[]);
    let set = Set::new();
    fs::remove_file(set.at("manifest.json")).expect("it is there");
    set.fails("other_image", 2, "dump.hex", &["--image", "1"]);
    let ones = "ff\n".repeat(set.read("dump.hex").lines().count());
    set.write("dump.hex", ones);
    set.fails("all_ones_dram", 2, "", &[]);
}

#[test]
fn data_that_say_nothing_are_not_judged() {
    let set = Set::new();
    set.hex("conv1", |_, _| "ff".to_owned());
    let told = set.fails("all_ones", 2, "conv1.hex", &["--junit", "[DIR]/r.xml"]);
    assert!(told.contains("CANNOT JUDGE"), "{told}");
    assert!(set.read("r.xml").contains("errors=\"1\""));
    set.hex("conv1", |n, _| {
        if n % 2 == 0 { "00" } else { "ff" }.to_owned()
    });
    set.fails("saturated", 2, "conv1.hex", &[]);
}

#[test]
fn files_that_cannot_be_used_are_refused() {
    let set = Set::new();
    set.write("conv1.hex", "00\n0g\n");
    set.fails("no_word", 2, "conv1.hex", &[]);
    set.write("fc.hex", "@10 00");
    set.fails("beyond", 2, "fc.hex", &[]);
    set.write("fc.raw", [0; 11]);
    set.fails("raw_size", 2, "fc.raw", &[]);
    set.write("fc.npy", "x");
    set.fails("no_npy", 2, "fc.npy", &[]);
    write_npy(set.at("fc.npy"), &Array4::<u8>::zeros((2, 1, 1, 10))).expect("it can be written");
    set.fails("shape", 2, "fc.npy", &[]);
    set.write("fc", "x");
    set.fails("no_form", 2, "fc", &[]);
    fs::create_dir(set.at("empty")).expect("a folder");
    set.fails("nothing", 2, "empty", &[]);
    set.fails("no_counters", 2, "expected", &["--cycles", "report"]);
}

#[test]
fn masks_hide_what_they_name_and_are_told() {
    let set = Set::new();
    let at = number(3, 5, 7);
    set.hex("conv1", |n, value| {
        byte(if n == at { value ^ 4 } else { value })
    });
    let mask = |layer: &str, from: usize, end: usize| {
        let text = format!(
            "[[masks]]\nlayer = \"{layer}\"\nelements = [[{from}, {end}]]\nreason = \"errata 12\"\n"
        );
        set.write("masks.toml", text);
    };
    let more = ["--mask", "[DIR]/masks.toml", "--json", "[DIR]/r.json"];
    mask("conv1", at, at + 1);
    let told = set.passes("conv1.hex", &more);
    for words in ["MASKS HIDE 1 elements", "MASK on conv1: 1", "errata 12"] {
        assert!(told.contains(words), "{told}");
    }
    let json: Value = serde_json::from_str(&set.read("r.json")).expect("it is JSON");
    assert_eq!(json["masks"][0]["hidden_elements"], 1);
    mask("conv1", 0, at);
    set.fails("mask_unused", 2, "conv1.hex", &more);
    mask("conv1", 12_000, 12_545);
    set.fails("mask_range", 2, "conv1.hex", &more);
    mask("conv9", 0, 1);
    set.fails("mask_layer", 2, "conv1.hex", &more);
}

#[test]
fn one_changed_counter_is_found() {
    let set = Set::new();
    // The cycles of the first cause, setup, of the second layer.
    set.word("counters.hex", 1 + 16 + 7, |word| {
        format!("{:x}", u64::from_str_radix(word, 16).expect("a word") + 5)
    });
    set.passes("", &[]);
    let told = set.passes("", &["--cycles", "report"]);
    assert!(
        told.contains("layer1.0.conv1") && told.contains("+5"),
        "{told}"
    );
    set.passes("", &["--cycles", "check", "--tolerance", "5"]);
    let told = set.fails(
        "one_counter",
        1,
        "",
        &["--cycles", "check", "--tolerance", "4"],
    );
    assert!(told.contains("1 counters are not"), "{told}");
}

#[test]
fn a_result_is_not_written_over_the_dump() {
    let set = Set::new();
    let output = set.verify("dump.hex", &["--json", "[DIR]/dump.hex"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("run::same_file"));
}
