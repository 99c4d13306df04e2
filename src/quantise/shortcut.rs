//! The shortcut of a convolution in residual form `accumulate`: factors that make it exact.
//!
//! One step of the shortcut is `q = s_r / (s_x · s_w[c])` accumulator steps. The smallest `e` with
//! `q / 2^e <= w_max` is taken, `k = floor(q / 2^e)`, and then `s_w[c]` grows to `s_r / (s_x · k · 2^e)`: now
//! `(r - z_r) · k << e` is the shortcut in accumulator steps, without rounding.

use super::real::{nearest_i32, power_of_two_from};
use super::weights::{Scales, largest};
use super::{QuantResidual, QuantiseError, ScaleSet, TensorQuant};

/// The largest left shift of a shortcut.
const MOST_SHIFT: u8 = 15;

/// Chooses `k` and `e` for each output channel and widens `scales` to them. Scales only grow, so no weight clips.
/// An empty channel, whose scale is free, never fails for want of one.
///
/// # Errors
/// When `q < 1`, or no `e` up to 15 brings `q` to the range of the weights.
pub(super) fn fit(
    layer: &str,
    input: &TensorQuant,
    shortcut: &TensorQuant,
    weight_bits: u8,
    set: ScaleSet,
    scales: &mut Scales,
) -> Result<QuantResidual, QuantiseError> {
    let most = f64::from(largest(weight_bits));
    let mut residual = QuantResidual {
        zero_point: shortcut.zero_point,
        k: Vec::with_capacity(scales.steps.len()),
        e: Vec::with_capacity(scales.steps.len()),
    };
    for (channel, step) in scales.steps.iter_mut().enumerate() {
        let unit = shortcut.scale / input.scale;
        let highest = most * f64::from(1u32 << MOST_SHIFT);
        if scales.empty[channel] {
            *step = step.min(unit);
        }
        let q = unit / *step;
        let fitting = (0..=MOST_SHIFT).find(|&e| q / f64::from(1u32 << e) <= most);
        let Some(e) = fitting.filter(|_| q >= 1.0) else {
            return Err(QuantiseError::Shortcut {
                layer: layer.to_owned(),
                channel,
                q,
                most: highest,
            });
        };
        // With weights of 2 bits (w_max = 1) the quotient may lie below 1; one shift less gives k = 1.
        let e = if q < f64::from(1u32 << e) { e - 1 } else { e };
        let k = (q / f64::from(1u32 << e)).floor();
        let k = match set {
            ScaleSet::Free => k,
            // Scales stay powers of two: k is the largest power of two that fits.
            ScaleSet::PowerOfTwo => 0.5 * power_of_two_from(k + 1.0),
        };
        *step = unit / (k * f64::from(1u32 << e));
        residual.k.push(nearest_i32(k));
        residual.e.push(e);
    }
    Ok(residual)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::IntType;
    use proptest::prelude::*;

    const PLAIN: ScaleSet = ScaleSet::Free;

    fn tensor(scale: f64) -> TensorQuant {
        TensorQuant {
            range: IntType::unsigned(8),
            scale,
            zero_point: 0,
        }
    }

    fn scales(steps: &[f64]) -> Scales {
        Scales {
            steps: steps.to_vec(),
            empty: vec![false; steps.len()],
        }
    }

    #[test]
    fn worked_by_hand() {
        // q = 2 / (1 · 0.01) = 200 > 127: e = 1, k = 100, s_w stays; q = 2 / 0.75 = 2.67: k = 2, s_w = 1.
        let mut both = scales(&[0.01, 0.75]);
        let residual = fit("a", &tensor(1.0), &tensor(2.0), 8, PLAIN, &mut both).unwrap();
        assert_eq!((residual.k, residual.e), (vec![100, 2], vec![1, 0]));
        let steps: Vec<i32> = both.steps.iter().map(|s| nearest_i32(s * 1e6)).collect();
        assert_eq!(steps, [10_000, 1_000_000]);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (step, q) in [(4.0, 0.5), (1e-8, 2e8)] {
            let error = fit(
                "block",
                &tensor(1.0),
                &tensor(2.0),
                8,
                PLAIN,
                &mut scales(&[0.01, step]),
            );
            match error.unwrap_err() {
                QuantiseError::Shortcut {
                    layer,
                    channel: 1,
                    q: found,
                    ..
                } if layer == "block" => {
                    assert!((found / q - 1.0).abs() < 1e-12);
                }
                other => panic!("{other}"),
            }
        }
        let mut empty = scales(&[4.0]);
        empty.empty[0] = true;
        let residual = fit("block", &tensor(1.0), &tensor(2.0), 8, PLAIN, &mut empty).unwrap();
        assert_eq!((residual.k, residual.e), (vec![1], vec![0]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn the_shortcut_is_exact(
            x in 1e-4f64..10.0, r in 1e-4f64..10.0, q in 1.0f64..4e4, bits in 2u8..=16, integer in -255i32..=255,
        ) {
            let before = r / (x * q);
            prop_assume!(r / (x * before) >= 1.0);
            let mut steps = scales(&[before]);
            let fitted = fit("a", &tensor(x), &tensor(r), bits, PLAIN, &mut steps);
            let most = f64::from(largest(bits));
            if q > most * 32_768.0 * (1.0 + 1e-9) {
                prop_assert!(fitted.is_err());
                return Ok(());
            }
            prop_assume!(q < most * 32_768.0 * (1.0 - 1e-9));
            let residual = fitted.unwrap();
            let (k, e) = (residual.k[0], residual.e[0]);
            prop_assert!(1 <= k && k <= largest(bits));
            prop_assert!(bits == 2 || e == 0 || q / f64::from(1u32 << (e - 1)) > most * (1.0 - 1e-9), "e is the smallest");
            prop_assert!(steps.steps[0] >= before * (1.0 - 1e-12), "scales only grow");
            let exact = f64::from(integer) * r / (x * steps.steps[0]);
            let added = f64::from((integer * k) << e);
            prop_assert!((added - exact).abs() <= 1e-12 * exact.abs());
        }

        #[test]
        fn powers_of_two_stay_powers_of_two(x in -20i32..20, r in -20i32..20, w in -30i32..10, bits in 2u8..=16) {
            let two = |power: i32| 2f64.powi(power);
            let set = ScaleSet::PowerOfTwo;
            let mut steps = scales(&[two(w)]);
            if let Ok(residual) = fit("a", &tensor(two(x)), &tensor(two(r)), bits, set, &mut steps) {
                prop_assert!(residual.k[0].count_ones() == 1);
                prop_assert_eq!(steps.steps[0].to_bits(), two(w).to_bits());
            }
        }
    }
}
