//! Hexadecimal text as `$readmemh` takes it and `$writememh` writes it.
//!
//! Words stand between white space, with `_` between digits where the writer liked; `x` and `z` are four unknown bits,
//! `@1f0` is the address of the next word, `//` and `/* */` are comments. Zeros in front of a word that exceed its
//! width are allowed, as in a 6-bit word `002a`; a word with fewer digits is extended by zeros. Addresses count up from 0 and may jump anywhere: what is told twice is
//! given twice. `plain` reads runs of plain words, `packed` gives them
//! packed, `token` reads all else, one token at a time.

mod packed;
mod plain;
mod token;

pub use packed::{Piece, pieces};

use super::window::Window;
use super::{DumpError, Fault, Place, Word, bytes_of};
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;

/// Reads all words of a text.
///
/// * `source`: the text; read in large pieces, it needs no buffer of its own
/// * `file`: its name in errors
/// * `bits`: width of every word
/// * `each`: takes a word, and may stop the reading with its error
///
/// # Errors
/// When the text is not as described above, cannot be read, or `each` fails.
pub fn read<R: Read, E: From<DumpError>>(
    source: R,
    file: &Path,
    bits: NonZeroU32,
    mut each: impl FnMut(Word<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(source, file, bits.get());
    loop {
        reader.plain_words(&mut each)?;
        match reader.peek()? {
            Some(byte) => reader.token(byte, &mut each)?,
            None => return Ok(()),
        }
    }
}

/// A text, read up to some byte.
struct Reader<'f, R> {
    window: Window<R>,
    file: &'f Path,
    bits: u32,
    /// Of the next word; `None` behind the last one there is.
    address: Option<u64>,
    /// The line, and the byte of the file it begins at.
    line: u64,
    line_start: u64,
    /// Digits of a word, highest first, without zeros in front; above 15 is unknown.
    digits: Vec<u8>,
    value: Vec<u8>,
    unknown: Vec<u8>,
}

impl<'f, R: Read> Reader<'f, R> {
    fn new(source: R, file: &'f Path, bits: u32) -> Self {
        Self {
            window: Window::new(source),
            file,
            bits,
            address: Some(0),
            line: 1,
            line_start: 0,
            digits: Vec::new(),
            value: vec![0; bytes_of(bits)],
            unknown: vec![0; bytes_of(bits)],
        }
    }

    fn digits_of_a_word(&self) -> usize {
        self.bits.div_ceil(4) as usize
    }

    /// Where the next byte stands.
    fn here(&self) -> Place {
        Place::Text {
            line: self.line,
            column: self.window.offset() - self.line_start + 1,
        }
    }

    fn error(&self, place: Place, fault: impl Into<Fault>) -> DumpError {
        DumpError::new(self.file, place, fault)
    }

    fn peek(&mut self) -> Result<Option<u8>, DumpError> {
        let next = self.window.peek();
        next.map_err(|cause| self.error(Place::File, cause))
    }

    /// The next byte, taken.
    fn next(&mut self) -> Result<Option<u8>, DumpError> {
        let byte = self.peek()?;
        if byte.is_some() {
            self.window.take(1);
        }
        if byte == Some(b'\n') {
            self.line += 1;
            self.line_start = self.window.offset();
        }
        Ok(byte)
    }
}

/// What a byte is: a digit's value, or one of the kinds below.
const KIND: [u8; 256] = {
    let mut kinds = [OTHER; 256];
    let mut byte = 0_u8;
    loop {
        kinds[byte as usize] = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            b'x' | b'X' | b'z' | b'Z' => UNKNOWN,
            b'_' => BETWEEN,
            b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => SPACE,
            _ => OTHER,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    kinds
};
const UNKNOWN: u8 = 16;
const BETWEEN: u8 = 17;
const SPACE: u8 = 18;
const OTHER: u8 = 19;

/// The kind of a byte.
#[inline]
fn kind(byte: u8) -> u8 {
    KIND[usize::from(byte)]
}

#[cfg(test)]
mod tests;
