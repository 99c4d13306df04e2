//! Words that outlive their reader, for tests.

use super::{DumpError, Place, Word};

/// A copy of a [`Word`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) address: Option<u64>,
    pub(crate) bits: u32,
    pub(crate) value: Vec<u8>,
    pub(crate) unknown: Vec<u8>,
    pub(crate) place: Place,
}

impl From<Word<'_>> for Owned {
    fn from(word: Word<'_>) -> Self {
        Self {
            address: word.address,
            bits: word.bits,
            value: word.value.to_vec(),
            unknown: word.unknown.to_vec(),
            place: word.place,
        }
    }
}

/// All words that `read` gives, and how it ended.
pub(crate) fn all(
    read: impl FnOnce(&mut dyn FnMut(Word<'_>) -> Result<(), DumpError>) -> Result<(), DumpError>,
) -> (Vec<Owned>, Result<(), DumpError>) {
    let mut words = Vec::new();
    let end = read(&mut |word| {
        words.push(word.into());
        Ok(())
    });
    (words, end)
}
