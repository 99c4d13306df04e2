//! Runs of plain words: digits and white space in the window, no more than 64 bits.

use super::{Reader, SPACE, kind};
use crate::dump::{DumpError, Place, Word, bytes_of};
use crate::units::count;
use std::io::Read;

/// Digits of 64 bits.
const MOST_DIGITS: usize = 16;

/// A word of the window: its value, and where its digits begin and end.
struct Plain {
    value: u64,
    start: usize,
    end: usize,
}

impl<R: Read> Reader<'_, R> {
    /// Gives plain words to `each` up to the first token that is something else, or that the window cuts.
    pub(super) fn plain_words<E: From<DumpError>>(
        &mut self,
        each: &mut impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.bits > u64::BITS {
            return Ok(());
        }
        let (bits, bytes) = (self.bits, bytes_of(self.bits));
        let offset = self.window.offset();
        let rest = self.window.rest();
        let (mut line, mut line_start) = (self.line, self.line_start);
        let mut address = self.address;
        let mut taken = 0;
        let mut end = Ok(());
        while let Some(now) = address {
            let mut start = taken;
            skip_space(rest, &mut start, |newline| {
                line += 1;
                line_start = offset + count(newline) + 1;
            });
            taken = start;
            let Some(word) = word(rest, start).filter(|word| word.value >> (bits - 1) <= 1) else {
                break;
            };
            taken = word.end;
            address = now.checked_add(1);
            let column = offset + count(word.start) - line_start + 1;
            end = each(Word {
                address: Some(now),
                bits,
                value: &word.value.to_le_bytes()[..bytes],
                unknown: &[],
                place: Place::Text { line, column },
            });
            if end.is_err() {
                break;
            }
        }
        (self.line, self.line_start, self.address) = (line, line_start, address);
        self.window.take(taken);
        end
    }
}

/// Moves `at` to the first byte that is no white space.
fn skip_space(rest: &[u8], at: &mut usize, mut newline: impl FnMut(usize)) {
    while let Some(&byte) = rest.get(*at)
        && kind(byte) == SPACE
    {
        if byte == b'\n' {
            newline(*at);
        }
        *at += 1;
    }
}

/// The word at `start`, if it is plain and white space follows it in the window.
fn word(rest: &[u8], start: usize) -> Option<Plain> {
    let mut value = 0_u64;
    let mut end = start;
    loop {
        let kind = kind(*rest.get(end)?);
        if kind > 15 {
            let plain = kind == SPACE && (1..=MOST_DIGITS).contains(&(end - start));
            return plain.then_some(Plain { value, start, end });
        }
        value = value << 4 | u64::from(kind);
        end += 1;
    }
}
