//! A piece of a file in memory, moved from its beginning to its end.

use crate::units::count;
use std::io::{self, Read};

/// Bytes of the file held at once.
const SIZE: usize = 1 << 18;

/// The piece that is held.
#[derive(Debug)]
pub(super) struct Window<R> {
    source: R,
    buffer: Box<[u8]>,
    /// First byte not taken yet, and the first free one.
    at: usize,
    end: usize,
    /// Bytes of the file in front of the buffer.
    before: u64,
}

impl<R: Read> Window<R> {
    pub(super) fn new(source: R) -> Self {
        Self {
            source,
            buffer: vec![0; SIZE].into(),
            at: 0,
            end: 0,
            before: 0,
        }
    }

    /// What is held and not taken.
    pub(super) fn rest(&self) -> &[u8] {
        &self.buffer[self.at..self.end]
    }

    /// Goes on behind `bytes` bytes.
    pub(super) const fn take(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Where in the file the rest begins.
    pub(super) fn offset(&self) -> u64 {
        self.before + count(self.at)
    }

    /// Reads on behind the rest; `false` at the end of the file. The rest must be shorter than the window.
    pub(super) fn more(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.at..self.end, 0);
        self.before += count(self.at);
        self.end -= self.at;
        self.at = 0;
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(read) => {
                    self.end += read;
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next byte, not taken; `None` at the end of the file.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.at == self.end {
            self.more()?;
        }
        Ok(self.rest().first().copied())
    }
}
