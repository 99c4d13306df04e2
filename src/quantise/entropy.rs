//! The range whose integers tell most like the real values: smallest relative entropy.
//!
//! The method of S. Migacz, "8-bit Inference with TensorRT", GTC 2017, on the histogram of magnitudes of a tensor.
//! A candidate keeps the first `i` bins, for every `i` from the number of levels up to all bins:
//!
//! * `P`: the counts of the kept bins; what lies above is added to the last of them, as clipping does.
//! * `Q`: the counts of the kept bins without what lies above, summed over `levels` groups of bins (group `g` is
//!   `floor(g · i / levels) .. floor((g + 1) · i / levels)`), and spread evenly over those bins of the group that are
//!   not empty.
//! * the smallest `sum(p · ln(p / q))` wins, both brought to sum 1; of equals the widest range.
//!
//! What a description leaves open is settled so: a bin that is empty in `P` adds nothing. Where `P` has a count and
//! `Q` none (the last bin got its count from clipping alone), the divergence is infinite, so that candidate never
//! wins; keeping all bins always has a finite one. The first bin takes the count of the second where that is smaller:
//! it holds the zeros that a ReLU makes, which no range rounds. A tensor with as many levels as bins, or more, keeps
//! its whole range.

use super::real::number;

/// How many of `counts` to keep for `levels` levels: `levels ..= counts.len()`.
pub(super) fn kept(counts: &[u64], levels: usize) -> usize {
    let mut counts = counts.to_vec();
    if counts.len() > 1 {
        counts[0] = counts[0].min(counts[1]);
    }
    let mut best = (f64::INFINITY, counts.len());
    for kept in (levels.max(1)..=counts.len()).rev() {
        let divergence = divergence(&counts, kept, levels.max(1));
        if divergence < best.0 {
            best = (divergence, kept);
        }
    }
    best.1
}

/// Relative entropy of the candidate that keeps the first `kept` bins.
fn divergence(counts: &[u64], kept: usize, levels: usize) -> f64 {
    let total: u64 = counts.iter().sum();
    let inside: u64 = counts[..kept].iter().sum();
    if inside == 0 {
        return f64::INFINITY;
    }
    let (p_total, q_total) = (number(total), number(inside));
    let mut sum = 0.0;
    for group in 0..levels {
        let bins = group * kept / levels..(group + 1) * kept / levels;
        let raw = &counts[bins.clone()];
        let filled = raw.iter().filter(|&&count| count > 0).count();
        let spread = number(raw.iter().sum()) / number(crate::units::count(filled.max(1)));
        for bin in bins {
            let clipped = if bin + 1 == kept { total - inside } else { 0 };
            let p = number(counts[bin] + clipped) / p_total;
            let q = if counts[bin] > 0 {
                spread / q_total
            } else {
                0.0
            };
            if p > 0.0 && q > 0.0 {
                sum += p * ln(p / q);
            } else if p > 0.0 {
                return f64::INFINITY;
            }
        }
    }
    sum
}

/// The natural logarithm of a positive, normal number, the same bits on every machine: `2 · artanh((m - 1) / (m + 1))`
/// of the significand by its series, and the exponent times ln 2.
fn ln(x: f64) -> f64 {
    const SIGNIFICAND: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    let biased = u16::try_from((bits >> 52) & 0x7FF).expect("eleven bits");
    let mut exponent = f64::from(biased) - 1023.0;
    let mut significand = f64::from_bits((bits & SIGNIFICAND) | (1023 << 52));
    if significand > std::f64::consts::SQRT_2 {
        significand *= 0.5;
        exponent += 1.0;
    }
    let z = (significand - 1.0) / (significand + 1.0);
    let square = z * z;
    let mut sum = 0.0;
    // z < 0.172: the term of z^23 is below 2^-56.
    for power in (0..=10).rev() {
        sum = sum * square + 1.0 / f64::from(2 * power + 1);
    }
    2.0 * z * sum + exponent * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn the_logarithm_is_one(x in 1e-12f64..1e12) {
            prop_assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "{} {}", ln(x), x.ln());
        }

        #[test]
        fn a_divergence_is_never_negative(counts in prop::collection::vec(0u64..50, 24), levels in 1usize..24) {
            for kept in levels..=24 {
                prop_assert!(divergence(&counts, kept, levels) >= -1e-12);
            }
            let kept = kept(&counts, levels);
            prop_assert!((levels..=24).contains(&kept));
        }
    }

    #[test]
    fn worked_by_hand() {
        // Two levels over four bins. All: P = 4 4 1 1, Q = 4 4 1 1: no divergence. Three bins, groups of 1 and 2:
        // P = 4 4 2, Q = 4 and (4 + 1) / 2 twice. Two bins: P = 4 6, Q = 4 4.
        let counts = [4, 4, 1, 1];
        assert!(divergence(&counts, 4, 2).abs() < 1e-15);
        let three = 0.4 * (0.4 / (4.0 / 9.0_f64)).ln()
            + 0.4 * (0.4 / (2.5 / 9.0_f64)).ln()
            + 0.2 * (0.2 / (2.5 / 9.0_f64)).ln();
        assert!((divergence(&counts, 3, 2) - three).abs() < 1e-12);
        let two = 0.4 * (0.4_f64 / 0.5).ln() + 0.6 * (0.6_f64 / 0.5).ln();
        assert!((divergence(&counts, 2, 2) - two).abs() < 1e-12);
        assert_eq!(kept(&counts, 2), 4);
    }

    #[test]
    fn of_equals_the_widest_and_empty_last_bins_never() {
        // Nothing above the second bin: every candidate is perfect.
        assert_eq!(kept(&[3, 3, 0, 0, 0, 0], 2), 6);
        // The third bin is empty but would hold what is clipped.
        assert!(divergence(&[5, 5, 0, 1], 3, 3).is_infinite());
        assert_eq!(kept(&[0, 0, 0, 0], 2), 4);
    }

    #[test]
    fn a_far_outlier_is_clipped_and_zeros_do_not_count() {
        let mut counts = vec![0; 64];
        for (bin, count) in counts.iter_mut().enumerate().take(24) {
            *count = 1000 - 40 * u64::try_from(bin).expect("small");
        }
        counts[63] = 1;
        let plain = kept(&counts, 8);
        assert!(plain <= 25, "{plain}");
        counts[0] = 1_000_000;
        assert_eq!(kept(&counts, 8), plain);
    }
}
