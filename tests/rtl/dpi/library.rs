//! `libgolden` as the tests link it: built with the profile that they have themselves.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Path of `libgolden.a` and of `libgolden.so`.
pub(crate) fn built() -> [PathBuf; 2] {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--example", "golden"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    let status = cargo.status().expect("cargo starts");
    assert!(status.success(), "libgolden is not built: {status}");
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test.parent().and_then(Path::parent);
    let examples = profile.expect("tests lie in deps").join("examples");
    ["libgolden.a", "libgolden.so"].map(|name| examples.join(name))
}
