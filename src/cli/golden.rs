//! `repchip golden`: what the RTL runs, and what the model expects of it.

use super::emit::on;
use super::infer::accumulating;
use super::input::input;
use super::model::{Integers, chosen, model, with_weights};
use super::paths::{distinct, read_by};
use super::probe::probe;
use super::run::{dead_end, failed, marked, progress, settings};
use super::{Failure, config};
use crate::chip::Chip;
use crate::execute;
use crate::golden::{Coverage, File, Probe, Set, Stimulus, units, words};
use crate::layout::Description;
use crate::map::map;
use crate::problem::{Problem, Problems};
use crate::report::manifest::Manifest;
use crate::report::write::{self, file_stem};
use crate::rtl::{self, RtlError};
use crate::study::{NetworkEntry, Study};
use crate::tensor::Activations;
use crate::time::{self, Mode};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip golden configs/studies/repvgg-vs-resnet.toml --out golden \\
    --network repvgg-mini --chip edge
  repchip golden study.toml --out golden --image 7 \\
    --set chip.dram.latency_cycles=60
  repchip golden study.toml --out golden --stimulus random:7 \\
    --probe stage1.0:tile=3,4 --probe stage1.1:cycles=4000..4200

The files: shape.svh, regs.hex, layers.hex, ops.hex, dram.hex, host.hex for
the RTL; stimulus/, weights/, parameters/ as npy; schedule.json,
memory_map.csv, coverage.json; expected/ with DRAM, counters, each layer's
output as npy and raw, and banks/ for $readmemh, a file a bank (and a turn
.gen<K> of a ring); probes/; manifest.json.

Stimuli: `ties` drives the outputs of the first convolution onto ties of the
rounding, `saturation` to the ends of their range; `extremes` are areas of the
smallest and largest value, `hot-tap` is one element off the zero point.";

/// What to write, of what, and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file
    study: PathBuf,
    /// Folder for the files: `DIR/<chip>/<network>/`
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only the network of this id
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// Only the chip of this name
    #[arg(long, value_name = "NAME")]
    chip: Option<String>,
    /// First image of the batch, from 0, among the test images of the study
    #[arg(long, value_name = "N", default_value_t = 0)]
    image: usize,
    /// What the network is given: image, random:SEED, extremes, ties, saturation or hot-tap
    #[arg(long, value_name = "KIND", default_value_t = Stimulus::Image)]
    stimulus: Stimulus,
    /// Also write the accumulators of a layer step by step: `LAYER[:tile=R,C][:cycles=A..B]`; may be repeated
    #[arg(long = "probe", value_name = "PROBE", value_parser = probe)]
    probes: Vec<Probe>,
    /// Also write outputs as words of this layout, below `expected/words`: a TOML file, as `repchip verify` takes it
    #[arg(long, value_name = "FILE")]
    layout: Option<PathBuf>,
    /// No progress bar: only results and errors
    #[arg(long, short)]
    quiet: bool,
    /// Override a key of the study, or of its chips below `chip.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Files by their path, and a line about each run.
#[derive(Default)]
struct Written {
    files: Vec<(PathBuf, Vec<u8>)>,
    lines: Vec<String>,
}

/// Writes the files of each network on each chip, all or none.
pub(super) fn golden(options: &Options) -> Result<String, Failure> {
    let (study, chips) = config::read(&options.study, &options.sets)?;
    let chips = on(&chips, options.chip.as_deref())?;
    let entries: Vec<&NetworkEntry> = match options.network.as_deref() {
        Some(id) => vec![chosen(&study, Some(id))?],
        None => study.networks.iter().collect(),
    };
    can_run(&study, &entries, &chips)?;
    let written = all(options, &study, &entries, &chips)?;
    let paths: Vec<PathBuf> = written.files.iter().map(|(path, _)| path.clone()).collect();
    let mut inputs = read_by(&options.study, &study, entries);
    inputs.extend(options.layout.clone());
    distinct(&paths, &inputs)?;
    write::all(&written.files).map_err(|error| failed(&error))?;
    Ok(written.lines.join("\n"))
}

/// The files of all networks on all chips.
fn all(
    options: &Options,
    study: &Study,
    entries: &[&NetworkEntry],
    chips: &[&Chip],
) -> Result<Written, Failure> {
    let manifests: Vec<PathBuf> = (chips.iter())
        .flat_map(|chip| entries.iter().map(|entry| folder(options, chip, entry)))
        .map(|folder| folder.join("manifest.json"))
        .collect();
    write::probe(&manifests).map_err(|error| failed(&error))?;
    let progress = progress(entries.len() * (1 + chips.len()), options.quiet);
    let mut written = Written::default();
    for entry in entries {
        progress.set_message(format!("prepares {}", entry.id));
        let integers = with_weights(entry, study)?;
        let given = (options.stimulus, options.image);
        let input = input(given, entry, &integers, study.batch)?;
        progress.inc(1);
        for chip in chips {
            progress.set_message(format!("runs {} on {}", entry.id, chip.name));
            one(
                options,
                (study, chip, entry),
                &integers,
                &input,
                &mut written,
            )?;
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    Ok(written)
}

/// That every network can be mapped onto every chip and the RTL has what it needs, or all the reasons why not.
fn can_run(study: &Study, entries: &[&NetworkEntry], chips: &[&Chip]) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for entry in entries {
        let model = model(entry, study, false)?;
        for chip in chips {
            match map(&model.graph, &model.numerics, chip, &settings(study)) {
                Err(error) => problems.push(dead_end(error, entry, chip, study)),
                Ok(schedule) => problems.extend(
                    (rtl::check(&schedule, chip).err()).map(|error| not_in_rtl(error, entry, chip)),
                ),
            }
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    Err(Problems(problems).into())
}

/// What the RTL lacks, with the key of the chip that asks for it.
fn not_in_rtl(error: RtlError, entry: &NetworkEntry, chip: &Chip) -> Problem {
    let key = error.key();
    let mut problem = Problem::from(error);
    problem.message = format!("`{}` on `{}`: {}", entry.id, chip.name, problem.message);
    match key {
        Some((key, words)) => marked(problem, key, words, chip.effective().iter()),
        None => problem,
    }
}

fn folder(options: &Options, chip: &Chip, entry: &NetworkEntry) -> PathBuf {
    let chip = options.out.join(file_stem(&chip.name));
    chip.join(file_stem(&entry.id))
}

/// The files of one network on one chip.
fn one(
    options: &Options,
    (study, chip, entry): (&Study, &Chip, &NetworkEntry),
    integers: &Integers,
    input: &Activations,
    written: &mut Written,
) -> Result<(), Failure> {
    let network = &integers.network;
    let schedule = map(&network.graph, &network.numerics, chip, &settings(study))
        .map_err(|error| dead_end(error, entry, chip, study))?;
    let keep = execute::Options {
        keep_tensors: true,
        accumulators: accumulating(&network.graph),
        ..execute::Options::default()
    };
    let executed = execute::run(&schedule, network, input, &keep, &mut |_| {})?;
    let timeline = time::run(&schedule, chip, Mode::Real);
    let run = rtl::Run {
        schedule: &schedule,
        chip,
        network,
        input,
        tensors: &executed.tensors,
    };
    let set = Set {
        run,
        timeline: &timeline,
        accumulators: &executed.accumulators,
    };
    written.add(options, (study, chip, entry), &set)
}

impl Written {
    /// Adds the files of one network on one chip, its probes and its manifest.
    fn add(
        &mut self,
        options: &Options,
        (study, chip, entry): (&Study, &Chip, &NetworkEntry),
        set: &Set<'_>,
    ) -> Result<(), Failure> {
        let folder = folder(options, chip, entry);
        let probed = options.probes.iter().map(|probe| probe.of(set));
        let probed = probed.collect::<Result<Vec<_>, _>>()?;
        let coverage = Coverage::of(set);
        let mut files = set
            .files(&coverage)
            .map_err(|error| not_in_rtl(error, entry, chip))?;
        if let Some(layout) = &options.layout {
            files.extend(words(&set.run, &Description::read(layout)?)?);
        }
        let mut probes = Vec::new();
        for probed in probed {
            let file = folder.join(&probed.name);
            probes.push(format!("{}: {} rows", file.display(), probed.rows));
            files.push((probed.name, probed.bytes));
        }
        let manifest = manifest(options, (study, chip, entry), set, &files);
        files.push(("manifest.json".to_owned(), manifest.into_bytes()));
        self.lines.push(line(&folder, set, &coverage, files.len()));
        self.lines.extend(probes);
        let placed = files
            .into_iter()
            .map(|(name, bytes)| (folder.join(name), bytes));
        self.files.extend(placed);
        Ok(())
    }
}

/// What the files come from.
fn manifest(
    options: &Options,
    (study, chip, entry): (&Study, &Chip, &NetworkEntry),
    set: &Set<'_>,
    files: &[File],
) -> String {
    let sets = config::told(&options.sets);
    let schedule = set.run.schedule;
    let manifest = Manifest {
        command: &format!("repchip golden {}{sets}", options.study.display()),
        study: (&study.name, &study.digest, study.effective()),
        chip: (&chip.name, &chip.digest, chip.effective()),
        network: &entry.id,
        images: (options.image, schedule.batch),
        stimulus: options.stimulus.json(),
        cycles: set.timeline.total.0,
        layers: &units(schedule),
    };
    manifest.text(files)
}

fn line(folder: &Path, set: &Set<'_>, coverage: &Coverage, files: usize) -> String {
    format!(
        "{0}: {files} files, {1} layers, {2} cycles\n{0}: {coverage}",
        folder.display(),
        set.run.schedule.layers.len(),
        set.timeline.total
    )
}
