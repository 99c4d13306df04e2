//! `repchip precision`: what integers cost each network of a study, and what repairs it.

use super::model::{self, Pictures, read_pictures};
use super::paths::{distinct, read_by};
use super::run::{failed, progress, width};
use super::{Failure, config, source};
use crate::network::Form;
use crate::precision::{Found, Grid, Method, Subject, run, spread};
use crate::problem::Problem;
use crate::reparam::{Branches, fold};
use crate::report::{self, Borders, ConfigTable, Provenance, precision as told};
use crate::study::{Calibration, NetworkEntry, Study};
use ndarray::s;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip precision configs/studies/quantisation.toml
  repchip precision configs/studies/quantisation.toml --out coarse --bits 4,5,6 --png
  repchip precision configs/studies/quantisation.toml --network repvgg-mini \\
    --bits 8 --methods none,equalisation,all";

/// Widths that are tried where the command says nothing.
const BITS: [u8; 6] = [4, 5, 6, 7, 8, 16];
/// Of the method `percentile`, in percent, where the study has another calibration.
const PERCENTILE: f64 = 99.99;
/// Seed of the channels of a twin.
const TWIN: u64 = 1;

/// What to try and where the results go.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file; its networks with weights are looked at, those with labelled images at every point
    study: PathBuf,
    /// Folder for the report; default: `repchip-out/` and the study's name
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Only the network of this id, and its twin; may be repeated
    #[arg(long, value_name = "ID")]
    network: Vec<String>,
    /// Bits of weights and activations to try, 2 to 16
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = BITS,
        value_parser = clap::value_parser!(u8).range(2..=16))]
    bits: Vec<u8>,
    /// Remedies to try, each by itself; default: all
    #[arg(long, value_name = "LIST", value_delimiter = ',', hide_default_value = true,
        default_values_t = Method::ALL.map(Choice), value_parser = choices())]
    methods: Vec<Choice>,
    /// Test images to judge on, the first of them; default: all
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    images: Option<u32>,
    /// Powers of two between the channels of each network's twin, which has the same float outputs; 0: no twins
    #[arg(long, value_name = "OCTAVES", default_value_t = 6, value_parser = clap::value_parser!(u8).range(0..=16))]
    spread: u8,
    /// Also write every chart as PNG
    #[arg(long)]
    png: bool,
    /// No progress bar, no talk: only results and errors
    #[arg(long, short)]
    quiet: bool,
    /// Override a key of the study
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// A remedy on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice(Method);

impl std::fmt::Display for Choice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.key())
    }
}

fn choices() -> impl clap::builder::TypedValueParser<Value = Choice> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(Method::ALL.map(Method::key)).map(|key| {
        let found = Method::ALL.into_iter().find(|method| method.key() == key);
        Choice(found.expect("only keys are possible"))
    })
}

/// Tries everything, writes the report and tells what came out.
pub(super) fn precision(options: &Options) -> Result<String, Failure> {
    let (for_study, _) = config::flags(&options.sets);
    let study = config::study(&options.study, &for_study)?;
    let entries = chosen(&study, &options.network)?;
    let out = folder(options, &study);
    let inputs = read_by(&options.study, &study, entries.iter().copied());
    let outputs = told::MAIN_FILES.map(|name| out.join(name));
    distinct(&outputs, &inputs)?;
    report::write::probe(&outputs).map_err(|error| failed(&error))?;
    let grid = grid(options, &study);
    let mut subjects = Vec::new();
    for entry in entries {
        subjects.extend(subject(entry, options)?);
    }
    let found = all(&subjects, &grid, options.quiet)?;
    let report = told::PrecisionReport {
        title: study.name.clone(),
        description: study.description.clone(),
        provenance: provenance(options, &study),
        grid,
        networks: found,
        spread_octaves: options.spread,
        config: config_table(&study),
    };
    let files = told::files(&out, &report, options.png);
    report::write::all(&files).map_err(|error| failed(&error))?;
    let mut text = told::terminal(&report, width(), Borders::Utf8);
    text.push_str(&format!("\nreport: {}", out.join("report.html").display()));
    Ok(text)
}

/// Networks with weights, or those asked for.
fn chosen<'s>(study: &'s Study, ids: &[String]) -> Result<Vec<&'s NetworkEntry>, Failure> {
    if ids.is_empty() {
        let entries: Vec<_> = study.networks.iter().filter(|n| n.has_weights()).collect();
        if entries.is_empty() {
            let message = format!("no network of `{}` has weights", study.name);
            let help = "give one `weights = { file = \"net.safetensors\" }`, and labelled images";
            return Err(Problem::new("precision::no_network", message, help).into());
        }
        return Ok(entries);
    }
    (ids.iter())
        .map(|id| Ok(model::chosen(study, Some(id))?))
        .collect()
}

fn folder(options: &Options, study: &Study) -> PathBuf {
    let default = || Path::new("repchip-out").join(report::write::file_stem(&study.name));
    options.out.clone().unwrap_or_else(default)
}

fn grid(options: &Options, study: &Study) -> Grid {
    let mut bits = options.bits.clone();
    bits.sort_unstable();
    bits.dedup();
    let chosen = |method: &Method| options.methods.contains(&Choice(*method));
    Grid {
        base: model::settings(&study.numerics),
        percentile: match study.numerics.calibration {
            Calibration::Percentile(percent) => percent,
            Calibration::MinMax | Calibration::Mse | Calibration::Entropy => PERCENTILE,
        },
        bits,
        methods: Method::ALL.into_iter().filter(chosen).collect(),
    }
}

/// A network and, where it has labelled images and pairs of layers to spread, its twin.
fn subject(entry: &NetworkEntry, options: &Options) -> Result<Vec<Subject>, Failure> {
    let Some(network) = source::network(entry)? else {
        return Err(model::no_weights(entry).into());
    };
    let fused = match entry.form {
        Form::Train => Branches::Keep,
        Form::Deploy | Form::Folded => Branches::Fuse,
    };
    let folded = fold(&network, fused)?;
    let branches = match entry.form {
        Form::Deploy => Some(fold(&network, Branches::Keep)?),
        Form::Train | Form::Folded => None,
    };
    let Pictures {
        calibration,
        test: mut images,
        mut labels,
    } = read_pictures(entry)?;
    if let Some(most) = options.images {
        let most = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .min(images.dim().0);
        images = images
            .slice_move(s![..most, .., .., ..])
            .as_standard_layout()
            .into_owned();
        if let Some(labels) = &mut labels {
            labels.truncate(most);
        }
    }
    let octaves = options.spread;
    let original = Subject {
        id: entry.id.clone(),
        network: folded,
        branches,
        calibration,
        images,
        labels,
    };
    let mut subjects = vec![original];
    if octaves > 0 && subjects[0].labels.is_some() {
        let twin = spread(&subjects[0].network, octaves, TWIN);
        if twin != subjects[0].network {
            subjects.push(Subject {
                id: format!("{}{}", entry.id, told::TWIN_SUFFIX),
                network: twin,
                branches: None,
                ..subjects[0].clone()
            });
        }
    }
    Ok(subjects)
}

fn all(subjects: &[Subject], grid: &Grid, quiet: bool) -> Result<Vec<Found>, Failure> {
    let steps = subjects.iter().map(|subject| subject.steps(grid)).sum();
    let progress = progress(steps, quiet);
    let found = (subjects.iter())
        .map(|subject| {
            progress.set_message(format!("tries {}", subject.id));
            let found = run(subject, grid, &|| progress.inc(1));
            found.map_err(|error| {
                let mut problem = Problem::from(error);
                problem.message = format!("`{}`: {}", subject.id, problem.message);
                Failure::from(problem)
            })
        })
        .collect();
    progress.finish_and_clear();
    found
}

fn provenance(options: &Options, study: &Study) -> Provenance {
    let mut command = format!("repchip precision {}", options.study.display());
    for id in &options.network {
        command.push_str(&format!(" --network {id}"));
    }
    if options.bits != BITS {
        let bits: Vec<String> = options.bits.iter().map(u8::to_string).collect();
        command.push_str(&format!(" --bits {}", bits.join(",")));
    }
    if options.methods != Method::ALL.map(Choice) {
        let methods: Vec<&str> = options
            .methods
            .iter()
            .map(|choice| choice.0.key())
            .collect();
        command.push_str(&format!(" --methods {}", methods.join(",")));
    }
    if let Some(images) = options.images {
        command.push_str(&format!(" --images {images}"));
    }
    if options.spread != 6 {
        command.push_str(&format!(" --spread {}", options.spread));
    }
    command.push_str(&config::told(&options.sets));
    Provenance {
        command,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        digests: vec![(format!("study {}", study.name), study.digest.clone())],
    }
}

fn config_table(study: &Study) -> ConfigTable {
    ConfigTable {
        title: format!("study {}", study.name),
        rows: (study.effective().iter())
            .map(|s| (s.key.clone(), s.value.clone(), s.source.clone()))
            .collect(),
    }
}
