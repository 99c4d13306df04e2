//! A reader of the files that knows `FORMAT.md` and nothing of the library: it follows the operations in list order
//! over banks, words and lanes, without any clock. Weights never change, so all Fetches come first.

mod sweep;

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
pub(crate) fn run(shape: &str, layers: &str, ops: &str, dram: &str, host: &str) -> Vec<u8> {
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
    let results: Vec<u8> = numbers(host).iter().map(byte).collect();
    assert_eq!(results.len(), machine.shape["HOST_BYTES"]);
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
            4 => {
                let [at, bytes, from] = [12, 13, 14].map(|word| size(op[word]));
                machine.dram[at..at + bytes].copy_from_slice(&results[from..from + bytes]);
            }
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
        [
            y % s("BANK_ROWS"),
            (x + image) % s("BANK_COLS"),
            word,
            c % s("LANES"),
        ]
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
}
