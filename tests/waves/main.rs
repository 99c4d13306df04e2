//! A trained network's outputs in every form of a dump, waveforms of a simulator among them: what is whole passes, what
//! is spoilt is told with its place.

mod forms;
mod layouts;
mod refused;

use ndarray::Array4;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

const STUDY: &str = "tests/knobs/study.toml";
/// Layers of the network, in order.
const LAYERS: [&str; 16] = [
    "conv1",
    "layer1.0.conv1",
    "layer1.0.conv2",
    "layer2.0.downsample.0",
    "layer2.0.conv1",
    "layer2.0.conv2",
    "layer3.0.downsample.0",
    "layer3.0.conv1",
    "layer3.0.conv2",
    "layer3.1.conv1",
    "layer3.1.conv2",
    "layer4.0.downsample.0",
    "layer4.0.conv1",
    "layer4.0.conv2",
    "avgpool",
    "fc",
];

fn repchip(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("COLUMNS")
        .output()
        .expect("the command starts")
}

/// What the model expects.
static GOLDEN: LazyLock<TempDir> = LazyLock::new(|| {
    let root = tempfile::tempdir().expect("a folder");
    let out = root.path().to_str().expect("a plain path");
    let output = repchip(&["golden", STUDY, "--out", out]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    root
});

/// Image, row, column, channel.
fn tensor(layer: &str) -> Array4<i32> {
    let name = format!("edge/mini/expected/{layer}.npy");
    ndarray_npy::read_npy(GOLDEN.path().join(name)).expect("a tensor")
}

/// A folder of dumps without a manifest.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.at(name), bytes).expect("it can be written");
    }

    /// Verifies a dump in this folder; `[DIR]` stands for the folder.
    fn verify(&self, dump: &str, more: &[&str]) -> Output {
        let place = |word: &&str| word.replace("[DIR]", self.0.path().to_str().expect("plain"));
        let more: Vec<String> = more.iter().map(place).collect();
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let path = self.at(dump);
        let dump = ["verify", STUDY, "--dump", path.to_str().expect("plain")];
        repchip(&[&dump[..], &more].concat())
    }

    fn passes(&self, dump: &str, more: &[&str]) -> String {
        let output = self.verify(dump, more);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{dump}");
        assert!(
            output.status.success() && told.starts_with("MATCH"),
            "{told}"
        );
        told
    }

    /// What is told of a dump that ends with this exit code.
    fn fails(&self, code: i32, dump: &str, more: &[&str]) -> String {
        let output = self.verify(dump, more);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{dump}: {error}");
        assert!(
            error.contains("error[") && error.contains("= help: "),
            "{error}"
        );
        assert!(!error.contains("panicked"), "{error}");
        format!("{}{error}", String::from_utf8_lossy(&output.stdout))
            .replace(self.0.path().to_str().expect("plain"), "[DIR]")
    }
}

/// Lanes of a word of the stream, a byte each.
const LANES: usize = 8;

/// The words of all layers, one behind the other, lane 0 in the low bits.
fn words() -> Vec<String> {
    let mut words = Vec::new();
    for layer in LAYERS {
        let elements: Vec<i32> = tensor(layer).iter().copied().collect();
        words.extend(elements.chunks(LANES).map(|lanes| {
            let byte = |value: &i32| format!("{:02x}", value & 0xff);
            let bytes: Vec<String> = lanes.iter().rev().map(byte).collect();
            format!("{:0>16}", bytes.concat())
        }));
    }
    words
}

/// The bench of a stream of `count` words, compiled.
fn bench(folder: &Path, count: usize) -> PathBuf {
    let program = folder.join("stream.vvp");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/waves/stream.sv");
    let status = Command::new("iverilog")
        .args([
            "-g2012",
            &format!("-DWIDTH={}", 8 * LANES),
            &format!("-DCOUNT={count}"),
            "-DNOISE=32",
        ])
        .arg("-o")
        .args([&program, &source])
        .status();
    assert!(status.expect("Icarus Verilog is installed").success());
    program
}

/// Plays words on the handshake, and writes both waveforms: `NAME.vcd`, `NAME.fst`.
fn play(folder: &Folder, name: &str, words: &[String]) {
    folder.write("words.hex", words.join("\n"));
    let layout = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/layouts/stream.toml");
    fs::copy(layout, folder.at("stream.toml")).expect("it can be copied");
    let program = bench(folder.0.path(), words.len());
    for form in ["vcd", "fst"] {
        let output = Command::new("vvp")
            .args(["-n".as_ref(), program.as_os_str()])
            .arg(if form == "fst" { "-fst" } else { "-vcd" })
            .arg(format!("+words={}", folder.at("words.hex").display()))
            .arg(format!(
                "+wave={}",
                folder.at(&format!("{name}.{form}")).display()
            ))
            .output();
        assert!(output.expect("the simulator starts").status.success());
    }
}
