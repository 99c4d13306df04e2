//! Functions of each value, and products of maps.
//!
//! Exporters write `x · sigmoid(x)` as a function and a product; together they are one function here.

use super::super::onnx::{OnnxNode, OnnxTensor};
use super::{Importer, Value, name};
use crate::network::{Function, NodeId, NodeParams, Op};

impl<'g> Importer<'g> {
    /// A clamp from 0 on: without an upper bound a ReLU, up to 6 a ReLU6.
    pub(super) fn clip(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let bound = |place: usize, default: f32| match node.input(place) {
            None => Ok(default),
            Some(name) => (self.onnx.tensor(name))
                .and_then(OnnxTensor::scalar)
                .ok_or_else(|| format!("its bound `{name}` is no constant number")),
        };
        let (low, high) = (bound(1, f32::MIN)?, bound(2, f32::MAX)?);
        let from_zero = low.to_bits() == 0.0_f32.to_bits();
        if from_zero && high >= f32::MAX {
            return self.elementwise(node, Op::Relu);
        }
        if from_zero && high.to_bits() == 6.0_f32.to_bits() {
            return self.elementwise(node, Op::Lookup(Function::Relu6));
        }
        Err(format!(
            "it clamps to {low}..{high}, only 0..6 and 0 and up are run"
        ))
    }

    pub(super) fn sigmoid(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        self.gate(node, Function::Sigmoid)
    }

    pub(super) fn hard_sigmoid(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let alpha = node.attributes.float("alpha", 0.2)?;
        let beta = node.attributes.float("beta", 0.5)?;
        // A sixth in 32 bits.
        if (alpha - 1.0 / 6.0).abs() < 1e-6 && beta.to_bits() == 0.5_f32.to_bits() {
            return self.gate(node, Function::HardSigmoid);
        }
        Err(format!(
            "its slope is {alpha} and its value at 0 {beta}, only 1/6 and 1/2 are run"
        ))
    }

    pub(super) fn hard_swish(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        self.elementwise(node, Op::Lookup(Function::HardSwish))
    }

    /// A function by which its own argument is multiplied and nothing else is left to the product.
    fn gate(&mut self, node: &'g OnnxNode, function: Function) -> Result<Value, String> {
        let (input, output) = (
            node.input(0),
            node.outputs.first().and_then(Option::as_deref),
        );
        let multiplies = |other: &&OnnxNode| {
            let (a, b) = (other.input(0), other.input(1));
            other.op == "Mul" && ((a, b) == (input, output) || (b, a) == (input, output))
        };
        let alone = output.is_some_and(|output| self.readers.get(output) == Some(&1));
        if alone
            && self.onnx.nodes.iter().any(|other| multiplies(&other))
            && let Value::Map(id) = self.value(node, 0)?
        {
            return Ok(Value::Gate(id, function));
        }
        self.elementwise(node, Op::Lookup(function))
    }

    /// A product of two maps, or of a map and a factor for each channel.
    pub(super) fn product(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let constant = (node.inputs.iter().flatten()).find(|name| self.onnx.tensor(name).is_some());
        if let Some(name) = constant {
            return Err(format!("it multiplies by the constant `{name}`"));
        }
        let name = name::of_node(node);
        match (self.value(node, 0)?, self.value(node, 1)?) {
            (Value::Map(x), Value::Gate(of, function))
            | (Value::Gate(of, function), Value::Map(x))
                if x == of =>
            {
                let whole = match function {
                    Function::HardSigmoid => Function::HardSwish,
                    _ => Function::Silu,
                };
                let id = self.add(name, Op::Lookup(whole), &[x], NodeParams::None)?;
                Ok(Value::Map(id))
            }
            (Value::Map(left), Value::Map(right)) => {
                let pixels = |id: NodeId| self.builder.shape(id).pixels();
                // The factor for each channel stands behind the map.
                let scale_first = pixels(left) < pixels(right);
                let (map, factor) = if scale_first {
                    (right, left)
                } else {
                    (left, right)
                };
                let inputs = [map, factor];
                Ok(Value::Map(self.add(
                    name,
                    Op::Multiply,
                    &inputs,
                    NodeParams::None,
                )?))
            }
            (_, _) => Err("it multiplies what are not two maps".to_owned()),
        }
    }
}
