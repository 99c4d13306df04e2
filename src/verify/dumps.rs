//! What hardware left: a folder of a whole run, DRAM, or tensors in any form that [`crate::dump`] reads.

use super::fill::{Passed, Stop, Target};
use super::observed::Observed;
use super::{Model, dram, log, sources};
use crate::dump::DumpError;
use crate::layout::{Description, Mapping, Placed};
use crate::problem::{Problem, Problems};
use crate::reparam::LayerId;
use crate::tensor::IntType;
use crate::units::Tick;
use std::num::NonZeroU32;
use std::path::Path;

/// What a part of a dump is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The output of a layer.
    Layer(LayerId),
    /// Bytes of DRAM that hold no output: input, weights, gaps.
    Rest,
}

impl Subject {
    /// The layer, if it is one.
    #[must_use]
    pub const fn layer(self) -> Option<LayerId> {
        match self {
            Self::Layer(layer) => Some(layer),
            Self::Rest => None,
        }
    }
}

/// One tensor in one file.
#[derive(Debug, Clone)]
pub struct Part {
    /// What it is of.
    pub subject: Subject,
    /// Name of the file.
    pub source: String,
    /// In memory order.
    pub observed: Observed,
    /// How the array makes it; `None` where nobody says.
    pub mapping: Option<Mapping>,
    /// Sentences about the file.
    pub notes: Vec<String>,
    cycles: Cycles,
    words: Option<Placed>,
}

/// The cycles that elements were written in.
#[derive(Debug, Clone)]
enum Cycles {
    Unknown,
    /// By element.
    Elements(Vec<Option<Tick>>),
    /// By word.
    Words(Passed),
}

impl Part {
    /// Elements of our own hardware, which follows the schedule.
    pub(super) fn scheduled(subject: Subject, path: &Path, observed: Observed) -> Self {
        Self {
            subject,
            source: file_name(path),
            observed,
            mapping: Some(Mapping::Schedule),
            notes: Vec::new(),
            cycles: Cycles::Unknown,
            words: None,
        }
    }

    /// With the cycle of each element.
    pub(super) fn drained(self, cycles: Vec<Option<Tick>>) -> Self {
        Self {
            cycles: Cycles::Elements(cycles),
            ..self
        }
    }

    /// What words have filled.
    pub(super) fn filled(
        target: Target,
        path: &Path,
        mapping: Option<Mapping>,
        notes: Vec<String>,
    ) -> Self {
        Self {
            subject: Subject::Layer(target.layer),
            source: file_name(path),
            observed: target.observed,
            mapping,
            notes,
            cycles: if target.passed.0.is_empty() {
                Cycles::Unknown
            } else {
                Cycles::Words(target.passed)
            },
            words: Some(target.placed),
        }
    }

    /// The cycle that an element was written in, where the dump says.
    #[must_use]
    pub fn cycle(&self, element: usize) -> Option<Tick> {
        match &self.cycles {
            Cycles::Unknown => None,
            Cycles::Elements(cycles) => cycles.get(element).copied().flatten(),
            Cycles::Words(passed) => {
                let placed = self.words.as_ref()?;
                let (word, _) = placed.word(element);
                let number = usize::try_from(word - placed.first_word()).ok()?;
                let cycle = passed.0.get(number).filter(|cycle| **cycle < u32::MAX)?;
                Some(Tick(u64::from(*cycle)))
            }
        }
    }

    /// Lets the elements go.
    pub(super) fn forget(&mut self) {
        self.observed = Observed::missing(0, IntType::unsigned(8));
        self.cycles = Cycles::Unknown;
    }

    /// Word and lane of the dump that hold an element; `None` where the form has no words.
    #[must_use]
    pub fn word(&self, element: usize) -> Option<(u64, Option<u64>)> {
        self.words.as_ref().map(|placed| placed.word(element))
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
    /// Words as `$writememh` writes them.
    Hex,
    /// Words in their bytes, little endian.
    Raw,
    /// Words in a column of a table.
    Columns,
    /// Beats of a waveform, VCD or FST.
    Wave,
}

/// A dump as the command names it.
#[derive(Debug, Clone, Copy)]
pub struct Dump<'a> {
    /// A folder or a file.
    pub path: &'a Path,
    /// `None`: what name and content show.
    pub format: Option<Format>,
    /// What the files do not tell themselves.
    pub description: &'a Description,
    /// Whether a manifest says that the hardware ran the model's own schedule.
    pub scheduled: bool,
}

impl Dump<'_> {
    /// How the array makes the elements of a tensor, as far as it is known.
    pub(super) fn mapping(&self) -> Option<Mapping> {
        let own = self.scheduled.then_some(Mapping::Schedule);
        self.description.mapping.clone().or(own)
    }
}

/// The parts of a dump.
///
/// # Errors
/// When a file is none of these, cannot be read, or cannot be one of this run; when its description does not fit.
pub fn read(model: &Model<'_>, dump: &Dump<'_>) -> Result<Vec<Part>, Problems> {
    let path = dump.path;
    let found = path.metadata().map_err(|error| unreadable(path, &error))?;
    let whole = path.join("dump.hex").is_file();
    match (dump.format, found.is_dir()) {
        (Some(Format::Run), true) => run(model, dump),
        (None, true) if whole && dump.description.tensors.is_empty() => run(model, dump),
        (Some(Format::Dram), true) => Ok(dram::parts(model, &path.join("dump.hex"))?),
        (Some(Format::Dram | Format::Run), false) => Ok(dram::parts(model, path)?),
        (None, false) if file_name(path) == "dump.hex" && dump.description.tensors.is_empty() => {
            Ok(dram::parts(model, path)?)
        }
        _ => {
            let parts = sources::tensors(model, dump)?;
            if parts.is_empty() {
                return Err(nothing(path).into());
            }
            Ok(parts)
        }
    }
}

/// What a whole run left.
fn run(model: &Model<'_>, dump: &Dump<'_>) -> Result<Vec<Part>, Problems> {
    let mut parts = dram::parts(model, &dump.path.join("dump.hex"))?;
    let writes = dump.path.join("writes.log");
    if writes.is_file() {
        parts.extend(log::parts(model, &writes)?);
    }
    let tensors = Dump {
        format: None,
        ..*dump
    };
    parts.extend(sources::tensors(model, &tensors)?);
    Ok(parts)
}

fn nothing(path: &Path) -> Problem {
    let message = format!("`{}` holds no output of a layer", path.display());
    let help = "give a folder with `dump.hex`, or with `<layer>.npy`, `.hex`, `.raw`, `.csv`, `.vcd` or `.fst`";
    Problem::new("verify::nothing", message, help)
}

pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// A file or folder that cannot be read.
pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let message = format!("cannot read `{}`: {error}", path.display());
    let help = "check the path, which is relative to the current directory, and its permissions";
    Problem::new("verify::unreadable", message, help)
}

/// Words that cannot be read, with their place.
pub(super) fn damaged(error: &DumpError) -> Problem {
    Problem::new("verify::dump", error.to_string(), error.help())
}

/// Why the reading of `path` stopped.
pub(super) fn stopped(path: &Path, stop: &Stop, wanted: NonZeroU32) -> Problem {
    match stop {
        Stop::Dump(error) => damaged(error),
        Stop::Width(found) => {
            let message = format!(
                "{}: the data have {found} bits, words of {wanted} are described",
                path.display()
            );
            let help = "give `word_bits` and `lanes` in the description as the signal has them";
            Problem::new("verify::width", message, help)
        }
        Stop::Beyond { place, word } => {
            let file = path.display();
            let message =
                format!("{file}{place}: there is no word {word} in what the model expects");
            let help = "give the dump of this network on this chip, with `--network` and `--chip`, or describe its words with `--layout`";
            Problem::new("verify::beyond", message, help)
        }
    }
}

/// A small text file beside a dump.
pub(super) fn text(path: &Path) -> Result<String, Problem> {
    let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
