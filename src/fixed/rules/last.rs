//! What the last rounding of a rule is given: where its ties are.

use super::{Rule, float32, gemmlowp, int32, slice};

/// `numerator / 2^shift`, in front of the last rounding of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastRounding {
    /// The exact product, a product that was rounded before, or the significand of a float32 product.
    pub numerator: i128,
    /// Bits that are rounded away.
    pub shift: u32,
    /// What one more in the accumulator adds to the numerator; 1 where its own rounding hides that.
    pub step: u128,
}

impl LastRounding {
    /// Of an accumulator; the arguments are those of [`super::scaled`].
    ///
    /// A float32 product is looked at without its clamp.
    #[must_use]
    pub fn of(rule: Rule, acc: i64, multiplier: i32, shift: u32, relu: bool) -> Self {
        let product = |acc: i64| Self {
            numerator: i128::from(acc) * i128::from(multiplier),
            shift,
            step: multiplier.unsigned_abs().into(),
        };
        match rule {
            Rule::Shift(_) | Rule::Multiplier(_) => product(acc),
            Rule::TosaSingle | Rule::TfliteSingle => product(int32(acc).into()),
            Rule::TosaDouble if shift <= 31 => product(int32(acc).into()),
            Rule::TosaDouble | Rule::TfliteDouble | Rule::Ruy => {
                gemmlowp::last(int32(acc), multiplier, shift)
            }
            Rule::Float32HalfEven => {
                let (numerator, shift) = float32::product(acc, multiplier, shift);
                Self {
                    numerator,
                    shift,
                    step: 1,
                }
            }
            Rule::Slice => product(slice::scaled(acc, 0, relu)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, scaled, shift_round};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

        /// Rounding the fraction gives what the rule gives, for every rule.
        #[test]
        fn the_last_rounding_ends_in_the_rule(acc in -(1i64 << 26)..1 << 26, q in (1i32 << 30)..=i32::MAX, m in 1i32..1 << 24, s in 30u32..=50) {
            let away = [
                (Rule::TosaSingle, q, Rounding::HalfUp), (Rule::TfliteSingle, q, Rounding::HalfUp),
                (Rule::TosaDouble, q, Rounding::HalfAway), (Rule::TfliteDouble, q, Rounding::HalfAway),
                (Rule::Ruy, q, Rounding::HalfUp), (Rule::Slice, 1, Rounding::Floor),
                (Rule::Float32HalfEven, m, Rounding::HalfEven), (Rule::Multiplier(Rounding::HalfEven), q, Rounding::HalfEven),
            ];
            for (rule, multiplier, rounding) in away {
                // At bit 31 alone the double rules take ties up.
                let s = if s == 31 && multiplier == q { 32 } else { s.max(32) };
                let last = LastRounding::of(rule, acc, multiplier, s, false);
                let around = [-(1 << 30), 1 << 30];
                prop_assert_eq!(shift_round(last.numerator, last.shift, rounding), scaled(rule, acc, multiplier, s, around), "{:?}", rule);
            }
        }
    }
}
