//! Tensors as files: the stimulus, the integers of each layer, the output expected of each.
//!
//! `x.npy` has the axes of the tensor, `x.raw` its elements in memory order, each in whole bytes, little endian.

use super::File;
use crate::fixed::{AddForm, AverageForm, Requantise};
use crate::quantise::{QuantAdd, QuantAverage, QuantConv, QuantLayer};
use crate::reparam::{LayerId, TensorId};
use crate::report::write::file_stem;
use crate::rtl::{Run, tensor_bytes};
use crate::tensor::Activations;
use ndarray::{Array, Array0, Array1, Dimension, arr0};
use ndarray_npy::{WritableElement, WriteNpyExt};

/// The bytes of a npy file.
///
/// # Panics
/// Never: memory takes any number of bytes.
#[must_use]
pub fn npy<A: WritableElement, D: Dimension>(array: &Array<A, D>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array
        .write_npy(&mut bytes)
        .expect("a vector takes any number of bytes");
    bytes
}

/// The batch: `stimulus/input.npy` and `.raw`.
pub(super) fn stimulus(run: &Run<'_>) -> Vec<File> {
    both(run, "stimulus/input", TensorId::INPUT, run.input)
}

/// Each layer's output: `expected/<layer>.npy` and `.raw`.
pub(super) fn expected(run: &Run<'_>) -> Vec<File> {
    let outputs = run.schedule.graph.ids().zip(&run.tensors[1..]);
    let files = outputs.flat_map(|(layer, tensor)| {
        let name = format!("expected/{}", stem(run, layer));
        both(run, &name, layer.output(), tensor)
    });
    files.collect()
}

fn both(run: &Run<'_>, name: &str, id: TensorId, tensor: &Activations) -> Vec<File> {
    let range = run.schedule.numerics.activations[id.0];
    vec![
        (format!("{name}.npy"), npy(tensor)),
        (format!("{name}.raw"), tensor_bytes(tensor, range)),
    ]
}

/// The name of a layer as that of a file.
pub(super) fn stem(run: &Run<'_>, layer: LayerId) -> String {
    file_stem(&run.schedule.graph.layers[layer.0].name)
}

/// Each layer's integers: `weights/<layer>.npy` (OHWI) and `parameters/<layer>.<name>.npy`.
pub(super) fn integers(run: &Run<'_>) -> Vec<File> {
    let mut files = Vec::new();
    for (layer, quant) in run.schedule.graph.ids().zip(&run.network.layers) {
        let stem = stem(run, layer);
        let parameters = match quant {
            QuantLayer::Conv(quant) => {
                let bits = run.schedule.numerics.weight_bits[layer.0];
                files.push((format!("weights/{stem}.npy"), weights(quant, bits)));
                conv(quant)
            }
            QuantLayer::Add(quant) => add(quant),
            QuantLayer::Average(quant) => average(quant),
            QuantLayer::Table(quant) => vec![
                ("first_input", scalar(quant.first)),
                ("table", vector(&quant.values)),
            ],
            QuantLayer::Multiply(quant) => rescaled(&quant.input_zero_points, &quant.requantise),
            QuantLayer::Concat(quant) => rescaled(&quant.input_zero_points, &quant.requantise),
            QuantLayer::Resize(quant) => rescaled(&[quant.input_zero_point], &quant.requantise),
            QuantLayer::MaxPool => Vec::new(),
        };
        let place = |(name, bytes)| (format!("parameters/{stem}.{name}.npy"), bytes);
        files.extend(parameters.into_iter().map(place));
    }
    files
}

/// In the narrowest type that holds every weight.
fn weights(quant: &QuantConv, bits: u8) -> Vec<u8> {
    let fits = "a weight is as wide as its layer says";
    if bits <= 8 {
        npy(&quant.weight.map(|w| i8::try_from(*w).expect(fits)))
    } else {
        npy(&quant.weight.map(|w| i16::try_from(*w).expect(fits)))
    }
}

/// Parameters by name.
type Named = Vec<(&'static str, Vec<u8>)>;

fn conv(quant: &QuantConv) -> Named {
    let mut named = vec![
        ("bias", vector(&quant.bias)),
        ("input_zero_point", scalar(quant.input_zero_point)),
    ];
    if let Some(residual) = &quant.residual {
        named.extend([
            ("residual_zero_point", scalar(residual.zero_point)),
            ("residual_multiplier", vector(&residual.k)),
            ("residual_shift", vector(&residual.e)),
        ]);
    }
    named.extend(requantise(&quant.requantise));
    named
}

fn add(quant: &QuantAdd) -> Named {
    let mut named = vec![
        ("input_zero_points", vector(&quant.input_zero_points)),
        ("input_multipliers", vector(&quant.multipliers)),
    ];
    match quant.form {
        AddForm::Weighted => {}
        AddForm::Rescaled { left_shift, shifts } => named.extend([
            ("input_left_shift", scalar(left_shift.into())),
            ("input_shifts", vector(&shifts)),
        ]),
        AddForm::Float32 { shifts } => named.push(("input_shifts", vector(&shifts))),
    }
    named.extend(requantise(&quant.requantise));
    named
}

/// Of a product one entry, of a concatenation one an operand.
fn rescaled(input_zero_points: &[i32], rule: &Requantise) -> Named {
    let mut named = vec![("input_zero_points", vector(input_zero_points))];
    named.extend(requantise(rule));
    named
}

/// Entry `n - 1` of multiplier and shift is for a window of `n` pixels; of a global average there is one.
fn average(quant: &QuantAverage) -> Named {
    let mut named = vec![("input_zero_point", scalar(quant.input_zero_point))];
    match quant.form {
        AverageForm::Sum | AverageForm::Quotient => {}
        AverageForm::Float32 {
            multipliers,
            shifts,
        } => named.extend([
            ("real_scale_multipliers", vector(&multipliers)),
            ("real_scale_shifts", vector(&shifts)),
        ]),
    }
    named.extend(requantise(&quant.requantise));
    named
}

fn requantise(rule: &Requantise) -> Named {
    vec![
        ("multiplier", vector(&rule.multiplier)),
        ("shift", vector(&rule.shift)),
        ("output_zero_point", scalar(rule.zero_point)),
        ("clamp", vector(&[rule.lower, rule.upper])),
    ]
}

fn scalar(value: i32) -> Vec<u8> {
    let scalar: Array0<i32> = arr0(value);
    npy(&scalar)
}

fn vector<A: WritableElement + Clone>(values: &[A]) -> Vec<u8> {
    npy(&Array1::from(values.to_vec()))
}
