//! `repchip run`: every network of a study on each of its chips, and the report.

use super::Failure;
use super::execution::{Found, execute};
use super::model::{Model, model};
use crate::chip::Chip;
use crate::map::{self, Halo, ImageLoop, MapError, Offload, map};
use crate::network::builtin;
use crate::problem::{OverrideFlag, Problem, Setting};
use crate::report::{
    self, Borders, ChipFacts, ChipRun, ConfigTable, Provenance, Report, ReportError, RunResult,
};
use crate::study::{self, NetworkEntry, Study};
use crate::time::{self, Mode};
use crate::units::{Bytes, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// What to run and where the results go.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The study, a TOML file
    study: PathBuf,
    /// Folder for the report; default: `repchip-out/` and the study's name
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the figures of the study's first chip here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write every chart as PNG
    #[arg(long)]
    png: bool,
    /// Override a key of the study, or of its chips below `chip.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Runs a study, writes its report and tells what came out.
pub(super) fn run(options: &Options) -> Result<String, Failure> {
    let flags: Vec<OverrideFlag> = options.sets.iter().map(|s| OverrideFlag::new(s)).collect();
    let (for_chips, for_study): (Vec<_>, Vec<_>) = flags
        .into_iter()
        .partition(|flag| flag.below("chip").is_some());
    let for_chips: Vec<OverrideFlag> = for_chips.iter().filter_map(|f| f.below("chip")).collect();
    let study = Study::read_with(&options.study, &for_study, &builtin::names())?;
    let chips = (study.chips.iter())
        .map(|file| Chip::read_with(file, &for_chips))
        .collect::<Result<Vec<_>, _>>()?;
    let progress = progress(study.networks.len() * (1 + chips.len()));
    let models = (study.networks.iter())
        .map(|entry| {
            progress.set_message(format!("prepares {}", entry.id));
            let model = model(entry, &study, entry.execute);
            progress.inc(1);
            model
        })
        .collect::<Result<Vec<_>, _>>()?;
    let runs = (chips.iter())
        .map(|chip| chip_run(&study, chip, &models, &progress))
        .collect::<Result<Vec<_>, _>>()?;
    progress.finish_and_clear();
    let report = Report {
        title: study.name.clone(),
        provenance: provenance(options, &study, &chips),
        chips: runs,
        configs: configs(&study, &chips),
        notes: vec!["The cycle model has not been compared with RTL.".to_owned()],
    };
    write_out(options, &study, &report)
}

fn write_out(options: &Options, study: &Study, report: &Report) -> Result<String, Failure> {
    let default = Path::new("repchip-out").join(&study.name);
    let out = options.out.as_ref().unwrap_or(&default);
    report::write_all(out, report, options.png).map_err(|error| failed(&error))?;
    if let Some(file) = &options.json {
        let text = report::json::text(&report.chips[0]);
        report::write::atomically(file, text.as_bytes()).map_err(|error| failed(&error))?;
    }
    let mut text = report::terminal(report, width(), Borders::Utf8);
    let _ = write!(text, "\nreport: {}", out.join("report.html").display());
    Ok(text)
}

pub(super) fn failed(error: &ReportError) -> Failure {
    let problem = Problem::new("report::write", error.to_string(), error.help());
    Failure::Output(problem.into())
}

/// Columns of the terminal; wide where none are told.
fn width() -> u16 {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(140)
}

fn provenance(options: &Options, study: &Study, chips: &[Chip]) -> Provenance {
    let sets: String = options.sets.iter().map(|s| format!(" --set {s}")).collect();
    let mut digests = vec![(format!("study {}", study.name), study.digest.clone())];
    digests.extend((chips.iter()).map(|c| (format!("chip {}", c.name), c.digest.clone())));
    Provenance {
        command: format!("repchip run {}{sets}", options.study.display()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digests,
    }
}

fn configs(study: &Study, chips: &[Chip]) -> Vec<ConfigTable> {
    let table = |title: String, settings: &[Setting]| ConfigTable {
        title,
        rows: (settings.iter())
            .map(|s| (s.key.clone(), s.value.clone(), s.source.clone()))
            .collect(),
    };
    let mut tables = vec![table(format!("study {}", study.name), study.effective())];
    tables.extend((chips.iter()).map(|c| table(format!("chip {}", c.name), c.effective())));
    tables
}

/// A bar on a terminal, nothing elsewhere.
fn progress(steps: usize) -> ProgressBar {
    let bar = ProgressBar::new(count(steps));
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
    bar.set_style(style.expect("the template is well formed"));
    bar
}

fn chip_run(
    study: &Study,
    chip: &Chip,
    models: &[Model],
    progress: &ProgressBar,
) -> Result<ChipRun, Failure> {
    let networks = (study.networks.iter().zip(models))
        .map(|(entry, model)| {
            progress.set_message(format!("runs {} on {}", entry.id, chip.name));
            let result = result(entry, model, chip, study);
            progress.inc(1);
            result
        })
        .collect::<Result<Vec<_>, _>>()?;
    let activation = Bytes(u64::from(study.numerics.widths.activation_bits.div_ceil(8)));
    let pairs = (study.contrasts.iter())
        .map(|pair| (pair.left, pair.right))
        .collect();
    Ok(ChipRun {
        chip: ChipFacts::of(chip, activation),
        networks,
        pairs,
    })
}

fn result(
    entry: &NetworkEntry,
    model: &Model,
    chip: &Chip,
    study: &Study,
) -> Result<RunResult, Failure> {
    let schedule = map(&model.graph, &model.numerics, chip, &settings(study))
        .map_err(|error| dead_end(error, entry, chip, study))?;
    let timeline = time::run(&schedule, chip, Mode::Real);
    let found = match &model.integers {
        Some(integers) => execute(&schedule, integers)?,
        None => Found {
            quality: Vec::new(),
            accuracy: None,
        },
    };
    Ok(RunResult {
        id: entry.id.clone(),
        name: entry.name.clone(),
        schedule,
        timeline,
        quality: found.quality,
        accuracy: found.accuracy,
    })
}

/// A dead end, with the key that stands in the way: the chip's if it has such a key, else the study's.
pub(super) fn dead_end(
    error: MapError,
    entry: &NetworkEntry,
    chip: &Chip,
    study: &Study,
) -> Problem {
    let key = error.key();
    let mut problem = Problem::from(error);
    problem.message = format!("`{}` on `{}`: {}", entry.id, chip.name, problem.message);
    match key {
        Some((key, words)) => {
            let settings = chip.effective().iter().chain(study.effective());
            marked(problem, key, words, settings)
        }
        None => problem,
    }
}

/// The problem with the place of the first setting of this key, where a file or a flag has it.
pub(super) fn marked<'s>(
    problem: Problem,
    key: &str,
    words: &str,
    mut settings: impl Iterator<Item = &'s Setting>,
) -> Problem {
    let setting = settings.find(|setting| setting.key == key);
    match setting.and_then(|setting| setting.place.as_ref()) {
        Some(place) => problem.at(&place.file, place.span.clone(), words),
        None => problem,
    }
}

pub(super) fn settings(study: &Study) -> map::Settings {
    let mapping = &study.mapping;
    map::Settings {
        batch: study.batch,
        images: match mapping.images {
            study::ImageLoop::Outermost => ImageLoop::Outermost,
            study::ImageLoop::InsideWeights => ImageLoop::InsideWeights,
        },
        halo: match mapping.halo {
            study::Halo::Keep => Halo::Keep,
            study::Halo::Refetch => Halo::Refetch,
        },
        inplace_add: mapping.inplace_add,
        offload: match mapping.offload {
            study::Offload::Host => Offload::Host,
            study::Offload::Forbid => Offload::Forbid,
        },
        forced: map::Forced::default(),
    }
}
