//! Runs of plain words, as `$writememh` writes them: as many digits as the width has, then white space.

use super::{Reader, SPACE, UNKNOWN, kind};
use crate::dump::{DumpError, Place, Word};
use crate::units::count;
use std::io::Read;

impl<R: Read> Reader<'_, R> {
    /// Gives plain words to `each` up to the first token that is something else, or that the window cuts.
    pub(super) fn plain_words<E: From<DumpError>>(
        &mut self,
        each: &mut impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.digits_of_a_word() {
            2 => self.run::<2, E>(each),
            4 => self.run::<4, E>(each),
            8 => self.run::<8, E>(each),
            16 => self.run::<16, E>(each),
            _ => self.run::<0, E>(each),
        }
    }

    /// As [`Self::plain_words`]; `DIGITS` are those of a word where the compiler should know, else 0.
    fn run<const DIGITS: usize, E: From<DumpError>>(
        &mut self,
        each: &mut impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bits = self.bits;
        let digits = match DIGITS {
            0 => self.digits_of_a_word(),
            known => known,
        };
        let offset = self.window.offset();
        let rest = self.window.rest();
        let value = &mut self.value[..digits.div_ceil(2)];
        let (mut line, mut line_start, mut address) = (self.line, self.line_start, self.address);
        let mut taken = 0;
        let mut end = Ok(());
        while let Some(now) = address {
            skip_space(rest, &mut taken, |behind| {
                line += 1;
                line_start = offset + count(behind);
            });
            let word = rest.get(taken..=taken + digits);
            let Some((&behind, word)) = word.and_then(<[u8]>::split_last) else {
                break;
            };
            if kind(behind) != SPACE || !pack(word, bits, value) {
                break;
            }
            let column = offset + count(taken) - line_start + 1;
            taken += digits;
            address = now.checked_add(1);
            let word = Word {
                address: Some(now),
                bits,
                value,
                unknown: &[],
                place: Place::Text { line, column },
            };
            if let Err(error) = each(word) {
                end = Err(error);
                break;
            }
        }
        (self.line, self.line_start, self.address) = (line, line_start, address);
        self.window.take(taken);
        end
    }
}

/// Moves `at` behind white space; `newline` takes the places behind line ends.
#[inline]
fn skip_space(rest: &[u8], at: &mut usize, mut newline: impl FnMut(usize)) {
    while let Some(&byte) = rest.get(*at)
        && kind(byte) == SPACE
    {
        *at += 1;
        if byte == b'\n' {
            newline(*at);
        }
    }
}

/// Packs the digits of a word into bytes, the lowest first. Whether all are digits and fit the width.
#[inline]
fn pack(digits: &[u8], bits: u32, value: &mut [u8]) -> bool {
    let mut seen = 0;
    let mut top = 0;
    for (byte, pair) in value.iter_mut().zip(digits.rchunks(2)) {
        let (high, low) = match *pair {
            [high, low] => (kind(high), kind(low)),
            [low] => (0, kind(low)),
            _ => (0, 0),
        };
        // A kind that is no digit has a bit that no digit has.
        seen |= high | low;
        top = high << 4 | low & 0xf;
        *byte = top;
    }
    let above = u8::MAX
        .checked_shl(bits % 8)
        .filter(|_| !bits.is_multiple_of(8));
    seen < UNKNOWN && top & above.unwrap_or(0) == 0
}
