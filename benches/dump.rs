//! Speed of reading dumps from memory, beside counting the lines of the same bytes; and from files into tensors.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use repchip::chip::Chip;
use repchip::dump::{DumpError, hex, raw};
use repchip::layout::Description;
use repchip::network::{Network, builtin};
use repchip::quantise::{self, QuantNetwork};
use repchip::reparam::{Branches, fold};
use repchip::schedule::Schedule;
use repchip::tensor::{Activations, FeatureMap};
use repchip::time::{self, Mode, Timeline};
use repchip::verify::Model;
use repchip::verify::dumps::{self, Dump};
use repchip::{float, map};
use std::num::NonZeroU32;
use std::path::Path;

fn main() {
    divan::main();
}

/// Bytes of each text.
const SIZE: usize = 16 << 20;

/// Bits of a word: a byte of DRAM, a register, a bus.
const WIDTHS: [u32; 4] = [8, 32, 64, 256];

/// Words of `bits` bits, one a line.
fn text(bits: u32) -> Vec<u8> {
    let digits = usize::try_from(bits.div_ceil(4)).expect("a few digits");
    let mut text = Vec::with_capacity(SIZE + digits + 1);
    let mut state = 1_u32;
    while text.len() < SIZE {
        for _ in 0..digits {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push(b"0123456789abcdef"[(state >> 28) as usize]);
        }
        text.push(b'\n');
    }
    text
}

/// All words of a text.
#[divan::bench(args = WIDTHS)]
fn reads_hex(bencher: Bencher, bits: u32) {
    let text = text(bits);
    let width = NonZeroU32::new(bits).expect("some bits");
    bencher.counter(BytesCount::of_slice(&text)).bench(|| {
        let mut sum = 0_u64;
        let read = hex::read::<_, DumpError>(black_box(&text[..]), Path::new("a"), width, |word| {
            sum = sum.wrapping_add(u64::from(word.value[0]));
            Ok(())
        });
        read.expect("plain words");
        sum
    });
}

/// What reading the same text costs at least: every byte is looked at.
#[divan::bench(args = WIDTHS)]
fn counts_lines(bencher: Bencher, bits: u32) {
    let text = text(bits);
    bencher.counter(BytesCount::of_slice(&text)).bench(|| {
        let lines = black_box(&text).iter().filter(|&&byte| byte == b'\n');
        lines.count()
    });
}

/// All integers of a binary file.
#[divan::bench(args = [raw::Size::One, raw::Size::Four])]
fn reads_raw(bencher: Bencher, size: raw::Size) {
    let bytes = text(32);
    let bytes = &bytes[..SIZE];
    let element = raw::Element {
        size,
        order: raw::ByteOrder::Little,
    };
    bencher.counter(BytesCount::of_slice(bytes)).bench(|| {
        let mut sum = 0_u64;
        let read = raw::read::<_, DumpError>(black_box(bytes), Path::new("a"), element, |word| {
            sum = sum.wrapping_add(u64::from(word.value[0]));
            Ok(())
        });
        read.expect("whole elements");
        sum
    });
}

/// A trained network's shapes on many images, and its dump in a folder: the files are in the page cache.
struct Dumped {
    schedule: Schedule,
    chip: Chip,
    network: QuantNetwork,
    input: Activations,
    timeline: Timeline,
    folder: tempfile::TempDir,
    bytes: u64,
}

/// Images of the dump: ten million elements.
const IMAGES: usize = 240;

impl Dumped {
    fn new(form: &str) -> Self {
        let shape = FeatureMap::new(28, 28, 1);
        let graph = builtin::graph("repvgg-mini", shape).expect("it is built in");
        let params = float::seeded(&graph, 1);
        let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
        let image = float::seeded_image(shape, 1);
        let settings = quantise::Settings::int8();
        let network = quantise::quantise(&folded, &image, &settings).expect("it quantises");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge.toml");
        let chip = Chip::read(&path).expect("it is shipped");
        let settings = map::Settings {
            batch: IMAGES,
            ..map::Settings::default()
        };
        let schedule =
            map::map(&network.graph, &network.numerics, &chip, &settings).expect("it fits");
        let folder = tempfile::tempdir().expect("a folder");
        let mut bytes = 0;
        let mut state = 1_u32;
        for layer in &network.graph.layers {
            let elements = IMAGES * layer.output.pixels() * layer.output.channels;
            let mut file = Vec::new();
            for _ in 0..elements {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let byte = state.to_be_bytes()[0];
                if form == "hex" {
                    file.extend(format!("{byte:02x}\n").bytes());
                } else {
                    file.push(byte);
                }
            }
            bytes += u64::try_from(file.len()).expect("small");
            let path = folder.path().join(format!("{}.{form}", layer.name));
            std::fs::write(path, file).expect("it can be written");
        }
        Self {
            timeline: time::run(&schedule, &chip, Mode::Real),
            input: Activations::zeros((IMAGES, 28, 28, 1)),
            schedule,
            chip,
            network,
            folder,
            bytes,
        }
    }
}

/// Files in the page cache to the elements that `repchip verify` compares, two digits or a byte each.
#[divan::bench(args = ["hex", "raw"])]
fn fills_tensors(bencher: Bencher, form: &str) {
    let dumped = Dumped::new(form);
    let model = Model {
        schedule: &dumped.schedule,
        chip: &dumped.chip,
        network: &dumped.network,
        input: &dumped.input,
        timeline: &dumped.timeline,
    };
    let description = Description::default();
    let dump = Dump {
        path: dumped.folder.path(),
        format: None,
        description: &description,
        scheduled: false,
    };
    bencher
        .counter(BytesCount::new(dumped.bytes))
        .bench(|| dumps::read(&model, black_box(&dump)).expect("it can be read"));
}
