//! `repchip golden`: what it writes is whole, is what the manifest says, and its files tell one story.

use ndarray::{Array1, Array4};
use ndarray_npy::{ReadableElement, read_npy};
use repchip::chip::Chip;
use repchip::map::{Settings, map};
use repchip::network::builtin;
use repchip::quantise::{Numerics, residual};
use repchip::reparam::{Branches, LayerId, fold_graph};
use repchip::rtl::{Counters, Dump};
use repchip::schedule::{BufferId, LayerPlan, OpKind, Schedule};
use repchip::study::Study;
use repchip::tensor::IntType;
use repchip::time::{self, Mode};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A trained network on one chip.
const SMALL: &str = "tests/knobs/study.toml";
/// Several on two chips, of which one has a vector unit.
const LARGE: &str = "configs/studies/repvgg-vs-resnet.toml";
/// Activation SRAM so small that outputs wrap around in it.
const RINGS: [&str; 2] = ["--set", "chip.activation_sram.kib=16"];

fn repchip(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the command starts")
}

fn golden(study: &str, out: &Path, more: &[&str]) -> Output {
    let out = out.to_str().expect("a plain path");
    repchip(&[&["golden", study, "--out", out], more].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The set of the small study.
struct Set {
    _root: TempDir,
    folder: PathBuf,
    told: String,
}

impl Set {
    fn new(more: &[&str]) -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let output = golden(SMALL, root.path(), more);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stderr), "");
        Self {
            folder: root.path().join("edge/mini"),
            told: text(&output.stdout),
            _root: root,
        }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).expect("it is written")
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).expect("it is JSON")
    }

    fn npy(&self, name: &str) -> Array4<i32> {
        read_npy(self.folder.join(name)).expect("a tensor")
    }

    fn vector<A: ReadableElement>(&self, name: &str) -> Array1<A> {
        read_npy(self.folder.join(name)).expect("a vector")
    }

    fn csv(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let mut reader = csv::Reader::from_path(self.folder.join(name)).expect("it is written");
        let rows = reader.deserialize().map(|row| row.expect("a row"));
        rows.collect()
    }

    /// All files by name.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("it is readable").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let name = path.strip_prefix(&self.folder).expect("below it");
                    let name = name.to_str().expect("a plain path").to_owned();
                    found.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        found
    }

    fn verify(&self, more: &[&str]) -> Output {
        let dump = self.folder.join("expected");
        let dump = dump.to_str().expect("a plain path");
        repchip(&[&["verify", SMALL, "--dump", dump], more].concat())
    }
}

/// The schedule of the small study, made without the command.
fn schedule(chip: &Chip) -> Schedule {
    let study = Study::read_with(Path::new(SMALL), &[], &builtin::names()).expect("a study");
    let entry = &study.networks[0];
    let graph = builtin::graph(&entry.name(), entry.input).expect("it is built in");
    let folded = fold_graph(&graph, Branches::Fuse).expect("it folds");
    let graph = residual::apply(&folded, study.numerics.residual);
    let numerics = Numerics::uniform(&graph, study.numerics.widths);
    map(&graph, &numerics, chip, &Settings::default()).expect("it fits")
}

fn chip(sram_kib: Option<&str>) -> Chip {
    let path = Path::new("configs/chips/edge.toml");
    let flags = sram_kib.map(repchip::problem::OverrideFlag::new);
    let flags: Vec<_> = flags.into_iter().collect();
    Chip::read_with(path, &flags).expect("it is shipped")
}

fn output(schedule: &Schedule, layer: LayerId) -> Option<BufferId> {
    match &schedule.layers[layer.0] {
        LayerPlan::Array(plan) => Some(plan.output),
        LayerPlan::Vector { output, .. } => Some(*output),
        LayerPlan::Host => None,
    }
}

#[test]
fn the_manifest_lists_every_file_with_its_digest() {
    let set = Set::new(&["--image", "1"]);
    let manifest = set.json("manifest.json");
    assert_eq!(manifest["image"], 1);
    assert_eq!(manifest["stimulus"]["kind"], "image");
    let mut files = set.files();
    files.remove("manifest.json").expect("it is written");
    for file in manifest["files"].as_array().expect("files") {
        let bytes = files.remove(file["path"].as_str().expect("a path"));
        let bytes = bytes.expect("it is written, and listed once");
        assert_eq!(file["bytes"], bytes.len());
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(file["sha256"], digest);
    }
    assert!(files.is_empty(), "not listed: {:?}", files.keys());
    let layers = manifest["layers"].as_array().expect("layers").len();
    let counters = Counters::parse(&set.read("expected/counters.hex"), layers).expect("counters");
    assert_eq!(manifest["total"]["value"], counters.total.0);
    assert_eq!(manifest["total"]["unit"], "cycles");
    let [before, after] = ["dram.hex", "expected/dump.hex"]
        .map(|name| Dump::parse(&set.read(name)).expect("bytes").bytes);
    assert!(before.len() == after.len() && before != after);
    let told = &set.told;
    assert!(
        told.contains(&format!("{} cycles", counters.total)),
        "{told}"
    );
}

/// The number that hexadecimal digits are in this type.
fn element(digits: &str, ty: IntType) -> Option<i32> {
    let raw = i32::from_str_radix(digits, 16).ok()?;
    Some(if raw > ty.max() {
        raw - (1 << ty.bits)
    } else {
        raw
    })
}

/// The words of a bank: address and digits.
fn words(text: &str) -> BTreeMap<usize, String> {
    let mut at = 0;
    let mut words = BTreeMap::new();
    for line in text.lines() {
        if let Some(address) = line.strip_prefix('@') {
            at = usize::from_str_radix(address, 16).expect("an address");
        } else {
            assert!(words.insert(at, line.to_owned()).is_none(), "{at}");
            at += 1;
        }
    }
    words
}

/// Reads a layer's output back from its banks, by the rules that tests/rtl/FORMAT.md tells.
fn from_banks(set: &Set, schedule: &Schedule, chip: &Chip, layer: LayerId) -> Array4<i32> {
    let name = &schedule.graph.layers[layer.0].name;
    let buffer = &schedule.buffers[output(schedule, layer).expect("in SRAM").0];
    let map = schedule.graph.shape(layer.output());
    let ty = schedule.numerics.activations[layer.output().0];
    let sram = &chip.activation_sram;
    let lanes = chip.array.pe.lanes;
    let turns = map.height.div_ceil(buffer.rows);
    let mut files: BTreeMap<String, BTreeMap<usize, String>> = BTreeMap::new();
    Array4::from_shape_fn((1, map.height, map.width, map.channels), |(_, y, x, c)| {
        let bank = y % sram.bank_rows * sram.bank_cols + x % sram.bank_cols;
        let turn = if turns > 1 {
            format!(".gen{}", y / buffer.rows)
        } else {
            String::new()
        };
        let file = format!("expected/banks/{name}.bank{bank:02}{turn}.hex");
        let words = files
            .entry(file.clone())
            .or_insert_with(|| words(&set.read(&file)));
        let columns = map.width.div_ceil(sram.bank_cols);
        let pixel = y % buffer.rows / sram.bank_rows * columns + x / sram.bank_cols;
        let base = usize::try_from(buffer.base.0).expect("small");
        let word = &words[&(base + pixel * map.channels.div_ceil(lanes) + c / lanes)];
        let digits = word.len() / lanes;
        let end = word.len() - c % lanes * digits;
        element(&word[end - digits..end], ty).expect("a number")
    })
}

#[test]
fn npy_raw_and_banks_hold_the_same() {
    for (more, kib) in [
        (&[][..], None),
        (&RINGS[..], Some("activation_sram.kib=16")),
    ] {
        let set = Set::new(more);
        let chip = chip(kib);
        let schedule = schedule(&chip);
        let (mut rings, mut on_chip) = (0, 0);
        for layer in schedule.graph.ids() {
            let name = &schedule.graph.layers[layer.0].name;
            let npy = set.npy(&format!("expected/{name}.npy"));
            let raw = fs::read(set.folder.join(format!("expected/{name}.raw")));
            let raw = raw.expect("it is written");
            let ty = schedule.numerics.activations[layer.output().0];
            let bytes: Vec<u8> = npy.iter().map(|v| v.to_le_bytes()[0]).collect();
            assert!(ty.bits == 8 && raw == bytes, "{name}");
            if let Some(buffer) = output(&schedule, layer) {
                assert!(from_banks(&set, &schedule, &chip, layer) == npy, "{name}");
                let map = schedule.graph.shape(layer.output());
                rings += usize::from(schedule.buffers[buffer.0].rows < map.height);
                on_chip += 1;
            }
        }
        assert!(on_chip > 8 && (rings > 0) == kib.is_some(), "{rings} rings");
    }
}

#[test]
fn the_integers_are_those_of_the_layers() {
    let set = Set::new(&[]);
    let schedule = schedule(&chip(None));
    let input = set.npy("stimulus/input.npy");
    let raw = fs::read(set.folder.join("stimulus/input.raw")).expect("it is written");
    let bytes: Vec<u8> = input.iter().map(|v| v.to_le_bytes()[0]).collect();
    assert!(raw == bytes);
    // The first layer by hand: one channel, one pixel in the middle.
    let weight: Array4<i8> = read_npy(set.folder.join("weights/conv1.npy")).expect("weights");
    let bias: Array1<i64> = set.vector("parameters/conv1.bias.npy");
    let multiplier: Array1<i32> = set.vector("parameters/conv1.multiplier.npy");
    let shift: Array1<u8> = set.vector("parameters/conv1.shift.npy");
    let clamp: Array1<i32> = set.vector("parameters/conv1.clamp.npy");
    let zero = |name: &str| {
        let scalar: ndarray::Array0<i32> =
            read_npy(set.folder.join(format!("parameters/conv1.{name}.npy"))).expect("a scalar");
        scalar.into_scalar()
    };
    let expected = set.npy("expected/conv1.npy");
    for channel in 0..weight.dim().0 {
        let mut sum = bias[channel];
        for ((_, ky, kx, c), w) in weight
            .slice(ndarray::s![channel..=channel, .., .., ..])
            .indexed_iter()
        {
            let x = input[[0, 9 + ky, 9 + kx, c]] - zero("input_zero_point");
            sum += i64::from(x) * i64::from(*w);
        }
        let product = i128::from(sum) * i128::from(multiplier[channel]);
        let half = 1_i128 << (shift[channel] - 1);
        // No tie can be had with these multipliers: adding half and cutting rounds to the nearest.
        let rounded = ((product + half) >> shift[channel]) + i128::from(zero("output_zero_point"));
        let output = rounded.clamp(clamp[0].into(), clamp[1].into());
        assert_eq!(i128::from(expected[[0, 10, 10, channel]]), output);
    }
    let convolutions = (schedule.numerics.weight_bits.iter()).filter(|bits| **bits > 0);
    let weights = set
        .files()
        .into_keys()
        .filter(|name| name.starts_with("weights/"));
    assert_eq!(weights.count(), convolutions.count());
}

fn number(row: &BTreeMap<String, String>, key: &str) -> u64 {
    row[key]
        .parse()
        .unwrap_or_else(|_| panic!("{key}: {row:?}"))
}

#[test]
fn the_memory_map_covers_every_tensor_and_all_words_that_are_written() {
    let set = Set::new(&[]);
    let schedule = schedule(&chip(None));
    let rows = set.csv("memory_map.csv");
    let total = set.json("manifest.json")["total"]["value"]
        .as_u64()
        .expect("cycles");
    for row in &rows {
        let words = number(row, "last_word") - number(row, "first_word") + 1;
        assert_eq!(words, number(row, "words"), "{row:?}");
        assert!(number(row, "first_cycle") <= number(row, "last_cycle"));
        assert!(number(row, "last_cycle") < total, "{row:?}");
        let lanes = if row["memory"] == "dram" { 1 } else { 8 };
        assert_eq!(number(row, "bytes"), words * lanes);
    }
    let named = |name: &str, memory: &str| -> Vec<_> {
        let of = |row: &&BTreeMap<String, String>| row["tensor"] == name && row["memory"] == memory;
        rows.iter().filter(of).collect()
    };
    assert_eq!(named("input", "dram").len(), 1);
    let mut checked = 0;
    for layer in schedule.graph.ids() {
        let name = &schedule.graph.layers[layer.0].name;
        let on_chip = named(name, "activation_sram");
        assert!(
            !on_chip.is_empty() || !named(name, "dram").is_empty(),
            "{name}"
        );
        for row in on_chip
            .iter()
            .filter(|_| output(&schedule, layer).is_some())
        {
            let bank = number(row, "bank");
            let file = format!("expected/banks/{name}.bank{bank:02}.hex");
            let Ok(text) = fs::read_to_string(set.folder.join(file)) else {
                continue;
            };
            let place = number(row, "first_word")..=number(row, "last_word");
            let words = words(&text);
            let inside = |word: &usize| place.contains(&u64::try_from(*word).expect("small"));
            let other_buffer = on_chip.len() > 4;
            assert!(other_buffer || words.keys().all(inside), "{name} {bank}");
            checked += words.len();
        }
        let weighted = schedule.numerics.weight_bits[layer.0] > 0;
        let found = named(&format!("weights of {name}"), "dram").len();
        assert_eq!(found, usize::from(weighted), "{name}");
    }
    assert!(checked > 5000, "{checked} words");
}

#[test]
fn the_schedule_has_every_operation_with_its_cycles() {
    let set = Set::new(&[]);
    let chip = chip(None);
    let schedule = schedule(&chip);
    let timeline = time::run(&schedule, &chip, Mode::Real);
    let read = set.json("schedule.json");
    let ops = read["operations"].as_array().expect("a list");
    assert_eq!(ops.len(), schedule.ops.len());
    let mut moved = 0;
    for ((op, found), span) in schedule.ops.iter().zip(ops).zip(&timeline.ops) {
        assert_eq!(found["layer"], schedule.graph.layers[op.layer.0].name);
        assert_eq!(found["start_cycle"], span.start.0);
        assert_eq!(found["end_cycle"], span.end.0);
        moved += found["bytes"].as_u64().unwrap_or(0);
        let kind = match op.kind {
            OpKind::Load { .. } => "load",
            OpKind::Store { .. } => "store",
            OpKind::Fetch { .. } => "fetch",
            OpKind::Sweep { .. } => "sweep",
            OpKind::Vector { .. } => "vector",
            OpKind::Host { .. } => "host",
        };
        assert_eq!(found["kind"], kind);
    }
    assert_eq!(moved, timeline.dram().payload().0);
}

#[test]
fn coverage_is_what_accumulators_and_parameters_say() {
    for stimulus in ["image", "ties", "saturation"] {
        let more = ["--set", "numerics.rule=shift"];
        let set = Set::new(&[&["--stimulus", stimulus], &more[..]].concat());
        let out = tempfile::tempdir().expect("a folder");
        let at = |name: &str| out.path().join(name).to_str().expect("a path").to_owned();
        let input = set.folder.join("stimulus/input.npy");
        let input = input.to_str().expect("a plain path");
        let (output, tensors) = (at("y.npy"), at("tensors"));
        let arguments = [
            "infer",
            SMALL,
            "--input",
            input,
            "--output",
            &output,
            "--tensors",
            &tensors,
        ];
        let inferred = repchip(&[&arguments[..], &more[..]].concat());
        assert!(inferred.status.success(), "{}", text(&inferred.stderr));
        let coverage = set.json("coverage.json");
        let mut ties = 0;
        for (index, layer) in coverage["layers"]
            .as_array()
            .expect("layers")
            .iter()
            .enumerate()
        {
            let name = layer["layer"].as_str().expect("a name");
            let file = at(&format!("tensors/{index:03}-{name}-accumulators.npy"));
            let Ok(sums) = read_npy::<_, Array4<i64>>(file) else {
                continue;
            };
            let shift: Array1<u8> = set.vector(&format!("parameters/{name}.shift.npy"));
            let clamp: Array1<i32> = set.vector(&format!("parameters/{name}.clamp.npy"));
            let relu = clamp[0] == 0;
            let mut counts = [0_u64; 5];
            for ((_, _, _, c), &sum) in sums.indexed_iter() {
                let half = 1_i64 << (shift[c] - 1);
                let tie = sum.rem_euclid(2 * half) == half;
                counts[0] += u64::from(tie && sum > 0);
                counts[1] += u64::from(tie && sum < 0);
                // Half even: the neighbour of an odd floor is above it.
                let floor = sum.div_euclid(2 * half);
                let up = sum.rem_euclid(2 * half) > half || tie && floor % 2 != 0;
                let rounded = floor + i64::from(up);
                counts[2] += u64::from(rounded > clamp[1].into());
                counts[3] += u64::from(rounded < clamp[0].into() && !relu);
                counts[4] += u64::from(rounded < 0 && relu);
            }
            let keys = [
                "ties_positive",
                "ties_negative",
                "saturated_high",
                "saturated_low",
                "relu_clipped",
            ];
            for (key, count) in keys.iter().zip(counts) {
                assert_eq!(layer[key], count, "{stimulus} {name} {key}");
            }
            assert_eq!(layer["requantised"], sums.len());
            ties += counts[0] + counts[1];
        }
        assert!(ties > 0, "{stimulus}");
        let said = format!(
            "{} ties",
            coverage["total"]["ties_positive"]
                .as_u64()
                .expect("a count")
                + coverage["total"]["ties_negative"]
                    .as_u64()
                    .expect("a count")
        );
        assert!(set.told.contains(&said), "{}", set.told);
    }
}

#[test]
fn driven_stimuli_reach_more_than_images() {
    let first = |stimulus: &str, key: &str| -> u64 {
        let set = Set::new(&["--stimulus", stimulus, "--set", "numerics.rule=shift"]);
        set.json("coverage.json")["layers"][0][key]
            .as_u64()
            .expect("a count")
    };
    let visible = "ties_visible";
    assert!(first("ties", visible) > 5 * first("random:1", visible));
    assert!(first("saturation", "saturated_high") > 10 + first("image", "saturated_high"));
}

#[test]
fn a_seed_gives_the_same_files_and_another_seed_others() {
    let [set, same, other] =
        ["random:7", "random:7", "random:8"].map(|s| Set::new(&["--stimulus", s]));
    assert_eq!(set.json("manifest.json")["stimulus"]["seed"], 7);
    let (files, others) = (set.files(), other.files());
    assert!(files == same.files());
    let names: Vec<_> = files.keys().collect();
    assert_eq!(names, others.keys().collect::<Vec<_>>());
    assert!(files["stimulus/input.raw"] != others["stimulus/input.raw"]);
    assert!(files["weights/conv1.npy"] == others["weights/conv1.npy"]);
}

#[test]
fn every_stimulus_goes_there_and_back_and_no_two_are_mixed() {
    for stimulus in [
        "image",
        "random:7",
        "extremes",
        "ties",
        "saturation",
        "hot-tap",
    ] {
        let set = Set::new(&["--stimulus", stimulus]);
        let output = set.verify(&["--stimulus", stimulus]);
        let told = text(&output.stdout);
        assert!(
            told.starts_with("MATCH"),
            "{stimulus}: {}",
            text(&output.stderr)
        );
        assert!(output.status.success());
        let other = if stimulus == "random:7" {
            "random:8"
        } else {
            "random:7"
        };
        let mixed = set.verify(&["--stimulus", other]);
        assert_eq!(mixed.status.code(), Some(2), "{stimulus}");
        let told = text(&mixed.stderr);
        assert!(
            told.contains("verify::mixed_set") && told.contains("stimulus"),
            "{told}"
        );
    }
}

#[test]
fn a_changed_stimulus_and_a_changed_manifest_are_refused() {
    for (file, from, to) in [
        ("stimulus/input.raw", "", "x"),
        ("schedule.json", "sweep", "swept"),
        (
            "manifest.json",
            "\"kind\": \"image\"",
            "\"kind\": \"extremes\"",
        ),
    ] {
        let set = Set::new(&[]);
        let path = set.folder.join(file);
        let bytes = fs::read(&path).expect("it is written");
        let changed = if from.is_empty() {
            [&bytes[1..], to.as_bytes()].concat()
        } else {
            text(&bytes).replacen(from, to, 1).into_bytes()
        };
        assert!(changed != bytes, "{file}");
        fs::write(path, changed).expect("it can be written");
        let output = set.verify(&[]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(text(&output.stderr).contains("verify::mixed_set"), "{file}");
    }
}

/// The layer that is probed: several passes over two blocks.
const PROBED: &str = "layer2.0.conv2";

#[test]
fn a_probe_ends_in_the_output_and_keeps_the_cycles_of_the_schedule() {
    let set = Set::new(&["--probe", PROBED, "--probe", &format!("{PROBED}:tile=3,4")]);
    let rows = set.csv(&format!("probes/{PROBED}.csv"));
    assert!(
        set.told.contains(&format!("{} rows", rows.len())),
        "{}",
        set.told
    );
    let chip = chip(None);
    let schedule = schedule(&chip);
    let layer = schedule
        .graph
        .ids()
        .find(|id| schedule.graph.layers[id.0].name == PROBED);
    let LayerPlan::Array(plan) = &schedule.layers[layer.expect("a layer").0] else {
        panic!("on the array")
    };
    let expected = set.npy(&format!("expected/{PROBED}.npy"));
    let passes = plan.work.pass_count(0);
    assert!(passes > 2 && rows.len() == passes * expected.len());
    let bias: Array1<i64> = set.vector(&format!("parameters/{PROBED}.bias.npy"));
    let mut before: BTreeMap<[usize; 4], i64> = BTreeMap::new();
    let (mut outputs, mut last): (usize, BTreeMap<u64, u64>) = (0, BTreeMap::new());
    for row in &rows {
        let at = ["image", "row", "column", "channel"];
        let at = at.map(|key| usize::try_from(number(row, key)).expect("small"));
        let signed = |key: &str| row[key].parse::<i64>().expect("a number");
        let start = before.get(&at).copied().unwrap_or(bias[at[3]]);
        assert_eq!(start + signed("addend"), signed("accumulator"));
        before.insert(at, signed("accumulator"));
        assert_eq!(number(row, "pe_row"), number(row, "channel") % 8);
        if !row["output"].is_empty() {
            assert_eq!(signed("output"), i64::from(expected[at]));
            assert_eq!(signed("rounded").clamp(0, 255), signed("output"));
            outputs += 1;
        }
        last.insert(number(row, "operation"), number(row, "cycle"));
    }
    assert_eq!(outputs, expected.len());
    let ops = set.json("schedule.json");
    for (op, cycle) in last {
        let op = &ops["operations"][usize::try_from(op).expect("small")];
        assert_eq!(op["steps_end_cycle"], cycle + 1);
    }
    let tile = set.csv(&format!("probes/{PROBED}.tile3-4.csv"));
    let there = |row: &&BTreeMap<String, String>| row["row"] == "3" && row["column"] == "4";
    assert_eq!(tile, rows.iter().filter(there).cloned().collect::<Vec<_>>());
    let window = Set::new(&[
        "--probe",
        &format!(
            "{PROBED}:cycles={0}..{1}",
            rows[40]["cycle"], rows[400]["cycle"]
        ),
    ]);
    let name = window
        .files()
        .into_keys()
        .find(|name| name.starts_with("probes/"));
    let cycle = |row: &&BTreeMap<String, String>| {
        (number(&rows[40], "cycle")..number(&rows[400], "cycle")).contains(&number(row, "cycle"))
    };
    let wanted: Vec<_> = rows.iter().filter(cycle).cloned().collect();
    assert!(!wanted.is_empty() && window.csv(&name.expect("a probe")) == wanted);
}

#[test]
fn images_of_a_fully_connected_layer_are_probed_one_by_one() {
    let set = Set::new(&["--set", "input.batch=2", "--probe", "fc"]);
    let expected = set.npy("expected/fc.npy");
    assert_eq!(expected.dim(), (2, 1, 1, 10));
    let mut outputs = 0;
    for row in set.csv("probes/fc.csv") {
        let at = ["image", "row", "column", "channel"];
        let at = at.map(|key| usize::try_from(number(&row, key)).expect("small"));
        if let Ok(output) = row["output"].parse::<i32>() {
            assert_eq!(output, expected[at]);
            outputs += 1;
        }
    }
    assert_eq!(outputs, 20);
}

#[test]
fn every_step_has_a_cycle_inside_its_sweep() {
    let chips = ["edge", "edge-general", "tiny"];
    for name in chips {
        let path = PathBuf::from(format!("configs/chips/{name}.toml"));
        let chip = Chip::read(&path).expect("it is shipped");
        let schedule = schedule(&chip);
        let timeline = time::run(&schedule, &chip, Mode::Real);
        let mut sweeps = 0;
        for layer in schedule.graph.ids() {
            let LayerPlan::Array(plan) = &schedule.layers[layer.0] else {
                continue;
            };
            let steps = time::steps(&schedule, &chip, layer);
            let count: usize = steps.values().map(Vec::len).sum();
            assert_eq!(
                u64::try_from(count).ok(),
                Some(timeline.layers[layer.0].steps)
            );
            for (op, cycles) in steps {
                let OpKind::Sweep {
                    row_group, strip, ..
                } = schedule.ops[op.0].kind
                else {
                    panic!("steps of no Sweep")
                };
                let rows = &plan.strips[strip].out_rows;
                assert_eq!(cycles.len(), plan.work.steps(row_group, rows).count());
                assert!(cycles.is_sorted_by(|a, b| a < b));
                let span = timeline.span(op);
                assert!(cycles[0] >= span.start);
                assert_eq!(cycles[cycles.len() - 1].0 + 1, span.steps_end.0);
                sweeps += 1;
            }
        }
        assert!(sweeps > 10, "{name}");
    }
}

#[test]
fn what_one_of_two_runs_lacks_is_told_and_nothing_is_written() {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().join("out");
    let output = golden(LARGE, &out, &["--network", "repvgg-mini"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert_eq!(told.matches("error[").count(), 1, "{told}");
    let words = "error[rtl::layer]: `repvgg-mini` on `edge-general`";
    assert!(told.contains(words) && told.contains("help:"), "{told}");
    assert!(!out.exists());
}
