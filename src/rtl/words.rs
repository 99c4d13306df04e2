//! Text for `$readmemh` and from `$writememh`: one word a line in hexadecimal, without addresses.

use super::RtlError;
use crate::units::count;
use std::fmt::Write;

/// A list of 64-bit words under construction.
#[derive(Debug, Default)]
pub(super) struct WordList {
    words: Vec<u64>,
}

impl WordList {
    /// Adds a word.
    pub(super) fn push(&mut self, word: impl Into<u64>) {
        self.words.push(word.into());
    }

    /// Adds a count.
    pub(super) fn count(&mut self, n: usize) {
        self.words.push(count(n));
    }

    /// Adds a number in two's complement.
    pub(super) fn signed(&mut self, n: i32) {
        self.words.push(i64::from(n).cast_unsigned());
    }

    /// Adds 0 or 1.
    pub(super) fn flag(&mut self, is: bool) {
        self.words.push(u64::from(is));
    }

    /// Adds `n` zeros.
    pub(super) fn zeros(&mut self, n: usize) {
        self.words.resize(self.words.len() + n, 0);
    }

    /// Adds zeros until the last record of `size` words is whole.
    pub(super) fn fill(&mut self, size: usize) {
        self.words
            .resize(self.words.len().next_multiple_of(size), 0);
    }

    /// One word a line.
    pub(super) fn hex(&self) -> String {
        let mut text = String::with_capacity(self.words.len() * 17);
        for word in &self.words {
            writeln!(text, "{word:016x}").expect("a string takes all text");
        }
        text
    }
}

/// One byte a line.
pub(super) fn bytes_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        writeln!(text, "{byte:02x}").expect("a string takes all text");
    }
    text
}

/// The words of a text, comments left out. A word of unknown bits is `None`.
pub(super) fn words<'t>(text: &'t str) -> impl Iterator<Item = &'t str> + 't {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .flat_map(str::split_whitespace)
}

/// The number that `text` is, or `None` when a bit of it is unknown.
///
/// # Errors
/// When it is neither, or has more than `bits` bits.
pub(super) fn number(
    file: &'static str,
    word: usize,
    text: &str,
    bits: u32,
) -> Result<Option<u64>, RtlError> {
    let unknown = |c: char| matches!(c, 'x' | 'X' | 'z' | 'Z');
    if text.contains(unknown) && text.chars().all(|c| unknown(c) || c.is_ascii_hexdigit()) {
        return Ok(None);
    }
    match u64::from_str_radix(text, 16) {
        Ok(n) if bits == 64 || n >> bits == 0 => Ok(Some(n)),
        Ok(_) | Err(_) => Err(RtlError::Word {
            file,
            word,
            text: text.to_owned(),
            bits,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_two_s_complement_and_records_are_whole() {
        let mut list = WordList::default();
        list.signed(-2);
        list.count(3);
        list.flag(true);
        list.fill(4);
        assert_eq!(
            list.hex(),
            "fffffffffffffffe\n0000000000000003\n0000000000000001\n0000000000000000\n"
        );
    }

    #[test]
    fn comments_unknown_bits_and_nonsense() {
        let text = "// 0x00000000\n0f xX\n1z // end\n";
        let read: Vec<_> = words(text)
            .enumerate()
            .map(|(at, word)| number("dump.hex", at, word, 8))
            .collect();
        assert_eq!(read, [Ok(Some(15)), Ok(None), Ok(None)]);
        assert!(number("dump.hex", 0, "100", 8).is_err());
        assert!(number("dump.hex", 0, "xq", 8).is_err());
    }
}
