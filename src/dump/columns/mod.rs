//! Tables of text: a word a line, in one of several columns.
//!
//! Cells stand between commas, semicolons or tabs, whichever the first line has, else between white space. Empty
//! lines and lines that begin with `#` are passed over. Numbers have up to 128 bits: decimal ones with a sign where they
//! are negative, hexadecimal ones as in [`super::hex`], with `0x` in front or without.

mod number;

use super::error::beginning;
use super::window::Window;
use super::{DumpError, Fault, Place, Word, bytes_of};
use number::Number;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::Path;

/// Bytes of the longest line.
const LONGEST: usize = 1 << 16;

/// Base of the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Radix {
    /// 10.
    Decimal,
    /// 16.
    Hexadecimal,
}

/// Which cell of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// As the header calls it.
    Name(String),
    /// Counted from 1.
    Number(usize),
}

/// How a table is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Whether the first line names the columns.
    pub header: bool,
    /// The words.
    pub words: Column,
    /// Their addresses, hexadecimal if the words are; without this column lines are counted from 0.
    pub addresses: Option<Column>,
    /// Base of both.
    pub radix: Radix,
    /// Width of a word.
    pub bits: NonZeroU32,
}

/// Reads the words of a table, line by line.
///
/// # Errors
/// When a column is not there, a cell is no number or too wide, a line is too long, the file cannot be read, or `each`
/// fails.
pub fn read<R: Read, E: From<DumpError>>(
    source: R,
    file: &Path,
    layout: &Layout,
    mut each: impl FnMut(Word<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Lines::new(source, file);
    let mut table = None;
    let mut value = vec![0; bytes_of(layout.bits.get())];
    let mut unknown = value.clone();
    let mut row = 0;
    while let Some(line) = lines.next()? {
        if line.bytes.is_empty() || line.bytes.starts_with(b"#") {
            continue;
        }
        let table = match &table {
            Some(table) => table,
            None => {
                let first = Table::new(&line, layout)?;
                table = Some(first);
                match &table {
                    Some(table) if !layout.header => table,
                    _ => continue,
                }
            }
        };
        let address = line.address(table, layout.radix)?.unwrap_or(row);
        let number = line.number(table, table.words, layout.radix)?;
        let known = number.unknown == 0;
        number.fill(layout.bits.get(), &mut value, &mut unknown, &line)?;
        each(Word {
            address: Some(address),
            bits: layout.bits.get(),
            value: &value,
            unknown: if known { &[] } else { &unknown },
            place: number.place,
        })?;
        row += 1;
    }
    Ok(())
}

/// What the first line settles.
struct Table {
    separator: Option<u8>,
    words: usize,
    addresses: Option<usize>,
}

impl Table {
    fn new(first: &Line<'_>, layout: &Layout) -> Result<Self, DumpError> {
        let separator = (b",;\t".iter().copied()).find(|byte| first.bytes.contains(byte));
        let index = |column: &Column| match column {
            Column::Number(number) => Ok(number.saturating_sub(1)),
            Column::Name(name) => {
                let mut cells = first.cells(separator);
                let found = cells.position(|(_, cell)| cell == name.as_bytes());
                found
                    .filter(|_| layout.header)
                    .ok_or_else(|| first.no_column(format!("`{name}`")))
            }
        };
        Ok(Self {
            separator,
            words: index(&layout.words)?,
            addresses: layout.addresses.as_ref().map(index).transpose()?,
        })
    }
}

/// A line without its end.
struct Line<'l> {
    file: &'l Path,
    line: u64,
    bytes: &'l [u8],
}

impl<'l> Line<'l> {
    fn error(&self, column: usize, fault: Fault) -> DumpError {
        let place = Place::Text {
            line: self.line,
            column: crate::units::count(column) + 1,
        };
        DumpError::new(self.file, place, fault)
    }

    fn no_column(&self, wanted: String) -> DumpError {
        let found = format!("the line is `{}`", beginning(self.bytes));
        self.error(0, Fault::NoColumn { wanted, found })
    }

    /// Cells with the columns they begin at, without white space and quotes around them.
    fn cells(&self, separator: Option<u8>) -> impl Iterator<Item = (usize, &'l [u8])> {
        let between = move |byte: &u8| match separator {
            Some(separator) => *byte == separator,
            None => byte.is_ascii_whitespace(),
        };
        let all = self.bytes;
        let cells = all.split(between).scan(0, |next, cell| {
            let start = *next;
            *next += cell.len() + 1;
            Some((start, cell))
        });
        cells
            .filter(move |(_, cell)| separator.is_some() || !cell.is_empty())
            .map(|(start, cell)| {
                let cell = cell.trim_ascii();
                let inside = cell.strip_prefix(b"\"").and_then(|c| c.strip_suffix(b"\""));
                (start, inside.unwrap_or(cell))
            })
    }

    /// The address of the line, if the table has them.
    fn address(&self, table: &Table, radix: Radix) -> Result<Option<u64>, DumpError> {
        let number = table
            .addresses
            .map(|column| self.number(table, column, radix));
        let address = number.map(|number| number?.address(self));
        address.transpose()
    }

    fn number(&self, table: &Table, column: usize, radix: Radix) -> Result<Number<'l>, DumpError> {
        let cell = self.cells(table.separator).nth(column);
        let (start, cell) = cell.ok_or_else(|| self.no_column((column + 1).to_string()))?;
        Number::parse(cell, radix, self, start)
    }
}

/// The lines of a text.
struct Lines<'f, R> {
    window: Window<R>,
    file: &'f Path,
    line: u64,
    /// Bytes of the line given last, its end included.
    given: usize,
}

impl<'f, R: Read> Lines<'f, R> {
    fn new(source: R, file: &'f Path) -> Self {
        Self {
            window: Window::new(source),
            file,
            line: 0,
            given: 0,
        }
    }

    fn next(&mut self) -> Result<Option<Line<'_>>, DumpError> {
        self.window.take(self.given);
        self.line += 1;
        let start = Place::Text {
            line: self.line,
            column: 1,
        };
        let error = |fault: Fault| DumpError::new(self.file, start, fault);
        let mut seen = 0;
        let length = loop {
            let rest = self.window.rest();
            if let Some(end) = rest[seen..].iter().position(|&byte| byte == b'\n') {
                break seen + end;
            }
            seen = rest.len();
            if seen > LONGEST {
                break seen;
            }
            if !self.window.more().map_err(|cause| error(cause.into()))? {
                break seen;
            }
        };
        if length > LONGEST {
            return Err(error(Fault::LongLine { most: LONGEST }));
        }
        let rest = self.window.rest();
        self.given = (length + 1).min(rest.len());
        Ok((!rest.is_empty()).then(|| Line {
            file: self.file,
            line: self.line,
            bytes: rest[..length].trim_ascii_end(),
        }))
    }
}

#[cfg(test)]
mod tests;
