//! One addition into an accumulator of a given width.

use super::{Accumulator, FixedError, Overflow};

/// An addition that left the range of a trapping accumulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{value} does not fit {bits} bits")]
pub struct Trap {
    /// The exact sum.
    pub value: i128,
    /// Width of the accumulator.
    pub bits: u8,
}

/// The low `bits` (1..=127) of `value` as a two's complement number.
#[must_use]
#[inline]
pub const fn wrap(value: i128, bits: u8) -> i128 {
    let unused = 128 - bits as u32;
    (value << unused) >> unused
}

impl Accumulator {
    /// An accumulator of `bits` bits.
    ///
    /// # Errors
    /// When `bits` is outside 16..=64.
    pub fn new(bits: u8, overflow: Overflow) -> Result<Self, FixedError> {
        if (16..=64).contains(&bits) {
            Ok(Self { bits, overflow })
        } else {
            Err(FixedError::AccumulatorBits { bits })
        }
    }

    /// The smallest value it holds.
    #[must_use]
    pub const fn min(self) -> i64 {
        i64::MIN >> (64 - self.bits)
    }

    /// The largest value it holds.
    #[must_use]
    pub const fn max(self) -> i64 {
        i64::MAX >> (64 - self.bits)
    }

    /// The first value of an output: its bias, brought into range like every sum.
    ///
    /// # Errors
    /// A [`Trap`] when the accumulator traps and the bias does not fit.
    #[inline]
    pub fn start(self, bias: i64) -> Result<i64, Trap> {
        self.fit(i128::from(bias))
    }

    /// `acc + addend` after one step; the addend is the exact sum of the step's products, of any size.
    ///
    /// # Errors
    /// A [`Trap`] when the accumulator traps and the sum does not fit.
    #[inline]
    pub fn add(self, acc: i64, addend: i64) -> Result<i64, Trap> {
        if let Some(sum) = acc.checked_add(addend)
            && (self.min()..=self.max()).contains(&sum)
        {
            return Ok(sum);
        }
        self.fit(i128::from(acc) + i128::from(addend))
    }

    /// Any exact value brought into range.
    ///
    /// # Errors
    /// A [`Trap`] when the accumulator traps and the value does not fit.
    pub fn fit(self, value: i128) -> Result<i64, Trap> {
        let (min, max) = (i128::from(self.min()), i128::from(self.max()));
        let bits = self.bits;
        let inside = match self.overflow {
            Overflow::Wrap => wrap(value, bits),
            Overflow::Saturate => value.clamp(min, max),
            Overflow::Trap if (min..=max).contains(&value) => value,
            Overflow::Trap => return Err(Trap { value, bits }),
        };
        Ok(i64::try_from(inside).expect("an accumulator is at most 64 bits wide"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn accumulator(bits: u8, overflow: Overflow) -> Accumulator {
        Accumulator::new(bits, overflow).unwrap()
    }

    #[test]
    fn the_three_ways_at_the_upper_end_of_16_bits() {
        assert_eq!(accumulator(16, Overflow::Wrap).add(32_767, 2), Ok(-32_767));
        assert_eq!(
            accumulator(16, Overflow::Saturate).add(32_767, 2),
            Ok(32_767)
        );
        let trap = Trap {
            value: 32_769,
            bits: 16,
        };
        assert_eq!(accumulator(16, Overflow::Trap).add(32_767, 2), Err(trap));
        assert_eq!(accumulator(16, Overflow::Trap).add(32_767, -2), Ok(32_765));
    }

    #[test]
    fn a_full_64_bits_and_a_bias_that_does_not_fit() {
        assert_eq!(
            accumulator(64, Overflow::Wrap).add(i64::MAX, 1),
            Ok(i64::MIN)
        );
        assert_eq!(
            accumulator(64, Overflow::Saturate).add(i64::MIN, -1),
            Ok(i64::MIN)
        );
        assert!(accumulator(64, Overflow::Trap).add(i64::MAX, 1).is_err());
        assert_eq!(
            accumulator(16, Overflow::Saturate).start(-40_000),
            Ok(-32_768)
        );
    }

    #[test]
    fn a_width_outside_16_to_64_is_refused() {
        for bits in [0, 15, 65, 255] {
            assert_eq!(
                Accumulator::new(bits, Overflow::Wrap),
                Err(FixedError::AccumulatorBits { bits })
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn every_sum_is_congruent_clamped_or_refused(bits in 16u8..=64, a in any::<i64>(), b in any::<i64>(), near in any::<bool>()) {
            let wide = accumulator(bits, Overflow::Wrap);
            let acc = wide.fit(i128::from(a)).unwrap();
            let addend = if near { wide.max().wrapping_sub(acc).wrapping_add(b % 3) } else { b };
            let exact = i128::from(acc) + i128::from(addend);
            let (min, max) = (i128::from(wide.min()), i128::from(wide.max()));
            let wrapped = i128::from(wide.add(acc, addend).unwrap());
            prop_assert!((min..=max).contains(&wrapped));
            prop_assert_eq!((exact - wrapped).rem_euclid(1i128 << bits), 0);
            let saturated = accumulator(bits, Overflow::Saturate).add(acc, addend).unwrap();
            prop_assert_eq!(i128::from(saturated), exact.clamp(min, max));
            let trapped = accumulator(bits, Overflow::Trap).add(acc, addend);
            prop_assert_eq!(trapped.is_ok(), (min..=max).contains(&exact));
            if let Ok(sum) = trapped { prop_assert_eq!(i128::from(sum), exact); }
        }
    }
}
