//! From a real scale ratio to the integers of a requantisation.
//!
//! The bits of the f64 are taken apart, so every step is exact integer arithmetic.

use super::{FixedError, Rounding, shift_round};

/// A ratio as `mantissa · 2^exponent`, with 53 significant bits in the mantissa.
struct Parts {
    mantissa: u64,
    exponent: i32,
}

fn parts(ratio: f64) -> Result<Parts, FixedError> {
    if !(ratio.is_finite() && ratio > 0.0) {
        return Err(FixedError::RatioNotPositive { ratio });
    }
    let bits = ratio.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = i32::try_from(bits >> 52).expect("a positive f64 has an exponent of 11 bits");
    if biased == 0 {
        let lead = fraction.leading_zeros() - 11;
        let exponent = -1074 - i32::try_from(lead).expect("at most 52");
        return Ok(Parts {
            mantissa: fraction << lead,
            exponent,
        });
    }
    Ok(Parts {
        mantissa: fraction | (1 << 52),
        exponent: biased - 1075,
    })
}

/// The multiplier and shift nearest to `ratio`: `ratio ≈ multiplier / 2^shift`, for the family `multiplier`.
///
/// The multiplier has `multiplier_bits` significant bits, `2^(bits-1) ..= 2^bits - 1`, rounded to nearest, ties
/// away from zero. A ratio that would need a shift above 62 keeps the shift 62 and a smaller multiplier.
///
/// # Errors
/// When the ratio is not positive and finite, is `2^bits` or more, or rounds to 0 at shift 62; when
/// `multiplier_bits` is outside 1..=31.
pub fn multiplier_and_shift(ratio: f64, multiplier_bits: u8) -> Result<(i32, u8), FixedError> {
    if !(1..=31).contains(&multiplier_bits) {
        return Err(FixedError::MultiplierBits {
            bits: multiplier_bits,
        });
    }
    let Parts { mantissa, exponent } = parts(ratio)?;
    let bits = i32::from(multiplier_bits);
    // mantissa / 2^drop has `bits` bits; then ratio = (mantissa / 2^drop) / 2^shift.
    let drop = 53 - bits;
    let mut shift = -(exponent + drop);
    let extra = (shift - 62).max(0);
    shift -= extra;
    let drop = u32::try_from((drop + extra).min(126)).expect("not negative");
    let mut multiplier = shift_round(i128::from(mantissa), drop, Rounding::HalfAway);
    if multiplier == 1 << bits {
        multiplier >>= 1;
        shift -= 1;
    }
    if multiplier == 0 {
        return Err(FixedError::RatioTooSmall { ratio });
    }
    let shift = u8::try_from(shift).map_err(|_| FixedError::RatioTooLarge {
        ratio,
        exponent: multiplier_bits,
    })?;
    let multiplier = i32::try_from(multiplier).expect("at most 31 bits");
    Ok((multiplier, shift))
}

/// The `(q, 31 - e)` of TensorFlow Lite, CMSIS-NN, ruy and TOSA: `ratio = f · 2^e` with `f` in 0.5..1, and
/// `q = round(f · 2^31)`, ties away from zero; a `q` of `2^31` is halved and `e` grows by one.
///
/// * `ratio`: `s_x · s_w / s_y` in f64, from scales that are float32 numbers
///
/// Source: tensorflow `lite/kernels/internal/quantization_util.cc`, `QuantizeMultiplier`. There a ratio below
/// `2^-32` becomes 0 in silence.
///
/// # Errors
/// When the ratio is not positive and finite, is `2^31` or more, or needs a shift above 62.
pub fn gemmlowp_scale(ratio: f64) -> Result<(i32, u8), FixedError> {
    let (multiplier, shift) = multiplier_and_shift(ratio, 31)?;
    if multiplier < 1 << 30 {
        return Err(FixedError::RatioTooSmall { ratio });
    }
    Ok((multiplier, shift))
}

/// A float32 scale as significand and shift, exactly: `ratio = multiplier / 2^shift` with a multiplier below 2^24.
///
/// # Errors
/// When the ratio is not positive and finite, is `2^24` or more, or has bits below `2^-62`.
pub fn float32_scale(ratio: f32) -> Result<(i32, u8), FixedError> {
    let wide = f64::from(ratio);
    let (multiplier, shift) = multiplier_and_shift(wide, 24)?;
    // 24 bits hold every float32; only a shift that stopped at 62 rounds.
    let back = f64::from(multiplier) * 0.5f64.powi(i32::from(shift));
    if back.to_bits() != wide.to_bits() {
        return Err(FixedError::RatioTooSmall { ratio: wide });
    }
    Ok((multiplier, shift))
}

/// The shift whose `2^-shift` is nearest to `ratio` in the logarithm, for the family `shift`.
///
/// # Errors
/// When the ratio is not positive and finite, or the shift is outside 0..=62.
pub fn nearest_shift(ratio: f64) -> Result<u8, FixedError> {
    let Parts { mantissa, exponent } = parts(ratio)?;
    // ratio = m · 2^(exponent + 52) with 1 <= m < 2; m rounds up when m² >= 2. No m has m² = 2.
    let square = u128::from(mantissa) * u128::from(mantissa);
    let power = exponent + 52 + i32::from(square >= 1 << 105);
    if power > 0 {
        return Err(FixedError::RatioTooLarge { ratio, exponent: 1 });
    }
    match u8::try_from(-power) {
        Ok(shift) if shift <= 62 => Ok(shift),
        Ok(_) | Err(_) => Err(FixedError::RatioTooSmall { ratio }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn worked_by_hand() {
        assert_eq!(multiplier_and_shift(0.5, 31), Ok((1 << 30, 31)));
        assert_eq!(multiplier_and_shift(1.0, 1), Ok((1, 0)));
        assert_eq!(multiplier_and_shift(0.75, 2), Ok((3, 2)));
        // 0.6875 = 11 / 16: with 3 bits 5.5 / 8 is a tie and goes away from zero
        assert_eq!(multiplier_and_shift(0.6875, 3), Ok((6, 3)));
        // 0.99 with 3 bits: 7.92 / 8 rounds to 8 / 8 = 4 / 4
        assert_eq!(multiplier_and_shift(0.99, 3), Ok((4, 2)));
        assert_eq!(nearest_shift(0.25), Ok(2));
        assert_eq!(nearest_shift(0.36), Ok(1));
        assert_eq!(nearest_shift(0.35), Ok(2));
        assert_eq!(nearest_shift(1.4), Ok(0));
    }

    #[test]
    fn scales_of_the_published_rules_worked_by_hand() {
        // 0.1 = 0.8 · 2^-3: q = round(0.8 · 2^31), shift 31 + 3.
        assert_eq!(gemmlowp_scale(0.1), Ok((1_717_986_918, 34)));
        // f = 1 - 2^-33 rounds to 2^31: halved, and e grows from 0 to 1.
        assert_eq!(gemmlowp_scale(1.0 - 0.5f64.powi(33)), Ok((1 << 30, 30)));
        assert_eq!(gemmlowp_scale(0.5f64.powi(32)), Ok((1 << 30, 62)));
        assert!(matches!(
            gemmlowp_scale(0.5f64.powi(33)),
            Err(FixedError::RatioTooSmall { .. })
        ));
        // The float32 nearest to 0.1 is 13421773 / 2^27.
        assert_eq!(float32_scale(0.1), Ok((13_421_773, 27)));
        assert_eq!(float32_scale(0.5f32.powi(39)), Ok((1 << 23, 62)));
        assert_eq!(float32_scale(0.5f32.powi(62)), Ok((1, 62)));
        assert!(matches!(
            float32_scale(0.1f32 * 0.5f32.powi(37)),
            Err(FixedError::RatioTooSmall { .. })
        ));
        assert!(matches!(
            float32_scale(16_777_216.0),
            Err(FixedError::RatioTooLarge { .. })
        ));
    }

    #[test]
    fn the_ends_are_errors() {
        for ratio in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                multiplier_and_shift(ratio, 8),
                Err(FixedError::RatioNotPositive { .. })
            ));
            assert!(matches!(
                nearest_shift(ratio),
                Err(FixedError::RatioNotPositive { .. })
            ));
        }
        assert!(matches!(
            multiplier_and_shift(256.0, 8),
            Err(FixedError::RatioTooLarge { .. })
        ));
        assert_eq!(multiplier_and_shift(255.0, 8), Ok((255, 0)));
        assert!(matches!(
            multiplier_and_shift(255.9, 8),
            Err(FixedError::RatioTooLarge { .. })
        ));
        assert_eq!(multiplier_and_shift(0.5f64.powi(62), 8), Ok((1, 62)));
        assert!(matches!(
            multiplier_and_shift(0.5f64.powi(64), 8),
            Err(FixedError::RatioTooSmall { .. })
        ));
        assert!(matches!(
            multiplier_and_shift(f64::from_bits(1), 31),
            Err(FixedError::RatioTooSmall { .. })
        ));
        assert!(matches!(
            nearest_shift(1.5),
            Err(FixedError::RatioTooLarge { .. })
        ));
        assert!(matches!(
            nearest_shift(0.5f64.powi(63)),
            Err(FixedError::RatioTooSmall { .. })
        ));
        assert!(matches!(
            nearest_shift(f64::from_bits(1)),
            Err(FixedError::RatioTooSmall { .. })
        ));
        for bits in [0, 32] {
            assert_eq!(
                multiplier_and_shift(0.5, bits),
                Err(FixedError::MultiplierBits { bits })
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn the_error_is_at_most_half_a_step(mantissa in 1.0f64..2.0, power in -31i32..0, bits in 1u8..=31) {
            let ratio = mantissa * 2f64.powi(power);
            let (multiplier, shift) = multiplier_and_shift(ratio, bits).unwrap();
            prop_assert!(multiplier >= 1 << (bits - 1) && i64::from(multiplier) < 1 << bits);
            // Scaling by a power of two is exact in f64. The step below a power of two is half as large.
            let scaled = ratio * 2f64.powi(i32::from(shift));
            prop_assert!((scaled - f64::from(multiplier)).abs() <= 0.5);
        }

        #[test]
        fn no_other_shift_is_nearer(ratio in 1e-12f64..1.0) {
            let shift = i32::from(nearest_shift(ratio).unwrap());
            let off = |s: i32| (ratio.log2() + f64::from(s)).abs();
            prop_assert!(off(shift) <= off(shift + 1) + 1e-9 && off(shift) <= off(shift - 1) + 1e-9);
        }
    }
}
