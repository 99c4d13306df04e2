//! `repchip run --emit`: the stages of a study as stable text, without running it.

use super::Failure;
use super::model::{chosen, model};
use super::run::{settings, write_out};
use crate::chip::Chip;
use crate::map::map;
use crate::problem::{Problem, Problems};
use crate::report::write::file_stem;
use crate::study::{NetworkEntry, Study};
use std::path::{Path, PathBuf};

/// A stage that can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Stage {
    /// The network as it is mapped: a line a layer, with shapes, MACs and parameters
    Graph,
    /// What the chip does, in order: buffers, layout of DRAM, a line an operation
    Schedule,
}

/// What to show, and of what.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub(super) stages: &'a [Stage],
    /// Id of the only network to show.
    pub(super) network: Option<&'a str>,
    /// Name of the only chip to show.
    pub(super) chip: Option<&'a str>,
    /// Folder for one file a text; `None`: all on standard output.
    pub(super) out: Option<&'a Path>,
}

/// A text and the name of its file.
struct Page {
    file: String,
    text: String,
}

/// The texts one after another, or the names of the files they were written to.
pub(super) fn emit(study: &Study, chips: &[Chip], wanted: &Wanted<'_>) -> Result<String, Failure> {
    let chips = on(chips, wanted.chip)?;
    let entries: Vec<&NetworkEntry> = match wanted.network {
        Some(id) => vec![chosen(study, Some(id))?],
        None => study.networks.iter().collect(),
    };
    let mut pages = Vec::new();
    for entry in entries {
        pages.extend(network(entry, study, &chips, wanted.stages)?);
    }
    let Some(folder) = wanted.out else {
        let texts: Vec<String> = pages.into_iter().map(|page| page.text).collect();
        return Ok(texts.join("\n"));
    };
    let files: Vec<(PathBuf, String)> = (pages.into_iter())
        .map(|page| (folder.join(page.file), page.text))
        .collect();
    write_out(&files)
}

pub(super) fn on<'c>(chips: &'c [Chip], name: Option<&str>) -> Result<Vec<&'c Chip>, Problems> {
    let found: Vec<&Chip> = chips
        .iter()
        .filter(|chip| name.is_none_or(|name| chip.name == name))
        .collect();
    match name {
        Some(name) if found.is_empty() => {
            let names: Vec<&str> = chips.iter().map(|chip| chip.name.as_str()).collect();
            let message = format!("the study holds no chip `{name}`");
            let help = format!("give `--chip` with one of: {}", names.join(", "));
            Err(Problem::new("run::which_chip", message, help).into())
        }
        Some(_) | None => Ok(found),
    }
}

fn network(
    entry: &NetworkEntry,
    study: &Study,
    chips: &[&Chip],
    stages: &[Stage],
) -> Result<Vec<Page>, Failure> {
    let model = model(entry, study, false)?;
    let mut pages = Vec::new();
    if stages.contains(&Stage::Graph) {
        pages.push(Page {
            file: format!("{}.graph.txt", file_stem(&entry.id)),
            text: model.graph.text(),
        });
    }
    if stages.contains(&Stage::Schedule) {
        for chip in chips {
            let schedule = map(&model.graph, &model.numerics, chip, &settings(study))
                .map_err(Problem::from)?;
            let (name, id) = (file_stem(&chip.name), file_stem(&entry.id));
            pages.push(Page {
                file: format!("{name}-{id}.schedule.txt"),
                text: format!("chip {}\n{}", chip.name, schedule.text()),
            });
        }
    }
    Ok(pages)
}
