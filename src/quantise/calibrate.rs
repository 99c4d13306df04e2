//! Scale and zero point of every tensor, from what calibration images make of it.

use super::histogram::Histogram;
use super::real::{nearest_i32, number};
use super::{Calibration, Numerics, QuantiseError, Settings, TensorQuant};
use crate::float;
use crate::reparam::{FoldedNetwork, LayerGraph, LayerOp, TensorId};
use crate::tensor::{IntType, Sign};
use crate::units::count;
use ndarray::{Array4, s};

/// Images that run together: bounds the memory of a calibration.
const CHUNK: usize = 8;

/// Smallest and largest value of a tensor.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    low: f64,
    high: f64,
}

/// Runs `images` through `network` and chooses every tensor's scale.
///
/// # Errors
/// When a tensor is not finite.
pub(super) fn calibrate(
    network: &FoldedNetwork,
    numerics: &Numerics,
    images: &Array4<f32>,
    settings: &Settings,
) -> Result<Vec<TensorQuant>, QuantiseError> {
    let extremes = extremes(network, images)?;
    let histograms = match settings.calibration {
        Calibration::MinMax => None,
        Calibration::Percentile(_) | Calibration::Mse => {
            Some(histograms(network, images, &extremes))
        }
    };
    let mut tensors: Vec<TensorQuant> = Vec::with_capacity(extremes.len());
    for (index, &seen) in extremes.iter().enumerate() {
        if let Some(input) = passed_on(&network.graph, TensorId(index)) {
            tensors.push(tensors[input.0]);
            continue;
        }
        let kind = Kind::of(TensorId(index), numerics.activations[index]);
        let histogram = histograms.as_ref().map(|all| &all[index]);
        let unit = unit(&network.graph, TensorId(index), &tensors);
        let scale = |scale| settings.allowed(scale, unit);
        tensors.push(kind.choose(seen, histogram, settings.calibration, &scale));
    }
    Ok(tensors)
}

/// The tensor whose scale this one has: a maximum makes no new values, an interpolation none beyond the old ones.
fn passed_on(graph: &LayerGraph, tensor: TensorId) -> Option<TensorId> {
    let layer = &graph.layers[tensor.producer()?.0];
    match layer.op {
        LayerOp::MaxPool(_) | LayerOp::Resize(_) => Some(layer.inputs[0]),
        LayerOp::Conv { .. }
        | LayerOp::FullyConnected { .. }
        | LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. } => None,
    }
}

/// What a scale is a power of two of in the shift family. After a global mean it is one pixel's share of the
/// mean, so that its requantisation is a shift too.
fn unit(graph: &LayerGraph, tensor: TensorId, tensors: &[TensorQuant]) -> f64 {
    let Some(id) = tensor.producer() else {
        return 1.0;
    };
    let input = graph.layers[id.0].inputs[0];
    match graph.layers[id.0].op {
        LayerOp::GlobalAvgPool => {
            let pixels = graph.shape(input).pixels();
            tensors[input.0].scale / number(count(pixels))
        }
        LayerOp::Conv { .. }
        | LayerOp::FullyConnected { .. }
        | LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => 1.0,
    }
}

fn run_all(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    observe: &mut dyn FnMut(TensorId, &Array4<f32>),
) {
    let images_in_all = images.dim().0;
    for first in (0..images_in_all).step_by(CHUNK) {
        let chunk = images
            .slice(s![first..(first + CHUNK).min(images_in_all), .., .., ..])
            .to_owned();
        float::forward(network, &chunk, observe);
    }
}

fn extremes(network: &FoldedNetwork, images: &Array4<f32>) -> Result<Vec<Extremes>, QuantiseError> {
    let start = Extremes {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
    };
    let mut all = vec![start; network.graph.layers.len() + 1];
    let mut not_finite = None;
    run_all(network, images, &mut |tensor, map| {
        let seen = &mut all[tensor.0];
        for &x in map {
            if !x.is_finite() {
                not_finite.get_or_insert(tensor);
            }
            seen.low = seen.low.min(f64::from(x));
            seen.high = seen.high.max(f64::from(x));
        }
    });
    match not_finite {
        None => Ok(all),
        Some(tensor) => Err(QuantiseError::NotFinite {
            layer: match tensor.producer() {
                None => "input".to_owned(),
                Some(id) => network.graph.layers[id.0].name.clone(),
            },
            what: "its output",
        }),
    }
}

fn histograms(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    extremes: &[Extremes],
) -> Vec<Histogram> {
    let mut all: Vec<Histogram> = extremes
        .iter()
        .enumerate()
        .map(|(index, seen)| match TensorId(index) {
            TensorId::INPUT => Histogram::new(seen.low.min(0.0), seen.high.max(0.0)),
            TensorId(_) => Histogram::new(0.0, seen.high.max(-seen.low)),
        })
        .collect();
    run_all(network, images, &mut |tensor, map| {
        let histogram = &mut all[tensor.0];
        match tensor {
            TensorId::INPUT => map.iter().for_each(|&x| histogram.add(f64::from(x))),
            TensorId(_) => map.iter().for_each(|&x| histogram.add(f64::from(x.abs()))),
        }
    });
    all
}

/// How a tensor's integers lie around real zero.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Zero point 0; the scale comes from the largest magnitude.
    Symmetric(IntType),
    /// A zero point of its own: the network's input.
    Affine(IntType),
}

impl Kind {
    fn of(tensor: TensorId, range: IntType) -> Self {
        match tensor {
            TensorId::INPUT => Self::Affine(range),
            TensorId(_) => Self::Symmetric(range),
        }
    }

    fn choose(
        self,
        seen: Extremes,
        histogram: Option<&Histogram>,
        calibration: Calibration,
        allowed: &dyn Fn(f64) -> f64,
    ) -> TensorQuant {
        let (low, high) = match self {
            Self::Affine(_) => (seen.low.min(0.0), seen.high.max(0.0)),
            Self::Symmetric(_) => (0.0, seen.high.max(-seen.low)),
        };
        let Some(histogram) = histogram else {
            return self.over(low, high, allowed);
        };
        match (calibration, self) {
            (Calibration::MinMax, _) => self.over(low, high, allowed),
            (Calibration::Percentile(percent), Self::Symmetric(_)) => {
                let (_, high) = histogram.without(0.0, 1.0 - percent / 100.0);
                self.over(0.0, high, allowed)
            }
            (Calibration::Percentile(percent), Self::Affine(_)) => {
                let share = (1.0 - percent / 100.0) / 2.0;
                let (low, high) = histogram.without(share, share);
                self.over(low.min(0.0), high.max(0.0), allowed)
            }
            (Calibration::Mse, _) => {
                let at = |fraction: f64| self.over(fraction * low, fraction * high, allowed);
                let best = histogram.best_fraction(|fraction| {
                    let quant = at(fraction);
                    move |x| quant.dequantise(quant.quantise(super::real::nearest_f32(x)))
                });
                at(best)
            }
        }
    }

    /// The scale over which `low..=high` fits; a tensor without values takes the range 0..=1.
    fn over(self, low: f64, high: f64, allowed: &dyn Fn(f64) -> f64) -> TensorQuant {
        let (low, high) = if high - low > f64::MIN_POSITIVE * 1e6 {
            (low, high)
        } else {
            (0.0, 1.0)
        };
        match self {
            Self::Symmetric(range) => TensorQuant {
                range,
                scale: allowed(high / f64::from(range.max())),
                zero_point: 0,
            },
            Self::Affine(range) => {
                let levels = f64::from(range.max()) - f64::from(range.min());
                let scale = allowed((high - low) / levels);
                // Both ends get as much room as the other, in whole steps.
                let middle = 0.5 * (low + high) / scale;
                let centre = match range.sign {
                    Sign::Signed => -0.5,
                    Sign::Unsigned => 0.5 * levels,
                };
                let zero = (centre - middle).clamp(f64::from(range.min()), f64::from(range.max()));
                TensorQuant {
                    range,
                    scale,
                    zero_point: nearest_i32(zero),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, Rule};
    use proptest::prelude::*;

    fn settings(rule: Rule) -> Settings {
        Settings {
            rule,
            ..Settings::int8()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        /// The whole range fits: an end is off by at most one step (the zero point is a whole number).
        #[test]
        fn the_range_of_the_input_fits(low in -100.0f64..50.0, width in 1e-3f64..100.0, bits in 2u8..=16, shift in any::<bool>()) {
            let rule = if shift { Rule::Shift(Rounding::Floor) } else { Rule::Multiplier(Rounding::Floor) };
            let (low, high) = (low.min(0.0), (low + width).max(0.0));
            let quant = Kind::Affine(IntType::signed(bits)).over(low, high, &|scale| settings(rule).allowed(scale, 1.0));
            for end in [low, high] {
                let back = quant.dequantise(quant.quantise(super::super::real::nearest_f32(end)));
                prop_assert!((back - end).abs() <= 1.01 * quant.scale, "{} {} {:?}", back, end, quant);
            }
            prop_assert_eq!(quant.quantise(0.0), quant.zero_point);
        }
    }

    #[test]
    fn a_tensor_of_zeros_has_a_scale() {
        let zeros = Extremes {
            low: 0.0,
            high: 0.0,
        };
        let kind = Kind::Symmetric(IntType::unsigned(8));
        let quant = kind.choose(zeros, None, Calibration::MinMax, &|scale| scale);
        assert_eq!(quant.quantise(0.0), 0);
        assert!(quant.scale > 0.0 && quant.scale.is_finite());
    }
}
