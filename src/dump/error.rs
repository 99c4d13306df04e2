//! What is wrong with a dump, where, and what to do about it.

use super::Place;
use std::io;
use std::path::{Path, PathBuf};

/// A dump that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{}{place}: {fault}", .file.display())]
pub struct DumpError {
    /// The file, as the caller named it.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// What is wrong with a dump.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The system cannot read it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A character that no hexadecimal text has there.
    #[error("`{found}` is no hexadecimal digit, x or z, comment or address")]
    NotHex {
        /// The character, escaped where it cannot be printed.
        found: String,
    },
    /// A number with more bits than the words have.
    #[error("`{found}` has more than the {bits} bits of a word")]
    TooWide {
        /// The number, its first digits if it is long.
        found: String,
        /// Width of the words.
        bits: u32,
    },
    /// Underscores without a digit.
    #[error("a number without a digit")]
    NoDigit,
    /// `/*` without `*/`.
    #[error("the comment that begins here does not end")]
    OpenComment,
    /// `@` without a hexadecimal number behind it.
    #[error("`@` needs an address in hexadecimal digits behind it, all known")]
    Address,
    /// An address of more than 64 bits, or a word behind the last address.
    #[error("the address has more than 64 bits")]
    AddressRange,
    /// Bytes at the end that are less than an element.
    #[error("{found} byte(s) are left at the end, an element has {wanted}")]
    PartElement {
        /// Bytes left.
        found: usize,
        /// Bytes of an element.
        wanted: usize,
    },
    /// A header of a npy file that cannot be used.
    #[error("the npy header {0}")]
    NpyHeader(String),
    /// Elements that are not `wanted`.
    #[error("the npy header tells {wanted} elements, the file holds {found}")]
    NpyElements {
        /// Elements of the shape.
        wanted: u64,
        /// `3`, `more`.
        found: String,
    },
    /// A line longer than any table has.
    #[error("the line has more than {most} bytes")]
    LongLine {
        /// Bytes a line may have.
        most: usize,
    },
    /// A column that is not there.
    #[error("there is no column {wanted}: {found}")]
    NoColumn {
        /// Name in quotes, or number.
        wanted: String,
        /// What the line has instead.
        found: String,
    },
    /// A cell that is no number.
    #[error("`{found}` is no {radix} number")]
    NotNumber {
        /// The cell, its beginning if it is long.
        found: String,
        /// `decimal`, `hexadecimal`.
        radix: &'static str,
    },
    /// Neither VCD nor FST, or damaged.
    #[error("no waveform that can be read: {0}")]
    Wave(String),
    /// No signal of this name.
    #[error("there is no signal `{wanted}`{}", listed("; the nearest are", .nearest))]
    NoSignal {
        /// As asked for.
        wanted: String,
        /// The names most like it.
        nearest: Vec<String>,
    },
    /// Several signals of this name.
    #[error("`{wanted}` names {count} signals{}", listed(":", .found))]
    Ambiguous {
        /// As asked for.
        wanted: String,
        /// How many there are.
        count: usize,
        /// The first of them.
        found: Vec<String>,
    },
    /// A signal of another kind or width than its role needs.
    #[error("signal `{name}` is {found}, not {wanted}")]
    Kind {
        /// Full name.
        name: String,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// An `x` or `z` where a handshake must be 0 or 1.
    #[error("`{name}` is neither 0 nor 1")]
    UnknownControl {
        /// As asked for.
        name: String,
    },
}

fn listed(before: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{before} {}", names.join(", "))
}

impl DumpError {
    pub(super) fn new(file: &Path, place: Place, fault: impl Into<Fault>) -> Self {
        Self {
            file: file.to_owned(),
            place,
            fault: fault.into(),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self.fault {
            Fault::Io(_) => "check the path and the permissions of the file",
            Fault::NotHex { .. } | Fault::NoDigit => {
                "give a file as `$writememh` writes it: hexadecimal words between white space"
            }
            Fault::TooWide { .. } => "declare the width that the words were dumped with",
            Fault::OpenComment => "close the comment with `*/`; the file may have been cut off",
            Fault::Address => "write the address as `@1f0`, without a space",
            Fault::AddressRange => "check the address before this place",
            Fault::PartElement { .. } => {
                "declare the bytes of an element as dumped; the file may have been cut off"
            }
            Fault::NpyHeader(_) | Fault::NpyElements { .. } => {
                "save the array again with `numpy.save`, as integers of 1, 2, 4 or 8 bytes in C order"
            }
            Fault::LongLine { .. } => "give a text with one row of numbers a line",
            Fault::NoColumn { .. } => "name a column of the header, or count columns from 1",
            Fault::NotNumber { .. } => "declare the base and the column that the table has",
            Fault::Wave(_) => "give a VCD or FST file that its simulator has closed",
            Fault::NoSignal { .. } => "give the end of a full name, as `dut.out_valid`",
            Fault::Ambiguous { .. } => "put the names of enclosing scopes in front, with dots",
            Fault::Kind { .. } => "name another signal for this role",
            Fault::UnknownControl { .. } => {
                "declare the reset signal, or the edge at which the design samples"
            }
        }
    }
}

/// A byte of a file for people.
pub(super) fn shown(byte: u8) -> String {
    byte.escape_ascii().to_string()
}

/// The beginning of a text for people.
pub(super) fn beginning(text: &[u8]) -> String {
    const MOST: usize = 40;
    let dots = if text.len() > MOST { "..." } else { "" };
    let start = &text[..text.len().min(MOST)];
    format!("{}{dots}", start.escape_ascii())
}
