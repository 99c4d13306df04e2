//! A network in two parts: what JSON holds, and the arrays.

use super::tensors::Tensors;
use crate::fixed::{AddForm, AverageForm, Overflow, Requantise, Rule};
use crate::quantise::{
    Numerics, QuantAdd, QuantAverage, QuantConcat, QuantConv, QuantLayer, QuantMultiply,
    QuantNetwork, QuantResidual, QuantResize, QuantTable, ResidualForm, TensorQuant,
};
use crate::reparam::LayerGraph;
use crate::tensor::{IntType, Weights};
use serde::{Deserialize, Serialize};

/// The part in JSON. Scales are not here: as text they might change in the last bit.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    graph: LayerGraph,
    numerics: Numerics,
    residual: ResidualForm,
    rule: Rule,
    tensors: Vec<TensorContent>,
    layers: Vec<LayerContent>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TensorContent {
    range: IntType,
    zero_point: i32,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum LayerContent {
    Conv {
        input_zero_point: i32,
        residual_zero_point: Option<i32>,
        requantise: RequantiseContent,
    },
    Add {
        input_zero_points: [i32; 2],
        multipliers: [i32; 2],
        #[serde(default, skip_serializing_if = "AddForm::is_weighted")]
        form: AddForm,
        requantise: RequantiseContent,
    },
    MaxPool,
    Average {
        input_zero_point: i32,
        #[serde(default, skip_serializing_if = "AverageForm::is_sum")]
        form: AverageForm,
        requantise: RequantiseContent,
    },
    Table {
        first: i32,
    },
    Multiply {
        input_zero_points: [i32; 2],
        requantise: RequantiseContent,
    },
    Concat {
        input_zero_points: Vec<i32>,
        requantise: RequantiseContent,
    },
    Resize {
        input_zero_point: i32,
        requantise: RequantiseContent,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RequantiseContent {
    rule: Rule,
    zero_point: i32,
    output: IntType,
    overflow: Overflow,
    lower: i32,
    upper: i32,
}

impl Content {
    /// Takes a network apart.
    pub(super) fn split(network: &QuantNetwork) -> (Self, Tensors) {
        let mut arrays = Tensors::default();
        let scales: Vec<f64> = network.tensors.iter().map(|t| t.scale).collect();
        arrays.put("scale".to_owned(), &[scales.len()], &scales);
        let layers = (network.layers.iter().enumerate())
            .map(|(index, layer)| {
                let bits = network.numerics.weight_bits[index];
                split_layer(index, layer, bits, &mut arrays)
            })
            .collect();
        let tensors = (network.tensors.iter())
            .map(|tensor| TensorContent {
                range: tensor.range,
                zero_point: tensor.zero_point,
            })
            .collect();
        let content = Self {
            graph: network.graph.clone(),
            numerics: network.numerics.clone(),
            residual: network.residual,
            rule: network.rule,
            tensors,
            layers,
        };
        (content, arrays)
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data with string keys")
    }

    pub(super) fn from_json(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// Puts a network together.
    ///
    /// # Errors
    /// When an array is missing, left over or of another type or shape, or counts and indices do not fit.
    pub(super) fn join(self, mut arrays: Tensors) -> Result<QuantNetwork, String> {
        self.check_counts()?;
        let scales: Vec<f64> = arrays.take_list("scale")?;
        if scales.len() != self.tensors.len() {
            let (found, wanted) = (scales.len(), self.tensors.len());
            return Err(format!("{found} scales for {wanted} tensors"));
        }
        if let Some(scale) = scales.iter().find(|s| !(s.is_finite() && **s > 0.0)) {
            return Err(format!("the scale {scale} is not a positive number"));
        }
        let tensors = (self.tensors.iter().zip(scales))
            .map(|(tensor, scale)| TensorQuant {
                range: tensor.range,
                scale,
                zero_point: tensor.zero_point,
            })
            .collect();
        let layers = (self.layers.into_iter().enumerate())
            .map(|(index, layer)| {
                let bits = self.numerics.weight_bits[index];
                join_layer(index, layer, bits, &mut arrays)
            })
            .collect::<Result<Vec<_>, String>>()?;
        if let Some(name) = arrays.left() {
            return Err(format!("the tensor `{name}` belongs to no layer"));
        }
        Ok(QuantNetwork {
            graph: self.graph,
            numerics: self.numerics,
            tensors,
            residual: self.residual,
            rule: self.rule,
            layers,
        })
    }

    fn check_counts(&self) -> Result<(), String> {
        let layers = self.graph.layers.len();
        for (what, found, wanted) in [
            ("layers with integers", self.layers.len(), layers),
            ("weight widths", self.numerics.weight_bits.len(), layers),
            (
                "activation types",
                self.numerics.activations.len(),
                layers + 1,
            ),
            ("tensors", self.tensors.len(), layers + 1),
        ] {
            if found != wanted {
                return Err(format!("{found} {what}, the graph needs {wanted}"));
            }
        }
        let types = self.tensors.iter().map(|tensor| tensor.range);
        if !types.eq(self.numerics.activations.iter().copied()) {
            return Err("the types of tensors differ from the activation types".to_owned());
        }
        for (index, layer) in self.graph.layers.iter().enumerate() {
            if layer.inputs.is_empty() || layer.inputs.iter().any(|input| input.0 > index) {
                let name = &layer.name;
                return Err(format!(
                    "layer `{name}` reads a tensor that no earlier layer makes"
                ));
            }
        }
        Ok(())
    }
}

fn split_layer(index: usize, layer: &QuantLayer, bits: u8, arrays: &mut Tensors) -> LayerContent {
    match layer {
        QuantLayer::Conv(conv) => {
            put_weights(format!("{index}.weight"), &conv.weight, bits, arrays);
            arrays.put(format!("{index}.bias"), &[conv.bias.len()], &conv.bias);
            if let Some(residual) = &conv.residual {
                arrays.put(format!("{index}.k"), &[residual.k.len()], &residual.k);
                arrays.put(format!("{index}.e"), &[residual.e.len()], &residual.e);
            }
            LayerContent::Conv {
                input_zero_point: conv.input_zero_point,
                residual_zero_point: conv.residual.as_ref().map(|r| r.zero_point),
                requantise: split_requantise(index, &conv.requantise, arrays),
            }
        }
        QuantLayer::Add(add) => LayerContent::Add {
            input_zero_points: add.input_zero_points,
            multipliers: add.multipliers,
            form: add.form,
            requantise: split_requantise(index, &add.requantise, arrays),
        },
        QuantLayer::MaxPool => LayerContent::MaxPool,
        QuantLayer::Average(average) => LayerContent::Average {
            input_zero_point: average.input_zero_point,
            form: average.form,
            requantise: split_requantise(index, &average.requantise, arrays),
        },
        QuantLayer::Table(table) => {
            let name = format!("{index}.table");
            arrays.put(name, &[table.values.len()], &table.values);
            LayerContent::Table { first: table.first }
        }
        QuantLayer::Multiply(multiply) => LayerContent::Multiply {
            input_zero_points: multiply.input_zero_points,
            requantise: split_requantise(index, &multiply.requantise, arrays),
        },
        QuantLayer::Concat(concat) => LayerContent::Concat {
            input_zero_points: concat.input_zero_points.clone(),
            requantise: split_requantise(index, &concat.requantise, arrays),
        },
        QuantLayer::Resize(resize) => LayerContent::Resize {
            input_zero_point: resize.input_zero_point,
            requantise: split_requantise(index, &resize.requantise, arrays),
        },
    }
}

fn put_weights(name: String, weight: &Weights, bits: u8, arrays: &mut Tensors) {
    const FITS: &str = "a weight fits its width";
    if bits <= 8 {
        let numbers: Vec<i8> = (weight.iter())
            .map(|&w| i8::try_from(w).expect(FITS))
            .collect();
        arrays.put(name, weight.shape(), &numbers);
    } else {
        let numbers: Vec<i16> = (weight.iter())
            .map(|&w| i16::try_from(w).expect(FITS))
            .collect();
        arrays.put(name, weight.shape(), &numbers);
    }
}

fn take_weights(name: &str, bits: u8, arrays: &mut Tensors) -> Result<Weights, String> {
    let (shape, numbers): (Vec<usize>, Vec<i32>) = if bits <= 8 {
        let (shape, numbers) = arrays.take::<i8>(name)?;
        (shape, numbers.into_iter().map(i32::from).collect())
    } else {
        let (shape, numbers) = arrays.take::<i16>(name)?;
        (shape, numbers.into_iter().map(i32::from).collect())
    };
    let &[o, h, w, i] = shape.as_slice() else {
        return Err(format!(
            "the tensor `{name}` has the shape {shape:?}, not four axes"
        ));
    };
    Weights::from_shape_vec((o, h, w, i), numbers).map_err(|error| format!("`{name}`: {error}"))
}

fn split_requantise(
    index: usize,
    requantise: &Requantise,
    arrays: &mut Tensors,
) -> RequantiseContent {
    let channels = [requantise.multiplier.len()];
    arrays.put(
        format!("{index}.multiplier"),
        &channels,
        &requantise.multiplier,
    );
    let channels = [requantise.shift.len()];
    arrays.put(format!("{index}.shift"), &channels, &requantise.shift);
    RequantiseContent {
        rule: requantise.rule,
        zero_point: requantise.zero_point,
        output: requantise.output,
        overflow: requantise.overflow,
        lower: requantise.lower,
        upper: requantise.upper,
    }
}

fn join_layer(
    index: usize,
    layer: LayerContent,
    bits: u8,
    arrays: &mut Tensors,
) -> Result<QuantLayer, String> {
    Ok(match layer {
        LayerContent::Conv {
            input_zero_point,
            residual_zero_point,
            requantise,
        } => {
            let residual = match residual_zero_point {
                None => None,
                Some(zero_point) => Some(QuantResidual {
                    zero_point,
                    k: arrays.take_list(&format!("{index}.k"))?,
                    e: arrays.take_list(&format!("{index}.e"))?,
                }),
            };
            QuantLayer::Conv(QuantConv {
                weight: take_weights(&format!("{index}.weight"), bits, arrays)?,
                bias: arrays.take_list(&format!("{index}.bias"))?,
                input_zero_point,
                residual,
                requantise: join_requantise(index, &requantise, arrays)?,
            })
        }
        LayerContent::Add {
            input_zero_points,
            multipliers,
            form,
            requantise,
        } => QuantLayer::Add(QuantAdd {
            input_zero_points,
            multipliers,
            form,
            requantise: join_requantise(index, &requantise, arrays)?,
        }),
        LayerContent::MaxPool => QuantLayer::MaxPool,
        LayerContent::Average {
            input_zero_point,
            form,
            requantise,
        } => QuantLayer::Average(QuantAverage {
            input_zero_point,
            form,
            requantise: join_requantise(index, &requantise, arrays)?,
        }),
        LayerContent::Table { first } => QuantLayer::Table(QuantTable {
            first,
            values: arrays.take_list(&format!("{index}.table"))?,
        }),
        LayerContent::Multiply {
            input_zero_points,
            requantise,
        } => QuantLayer::Multiply(QuantMultiply {
            input_zero_points,
            requantise: join_requantise(index, &requantise, arrays)?,
        }),
        LayerContent::Concat {
            input_zero_points,
            requantise,
        } => QuantLayer::Concat(QuantConcat {
            input_zero_points,
            requantise: join_requantise(index, &requantise, arrays)?,
        }),
        LayerContent::Resize {
            input_zero_point,
            requantise,
        } => QuantLayer::Resize(QuantResize {
            input_zero_point,
            requantise: join_requantise(index, &requantise, arrays)?,
        }),
    })
}

fn join_requantise(
    index: usize,
    content: &RequantiseContent,
    arrays: &mut Tensors,
) -> Result<Requantise, String> {
    let requantise = Requantise {
        rule: content.rule,
        multiplier: arrays.take_list(&format!("{index}.multiplier"))?,
        shift: arrays.take_list(&format!("{index}.shift"))?,
        zero_point: content.zero_point,
        output: content.output,
        overflow: content.overflow,
        lower: content.lower,
        upper: content.upper,
    };
    match requantise.check() {
        Ok(()) => Ok(requantise),
        Err(error) => Err(format!("layer {index}: {error}")),
    }
}
