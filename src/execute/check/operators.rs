//! Whether the integers of one layer belong to its operator and fit the tensors around it.

use crate::execute::layer::{conv_of, images_are_pixels};
use crate::fixed::Requantise;
use crate::network::{MAX_CONCAT, Pool};
use crate::quantise::{
    QuantAdd, QuantAverage, QuantConcat, QuantConv, QuantLayer, QuantMultiply, QuantTable,
};
use crate::reparam::{Layer, LayerOp};
use crate::tensor::{FeatureMap, IntType};

/// One layer between its inputs and its output.
pub(super) struct Sides<'a> {
    pub(super) layer: &'a Layer,
    pub(super) shapes: &'a [FeatureMap],
    pub(super) types: &'a [IntType],
    pub(super) output: IntType,
}

impl Sides<'_> {
    /// Whether the integers belong to the operator and fit its tensors.
    pub(super) fn operator(&self, quant: &QuantLayer) -> Result<(), String> {
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
