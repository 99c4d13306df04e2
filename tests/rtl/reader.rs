//! A reader of the files that knows `FORMAT.md` and nothing of the library: it follows the operations in list order
//! over banks, words and lanes, without any clock. Weights never change, so all Fetches come first.

use std::collections::BTreeMap;
use std::ops::Range;

/// Numbers of a `.hex` file, in two's complement.
fn numbers(text: &str) -> Vec<i64> {
    let number = |word| u64::from_str_radix(word, 16).expect("a hexadecimal number");
    text.split_whitespace()
        .map(|word| number(word).cast_signed())
        .collect()
}

fn size(n: i64) -> usize {
    usize::try_from(n).expect("not negative")
}

/// A place of one element in SRAM: bank row, bank column, word, lane.
type Place = [usize; 4];

/// Runs the operations; all bytes of DRAM at the end.
pub(crate) fn run(shape: &str, layers: &str, ops: &str, dram: &str) -> Vec<u8> {
    let define = |line: &str| -> (String, usize) {
        let mut words = line.split_whitespace().skip(1);
        let mut word = || words.next().expect("`define NAME value").to_owned();
        (word(), word().parse().expect("a number"))
    };
    let byte = |n: &i64| u8::try_from(*n).expect("a byte");
    let layers = numbers(layers);
    let mut machine = Machine {
        shape: shape.lines().map(define).collect(),
        layers: layers
            .chunks(64)
            .map(|words| Layer {
                words: words.to_vec(),
            })
            .collect(),
        dram: numbers(dram).iter().map(byte).collect(),
        sram: BTreeMap::new(),
        slots: BTreeMap::new(),
        parameters: BTreeMap::new(),
    };
    assert_eq!(machine.dram.len(), machine.shape["DRAM_BYTES"]);
    let ops = numbers(ops);
    ops.chunks(24)
        .filter(|op| op[0] == 2)
        .for_each(|op| machine.fetch(op));
    for op in ops.chunks(24) {
        match op[0] {
            0 => machine.transfer(op, true),
            1 => machine.transfer(op, false),
            2 => {}
            3 => machine.sweep(op),
            other => panic!("operation {other}"),
        }
    }
    machine.dram
}

struct Layer {
    words: Vec<i64>,
}

/// Channels and taps of one pass.
struct Pass {
    channels: Range<usize>,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl Pass {
    fn weights(&self) -> usize {
        self.channels.len() * self.rows.len() * self.cols.len()
    }
}

impl Layer {
    fn at(&self, word: usize) -> usize {
        size(self.words[word])
    }

    /// Passes with weights, channels counted within the channel group.
    fn passes(&self, lanes: usize) -> Vec<Pass> {
        let (kernel, inputs) = (self.at(0), self.at(9) / self.at(4));
        let step = if self.at(6) == 1 { 9 * lanes } else { lanes };
        let mut passes = Vec::new();
        for first in (0..inputs).step_by(step) {
            for row in (0..kernel).step_by(3) {
                for col in (0..kernel).step_by(3) {
                    passes.push(Pass {
                        channels: first..inputs.min(first + step),
                        rows: row..kernel.min(row + 3),
                        cols: col..kernel.min(col + 3),
                    });
                }
            }
        }
        passes
    }
}

struct Machine {
    shape: BTreeMap<String, usize>,
    layers: Vec<Layer>,
    dram: Vec<u8>,
    /// Raw elements.
    sram: BTreeMap<Place, u16>,
    /// Bytes of each fill, by its number over the whole run.
    slots: BTreeMap<usize, Vec<u8>>,
    /// Parameter block of each fetching, by the number of its first fill.
    parameters: BTreeMap<usize, Vec<u8>>,
}

fn signed(bytes: &[u8]) -> i64 {
    let mut value = 0u64;
    for byte in bytes.iter().rev() {
        value = value << 8 | u64::from(*byte);
    }
    let unused = 64 - 8 * bytes.len();
    (value << unused).cast_signed() >> unused
}

impl Machine {
    /// Where row `y`, column `x`, channel `c` of an image lies; `buffer`: first word, ring rows, words of an image,
    /// images.
    fn place(&self, buffer: &[i64], map: [usize; 2], image: usize, [y, x, c]: [usize; 3]) -> Place {
        let [width, channels] = map;
        let s = |name: &str| self.shape[name];
        let r = y % size(buffer[1]);
        let columns = width.div_ceil(s("BANK_COLS"));
        let words = channels.div_ceil(s("LANES"));
        let line = r / s("BANK_ROWS") * columns + x / s("BANK_COLS");
        let word = size(buffer[0])
            + image % size(buffer[3]) * size(buffer[2])
            + line * words
            + c / s("LANES");
        assert!(word < s("SRAM_WORDS"), "word {word} of a bank");
        [y % s("BANK_ROWS"), x % s("BANK_COLS"), word, c % s("LANES")]
    }

    fn transfer(&mut self, op: &[i64], load: bool) {
        let (width, channels, element) = (size(op[19]), size(op[20]), size(op[21]));
        assert_eq!(size(op[23]), size(op[22]) % size(op[18]));
        let mut at = size(op[11]);
        for y in size(op[13])..size(op[14]) {
            for x in 0..width {
                for c in 0..channels {
                    let place = self.place(&op[15..19], [width, channels], size(op[22]), [y, x, c]);
                    let bytes = at..at + element;
                    at += element;
                    if load {
                        let raw = signed(&self.dram[bytes]) & 0xffff;
                        self.sram
                            .insert(place, u16::try_from(raw).expect("16 bits"));
                    } else {
                        let raw = self.sram[&place].to_le_bytes();
                        self.dram[bytes].copy_from_slice(&raw[..element]);
                    }
                }
            }
        }
        assert_eq!(at, size(op[11] + op[12]), "bytes of a transfer");
    }

    fn fetch(&mut self, op: &[i64]) {
        let layer = &self.layers[size(op[1])];
        let passes = layer.passes(self.shape["LANES"]);
        assert_eq!(size(op[15]), passes.len());
        let rows = size(op[16]);
        for fill in size(op[12])..size(op[13]) {
            let number = size(op[14]) + fill - size(op[12]);
            let before: usize = passes[..fill % passes.len()]
                .iter()
                .map(Pass::weights)
                .sum();
            let start = size(op[11]) + 16 * rows + rows * before * layer.at(13);
            let bytes = rows * passes[fill % passes.len()].weights() * layer.at(13);
            self.slots
                .insert(number, self.dram[start..start + bytes].to_vec());
            if fill == 0 {
                let block = size(op[11])..size(op[11]) + 16 * rows;
                self.parameters.insert(number, self.dram[block].to_vec());
            }
        }
    }

    fn sweep(&mut self, op: &[i64]) {
        let layer = &self.layers[size(op[1])];
        let s = |name: &str| self.shape[name];
        let [out_height, out_width, outputs] = [10, 11, 12].map(|word| layer.at(word));
        let per_group = outputs / layer.at(4);
        let parts = per_group.div_ceil(s("ROWS"));
        let (group, part) = (size(op[11]) / parts, size(op[11]) % parts);
        let first = group * per_group + part * s("ROWS");
        let end = (group + 1) * per_group;
        let columns = out_width.div_ceil(s("TILE_W"));
        let mut results = Vec::new();
        for y in size(op[12])..size(op[13]) {
            for x in 0..out_width {
                let tile_row = y / s("TILE_H") - size(op[12]) / s("TILE_H");
                let blocks = columns.div_ceil(s("ACCUMULATORS"));
                let block = tile_row * blocks + x / s("TILE_W") / s("ACCUMULATORS");
                for channel in first..end.min(first + s("ROWS")) {
                    let one = One {
                        layer,
                        op,
                        group,
                        block,
                        row: channel - first,
                        at: [y, x, channel],
                    };
                    let (image, pixel) = one.pixel([y, x]);
                    assert!(y < out_height);
                    let place = [pixel[0], pixel[1], channel];
                    let map = one.map([out_width, outputs]);
                    let place = self.place(&layer.words[34..38], map, image, place);
                    results.push((place, self.output(&one)));
                }
            }
        }
        for (place, value) in results {
            let raw = u16::try_from(value & 0xffff).expect("16 bits");
            self.sram.insert(place, raw);
        }
    }

    /// One output, step by step.
    fn output(&self, one: &One<'_>) -> i64 {
        let layer = one.layer;
        let base = size(one.op[15]);
        let passes = layer.passes(self.shape["LANES"]);
        let parameters = &self.parameters[&base][16 * one.row..][..16];
        let mut acc = self.fit(i128::from(signed(&parameters[..8])));
        for (index, pass) in passes.iter().enumerate() {
            let fill = match layer.words[14] {
                2 => base + one.block * passes.len() + index,
                _ => base + index,
            };
            acc = self.fit(acc + self.products(one, pass, &self.slots[&fill]));
        }
        if layer.at(5) == 1 {
            let (image, [y, x]) = one.pixel([one.at[0], one.at[1]]);
            let map = [layer.at(11), layer.at(12)];
            let place = self.place(&layer.words[38..42], map, image, [y, x, one.at[2]]);
            let value = self.element(place, &layer.words[27..29]) - layer.words[18];
            let factor = signed(&parameters[13..15]);
            acc = self.fit(acc + (i128::from(value * factor) << parameters[15]));
        }
        let multiplier = i128::from(signed(&parameters[8..12]));
        requantise(layer, acc * multiplier, u32::from(parameters[12]))
    }

    fn products(&self, one: &One<'_>, pass: &Pass, weights: &[u8]) -> i128 {
        let layer = one.layer;
        let (bytes, inputs) = (layer.at(13), layer.at(9) / layer.at(4));
        let mut at = one.row * pass.weights() * bytes;
        let mut sum = 0;
        for channel in pass.channels.clone() {
            for ky in pass.rows.clone() {
                for kx in pass.cols.clone() {
                    let weight = signed(&weights[at..at + bytes]);
                    at += bytes;
                    let line = |out: usize, tap: usize| {
                        (out * layer.at(1) + tap * layer.at(3)).checked_sub(layer.at(2))
                    };
                    let (Some(y), Some(x)) = (line(one.at[0], ky), line(one.at[1], kx)) else {
                        continue;
                    };
                    if y >= layer.at(7) || x >= layer.at(8) {
                        continue;
                    }
                    let (image, [y, x]) = one.pixel([y, x]);
                    let map = one.map([layer.at(8), layer.at(9)]);
                    let channel = one.group * inputs + channel;
                    let place = self.place(&layer.words[30..34], map, image, [y, x, channel]);
                    let value = self.element(place, &layer.words[25..27]) - layer.words[17];
                    sum += i128::from(value * weight);
                }
            }
        }
        sum
    }

    /// An element; `form`: bytes, and 1 if it is signed.
    fn element(&self, place: Place, form: &[i64]) -> i64 {
        let raw = self.sram.get(&place).copied();
        let raw = raw.unwrap_or_else(|| panic!("nothing was written at {place:?}"));
        let bytes = raw.to_le_bytes();
        let value = signed(&bytes[..size(form[0])]);
        let modulus = 1i64 << (8 * form[0]);
        if form[1] == 1 {
            value
        } else {
            value.rem_euclid(modulus)
        }
    }

    fn fit(&self, value: i128) -> i128 {
        let bits = self.shape["ACC_BITS"];
        let (least, most) = (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
        if self.shape["ACC_SATURATE"] == 1 {
            value.clamp(least, most)
        } else {
            (value - least).rem_euclid(1 << bits) + least
        }
    }
}

/// One output of a Sweep.
struct One<'a> {
    layer: &'a Layer,
    op: &'a [i64],
    group: usize,
    block: usize,
    row: usize,
    at: [usize; 3],
}

impl One<'_> {
    /// Image and pixel: those of the operation, or image `x` where images are the patches.
    fn pixel(&self, [y, x]: [usize; 2]) -> (usize, [usize; 2]) {
        if self.layer.at(42) == 1 {
            (x, [0, 0])
        } else {
            (size(self.op[14]), [y, x])
        }
    }

    /// Width and channels of a map in its buffer.
    fn map(&self, [width, channels]: [usize; 2]) -> [usize; 2] {
        [if self.layer.at(42) == 1 { 1 } else { width }, channels]
    }
}

fn requantise(layer: &Layer, product: i128, shift: u32) -> i64 {
    let (floor, rest) = (product >> shift, product & ((1 << shift) - 1));
    let twice = 2 * rest;
    let one = 1i128 << shift;
    let up = match layer.words[16] {
        0 => false,
        1 => product < 0 && rest != 0,
        2 => twice >= one,
        3 => twice > one || (twice == one && floor & 1 == 1),
        _ => twice > one || (twice == one && product >= 0),
    };
    let sum = floor + i128::from(up && shift > 0) + i128::from(layer.words[19]);
    let bits = layer.words[23];
    let least = if layer.words[24] == 1 {
        -(1i128 << (bits - 1))
    } else {
        0
    };
    let fitted = if layer.words[22] == 1 {
        sum.clamp(least, least + (1 << bits) - 1)
    } else {
        (sum - least).rem_euclid(1 << bits) + least
    };
    let fitted = i64::try_from(fitted).expect("at most 16 bits");
    fitted.clamp(layer.words[20], layer.words[21])
}
