//! Convolutions and batch norms with their parameters.

use super::super::onnx::OnnxNode;
use super::super::{order, window};
use super::{Importer, Value, name};
use crate::network::{NodeId, NodeParams, Op};
use ndarray::Array1;

impl<'g> Importer<'g> {
    pub(super) fn conv(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let from = self.map(node, 0)?;
        let x = self.builder.shape(from);
        let weight = self.constant(node, 1, "weight")?;
        let [outputs, inputs, rows, columns] = *weight.shape else {
            let axes = weight.shape.len();
            return Err(format!(
                "its weight has {axes} axes, not the 4 of two dimensions"
            ));
        };
        let conv = window::conv(node, [outputs, inputs, rows, columns], x)?;
        let weight = order::ohwi([outputs, inputs, rows, columns], weight.values);
        let bias = match node.input(2) {
            Some(_) => Some(self.vector(node, 2, "bias", outputs)?),
            None => None,
        };
        let name = name::of_parameter(node, 1, ".weight");
        let params = NodeParams::Conv { weight, bias };
        Ok(Value::Map(self.add(
            name,
            Op::Conv(conv),
            &[from],
            params,
        )?))
    }

    pub(super) fn batch_norm(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.attributes.int("training_mode", 0)? != 0 {
            return Err("it is in training mode, whose statistics are those of a batch".to_owned());
        }
        let value = self.value(node, 0)?;
        let (Value::Map(from) | Value::Flat(from)) = value else {
            return Err("it reads the shape of a map".to_owned());
        };
        let channels = self.channels(&value, from)?;
        let var = self.vector(node, 4, "variance", channels)?;
        if let Some(place) = var.iter().position(|value| *value < 0.0) {
            return Err(format!("its variance is {} at place {place}", var[place]));
        }
        let params = NodeParams::BatchNorm {
            gamma: self.vector(node, 1, "scale", channels)?,
            beta: self.vector(node, 2, "shift", channels)?,
            mean: self.vector(node, 3, "mean", channels)?,
            var,
        };
        let eps = eps(node.attributes.float("epsilon", 1e-5)?);
        let name = name::of_parameter(node, 1, ".weight");
        let id = self.add(name, Op::BatchNorm { eps }, &[from], params)?;
        Ok(match value {
            Value::Flat(_) => Value::Flat(id),
            Value::Map(_) | Value::Gate(..) | Value::Extents(_) | Value::Unknown => Value::Map(id),
        })
    }

    /// Channels of a map; a flattened map of one pixel has as many.
    fn channels(&self, value: &Value, id: NodeId) -> Result<usize, String> {
        let shape = self.builder.shape(id);
        if matches!(value, Value::Flat(_)) && shape.pixels() != 1 {
            return Err("it reads a flattened map of several pixels".to_owned());
        }
        Ok(shape.channels)
    }

    /// One finite number a channel.
    pub(super) fn vector(
        &self,
        node: &OnnxNode,
        place: usize,
        what: &str,
        length: usize,
    ) -> Result<Array1<f32>, String> {
        let constant = self.constant(node, place, what)?;
        if constant.shape == [length] {
            return Ok(Array1::from_vec(constant.values));
        }
        Err(format!(
            "its {what} has shape {:?}, {length} channels need [{length}]",
            constant.shape
        ))
    }

    /// The finite values of constant input `place`.
    pub(super) fn constant(
        &self,
        node: &OnnxNode,
        place: usize,
        what: &str,
    ) -> Result<Constant<'g>, String> {
        let input = node
            .input(place)
            .ok_or_else(|| format!("it has no {what}"))?;
        let tensor = self.onnx.tensor(input);
        let tensor = tensor.ok_or_else(|| format!("its {what} `{input}` is no constant"))?;
        let values = (tensor.floats()).map_err(|cause| format!("its {what} `{input}`: {cause}"))?;
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let value = values[place];
            return Err(format!(
                "its {what} `{input}` holds {value} at place {place}"
            ));
        }
        Ok(Constant {
            shape: &tensor.shape,
            values: values.into_owned(),
        })
    }
}

/// A constant of finite floats.
pub(super) struct Constant<'g> {
    pub(super) shape: &'g [usize],
    pub(super) values: Vec<f32>,
}

/// What was meant by a number that the file holds in 32 bits: 0.00001, not 0.00000999999974.
fn eps(stored: f32) -> f64 {
    stored
        .to_string()
        .parse()
        .unwrap_or_else(|_| f64::from(stored))
}

#[cfg(test)]
mod tests {
    use super::eps;

    #[test]
    fn a_batch_norm_is_given_the_decimal_number_that_was_meant() {
        assert_eq!(eps(1e-5).to_bits(), 1e-5_f64.to_bits());
        assert_eq!(eps(1e-3).to_bits(), 1e-3_f64.to_bits());
        assert_eq!(eps(0.0).to_bits(), 0.0_f64.to_bits());
        assert!(eps(f32::NAN).is_nan());
    }
}
