//! The committed schemas are those that the command prints; they take every shipped file and refuse bad ones.

use jsonschema::Validator;
use repchip::chip::Chip;
use repchip::layout::Description;
use repchip::study::Study;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

fn validator(schema: &str) -> Validator {
    let schema = serde_json::from_str(schema).expect("a schema is JSON");
    jsonschema::meta::validate(&schema).expect("a schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).expect("the schema is whole")
}

/// Kinds of files, the folder of those that are shipped, the schema.
fn kinds() -> [(&'static str, &'static str, String); 3] {
    [
        ("chip", "chips", Chip::schema()),
        ("study", "studies", Study::schema()),
        ("layout", "layouts", Description::schema()),
    ]
}

fn files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| path.is_file() && path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

/// The file as JSON; `None` when it is not TOML.
fn json(path: &Path) -> Option<Value> {
    let text = fs::read_to_string(path).ok()?;
    toml::from_str(&text).ok()
}

#[test]
fn the_committed_schemas_are_what_the_command_prints() {
    for (file, _, printed) in kinds() {
        let path = format!("configs/schema/{file}.json");
        if std::env::var_os("REPCHIP_BLESS").is_some() {
            fs::write(&path, &printed).expect("the file can be written");
        }
        let committed = fs::read_to_string(&path).expect("the schema is committed");
        assert!(
            committed == printed,
            "`repchip schema {file} > {path}` brings it up to date"
        );
    }
}

#[test]
fn every_shipped_file_names_its_schema_and_keeps_it() {
    for (kind, folder, schema) in kinds() {
        let validator = validator(&schema);
        let files = files(&format!("configs/{folder}"));
        assert!(!files.is_empty());
        for path in files {
            let text = fs::read_to_string(&path).expect("the file is text");
            let line = format!("#:schema ../schema/{kind}.json\n");
            assert!(text.starts_with(&line), "{}", path.display());
            let value = json(&path).expect("the file is TOML");
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|e| e.to_string())
                .collect();
            assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        }
    }
}

/// Bad files whose mistake lies between values or outside the file: no schema sees it.
const UNSEEN: &[&str] = &[
    "activation_sram_too_small",
    "bandwidth_above_burst",
    "burst_not_power_of_two",
    "too_many_digits",
    "slot_too_small",
    "flag_out_of_range",
    "flag_unknown_key",
    "bad_set",
    "contrast_with_itself",
    "duplicate",
    "flag_of_a_network",
    "flag_of_no_network",
    "needed_key",
    "needed_rounding",
    "no_such_file",
    "per_channel",
    "unknown_id",
    "unused_key",
    "unused_rounding",
    // 8.0 is a whole number to JSON.
    "fraction",
];

#[test]
fn bad_files_are_refused_by_the_schema_too() {
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    for (kind, schema) in [("chip", Chip::schema()), ("study", Study::schema())] {
        let validator = validator(&schema);
        for path in files(&format!("tests/errors/{kind}")) {
            let Some(value) = json(&path) else { continue };
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let unseen = UNSEEN.contains(&name.as_str());
            if validator.is_valid(&value) != unseen {
                wrong.push(name.clone());
            }
            if !unseen {
                refused.push(name);
            }
        }
    }
    assert!(wrong.is_empty(), "the schema judges otherwise: {wrong:?}");
    for sort in [
        "unknown_key",
        "unknown_choice",
        "wrong_type",
        "zero_rows",
        "out_of_range",
        "bad_id",
    ] {
        assert!(
            refused.iter().any(|name| name == sort),
            "{sort}: {refused:?}"
        );
    }
}
