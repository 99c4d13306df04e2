//! The keys of a study about numbers, mapping and input, turned one at a time: the command's figures move.

use repchip::network::builtin;
use repchip::study::Study;
use std::path::Path;
use std::process::Command;

/// Key, other value or the whole table that holds it, and what is set before and after the turn so that the key is felt.
type Knob = (&'static str, &'static str, &'static [&'static str]);

/// Little memory: strips, and weights that do not all stay.
const SMALL: &[&str] = &["chip.activation_sram.kib=12", "chip.weight_sram.kib=24"];

/// Without the percentile that another calibration does not take.
const MSE: &str = "{ activation_bits = 8, weight_bits = 8, output_bits = 8, weights = 'per_channel', \
                   calibration = 'mse', rule = 'multiplier', rounding = 'half_even', residual = 'accumulate' }";

const KNOBS: &[Knob] = &[
    ("numerics.activation_bits", "6", &[]),
    ("numerics.weight_bits", "6", &[]),
    ("numerics.output_bits", "4", &[]),
    ("numerics.weights", "per_tensor", &[]),
    ("numerics.calibration", MSE, &[]),
    ("numerics.percentile", "90", &[]),
    ("numerics.rule", "shift", &[]),
    ("numerics.rounding", "floor", &[]),
    ("numerics.residual", "separate", &[]),
    ("numerics.weight_calibration", "mse", &[]),
    ("numerics.bias_correction", "true", &[]),
    ("numerics.equalisation", "true", &[]),
    ("numerics.scales", "power_of_two", &[]),
    (
        "numerics.layers",
        "[{ name = 'first', weight_bits = 4, activation_bits = 16 }]",
        &[],
    ),
    ("input.batch", "2", &[]),
    (
        "mapping.inplace_add",
        "true",
        &[
            "numerics.residual=separate",
            "chip.vector={ lanes = 8, start_cycles = 16, add_cycles = 3, max_pool_cycles = 1, avg_pool_cycles = 1 }",
        ],
    ),
    ("mapping.halo", "refetch", SMALL),
    (
        "mapping.images",
        "inside_weights",
        &["input.batch=2", "chip.weight_sram.kib=24"],
    ),
    ("mapping.offload", "forbid", &[]),
    ("mapping.fully_connected", "host", &[]),
];

/// Exit code and all figures, what quantisation lost included.
fn outcome(sets: &[String]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let (out, json) = (folder.path().join("out"), folder.path().join("x.json"));
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(["run", "tests/knobs/study.toml", "--out"])
        .arg(&out)
        .arg("--json")
        .arg(&json)
        .args(sets.iter().flat_map(|set| ["--set", set]))
        .output()
        .expect("the command starts");
    let figures = std::fs::read_to_string(&json).unwrap_or_default();
    let layers = std::fs::read_to_string(out.join("layers.csv")).unwrap_or_default();
    (output.status.code(), figures + &layers)
}

#[test]
fn every_key_about_numbers_mapping_and_input_moves_a_figure() {
    let names = builtin::names();
    let shipped = Path::new("configs/studies/repvgg-vs-resnet.toml");
    let study = Study::read(shipped, &names).expect("it is shipped");
    let mut dead = Vec::new();
    for setting in study.effective() {
        let key = setting.key.as_str();
        let rooms = ["numerics.", "mapping.", "input."];
        if !rooms.iter().any(|room| key.starts_with(room)) {
            continue;
        }
        let knob = KNOBS.iter().find(|(name, ..)| *name == key);
        let (_, value, beside) = knob.unwrap_or_else(|| panic!("no knob turns `{key}`"));
        let mut sets: Vec<String> = beside.iter().map(ToString::to_string).collect();
        let before = outcome(&sets);
        assert_eq!(before.0, Some(0), "{key}: {}", before.1);
        let whole = value.starts_with('{');
        let turned = key.split('.').next().filter(|_| whole).unwrap_or(key);
        sets.push(format!("{turned}={value}"));
        if outcome(&sets) == before {
            dead.push(key);
        }
    }
    assert!(dead.is_empty(), "these keys move nothing: {dead:?}");
}
