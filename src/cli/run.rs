//! `repchip run`: every network of a study on each of its chips, and the report.

use super::emit::{Stage, Wanted, emit};
use super::execution::{Found, execute};
use super::model::{Model, model};
use super::paths::{distinct, read_by};
use super::{Failure, config};
use crate::chip::Chip;
use crate::fixed::Overflow;
use crate::map::{self, FullyConnected, Halo, ImageLoop, MapError, Offload, map};
use crate::network::import::Numbers;
use crate::problem::{Problem, Problems, Setting};
use crate::report::{
    self, Borders, ChipFacts, ChipRun, ConfigTable, Provenance, Report, ReportError, RunResult,
};
use crate::study::{self, NetworkEntry, Source, Study};
use crate::time;
use crate::units::{Bytes, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip run configs/studies/repvgg-vs-resnet.toml
  repchip run configs/studies/repvgg-vs-resnet.toml --out wide \\
    --set chip.dram.gigabytes_per_second=25.6
  repchip run configs/studies/repvgg-vs-resnet.toml \\
    --emit schedule --network resnet-mini --chip edge";

/// What the figures of a report were compared with.
const COMPARED: &str = "Cycles, accesses and integers of array, memories and DMA equal those of the RTL under \
`tests/rtl` on drawn chips and layers and a whole trained network: that is agreement with this RTL, not with silicon. Layers \
without RTL, such as those of vector unit and host, are marked †.";

/// What to run and where the results go.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file
    study: PathBuf,
    /// Folder for the report; default: `repchip-out/` and the study's name
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Also write the figures of the study's first chip here
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write what array, units and DRAM bus did when, as a trace for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Cycles that the trace shows, of every run: `20000..30000`; default: all
    #[arg(long, value_name = "FROM..TO", value_parser = window, requires = "trace")]
    trace_window: Option<Range<u64>>,
    /// Also write every chart as PNG
    #[arg(long)]
    png: bool,
    /// Also print a table of each network's layers: cycles, utilisation, DRAM kB
    #[arg(long)]
    layers: bool,
    /// No progress bar, no talk: only results and errors
    #[arg(long, short)]
    quiet: bool,
    /// Print a stage as text instead of running the study; with `--out`, one file each; may be repeated
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["trace", "json", "png", "layers"])]
    emit: Vec<Stage>,
    /// With `--emit`: only the network of this id
    #[arg(long, value_name = "ID", requires = "emit")]
    network: Option<String>,
    /// With `--emit`: only the chip of this name
    #[arg(long, value_name = "NAME", requires = "emit")]
    chip: Option<String>,
    /// Override a key of the study, or of its chips below `chip.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

impl Options {
    fn wanted(&self) -> Wanted<'_> {
        Wanted {
            stages: &self.emit,
            network: self.network.as_deref(),
            chip: self.chip.as_deref(),
            out: self.out.as_deref(),
        }
    }
}

/// Runs a study, writes its report and tells what came out.
pub(super) fn run(options: &Options) -> Result<String, Failure> {
    let (study, chips) = config::read(&options.study, &options.sets)?;
    if !options.emit.is_empty() {
        return emit(&study, &chips, &options.wanted());
    }
    let inputs = read_by(&options.study, &study, &study.networks);
    let outputs = outputs(options, &study, &chips);
    distinct(&outputs, &inputs)?;
    report::write::probe(&outputs).map_err(|error| failed(&error))?;
    fits(&study, &chips)?;
    let progress = progress(study.networks.len() * (1 + chips.len()), options.quiet);
    let models = (study.networks.iter())
        .map(|entry| {
            progress.set_message(format!("prepares {}", entry.id));
            let model = model(entry, &study, entry.execute);
            progress.inc(1);
            model
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut notes = vec![COMPARED.to_owned()];
    let runs = (chips.iter())
        .map(|chip| chip_run(&study, chip, &models, &progress, &mut notes))
        .collect::<Result<Vec<_>, _>>()?;
    progress.finish_and_clear();
    for note in &notes[1..] {
        super::tell(&format!("note: {note}\n"));
    }
    let report = Report {
        title: study.name.clone(),
        provenance: provenance(options, &study, &chips),
        chips: runs,
        configs: configs(&study, &chips),
        notes,
    };
    write_report(options, &study, &report)
}

/// That no two chips write the same files.
pub(super) fn each_its_own_name(chips: &[Chip]) -> Result<(), Problem> {
    for (index, chip) in chips.iter().enumerate() {
        let stem = report::write::file_stem(&chip.name);
        let twin = chips[..index]
            .iter()
            .find(|twin| report::write::file_stem(&twin.name) == stem);
        if let Some(twin) = twin {
            let message = format!(
                "chips `{}` and `{}` would both write `{stem}.json`",
                twin.name, chip.name
            );
            let help = "give one of them another `name` in its file";
            return Err(Problem::new("run::same_chip_name", message, help));
        }
    }
    Ok(())
}

/// Folder of the report.
fn folder(options: &Options, study: &Study) -> PathBuf {
    let default = || Path::new("repchip-out").join(report::write::file_stem(&study.name));
    options.out.clone().unwrap_or_else(default)
}

/// Files that a run writes, the charts left out.
fn outputs(options: &Options, study: &Study, chips: &[Chip]) -> Vec<PathBuf> {
    let out = folder(options, study);
    let chips = chips
        .iter()
        .map(|chip| format!("{}.json", report::write::file_stem(&chip.name)));
    let names = chips.chain(["layers.csv", "report.html"].map(str::to_owned));
    let mut files: Vec<PathBuf> = names.map(|name| out.join(name)).collect();
    files.extend(
        [&options.json, &options.trace]
            .into_iter()
            .flatten()
            .cloned(),
    );
    files
}

/// Writes the report, the figures and the trace: all or none.
fn write_report(options: &Options, study: &Study, report: &Report) -> Result<String, Failure> {
    let out = folder(options, study);
    let mut files = report::files(&out, report, options.png);
    if let Some(file) = &options.json {
        let text = report::json::text(report, &report.chips[0]);
        files.push((file.clone(), text.into_bytes()));
    }
    let mut notes: Vec<String> = Vec::new();
    if let Some(file) = &options.trace {
        let window = options.trace_window.as_ref();
        let trace = report::trace::trace(report, window, report::trace::LIMIT);
        files.push((file.clone(), trace.text.into()));
        let longest = report.chips.iter().flat_map(|chip| &chip.networks);
        let longest = longest
            .map(|network| network.timeline.total.0)
            .max()
            .unwrap_or(0);
        if window.is_some_and(|window| window.start >= longest) {
            notes.push(format!(
                "note: {}: all runs end before the window, at cycle {longest} or earlier",
                file.display()
            ));
        }
        notes.extend(
            trace
                .cut
                .iter()
                .map(|sentence| format!("note: {}: {sentence}", file.display())),
        );
    }
    report::write::all(&files).map_err(|error| failed(&error))?;
    for note in notes {
        super::tell(&format!("{note}\n"));
    }
    let mut text = report::terminal(report, width(), Borders::Utf8);
    if options.layers {
        text.push('\n');
        text.push_str(&report::table::layers(report, width(), Borders::Utf8));
    }
    let _ = write!(text, "\nreport: {}", out.join("report.html").display());
    Ok(text)
}

/// `FROM..TO` in cycles.
pub(super) fn window(text: &str) -> Result<Range<u64>, String> {
    let remedy = "write first and last cycle as FROM..TO, for example 20000..30000";
    let (from, to) = text.split_once("..").ok_or(remedy)?;
    let cycle = |text: &str| text.replace('_', "").parse::<u64>().map_err(|_| remedy);
    let window = cycle(from)?..cycle(to)?;
    if window.is_empty() {
        return Err(format!("the window {from}..{to} holds no cycle; {remedy}"));
    }
    Ok(window)
}

pub(super) fn failed(error: &ReportError) -> Failure {
    let problem = Problem::new("report::write", error.to_string(), error.help());
    Failure::Output(problem.into())
}

/// Writes texts, all or none, and tells their files, one a line.
pub(super) fn write_out(files: &[(PathBuf, String)]) -> Result<String, Failure> {
    report::write::all(files).map_err(|error| failed(&error))?;
    let names: Vec<String> = (files.iter())
        .map(|(path, _)| path.display().to_string())
        .collect();
    Ok(names.join("\n"))
}

/// Columns of the terminal; wide where none are told.
pub(super) fn width() -> u16 {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(140)
}

fn provenance(options: &Options, study: &Study, chips: &[Chip]) -> Provenance {
    let sets = config::told(&options.sets);
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
pub(super) fn progress(steps: usize, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
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
    notes: &mut Vec<String>,
) -> Result<ChipRun, Failure> {
    let networks = (study.networks.iter().zip(models))
        .map(|(entry, model)| {
            progress.set_message(format!("runs {} on {}", entry.id, chip.name));
            let result = result(entry, model, chip, study, notes);
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

/// That every network can be mapped onto every chip, or all the reasons why not: told before the first image runs.
fn fits(study: &Study, chips: &[Chip]) -> Result<(), Failure> {
    let mut dead_ends = Vec::new();
    for entry in &study.networks {
        let model = model(entry, study, false)?;
        dead_ends.extend(chips.iter().filter_map(|chip| {
            let mapped = map(&model.graph, &model.numerics, chip, &settings(study));
            mapped
                .err()
                .map(|error| dead_end(error, entry, chip, study))
        }));
    }
    if dead_ends.is_empty() {
        return Ok(());
    }
    Err(Problems(dead_ends).into())
}

/// That sums of some layers may leave the accumulators of `chip`.
fn unproven(found: &Found, entry: &NetworkEntry, chip: &Chip) -> Option<String> {
    let (layer, bits) = found.unproven.iter().max_by_key(|(_, bits)| *bits)?;
    let accumulator = chip.array.pe.accumulator;
    let what = match accumulator.overflow {
        Overflow::Wrap => "wrap",
        Overflow::Saturate => "saturate",
        Overflow::Trap => "stop the run",
    };
    Some(format!(
        "on {}, sums of {} layer(s) of {} may leave the accumulators of {} bits, where they {what}: {layer} needs up \
         to {bits} bits; compare SQNR and classes with those of wider accumulators",
        chip.name,
        found.unproven.len(),
        entry.id,
        accumulator.bits
    ))
}

fn result(
    entry: &NetworkEntry,
    model: &Model,
    chip: &Chip,
    study: &Study,
    notes: &mut Vec<String>,
) -> Result<RunResult, Failure> {
    let schedule = map(&model.graph, &model.numerics, chip, &settings(study))
        .map_err(|error| dead_end(error, entry, chip, study))?;
    let (timeline, record) = time::observed(&schedule, chip);
    let found = match &model.integers {
        Some(integers) => execute(&schedule, integers)?,
        None => Found::default(),
    };
    notes.extend(unproven(&found, entry, chip));
    notes.extend(of_a_file(&found, entry, chip));
    Ok(RunResult {
        id: entry.id.clone(),
        name: entry.name(),
        schedule,
        timeline,
        record,
        quality: found.quality,
        accuracy: found.accuracy,
    })
}

/// That the integers are those of the network's file, and how many images they have right.
fn of_a_file(found: &Found, entry: &NetworkEntry, chip: &Chip) -> Option<String> {
    let Source::Model {
        path,
        numbers: Numbers::Integers,
    } = &entry.source
    else {
        return None;
    };
    let right = found
        .integers_alone
        .map_or_else(String::new, |(right, of)| {
            format!("; they have the class of {right} of {of} images right")
        });
    Some(format!(
        "`{}` on `{}`: widths, scales and rule are those of `{}`, the study's numerics do not apply{right}",
        entry.id,
        chip.name,
        path.display()
    ))
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
        fully_connected: match mapping.fully_connected {
            study::FullyConnected::Array => FullyConnected::Array,
            study::FullyConnected::Host => FullyConnected::Host,
        },
        forced: map::Forced::default(),
    }
}
