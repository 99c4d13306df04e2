//! Fully connected layers: Gemm, or MatMul and the addition of a bias.

use super::super::onnx::OnnxNode;
use super::super::order;
use super::conv::Constant;
use super::{Importer, Value, name};
use crate::network::{NodeId, NodeParams, Op};
use ndarray::{Array1, Array2};

impl<'g> Importer<'g> {
    pub(super) fn gemm(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.attributes.int("transA", 0)? != 0 {
            return Err("it reads its map transposed (`transA`)".to_owned());
        }
        let from = self.flat(node)?;
        let transposed = node.attributes.int("transB", 0)? != 0;
        let alpha = node.attributes.float("alpha", 1.0)?;
        let beta = node.attributes.float("beta", 1.0)?;
        let mut weight = self.matrix(node, transposed)?;
        scale(weight.iter_mut(), alpha);
        let outputs = weight.nrows();
        let bias = match node.input(2) {
            None => Array1::zeros(outputs),
            Some(_) => {
                let mut bias = spread(self.constant(node, 2, "bias")?, outputs)?;
                scale(bias.iter_mut(), beta);
                bias
            }
        };
        self.fully_connected(node, from, weight, bias)
    }

    pub(super) fn matrix_product(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let from = self.flat(node)?;
        let weight = self.matrix(node, false)?;
        let bias = Array1::zeros(weight.nrows());
        self.fully_connected(node, from, weight, bias)
    }

    /// A constant added to the result of a convolution or matrix product that has no bias, and that nothing else reads.
    pub(super) fn bias(&mut self, value: &'g str, bias: &str) -> Result<Value, String> {
        let result = self.values.get(value).cloned().unwrap_or(Value::Unknown);
        let alone = self.readers.get(value) == Some(&1);
        let (Value::Map(id) | Value::Flat(id)) = result else {
            return Err("it adds a constant to the shape of a map".to_owned());
        };
        let outputs = self.builder.shape(id).channels;
        let tensor = self.onnx.tensor(bias);
        let tensor = tensor.ok_or("it adds no constant")?;
        let values = tensor
            .floats()
            .map_err(|cause| format!("its `{bias}`: {cause}"))?;
        // Trailing axes of one belong to rows and columns.
        let channel = match result {
            Value::Map(_) => 3,
            Value::Flat(_) | Value::Gate(..) | Value::Extents(_) | Value::Unknown => 1,
        };
        let axis = tensor.shape.len().checked_sub(channel);
        let one_each =
            values.len() == outputs && axis.is_some_and(|axis| tensor.shape[axis] == outputs);
        let finite = values.iter().all(|value| value.is_finite());
        let added = Array1::from_vec(values.into_owned());
        let place = match (&mut self.params[id.0], one_each && alone && finite) {
            (NodeParams::Conv { bias, .. }, true) if bias.is_none() => bias.insert(added),
            (NodeParams::FullyConnected { bias, .. }, true)
                if bias.iter().all(|b| b.to_bits() == 0) =>
            {
                *bias = added;
                bias
            }
            (_, _) => {
                return Err(format!(
                    "it adds the constant `{bias}` to what is no convolution or matrix product without a bias"
                ));
            }
        };
        debug_assert_eq!(place.len(), outputs, "one a channel");
        Ok(result)
    }

    fn fully_connected(
        &mut self,
        node: &OnnxNode,
        from: NodeId,
        weight: Array2<f32>,
        bias: Array1<f32>,
    ) -> Result<Value, String> {
        let map = self.builder.shape(from);
        let (outputs, inputs) = weight.dim();
        if inputs != map.pixels() * map.channels {
            return Err(format!(
                "its weight takes {inputs} inputs, its map has {map}"
            ));
        }
        let weight = order::pixels_first(map, outputs, weight.into_raw_vec_and_offset().0);
        let name = name::of_parameter(node, 1, ".weight");
        let params = NodeParams::FullyConnected { weight, bias };
        let id = self.add(name, Op::FullyConnected { outputs }, &[from], params)?;
        Ok(Value::Flat(id))
    }

    /// The flattened map that the node reads.
    fn flat(&self, node: &OnnxNode) -> Result<NodeId, String> {
        match self.value(node, 0)? {
            Value::Flat(id) => Ok(id),
            Value::Map(_) => Err("it multiplies a map that is not flattened".to_owned()),
            Value::Gate(..) | Value::Extents(_) | Value::Unknown => {
                Err("it reads the shape of a map".to_owned())
            }
        }
    }

    /// The weights with axes output, input, in standard layout.
    fn matrix(&self, node: &OnnxNode, transposed: bool) -> Result<Array2<f32>, String> {
        let Constant { shape, values } = self.constant(node, 1, "weight")?;
        let &[rows, columns] = shape else {
            return Err(format!("its weight has {} axes, not 2", shape.len()));
        };
        let matrix = Array2::from_shape_vec((rows, columns), values)
            .expect("a constant holds what its shape says");
        if transposed {
            return Ok(matrix);
        }
        Ok(matrix.reversed_axes().as_standard_layout().into_owned())
    }
}

/// Each product is rounded once; a factor of 1 changes nothing.
fn scale<'a>(values: impl Iterator<Item = &'a mut f32>, factor: f32) {
    values.for_each(|value| *value *= factor);
}

/// One number an output, from a constant of that shape or of one number.
fn spread(constant: Constant<'_>, outputs: usize) -> Result<Array1<f32>, String> {
    match (constant.shape, constant.values.as_slice()) {
        ([] | [1] | [1, 1], [value]) => Ok(Array1::from_elem(outputs, *value)),
        ([length] | [1, length], _) if *length == outputs => Ok(Array1::from_vec(constant.values)),
        (shape, _) => Err(format!(
            "its bias has shape {shape:?}, {outputs} outputs need [{outputs}]"
        )),
    }
}
