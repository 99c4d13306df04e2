//! Arrows between rooms point one way: a room uses only rooms that stand above it in this list.

use std::fs;
use std::path::{Path, PathBuf};

const ROOMS: [&str; 25] = [
    "units",
    "problem",
    "dump",
    "tensor",
    "layout",
    "fixed",
    "chip",
    "network",
    "reparam",
    "float",
    "quantise",
    "schedule",
    "time",
    "map",
    "execute",
    "rtl",
    "diagnose",
    "contrast",
    "precision",
    "study",
    "report",
    "golden",
    "verify",
    "cli",
    "abi",
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("the folder is there");
    for entry in entries {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Rooms named by `crate::room` paths in code outside comments and `mod tests`, grouped imports included.
fn used(text: &str) -> Vec<String> {
    let code: String = text
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ");
    let mut rooms = Vec::new();
    for after in code.split("crate::").skip(1) {
        let group = after.strip_prefix('{').and_then(|g| g.split('}').next());
        let names = group.map_or_else(|| vec![after], |g| g.split(',').collect());
        for name in names {
            let word: String = name
                .trim()
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            rooms.push(word);
        }
    }
    rooms
}

#[test]
fn arrows_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut wrong = Vec::new();
    for path in all {
        let inner = path.strip_prefix(&src).expect("below src");
        let first = inner
            .components()
            .next()
            .expect("a file")
            .as_os_str()
            .to_string_lossy();
        let room = first.trim_end_matches(".rs").to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let place = ROOMS.iter().position(|r| *r == room);
        let place = place.unwrap_or_else(|| panic!("room `{room}` stands nowhere in the list"));
        let text = fs::read_to_string(&path).expect("a source file is text");
        for target in used(&text) {
            let below = ROOMS
                .iter()
                .position(|r| *r == target)
                .is_none_or(|t| t > place);
            let forbidden = room == "execute" && target == "time";
            if below || forbidden {
                wrong.push(format!("{} uses `{target}`", inner.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_grouped_import_and_a_path_in_code_are_seen() {
    assert_eq!(
        used("use crate::{time::run, map};\nlet x = crate::chip::Chip;"),
        ["time", "map", "chip"]
    );
    assert!(used("// crate::time\n").is_empty());
}
