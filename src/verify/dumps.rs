//! What hardware left: a folder of a whole run, DRAM, or tensors as npy, hexadecimal words or raw bytes.

use super::{Model, dram, hex, log, npy};
use crate::problem::Problem;
use crate::reparam::LayerId;
use crate::report::write::file_stem;
use crate::tensor::{IntType, Sign};
use crate::units::{Tick, count};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What a dump says of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Its value.
    Known(i32),
    /// A bit of it is `x` or `z`.
    Unknown,
    /// The dump ends before it, or it was never written.
    Missing,
    /// Such a dump does not hold it, and does not need to.
    Outside,
}

/// What a part of a dump is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The output of a layer.
    Layer(LayerId),
    /// Bytes of DRAM that hold no output: input, weights, gaps.
    Rest,
}

/// One tensor in one file, beside what the model expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it is of.
    pub subject: Subject,
    /// Name of the file.
    pub source: String,
    /// In memory order.
    pub expected: Vec<i32>,
    /// As many.
    pub elements: Vec<Element>,
    /// The cycle that each was drained in; empty where the file does not say.
    pub drained: Vec<Option<Tick>>,
}

impl Part {
    /// Elements of a file beside the model's.
    pub(super) fn of(
        model: &Model<'_>,
        subject: Subject,
        path: &Path,
        elements: Vec<Element>,
    ) -> Self {
        let expected = match subject {
            Subject::Layer(layer) => model.run.tensors[layer.output().0]
                .iter()
                .copied()
                .collect(),
            Subject::Rest => Vec::new(),
        };
        Self {
            subject,
            source: file_name(path),
            expected,
            elements,
            drained: Vec::new(),
        }
    }
}

/// Forms of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A folder with `dump.hex` and what else a run leaves.
    Run,
    /// All bytes of DRAM, a byte a word.
    Dram,
    /// Tensors as npy.
    Npy,
    /// Tensors, an element a word.
    Hex,
    /// Tensors, each element in its bytes, little endian.
    Raw,
}

/// Names of files beside tensors that are none.
const OTHERS: [&str; 7] = ["dump", "counters", "regs", "layers", "ops", "dram", "host"];

/// The parts of the dump at `path`, in the form `format` or the one that name and content show.
///
/// # Errors
/// When a file is none of these, or cannot be one of this run.
pub fn read(model: &Model<'_>, path: &Path, format: Option<Format>) -> Result<Vec<Part>, Problem> {
    let found = path.metadata().map_err(|error| unreadable(path, &error))?;
    let whole = path.join("dump.hex").is_file();
    match (format, found.is_dir()) {
        (Some(Format::Run), true) => run(model, path),
        (None, true) if whole => run(model, path),
        (Some(Format::Dram), true) => dram::parts(model, &path.join("dump.hex")),
        (Some(Format::Dram | Format::Run), false) => dram::parts(model, path),
        (None, false) if file_name(path) == "dump.hex" => dram::parts(model, path),
        (format, true) => folder(model, path, format),
        (format, false) => {
            let format = format.or_else(|| form(path));
            let format = format.ok_or_else(|| no_form(path))?;
            let layer = layer(model, path).ok_or_else(|| no_layer(model, path))?;
            Ok(vec![tensor(model, path, layer, format)?])
        }
    }
}

/// What a whole run left.
fn run(model: &Model<'_>, folder: &Path) -> Result<Vec<Part>, Problem> {
    let mut parts = dram::parts(model, &folder.join("dump.hex"))?;
    let writes = folder.join("writes.log");
    if writes.is_file() {
        parts.extend(log::parts(model, &writes)?);
    }
    parts.extend(tensors(model, folder, None)?);
    Ok(parts)
}

/// A folder of tensors, at least one.
fn folder(model: &Model<'_>, path: &Path, format: Option<Format>) -> Result<Vec<Part>, Problem> {
    let parts = tensors(model, path, format)?;
    if parts.is_empty() {
        let message = format!("`{}` holds no output of a layer", path.display());
        let help = "give a folder with `dump.hex`, or with `<layer>.npy`, `<layer>.hex`, `<layer>.raw` or `<layer>.bin`";
        return Err(Problem::new("verify::nothing", message, help));
    }
    Ok(parts)
}

fn tensors(model: &Model<'_>, folder: &Path, only: Option<Format>) -> Result<Vec<Part>, Problem> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.sort();
    let mut parts = Vec::new();
    for path in paths.into_iter().filter(|path| path.is_file()) {
        let Some(format) = form(&path) else { continue };
        if only.is_some_and(|only| only != format) || OTHERS.contains(&stem(&path).as_str()) {
            continue;
        }
        let layer = layer(model, &path).ok_or_else(|| no_layer(model, &path))?;
        parts.push((layer, tensor(model, &path, layer, format)?));
    }
    parts.sort_by_key(|(layer, _)| *layer);
    Ok(parts.into_iter().map(|(_, part)| part).collect())
}

fn tensor(model: &Model<'_>, path: &Path, layer: LayerId, format: Format) -> Result<Part, Problem> {
    let tensor = &model.run.tensors[layer.output().0];
    let ty = model.run.schedule.numerics.activations[layer.output().0];
    let elements = match format {
        Format::Npy => {
            let values = npy::integers(path, tensor.dim())?;
            values.into_iter().map(Element::Known).collect()
        }
        Format::Raw => raw(path, tensor.len(), ty)?,
        Format::Hex | Format::Dram | Format::Run => words(path, tensor.len(), ty)?,
    };
    Ok(Part::of(model, Subject::Layer(layer), path, elements))
}

fn words(path: &Path, len: usize, ty: IntType) -> Result<Vec<Element>, Problem> {
    let mut elements = vec![Element::Missing; len];
    let bits = 8 * u32::from(ty.bits.div_ceil(8));
    hex::words(path, bits, &mut |at, word| {
        let place = usize::try_from(at).ok().and_then(|at| elements.get_mut(at));
        place.is_some_and(|place| {
            *place = word.map_or(Element::Unknown, |word| Element::Known(narrow(word, ty)));
            true
        })
    })?;
    Ok(elements)
}

fn raw(path: &Path, len: usize, ty: IntType) -> Result<Vec<Element>, Problem> {
    let size = usize::from(ty.bits.div_ceil(8));
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let most = count(len * size).saturating_add(1);
    let mut bytes = Vec::with_capacity(len * size + 1);
    (file.take(most).read_to_end(&mut bytes)).map_err(|error| unreadable(path, &error))?;
    if bytes.len() > len * size {
        let wanted = len * size;
        let message = format!(
            "`{}` holds more than the {wanted} bytes of this layer",
            path.display()
        );
        let help = "give the elements of one layer only, each in whole bytes, little endian";
        return Err(Problem::new("verify::raw_size", message, help));
    }
    let known = bytes.chunks_exact(size).map(|bytes| {
        let word = (bytes.iter().rev()).fold(0, |word, byte| word << 8 | u64::from(*byte));
        Element::Known(value(word, ty))
    });
    let missing = std::iter::repeat(Element::Missing);
    Ok(known.chain(missing).take(len).collect())
}

/// The number that the bytes of an element are.
pub(super) fn value(word: u64, ty: IntType) -> i32 {
    let bits = 8 * u32::from(ty.bits.div_ceil(8));
    let word = i64::try_from(word & ((1 << bits) - 1)).unwrap_or_default();
    let negative = ty.sign == Sign::Signed && word >> (bits - 1) == 1;
    let number = if negative { word - (1 << bits) } else { word };
    i32::try_from(number).unwrap_or_default()
}

/// As [`value`], and a negative number may be as wide as its type only: `3f` is -1 in six bits.
fn narrow(word: u64, ty: IntType) -> i32 {
    let number = value(word, ty);
    let folded = number - (1 << ty.bits);
    let negative = ty.sign == Sign::Signed && number > ty.max() && folded >= ty.min();
    if negative { folded } else { number }
}

/// The form of a tensor's file.
fn form(path: &Path) -> Option<Format> {
    let mut magic = Vec::new();
    let read = File::open(path).and_then(|file| file.take(6).read_to_end(&mut magic));
    if read.is_ok() && magic == b"\x93NUMPY" {
        return Some(Format::Npy);
    }
    match path.extension()?.to_str()? {
        "npy" => Some(Format::Npy),
        "hex" => Some(Format::Hex),
        "raw" | "bin" => Some(Format::Raw),
        _ => None,
    }
}

/// The layer that a file is named after.
fn layer(model: &Model<'_>, path: &Path) -> Option<LayerId> {
    let stem = stem(path);
    let layers = &model.run.schedule.graph.layers;
    let found = layers
        .iter()
        .position(|layer| file_stem(&layer.name) == stem);
    found.map(LayerId)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn no_form(path: &Path) -> Problem {
    let message = format!("`{}` is no dump by its name or content", path.display());
    let help = "give `--format` with what it is, or name it `dump.hex`, `<layer>.npy`, `<layer>.hex` or `<layer>.raw`";
    Problem::new("verify::form", message, help)
}

fn no_layer(model: &Model<'_>, path: &Path) -> Problem {
    let graph = &model.run.schedule.graph;
    let message = format!(
        "`{}`: `{}` has no layer `{}`",
        path.display(),
        graph.name,
        stem(path)
    );
    let stems: Vec<String> = graph
        .layers
        .iter()
        .map(|layer| file_stem(&layer.name))
        .collect();
    let help = format!(
        "give the dump of this network, each file named after its layer ({}); or `--format dram`",
        stems.join(", ")
    );
    Problem::new("verify::no_layer", message, help)
}

/// A file or folder that cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot read `{}`: {error}", path.display());
    let help = "check the path, which is relative to the current directory, and its permissions";
    Problem::new("verify::unreadable", message, help)
}

/// A small text file beside a dump.
pub(super) fn text(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_wide_as_the_type_or_its_bytes() {
        let six = IntType::signed(6);
        for (word, number) in [
            (0x3f, -1),
            (0xff, -1),
            (0x1f, 31),
            (0x20, -32),
            (0x80, -128),
        ] {
            assert_eq!(narrow(word, six), number, "{word:x}");
        }
        assert_eq!(value(0x3f, six), 63);
        assert_eq!(value(0xff, IntType::unsigned(8)), 255);
        assert_eq!(value(0xfffe, IntType::signed(16)), -2);
        assert_eq!(value(0x7ffe, IntType::signed(9)), 0x7ffe);
    }
}
