//! From a folded float network to a frozen integer one.

use super::correct::correct;
use super::operators::Site;
use super::{
    BiasCorrection, Numerics, QuantLayer, QuantNetwork, QuantiseError, Settings, Statistics,
    TensorQuant, calibrate, residual,
};
use crate::network::sampling::bin;
use crate::reparam::{FoldedNetwork, Layer, LayerGraph, LayerOp, LayerParams};
use ndarray::Array4;
use rayon::prelude::*;

/// Chooses all scales of `network` on calibration `images` (NHWC, normalised) and makes its integers.
///
/// The residual form of the settings is applied first; the float network whose tensors have the same numbers is
/// [`residual::apply_network`].
///
/// # Errors
/// When the settings or images are not valid, a value is not finite, a requantisation cannot be expressed, or a
/// shortcut does not fit an accumulator; see [`QuantiseError`].
///
/// # Panics
/// When the parameters do not belong to the graph.
pub fn quantise(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    settings: &Settings,
) -> Result<QuantNetwork, QuantiseError> {
    settings.check()?;
    check_images(network, images)?;
    let network = residual::apply_network(network, settings.residual);
    let statistics = Statistics::gather(&network, images, settings.calibration.depth())?;
    quantise_with(&network, images, &statistics, settings)
}

/// The same with statistics that are there already, so that many settings share one float run.
///
/// * `network`: the residual form of the settings applied
/// * `statistics`: of this network on these images
///
/// # Errors
/// As [`quantise`].
///
/// # Panics
/// When the parameters do not belong to the graph, the statistics to another network, or when they lack histograms
/// that the calibration reads.
pub fn quantise_with(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    statistics: &Statistics,
    settings: &Settings,
) -> Result<QuantNetwork, QuantiseError> {
    settings.check()?;
    let numerics = Numerics::mixed(&network.graph, settings.widths, &settings.layers);
    let tensors = calibrate::calibrate(&network.graph, &numerics, statistics, settings);
    let layers = (0..network.graph.layers.len())
        .into_par_iter()
        .map(|index| {
            let params = &network.params.layers[index];
            let bits = numerics.weight_bits[index];
            quantise_layer(&network.graph, index, params, bits, &tensors, settings)
        })
        .collect::<Vec<Result<QuantLayer, QuantiseError>>>();
    // Gathered in layer order, so that of several errors the first layer's is told.
    let layers = layers.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut quant = QuantNetwork {
        graph: network.graph.clone(),
        numerics,
        tensors,
        residual: settings.residual,
        rule: settings.rule,
        layers,
    };
    match settings.bias_correction {
        BiasCorrection::Off => {}
        BiasCorrection::Measured => correct(&mut quant, network, images, &statistics.means),
    }
    Ok(quant)
}

/// Checks that there are images of the network's input shape.
pub(super) fn check_images(
    network: &FoldedNetwork,
    images: &Array4<f32>,
) -> Result<(), QuantiseError> {
    let (count, height, width, channels) = images.dim();
    let input = network.graph.input;
    let wanted = [input.height, input.width, input.channels];
    if count == 0 || [height, width, channels] != wanted {
        let found = [count, height, width, channels];
        return Err(QuantiseError::Images { found, wanted });
    }
    Ok(())
}

fn quantise_layer(
    graph: &LayerGraph,
    index: usize,
    params: &LayerParams,
    bits: u8,
    tensors: &[TensorQuant],
    settings: &Settings,
) -> Result<QuantLayer, QuantiseError> {
    let layer: &Layer = &graph.layers[index];
    let site = Site {
        name: &layer.name,
        inputs: layer.inputs.iter().map(|t| &tensors[t.0]).collect(),
        output: &tensors[index + 1],
        settings,
    };
    match (&layer.op, params) {
        (
            LayerOp::Conv { activation, .. } | LayerOp::FullyConnected { activation, .. },
            LayerParams::Conv { weight, bias },
        ) => Ok(QuantLayer::Conv(site.conv(
            weight,
            bias,
            bits,
            *activation,
        )?)),
        (LayerOp::Conv { .. } | LayerOp::FullyConnected { .. }, LayerParams::None) => {
            unreachable!("the float run of the calibration checked the parameters")
        }
        (LayerOp::Add { activation }, _) => Ok(QuantLayer::Add(site.add(*activation)?)),
        (LayerOp::Lookup(function), _) => Ok(QuantLayer::Table(site.table(*function))),
        (LayerOp::Multiply { activation }, _) => {
            Ok(QuantLayer::Multiply(site.multiply(*activation)?))
        }
        (LayerOp::Concat, _) => Ok(QuantLayer::Concat(site.concat()?)),
        (LayerOp::Resize(_), _) => Ok(QuantLayer::Resize(site.resize()?)),
        (LayerOp::MaxPool(_), _) => Ok(QuantLayer::MaxPool),
        (LayerOp::AvgPool(pool), _) => {
            let most = pool.kernel * pool.kernel;
            let map = graph.shape(layer.inputs[0]);
            let whole = [map.height, map.width] == [pool.kernel; 2] && pool.padding == 0;
            Ok(QuantLayer::Average(if whole {
                site.average(1..=most)?
            } else {
                site.window_average(most)?
            }))
        }
        (LayerOp::GlobalAvgPool, _) => {
            let pixels = graph.shape(layer.inputs[0]).pixels();
            Ok(QuantLayer::Average(site.average([pixels])?))
        }
        (LayerOp::AdaptiveAvgPool { bins }, _) => {
            let map = graph.shape(layer.inputs[0]);
            let along =
                |length: usize| (0..*bins).map(move |place| bin(place, *bins, length).len());
            let parts = along(map.height)
                .flat_map(|rows| along(map.width).map(move |columns| rows * columns));
            Ok(QuantLayer::Average(site.average(parts)?))
        }
    }
}
