//! A requantisation taken apart: tie or not, and what the range did to the rounded number.

use crate::fixed::{
    LastRounding, Requantise, Rounding, Rule, scaled, shift_round, shift_round_i64,
};

/// What a sum becomes on its way to an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Parts {
    /// Exactly half way between two integers.
    pub(super) tie: bool,
    /// No tie, but less than one step of the sum away from one: where an inexact product would round the other way.
    pub(super) beside_tie: bool,
    /// Below zero before the rounding.
    pub(super) negative: bool,
    /// After the rounding, with the zero point, before range and clamp.
    pub(super) rounded: i128,
    /// What range and clamp do.
    pub(super) end: End,
    /// Whether range and clamp let both neighbours of the unrounded number through.
    pub(super) visible: bool,
}

/// What range and clamp do to a rounded number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Kept,
    /// It is below the range of the output.
    SaturatedLow,
    /// It is above the range of the output.
    SaturatedHigh,
    /// It is below the zero point, in front of a ReLU.
    ReluClipped,
}

impl Parts {
    /// Of `sum` in `channel`; `relu` says whether the lower clamp is a ReLU's.
    pub(super) fn of(rule: &Requantise, channel: usize, sum: i64, relu: bool) -> Self {
        let zero = i128::from(rule.zero_point);
        let split = Split::of(rule, channel, sum);
        let (low, rounded) = (split.floor + zero, split.rounded + zero);
        Self {
            tie: split.rounds && split.off_half == 0,
            beside_tie: split.rounds && split.off_half > 0 && split.off_half < split.near,
            negative: sum < 0,
            rounded,
            end: end(rule, rounded, relu),
            visible: low >= i128::from(rule.lower) && low < i128::from(rule.upper),
        }
    }
}

/// What the last rounding of a rule does.
struct Split {
    /// Whether bits are rounded away at all.
    rounds: bool,
    floor: i128,
    /// How far what is left over is from a half, in units of the number that is rounded.
    off_half: u128,
    /// From where on this is no longer beside a tie.
    near: u128,
    rounded: i128,
}

impl Split {
    fn of(rule: &Requantise, channel: usize, sum: i64) -> Self {
        let (multiplier, shift) = (rule.multiplier[channel], u32::from(rule.shift[channel]));
        // Nearly every sum has 32 bits, and a search looks at millions of them.
        if let (Rule::Shift(rounding) | Rule::Multiplier(rounding), Ok(sum)) =
            (rule.rule, i32::try_from(sum))
        {
            let product = i64::from(sum) * i64::from(multiplier);
            let floor = product >> shift;
            let half = (1_i64 << shift) >> 1;
            return Self {
                rounds: shift > 0,
                floor: floor.into(),
                off_half: (product - (floor << shift)).abs_diff(half).into(),
                near: multiplier.unsigned_abs().into(),
                rounded: shift_round_i64(product, shift, rounding).into(),
            };
        }
        let around = [rule.lower, rule.upper].map(|bound| bound - rule.zero_point);
        let last = LastRounding::of(rule.rule, sum, multiplier, shift, around[0] == 0);
        let floor = last.numerator >> last.shift;
        let half = (1_i128 << last.shift) >> 1;
        // Beyond its clamp a float32 product is not rounded: its floor tells on which side it is.
        let rounded = match rule.rule {
            Rule::Float32HalfEven => shift_round(last.numerator, last.shift, Rounding::HalfEven),
            Rule::Shift(_)
            | Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Slice => scaled(rule.rule, sum, multiplier, shift, around),
        };
        Self {
            rounds: last.shift > 0,
            floor,
            off_half: (last.numerator - (floor << last.shift)).abs_diff(half),
            near: last.step.max(2),
            rounded,
        }
    }
}

fn end(rule: &Requantise, rounded: i128, relu: bool) -> End {
    if rounded > i128::from(rule.upper) {
        End::SaturatedHigh
    } else if relu && rounded < i128::from(rule.zero_point) {
        End::ReluClipped
    } else if rounded < i128::from(rule.output.min()) {
        End::SaturatedLow
    } else {
        End::Kept
    }
}

/// The smallest sum above zero that is a tie in `channel`; `None` when no sum is. Of a float32 scale the smallest
/// whose product is exact.
pub(super) fn smallest_tie(rule: &Requantise, channel: usize) -> Option<u128> {
    let (multiplier, shift) = (rule.multiplier[channel], u32::from(rule.shift[channel]));
    let twice = match rule.rule {
        Rule::TosaDouble | Rule::TfliteDouble | Rule::Ruy => shift > 31,
        Rule::Shift(_)
        | Rule::Multiplier(_)
        | Rule::TosaSingle
        | Rule::TfliteSingle
        | Rule::Float32HalfEven
        | Rule::Slice => false,
    };
    if twice {
        // The first product that rounds to a half of the right shift at bit 31; they grow by less than 1 a sum.
        let wanted = (1_u128 << (shift - 1)) - (1 << 30);
        let sum = wanted.checked_div(multiplier.unsigned_abs().into())?;
        let whole = wanted.is_multiple_of(multiplier.unsigned_abs().into());
        return Some((sum + u128::from(!whole)).max(1));
    }
    let half = shift.checked_sub(1)?;
    let power = half.checked_sub(multiplier.trailing_zeros())?;
    Some(1 << power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Target;
    use crate::tensor::IntType;
    use proptest::prelude::*;

    fn rule(multiplier: i32, shift: u8, target: Target) -> Requantise {
        let rule = Rule::Multiplier(Rounding::HalfEven);
        Requantise::new(rule, vec![multiplier], vec![shift], target).unwrap()
    }

    #[test]
    fn ties_and_ends_worked_by_hand() {
        let signed = rule(3, 3, Target::whole(IntType::signed(4), 1));
        let of = |sum| Parts::of(&signed, 0, sum, false);
        // 4 · 3 / 8 = 1.5 -> 2, + 1; -4 · 3 / 8 = -1.5 -> -2, + 1; 5 · 3 / 8 = 1.875, within 3/8 of 1.5 no more.
        assert!(of(4).tie && !of(4).negative && of(4).rounded == 3);
        assert!(of(-4).tie && of(-4).negative && of(-4).rounded == -1);
        assert!(!of(5).tie && !of(5).beside_tie);
        // 1 · 3 / 8 = 0.375 is 1/8 off a half.
        assert!(of(1).beside_tie && !of(1).tie);
        assert_eq!(
            [of(0), of(40), of(-40)].map(|p| p.end),
            [End::Kept, End::SaturatedHigh, End::SaturatedLow]
        );
        let relu = rule(3, 3, Target::whole(IntType::unsigned(4), 0).relu());
        let parts = Parts::of(&relu, 0, -4, true);
        assert!(parts.tie && !parts.visible && parts.end == End::ReluClipped);
        // A shift of 0 rounds nothing.
        assert!(
            !Parts::of(
                &rule(1, 0, Target::whole(IntType::signed(4), 0)),
                0,
                1,
                false
            )
            .tie
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn both_widths_split_alike(sum in any::<i32>(), multiplier in 0_i32.., shift in 0_u8..=62) {
            let rule = rule(multiplier, shift, Target::whole(IntType::signed(16), 0));
            let narrow = Parts::of(&rule, 0, sum.into(), false);
            let product = i128::from(sum) * i128::from(multiplier);
            prop_assert_eq!(narrow.rounded, shift_round(product, shift.into(), Rounding::HalfEven));
            // Sixteen times the sum in steps of a sixteenth is the same number, and has more than 32 bits.
            if let (Some(up), 1..) = (shift.checked_add(4).filter(|s| *s <= 62), sum.unsigned_abs() >> 28) {
                let rule = Requantise { shift: vec![up], ..rule };
                let wide = Parts::of(&rule, 0, i64::from(sum) << 4, false);
                prop_assert_eq!((wide.tie, wide.rounded), (narrow.tie, narrow.rounded));
            }
        }

        #[test]
        fn no_smaller_sum_is_a_tie_of_a_double_rounding(q in (1_i32 << 30).., shift in 32_u8..44) {
            for rule in [Rule::TosaDouble, Rule::TfliteDouble, Rule::Ruy] {
                let target = Target::whole(IntType::signed(16), 0);
                let rule = Requantise::new(rule, vec![q], vec![shift], target).unwrap();
                let found = (1..=8192).find(|sum| Parts::of(&rule, 0, *sum, false).tie);
                let told = smallest_tie(&rule, 0).and_then(|sum| i64::try_from(sum).ok());
                prop_assert_eq!(found, told);
            }
        }

        #[test]
        fn no_smaller_sum_is_a_tie(multiplier in 1_i32..300, shift in 0_u8..12) {
            let rule = rule(multiplier, shift, Target::whole(IntType::signed(16), 0));
            let found = (1..=4096).find(|sum| Parts::of(&rule, 0, *sum, false).tie);
            let told = smallest_tie(&rule, 0).and_then(|sum| i64::try_from(sum).ok());
            prop_assert_eq!(found, told);
        }
    }
}
