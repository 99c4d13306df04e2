//! The integers of a convolution or a fully connected layer.

use super::{
    Granularity, QuantConv, QuantResidual, QuantiseError, Settings, TensorQuant, integer,
    power_above, requantise,
};
use crate::fixed::{Rule, Target};
use crate::tensor::IntType;
use ndarray::{Array1, Array4, Axis};

/// A layer between its tensors.
pub(super) struct Sides<'a> {
    /// The layer's name.
    pub name: &'a str,
    /// What it reads.
    pub input: TensorQuant,
    /// What it adds, in form `accumulate`.
    pub shortcut: Option<TensorQuant>,
    /// What it makes.
    pub output: TensorQuant,
    /// Where its numbers go.
    pub target: Target,
}

/// Rounds weights to nearest (ties away from zero), biases to the accumulator's scale.
pub(super) fn conv(
    sides: &Sides<'_>,
    weight: &Array4<f32>,
    bias: &Array1<f32>,
    settings: &Settings,
) -> Result<QuantConv, QuantiseError> {
    let most = f64::from(IntType::signed(settings.widths.weight_bits).max());
    let mut scales = weight_scales(sides, weight, most, settings);
    let residual = match sides.shortcut {
        Some(shortcut) => Some(fit_shortcut(sides, shortcut, &mut scales, most)?),
        None => None,
    };
    let mut weights = Array4::zeros(weight.dim());
    for ((at, weight), &value) in weights.indexed_iter_mut().zip(weight) {
        let q = (f64::from(value) / scales[at.0]).round();
        *weight = i32::try_from(integer(q.clamp(-most, most))).expect("16 bits at most");
    }
    let mut biases = Vec::with_capacity(bias.len());
    let mut ratios = Vec::with_capacity(bias.len());
    for (channel, (&bias, &scale)) in bias.iter().zip(&scales).enumerate() {
        let step = sides.input.scale * scale;
        let value = (f64::from(bias) / step).round();
        if value.is_nan() || value.abs() >= 4_611_686_018_427_387_904.0 {
            return Err(QuantiseError::Bias {
                layer: sides.name.to_owned(),
                channel,
                value,
            });
        }
        biases.push(integer(value));
        ratios.push(step / sides.output.scale);
    }
    Ok(QuantConv {
        weight: weights,
        bias: biases,
        input_zero_point: sides.input.zero_point,
        residual,
        requantise: requantise(sides.name, settings.rule, &ratios, sides.target)?,
    })
}

/// One scale for each output channel; a channel of zeros takes that of the widest channel, or 1. In the shift
/// family `s_x · s_w / s_y` is a power of two.
fn weight_scales(
    sides: &Sides<'_>,
    weight: &Array4<f32>,
    most: f64,
    settings: &Settings,
) -> Vec<f64> {
    let widest = |channel: ndarray::ArrayView3<'_, f32>| {
        let largest = channel.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
        f64::from(largest) / most
    };
    let mut scales: Vec<f64> = weight.axis_iter(Axis(0)).map(widest).collect();
    let whole = scales.iter().copied().fold(0.0, f64::max);
    let whole = if whole > 0.0 { whole } else { 1.0 };
    for scale in &mut scales {
        if *scale <= 0.0 || settings.granularity == Granularity::PerTensor {
            *scale = whole;
        }
        if matches!(settings.rule, Rule::Shift(_)) {
            let step = sides.output.scale / sides.input.scale;
            *scale = power_above(*scale / step) * step;
        }
    }
    scales
}

/// Chooses `k` and `e` of each channel and moves its weight scale so that the shortcut is exact.
fn fit_shortcut(
    sides: &Sides<'_>,
    shortcut: TensorQuant,
    scales: &mut [f64],
    most: f64,
) -> Result<QuantResidual, QuantiseError> {
    let mut residual = QuantResidual {
        zero_point: shortcut.zero_point,
        k: Vec::with_capacity(scales.len()),
        e: Vec::with_capacity(scales.len()),
    };
    for (channel, scale) in scales.iter_mut().enumerate() {
        let q = shortcut.scale / (sides.input.scale * *scale);
        let fits = (0..=15_u8).find(|&e| q / f64::from(1_u16 << e) <= most);
        let Some(e) = fits.filter(|_| q >= 1.0) else {
            return Err(QuantiseError::Shortcut {
                layer: sides.name.to_owned(),
                channel,
                q,
                most: most * 32_768.0,
            });
        };
        let power = f64::from(1_u16 << e);
        let k = (q / power).floor();
        *scale = shortcut.scale / (sides.input.scale * k * power);
        residual
            .k
            .push(i32::try_from(integer(k)).expect("at most the largest weight"));
        residual.e.push(e);
    }
    Ok(residual)
}
