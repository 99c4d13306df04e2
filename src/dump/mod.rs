//! Dumps of an RTL simulation, read word by word.
//!
//! In: a file that a simulator or a test bench wrote. Out: its [`Word`]s in the order of the file, each with its bits,
//! which of them are unknown, and its place. [`hex`] reads the text of `$readmemh` and `$writememh`, [`raw`] bare
//! integers, [`npy`] integer arrays of NumPy, [`columns`] tables of text, [`wave`] the beats of a valid/ready
//! handshake in a VCD or FST waveform. A file may be larger than memory: one buffer of a fixed size is held, a word
//! borrows from it, and what is done with a word is a function that the caller gives. That function stops the
//! reading with an error of its own. Whatever a file holds, the answer is words or a [`DumpError`] with a place and a
//! remedy. This room knows nothing of chips and networks.

pub mod columns;
mod error;
pub mod hex;
pub mod npy;
pub mod raw;
pub mod wave;
mod window;

pub use error::{DumpError, Fault};

use std::fmt::{self, Display};

/// One word of a dump; it borrows its bits from the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word<'w> {
    /// Where it lies in the memory or array that was dumped; `None` for a beat.
    pub address: Option<u64>,
    /// Its width.
    pub bits: u32,
    /// Its bits, the lowest byte first, in as few bytes as hold them; unknown bits and those above the width are 0.
    pub value: &'w [u8],
    /// Bits that are neither 0 nor 1, as in `value`; empty when all are known.
    pub unknown: &'w [u8],
    /// Where the file has it.
    pub place: Place,
}

impl Word<'_> {
    /// Whether every bit is 0 or 1.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.unknown.is_empty()
    }

    /// The word as a number; `None` when a bit is unknown or set above the 64th.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        self.is_known().then(|| number(self.value)).flatten()
    }
}

/// A place in a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The file as a whole.
    File,
    /// Line and column of a text, from 1; the column counts bytes.
    Text {
        /// Line.
        line: u64,
        /// Column.
        column: u64,
    },
    /// A byte of a binary file, from 0.
    Byte(u64),
    /// A clock edge of a waveform.
    Edge {
        /// Time in units of the waveform.
        time: u64,
        /// Edges of the sampling clock before this one.
        cycle: u64,
    },
}

impl Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Text { line, column } => write!(f, ":{line}:{column}"),
            Self::Byte(byte) => write!(f, ": byte {byte}"),
            Self::Edge { time, cycle } => write!(f, ": time {time}, cycle {cycle}"),
        }
    }
}

/// Bytes, the lowest first, as a number; `None` when it has more than 64 bits.
fn number(bytes: &[u8]) -> Option<u64> {
    let (low, high) = bytes.split_at(bytes.len().min(8));
    let mut padded = [0; 8];
    padded[..low.len()].copy_from_slice(low);
    let fits = high.iter().all(|&byte| byte == 0);
    fits.then(|| u64::from_le_bytes(padded))
}

/// Bytes that hold `bits` bits.
const fn bytes_of(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

#[cfg(test)]
pub(crate) mod owned;
