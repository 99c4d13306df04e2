//! Between real numbers and integers: where a float becomes an integer, and back.

use super::{QuantNetwork, TensorQuant};
use crate::fixed::Rule;
use crate::tensor::Activations;
use ndarray::Array4;

impl QuantNetwork {
    /// Real images as integers of the network's input: by [`TensorQuant::quantise_float32`] where its arithmetic is
    /// that of ONNX Runtime, else by [`TensorQuant::quantise`].
    #[must_use]
    pub fn quantise_images(&self, images: &Array4<f32>) -> Activations {
        let input = &self.tensors[0];
        match self.rule {
            Rule::Float32HalfEven => images.mapv(|real| input.quantise_float32(real)),
            Rule::Shift(_)
            | Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Slice => input.quantise_map(images),
        }
    }
}

impl TensorQuant {
    /// The integer nearest to a real number, ties to the even neighbour, clamped to the tensor's range.
    #[must_use]
    pub fn quantise(&self, real: f32) -> i32 {
        let steps = (f64::from(real) / self.scale).round_ties_even() + f64::from(self.zero_point);
        nearest_i32(steps.clamp(f64::from(self.range.min()), f64::from(self.range.max())))
    }

    /// The integer of a real number as ONNX's `QuantizeLinear` defines it: the quotient in float32, to nearest with
    /// ties to the even neighbour, then the zero point, clamped to the tensor's range.
    ///
    /// Source: onnx, `docs/Operators.md`, `QuantizeLinear`.
    #[must_use]
    pub fn quantise_float32(&self, real: f32) -> i32 {
        let steps = f64::from((real / self.step()).round_ties_even()) + f64::from(self.zero_point);
        nearest_i32(steps.clamp(f64::from(self.range.min()), f64::from(self.range.max())))
    }

    /// Its scale as float32; the scale of a network from a file is one exactly.
    pub(super) fn step(&self) -> f32 {
        nearest_f32(self.scale)
    }

    /// The real number that an integer stands for.
    #[must_use]
    pub fn dequantise(&self, integer: i32) -> f64 {
        self.scale * (f64::from(integer) - f64::from(self.zero_point))
    }

    /// A whole map as integers.
    #[must_use]
    pub fn quantise_map(&self, map: &Array4<f32>) -> Activations {
        map.mapv(|real| self.quantise(real))
    }

    /// A whole map as the real numbers its integers stand for, rounded to f32.
    #[must_use]
    pub fn dequantise_map(&self, map: &Activations) -> Array4<f32> {
        map.mapv(|integer| nearest_f32(self.dequantise(integer)))
    }
}

/// The smallest power of two that is not below a positive, normal number.
pub(super) fn power_of_two_from(x: f64) -> f64 {
    let fraction = (1u64 << 52) - 1;
    let bits = x.to_bits();
    if bits & fraction == 0 {
        x
    } else {
        f64::from_bits(((bits >> 52) + 1) << 52)
    }
}

/// The nearest integer of a number that is known to fit, ties to the even neighbour.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded before, and the callers clamp to the range of the integer"
)]
pub(super) fn nearest_i32(x: f64) -> i32 {
    x.round_ties_even() as i32
}

/// The nearest integer, ties to the even neighbour; beyond 64 bits the nearest bound.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded before; a float outside the range becomes the bound"
)]
pub(super) fn nearest_i64(x: f64) -> i64 {
    x.round_ties_even() as i64
}

/// The place in a list of `length` equal bins over 0..1.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float outside the range becomes the bound, then the last bin"
)]
pub(super) fn bin(fraction: f64, length: u32) -> usize {
    let place = (fraction * f64::from(length)) as usize;
    place.min(usize::try_from(length).expect("usize has at least 32 bits") - 1)
}

/// The nearest f32.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest f32 is what is asked for"
)]
pub(super) fn nearest_f32(x: f64) -> f32 {
    x as f32
}

/// A count as a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of elements are far below 2^52"
)]
pub(super) fn number(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::IntType;
    use proptest::prelude::*;

    #[test]
    #[expect(clippy::float_cmp, reason = "powers of two are exact")]
    fn powers_of_two() {
        assert_eq!(
            [0.25, 0.26, 0.5, 3.0, 1e-9].map(power_of_two_from),
            [0.25, 0.5, 0.5, 4.0, 2f64.powi(-29)]
        );
    }

    #[test]
    fn ties_go_to_the_even_neighbour() {
        let quant = TensorQuant {
            range: IntType::signed(8),
            scale: 0.5,
            zero_point: 3,
        };
        // 0.25 / 0.5 = 0.5 -> 0; 0.75 / 0.5 = 1.5 -> 2; each + 3
        assert_eq!(
            [0.25, 0.75, -0.25, 1e9, -1e9].map(|x| quant.quantise(x)),
            [3, 5, 3, 127, -128]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn inside_the_range_the_error_is_at_most_half_a_step(
            bits in 2u8..=16, signed in any::<bool>(), scale in 1e-6f64..10.0, at in 0.0f64..1.0, zero in 0.0f64..1.0,
        ) {
            let range = if signed { IntType::signed(bits) } else { IntType::unsigned(bits) };
            let span = f64::from(range.max() - range.min());
            let place = |x: f64| range.min() + nearest_i32(x * span);
            let quant = TensorQuant { range, scale, zero_point: place(zero) };
            let real = nearest_f32(scale * (f64::from(range.min()) + at * span - f64::from(quant.zero_point)));
            let back = quant.dequantise(quant.quantise(real));
            prop_assert!((back - f64::from(real)).abs() <= scale * 0.5 * (1.0 + 1e-2));
            // Every integer stands for a real number that gives it back.
            let integer = place(at);
            prop_assert_eq!(quant.quantise(nearest_f32(quant.dequantise(integer))), integer);
        }
    }
}
