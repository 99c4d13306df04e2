//! Whether a network's integers fit its graph: looked at once, so that no later step can fail on them.

use super::ExecuteError;
use super::layer::{conv_of, images_are_pixels};
use crate::fixed::Requantise;
use crate::network::{MAX_CONCAT, Pool};
use crate::quantise::{
    QuantAdd, QuantAverage, QuantConcat, QuantConv, QuantLayer, QuantMultiply, QuantNetwork,
    QuantTable,
};
use crate::reparam::{Layer, LayerId, LayerOp, TensorId};
use crate::schedule::Schedule;
use crate::tensor::{Activations, FeatureMap, IntType};
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

/// One layer between its inputs and its output.
struct Sides<'a> {
    layer: &'a Layer,
    shapes: &'a [FeatureMap],
    types: &'a [IntType],
    output: IntType,
}

impl Sides<'_> {
    fn operator(&self, quant: &QuantLayer) -> Result<(), String> {
        match (&self.layer.op, quant) {
            (LayerOp::Conv { .. } | LayerOp::FullyConnected { .. }, QuantLayer::Conv(quant)) => {
                self.conv(quant)
            }
            (LayerOp::Add { .. }, QuantLayer::Add(quant)) => self.add(quant),
            (LayerOp::MaxPool(pool), QuantLayer::MaxPool) => {
                self.inputs(1)?;
                self.pool(pool)?;
                same("output type", &self.output, &self.types[0])
            }
            (LayerOp::AvgPool(pool), QuantLayer::Average(quant)) => {
                self.inputs(1)?;
                self.pool(pool)?;
                self.average(quant, pool.kernel * pool.kernel)
            }
            (LayerOp::GlobalAvgPool, QuantLayer::Average(quant)) => {
                self.inputs(1)?;
                let shape = FeatureMap::new(1, 1, self.shapes[0].channels);
                same("output shape", &self.layer.output, &shape)?;
                self.average(quant, 1)
            }
            (LayerOp::AdaptiveAvgPool { bins }, QuantLayer::Average(quant)) => {
                self.inputs(1)?;
                let shape = FeatureMap::new(*bins, *bins, self.shapes[0].channels);
                same("output shape", &self.layer.output, &shape)?;
                self.average(quant, bins * bins)
            }
            (LayerOp::Lookup(_), QuantLayer::Table(table)) => self.table(table),
            (LayerOp::Multiply { .. }, QuantLayer::Multiply(quant)) => self.multiply(quant),
            (LayerOp::Concat, QuantLayer::Concat(quant)) => self.concat(quant),
            (LayerOp::Resize(resize), QuantLayer::Resize(quant)) => {
                self.inputs(1)?;
                let channels = self.shapes[0].channels;
                let shape = FeatureMap::new(resize.height, resize.width, channels);
                same("output shape", &self.layer.output, &shape)?;
                self.zero_point(0, quant.input_zero_point)?;
                self.requantise(&quant.requantise, 1)
            }
            (
                LayerOp::Conv { .. }
                | LayerOp::FullyConnected { .. }
                | LayerOp::Lookup(_)
                | LayerOp::Add { .. }
                | LayerOp::Multiply { .. }
                | LayerOp::Concat
                | LayerOp::MaxPool(_)
                | LayerOp::AvgPool(_)
                | LayerOp::GlobalAvgPool
                | LayerOp::AdaptiveAvgPool { .. }
                | LayerOp::Resize(_),
                QuantLayer::Conv(_)
                | QuantLayer::Add(_)
                | QuantLayer::MaxPool
                | QuantLayer::Average(_)
                | QuantLayer::Table(_)
                | QuantLayer::Multiply(_)
                | QuantLayer::Concat(_)
                | QuantLayer::Resize(_),
            ) => Err("its integers belong to another operator".to_owned()),
        }
    }

    fn conv(&self, quant: &QuantConv) -> Result<(), String> {
        let output = self.layer.output;
        let (conv, input) = conv_of(&self.layer.op, self.shapes[0])
            .expect("the operator is a convolution or fully connected");
        if conv.kernel * conv.stride * conv.dilation * conv.groups == 0 {
            return Err(format!("a zero among the attributes: {conv:?}"));
        }
        if !input.channels.is_multiple_of(conv.groups)
            || !output.channels.is_multiple_of(conv.groups)
        {
            return Err(format!("{} groups do not divide its channels", conv.groups));
        }
        let side = |n: usize| {
            let reach = conv.dilation * (conv.kernel - 1) + 1;
            (n + 2 * conv.padding)
                .checked_sub(reach)
                .map(|room| room / conv.stride + 1)
        };
        let map = (Some(output.height), Some(output.width), output.channels);
        same(
            "output shape",
            &map,
            &(side(input.height), side(input.width), conv.out_channels),
        )?;
        let kernel = (
            output.channels,
            conv.kernel,
            conv.kernel,
            input.channels / conv.groups,
        );
        same("shape of the weights", &quant.weight.dim(), &kernel)?;
        if quant.weight.iter().any(|w| i16::try_from(*w).is_err()) {
            return Err("a weight needs more than 16 bits".to_owned());
        }
        same("number of biases", &quant.bias.len(), &output.channels)?;
        self.requantise(&quant.requantise, output.channels)?;
        self.zero_point(0, quant.input_zero_point)?;
        let Some(residual) = &quant.residual else {
            return self.inputs(1);
        };
        if images_are_pixels(&self.layer.op) {
            return Err("a fully connected layer has no shortcut".to_owned());
        }
        self.inputs(2)?;
        same("shape of the shortcut", &self.shapes[1], &output)?;
        same(
            "number of shortcut factors",
            &residual.k.len(),
            &output.channels,
        )?;
        same(
            "number of shortcut shifts",
            &residual.e.len(),
            &output.channels,
        )?;
        if residual.k.iter().any(|k| i16::try_from(*k).is_err())
            || residual.e.iter().any(|e| *e > 15)
        {
            return Err("a shortcut factor needs more than 16 bits or a shift above 15".to_owned());
        }
        self.zero_point(1, residual.zero_point)
    }

    fn add(&self, quant: &QuantAdd) -> Result<(), String> {
        self.inputs(2)?;
        for (index, shape) in self.shapes.iter().enumerate() {
            same("shape of an operand", shape, &self.layer.output)?;
            self.zero_point(index, quant.input_zero_points[index])?;
        }
        self.requantise(&quant.requantise, 1)
    }

    fn table(&self, table: &QuantTable) -> Result<(), String> {
        self.inputs(1)?;
        same("output shape", &self.layer.output, &self.shapes[0])?;
        let input = self.types[0];
        same("first input of the table", &table.first, &input.min())?;
        let entries = usize::try_from(input.max() - input.min()).expect("not negative") + 1;
        same(
            "number of entries of the table",
            &table.values.len(),
            &entries,
        )?;
        let range = self.output.min()..=self.output.max();
        match table.values.iter().find(|value| !range.contains(value)) {
            None => Ok(()),
            Some(value) => Err(format!("the table's {value} is outside {}", self.output)),
        }
    }

    fn multiply(&self, quant: &QuantMultiply) -> Result<(), String> {
        self.inputs(2)?;
        same(
            "shape of the first operand",
            &self.shapes[0],
            &self.layer.output,
        )?;
        let scale = FeatureMap::new(1, 1, self.layer.output.channels);
        if self.shapes[1] != scale {
            same(
                "shape of the second operand",
                &self.shapes[1],
                &self.layer.output,
            )?;
        }
        for (index, &zero_point) in quant.input_zero_points.iter().enumerate() {
            self.zero_point(index, zero_point)?;
        }
        self.requantise(&quant.requantise, 1)
    }

    fn concat(&self, quant: &QuantConcat) -> Result<(), String> {
        let operands = self.shapes.len();
        if !(2..=MAX_CONCAT).contains(&operands) {
            return Err(format!("{operands} inputs, not 2 to {MAX_CONCAT}"));
        }
        same(
            "number of zero points",
            &quant.input_zero_points.len(),
            &operands,
        )?;
        let output = self.layer.output;
        for (index, shape) in self.shapes.iter().enumerate() {
            let wanted = FeatureMap::new(output.height, output.width, shape.channels);
            same("shape of an operand", shape, &wanted)?;
            self.zero_point(index, quant.input_zero_points[index])?;
        }
        let channels: usize = self.shapes.iter().map(|shape| shape.channels).sum();
        same("number of channels", &channels, &output.channels)?;
        self.requantise(&quant.requantise, operands)
    }

    fn average(&self, quant: &QuantAverage, entries: usize) -> Result<(), String> {
        self.zero_point(0, quant.input_zero_point)?;
        self.requantise(&quant.requantise, entries)
    }

    fn pool(&self, pool: &Pool) -> Result<(), String> {
        if pool.kernel * pool.stride == 0 || pool.padding >= pool.kernel {
            return Err(format!("a window that can lie outside the map: {pool:?}"));
        }
        // A window must start before the end of the map, or it would hold no pixel.
        let input = self.shapes[0];
        let output = self.layer.output;
        let inside = |out: usize, of: usize| (out - 1) * pool.stride < of + pool.padding;
        if !inside(output.height, input.height) || !inside(output.width, input.width) {
            return Err(format!("windows outside the map: {output} from {input}"));
        }
        same("number of channels", &output.channels, &input.channels)
    }

    fn inputs(&self, wanted: usize) -> Result<(), String> {
        same("number of inputs", &self.layer.inputs.len(), &wanted)
    }

    fn requantise(&self, requantise: &Requantise, channels: usize) -> Result<(), String> {
        same(
            "number of requantised channels",
            &requantise.channels(),
            &channels,
        )?;
        same("output type", &requantise.output, &self.output)
    }

    fn zero_point(&self, input: usize, zero_point: i32) -> Result<(), String> {
        let ty = self.types[input];
        if (ty.min()..=ty.max()).contains(&zero_point) {
            Ok(())
        } else {
            Err(format!("the zero point {zero_point} is outside {ty}"))
        }
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("the {what} is {found:?}, not {wanted:?}"))
    }
}
