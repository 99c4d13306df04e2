//! Every form of a dump, whole and spoilt.

use crate::{Folder, LAYERS, play, tensor, words};
use std::fmt::Write;

#[test]
fn a_clean_dump_passes_in_every_form_of_a_file() {
    let forms = [
        ("hex", "hex"),
        ("npy", "npy"),
        ("raw", "raw"),
        ("columns", "csv"),
    ];
    for (format, extension) in forms {
        let folder = Folder::new();
        for layer in LAYERS {
            let tensor = tensor(layer);
            let name = format!("{layer}.{extension}");
            let lines = |line: fn(i32) -> String| {
                tensor.iter().fold(String::new(), |mut text, value| {
                    let _ = writeln!(text, "{}", line(*value));
                    text
                })
            };
            match format {
                "hex" => folder.write(&name, lines(|value| format!("{:02x}", value & 0xff))),
                "columns" => folder.write(&name, lines(|value| value.to_string())),
                "raw" => {
                    let bytes = tensor.iter().map(|value| value.to_le_bytes()[0]);
                    folder.write(&name, bytes.collect::<Vec<u8>>());
                }
                _ => ndarray_npy::write_npy(folder.at(&name), &tensor).expect("it can be written"),
            }
        }
        let told = folder.passes("", &["--format", format]);
        assert!(
            told.contains("elements compared are equal, of 16 of 16 layers"),
            "{told}"
        );
    }
}

#[test]
fn a_clean_waveform_passes_in_both_forms() {
    let folder = Folder::new();
    play(&folder, "run", &words());
    for form in ["vcd", "fst"] {
        let told = folder.passes(&format!("run.{form}"), &["--layout", "[DIR]/stream.toml"]);
        assert!(
            told.contains("elements compared are equal, of 16 of 16 layers"),
            "{told}"
        );
    }
}

/// The word of element `number` of conv1, and its place in the text: two digits an element, the first lane last.
fn digit(number: usize) -> (usize, usize) {
    (number / 8, 14 - number % 8 * 2)
}

#[test]
fn a_spoilt_waveform_is_told_with_its_place_and_cycle() {
    let folder = Folder::new();
    // Row 3, column 5, channel 7 of 28 x 28 pixels of 16 channels.
    let (word, at) = digit((3 * 28 + 5) * 16 + 7);
    let mut flipped = words();
    let byte = u8::from_str_radix(&flipped[word][at..at + 2], 16).expect("a byte");
    flipped[word].replace_range(at..at + 2, &format!("{:02x}", byte ^ 4));
    let mut unknown = words();
    unknown[word].replace_range(at + 1..at + 2, "x");
    let mut short = words();
    short.pop();
    for (name, words, place, state) in [
        (
            "flipped",
            flipped,
            "row 3, column 5, channel 7",
            "xor       0x04",
        ),
        (
            "unknown",
            unknown,
            "row 3, column 5, channel 7",
            "unknown: a bit is x or z",
        ),
        (
            "short",
            short,
            "layer `fc`, image 0, row 0, column 0, channel 8",
            "missing",
        ),
    ] {
        play(&folder, name, &words);
        for form in ["vcd", "fst"] {
            let told = folder.fails(
                1,
                &format!("{name}.{form}"),
                &["--layout", "[DIR]/stream.toml"],
            );
            assert!(
                told.contains(place) && told.contains(state),
                "{name}: {told}"
            );
            assert!(told.contains("PE and bank unknown"), "{told}");
            let cycle = told.contains("cycle unknown") == (name == "short");
            assert!(cycle, "{told}");
            assert!(told.contains("dump      word"), "{told}");
        }
    }
}

#[test]
fn a_word_too_many_and_data_that_say_nothing_are_not_judged() {
    let folder = Folder::new();
    let mut long = words();
    long.push("0".repeat(16));
    play(&folder, "long", &long);
    let told = folder.fails(2, "long.fst", &["--layout", "[DIR]/stream.toml"]);
    assert!(
        told.contains("verify::beyond") && told.contains("cycle"),
        "{told}"
    );
    let ones = vec!["f".repeat(16); words().len()];
    play(&folder, "ones", &ones);
    let told = folder.fails(2, "ones.vcd", &["--layout", "[DIR]/stream.toml"]);
    assert!(
        told.contains("CANNOT JUDGE") && told.contains("are 255"),
        "{told}"
    );
}

#[test]
fn a_damaged_waveform_is_refused_without_a_panic() {
    let folder = Folder::new();
    play(&folder, "run", &words());
    let bytes = std::fs::read(folder.at("run.fst")).expect("it is there");
    for part in 1..8 {
        folder.write("cut.fst", &bytes[..bytes.len() * part / 8]);
        let told = folder.fails(2, "cut.fst", &["--layout", "[DIR]/stream.toml"]);
        assert!(told.contains("cut.fst"), "{told}");
    }
}
