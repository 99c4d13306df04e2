//! `repchip quantise`: freezes the integers of a network.

use super::model::{chosen, with_weights};
use super::paths::{distinct, read_by};
use super::run::failed;
use super::{Failure, config};
use crate::problem::OverrideFlag;
use crate::quantise::freeze;
use crate::report::write::atomically;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  repchip quantise configs/studies/repvgg-vs-resnet.toml \\
    --network repvgg-mini --out repvgg-mini.safetensors
  repchip quantise study.toml --out net.safetensors --set numerics.rounding=half_up";

/// What to freeze and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file
    study: PathBuf,
    /// The network's id in the study; not needed where there is one
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// The safetensors file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Override a key of the study
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Quantises one network of a study and writes its integers.
pub(super) fn quantise(options: &Options) -> Result<String, Failure> {
    let flags: Vec<OverrideFlag> = options.sets.iter().map(|s| OverrideFlag::new(s)).collect();
    let study = config::study(&options.study, &flags)?;
    let entry = chosen(&study, options.network.as_deref())?;
    let inputs = read_by(&options.study, &study, [entry]);
    distinct(std::slice::from_ref(&options.out), &inputs)?;
    let network = with_weights(entry, &study)?.network;
    atomically(&options.out, &freeze::to_bytes(&network)).map_err(|error| failed(&error))?;
    Ok(format!(
        "{} ({}), {} layers, digest {}: {}",
        entry.id,
        network.graph.form,
        network.layers.len(),
        freeze::digest(&network),
        options.out.display()
    ))
}
