//! What each layer lost by becoming integers.

use super::correct::accumulator_steps;
use super::real::number;
use super::weights::largest;
use super::{QuantConv, QuantLayer, QuantNetwork, QuantiseError, TensorQuant, proof, residual};
use crate::float;
use crate::reparam::{FoldedNetwork, LayerId, LayerParams, TensorId};
use crate::tensor::{Activations, IntType};
use crate::units::count;
use ndarray::{Array4, Axis, Zip, s};
use serde::Serialize;

/// A range of real values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RealRange {
    /// Smallest.
    pub low: f64,
    /// Largest.
    pub high: f64,
}

/// Real weights of one layer and what their integers make of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct WeightQuality {
    /// All weights.
    pub range: RealRange,
    /// Largest of the channels' largest magnitudes over the smallest, channels without weights left out.
    pub channel_spread: f64,
    /// Share of the range that the largest thousandth of the weights sets alone: `1 - m / max`, `m` the largest
    /// magnitude of the others, 0..=1.
    pub tail_share: f64,
    /// Smallest scale of a channel, from the requantiser's factor.
    pub smallest_scale: f64,
    /// Largest scale of a channel.
    pub largest_scale: f64,
    /// Share of weights more than half a step outside the integers, 0..=1.
    pub clip_rate: f64,
    /// Largest magnitude under the centre tap over the largest under the ring around it, of a 3x3 kernel.
    pub centre_to_ring: Option<f64>,
    /// Bits of the smallest accumulator that holds every partial sum, for any input and order of steps.
    pub accumulator_bits: u32,
}

/// What one layer lost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerQuality {
    /// Name of the layer.
    pub name: String,
    /// Integers of its output.
    pub output: IntType,
    /// Real size of one step of its output.
    pub scale: f64,
    /// The integer that stands for zero.
    pub zero_point: i32,
    /// Real values of its output in the float network.
    pub range: RealRange,
    /// Share of the float network's values more than half a step outside the integers, 0..=1.
    pub clip_rate: f64,
    /// Channels of its output that the float network leaves at zero on all these images.
    pub dead_channels: u64,
    /// Different integers in its output.
    pub distinct: u64,
    /// Signal to noise in dB of this layer alone: against the float layer on the same integer inputs. `None`
    /// without any noise.
    pub sqnr_alone_db: Option<f64>,
    /// Signal to noise in dB against the float network. `None` without any noise.
    pub sqnr_db: Option<f64>,
    /// Of a convolution or fully connected layer.
    pub weights: Option<WeightQuality>,
}

/// Compares the integers of a run with the float network, layer by layer.
///
/// * `network`: the folded network that `quant` was made from, before a residual form was applied
/// * `images`: NHWC, normalised, what ran
/// * `integers`: every tensor of the run of `quant` on those images, by tensor
///
/// # Errors
/// When the images have another shape than the network's input, or the integer tensors than the network's.
pub fn quality(
    network: &FoldedNetwork,
    quant: &QuantNetwork,
    images: &Array4<f32>,
    integers: &[Activations],
) -> Result<Vec<LayerQuality>, QuantiseError> {
    super::build::check_images(network, images)?;
    check_shapes(quant, images.dim().0, integers)?;
    let network = residual::apply_network(network, quant.residual);
    let mut layers = Vec::with_capacity(network.graph.layers.len());
    float::forward(&network, images, &mut |tensor, real| {
        if let Some(id) = tensor.producer() {
            layers.push(of_layer(&network, quant, id, real, integers));
        }
    });
    Ok(layers)
}

fn check_shapes(
    quant: &QuantNetwork,
    images: usize,
    integers: &[Activations],
) -> Result<(), QuantiseError> {
    for tensor in 0..=quant.graph.layers.len() {
        let shape = quant.graph.shape(TensorId(tensor));
        let wanted = [images, shape.height, shape.width, shape.channels];
        let found = integers.get(tensor).map_or(&[][..], |map| map.shape());
        if found != wanted {
            return Err(QuantiseError::Integers {
                tensor,
                found: found.to_vec(),
                wanted: wanted.to_vec(),
            });
        }
    }
    Ok(())
}

fn of_layer(
    network: &FoldedNetwork,
    quant: &QuantNetwork,
    id: LayerId,
    real: &Array4<f32>,
    integers: &[Activations],
) -> LayerQuality {
    let layer = &network.graph.layers[id.0];
    let output = quant.tensors[id.output().0];
    let made = &integers[id.output().0];
    let inputs: Vec<Array4<f32>> = layer
        .inputs
        .iter()
        .map(|t| quant.tensors[t.0].dequantise_map(&integers[t.0]))
        .collect();
    let params = &network.params.layers[id.0];
    let alone = float::layer(layer, params, &inputs.iter().collect::<Vec<_>>());
    let weights = match (&quant.layers[id.0], params) {
        (QuantLayer::Conv(conv), LayerParams::Conv { weight, .. }) => {
            Some(of_weights(quant, id, conv, weight))
        }
        (
            QuantLayer::Conv(_)
            | QuantLayer::Add(_)
            | QuantLayer::MaxPool
            | QuantLayer::Average(_)
            | QuantLayer::Table(_)
            | QuantLayer::Multiply(_)
            | QuantLayer::Concat(_)
            | QuantLayer::Resize(_),
            _,
        ) => None,
    };
    LayerQuality {
        name: layer.name.clone(),
        output: output.range,
        scale: output.scale,
        zero_point: output.zero_point,
        range: range(real.iter()),
        clip_rate: clip_rate(real, &output),
        dead_channels: dead_channels(real),
        distinct: distinct(made, output.range),
        sqnr_alone_db: sqnr_db(&alone, made, &output),
        sqnr_db: sqnr_db(real, made, &output),
        weights,
    }
}

fn of_weights(
    quant: &QuantNetwork,
    id: LayerId,
    conv: &QuantConv,
    weight: &Array4<f32>,
) -> WeightQuality {
    let input = &quant.tensors[quant.graph.layers[id.0].inputs[0].0];
    let output = &quant.tensors[id.output().0];
    let scales: Vec<f64> = (accumulator_steps(conv, output).iter())
        .map(|step| step / input.scale)
        .collect();
    let most = f64::from(largest(quant.numerics.weight_bits[id.0])) + 0.5;
    let clipped: u64 = weight
        .axis_iter(Axis(0))
        .zip(&scales)
        .map(|(filter, scale)| {
            // A hair more than half a step: the factor was rounded.
            let bound = most * scale * (1.0 + 1e-6);
            count(filter.iter().filter(|w| f64::from(w.abs()) > bound).count())
        })
        .sum();
    let proof = proof(quant, id).expect("a convolution has accumulators");
    WeightQuality {
        range: range(weight.iter()),
        channel_spread: channel_spread(weight),
        tail_share: tail_share(weight),
        smallest_scale: scales.iter().copied().fold(f64::INFINITY, f64::min),
        largest_scale: scales.iter().copied().fold(0.0, f64::max),
        clip_rate: number(clipped) / number(count(weight.len())),
        centre_to_ring: centre_to_ring(weight),
        accumulator_bits: proof.bits(),
    }
}

pub(crate) fn centre_to_ring(weight: &Array4<f32>) -> Option<f64> {
    if weight.dim().1 != 3 {
        return None;
    }
    let most = |most: f32, w: &f32| most.max(w.abs());
    let centre = weight.slice(s![.., 1, 1, ..]).iter().fold(0.0, most);
    let ring = (weight.indexed_iter())
        .filter(|((_, y, x, _), _)| (*y, *x) != (1, 1))
        .map(|(_, w)| w)
        .fold(0.0, most);
    (ring > 0.0).then(|| f64::from(centre) / f64::from(ring))
}

/// Largest over smallest of the filters' largest magnitudes; 1 without weights.
fn channel_spread(weight: &Array4<f32>) -> f64 {
    let most = weight.axis_iter(Axis(0));
    let most = most.map(|filter| filter.iter().fold(0.0_f32, |most, w| most.max(w.abs())));
    let (low, high) = most
        .filter(|&most| most > 0.0)
        .fold((f32::INFINITY, 0.0_f32), |(low, high), most| {
            (low.min(most), high.max(most))
        });
    if high > 0.0 {
        f64::from(high) / f64::from(low)
    } else {
        1.0
    }
}

/// See [`WeightQuality::tail_share`].
fn tail_share(weight: &Array4<f32>) -> f64 {
    let mut magnitudes: Vec<f32> = weight.iter().map(|w| w.abs()).collect();
    magnitudes.sort_by(|a, b| b.total_cmp(a));
    match (magnitudes.first(), magnitudes.get(magnitudes.len() / 1000)) {
        (Some(&most), Some(&others)) if most > 0.0 => 1.0 - f64::from(others) / f64::from(most),
        _ => 0.0,
    }
}

fn dead_channels(real: &Array4<f32>) -> u64 {
    let channels = real.axis_iter(Axis(3));
    let dead = channels.filter(|channel| channel.iter().all(|x| x.abs() <= 0.0));
    count(dead.count())
}

fn range<'a>(values: impl Iterator<Item = &'a f32>) -> RealRange {
    let start = (f32::INFINITY, f32::NEG_INFINITY);
    let (low, high) = values.fold(start, |(low, high), &x| (low.min(x), high.max(x)));
    RealRange {
        low: f64::from(low),
        high: f64::from(high),
    }
}

fn clip_rate(real: &Array4<f32>, quant: &TensorQuant) -> f64 {
    let low = (f64::from(quant.range.min() - quant.zero_point) - 0.5) * quant.scale;
    let high = (f64::from(quant.range.max() - quant.zero_point) + 0.5) * quant.scale;
    let outside = |x: &&f32| {
        let x = f64::from(**x);
        x < low || x > high
    };
    let clipped = real.iter().filter(outside).count();
    number(count(clipped)) / number(count(real.len()))
}

fn distinct(map: &Activations, range: IntType) -> u64 {
    let place = |value: i32| usize::try_from(value - range.min()).ok();
    let size = place(range.max()).expect("the largest is not below the smallest") + 1;
    let mut seen = vec![false; size];
    for &value in map {
        let at = place(value).and_then(|at| seen.get_mut(at));
        *at.expect("an integer lies in the range of its tensor") = true;
    }
    count(seen.into_iter().filter(|&seen| seen).count())
}

/// `10 · log10(sum of squares / sum of squared differences)`.
fn sqnr_db(real: &Array4<f32>, integers: &Activations, quant: &TensorQuant) -> Option<f64> {
    let (signal, noise) = signal_and_noise(real, integers, quant);
    (noise > 0.0).then(|| 10.0 * (signal / noise).log10())
}

/// Sum of squares of a float map, and of what its integers are off it.
///
/// # Panics
/// When the maps have different shapes.
#[must_use]
pub fn signal_and_noise(
    real: &Array4<f32>,
    integers: &Activations,
    quant: &TensorQuant,
) -> (f64, f64) {
    let (mut signal, mut noise) = (0.0, 0.0);
    Zip::from(real).and(integers).for_each(|&x, &integer| {
        let x = f64::from(x);
        let off = quant.dequantise(integer) - x;
        signal += x * x;
        noise += off * off;
    });
    (signal, noise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signal_to_noise_by_hand() {
        let quant = TensorQuant {
            range: IntType::signed(8),
            scale: 1.0,
            zero_point: 0,
        };
        let real = Array4::from_shape_vec((1, 1, 1, 2), vec![10.0, 0.5]).unwrap();
        let integers = Activations::from_shape_vec((1, 1, 1, 2), vec![9, 0]).unwrap();
        // 100.25 / 1.25 = 80.2
        let db = sqnr_db(&real, &integers, &quant).unwrap();
        assert!((db - 19.041_743).abs() < 1e-5);
        assert_eq!(
            sqnr_db(
                &real.mapv(f32::round),
                &real.mapv(|x| super::super::real::nearest_i32(f64::from(x.round()))),
                &quant
            ),
            None
        );
    }

    #[test]
    fn spread_and_tail_by_hand() {
        let mut weight = Array4::from_elem((4, 1, 1, 500), 0.5_f32);
        weight[[1, 0, 0, 0]] = -4.0;
        weight[[2, 0, 0, 7]] = 2.0;
        weight.index_axis_mut(Axis(0), 3).fill(0.0);
        assert!((channel_spread(&weight) - 8.0).abs() < 1e-12);
        // Two of 2000 weights are the largest thousandth: the others reach 0.5 of 4.
        assert!((tail_share(&weight) - 0.875).abs() < 1e-12);
        assert!(tail_share(&Array4::zeros((1, 1, 1, 3))).abs() < 1e-12);
        let mut map = Array4::zeros((2, 1, 1, 3));
        map[[1, 0, 0, 2]] = -1.0;
        assert_eq!(dead_channels(&map), 2);
    }

    #[test]
    fn rates_by_hand() {
        let quant = TensorQuant {
            range: IntType::unsigned(2),
            scale: 0.5,
            zero_point: 0,
        };
        let real = Array4::from_shape_vec((1, 1, 1, 4), vec![0.0, 1.74, 1.76, -0.3]).unwrap();
        assert!((clip_rate(&real, &quant) - 0.5).abs() < 1e-12);
        assert_eq!(distinct(&quant.quantise_map(&real), quant.range), 2);
        let mut kernel = Array4::from_elem((1, 3, 3, 1), 0.5f32);
        kernel[[0, 1, 1, 0]] = -2.0;
        assert_eq!(centre_to_ring(&kernel), Some(4.0));
        assert_eq!(centre_to_ring(&Array4::ones((1, 1, 1, 1))), None);
    }
}
