//! `repchip verify`: what hardware left, beside the model.

use super::emit::on;
use super::input::input;
use super::model::{chosen, with_weights};
use super::paths::{distinct, read_by};
use super::run::{dead_end, failed, progress, settings, width};
use super::{Failure, config, print};
use crate::chip::Chip;
use crate::execute;
use crate::golden::Stimulus;
use crate::layout::Description;
use crate::map::map;
use crate::problem::{Problem, Problems};
use crate::report::{Borders, write};
use crate::rtl::Counters;
use crate::study::{NetworkEntry, Study};
use crate::time::{self, Mode};
use crate::verify::cycles::Cycles;
use crate::verify::judge::Of;
use crate::verify::masks::Masks;
use crate::verify::origin::{self, Origin};
use crate::verify::{Comparison, Model, Report, Verdict, dumps, told};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip verify configs/studies/repvgg-vs-resnet.toml \\
    --network repvgg-mini --chip edge --dump golden/edge/repvgg-mini/expected
  repchip verify study.toml --dump rtl/conv1.hex --image 7
  repchip verify study.toml --dump run.fst --layout configs/layouts/stream.toml
  repchip verify study.toml --dump rtl --cycles check --tolerance 2 \\
    --json verify.json --junit verify.xml --html verify.html

Exit codes: 0 all that was compared is equal, 1 something differs,
2 it cannot be judged, 3 a result could not be written.";

/// Forms that a dump may be told to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A folder: dump.hex and, where they are there, writes.log, counters.hex and tensors
    Run,
    /// All bytes of DRAM, a byte a word of a hex file
    Dram,
    /// Tensors as npy of integers, `<layer>.npy`
    Npy,
    /// Tensors as `$writememh` writes them, `<layer>.hex`
    Hex,
    /// Tensors as bare integers, little endian, `<layer>.raw` or `<layer>.bin`
    Raw,
    /// Tensors as a column of a text table, `<layer>.csv`, `.tsv` or `.txt`
    Columns,
    /// Beats of a waveform, `.vcd`; its signals are told with `--layout`
    Vcd,
    /// Beats of a waveform, `.fst`; its signals are told with `--layout`
    Fst,
}

/// What to do with `counters.hex`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Counted {
    /// Not looked at
    Off,
    /// Told beside the model
    Report,
    /// A difference is a mismatch
    Check,
}

/// What to compare with what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file
    study: PathBuf,
    /// What the hardware left: a folder or a file
    #[arg(long, value_name = "PATH")]
    dump: PathBuf,
    /// The network's id in the study; not needed where there is one
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// The chip's name; not needed where there is one
    #[arg(long, value_name = "NAME")]
    chip: Option<String>,
    /// First image of the batch, from 0, among the test images of the study
    #[arg(long, value_name = "N", default_value_t = 0)]
    image: usize,
    /// What the network was given, as `repchip golden` takes it
    #[arg(long, value_name = "KIND", default_value_t = Stimulus::Image)]
    stimulus: Stimulus,
    /// What the dump is; default: what its name and content show
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// How words hold tensors, which signals or columns hold words, which PE makes what: a TOML file
    #[arg(long, value_name = "FILE")]
    layout: Option<PathBuf>,
    /// Also write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the report as JUnit XML, a test case a tensor
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write the report as one page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Differences to show beside the first
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Elements that are known to differ, a TOML file of `[[masks]]` with `layer`, `elements` and `reason`
    #[arg(long, value_name = "FILE")]
    mask: Option<PathBuf>,
    /// Whether to set counters.hex beside the model
    #[arg(long, value_name = "WHAT", default_value = "off")]
    cycles: Counted,
    /// Cycles that a counter of cycles may be off
    #[arg(long, value_name = "N", default_value_t = 0)]
    tolerance: u64,
    /// No progress bar: only results and errors
    #[arg(long, short)]
    quiet: bool,
    /// Override a key of the study, or of its chips below `chip.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

impl Options {
    fn format(&self) -> Option<dumps::Format> {
        self.format.map(|format| match format {
            Format::Run => dumps::Format::Run,
            Format::Dram => dumps::Format::Dram,
            Format::Npy => dumps::Format::Npy,
            Format::Hex => dumps::Format::Hex,
            Format::Raw => dumps::Format::Raw,
            Format::Columns => dumps::Format::Columns,
            Format::Vcd | Format::Fst => dumps::Format::Wave,
        })
    }

    fn outputs(&self) -> Vec<PathBuf> {
        let files = [&self.json, &self.junit, &self.html];
        files.into_iter().flatten().cloned().collect()
    }

    /// The command that says the same again.
    fn command(&self, chip: &Chip, entry: &NetworkEntry) -> String {
        let mut words = format!(
            "repchip verify {} --dump {} --network {} --chip {}",
            self.study.display(),
            self.dump.display(),
            entry.id,
            chip.name
        );
        if self.image > 0 {
            words += &format!(" --image {}", self.image);
        }
        if self.stimulus != Stimulus::Image {
            words += &format!(" --stimulus {}", self.stimulus);
        }
        if let Some(format) = self.format.and_then(|format| format.to_possible_value()) {
            words += &format!(" --format {}", format.get_name());
        }
        for (flag, file) in [("--layout", &self.layout), ("--mask", &self.mask)] {
            if let Some(file) = file {
                words += &format!(" {flag} {}", file.display());
            }
        }
        words + &config::told(&self.sets)
    }

    fn of(&self, study: &Study, chip: &Chip, entry: &NetworkEntry) -> Of {
        Of {
            command: self.command(chip, entry),
            study: study.name.clone(),
            chip: chip.name.clone(),
            network: entry.id.clone(),
            image: self.image,
            batch: study.batch,
            dump: self.dump.display().to_string(),
        }
    }
}

/// Compares a dump with the model, tells and writes what differs.
pub(super) fn verify(options: &Options) -> Result<String, Failure> {
    let (study, chips) = config::read(&options.study, &options.sets)?;
    let chip = only(&on(&chips, options.chip.as_deref())?)?;
    let entry = chosen(&study, options.network.as_deref())?;
    let mut inputs = read_by(&options.study, &study, [entry]);
    inputs.push(options.dump.clone());
    inputs.extend(options.mask.clone());
    inputs.extend(options.layout.clone());
    distinct(&options.outputs(), &inputs)?;
    write::probe(&options.outputs()).map_err(|error| failed(&error))?;
    let description = match &options.layout {
        Some(file) => Description::read(file)?,
        None => Description::default(),
    };
    if let Some(manifest) = origin::manifest(&options.dump) {
        let origin = Origin {
            study: (&study.digest, study.effective()),
            chip: (&chip.digest, chip.effective()),
            network: &entry.id,
            image: options.image,
            stimulus: options.stimulus.json(),
        };
        origin::check(&manifest, &origin)?;
    }
    let report = report(options, &description, (&study, chip, entry))?;
    written(options, &report)?;
    tell(&report)
}

fn only<'c>(chips: &[&'c Chip]) -> Result<&'c Chip, Problem> {
    if let [chip] = chips {
        return Ok(chip);
    }
    let names: Vec<&str> = chips.iter().map(|chip| chip.name.as_str()).collect();
    let message = format!("the study holds {} chips, the dump is of one", chips.len());
    let help = format!("give `--chip` with one of: {}", names.join(", "));
    Err(Problem::new("verify::which_chip", message, help))
}

/// Runs the model and judges the dump.
fn report(
    options: &Options,
    description: &Description,
    (study, chip, entry): (&Study, &Chip, &NetworkEntry),
) -> Result<Report, Failure> {
    let progress = progress(3, options.quiet);
    progress.set_message(format!("prepares {}", entry.id));
    let integers = with_weights(entry, study)?;
    progress.inc(1);
    progress.set_message(format!("maps {} onto {}", entry.id, chip.name));
    let given = (options.stimulus, options.image);
    let input = input(given, entry, &integers, study.batch)?;
    // Floats and images are let go: a large dump needs the memory.
    let network = &{ { integers }.network };
    let schedule = map(&network.graph, &network.numerics, chip, &settings(study))
        .map_err(|error| dead_end(error, entry, chip, study))?;
    let timeline = time::run(&schedule, chip, Mode::Real);
    progress.inc(1);
    progress.set_message(format!("reads {}", options.dump.display()));
    let model = Model {
        schedule: &schedule,
        chip,
        network,
        input: &input,
        timeline: &timeline,
    };
    let dump = dumps::Dump {
        path: &options.dump,
        format: options.format(),
        description,
        scheduled: origin::manifest(&options.dump).is_some(),
    };
    let parts = dumps::read(&model, &dump)?;
    progress.inc(1);
    progress.set_message(format!("runs {} on {}", entry.id, chip.name));
    let report = judged(options, model, parts, options.of(study, chip, entry));
    progress.finish_and_clear();
    report
}

fn judged(
    options: &Options,
    model: Model<'_>,
    parts: Vec<dumps::Part>,
    of: Of,
) -> Result<Report, Failure> {
    let graph = &model.schedule.graph;
    let mut masks = match &options.mask {
        Some(file) => Masks::read(file, graph, model.schedule.batch)?,
        None => Masks::default(),
    };
    let cycles = match options.cycles {
        Counted::Off => None,
        Counted::Report | Counted::Check => {
            let checked = options.cycles == Counted::Check;
            let folder: &Path = &origin::folder(&options.dump);
            let counted = Counters::of(model.timeline);
            Some(Cycles::read(folder, &counted, checked, options.tolerance)?)
        }
    };
    let mut comparison = Comparison::new(model, parts, &mut masks, options.limit);
    let kept = execute::Options::default();
    execute::run_by_layer(
        model.schedule,
        model.network,
        model.input,
        &kept,
        &mut |layer| {
            comparison.layer(layer);
        },
    )?;
    let judged = comparison.finish()?;
    masks.used()?;
    Ok(Report {
        of,
        layers: graph
            .layers
            .iter()
            .map(|layer| layer.name.clone())
            .collect(),
        judged,
        masks: masks.0,
        cycles,
        limit: options.limit,
    })
}

/// Writes the files that were asked for, all or none.
fn written(options: &Options, report: &Report) -> Result<(), Failure> {
    type Form = fn(&Report) -> String;
    let forms: [(&Option<PathBuf>, Form); 3] = [
        (&options.json, told::json),
        (&options.junit, told::junit),
        (&options.html, told::html),
    ];
    let asked = forms
        .into_iter()
        .filter_map(|(path, form)| path.clone().map(|path| (path, form(report))));
    let files: Vec<(PathBuf, String)> = asked.collect();
    write::all(&files).map_err(|error| failed(&error))
}

/// The report on standard output; what is no match is a problem beside it.
fn tell(report: &Report) -> Result<String, Failure> {
    let text = told::terminal(report, width(), Borders::Utf8);
    let text = text.trim_end().to_owned();
    let failure = match report.verdict() {
        Verdict::Match => return Ok(text),
        Verdict::Mismatch => Failure::Check(mismatch(report)),
        Verdict::Unjudged => Failure::Input(vacuous(report)),
    };
    // The report belongs to the results; the verdict's exit code stands.
    let _ = print(&text);
    Err(failure)
}

fn vacuous(report: &Report) -> Problems {
    let help = "check that the hardware ran, that its outputs are driven, and that the dump was taken at the end";
    let one = |why: &str| Problem::new("verify::vacuous", why, help);
    Problems(report.vacuous().map(one).collect())
}

fn mismatch(report: &Report) -> Problems {
    let mut problems = Vec::new();
    if let Some((part, first)) = report.first_in_execution() {
        let message = format!("the first that differs: {}", told::sentence(part, first));
        let help =
            "look at the operation that makes it: nothing of the dump that is made earlier differs";
        problems.push(Problem::new("verify::mismatch", message, help));
    }
    let cycles = report.cycles.as_ref().filter(|cycles| cycles.checked);
    if let Some(figure) = cycles.and_then(|cycles| cycles.off().next()) {
        let layer = figure.layer.and_then(|layer| report.layers.get(layer));
        let of = layer.map_or_else(
            || "the whole run".to_owned(),
            |name| format!("layer `{name}`"),
        );
        let message = format!(
            "`{}` of {of} is {} {}, the model says {}",
            figure.name, figure.hardware, figure.unit, figure.model
        );
        let help = "look at the first layer whose figures differ, or allow more with `--tolerance`";
        problems.push(Problem::new("verify::cycles", message, help));
    }
    Problems(problems)
}
