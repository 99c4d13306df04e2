//! Whether a network's integers fit its graph: looked at once, so that no later step can fail on them.

mod operators;

use super::ExecuteError;
use crate::fixed::Requantise;
use crate::quantise::{QuantLayer, QuantNetwork};
use crate::reparam::{LayerId, TensorId};
use crate::schedule::Schedule;
use crate::tensor::{Activations, FeatureMap, IntType};
use operators::Sides;
use std::collections::BTreeSet;

/// Checks the whole network.
pub(super) fn network(network: &QuantNetwork) -> Result<(), ExecuteError> {
    let graph = &network.graph;
    let count = graph.layers.len();
    if count == 0 || network.layers.len() != count {
        return Err(ExecuteError::OtherNetwork {
            what: "the number of layers",
        });
    }
    if network.numerics.activations.len() != count + 1 {
        return Err(ExecuteError::OtherNetwork {
            what: "the number of tensor types",
        });
    }
    for (index, layer) in graph.layers.iter().enumerate() {
        let fault = |what: String| ExecuteError::Network {
            layer: layer.name.clone(),
            what,
        };
        if layer.inputs.is_empty() || layer.inputs.iter().any(|input| input.0 > index) {
            return Err(fault(
                "its inputs are not made by earlier layers".to_owned(),
            ));
        }
        let shapes: Vec<FeatureMap> = layer.inputs.iter().map(|&t| graph.shape(t)).collect();
        let types: Vec<IntType> = layer
            .inputs
            .iter()
            .map(|t| network.numerics.activations[t.0])
            .collect();
        if shapes
            .iter()
            .chain([&layer.output])
            .any(|s| s.pixels() * s.channels == 0)
        {
            return Err(fault("a map has no elements".to_owned()));
        }
        let output = network.numerics.activations[index + 1];
        let sides = Sides {
            layer,
            shapes: &shapes,
            types: &types,
            output,
        };
        sides.operator(&network.layers[index]).map_err(fault)?;
        if let Some(requantise) = requantise(&network.layers[index]) {
            let form = match &network.layers[index] {
                QuantLayer::Add(add) => add.form.check(add.multipliers, &add.requantise),
                QuantLayer::Average(average) => {
                    (average.form).check(average.input_zero_point, &average.requantise)
                }
                QuantLayer::Conv(_)
                | QuantLayer::MaxPool
                | QuantLayer::Table(_)
                | QuantLayer::Multiply(_)
                | QuantLayer::Concat(_)
                | QuantLayer::Resize(_) => Ok(()),
            };
            let checked = requantise.check().and(form);
            checked.map_err(|error| ExecuteError::Requantise {
                layer: layer.name.clone(),
                error,
            })?;
        }
    }
    Ok(())
}

/// Checks shape and range of the input of `batch` images.
pub(super) fn input(
    network: &QuantNetwork,
    batch: usize,
    input: &Activations,
) -> Result<(), ExecuteError> {
    tensor(network, TensorId(0), batch, input)
}

/// Checks number, shapes and ranges of the operands of layer `id`.
pub(super) fn operands(
    network: &QuantNetwork,
    id: LayerId,
    inputs: &[&Activations],
) -> Result<(), ExecuteError> {
    let Some(layer) = network.graph.layers.get(id.0) else {
        return Err(ExecuteError::Network {
            layer: id.0.to_string(),
            what: format!("the network has {} layers", network.graph.layers.len()),
        });
    };
    if inputs.len() != layer.inputs.len() {
        return Err(ExecuteError::Network {
            layer: layer.name.clone(),
            what: format!("{} operands, not {}", inputs.len(), layer.inputs.len()),
        });
    }
    let batch = inputs[0].dim().0;
    let mut operands = layer.inputs.iter().zip(inputs);
    operands.try_for_each(|(id, operand)| tensor(network, *id, batch, operand))
}

/// Checks shape and range of a tensor of `batch` images.
fn tensor(
    network: &QuantNetwork,
    id: TensorId,
    batch: usize,
    tensor: &Activations,
) -> Result<(), ExecuteError> {
    let FeatureMap {
        height,
        width,
        channels,
    } = network.graph.shape(id);
    let wanted = [batch, height, width, channels];
    let (n, h, w, c) = tensor.dim();
    let found = [n, h, w, c];
    if found != wanted || n == 0 {
        return Err(ExecuteError::InputShape { found, wanted });
    }
    let range = network.numerics.activations[id.0];
    match tensor
        .indexed_iter()
        .find(|&(_, &value)| value < range.min() || value > range.max())
    {
        None => Ok(()),
        Some(((n, y, x, c), &value)) => Err(ExecuteError::InputRange {
            value,
            at: [n, y, x, c],
            range,
        }),
    }
}

/// Checks that `schedule` was made for this network and that its indices point at something.
pub(super) fn schedule(schedule: &Schedule, network: &QuantNetwork) -> Result<(), ExecuteError> {
    let what = if schedule.graph != network.graph {
        "the layer graph"
    } else if schedule.numerics != network.numerics {
        "the bit widths"
    } else if schedule.layers.len() != network.graph.layers.len() {
        "the number of layers"
    } else if schedule
        .buffers
        .iter()
        .any(|buffer| buffer.tensor.0 > network.graph.layers.len())
    {
        "the tensors that buffers hold"
    } else {
        return Ok(());
    };
    Err(ExecuteError::OtherNetwork { what })
}

/// Checks that every layer of `wanted` has accumulators.
pub(super) fn accumulators(
    network: &QuantNetwork,
    wanted: &BTreeSet<LayerId>,
) -> Result<(), ExecuteError> {
    for id in wanted {
        match network.layers.get(id.0) {
            Some(QuantLayer::Conv(_)) => {}
            Some(
                QuantLayer::Add(_)
                | QuantLayer::MaxPool
                | QuantLayer::Average(_)
                | QuantLayer::Table(_)
                | QuantLayer::Multiply(_)
                | QuantLayer::Concat(_)
                | QuantLayer::Resize(_),
            ) => {
                let layer = network.graph.layers[id.0].name.clone();
                return Err(ExecuteError::NoAccumulators { layer });
            }
            None => {
                let layer = id.0.to_string();
                return Err(ExecuteError::NoAccumulators { layer });
            }
        }
    }
    Ok(())
}

fn requantise(layer: &QuantLayer) -> Option<&Requantise> {
    match layer {
        QuantLayer::Conv(conv) => Some(&conv.requantise),
        QuantLayer::Add(add) => Some(&add.requantise),
        QuantLayer::MaxPool | QuantLayer::Table(_) => None,
        QuantLayer::Average(average) => Some(&average.requantise),
        QuantLayer::Multiply(multiply) => Some(&multiply.requantise),
        QuantLayer::Concat(concat) => Some(&concat.requantise),
        QuantLayer::Resize(resize) => Some(&resize.requantise),
    }
}
