//! Scale and zero point of every tensor from the values it takes.

use super::{Calibration, Numerics, QuantiseError, TensorQuant, integer, power_above, real};
use crate::float;
use crate::reparam::{FoldedNetwork, LayerOp, TensorId};
use crate::tensor::{IntType, Sign};
use ndarray::Array4;

/// Tensors of the network on `images`. The input is affine; what is unsigned starts at real zero; what else is
/// signed is symmetric. The output of a maximum has its input's scale and zero point.
pub(super) fn tensors(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    numerics: &mut Numerics,
    calibration: Calibration,
    powers: bool,
) -> Result<Vec<TensorQuant>, QuantiseError> {
    let mut quants: Vec<TensorQuant> = Vec::new();
    let mut fault = None;
    float::forward(network, images, &mut |id, map| {
        if let Some(&value) = map.iter().find(|value| !value.is_finite()) {
            fault.get_or_insert_with(|| QuantiseError::NotFinite {
                tensor: name(network, id),
                value,
            });
        }
        let source = id.producer().and_then(|layer| {
            let layer = &network.graph.layers[layer.0];
            let is_max = matches!(layer.op, LayerOp::MaxPool(_));
            is_max.then(|| quants[layer.inputs[0].0])
        });
        quants.push(source.unwrap_or_else(|| {
            let range = numerics.activations[id.0];
            let mut quant = choose(map, range, calibration, id == TensorId::INPUT);
            if powers {
                let step = id.producer().map_or(1.0, |layer| {
                    let layer = &network.graph.layers[layer.0];
                    let source = layer.inputs[0];
                    match layer.op {
                        LayerOp::GlobalAvgPool => {
                            quants[source.0].scale / real(network.graph.shape(source).pixels())
                        }
                        LayerOp::Conv { .. }
                        | LayerOp::FullyConnected { .. }
                        | LayerOp::Add { .. }
                        | LayerOp::MaxPool(_)
                        | LayerOp::AvgPool(_) => 1.0,
                    }
                });
                quant = to_power(quant, range, step);
            }
            quant
        }));
        numerics.activations[id.0] = quants[id.0].range;
    });
    fault.map_or(Ok(quants), Err)
}

fn name(network: &FoldedNetwork, id: TensorId) -> String {
    match id.producer() {
        None => "`input`".to_owned(),
        Some(layer) => format!("`{}`", network.graph.layers[layer.0].name),
    }
}

/// The bounds of a calibrated range always hold real zero.
fn choose(
    map: &Array4<f32>,
    range: IntType,
    calibration: Calibration,
    affine: bool,
) -> TensorQuant {
    let (low, high) = match calibration {
        Calibration::MinMax | Calibration::Mse => (map.iter())
            .fold((0.0_f32, 0.0_f32), |(low, high), &value| {
                (low.min(value), high.max(value))
            }),
        Calibration::Percentile(percent) => percentile(map, percent),
    };
    let (low, high) = (f64::from(low), f64::from(high));
    let of = |part: f64| span(low * part, high * part, range, affine);
    match calibration {
        Calibration::MinMax | Calibration::Percentile(_) => of(1.0),
        Calibration::Mse => {
            let mut best = (f64::INFINITY, of(1.0));
            for step in (1..=64).rev() {
                let quant = of(f64::from(step) / 64.0);
                let error = square_error(map, &quant);
                if error < best.0 {
                    best = (error, quant);
                }
            }
            best.1
        }
    }
}

/// The values with `percent` of all below and above; the lower is at most 0, the upper at least 0.
fn percentile(map: &Array4<f32>, percent: f64) -> (f32, f32) {
    let mut values: Vec<f32> = map.iter().copied().collect();
    values.sort_by(f32::total_cmp);
    let last = f64::from(u32::try_from(values.len() - 1).expect("fewer than 2^32 values"));
    let outside = (last * (1.0 - percent / 100.0)).floor();
    let outside = usize::try_from(integer(outside)).expect("not negative");
    let outside = outside.min(values.len() - 1);
    let (low, high) = (values[outside], values[values.len() - 1 - outside]);
    (low.min(0.0), high.max(0.0))
}

fn square_error(map: &Array4<f32>, quant: &TensorQuant) -> f64 {
    let zero = f64::from(quant.zero_point);
    let (min, max) = (f64::from(quant.range.min()), f64::from(quant.range.max()));
    (map.iter())
        .map(|&value| {
            let value = f64::from(value);
            let q = ((value / quant.scale).round() + zero).clamp(min, max);
            let error = (q - zero) * quant.scale - value;
            error * error
        })
        .sum()
}

/// Scale and zero point for reals of `low..=high`; a tensor of zeros has scale 1.
fn span(low: f64, high: f64, range: IntType, affine: bool) -> TensorQuant {
    let (min, max) = (f64::from(range.min()), f64::from(range.max()));
    let width = match (range.sign, affine) {
        (_, true) => (high - low) / (max - min),
        (Sign::Unsigned, false) => high / max,
        (Sign::Signed, false) => high.max(-low) / max,
    };
    let scale = if width > 0.0 { width } else { 1.0 };
    let zero_point = if affine {
        zero_point(low, scale, range)
    } else {
        0
    };
    TensorQuant {
        range,
        scale,
        zero_point,
    }
}

/// The integer of real zero when the smallest integer stands for `low`.
fn zero_point(low: f64, scale: f64, range: IntType) -> i32 {
    let (min, max) = (f64::from(range.min()), f64::from(range.max()));
    let zero = (min - low / scale).round().clamp(min, max);
    i32::try_from(integer(zero)).expect("inside the range")
}

/// The next larger scale that is `step` times a power of two; the zero point keeps the lower bound where it
/// was. After a global mean `step` is one element's share of the mean, so that its shift is exact.
fn to_power(quant: TensorQuant, range: IntType, step: f64) -> TensorQuant {
    let low = f64::from(range.min() - quant.zero_point) * quant.scale;
    let scale = power_above(quant.scale / step) * step;
    TensorQuant {
        scale,
        zero_point: if quant.zero_point == 0 {
            0
        } else {
            zero_point(low, scale, range)
        },
        ..quant
    }
}
