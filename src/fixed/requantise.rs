//! Multipliers, shifts and target of a layer, valid from birth.

use super::{ChannelRequantise, FixedError, Overflow, Requantise, Rule};
use crate::tensor::IntType;

/// Where the numbers of a requantisation go: the output type, its zero point and the clamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Range of the output tensor.
    pub output: IntType,
    /// Added after the rounding.
    pub zero_point: i32,
    /// `Saturate` or `Wrap` when the sum leaves `output`.
    pub overflow: Overflow,
    /// Smallest output; the zero point for a ReLU.
    pub lower: i32,
    /// Largest output.
    pub upper: i32,
}

impl Target {
    /// The whole of `output`, saturating, around `zero_point`.
    #[must_use]
    pub const fn whole(output: IntType, zero_point: i32) -> Self {
        Self {
            output,
            zero_point,
            overflow: Overflow::Saturate,
            lower: output.min(),
            upper: output.max(),
        }
    }

    /// The same with a ReLU: nothing below the zero point.
    #[must_use]
    pub const fn relu(mut self) -> Self {
        self.lower = self.zero_point;
        self
    }
}

impl Requantise {
    /// A requantisation with one multiplier and one shift for each channel.
    ///
    /// # Errors
    /// When the two lists differ in length or are empty, a multiplier is negative (or not 1 in the shift
    /// family and for a slice, or 2^24 and more for a float32 scale), a shift is above 62 or below what the rule
    /// has, the output traps, wraps under a rule that saturates or is not 2 to 16 bits wide, the zero point and
    /// the clamp do not lie inside the output type, or a slice has a zero point or a clamp of its own.
    pub fn new(
        rule: Rule,
        multiplier: Vec<i32>,
        shift: Vec<u8>,
        target: Target,
    ) -> Result<Self, FixedError> {
        let requantise = Self {
            rule,
            multiplier,
            shift,
            zero_point: target.zero_point,
            output: target.output,
            overflow: target.overflow,
            lower: target.lower,
            upper: target.upper,
        };
        requantise.check()?;
        Ok(requantise)
    }

    /// Whether these numbers are what [`Requantise::new`] accepts, for those read from a file.
    ///
    /// # Errors
    /// As [`Requantise::new`].
    pub fn check(&self) -> Result<(), FixedError> {
        if self.multiplier.len() != self.shift.len() || self.multiplier.is_empty() {
            return Err(FixedError::Lengths {
                multipliers: self.multiplier.len(),
                shifts: self.shift.len(),
            });
        }
        for (channel, (&multiplier, &shift)) in self.multiplier.iter().zip(&self.shift).enumerate()
        {
            self.check_scale(channel, multiplier, shift)?;
        }
        self.check_target()?;
        self.check_rule()
    }

    fn check_scale(&self, channel: usize, multiplier: i32, shift: u8) -> Result<(), FixedError> {
        let (multipliers, shifts) = self.rule.limits();
        if !multipliers.contains(&multiplier) {
            return Err(FixedError::Multiplier {
                channel,
                multiplier,
            });
        }
        if shift > 62 {
            return Err(FixedError::Shift { channel, shift });
        }
        if !shifts.contains(&shift) {
            return Err(FixedError::LeftShift {
                channel,
                shift,
                least: *shifts.start(),
                rule: self.rule.name(),
            });
        }
        Ok(())
    }

    /// What a published rule fixes about the output.
    fn check_rule(&self) -> Result<(), FixedError> {
        let rule = self.rule.name();
        match (self.rule, self.overflow) {
            (Rule::Shift(_) | Rule::Multiplier(_), _) => Ok(()),
            (Rule::Slice, _) => {
                let plain = self.zero_point == 0
                    && self.upper == self.output.max()
                    && [self.output.min(), 0].contains(&self.lower);
                if plain {
                    return Ok(());
                }
                Err(FixedError::SliceTarget {
                    lower: self.lower,
                    upper: self.upper,
                    zero_point: self.zero_point,
                })
            }
            (
                Rule::TosaSingle
                | Rule::TosaDouble
                | Rule::TfliteDouble
                | Rule::TfliteSingle
                | Rule::Ruy
                | Rule::Float32HalfEven,
                Overflow::Wrap | Overflow::Trap,
            ) => Err(FixedError::RuleSaturates { rule }),
            (
                Rule::TosaSingle
                | Rule::TosaDouble
                | Rule::TfliteDouble
                | Rule::TfliteSingle
                | Rule::Ruy
                | Rule::Float32HalfEven,
                Overflow::Saturate,
            ) => Ok(()),
        }
    }

    fn check_target(&self) -> Result<(), FixedError> {
        let output = self.output;
        if !(2..=16).contains(&output.bits) {
            return Err(FixedError::OutputBits { bits: output.bits });
        }
        match self.overflow {
            Overflow::Wrap | Overflow::Saturate => {}
            Overflow::Trap => return Err(FixedError::OutputTrap),
        }
        let range = output.min()..=output.max();
        let inside = [self.lower, self.upper, self.zero_point]
            .iter()
            .all(|value| range.contains(value));
        if !inside || self.lower > self.upper {
            return Err(FixedError::Clamp {
                lower: self.lower,
                upper: self.upper,
                zero_point: self.zero_point,
                output,
            });
        }
        Ok(())
    }

    /// Channels it has numbers for.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.multiplier.len()
    }

    /// The requantisation of one channel.
    ///
    /// # Panics
    /// When there is no such channel.
    #[must_use]
    pub fn channel(&self, channel: usize) -> ChannelRequantise {
        let (multiplier, shift) = (self.multiplier[channel], self.shift[channel]);
        let target = Target {
            output: self.output,
            zero_point: self.zero_point,
            overflow: self.overflow,
            lower: self.lower,
            upper: self.upper,
        };
        ChannelRequantise::new(self.rule, multiplier, shift.into(), target)
    }

    /// Requantises one accumulator of `channel`; see [`ChannelRequantise::apply`].
    ///
    /// # Panics
    /// When there is no such channel.
    #[must_use]
    pub fn apply(&self, acc: i64, channel: usize) -> i32 {
        self.channel(channel).apply(acc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Rounding;
    use proptest::prelude::*;

    fn one(rule: Rule, multiplier: i32, shift: u8, target: Target) -> Requantise {
        Requantise::new(rule, vec![multiplier], vec![shift], target).unwrap()
    }

    #[test]
    fn worked_by_hand() {
        let u8_relu = Target::whole(IntType::unsigned(8), 3).relu();
        let half_even = one(Rule::Shift(Rounding::HalfEven), 1, 2, u8_relu);
        // 10 / 4 = 2.5 -> 2, + 3; 14 / 4 = 3.5 -> 4, + 3; -20 / 4 = -5 -> below the zero point
        assert_eq!(
            [10, 14, -20, 2_000].map(|a| half_even.apply(a, 0)),
            [5, 7, 3, 255]
        );

        let i8 = Target::whole(IntType::signed(8), -1);
        let scaled = one(Rule::Multiplier(Rounding::HalfUp), 3, 4, i8);
        // 24 · 3 / 16 = 4.5 -> 5, - 1; -24 · 3 / 16 = -4.5 -> -4, - 1; 1000 · 3 / 16 = 187.5 -> 188 -> 127
        assert_eq!([24, -24, 1_000].map(|a| scaled.apply(a, 0)), [4, -5, 127]);
    }

    #[test]
    fn a_wrapping_output_keeps_its_low_bits() {
        let mut target = Target::whole(IntType::signed(8), 0);
        target.overflow = Overflow::Wrap;
        let signed = one(Rule::Shift(Rounding::Floor), 1, 0, target);
        assert_eq!(
            [127, 128, -129, 256].map(|a| signed.apply(a, 0)),
            [127, -128, 127, 0]
        );
        target = Target::whole(IntType::unsigned(4), 0);
        target.overflow = Overflow::Wrap;
        let unsigned = one(Rule::Shift(Rounding::Floor), 1, 0, target);
        assert_eq!([15, 16, -1].map(|a| unsigned.apply(a, 0)), [15, 0, 15]);
    }

    #[test]
    fn an_int32_rule_sees_a_wider_accumulator_saturated() {
        let i8 = Target::whole(IntType::signed(8), 0);
        for rule in [Rule::TosaSingle, Rule::TfliteDouble, Rule::Ruy] {
            let narrow = one(rule, 1 << 30, 57, i8);
            assert_eq!(narrow.apply(1 << 40, 0), narrow.apply(i32::MAX.into(), 0));
            assert_eq!(narrow.apply(i64::MIN, 0), narrow.apply(i32::MIN.into(), 0));
            assert_eq!(narrow.apply(1 << 40, 0), 16);
        }
        // A float32 holds the wide accumulator's own size.
        let float = one(Rule::Float32HalfEven, 1 << 23, 57, i8);
        assert_eq!(float.apply(1 << 40, 0), 64);
    }

    #[test]
    fn a_slice_wraps_behind_its_sign_test() {
        let with = |output: IntType, lower: i32, overflow: Overflow| {
            let target = Target {
                lower,
                overflow,
                ..Target::whole(output, 0)
            };
            one(Rule::Slice, 1, 4, target)
        };
        let unsigned = with(IntType::unsigned(8), 0, Overflow::Wrap);
        // 0x1005 >> 4 = 0x100: the ninth bit is not in the slice. Below zero the ReLU gives 0, never 255.
        assert_eq!(
            [0x0ff7, 0x1005, -1, -4096].map(|acc| unsigned.apply(acc, 0)),
            [255, 0, 0, 0]
        );
        // Behind a ReLU the top bit of a signed slice is a sign again.
        let signed = with(IntType::signed(8), 0, Overflow::Wrap);
        assert_eq!(
            [0x07f0, 0x0800, -16].map(|acc| signed.apply(acc, 0)),
            [127, -128, 0]
        );
        let plain = with(IntType::signed(8), -128, Overflow::Saturate);
        assert_eq!(
            [0x0800, -1, -16, -0x0900].map(|acc| plain.apply(acc, 0)),
            [127, -1, -1, -128]
        );
    }

    #[test]
    fn nonsense_is_refused() {
        let target = Target::whole(IntType::signed(8), 0);
        let shift = Rule::Shift(Rounding::Floor);
        let multiplier = Rule::Multiplier(Rounding::Floor);
        let new = Requantise::new;
        assert!(matches!(
            new(shift, vec![], vec![], target),
            Err(FixedError::Lengths { .. })
        ));
        assert!(matches!(
            new(shift, vec![1, 1], vec![0], target),
            Err(FixedError::Lengths { .. })
        ));
        assert!(matches!(
            new(shift, vec![2], vec![0], target),
            Err(FixedError::Multiplier { .. })
        ));
        assert!(matches!(
            new(multiplier, vec![-1], vec![0], target),
            Err(FixedError::Multiplier { .. })
        ));
        assert!(matches!(
            new(shift, vec![1], vec![63], target),
            Err(FixedError::Shift { .. })
        ));
        let wide = Target {
            output: IntType::signed(17),
            ..target
        };
        assert!(matches!(
            new(shift, vec![1], vec![0], wide),
            Err(FixedError::OutputBits { .. })
        ));
        let trap = Target {
            overflow: Overflow::Trap,
            ..target
        };
        assert!(matches!(
            new(shift, vec![1], vec![0], trap),
            Err(FixedError::OutputTrap)
        ));
        for (lower, upper, zero_point) in [(-129, 0, 0), (0, 128, 0), (5, 4, 0), (-1, 1, 200)] {
            let bad = Target {
                lower,
                upper,
                zero_point,
                ..target
            };
            assert!(matches!(
                new(shift, vec![1], vec![0], bad),
                Err(FixedError::Clamp { .. })
            ));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        /// The quotient is compared as a fraction, without any shift: ties are where rules differ.
        #[test]
        fn equals_exact_rational_arithmetic(
            near in any::<i32>(), off in -1i64..=1, wide in any::<i64>(), pick in 0u8..4,
            multiplier in prop_oneof![Just(1i32), 1i32..64, 0i32..=i32::MAX], shift in 0u8..=62,
            r in 0usize..5, bits in 2u8..=16, signed in any::<bool>(), zero in any::<u16>(),
        ) {
            let rounding = [Rounding::Floor, Rounding::TowardZero, Rounding::HalfUp, Rounding::HalfEven, Rounding::HalfAway][r];
            // An odd number of halves over the multiplier: on a tie whenever the division is exact.
            let half = if shift == 0 { 1 } else { 1i128 << (shift - 1) };
            let tie = (i128::from(near) * 2 + 1) * half / i128::from(multiplier.max(1)) + i128::from(off);
            let acc = if pick == 0 { wide } else { i64::try_from(tie).unwrap_or(wide) };
            let output = if signed { IntType::signed(bits) } else { IntType::unsigned(bits) };
            let zero_point = output.min() + i32::from(zero) % (output.max() - output.min() + 1);
            let target = Target::whole(output, zero_point);
            let got = one(Rule::Multiplier(rounding), multiplier, shift, target).apply(acc, 0);

            let (n, d) = (i128::from(acc) * i128::from(multiplier), 1i128 << shift);
            let floor = n.div_euclid(d);
            let twice_rest = 2 * n.rem_euclid(d);
            let up = match rounding {
                Rounding::Floor => false,
                Rounding::TowardZero => n < 0 && twice_rest != 0,
                Rounding::HalfUp => twice_rest >= d,
                Rounding::HalfEven => twice_rest > d || (twice_rest == d && floor.rem_euclid(2) == 1),
                Rounding::HalfAway => twice_rest > d || (twice_rest == d && n >= 0),
            };
            let sum = floor + i128::from(up) + i128::from(zero_point);
            prop_assert_eq!(i128::from(got), sum.clamp(i128::from(output.min()), i128::from(output.max())));
        }
    }
}
