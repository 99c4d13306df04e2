//! Operators that read and write integers: `QLinearConv` and its relatives.

use super::constant::{Constant, Filters, Outputs};
use super::reader::Reader;
use super::real::outputs_of_gemm;
use super::value::{Axes, Bias, Map, Operator, Seen, Value};
use crate::network::import::onnx::{ElementType, OnnxNode};
use crate::network::import::window::conv;

impl<'g> Reader<'g> {
    /// `QLinearConv`: map, scale, zero point, weights, scale, zero point, output scale, zero point, bias.
    pub(super) fn integer_conv(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let input = self.operand(node, 0, Axes::Rows)?;
        let filters = self.weights(node, 3, 0)?.kernels()?;
        let (outputs, rows, columns, inputs) = filters.weight.dim();
        let conv = conv(
            node,
            [outputs, inputs, rows, columns],
            self.shape(input.tensor),
        )?;
        let operator = Operator::Conv {
            input,
            filters,
            bias: self.plain_bias(node, 8)?,
            conv,
        };
        self.emit_plain(operator, self.quant(node, 6)?, node)
    }

    /// `QGemm`: map, scale, zero point, weights, scale, zero point, bias, output scale, zero point.
    pub(super) fn integer_gemm(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.input(7).is_none() {
            return Err("its result is of real numbers, as it has no output scale".to_owned());
        }
        let outputs = outputs_of_gemm(node)?;
        let input = self.operand(node, 0, Axes::Flat)?;
        let filters = self.matrix(node, input, outputs)?;
        let bias = self.plain_bias(node, 6)?;
        let operator = Operator::FullyConnected {
            input,
            filters,
            bias,
        };
        self.emit_plain(operator, self.quant(node, 7)?, node)
    }

    /// `QLinearMatMul`: map, scale, zero point, weights, scale, zero point, output scale, zero point.
    pub(super) fn integer_matrix_product(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let input = self.operand(node, 0, Axes::Flat)?;
        let operator = Operator::FullyConnected {
            input,
            filters: self.matrix(node, input, Outputs::Columns)?,
            bias: None,
        };
        self.emit_plain(operator, self.quant(node, 6)?, node)
    }

    /// `QLinearAdd`: two times map, scale, zero point; output scale, zero point.
    pub(super) fn integer_add(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let axes = self.map(node, 0, Seen::Integers)?.axes;
        let sides = [self.operand(node, 0, axes)?, self.operand(node, 3, axes)?];
        self.emit_plain(Operator::Add(sides), self.quant(node, 6)?, node)
    }

    /// `QLinearGlobalAveragePool`: map, scale, zero point, output scale, zero point.
    pub(super) fn integer_mean(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.attributes.int("channels_last", 0)? != 0 {
            return Err("its channels are its last axis (`channels_last`)".to_owned());
        }
        let input = self.operand(node, 0, Axes::Rows)?;
        self.emit_plain(
            Operator::GlobalAvgPool(input, Axes::Rows),
            self.quant(node, 3)?,
            node,
        )
    }

    /// `QLinearAveragePool`: map, scale, zero point, output scale, zero point.
    pub(super) fn integer_average_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.attributes.int("channels_last", 0)? != 0 {
            return Err("its channels are its last axis (`channels_last`)".to_owned());
        }
        let input = self.operand(node, 0, Axes::Rows)?;
        let operator = self.mean_over_windows(node, input)?;
        self.emit_plain(operator, self.quant(node, 3)?, node)
    }

    /// The map that input `place` is, with its scale and zero point behind it.
    fn operand(&self, node: &OnnxNode, place: usize, axes: Axes) -> Result<Map, String> {
        let map = self.written(node, place, Seen::Integers, axes)?;
        if self.quant(node, place + 1)? == map.quant {
            return Ok(map);
        }
        let name = node.input(place).unwrap_or_default();
        Err(format!(
            "its scale and zero point of `{name}` are not those it was rounded with"
        ))
    }

    /// The weights that input `place` is, with their scales behind them.
    fn weights(&self, node: &OnnxNode, place: usize, axis: i64) -> Result<Constant, String> {
        let scales = self.scales(node, place + 1)?;
        Constant::read(self.graph, node.input(place), scales, axis)
    }

    fn matrix(&self, node: &OnnxNode, input: Map, outputs: Outputs) -> Result<Filters, String> {
        let axis = match outputs {
            Outputs::Rows => 0,
            Outputs::Columns => 1,
        };
        self.weights(node, 3, axis)?
            .matrix(outputs, self.shape(input.tensor))
    }

    /// The bias that input `place` is, in steps of the accumulator.
    fn plain_bias(&self, node: &OnnxNode, place: usize) -> Result<Option<Bias>, String> {
        let Some(name) = node.input(place) else {
            return Ok(None);
        };
        let tensor = self.graph.tensor(name);
        let tensor =
            tensor.ok_or_else(|| format!("its bias `{name}` is computed, not a constant"))?;
        let values = tensor
            .integers()
            .filter(|_| tensor.values.element() == ElementType::I32);
        let values =
            values.ok_or_else(|| format!("its bias `{name}` is not of 32-bit integers"))?;
        Ok(Some(Bias {
            values,
            steps: None,
        }))
    }
}
