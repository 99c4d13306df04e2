//! Descriptions and files that cannot be used; `tests/errors/waves/x.stderr` is what is told, written anew with
//! `REPCHIP_BLESS=1`.

use crate::{Folder, play, words};
use std::fs;
use std::path::Path;

fn refused(folder: &Folder, case: &str, dump: &str, more: &[&str]) {
    let told = folder.fails(2, dump, more);
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/errors/waves/{case}.stderr"));
    if std::env::var_os("REPCHIP_BLESS").is_some() {
        fs::write(&path, &told).expect("messages can be written");
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(told, committed, "{case}");
}

#[test]
fn descriptions_that_cannot_be_are_refused_with_their_place() {
    let folder = Folder::new();
    folder.write("conv1.hex", "00\n");
    for (case, text) in [
        (
            "no_term",
            "[layout]\norder = [\"n\", \"y\", \"x\", \"k\"]\n",
        ),
        (
            "misfit",
            "[layout]\norder = [\"n\", \"y\", \"x\", \"c/8\"]\n",
        ),
        ("overlap", "[layout]\nstrides = [12544, 400, 16, 1]\n"),
        (
            "too_large",
            "[layout]\nstrides = [1, 1099511627776, 16, 1]\n",
        ),
        ("strides", "[layout]\nstrides = [16, 1]\n"),
        ("lanes", "[layout]\nlanes = 3\nword_bits = 32\n"),
        ("array", "[array]\nmapping = \"schedule\"\nbank = \"y%2\"\n"),
        ("base", "[columns]\nwords = 1\nbase = 8\n"),
        ("layer", "[[tensors]]\nlayer = \"conv9\"\n"),
        ("no_file", "[[tensors]]\nlayer = \"layer1.0.conv1\"\n"),
        ("unknown_key", "[layout]\nlane = 4\n"),
    ] {
        folder.write("layout.toml", text);
        let dump = if case == "no_file" { "" } else { "conv1.hex" };
        refused(&folder, case, dump, &["--layout", "[DIR]/layout.toml"]);
    }
}

#[test]
fn files_that_do_not_fit_their_description_are_refused() {
    let folder = Folder::new();
    folder.write("conv1.raw", [0; 12]);
    folder.write("odd.toml", "[layout]\nlanes = 16\nfirst_lane = \"high\"\n");
    refused(
        &folder,
        "odd_words",
        "conv1.raw",
        &["--layout", "[DIR]/odd.toml"],
    );
    folder.write(
        "two.toml",
        "[[tensors]]\nlayer = \"conv1\"\nfile = \"a.hex\"\n[[tensors]]\nlayer = \"layer1.0.conv1\"\nfile = \"a.hex\"\n\
         layout = { lanes = 4 }\n",
    );
    folder.write("a.hex", "00");
    refused(&folder, "two_widths", "", &["--layout", "[DIR]/two.toml"]);
    let short: Vec<String> = words().into_iter().take(40).collect();
    play(&folder, "run", &short);
    refused(&folder, "no_signals", "run.fst", &[]);
    let stream = fs::read_to_string(folder.at("stream.toml")).expect("it is there");
    let narrow = stream.replace("word_bits = 64", "word_bits = 32");
    folder.write("narrow.toml", narrow);
    refused(
        &folder,
        "width",
        "run.vcd",
        &["--layout", "[DIR]/narrow.toml"],
    );
    folder.write("named.toml", stream.replace("dut.in_valid", "dut.valid"));
    refused(
        &folder,
        "no_signal",
        "run.fst",
        &["--layout", "[DIR]/named.toml"],
    );
}
