//! Scale and zero point of every tensor, from what calibration images make of it.

use super::histogram::Histogram;
use super::real::{nearest_i32, number};
use super::statistics::{Depth, Extremes, Statistics};
use super::{Calibration, Numerics, Settings, TensorQuant};
use crate::reparam::{LayerGraph, LayerOp, TensorId};
use crate::tensor::{IntType, Sign};
use crate::units::count;

/// Chooses every tensor's scale.
///
/// # Panics
/// When `statistics` hold no histograms and the calibration reads them, see [`Calibration::depth`].
pub(super) fn calibrate(
    graph: &LayerGraph,
    numerics: &Numerics,
    statistics: &Statistics,
    settings: &Settings,
) -> Vec<TensorQuant> {
    let mut tensors: Vec<TensorQuant> = Vec::with_capacity(statistics.extremes.len());
    for (index, &seen) in statistics.extremes.iter().enumerate() {
        if let Some(input) = passed_on(graph, TensorId(index)) {
            tensors.push(tensors[input.0]);
            continue;
        }
        let kind = Kind::of(TensorId(index), numerics.activations[index]);
        let histogram = match settings.calibration.depth() {
            Depth::Extremes => None,
            Depth::Histograms => {
                let all = statistics.histograms.as_ref();
                Some(&all.expect("gathered for this calibration")[index])
            }
        };
        let unit = unit(graph, TensorId(index), &tensors);
        let scale = |scale| settings.allowed(scale, unit);
        tensors.push(kind.choose(seen, histogram, settings.calibration, &scale));
    }
    tensors
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
            (Calibration::Entropy, Self::Symmetric(range)) => {
                let levels = usize::try_from(range.max()).expect("at least 1") + 1;
                self.over(0.0, histogram.least_divergence(levels), allowed)
            }
            // Pixels have ends: nothing is gained by cutting them off.
            (Calibration::Entropy, Self::Affine(_)) => self.over(low, high, allowed),
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
