//! Which files of a dump hold which tensors.

use super::Model;
use super::dumps::{Dump, Format, Part, unreadable};
use super::fill::Target;
use super::reading::{fill, in_bytes};
use crate::layout::{Layout, Placed};
use crate::problem::{Problem, Problems};
use crate::reparam::LayerId;
use crate::report::write::file_stem;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// Names of files beside tensors that are none.
const OTHERS: [&str; 8] = [
    "dump",
    "counters",
    "regs",
    "layers",
    "ops",
    "dram",
    "host",
    "memory_map",
];

/// A file and the tensors in it, in the order of their words.
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) format: Format,
    pub(super) tensors: Vec<(LayerId, Layout)>,
    /// Whether it may hold words of no tensor.
    pub(super) others: bool,
}

/// Every tensor that the dump holds.
pub(super) fn tensors(model: &Model<'_>, dump: &Dump<'_>) -> Result<Vec<Part>, Problems> {
    let names = model
        .schedule
        .graph
        .layers
        .iter()
        .map(|layer| layer.name.as_str());
    dump.description.known(names)?;
    let sources = if !dump.description.tensors.is_empty() {
        listed(model, dump)?
    } else if dump.path.is_dir() {
        folder(model, dump)?
    } else {
        vec![alone(model, dump)?]
    };
    let mut parts = Vec::new();
    for source in sources {
        parts.extend(read(model, dump, source)?);
    }
    parts.sort_by_key(|part| part.subject.layer());
    Ok(parts)
}

/// The tensors that the description lists, file by file.
fn listed(model: &Model<'_>, dump: &Dump<'_>) -> Result<Vec<Source>, Problem> {
    let layers = &model.schedule.graph.layers;
    let mut sources: Vec<Source> = Vec::new();
    for tensor in &dump.description.tensors {
        let layer = layers.iter().position(|layer| layer.name == tensor.layer);
        let layer = LayerId(layer.unwrap_or_default());
        let path = match (&tensor.file, dump.path.is_dir()) {
            (Some(file), true) => dump.path.join(file),
            (None, true) => named(dump, &file_stem(&tensor.layer))?,
            (_, false) => dump.path.to_owned(),
        };
        let entry = (layer, tensor.layout.clone());
        if let Some(source) = sources.iter_mut().find(|source| source.path == path) {
            source.tensors.push(entry);
            continue;
        }
        let format = dump
            .format
            .or_else(|| form(&path))
            .ok_or_else(|| no_form(&path))?;
        sources.push(Source {
            path,
            format,
            tensors: vec![entry],
            others: true,
        });
    }
    Ok(sources)
}

/// The file in the dump's folder that is named after a layer.
fn named(dump: &Dump<'_>, stem: &str) -> Result<PathBuf, Problem> {
    let found = files(dump.path)?
        .into_iter()
        .find(|path| self::stem(path) == stem && form(path).is_some());
    found.ok_or_else(|| {
        let message = format!("`{}` holds no file of `{stem}`", dump.path.display());
        let help = "name its file with `file` beside `layer` in the description";
        Problem::new("verify::no_file", message, help)
    })
}

/// Every file of the folder that is named after a layer.
fn folder(model: &Model<'_>, dump: &Dump<'_>) -> Result<Vec<Source>, Problem> {
    let mut sources = Vec::new();
    for path in files(dump.path)? {
        let Some(format) = form(&path) else { continue };
        if dump.format.is_some_and(|only| only != format) || OTHERS.contains(&stem(&path).as_str())
        {
            continue;
        }
        let layer = layer(model, &path).ok_or_else(|| no_layer(model, &path))?;
        sources.push(Source {
            path,
            format,
            tensors: vec![(layer, dump.description.layout.clone())],
            others: false,
        });
    }
    Ok(sources)
}

/// A file named after its layer, or a waveform of all layers in their order.
fn alone(model: &Model<'_>, dump: &Dump<'_>) -> Result<Source, Problem> {
    let path = dump.path.to_owned();
    let format = dump
        .format
        .or_else(|| form(&path))
        .ok_or_else(|| no_form(&path))?;
    let layout = &dump.description.layout;
    let tensors = match layer(model, &path) {
        Some(layer) => vec![(layer, layout.clone())],
        None if format == Format::Wave => {
            let all = (0..model.schedule.graph.layers.len()).map(LayerId);
            all.map(|layer| (layer, layout.clone())).collect()
        }
        None => return Err(no_layer(model, &path)),
    };
    Ok(Source {
        path,
        format,
        tensors,
        others: false,
    })
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = paths
        .collect::<Result<Vec<PathBuf>, _>>()
        .map_err(|error| unreadable(folder, &error))?;
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

/// The tensors of one file, as far as it fills them.
fn read(model: &Model<'_>, dump: &Dump<'_>, source: Source) -> Result<Vec<Part>, Problem> {
    let path = &source.path;
    let mut targets = Vec::new();
    let mut widths = Vec::new();
    for (layer, layout) in &source.tensors {
        let (dim, range) = model.output(*layer);
        let layout = if source.format == Format::Raw {
            in_bytes(path, layout, range)?
        } else {
            layout.clone()
        };
        let name = &model.schedule.graph.layers[layer.0].name;
        let placed =
            Placed::new(&layout, dim).map_err(|error| dump.description.misfit(&error, name))?;
        let elements = dim.0 * dim.1 * dim.2 * dim.3;
        widths.push(layout.word_bits(range));
        targets.push(Target::new(*layer, &layout, placed, range, elements));
    }
    let word = widths[0];
    if let Some(other) = widths.iter().find(|width| **width != word) {
        return Err(two_widths(path, word, *other));
    }
    let passed_over = fill(model, dump, &source, word, &mut targets)?;
    let notes = match passed_over {
        0 => Vec::new(),
        n => vec![format!(
            "{n} words belong to no tensor of the description, and are not compared"
        )],
    };
    let mapping = dump.mapping();
    let parts = targets
        .into_iter()
        .map(|target| Part::filled(target, path, mapping.clone(), notes.clone()));
    Ok(parts.collect())
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
        "csv" | "tsv" | "txt" => Some(Format::Columns),
        "vcd" | "fst" => Some(Format::Wave),
        _ => None,
    }
}

/// The layer that a file is named after.
fn layer(model: &Model<'_>, path: &Path) -> Option<LayerId> {
    let stem = stem(path);
    let layers = &model.schedule.graph.layers;
    let found = layers
        .iter()
        .position(|layer| file_stem(&layer.name) == stem);
    found.map(LayerId)
}

fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

fn no_form(path: &Path) -> Problem {
    let message = format!("`{}` is no dump by its name or content", path.display());
    let help = "give `--format` with what it is, or name it `dump.hex`, or `<layer>` with `.npy`, `.hex`, `.raw`, `.csv`, `.vcd` or `.fst`";
    Problem::new("verify::form", message, help)
}

fn no_layer(model: &Model<'_>, path: &Path) -> Problem {
    let graph = &model.schedule.graph;
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
        "give the dump of this network, each file named after its layer ({}); or `--format dram`; or list its tensors with `--layout`",
        stems.join(", ")
    );
    Problem::new("verify::no_layer", message, help)
}

fn two_widths(path: &Path, one: NonZeroU32, other: NonZeroU32) -> Problem {
    let message = format!(
        "`{}` holds tensors with words of {one} and of {other} bits",
        path.display()
    );
    let help = "give `word_bits` in the description: all words of a file have one width";
    Problem::new("verify::two_widths", message, help)
}
