//! The rules of TensorFlow Lite: gemmlowp's two roundings, its build for single rounding, and ruy.
//!
//! A scale is `q · 2^(e-31)`; here `multiplier = q` and `shift = 31 - e`, 1..=62. With `e > 0` the accumulator is
//! first shifted left by `e` in 32 bits and wraps there, as the compiled kernels do.
//!
//! Sources: google/gemmlowp `fixedpoint/fixedpoint.h`; tensorflow `lite/kernels/internal/common.cc`
//! (`MultiplyByQuantizedMultiplier`, `TFLITE_SINGLE_ROUNDING`); CMSIS-NN `arm_nn_requantize`; google/ruy
//! `apply_multiplier.cc`.

use super::LastRounding;

/// `SaturatingRoundingDoublingHighMul`, then `RoundingDivideByPOT`: `t = round(a · q / 2^31)`, then
/// `round(t / 2^-e)`.
///
/// The first rounding takes ties up, the second away from zero. A power of two is stored as `q = 2^30`, so even a
/// pure shift rounds twice: 9 / 4 gives 3.
#[inline]
pub(in crate::fixed) fn double(acc: i32, multiplier: i32, shift: u32) -> i64 {
    let (high, right) = high_product(acc, multiplier, shift);
    if right == 0 {
        return high;
    }
    let half = 1 << (right - 1);
    (high + half - i64::from(high < 0)) >> right
}

/// The same high product; the right shift takes ties up, for negatives too.
///
/// This is the arithmetic of ruy's vector kernels, which LiteRT runs without a delegate. ruy leaves it to each
/// kernel: its portable one rounds once.
#[inline]
pub(in crate::fixed) fn ruy(acc: i32, multiplier: i32, shift: u32) -> i64 {
    let (high, right) = high_product(acc, multiplier, shift);
    if right == 0 {
        return high;
    }
    (high + (1 << (right - 1))) >> right
}

/// `(acc · q + 2^(shift-1)) >> shift`: once, ties up. A result beyond 32 bits keeps its low 32, as the cast at the
/// end of the source does.
#[inline]
pub(in crate::fixed) fn single(acc: i32, multiplier: i32, shift: u32) -> i64 {
    let sum = i64::from(acc) * i64::from(multiplier) + (1 << (shift - 1));
    low32(sum >> shift)
}

/// `round(a · q / 2^31)`, ties up, and the right shift that is left over.
///
/// The source saturates the product of two times -2^31; a multiplier is not negative, so that never happens.
#[inline]
fn high_product(acc: i32, multiplier: i32, shift: u32) -> (i64, u32) {
    let left = 31_u32.saturating_sub(shift);
    let shifted = i64::from(acc.wrapping_shl(left));
    let high = (shifted * i64::from(multiplier) + (1 << 30)) >> 31;
    (high, shift.saturating_sub(31))
}

/// What the right shift is given; with none left over, the exact product in front of bit 31.
pub(super) fn last(acc: i32, multiplier: i32, shift: u32) -> LastRounding {
    let (high, right) = high_product(acc, multiplier, shift);
    if right > 0 {
        return LastRounding {
            numerator: high.into(),
            shift: right,
            step: 1,
        };
    }
    let left = 31_u32.saturating_sub(shift);
    let multiplier_step = u128::from(multiplier.unsigned_abs()) << left;
    LastRounding {
        numerator: i128::from(acc.wrapping_shl(left)) * i128::from(multiplier),
        shift: 31,
        step: multiplier_step,
    }
}

fn low32(value: i64) -> i64 {
    (value << 32) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::rules::tosa;
    use proptest::prelude::*;

    #[test]
    fn ties_worked_by_hand() {
        let q = 1 << 30;
        // Shift 32: q stands for a half, then one more bit. 10 / 4 = 2.5, 9 / 4 = 2.25 by way of 4.5 -> 5.
        assert_eq!(
            [10, -10, 9, -9].map(|acc| double(acc, q, 32)),
            [3, -3, 3, -2]
        );
        assert_eq!([10, -10, 9, -9].map(|acc| ruy(acc, q, 32)), [3, -2, 3, -2]);
        assert_eq!(
            [10, -10, 9, -9].map(|acc| single(acc, q, 32)),
            [3, -2, 2, -2]
        );
        // Shift 29: two bits to the left, then a half: times 2.
        assert_eq!(
            [3, -3].map(|acc| [double, ruy, single].map(|rule| rule(acc, q, 29))),
            [[6; 3], [-6; 3]]
        );
    }

    #[test]
    fn what_leaves_32_bits_wraps_where_the_source_does() {
        // 2^30 · 2: the left shift wraps before the product, or the result after it.
        assert_eq!(double(1 << 30, 1 << 30, 29), 0);
        assert_eq!(single(1 << 30, 1 << 30, 29), i64::from(i32::MIN));
        assert_eq!(tosa::single(1 << 30, 1 << 30, 29), 1 << 31);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

        /// The source's own words: a truncating division of a nudged product, a remainder and a threshold.
        #[test]
        fn equals_the_words_of_the_source(acc in any::<i32>(), q in (1i32 << 30)..=i32::MAX, shift in 1u32..=62, near in -1i64..=1, step in -200i64..200) {
            // Beside a tie of the last rounding, or anywhere.
            let right = shift.saturating_sub(31);
            let tie = (((step << right) + ((1 << right) >> 1)) << 31) / i64::from(q) + near;
            for acc in [acc, i32::try_from(tie).unwrap_or(acc)] {
                let a = i64::from(acc.wrapping_shl(31u32.saturating_sub(shift)));
                let product = a * i64::from(q);
                let nudge = if product >= 0 { 1 << 30 } else { 1 - (1 << 30) };
                let high = (product + nudge) / (1i64 << 31);
                let mask = (1i64 << right) - 1;
                let threshold = (mask >> 1) + i64::from(high < 0);
                let want = (high >> right) + i64::from((high & mask) > threshold);
                prop_assert_eq!(double(acc, q, shift), want);
            }
        }

        #[test]
        fn tosa_agrees_where_nothing_leaves_32_bits(acc in any::<i32>(), q in (1i32 << 30)..=i32::MAX, shift in 31u32..=62) {
            prop_assert_eq!(double(acc, q, shift), tosa::double(acc, q, shift));
            prop_assert_eq!(single(acc, q, shift), tosa::single(acc, q, shift));
        }
    }
}
