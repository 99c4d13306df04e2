//! Bias correction: takes the mean error that rounding puts on a channel out of its bias.
//!
//! Rounded weights shift the mean of a channel's sums, since the values they multiply are not centred; clipped and
//! rounded inputs do too. On the calibration images the mean of every channel's sum, before its activation, is
//! `E[y]` in the float network and `E[y']` in the integer one, and the bias becomes `b - (E[y'] - E[y])`. Layers are
//! corrected in the order of execution, each on what the corrected ones before it make. Source: M. Nagel et al.,
//! "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019, section 4.2, in its empirical
//! form (appendix D).
//!
//! The integers run on the float kernels, on operands that are whole numbers: sums are exact below `2^24`, and off by
//! at most some units of their last of 24 bits above. Requantisation is that of the network, to the bit. What has no
//! weights runs on real numbers and is rounded to its tensor.

use super::real::{nearest_f32, nearest_i64, number};
use super::statistics::{last_readers, mean_images, without_activation};
use super::{QuantConv, QuantLayer, QuantNetwork, TensorQuant};
use crate::float;
use crate::reparam::{FoldedNetwork, Layer, LayerParams};
use crate::tensor::Activations;
use crate::units::count;
use ndarray::{Array1, Array4, Axis};
use rayon::prelude::*;

/// Corrects every bias of `quant`, which was made from `network`, its residual form applied.
///
/// * `images`: NHWC, normalised; of those with means, all tensors that are still to be read lie in memory at once
/// * `means`: by layer and channel, the float network's mean sums before the activation, on the same images
pub(super) fn correct(
    quant: &mut QuantNetwork,
    network: &FoldedNetwork,
    images: &Array4<f32>,
    means: &[Vec<f64>],
) {
    let last_reader = last_readers(&network.graph.layers);
    let mut tensors = vec![Some(quant.quantise_images(&mean_images(images).to_owned()))];
    for (place, layer) in network.graph.layers.iter().enumerate() {
        let inputs: Vec<&Activations> = (layer.inputs.iter())
            .map(|input| tensors[input.0].as_ref().expect("it is still to be read"))
            .collect();
        let types: Vec<TensorQuant> = layer.inputs.iter().map(|t| quant.tensors[t.0]).collect();
        let output = quant.tensors[place + 1];
        let made = match &mut quant.layers[place] {
            QuantLayer::Conv(conv) => {
                let mut sums = sums(layer, conv, &inputs);
                shift(conv, &mut sums, &output, &means[place]);
                Activations::from_shape_fn(sums.dim(), |(n, y, x, c)| {
                    conv.requantise.apply(nearest_i64(sums[(n, y, x, c)]), c)
                })
            }
            QuantLayer::Add(_)
            | QuantLayer::MaxPool
            | QuantLayer::Average(_)
            | QuantLayer::Table(_)
            | QuantLayer::Multiply(_)
            | QuantLayer::Concat(_)
            | QuantLayer::Resize(_) => reals(layer, &inputs, &types, &output),
        };
        for input in &layer.inputs {
            if last_reader[input.0] == place {
                tensors[input.0] = None;
            }
        }
        tensors.push(Some(made));
    }
}

/// By channel: the real size of one step of a convolution's accumulators, `s_x · s_w`, from its requantisation: the
/// factor is `s_x · s_w / s_y`, to the precision of its multiplier.
pub(super) fn accumulator_steps(conv: &QuantConv, output: &TensorQuant) -> Vec<f64> {
    (conv.requantise.multiplier.iter())
        .zip(&conv.requantise.shift)
        .map(|(&multiplier, &shift)| f64::from(multiplier) / 2f64.powi(i32::from(shift)))
        .map(|factor| factor * output.scale)
        .collect()
}

/// Accumulators after the last step, bias and shortcut included.
fn sums(layer: &Layer, conv: &QuantConv, inputs: &[&Activations]) -> Array4<f64> {
    let (mut linear, _) = without_activation(layer).expect("it has weights");
    linear.inputs.truncate(1);
    let whole = |integer: i32| nearest_f32(f64::from(integer));
    let params = LayerParams::Conv {
        weight: conv.weight.mapv(whole),
        bias: Array1::zeros(conv.bias.len()),
    };
    let images: Vec<Array4<f64>> = (0..inputs[0].dim().0)
        .into_par_iter()
        .map(|image| {
            let own = |map: &Activations| {
                map.index_axis(Axis(0), image)
                    .insert_axis(Axis(0))
                    .to_owned()
            };
            let x = own(inputs[0]).mapv(|x| whole(x - conv.input_zero_point));
            let mut sums = float::layer(&linear, &params, &[&x]).mapv(f64::from);
            let shortcut = inputs.get(1).map(|shortcut| own(shortcut));
            for ((n, y, x, c), sum) in sums.indexed_iter_mut() {
                *sum += nearest_real(conv.bias[c]);
                if let (Some(residual), Some(shortcut)) = (&conv.residual, &shortcut) {
                    let value = i64::from(shortcut[(n, y, x, c)] - residual.zero_point);
                    *sum += nearest_real((value * i64::from(residual.k[c])) << residual.e[c]);
                }
            }
            sums
        })
        .collect();
    let views: Vec<_> = images.iter().map(|map| map.view()).collect();
    ndarray::concatenate(Axis(0), &views).expect("all images have one shape")
}

/// Takes the mean error out of the bias, and out of the sums.
fn shift(conv: &mut QuantConv, sums: &mut Array4<f64>, output: &TensorQuant, means: &[f64]) {
    let steps = accumulator_steps(conv, output);
    for (channel, mut sums) in sums.axis_iter_mut(Axis(3)).enumerate() {
        // A channel whose factor was rounded to nothing has no step to correct by.
        if steps[channel] <= 0.0 {
            continue;
        }
        let mean = sums.iter().sum::<f64>() / number(count(sums.len()));
        let error = nearest_i64(mean - means[channel] / steps[channel]);
        conv.bias[channel] = conv.bias[channel].saturating_sub(error);
        let error = nearest_real(error);
        sums.mapv_inplace(|sum| sum - error);
    }
}

/// A layer without weights: on what its integers stand for, rounded to its output.
fn reals(
    layer: &Layer,
    inputs: &[&Activations],
    types: &[TensorQuant],
    output: &TensorQuant,
) -> Activations {
    let real: Vec<Array4<f32>> = (inputs.iter().zip(types))
        .map(|(map, quant)| quant.dequantise_map(map))
        .collect();
    let made = float::layer(layer, &LayerParams::None, &real.iter().collect::<Vec<_>>());
    output.quantise_map(&made)
}

/// An accumulator as a float; rounded above 2^53, where no accumulator of a network lies.
#[expect(
    clippy::cast_precision_loss,
    reason = "accumulators of 16-bit operands stay below 2^53"
)]
fn nearest_real(sum: i64) -> f64 {
    sum as f64
}

#[cfg(test)]
mod tests {
    use super::super::{BiasCorrection, Granularity, ResidualForm, Settings, Widths};
    use super::super::{quantise, residual};
    use super::*;
    use crate::network::{Network, builtin};
    use crate::quantise::statistics::{Depth, Statistics};
    use crate::reparam::{Branches, fold};

    /// Coarse integers of a network with and without correction, the network, images, its float means.
    fn both(
        residual: ResidualForm,
    ) -> ([QuantNetwork; 2], FoldedNetwork, Array4<f32>, Vec<Vec<f64>>) {
        let input = builtin::default_input("resnet-mini").expect("built in");
        let graph = builtin::graph("resnet-mini", input).expect("built in");
        let params = float::seeded(&graph, 3);
        let network = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
        let images: Vec<_> = (0..3)
            .map(|seed| float::seeded_image(input, seed))
            .collect();
        let views: Vec<_> = images.iter().map(|map| map.view()).collect();
        let images = ndarray::concatenate(Axis(0), &views).expect("one shape");
        let made = [BiasCorrection::Off, BiasCorrection::Measured].map(|bias_correction| {
            let settings = Settings {
                bias_correction,
                residual,
                granularity: Granularity::PerTensor,
                widths: Widths {
                    activation_bits: 6,
                    weight_bits: 4,
                    output_bits: 8,
                },
                ..Settings::int8()
            };
            quantise(&network, &images, &settings).expect("it quantises")
        });
        let network = residual::apply_network(&network, residual);
        let statistics = Statistics::gather(&network, &images, Depth::Extremes).expect("finite");
        (made, network, images, statistics.means)
    }

    /// By how many accumulator steps a further correction would move a bias at most.
    fn left(
        quant: &QuantNetwork,
        network: &FoldedNetwork,
        images: &Array4<f32>,
        means: &[Vec<f64>],
    ) -> i64 {
        let mut again = quant.clone();
        correct(&mut again, network, images, means);
        let moved = quant
            .layers
            .iter()
            .zip(&again.layers)
            .filter_map(|pair| match pair {
                (QuantLayer::Conv(before), QuantLayer::Conv(after)) => {
                    let moved = before
                        .bias
                        .iter()
                        .zip(&after.bias)
                        .map(|(a, b)| (a - b).abs());
                    moved.max()
                }
                _ => None,
            });
        moved.max().expect("it has convolutions")
    }

    #[test]
    fn no_mean_error_is_left_and_only_biases_change() {
        for residual in [ResidualForm::Separate, ResidualForm::Accumulate] {
            let ([plain, corrected], network, images, means) = both(residual);
            assert!(left(&plain, &network, &images, &means) > 10);
            assert!(left(&corrected, &network, &images, &means) <= 1);
            for pair in plain.layers.iter().zip(&corrected.layers) {
                if let (QuantLayer::Conv(plain), QuantLayer::Conv(corrected)) = pair {
                    let mut same = corrected.clone();
                    same.bias.clone_from(&plain.bias);
                    assert_eq!(&same, plain);
                }
            }
        }
    }
}
