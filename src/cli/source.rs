//! Where the network of a study's entry comes from: it is built in, with or without weights, or a file holds it.

use crate::float;
use crate::network::checkpoint::Checkpoint;
use crate::network::import::Numbers;
use crate::network::{Form, Graph, Network, builtin, import};
use crate::problem::{Problem, Problems};
use crate::quantise::{QuantNetwork, onnx};
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
        Source::Model { path, .. } => import::read_onnx(path, Some(entry.input))?.graph,
    };
    Ok(fold_graph(&graph, branches(entry))?)
}

/// The network of the entry with its weights, not folded yet; none where it has no weights in real numbers.
pub(super) fn network(entry: &NetworkEntry) -> Result<Option<Network>, Problems> {
    let (name, weights) = match &entry.source {
        Source::Builtin { name, weights } => (name, weights),
        Source::Model {
            path,
            numbers: Numbers::Reals,
        } => return Ok(Some(import::read_onnx(path, Some(entry.input))?)),
        Source::Model {
            numbers: Numbers::Integers,
            ..
        } => return Ok(None),
    };
    let Some(weights) = weights else {
        return Ok(None);
    };
    let graph = builtin::graph(name, entry.input)?;
    match weights {
        WeightSource::Seed(seed) => {
            let params = float::seeded(&graph, *seed);
            Ok(Some(Network { graph, params }))
        }
        WeightSource::File(path) => of_checkpoint(entry, graph, path).map(Some),
    }
}

/// The layers of the entry with their weights; none where it has no weights.
fn folded(entry: &NetworkEntry) -> Result<Option<FoldedNetwork>, Problems> {
    let Some(network) = network(entry)? else {
        return Ok(None);
    };
    let folded = fold(&network, branches(entry))?;
    // The same layers, but only the built-in graph names them after their blocks.
    Ok(Some(FoldedNetwork {
        graph: graph_of(entry, folded.graph)?,
        params: folded.params,
    }))
}

/// The layers of a built-in network, whatever form its checkpoint has; other networks keep theirs.
fn graph_of(entry: &NetworkEntry, folded: LayerGraph) -> Result<LayerGraph, Problems> {
    match &entry.source {
        Source::Builtin { .. } => graph(entry),
        Source::Model { .. } => Ok(folded),
    }
}

/// A built-in network with the weights of a checkpoint, whose form shows in its names.
fn of_checkpoint(entry: &NetworkEntry, graph: Graph, path: &Path) -> Result<Network, Problems> {
    let checkpoint = Checkpoint::read(path)?;
    let graph = match (checkpoint.form()?, entry.form) {
        (Form::Train | Form::Folded, _) => graph,
        (Form::Deploy, Form::Deploy | Form::Folded) => deploy_graph(&graph)?,
        (Form::Deploy, Form::Train) => {
            let message = format!(
                "`{}` holds the deploy form, and `{}` is to run in training form",
                path.display(),
                entry.id
            );
            let help = "write `form = \"deploy\"`, or give the checkpoint that was trained";
            return Err(Problem::new("run::deploy_weights", message, help).into());
        }
    };
    let params = checkpoint.params(&graph)?;
    Ok(Network { graph, params })
}

/// What an entry is before a study's numerics are applied.
pub(super) enum Loaded {
    /// Layers alone.
    Layers(LayerGraph),
    /// With weights in real numbers.
    Reals(FoldedNetwork),
    /// With integers that stay what they are.
    Integers(QuantNetwork),
}

/// The entry, with its real weights only where they are asked for.
pub(super) fn load(entry: &NetworkEntry, with_weights: bool) -> Result<Loaded, Problems> {
    if let Source::Model {
        path,
        numbers: Numbers::Integers,
    } = &entry.source
    {
        return Ok(Loaded::Integers(onnx::read(path, Some(entry.input))?));
    }
    if with_weights && let Some(folded) = folded(entry)? {
        return Ok(Loaded::Reals(folded));
    }
    Ok(Loaded::Layers(graph(entry)?))
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
        | Source::Model { .. } => 0,
    }
}
