//! Scales of a layer's weights, and weights and biases as integers.

use super::real::{nearest_i32, nearest_i64};
use super::{Granularity, Settings, WeightCalibration, clip};
use crate::tensor::Weights;
use ndarray::{Array1, Array4, Axis};

/// A bias is kept below `2^30` steps of the accumulator: a channel of tiny weights gets coarser ones instead.
const BIAS_STEPS: f64 = 1_073_741_824.0;
/// A channel whose largest weight is below this share of the layer's median counts as empty.
pub(super) const EMPTY: f64 = 1.0 / 1_048_576.0;

/// The largest weight of `bits` bits; the smallest is its negative.
pub(super) fn largest(bits: u8) -> i32 {
    (1 << (bits - 1)) - 1
}

/// Scales of a layer's weights, one per output channel.
#[derive(Debug, Clone)]
pub(super) struct Scales {
    /// Real size of one weight step.
    pub(super) steps: Vec<f64>,
    /// Whether a channel has no weights to speak of, so that its scale is free.
    pub(super) empty: Vec<bool>,
}

impl Scales {
    /// The smallest scales that hold every weight, or with [`WeightCalibration::Mse`] those that err least.
    ///
    /// An empty channel takes the median of the others (1 over the largest weight if there is none); a scale
    /// grows where the bias would otherwise pass `2^30` accumulator steps, and in the shift family to where
    /// `s_x · s_w / s_y` is a power of two.
    /// * `weight`: OHWI; `input_scale`, `output_scale`: real size of one step, `s_x` and `s_y`
    pub(super) fn choose(
        weight: &Array4<f32>,
        bias: &Array1<f32>,
        input_scale: f64,
        output_scale: f64,
        bits: u8,
        settings: &Settings,
    ) -> Self {
        let most: Vec<f64> = weight
            .axis_iter(Axis(0))
            .map(|filter| filter.iter().fold(0.0, |most, w| w.abs().max(most)))
            .map(f64::from)
            .collect();
        let median = median(&most);
        let empty: Vec<bool> = most.iter().map(|&m| m <= median * EMPTY).collect();
        let whole = f64::from(largest(bits));
        let fallback = if median > 0.0 { median } else { 1.0 };
        let unit = output_scale / input_scale;
        let ranges = match settings.weight_calibration {
            WeightCalibration::Max => most,
            WeightCalibration::Mse => clip::ranges(weight, &most, settings.granularity, &|range| {
                (settings.allowed(range / whole, unit), whole)
            }),
        };
        let mut steps: Vec<f64> = ranges
            .iter()
            .zip(&empty)
            .zip(bias)
            .map(|((&range, &empty), &bias)| {
                let from_weights = if empty { fallback } else { range } / whole;
                let from_bias = f64::from(bias.abs()) / (input_scale * BIAS_STEPS);
                from_weights.max(from_bias)
            })
            .collect();
        match settings.granularity {
            Granularity::PerChannel => {}
            Granularity::PerTensor => {
                let one = steps.iter().copied().fold(0.0, f64::max);
                steps.fill(one);
            }
        }
        for step in &mut steps {
            *step = settings.allowed(*step, unit);
        }
        Self { steps, empty }
    }

    /// Weights as integers: nearest, ties to even, within `-largest ..= largest`.
    pub(super) fn weights(&self, weight: &Array4<f32>, bits: u8) -> Weights {
        let most = f64::from(largest(bits));
        Weights::from_shape_fn(weight.dim(), |(o, y, x, i)| {
            let steps = f64::from(weight[[o, y, x, i]]) / self.steps[o];
            nearest_i32(steps.clamp(-most, most))
        })
    }

    /// Biases in accumulator steps: nearest, ties to even.
    pub(super) fn biases(&self, bias: &Array1<f32>, input_scale: f64) -> Vec<i64> {
        (bias.iter().zip(&self.steps))
            .map(|(&bias, step)| nearest_i64(f64::from(bias) / (input_scale * step)))
            .collect()
    }
}

/// The median of what is above zero, 0 if nothing is.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut above: Vec<f64> = values.iter().copied().filter(|&v| v > 0.0).collect();
    above.sort_by(f64::total_cmp);
    above.get(above.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, Rule};
    use proptest::prelude::*;

    fn kernel(values: &[f32], outputs: usize) -> Array4<f32> {
        let shape = (outputs, 1, 1, values.len() / outputs);
        Array4::from_shape_vec(shape, values.to_vec()).unwrap()
    }

    #[test]
    fn an_empty_channel_takes_the_median() {
        let weight = kernel(&[1.27, -0.5, 0.0, 0.0, 1e-9, 0.0, -2.54, 0.1], 4);
        let scales = Scales::choose(&weight, &Array1::zeros(4), 1.0, 1.0, 8, &Settings::int8());
        assert_eq!(scales.empty, [false, true, true, false]);
        let steps: Vec<i32> = scales.steps.iter().map(|s| nearest_i32(s * 1e4)).collect();
        assert_eq!(steps, [100, 100, 100, 200]);
        let integers = scales.weights(&weight, 8);
        assert_eq!(
            integers.into_raw_vec_and_offset().0,
            [127, -50, 0, 0, 0, 0, -127, 5]
        );
        let nothing = Scales::choose(
            &kernel(&[0.0], 1),
            &Array1::zeros(1),
            1.0,
            1.0,
            8,
            &Settings::int8(),
        );
        assert!(nothing.steps[0] > 0.0);
    }

    #[test]
    fn a_large_bias_widens_the_scale() {
        let bias = Array1::from(vec![1000.0]);
        let scales = Scales::choose(&kernel(&[1e-5], 1), &bias, 1e-4, 1.0, 8, &Settings::int8());
        let steps = scales.biases(&bias, 1e-4)[0];
        assert!(((1 << 30) - 1..=(1 << 30) + 1).contains(&steps), "{steps}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn no_weight_clips_and_each_is_within_half_a_step(
            values in prop::collection::vec(-3.0f32..3.0, 12), bits in 2u8..=16, per_tensor in any::<bool>(),
            shift in any::<bool>(), bias in prop::collection::vec(-2.0f32..2.0, 3),
        ) {
            let weight = kernel(&values, 3);
            let bias = Array1::from(bias);
            let settings = Settings {
                granularity: if per_tensor { Granularity::PerTensor } else { Granularity::PerChannel },
                rule: if shift { Rule::Shift(Rounding::Floor) } else { Rule::Multiplier(Rounding::Floor) },
                ..Settings::int8()
            };
            let scales = Scales::choose(&weight, &bias, 0.01, 0.01, bits, &settings);
            let integers = scales.weights(&weight, bits);
            for step in &scales.steps {
                if shift { prop_assert_eq!(step.to_bits() << 12, 0, "a power of two"); }
                if per_tensor { prop_assert_eq!(step.to_bits(), scales.steps[0].to_bits()); }
            }
            for (at, &integer) in integers.indexed_iter() {
                let step = scales.steps[at.0];
                let off = (f64::from(integer) * step - f64::from(weight[at])).abs();
                prop_assert!(off <= 0.5 * step * (1.0 + 1e-9));
                prop_assert!(integer.abs() <= largest(bits));
            }
            for (channel, &steps) in scales.biases(&bias, 0.01).iter().enumerate() {
                let unit = 0.01 * scales.steps[channel];
                let real = super::super::real::number(steps.unsigned_abs()) * unit;
                prop_assert!((real - f64::from(bias[channel].abs())).abs() <= 0.5 * unit * (1.0 + 1e-9));
            }
        }
    }
}
