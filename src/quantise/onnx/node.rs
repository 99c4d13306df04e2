//! One node of the graph: integers and real numbers meet in `QuantizeLinear` and `DequantizeLinear`.

use super::constant::Constant;
use super::reader::Reader;
use super::scale::Scales;
use super::value::{Axes, Map, Open, Operator, Seen, Value};
use crate::network::import::onnx::OnnxNode;
use crate::quantise::TensorQuant;
use crate::reparam::TensorId;

impl<'g> Reader<'g> {
    /// What the node's first output is; all that is wrong with it is a sentence without its name.
    pub(super) fn operator(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        match (node.domain.as_str(), node.op.as_str()) {
            ("" | "com.microsoft", "QuantizeLinear") => self.quantize(node),
            ("" | "com.microsoft", "DequantizeLinear") => self.dequantize(node),
            ("", "Conv") => self.conv(node),
            ("", "Gemm") => self.gemm(node),
            ("", "MatMul") => self.matrix_product(node),
            ("", "Add") => self.add(node),
            ("", "Relu") => self.relu(node),
            ("", "MaxPool") => self.max_pool(node),
            ("", "AveragePool") => self.average_pool(node),
            ("", "GlobalAveragePool") => self.global_average_pool(node),
            ("", "ReduceMean") => self.reduce_mean(node),
            ("", "Flatten" | "Reshape" | "Squeeze") => self.flatten(node),
            ("", "Identity" | "Dropout") => self.pass(node),
            ("", "QLinearConv") => self.integer_conv(node),
            ("", "QLinearMatMul") => self.integer_matrix_product(node),
            ("com.microsoft", "QGemm") => self.integer_gemm(node),
            ("com.microsoft", "QLinearAdd") => self.integer_add(node),
            ("com.microsoft", "QLinearGlobalAveragePool") => self.integer_mean(node),
            ("com.microsoft", "QLinearAveragePool") => self.integer_average_pool(node),
            ("", _) => Err("the operator has no integer form here".to_owned()),
            (domain, _) => Err(format!("the operator of domain `{domain}` is not run")),
        }
    }

    /// The scale and zero point that inputs `place` and `place + 1` give an activation.
    pub(super) fn quant(&self, node: &OnnxNode, place: usize) -> Result<TensorQuant, String> {
        self.scales(node, place)?.of_tensor()
    }

    /// The scales and zero points that inputs `place` and `place + 1` are.
    pub(super) fn scales(&self, node: &OnnxNode, place: usize) -> Result<Scales, String> {
        Scales::read(self.graph, node.input(place), node.input(place + 1))
    }

    fn quantize(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let quant = self.quant(node, 1)?;
        let open = match self.value(node, 0)?.clone() {
            Value::Image => return self.quantize_image(quant),
            Value::Map(map) if map.seen == Seen::Reals && map.quant == quant => {
                return Ok(integers(map.tensor, quant, map.axes));
            }
            Value::Map(map) if map.seen == Seen::Reals => Open {
                operator: Operator::Same(map),
                relu: false,
            },
            Value::Map(_) => return Err("it rounds integers".to_owned()),
            Value::Open(open) => open,
            Value::Constant(_) => return Err("it rounds a constant".to_owned()),
            Value::Refused => unreachable!("a reader of a refused value is not looked at"),
        };
        self.emit(open, quant, node)
    }

    fn quantize_image(&mut self, quant: TensorQuant) -> Result<Value, String> {
        match self.tensors.first() {
            None => self.tensors.push(quant),
            Some(first) if *first == quant => {}
            Some(_) => return Err("the image is rounded in two ways".to_owned()),
        }
        Ok(integers(TensorId::INPUT, quant, Axes::Rows))
    }

    fn dequantize(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let constant = node
            .input(0)
            .filter(|name| self.graph.tensor(name).is_some());
        let scales = self.scales(node, 1)?;
        if constant.is_some() {
            let axis = node.attributes.int("axis", 1)?;
            if node.attributes.int("block_size", 0)? != 0 {
                return Err("its scales are for blocks of values".to_owned());
            }
            let constant = Constant::read(self.graph, constant, scales, axis)?;
            return Ok(Value::Constant(constant));
        }
        let map = self.map(node, 0, Seen::Integers)?;
        if scales.of_tensor()? != map.quant {
            return Err(
                "its scale and zero point are not those its input was rounded with".to_owned(),
            );
        }
        Ok(Value::Map(Map {
            seen: Seen::Reals,
            ..map
        }))
    }
}

/// A tensor as its integers.
pub(super) fn integers(tensor: TensorId, quant: TensorQuant, axes: Axes) -> Value {
    Value::Map(Map {
        tensor,
        quant,
        seen: Seen::Integers,
        axes,
    })
}
