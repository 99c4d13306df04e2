//! The words of one file, form by form, into the tensors that it holds.

use super::Model;
use super::dumps::{Dump, Format, damaged, stopped, unreadable};
use super::fill::{Stop, Target, Targets};
use super::sources::Source;
use crate::dump::{Place, columns, hex, npy, raw, wave};
use crate::layout::Layout;
use crate::problem::Problem;
use crate::tensor::IntType;
use crate::units::count;
use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;

/// Bits of a cell of a table whose words have no width told.
const CELL: NonZeroU32 = NonZeroU32::MIN.saturating_add(31);

/// Reads a file; how many of its words belong to no tensor.
pub(super) fn fill(
    model: &Model<'_>,
    dump: &Dump<'_>,
    source: &Source,
    word: NonZeroU32,
    targets: &mut [Target],
) -> Result<u64, Problem> {
    let path = &source.path;
    let positions = targets[0].placed.positions();
    let mut filled = Targets::new(targets, source.others);
    let end = match source.format {
        Format::Npy => {
            let array = npy::Array::open(open(path)?, path).map_err(|error| damaged(&error))?;
            let (layer, layout) = &source.tensors[0];
            let dim = (*layout == Layout::default()).then(|| model.output(*layer).0);
            shape(path, array.header(), dim, positions)?;
            let signed = array.header().signed;
            array.read(|word| filled.integer(&word, signed))
        }
        Format::Raw => {
            let size = size(word).ok_or_else(|| odd_words(path, word))?;
            bare(path, size, &mut filled)?
        }
        Format::Columns => {
            let told = dump.description.columns.clone().unwrap_or(columns::Layout {
                header: false,
                words: columns::Column::Number(1),
                addresses: None,
                radix: columns::Radix::Decimal,
                bits: CELL,
            });
            let own = source.tensors[0].1.word_bits;
            let bits = own.unwrap_or(if source.tensors[0].1.lanes.get() > 1 {
                word
            } else {
                CELL
            });
            let told = columns::Layout { bits, ..told };
            columns::read(open(path)?, path, &told, |word| filled.word(&word))
        }
        Format::Wave => {
            let signals = dump
                .description
                .signals
                .as_ref()
                .ok_or_else(|| no_signals(path))?;
            let mut wave = wave::Wave::open(path).map_err(|error| damaged(&error))?;
            wave.beats(&signals.0, |beat| {
                if beat.bits == word.get() {
                    filled.word(&beat)
                } else {
                    Err(Stop::Width(beat.bits))
                }
            })
        }
        Format::Hex | Format::Dram | Format::Run => words(path, word, &mut filled)?,
    };
    end.map_err(|stop| stopped(path, &stop, word))?;
    Ok(filled.passed_over)
}

/// Words of a text, in runs where they lie as the model's elements do.
fn words(
    path: &Path,
    bits: NonZeroU32,
    filled: &mut Targets<'_>,
) -> Result<Result<(), Stop>, Problem> {
    let file = open(path)?;
    let Some(end) = filled.plain_words() else {
        return Ok(hex::read(file, path, bits, |word| filled.word(&word)));
    };
    Ok(hex::pieces(file, path, bits, end, |piece| match piece {
        hex::Piece::Word(word) => filled.word(&word),
        hex::Piece::Run {
            first,
            bytes,
            place,
        } if !filled.piece(first, bytes) => Err(Stop::Beyond { place, word: first }),
        hex::Piece::Run { .. } => Ok(()),
    }))
}

/// Bare integers, in pieces where they lie as the model's do.
fn bare(
    path: &Path,
    size: raw::Size,
    filled: &mut Targets<'_>,
) -> Result<Result<(), Stop>, Problem> {
    if let Some(words) = filled.plain_words() {
        return Ok(raw::pieces(open(path)?, path, size, |first, bytes, _| {
            let taken = filled.piece(first, bytes);
            // The first element behind the last that there is.
            let place = Place::Byte(words * count(size.bytes()));
            let word = words;
            if taken {
                Ok(())
            } else {
                Err(Stop::Beyond { place, word })
            }
        }));
    }
    let order = raw::ByteOrder::Little;
    let element = raw::Element { size, order };
    Ok(raw::read(open(path)?, path, element, |word| {
        filled.word(&word)
    }))
}

fn open(path: &Path) -> Result<File, Problem> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

const fn size(word: NonZeroU32) -> Option<raw::Size> {
    match word.get() {
        8 => Some(raw::Size::One),
        16 => Some(raw::Size::Two),
        32 => Some(raw::Size::Four),
        64 => Some(raw::Size::Eight),
        _ => None,
    }
}

/// A layout of words that can be read as integers: wide words, little endian, are their lanes one after the other.
pub(super) fn in_bytes(path: &Path, layout: &Layout, range: IntType) -> Result<Layout, Problem> {
    let word = layout.word_bits(range);
    if size(word).is_some() {
        return Ok(layout.clone());
    }
    let lane = NonZeroU32::new(layout.lane_bits(range)).filter(|lane| size(*lane).is_some());
    let lane = lane
        .filter(|_| layout.first_lane_low)
        .ok_or_else(|| odd_words(path, word))?;
    Ok(Layout {
        lanes: NonZeroU32::MIN,
        word_bits: Some(lane),
        first_word: layout
            .first_word
            .saturating_mul(u64::from(layout.lanes.get())),
        ..layout.clone()
    })
}

/// That an array has the shape of the tensor, or where its elements lie in another order their number.
fn shape(
    path: &Path,
    header: &npy::Header,
    dim: Option<(usize, usize, usize, usize)>,
    positions: u64,
) -> Result<(), Problem> {
    let wanted = dim.map(|(n, y, x, c)| [n, y, x, c].map(count).to_vec());
    let fits = wanted
        .as_ref()
        .map_or(header.elements == positions, |wanted| {
            header.shape == *wanted
        });
    if fits {
        return Ok(());
    }
    let (file, found) = (path.display(), &header.shape);
    let (message, help) = match wanted {
        Some(wanted) => (
            format!(
                "`{file}` has the shape {found:?}, the model's output {wanted:?} (image, row, column, channel)"
            ),
            "give the tensor of this layer, with the batch of the study, or describe its order with `--layout`",
        ),
        None => (
            format!(
                "`{file}` has the shape {found:?}, the described order {positions} elements, padding included"
            ),
            "give the tensor of this layer, with the batch of the study, or correct the order and strides",
        ),
    };
    Err(Problem::new("verify::shape", message, help))
}

fn odd_words(path: &Path, word: NonZeroU32) -> Problem {
    let message = format!(
        "`{}`: words of {word} bits cannot be read from bare bytes",
        path.display()
    );
    let help = "describe words of 8, 16, 32 or 64 bits, or wider ones with lanes of these widths and the first lane low";
    Problem::new("verify::odd_words", message, help)
}

fn no_signals(path: &Path) -> Problem {
    let message = format!(
        "`{}` is a waveform, and nobody says which signals hold the words",
        path.display()
    );
    let help =
        "describe them with `--layout FILE`: `[signals]` with `clock`, `valid`, `ready` and `data`";
    Problem::new("verify::no_signals", message, help)
}
