//! `repchip infer`: integers of a batch of images, to the bit.

use super::model::{Integers, chosen, npy_bytes, npy_of_type, npy_problem, with_weights};
use super::paths::{distinct, read_by};
use super::run::{dead_end, settings};
use super::{Failure, config, images};
use crate::chip::Chip;
use crate::execute::{self, Run};
use crate::float;
use crate::golden::npy;
use crate::map::map;
use crate::problem::{Problem, Problems};
use crate::reparam::{LayerGraph, LayerId, LayerOp};
use crate::report::write;
use crate::study::{ImageFiles, NetworkEntry, Study};
use crate::tensor::{Activations, FeatureMap};
use ndarray::{Array4, Ix4};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip infer configs/studies/repvgg-vs-resnet.toml --network repvgg-mini \\
    --input tests/models/fashion-mnist-test-images.npy --output outputs.npy
  repchip infer study.toml --input images.npy --output outputs.npy \\
    --tensors layers --set numerics.weight_bits=4";

/// What to run on what.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The study, a TOML file; its first chip runs
    study: PathBuf,
    /// The network's id in the study; not needed where there is one
    #[arg(long, value_name = "ID")]
    network: Option<String>,
    /// Images: a npy file, axes image, row, column, channel; u8 pixels (normalised as the study says), f32
    /// normalised values, or i32 integers of the input tensor. Or u8 pixels of a npz file, or PNG and JPEG
    /// images: one, a folder, or a text file that lists them
    #[arg(long, value_name = "FILE")]
    input: PathBuf,
    /// The network's output integers: a npy file of i32
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// Folder for every layer's output (i32) and accumulators (i64) as npy
    #[arg(long, value_name = "DIR")]
    tensors: Option<PathBuf>,
    /// Override a key of the study, or of its chips below `chip.`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
}

/// Executes one network of a study on the images of a file.
pub(super) fn infer(options: &Options) -> Result<String, Failure> {
    let (for_study, for_chip) = config::flags(&options.sets);
    let study = config::study(&options.study, &for_study)?;
    let chip = Chip::read_with(&study.chips[0], &for_chip)?;
    let entry = chosen(&study, options.network.as_deref())?;
    let mut inputs = read_by(&options.study, &study, [entry]);
    inputs.push(options.input.clone());
    distinct(std::slice::from_ref(&options.output), &inputs)?;
    let integers = with_weights(entry, &study)?;
    let input = input(&options.input, entry, &integers)?;
    let keep = options.tensors.is_some();
    let run = run(&study, entry, &chip, &integers, &input, keep)?;
    let mut files = vec![(options.output.clone(), npy(&run.output))];
    if let Some(folder) = &options.tensors {
        files.extend(tensors(folder, &integers, &run));
    }
    write::all(&files).map_err(|error| super::run::failed(&error))?;
    let classes: Vec<String> = float::top1(&run.output)
        .iter()
        .map(ToString::to_string)
        .collect();
    Ok(format!("class of each image: {}", classes.join(" ")))
}

fn run(
    study: &Study,
    entry: &NetworkEntry,
    chip: &Chip,
    integers: &Integers,
    input: &Activations,
    keep: bool,
) -> Result<Run, Failure> {
    let network = &integers.network;
    let mut settings = settings(study);
    settings.batch = input.dim().0;
    let schedule = map(&network.graph, &network.numerics, chip, &settings)
        .map_err(|error| dead_end(error, entry, chip, study))?;
    let options = execute::Options {
        keep_tensors: keep,
        accumulators: if keep {
            accumulating(&network.graph)
        } else {
            BTreeSet::new()
        },
        ..execute::Options::default()
    };
    execute::run(&schedule, network, input, &options, &mut |_| {}).map_err(Failure::from)
}

/// Layers that have accumulators.
pub(super) fn accumulating(graph: &LayerGraph) -> BTreeSet<LayerId> {
    let sums = |op: &LayerOp| matches!(op, LayerOp::Conv { .. } | LayerOp::FullyConnected { .. });
    let layers = graph.ids().filter(|id| sums(&graph.layers[id.0].op));
    layers.collect()
}

/// The images of a file as integers of the network's input.
fn input(path: &Path, entry: &NetworkEntry, integers: &Integers) -> Result<Activations, Problems> {
    let network = &integers.network;
    let shape = |found: (usize, usize, usize, usize)| {
        let map = FeatureMap::new(found.1, found.2, found.3);
        if map == entry.input && found.0 > 0 {
            return Ok(());
        }
        let message = format!(
            "`{}` holds {} images of {map}, `{}` takes {}",
            path.display(),
            found.0,
            entry.id,
            entry.input
        );
        let help = "give at least one image of the network's input shape";
        Err(Problems::from(Problem::new(
            "infer::image_shape",
            message,
            help,
        )))
    };
    let normalised = |pixels: &Array4<u8>| {
        shape(pixels.dim())?;
        let Some(images) = &entry.images else {
            let message = format!(
                "`{}` holds pixels, and `{}` has no mean and std",
                path.display(),
                entry.id
            );
            let help = "give the network `mean` and `std` in the study, or f32 values";
            return Err(Problem::new("infer::normalisation", message, help).into());
        };
        let norm = &images.normalisation;
        Ok(network.quantise_images(&float::normalise(pixels, &norm.mean, &norm.std)))
    };
    let files = ImageFiles::new(path.to_string_lossy().as_ref());
    if files.are_pictures() || files.ends_in("npz") {
        let resize = entry.images.as_ref().and_then(|images| images.resize);
        return normalised(&images::pixels(&files, entry.input, resize)?);
    }
    let bytes = npy_bytes(path)?;
    if let Some(pixels) = npy_of_type::<u8, Ix4>(path, &bytes)? {
        return normalised(&pixels);
    }
    if let Some(values) = npy_of_type::<f32, Ix4>(path, &bytes)? {
        shape(values.dim())?;
        if values.iter().any(|value| !value.is_finite()) {
            let message = format!("`{}` holds a value that is not finite", path.display());
            return Err(Problem::new("infer::not_finite", message, "give finite values").into());
        }
        return Ok(network.quantise_images(&values));
    }
    let Some(integers) = npy_of_type::<i32, Ix4>(path, &bytes)? else {
        let wanted = "u8, f32 or i32, axes image, row, column, channel";
        return Err(npy_problem(path, "its elements have another type", wanted));
    };
    shape(integers.dim())?;
    Ok(integers)
}

/// Every layer's output and accumulators, as files in `folder`.
fn tensors(folder: &Path, integers: &Integers, run: &Run) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let layers = &integers.network.graph.layers;
    for (index, layer) in layers.iter().enumerate() {
        let stem = format!("{index:03}-{}", write::file_stem(&layer.name));
        let output = npy(&run.tensors[index + 1]);
        files.push((folder.join(format!("{stem}.npy")), output));
        if let Some(accumulators) = run.accumulators.get(&LayerId(index)) {
            let name = format!("{stem}-accumulators.npy");
            files.push((folder.join(name), npy(accumulators)));
        }
    }
    files
}
