//! Dumps larger than memory should hold: a gigabyte of `$readmemh` text and 200 MB of FST through `repchip verify`.
//!
//! `cargo bench --bench large` makes both from seeds in a temporary folder (about 5 GB, Icarus Verilog writes the
//! waveform), verifies them, and prints for each its size, the time of the command, and the most anonymous memory it
//! had. A dump that does not match ends it with an error.

#![expect(clippy::print_stdout, reason = "a benchmark tells its figures")]

use ndarray::Array4;
use ndarray_npy::{read_npy, write_npy};
use repchip::dump::DumpError;
use repchip::dump::wave::{Edge, Handshake, Reset, Wave};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wellen::stream::Filter;

/// Images of the large dump; ResNet-50 has 11.1 million outputs an image, a word has nine characters.
const IMAGES: usize = 11;
/// Bits of noise beside the stream.
const NOISE: usize = 512;

const STUDY: &str = r#"
name = "large"
chips = ["CHIP"]
[input]
batch = BATCH
[numerics]
activation_bits = 8
weight_bits = 8
output_bits = 8
weights = "per_channel"
calibration = "percentile"
percentile = 99.99
rule = "multiplier"
rounding = "half_even"
residual = "accumulate"
[mapping]
inplace_add = false
halo = "keep"
images = "outermost"
offload = "host"
fully_connected = "array"
[[networks]]
id = "net"
name = "resnet-50-v1"
form = "folded"
input = [224, 224, 3]
weights = { seed = 1 }
images = "images.npy"
calibration = "images.npy"
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
"#;

fn main() {
    let root = tempfile::tempdir().expect("a folder");
    let folder = root.path();
    let layers = tensors(folder, IMAGES);
    let hex = folder.join("hex");
    let bytes = words(&layers, &hex);
    println!("hex: {:.2} GB in {} files", giga(bytes), layers.len());
    verify(folder, &hex, &[], bytes);
    fs::remove_dir_all(&hex).expect("it is there");

    let layers = tensors(folder, 1);
    let fst = waveform(folder, &layers);
    let bytes = fst.metadata().expect("it is there").len();
    println!("FST: {:.3} GB, 8 lanes of 8 bits a beat", giga(bytes));
    let layout = folder.join("stream.toml");
    let layout = layout.to_str().expect("a plain path");
    verify(folder, &fst, &["--layout", layout], bytes);
    beside_the_reader(&fst);
}

/// Runs the command; ends with an error where it does not succeed.
fn repchip(folder: &Path, arguments: &[&str]) {
    let status = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    assert!(
        status.expect("the command starts").success(),
        "{arguments:?}"
    );
}

/// Every layer's output for some images, as the program computes them: files in network order.
fn tensors(folder: &Path, images: usize) -> Vec<PathBuf> {
    let chip = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge.toml");
    let study = STUDY.replace("CHIP", chip.to_str().expect("a plain path"));
    let study = study.replace("BATCH", &images.to_string());
    fs::write(folder.join("study.toml"), study).expect("it can be written");
    let mut state = 1_u32;
    let pixels = Array4::from_shape_simple_fn((images, 224, 224, 3), || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    write_npy(folder.join("images.npy"), &pixels).expect("it can be written");
    let out = folder.join("tensors");
    let _ = fs::remove_dir_all(&out);
    let start = Instant::now();
    repchip(
        folder,
        &[
            "infer",
            "study.toml",
            "--input",
            "images.npy",
            "--output",
            "out.npy",
            "--tensors",
            "tensors",
        ],
    );
    println!(
        "infer: {images} images, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let listed = fs::read_dir(&out).expect("it is written");
    let mut files: Vec<PathBuf> = listed
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.retain(|path| !path.to_string_lossy().contains("accumulators"));
    files.sort();
    files
}

/// The layer of a file `012-layer.npy`.
fn name(file: &Path) -> String {
    let stem = file.file_stem().expect("a name").to_string_lossy();
    stem.split_once('-')
        .expect("a number in front")
        .1
        .to_owned()
}

/// A layer's elements as eight hexadecimal digits each; the bytes of all files.
fn words(layers: &[PathBuf], to: &Path) -> u64 {
    fs::create_dir_all(to).expect("a folder");
    fs::write(to.join("../words.toml"), "[layout]\nword_bits = 32\n").expect("it can be written");
    let mut bytes = 0;
    for layer in layers {
        let tensor: Array4<i32> = read_npy(layer).expect("a tensor");
        let path = to.join(format!("{}.hex", name(layer)));
        let mut file = BufWriter::new(File::create(&path).expect("it can be written"));
        for value in &tensor {
            writeln!(file, "{value:08x}").expect("it can be written");
        }
        file.flush().expect("it can be written");
        bytes += path.metadata().expect("it is there").len();
    }
    bytes
}

/// Verifies a dump, and prints time and memory.
fn verify(folder: &Path, dump: &Path, more: &[&str], bytes: u64) {
    let dump = dump.to_str().expect("a plain path");
    let start = Instant::now();
    let layout: &[&str] = if more.is_empty() {
        &["--layout", "words.toml"]
    } else {
        more
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_repchip"))
        .args([&["verify", "study.toml", "--quiet", "--dump", dump], layout].concat())
        .current_dir(folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command starts");
    let mut most = 0;
    let status = loop {
        most = most.max(anonymous(child.id()));
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let seconds = start.elapsed().as_secs_f64();
    let told = std::io::read_to_string(child.stdout.take().expect("piped")).expect("text");
    assert!(status.success() && told.starts_with("MATCH"), "{told}");
    println!("{}", told.lines().next().unwrap_or_default());
    println!(
        "verify: {seconds:.1} s with the model's own run, {:.0} MB/s, at most {} MB of anonymous memory",
        1000.0 * giga(bytes) / seconds,
        most / 1000
    );
}

/// Anonymous memory of a process in kB.
fn anonymous(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}

/// The outputs as a stream of words in FST, and its description beside it.
fn waveform(folder: &Path, layers: &[PathBuf]) -> PathBuf {
    // A stream holds the layers in network order, which the names do not show: one list in the description.
    let mut description = "[layout]\nlanes = 8\n[signals]\nclock = \"dut.clk\"\nreset = \"dut.rst_n\"\nvalid = \"dut.in_valid\"\n\
        ready = \"dut.in_ready\"\ndata = \"dut.in_data\"\n"
        .to_owned();
    let mut file =
        BufWriter::new(File::create(folder.join("words.hex")).expect("it can be written"));
    let mut count = 0;
    for layer in layers {
        let name = name(layer);
        description += &format!("[[tensors]]\nlayer = \"{name}\"\n");
        let tensor: Array4<i32> = read_npy(layer).expect("a tensor");
        let elements: Vec<i32> = tensor.into_iter().collect();
        for lanes in elements.chunks(8) {
            let word = lanes.iter().rev().fold(0_u64, |word, value| {
                word << 8 | u64::from(value.to_le_bytes()[0])
            });
            writeln!(file, "{word:016x}").expect("it can be written");
            count += 1;
        }
    }
    file.flush().expect("it can be written");
    fs::write(folder.join("stream.toml"), description).expect("it can be written");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/waves/stream.sv");
    let defines = [
        format!("-DCOUNT={count}"),
        format!("-DNOISE={NOISE}"),
        "-DWIDTH=64".to_owned(),
    ];
    let compiled = Command::new("iverilog")
        .args(["-g2012", "-o", "stream.vvp"])
        .args(defines)
        .arg(source)
        .current_dir(folder)
        .status();
    assert!(compiled.expect("Icarus Verilog is installed").success());
    let start = Instant::now();
    let played = Command::new("vvp")
        .args([
            "-n",
            "stream.vvp",
            "-fst",
            "+words=words.hex",
            "+wave=run.fst",
        ])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    assert!(played.expect("the simulator starts").success());
    println!(
        "simulated: {count} beats, {:.1} s",
        start.elapsed().as_secs_f64()
    );
    folder.join("run.fst")
}

/// Reading the beats beside what the waveform library needs alone for the changes of the same signals.
fn beside_the_reader(fst: &Path) {
    let bytes = fst.metadata().expect("it is there").len();
    let handshake = Handshake {
        clock: "dut.clk".to_owned(),
        edge: Edge::Rising,
        reset: Some(Reset {
            signal: "dut.rst_n".to_owned(),
            active_low: true,
        }),
        valid: "dut.in_valid".to_owned(),
        ready: Some("dut.in_ready".to_owned()),
        data: "dut.in_data".to_owned(),
        address: None,
    };
    let mut best = [f64::INFINITY; 2];
    for _ in 0..3 {
        let start = Instant::now();
        let mut beats = 0_u64;
        let read = Wave::open(fst)
            .expect("a waveform")
            .beats(&handshake, |word| {
                beats += u64::from(word.bits > 0);
                Ok::<(), DumpError>(())
            });
        read.expect("beats");
        best[0] = best[0].min(start.elapsed().as_secs_f64());
        black_box(beats);
        let start = Instant::now();
        black_box(alone(fst));
        best[1] = best[1].min(start.elapsed().as_secs_f64());
    }
    let [ours, alone] = best.map(|seconds| 1000.0 * giga(bytes) / seconds);
    println!(
        "FST in this process: {ours:.0} MB/s as beats, {alone:.0} MB/s by wellen alone, {:.2} of it",
        ours / alone
    );
}

/// The changes that the library gives of the same signals.
fn alone(fst: &Path) -> u64 {
    let source = BufReader::new(File::open(fst).expect("it is there"));
    let options = wellen::LoadOptions {
        multi_thread: false,
        ..wellen::LoadOptions::default()
    };
    let mut wave = wellen::stream::read(source, &options).expect("a waveform");
    let names = wave.hierarchy();
    let wanted = ["clk", "rst_n", "in_valid", "in_ready", "in_data"];
    let mut signals: Vec<_> = (names.all_vars().map(|var| &names[var]))
        .filter(|var| wanted.contains(&var.name(names)))
        .map(wellen::Var::signal_ref)
        .collect();
    signals.sort_unstable();
    signals.dedup();
    let mut changes = 0;
    let read = wave.stream_changes(Filter::include_signals(&signals), |_, _, _| {
        changes += 1;
        Ok::<(), std::convert::Infallible>(())
    });
    assert!(read.is_ok());
    changes
}

#[expect(
    clippy::cast_precision_loss,
    reason = "file sizes are far below 2^53 bytes"
)]
fn giga(bytes: u64) -> f64 {
    bytes as f64 / 1e9
}
