//! Speed of reading hexadecimal dumps from memory, beside counting the lines of the same bytes.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use repchip::dump::{DumpError, hex, raw};
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
