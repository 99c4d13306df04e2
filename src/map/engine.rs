//! Which unit runs each layer.

use super::{FullyConnected, MapError, Offload, Settings};
use crate::chip::Chip;
use crate::reparam::{LayerGraph, LayerId, LayerOp};
use crate::schedule::work::ConvWork;

/// The unit of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Engine {
    Array(ConvWork),
    Vector,
    Host,
}

/// The unit of every layer, in order.
pub(super) fn assign(
    graph: &LayerGraph,
    chip: &Chip,
    settings: &Settings,
) -> Result<Vec<Engine>, MapError> {
    (0..graph.layers.len())
        .map(|index| engine(graph, LayerId(index), chip, settings))
        .collect()
}

fn engine(
    graph: &LayerGraph,
    id: LayerId,
    chip: &Chip,
    settings: &Settings,
) -> Result<Engine, MapError> {
    let layer = &graph.layers[id.0];
    let what = match &layer.op {
        LayerOp::FullyConnected { .. } if settings.fully_connected == FullyConnected::Host => {
            return (chip.host.as_ref().map(|_| Engine::Host)).ok_or_else(|| MapError::NoHost {
                layer: layer.name.clone(),
            });
        }
        LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => {
            return Ok(Engine::Array(work(graph, id, chip, settings.batch)));
        }
        LayerOp::Lookup(function) => function.words(),
        LayerOp::Add { .. } => "addition",
        LayerOp::Multiply { .. } => "product",
        LayerOp::Concat => "concatenation",
        LayerOp::MaxPool(_) => "max pooling",
        LayerOp::AvgPool(_) => "average pooling",
        LayerOp::GlobalAvgPool => "global average pooling",
        LayerOp::AdaptiveAvgPool { .. } => "adaptive average pooling",
        LayerOp::Resize(_) => "interpolation",
    };
    if chip.vector.is_some() {
        Ok(Engine::Vector)
    } else if chip.host.is_some() && settings.offload == Offload::Host {
        Ok(Engine::Host)
    } else {
        Err(MapError::NoUnit {
            layer: layer.name.clone(),
            what,
            host: chip.host.is_some(),
            remedies: Vec::new(),
        })
    }
}

/// The work of a layer on the array; a fully connected layer is a 1x1 convolution whose pixels are the images.
fn work(graph: &LayerGraph, id: LayerId, chip: &Chip, batch: usize) -> ConvWork {
    let layer = &graph.layers[id.0];
    let input = graph.shape(layer.inputs[0]);
    match layer.op {
        LayerOp::FullyConnected { outputs, .. } => {
            let inputs = input.pixels() * input.channels;
            ConvWork::fully_connected(inputs, outputs, batch, chip.array)
        }
        LayerOp::Conv { conv, .. } => ConvWork::new(
            input,
            layer.output,
            conv,
            layer.inputs.len() > 1,
            chip.array,
        ),
        LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => unreachable!("not a layer of the array"),
    }
}
