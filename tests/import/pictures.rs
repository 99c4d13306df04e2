//! What a picture must be, told by the command.

use super::fixture;
use std::process::Command;

/// Standard error of a run whose calibration images are `calibration`.
fn refused(calibration: &str, sets: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args([
            "infer",
            "tests/errors/run/input/trained.toml",
            "--output",
            "/dev/null",
        ])
        .args(["--network", "mini", "--input", calibration])
        .args(sets.iter().flat_map(|set| ["--set", set]))
        .output()
        .expect("the command starts");
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_picture_smaller_than_the_network_or_no_picture_is_refused() {
    let told = refused(fixture("make.py").to_str().expect("plain"), &[]);
    assert!(told.contains("run::npy"), "{told}");
    let folder = tempfile::tempdir().expect("a folder");
    let text = folder.path().join("not.png");
    std::fs::write(&text, "no picture").expect("written");
    let told = refused(text.to_str().expect("plain"), &[]);
    assert!(told.contains("it is neither PNG nor JPEG"), "{told}");
    let told = refused(folder.path().to_str().expect("plain"), &[]);
    assert!(told.contains("it is neither PNG nor JPEG"), "{told}");
}
