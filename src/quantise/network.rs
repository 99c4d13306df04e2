//! A whole network, layer by layer.

use super::conv::{Sides, conv};
use super::{
    Calibration, Numerics, QuantAdd, QuantAverage, QuantLayer, QuantNetwork, QuantiseError,
    Settings, TensorQuant, calibrate, integer, real, requantise, residual,
};
use crate::fixed::{Requantise, Rule, Target, multiplier_and_shift};
use crate::reparam::{Activation, FoldedNetwork, Layer, LayerOp, LayerParams};
use ndarray::Array4;

/// Fraction bits of an addition's two multipliers; the larger of them has 16 bits.
const ADD_BITS: u8 = 16;

/// Quantises `network` as `settings` say; `images` are calibration images, normalised, axes image, row, column,
/// channel. The residual form is applied here.
///
/// # Errors
/// When a width or percentile is out of range, the images do not fit, a value is not finite, or a shortcut, a
/// bias or a scale has no integers; see [`QuantiseError`].
///
/// # Panics
/// When the parameters do not belong to the graph.
pub fn quantise(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    settings: &Settings,
) -> Result<QuantNetwork, QuantiseError> {
    check(network, images, settings)?;
    let network = residual::apply_network(network, settings.residual);
    let mut numerics = Numerics::uniform(&network.graph, settings.widths);
    let powers = matches!(settings.rule, Rule::Shift(_));
    let calibration = settings.calibration;
    let tensors = calibrate::tensors(&network, images, &mut numerics, calibration, powers)?;
    let layers = (network.graph.layers.iter().enumerate())
        .map(|(place, layer)| {
            let inputs: Vec<TensorQuant> = layer.inputs.iter().map(|t| tensors[t.0]).collect();
            let params = &network.params.layers[place];
            let pixels = network.graph.shape(layer.inputs[0]).pixels();
            quantise_layer(layer, params, &inputs, pixels, tensors[place + 1], settings)
        })
        .collect::<Result<_, _>>()?;
    Ok(QuantNetwork {
        graph: network.graph,
        numerics,
        tensors,
        residual: settings.residual,
        rule: settings.rule,
        layers,
    })
}

fn check(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    settings: &Settings,
) -> Result<(), QuantiseError> {
    let widths = settings.widths;
    for (what, bits) in [
        ("activations", widths.activation_bits),
        ("weights", widths.weight_bits),
        ("outputs", widths.output_bits),
    ] {
        if !(2..=16).contains(&bits) {
            return Err(QuantiseError::Bits { what, bits });
        }
    }
    if let Calibration::Percentile(percent) = settings.calibration
        && !(percent > 50.0 && percent <= 100.0)
    {
        return Err(QuantiseError::Percentile { percent });
    }
    let (count, height, width, channels) = images.dim();
    let input = network.graph.input;
    let wanted = [input.height, input.width, input.channels];
    if count == 0 || [height, width, channels] != wanted {
        let found = [count, height, width, channels];
        return Err(QuantiseError::Images { found, wanted });
    }
    Ok(())
}

/// `pixels` is the size of the map read first.
fn quantise_layer(
    layer: &Layer,
    params: &LayerParams,
    inputs: &[TensorQuant],
    pixels: usize,
    output: TensorQuant,
    settings: &Settings,
) -> Result<QuantLayer, QuantiseError> {
    let whole = Target::whole(output.range, output.zero_point);
    let target = |activation| match activation {
        Activation::None => whole,
        Activation::Relu => whole.relu(),
    };
    match layer.op {
        LayerOp::Conv { activation, .. } | LayerOp::FullyConnected { activation, .. } => {
            let LayerParams::Conv { weight, bias } = params else {
                panic!("layer `{}` has no weights", layer.name)
            };
            let sides = Sides {
                name: &layer.name,
                input: inputs[0],
                shortcut: inputs.get(1).copied(),
                output,
                target: target(activation),
            };
            conv(&sides, weight, bias, settings).map(QuantLayer::Conv)
        }
        LayerOp::Add { activation } => {
            let operands = [inputs[0], inputs[1]];
            add(layer, operands, output, target(activation), settings.rule).map(QuantLayer::Add)
        }
        LayerOp::MaxPool(_) => Ok(QuantLayer::MaxPool),
        LayerOp::AvgPool(pool) => {
            let most = pool.kernel * pool.kernel;
            average(layer, 1..=most, inputs[0], output, settings.rule)
        }
        LayerOp::GlobalAvgPool => average(layer, pixels..=pixels, inputs[0], output, settings.rule),
    }
}

/// The larger ratio gets a multiplier of [`ADD_BITS`] bits, the other one the nearest at the same shift.
fn add(
    layer: &Layer,
    operands: [TensorQuant; 2],
    output: TensorQuant,
    target: Target,
    rule: Rule,
) -> Result<QuantAdd, QuantiseError> {
    let fault = |error| QuantiseError::Scale {
        layer: layer.name.clone(),
        error,
    };
    let ratios = operands.map(|operand| operand.scale / output.scale);
    let larger = ratios[0].max(ratios[1]);
    let (_, shift) = multiplier_and_shift(larger, ADD_BITS).map_err(fault)?;
    let unit = (0..shift).fold(1.0, |unit, _| unit * 2.0);
    let multipliers = ratios.map(|ratio| {
        i32::try_from(integer((ratio * unit).round())).expect("at most 16 bits and a carry")
    });
    Ok(QuantAdd {
        input_zero_points: operands.map(|operand| operand.zero_point),
        multipliers,
        requantise: Requantise::new(rule, vec![1], vec![shift], target).map_err(fault)?,
    })
}

/// One ratio for each number of pixels in a window.
fn average(
    layer: &Layer,
    pixels: std::ops::RangeInclusive<usize>,
    input: TensorQuant,
    output: TensorQuant,
    rule: Rule,
) -> Result<QuantLayer, QuantiseError> {
    let ratios: Vec<f64> = pixels
        .map(|pixels| input.scale / (output.scale * real(pixels)))
        .collect();
    let target = Target::whole(output.range, output.zero_point);
    Ok(QuantLayer::Average(QuantAverage {
        input_zero_point: input.zero_point,
        requantise: requantise(&layer.name, rule, &ratios, target)?,
    }))
}
