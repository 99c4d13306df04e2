//! Digests of sources.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms that decide a run's cycles.
pub(super) const MODEL: [&str; 4] = ["src/chip", "src/schedule", "src/map", "src/time"];
/// The hardware.
pub(super) const RTL: [&str; 1] = ["tests/rtl/hw"];

/// SHA-256 of all files in the folders, in the order of their paths: path, a zero byte, content, a zero byte each.
pub(super) fn of(folders: &[&str]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in folders {
        list(&root.join(folder), &mut files);
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.strip_prefix(root).expect("below the root");
        hash.update(name.to_str().expect("a plain name").as_bytes());
        hash.update([0]);
        hash.update(fs::read(&file).expect("a source can be read"));
        hash.update([0]);
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        write!(text, "{byte:02x}").expect("a string takes all text");
    }
    text
}

/// The first eight bytes of a digest as a number.
pub(super) fn seed(digest: &str) -> u64 {
    u64::from_str_radix(&digest[..16], 16).expect("a digest")
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the entry can be read").path();
        if path.is_dir() {
            list(&path, files);
        } else {
            files.push(path);
        }
    }
}
