//! Runs of plain words of one or two bytes, packed: for who takes many at once.

use super::{Reader, SPACE, UNKNOWN, kind};
use crate::dump::{DumpError, Place, Word};
use crate::units::count;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;

/// Words of a text.
#[derive(Debug, Clone, Copy)]
pub enum Piece<'p> {
    /// One word.
    Word(Word<'p>),
    /// Words at addresses that follow each other, all bits known.
    Run {
        /// Address of the first.
        first: u64,
        /// Their bytes, each word's lowest first.
        bytes: &'p [u8],
        /// Where the first stands.
        place: Place,
    },
}

/// As [`super::read`], and words of 8 or 16 bits come in runs where they are plain and their addresses below `end`.
///
/// # Errors
/// As [`super::read`].
pub fn pieces<R: Read, E: From<DumpError>>(
    source: R,
    file: &Path,
    bits: NonZeroU32,
    end: u64,
    mut each: impl FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(source, file, bits.get());
    let mut packed = Vec::new();
    loop {
        match bits.get() {
            8 => reader.packed::<2, E>(end, &mut packed, &mut each)?,
            16 => reader.packed::<4, E>(end, &mut packed, &mut each)?,
            _ => reader.plain_words(&mut |word| each(Piece::Word(word)))?,
        }
        match reader.peek()? {
            Some(byte) => reader.token(byte, &mut |word| each(Piece::Word(word)))?,
            None => return Ok(()),
        }
    }
}

impl<R: Read> Reader<'_, R> {
    /// Gives the plain words in the window, of `DIGITS` digits, up to the first token that is something else.
    fn packed<const DIGITS: usize, E: From<DumpError>>(
        &mut self,
        end: u64,
        packed: &mut Vec<u8>,
        each: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(first) = self.address.filter(|first| *first < end) else {
            return Ok(());
        };
        let most = usize::try_from(end - first).unwrap_or(usize::MAX);
        let (offset, rest) = (self.window.offset(), self.window.rest());
        packed.clear();
        packed.resize(rest.len(), 0);
        let (mut taken, mut words, mut lines) = (0, 0, 0);
        let mut line_start = None;
        let mut place = None;
        while words < most {
            while let Some(&byte) = rest.get(taken)
                && kind(byte) == SPACE
            {
                taken += 1;
                if byte == b'\n' {
                    lines += 1;
                    line_start = Some(taken);
                }
            }
            let Some(token) = rest.get(taken..=taken + DIGITS) else {
                break;
            };
            let seen = token[..DIGITS]
                .iter()
                .fold(0, |seen, digit| seen | kind(*digit));
            if seen >= UNKNOWN || kind(token[DIGITS]) != SPACE {
                break;
            }
            if words == 0 {
                let start = line_start.map_or(self.line_start, |at| offset + count(at));
                place = Some(Place::Text {
                    line: self.line + lines,
                    column: offset + count(taken) - start + 1,
                });
            }
            let bytes = &mut packed[words * (DIGITS / 2)..][..DIGITS / 2];
            for (byte, pair) in bytes.iter_mut().zip(token[..DIGITS].rchunks_exact(2)) {
                *byte = kind(pair[0]) << 4 | kind(pair[1]);
            }
            words += 1;
            taken += DIGITS;
        }
        self.line += lines;
        self.line_start = line_start.map_or(self.line_start, |at| offset + count(at));
        self.window.take(taken);
        self.address = first.checked_add(count(words));
        let Some(place) = place else { return Ok(()) };
        let bytes = &packed[..words * (DIGITS / 2)];
        each(Piece::Run {
            first,
            bytes,
            place,
        })
    }
}
