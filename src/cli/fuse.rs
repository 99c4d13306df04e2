//! `repchip fuse`: a trained network with its blocks fused, and the float error of each block.

use super::Failure;
use super::list::table;
use super::model::{npy_bytes, npy_of_type, npy_problem};
use super::paths::distinct;
use super::run::failed;
use crate::float;
use crate::network::checkpoint::Checkpoint;
use crate::network::{Form, Graph, Network, NodeId, builtin, export, import};
use crate::problem::{Problem, Problems};
use crate::reparam::{
    Branches, FoldedNetwork, Outcome, deploy, deploy_graph, fold, places, report,
};
use crate::report::write::atomically;
use crate::tensor::FeatureMap;
use ndarray::{Array4, Ix4};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  repchip fuse tests/models/repvgg-mini.safetensors repvgg-mini-deploy.safetensors
  repchip fuse net.onnx net-deploy.onnx --input images.npy
  repchip fuse RepVGG-A0-train.pth a0.onnx --name repvgg-a0";

/// What to fuse and where to.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, after_long_help = super::help::long(EXAMPLES))]
pub(super) struct Options {
    /// The network: an ONNX file, or a checkpoint (safetensors, or a state dict of PyTorch) of a built-in network
    #[arg(value_name = "IN")]
    from: PathBuf,
    /// The fused network to write: `.safetensors` with the names of official checkpoints, or `.onnx` (opset 18)
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// The built-in network of a checkpoint; not needed where names and shapes are those of one alone
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Size of an image, such as 224x224x3; not needed where file or network has one
    #[arg(long, value_name = "HxWxC", value_parser = size)]
    size: Option<FeatureMap>,
    /// Normalised images on which errors are measured, too: a npy file, f32, axes image, row, column, channel
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Seed of the random image on which errors are measured
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
}

fn size(text: &str) -> Result<FeatureMap, String> {
    let sides: Option<Vec<usize>> = text.split('x').map(|side| side.parse().ok()).collect();
    match sides.as_deref() {
        Some([height, width, channels]) => Ok(FeatureMap::new(*height, *width, *channels)),
        Some(_) | None => Err("write rows, columns and channels, such as 224x224x3".to_owned()),
    }
}

/// Fuses a network, writes it and tells what became of each block.
pub(super) fn fuse(options: &Options) -> Result<String, Failure> {
    let kind = Kind::of(&options.to)?;
    let mut read = vec![options.from.clone()];
    read.extend(options.input.clone());
    distinct(std::slice::from_ref(&options.to), &read)?;
    let network = network(options)?;
    let folded = fold(&network, Branches::Fuse)?;
    let mut images = vec![float::seeded_image(network.graph.input(), options.seed)];
    if let Some(path) = &options.input {
        images.push(given(path, network.graph.input())?);
    }
    let text = told(&network, &folded, &images)?;
    let fused = deploy(&network)?;
    let bytes = match kind {
        Kind::Safetensors => export::safetensors(&fused),
        Kind::Onnx => export::onnx(&fused),
    };
    atomically(&options.to, &bytes).map_err(|error| failed(&error))?;
    Ok(format!(
        "{text}\n{}: {}",
        fused.graph.name,
        options.to.display()
    ))
}

/// What is written.
enum Kind {
    Safetensors,
    Onnx,
}

impl Kind {
    fn of(path: &Path) -> Result<Self, Problem> {
        let ending = path.extension().unwrap_or_default();
        match ending.to_str() {
            Some("safetensors") => Ok(Self::Safetensors),
            Some("onnx") => Ok(Self::Onnx),
            Some(_) | None => {
                let message = format!(
                    "`{}` ends in neither `.safetensors` nor `.onnx`",
                    path.display()
                );
                let help = "name the file with one of the two endings";
                Err(Problem::new("fuse::ending", message, help))
            }
        }
    }
}

fn network(options: &Options) -> Result<Network, Problems> {
    let path = &options.from;
    if path.extension().is_some_and(|ending| ending == "onnx") {
        return Ok(import::read_onnx(path, options.size)?);
    }
    let checkpoint = Checkpoint::read(path)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => recognised(&checkpoint, options)?,
    };
    let graph = checkpoint_graph(&checkpoint, &name, options.size)?;
    let params = checkpoint.params(&graph)?;
    Ok(Network { graph, params })
}

/// The built-in network `name` in the form that the checkpoint is in.
fn checkpoint_graph(
    checkpoint: &Checkpoint,
    name: &str,
    size: Option<FeatureMap>,
) -> Result<Graph, Problems> {
    let input = match size {
        Some(size) => size,
        None => builtin::default_input(name)?,
    };
    let graph = builtin::graph(name, input)?;
    Ok(match checkpoint.form()? {
        Form::Deploy => deploy_graph(&graph)?,
        Form::Train | Form::Folded => graph,
    })
}

/// The one built-in network that has the checkpoint's names and shapes.
fn recognised(checkpoint: &Checkpoint, options: &Options) -> Result<String, Problems> {
    let mut fitting = Vec::new();
    // A file that is damaged is told as such.
    checkpoint.form()?;
    for name in builtin::names() {
        // A size that another network cannot take does not matter here.
        if let Ok(graph) = checkpoint_graph(checkpoint, name, options.size)
            && checkpoint.fits(&graph)?
        {
            fitting.push(name);
        }
    }
    let path = options.from.display();
    let (message, help) = match fitting.as_slice() {
        [only] => return Ok((*only).to_owned()),
        [] => (
            format!("names and shapes of the tensors in `{path}` are those of no built-in network"),
            "give the network it is for as `--name` to see what differs; `repchip list networks` shows all".to_owned(),
        ),
        many => (
            format!("the tensors in `{path}` are those of {} networks", many.len()),
            format!("give one of them as `--name`: {}", many.join(", ")),
        ),
    };
    Err(Problem::new("fuse::which_network", message, help).into())
}

/// Images of a file.
fn given(path: &Path, shape: FeatureMap) -> Result<Array4<f32>, Problems> {
    let wanted = "f32, axes image, row, column, channel";
    let images = npy_of_type::<f32, Ix4>(path, &npy_bytes(path)?)?;
    let images =
        images.ok_or_else(|| npy_problem(path, "its elements have another type", wanted))?;
    let found = FeatureMap::new(images.dim().1, images.dim().2, images.dim().3);
    let finite = images.iter().all(|value| value.is_finite());
    if found == shape && !images.is_empty() && finite {
        return Ok(images);
    }
    let message = format!(
        "`{}` holds {} images of {found}, the network takes {shape}, finite",
        path.display(),
        images.dim().0
    );
    let help = "give at least one image of the network's input shape, normalised";
    Err(Problem::new("fuse::image_shape", message, help).into())
}

/// One line for each block, and one for the output.
fn told(
    network: &Network,
    folded: &FoldedNetwork,
    images: &[Array4<f32>],
) -> Result<String, Problems> {
    let places = places(&network.graph, Branches::Fuse)?;
    let errors: Vec<BTreeMap<usize, f64>> = images
        .iter()
        .map(|images| errors(network, folded, &places, images))
        .collect();
    let titles = [
        "block",
        "branches",
        "became",
        "error, random",
        "error, file",
    ];
    let mut table = table(&titles[..3 + images.len()], 3);
    let shown = |layer: usize| {
        errors
            .iter()
            .map(move |errors| format!("{:.1e}", errors[&layer]))
    };
    let layers = &folded.graph.layers;
    for block in report(&network.graph)? {
        let layer = layers.iter().position(|layer| layer.name == block.block);
        let (branches, became) = match block.outcome {
            Outcome::Fused { branches } => (branches.join("\n"), "one convolution".to_owned()),
            Outcome::Kept(kept) => (String::new(), format!("stays: {}", kept.reason)),
        };
        let mut row = vec![block.block, branches, became];
        row.extend(layer.into_iter().flat_map(shown));
        table.add_row(row);
    }
    let mut row = vec!["output".to_owned(), String::new(), String::new()];
    row.extend(shown(layers.len() - 1));
    table.add_row(row);
    Ok(format!(
        "{table}\nerror: largest difference from the unfused network in 32-bit floats, as a share of the largest value; \
         all blocks before are fused, too"
    ))
}

/// For each layer of the fused network, how far it is off the node it stands for.
fn errors(
    network: &Network,
    folded: &FoldedNetwork,
    places: &[NodeId],
    images: &Array4<f32>,
) -> BTreeMap<usize, f64> {
    let mut wanted: BTreeMap<usize, Array4<f32>> = BTreeMap::new();
    float::forward_train_observed(network, images, &mut |node, map| {
        if let Some(layer) = places.iter().position(|place| *place == node) {
            wanted.insert(layer, map.clone());
        }
    });
    let mut errors = BTreeMap::new();
    float::forward(folded, images, &mut |tensor, map| {
        if let Some(layer) = tensor.producer()
            && let Some(want) = wanted.remove(&layer.0)
        {
            errors.insert(layer.0, distance(map, &want));
        }
    });
    errors
}

/// Largest difference, as a share of the largest magnitude of `want`; NaN where a value is not finite.
fn distance(got: &Array4<f32>, want: &Array4<f32>) -> f64 {
    let pairs = got
        .iter()
        .zip(want)
        .map(|(got, want)| (f64::from(*got), f64::from(*want)));
    let (off, largest) = pairs.fold((0.0_f64, 0.0_f64), |(off, largest), (got, want)| {
        (off.max((got - want).abs()), largest.max(want.abs()))
    });
    if got.iter().chain(want).any(|value| !value.is_finite()) {
        return f64::NAN;
    }
    if off > 0.0 { off / largest } else { 0.0 }
}
