//! Where the network of a study's entry comes from: it is built in, with or without weights, or a file holds it.

use crate::float;
use crate::network::checkpoint::Checkpoint;
use crate::network::{Form, Graph, Network, builtin, import};
use crate::problem::{Problem, Problems};
use crate::reparam::{Branches, FoldedNetwork, LayerGraph, deploy_graph, fold, fold_graph};
use crate::study::{NetworkEntry, Source, WeightSource};
use std::path::Path;

/// What the entry asks to be done with branches.
fn branches(entry: &NetworkEntry) -> Branches {
    match entry.form {
        Form::Train => Branches::Keep,
        Form::Deploy | Form::Folded => Branches::Fuse,
    }
}

/// The layers of the entry, without weights.
pub(super) fn graph(entry: &NetworkEntry) -> Result<LayerGraph, Problems> {
    let graph = match &entry.source {
        Source::Builtin { name, .. } => builtin::graph(name, entry.input)?,
        Source::Model(path) => import::read_onnx(path, Some(entry.input))?.graph,
    };
    Ok(fold_graph(&graph, branches(entry))?)
}

/// The layers of the entry with their weights; none where it has no weights.
pub(super) fn folded(entry: &NetworkEntry) -> Result<Option<FoldedNetwork>, Problems> {
    let network = match &entry.source {
        Source::Builtin { weights: None, .. } => return Ok(None),
        Source::Builtin {
            name,
            weights: Some(WeightSource::Seed(seed)),
        } => {
            let graph = builtin::graph(name, entry.input)?;
            let params = float::seeded(&graph, *seed);
            Network { graph, params }
        }
        Source::Builtin {
            name,
            weights: Some(WeightSource::File(path)),
        } => return of_checkpoint(entry, builtin::graph(name, entry.input)?, path).map(Some),
        Source::Model(path) => import::read_onnx(path, Some(entry.input))?,
    };
    Ok(Some(fold(&network, branches(entry))?))
}

/// A built-in network with the weights of a checkpoint, whose form shows in its names.
fn of_checkpoint(
    entry: &NetworkEntry,
    graph: Graph,
    path: &Path,
) -> Result<FoldedNetwork, Problems> {
    let checkpoint = Checkpoint::read(path)?;
    match (checkpoint.form()?, entry.form) {
        (Form::Train | Form::Folded, _) => {
            let params = checkpoint.params(&graph)?;
            Ok(fold(&Network { graph, params }, branches(entry))?)
        }
        (Form::Deploy, Form::Train) => {
            let message = format!(
                "`{}` holds the deploy form, and `{}` is to run in training form",
                path.display(),
                entry.id
            );
            let help = "write `form = \"deploy\"`, or give the checkpoint that was trained";
            Err(Problem::new("run::deploy_weights", message, help).into())
        }
        (Form::Deploy, Form::Deploy | Form::Folded) => {
            let layers = fold_graph(&graph, Branches::Fuse)?;
            let graph = deploy_graph(&graph)?;
            let params = checkpoint.params(&graph)?;
            let folded = fold(&Network { graph, params }, Branches::Fuse)?;
            // The same layers; only here they have the names of the blocks.
            Ok(FoldedNetwork {
                graph: layers,
                params: folded.params,
            })
        }
    }
}

/// The seed of images that stand in where the study gives none.
pub(super) fn seed(entry: &NetworkEntry) -> u64 {
    match &entry.source {
        Source::Builtin {
            weights: Some(WeightSource::Seed(seed)),
            ..
        } => *seed,
        Source::Builtin {
            weights: Some(WeightSource::File(_)) | None,
            ..
        }
        | Source::Model(_) => 0,
    }
}
