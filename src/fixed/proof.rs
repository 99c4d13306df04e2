//! Range proof: no partial sum of a layer can leave its accumulator, in any order of steps.
//!
//! Where the proof holds, `wrap`, `saturate` and `trap` all give the plain sum, whatever the step order.

use super::Accumulator;
use crate::tensor::IntType;

/// The values an operand minus its zero point can take. Padding is the zero point, so 0 is always among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Smallest, at most 0.
    pub lowest: i64,
    /// Largest, at least 0.
    pub highest: i64,
}

impl Span {
    /// Of `x - zero_point` for every `x` of `ty`, and 0.
    #[must_use]
    pub fn of(ty: IntType, zero_point: i32) -> Self {
        let zero = i64::from(zero_point);
        Self {
            lowest: (i64::from(ty.min()) - zero).min(0),
            highest: (i64::from(ty.max()) - zero).max(0),
        }
    }

    /// The largest absolute value.
    #[must_use]
    pub fn magnitude(self) -> i64 {
        self.highest.max(-self.lowest)
    }
}

/// What the sum of one output channel is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelSum {
    /// The first value of the accumulator.
    pub bias: i64,
    /// Sum of the positive weights.
    pub positive: i64,
    /// Sum of the negative weights, at most 0.
    pub negative: i64,
    /// The factor of the shortcut, `k << e`, and the span of the shortcut.
    pub residual: Option<(i64, Span)>,
}

/// The worst partial sums over all output channels, all inputs and all orders of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// No partial sum is below this.
    pub lowest: i128,
    /// No partial sum is above this.
    pub highest: i128,
}

impl Proof {
    /// The range of every partial sum: a subset of the products of a channel added to its bias.
    ///
    /// A partial sum is largest when it has taken exactly the products that can be positive, each at its
    /// largest; smallest likewise. Taking a subset covers every order and every cut into steps.
    #[must_use]
    pub fn of(input: Span, channels: impl IntoIterator<Item = ChannelSum>) -> Self {
        let mut proof = Self {
            lowest: 0,
            highest: 0,
        };
        for channel in channels {
            let (low, high) = reach(channel.positive, channel.negative, input);
            let (low_residual, high_residual) = match channel.residual {
                Some((factor, span)) => reach(factor.max(0), factor.min(0), span),
                None => (0, 0),
            };
            let bias = i128::from(channel.bias);
            proof.lowest = proof.lowest.min(bias + low + low_residual);
            proof.highest = proof.highest.max(bias + high + high_residual);
        }
        proof
    }

    /// Bits of the smallest two's complement accumulator that holds every partial sum.
    #[must_use]
    pub fn bits(&self) -> u32 {
        let magnitude = self.highest.max(-1 - self.lowest);
        129 - magnitude.leading_zeros()
    }

    /// Whether every partial sum fits `accumulator`.
    #[must_use]
    pub fn holds(&self, accumulator: Accumulator) -> bool {
        self.bits() <= u32::from(accumulator.bits)
    }
}

/// Smallest and largest sum of a subset of products of these weights with values of `span`.
fn reach(positive: i64, negative: i64, span: Span) -> (i128, i128) {
    let (positive, negative) = (i128::from(positive), i128::from(negative));
    let (lowest, highest) = (i128::from(span.lowest), i128::from(span.highest));
    (
        positive * lowest + negative * highest,
        positive * highest + negative * lowest,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Overflow;
    use proptest::prelude::*;

    #[test]
    fn worked_by_hand() {
        // u8 with zero point 0: 0..=255. Weights 2, 1 and -3, bias 10: 10 - 765 ..= 10 + 765.
        let channel = ChannelSum {
            bias: 10,
            positive: 3,
            negative: -3,
            residual: None,
        };
        let proof = Proof::of(Span::of(IntType::unsigned(8), 0), [channel]);
        assert_eq!((proof.lowest, proof.highest), (-755, 775));
        assert_eq!(proof.bits(), 11);
        assert!(proof.holds(Accumulator {
            bits: 16,
            overflow: Overflow::Trap
        }));
    }

    #[test]
    fn a_power_of_two_needs_one_bit_less_below_zero() {
        let bits = |lowest, highest| Proof { lowest, highest }.bits();
        assert_eq!(
            [
                bits(0, 0),
                bits(-1, 0),
                bits(-128, 127),
                bits(-129, 0),
                bits(0, 128)
            ],
            [1, 1, 8, 9, 9]
        );
    }

    #[test]
    fn the_shortcut_counts_with_its_own_span() {
        let span = Span::of(IntType::signed(8), -128);
        assert_eq!(
            span,
            Span {
                lowest: 0,
                highest: 255
            }
        );
        let channel = ChannelSum {
            bias: 0,
            positive: 1,
            negative: 0,
            residual: Some((-(3 << 2), span)),
        };
        let proof = Proof::of(Span::of(IntType::signed(8), 0), [channel]);
        assert_eq!((proof.lowest, proof.highest), (-128 - 12 * 255, 127));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        /// Where the proof holds all three overflows give the plain sum; the narrowest width is reached.
        #[test]
        fn under_a_proof_the_overflow_does_not_matter(
            terms in prop::collection::vec((-127i64..=127, any::<u8>()), 1..12), bias in -60_000i64..60_000,
            zero in 0i32..=255, extremes in any::<bool>(),
        ) {
            let span = Span::of(IntType::unsigned(8), zero);
            let channel = ChannelSum {
                bias,
                positive: terms.iter().map(|t| t.0.max(0)).sum(),
                negative: terms.iter().map(|t| t.0.min(0)).sum(),
                residual: None,
            };
            let proof = Proof::of(span, [channel]);
            let bits = u8::try_from(proof.bits()).unwrap().max(16);
            for overflow in [Overflow::Wrap, Overflow::Saturate, Overflow::Trap] {
                let accumulator = Accumulator::new(bits, overflow).unwrap();
                let mut acc = accumulator.start(bias).unwrap();
                let mut plain = bias;
                for &(w, x) in &terms {
                    let x = match (extremes, w > 0) {
                        (true, true) => span.highest,
                        (true, false) => span.lowest,
                        (false, _) => i64::from(x) - i64::from(zero),
                    };
                    plain += w * x;
                    acc = accumulator.add(acc, w * x).unwrap();
                }
                prop_assert_eq!(acc, plain);
                prop_assert!(proof.lowest <= i128::from(plain) && i128::from(plain) <= proof.highest);
                if extremes { prop_assert_eq!(proof.highest, i128::from(plain).max(0)); }
            }
        }
    }
}
