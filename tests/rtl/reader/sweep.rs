//! Sweeps: each output by itself, its additions in step order.

use super::{Layer, Machine, Pass, Place, signed, size};

impl Machine {
    pub(super) fn sweep(&mut self, op: &[i64]) {
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
