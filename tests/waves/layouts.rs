//! Orders of elements in words, made here by other arithmetic than the program's.

use crate::{Folder, STUDY, repchip, tensor};
use ndarray::Array4;

/// Bytes of `elements` as words of `lanes` lanes, the first lane in the low or high bits.
fn hex(elements: &[i32], lanes: usize, low: bool) -> String {
    let word = |lanes: &[i32]| -> String {
        let mut bytes: Vec<String> = lanes
            .iter()
            .map(|value| format!("{:02x}", value & 0xff))
            .collect();
        if low {
            bytes.reverse();
        }
        bytes.concat() + "\n"
    };
    elements.chunks(lanes).map(word).collect()
}

/// Surfaces of eight channels, lines of `line` elements.
fn surfaces(tensor: &Array4<i32>, line: usize) -> Vec<i32> {
    let (_, height, width, channels) = tensor.dim();
    let mut elements = vec![0x55; channels.div_ceil(8) * height * line];
    for ((_, y, x, c), value) in tensor.indexed_iter() {
        elements[(c / 8 * height + y) * line + x * 8 + c % 8] = *value;
    }
    assert!(line >= 8 * width);
    elements
}

#[test]
fn surfaces_with_padded_lines_pass_and_tell_their_place() {
    let folder = Folder::new();
    let line = 256;
    let mut elements = surfaces(&tensor("conv1"), line);
    folder.write("conv1.hex", hex(&elements, 32, true));
    folder.passes("conv1.hex", &["--layout", "configs/layouts/surfaces.toml"]);
    // Channel 11, row 2, column 9.
    elements[(28 + 2) * line + 9 * 8 + 3] ^= 0x10;
    folder.write("conv1.hex", hex(&elements, 32, true));
    let told = folder.fails(
        1,
        "conv1.hex",
        &["--layout", "configs/layouts/surfaces.toml"],
    );
    for words in [
        "row 2, column 9, channel 11",
        "PE row 3, PE column 2, bank 0, by the dump's description",
        "word 242 (0xf2), lane 11",
        "xor       0x10",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn planes_in_npy_and_packed_channels_with_the_first_lane_high_pass() {
    let folder = Folder::new();
    folder.write(
        "planes.toml",
        "[layout]\norder = [\"n\", \"c\", \"y\", \"x\"]\n",
    );
    let planes = tensor("layer1.0.conv1").permuted_axes([0, 3, 1, 2]);
    let planes = planes.as_standard_layout().into_owned();
    ndarray_npy::write_npy(folder.at("layer1.0.conv1.npy"), &planes).expect("it can be written");
    folder.passes("layer1.0.conv1.npy", &["--layout", "[DIR]/planes.toml"]);
    folder.write(
        "packed.toml",
        "[layout]\nlanes = 4\nfirst_lane = \"high\"\n",
    );
    let elements: Vec<i32> = tensor("layer1.0.conv2").iter().copied().collect();
    folder.write("layer1.0.conv2.hex", hex(&elements, 4, false));
    folder.passes(
        "layer1.0.conv2.hex",
        &["--layout", "configs/layouts/packed.toml"],
    );
    let swapped = folder.at("layer1.0.conv2.hex");
    std::fs::write(swapped, hex(&elements, 4, true)).expect("it can be written");
    let told = folder.fails(
        1,
        "layer1.0.conv2.hex",
        &["--layout", "configs/layouts/packed.toml"],
    );
    assert!(told.contains("lane"), "{told}");
}

#[test]
fn one_memory_may_hold_several_tensors() {
    let folder = Folder::new();
    let bytes = |layer: &str| {
        hex(
            &tensor(layer).iter().copied().collect::<Vec<i32>>(),
            4,
            true,
        )
    };
    let memory = format!(
        "@40\n{}deadbeef\n@2000\n{}",
        bytes("layer2.0.conv1"),
        bytes("layer3.0.conv1")
    );
    folder.write("sram.hex", memory);
    folder.write(
        "memory.toml",
        "[layout]\nlanes = 4\n[[tensors]]\nlayer = \"layer3.0.conv1\"\nfile = \"sram.hex\"\nfirst_word = 0x2000\n\
         [[tensors]]\nlayer = \"layer2.0.conv1\"\nfile = \"sram.hex\"\nfirst_word = 0x40\n",
    );
    let told = folder.passes("", &["--layout", "[DIR]/memory.toml"]);
    assert!(
        told.contains("of 2 of 16 layers") && told.contains("1 words belong to no tensor"),
        "{told}"
    );
}

/// A table of the two tensors by their addresses, as the shipped description has it.
#[test]
fn a_memory_printed_as_a_table_is_read_by_its_addresses() {
    let folder = Folder::new();
    let rows = |layer: &str, first: usize| -> String {
        let elements: Vec<i32> = tensor(layer).iter().copied().collect();
        let words = hex(&elements, 4, true);
        let row = |(at, word): (usize, &str)| format!("{:x},{word}\n", first + at);
        words.lines().enumerate().map(row).collect()
    };
    let table = format!(
        "addr,data\n{}{}",
        rows("layer3.0.conv1", 8192),
        rows("layer2.0.conv1", 64)
    );
    folder.write("sram.csv", table);
    folder.passes("", &["--layout", "configs/layouts/memory.toml"]);
}

/// What is written in a layout is read in it; that it lies as described, the other tests of this file say.
#[test]
fn outputs_are_written_in_a_layout_and_pass_in_it() {
    let folder = Folder::new();
    let out = folder.at("set");
    let out = out.to_str().expect("plain");
    for layout in ["packed", "stream"] {
        let layout = format!("configs/layouts/{layout}.toml");
        let output = repchip(&["golden", STUDY, "--out", out, "--layout", &layout]);
        assert!(output.status.success());
        let told = folder.passes("set/edge/mini/expected/words", &["--layout", &layout]);
        assert!(told.contains("of 16 of 16 layers"), "{told}");
    }
    let words = std::fs::read_to_string(folder.at("set/edge/mini/expected/words/conv1.hex"));
    let elements: Vec<i32> = tensor("conv1").iter().copied().collect();
    assert_eq!(words.expect("it is written"), hex(&elements, 8, true));
}

#[test]
fn columns_and_wide_raw_words_are_described() {
    let folder = Folder::new();
    let elements: Vec<i32> = tensor("layer2.0.conv2").iter().copied().collect();
    let rows = elements
        .chunks(4)
        .enumerate()
        .map(|(at, lanes)| format!("{:x}; {}", at + 16, hex(lanes, 4, true).trim_end()));
    let rows: Vec<String> = rows.collect();
    folder.write(
        "layer2.0.conv2.csv",
        format!("addr; data\n{}\n", rows.join("\n")),
    );
    folder.write(
        "columns.toml",
        "[layout]\nlanes = 4\nfirst_word = 16\n[columns]\nwords = \"data\"\naddresses = \"addr\"\nbase = 16\n",
    );
    folder.passes("layer2.0.conv2.csv", &["--layout", "[DIR]/columns.toml"]);
    let bytes: Vec<u8> = elements
        .iter()
        .map(|value| value.to_le_bytes()[0])
        .collect();
    folder.write("layer2.0.conv2.raw", bytes);
    folder.write(
        "wide.toml",
        "[layout]\nlanes = 16\n[array]\nmapping = \"schedule\"\n",
    );
    folder.passes("layer2.0.conv2.raw", &["--layout", "[DIR]/wide.toml"]);
}
