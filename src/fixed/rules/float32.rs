//! A float32 product, clamped before it is rounded: ONNX Runtime and XNNPACK.
//!
//! Sources: microsoft/onnxruntime `MlasRequantizeOutput`; google/XNNPACK `qs8_requantize_fp32`. Both round in the
//! default mode of the machine, to nearest with ties to even, and add the zero point after that.

/// A scale and the clamp around the zero point, as floats.
#[derive(Debug, Clone, Copy)]
pub(in crate::fixed) struct Float32 {
    scale: f32,
    low: f32,
    high: f32,
}

impl Float32 {
    /// Of a significand below 2^24, its shift, and `lower - z ..= upper - z`. All are exact in f32.
    #[inline]
    pub(in crate::fixed) fn new(multiplier: i32, shift: u32, [low, high]: [i32; 2]) -> Self {
        Self {
            scale: nearest(i64::from(multiplier)) * power_of_two(shift),
            low: nearest(i64::from(low)),
            high: nearest(i64::from(high)),
        }
    }

    /// `rint(clamp(f32(acc) · scale, low, high))`.
    ///
    /// `f32(acc)` is exact up to 2^24 and goes to the nearest, ties to even, above; the product is rounded to
    /// float32 before it is rounded to an integer. -2.5 gives -2, 3.5 gives 4.
    #[inline]
    pub(in crate::fixed) fn scaled(self, acc: i64) -> i32 {
        let product = nearest(acc) * self.scale;
        integer(product.max(self.low).min(self.high).round_ties_even())
    }
}

/// `f32(acc) · scale`, rounded to float32, as a significand and the power of two below it.
pub(super) fn product(acc: i64, multiplier: i32, shift: u32) -> (i128, u32) {
    let product = nearest(acc) * nearest(i64::from(multiplier)) * power_of_two(shift);
    let bits = product.abs().to_bits();
    if bits == 0 {
        return (0, 0);
    }
    // At least 2^-62: never subnormal.
    let significand = i128::from((bits & ((1 << 23) - 1)) | (1 << 23));
    let significand = if product < 0.0 {
        -significand
    } else {
        significand
    };
    match (bits >> 23).checked_sub(150) {
        Some(left) => (significand << left, 0),
        None => (significand, 150 - (bits >> 23)),
    }
}

/// Factors of two operands and what their zero points come to: the float32 addition.
#[derive(Debug, Clone, Copy)]
pub(in crate::fixed) struct Factors {
    factors: [f32; 2],
    fixed: f32,
}

impl Factors {
    /// Of significands and shifts, the operands' zero points and the output's.
    pub(in crate::fixed) fn new(scales: [(i32, u32); 2], zeros: [i32; 2], zero: i32) -> Self {
        let factors = scales.map(|(m, s)| nearest(i64::from(m)) * power_of_two(s));
        let [a, b] = zeros.map(|zero| nearest(i64::from(zero)));
        // The compiled kernel fuses the first of the two products.
        let fixed = nearest(i64::from(zero)) - a.mul_add(factors[0], factors[1] * b);
        Self { factors, fixed }
    }

    /// `rint(fma(a, r_a, fma(b, r_b, fixed)))`, clamped.
    pub(in crate::fixed) fn rounded(self, [a, b]: [i32; 2], [low, high]: [i32; 2]) -> i32 {
        let [a, b] = [a, b].map(|operand| nearest(i64::from(operand)));
        let sum = a.mul_add(self.factors[0], b.mul_add(self.factors[1], self.fixed));
        let [low, high] = [low, high].map(|bound| nearest(i64::from(bound)));
        integer(sum.round_ties_even().max(low).min(high))
    }
}

/// Scales of the input and the output of a mean, their zero points and the number of pixels.
#[derive(Debug, Clone, Copy)]
pub(in crate::fixed) struct Scales {
    input: f32,
    output: f32,
    zero_points: [i32; 2],
    pixels: f32,
}

impl Scales {
    /// Of significands and shifts.
    pub(in crate::fixed) fn new(scales: [(i32, u32); 2], zeros: [i32; 2], pixels: i64) -> Self {
        let [input, output] = scales.map(|(m, s)| nearest(i64::from(m)) * power_of_two(s));
        Self {
            input,
            output,
            zero_points: zeros,
            pixels: nearest(pixels),
        }
    }

    /// `rint((sum of s_x · (x - z_x)) / pixels / s_y + z_y)`, clamped; the sum in the order of `values`.
    pub(in crate::fixed) fn mean(
        self,
        values: impl Iterator<Item = i32>,
        [low, high]: [i32; 2],
    ) -> i32 {
        let [zero_in, zero_out] = self.zero_points;
        let real = |value: i32| self.input * nearest(i64::from(value - zero_in));
        let sum = values.map(real).fold(0.0, |sum, real| sum + real);
        let steps = sum / self.pixels / self.output + nearest(i64::from(zero_out));
        let [low, high] = [low, high].map(|bound| nearest(i64::from(bound)));
        integer(steps.round_ties_even().max(low).min(high))
    }
}

/// The f32 nearest to an integer, ties to even.
#[expect(
    clippy::cast_precision_loss,
    reason = "rounding to the nearest f32 is part of the rule"
)]
#[inline]
const fn nearest(value: i64) -> f32 {
    value as f32
}

/// `2^-shift` for a shift of at most 62.
#[inline]
const fn power_of_two(shift: u32) -> f32 {
    f32::from_bits((127 - shift) << 23)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounded before, and clamped to an output of at most 16 bits"
)]
#[inline]
const fn integer(value: f32) -> i32 {
    value as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_worked_by_hand() {
        // 1 / 4, and an int8 around 3: -131..=124.
        let quarter = Float32::new(1 << 23, 25, [-131, 124]);
        assert_eq!(
            [10, -10, 14, -14, 9].map(|acc| quarter.scaled(acc)),
            [2, -2, 4, -4, 2]
        );
        assert_eq!([9_999, -9_999].map(|acc| quarter.scaled(acc)), [124, -131]);
    }

    #[test]
    fn above_24_bits_the_accumulator_is_rounded_first() {
        let small = Float32::new(1 << 23, 47, [-128, 127]);
        // 2^24 + 1 is a tie of float32 and becomes 2^24; times 2^-24 it is 1. Exactly it is above 1 as well, but
        // 1.5 · 2^24 + 1 is above the tie 1.5 and float32 says it is 1.5 · 2^24, a tie to even.
        assert_eq!(small.scaled((1 << 24) + 1), 1);
        assert_eq!(small.scaled((3 << 23) + 1), 2);
        assert_eq!(
            small.scaled((5 << 23) + 1),
            2,
            "exactly, 2.5 + 2^-24 is nearer to 3"
        );
    }
}
