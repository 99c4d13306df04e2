//! From an accumulator to an activation: one channel, by the rule of its layer.

use super::rules::float32::Float32;
use super::rules::{gemmlowp, int32, once, slice, tosa};
use super::{Overflow, Rounding, Rule, Target, wrap};
use crate::tensor::{IntType, Sign};

/// The requantisation of one channel, ready to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelRequantise {
    rule: Rule,
    multiplier: i32,
    shift: u32,
    target: Target,
}

impl ChannelRequantise {
    /// Of numbers that [`super::Requantise::check`] accepts.
    pub(super) const fn new(rule: Rule, multiplier: i32, shift: u32, target: Target) -> Self {
        Self {
            rule,
            multiplier,
            shift,
            target,
        }
    }

    /// Requantises one accumulator: any `i64` has an image inside `lower..=upper`, but for a slice that wraps in a
    /// signed output, which may fall below `lower`.
    ///
    /// `clamp(fit(z_y + scaled(acc)), lower, upper)`; the rule says what `scaled` is.
    #[must_use]
    #[inline]
    pub fn apply(&self, acc: i64) -> i32 {
        match self.rule {
            Rule::Shift(rounding) | Rule::Multiplier(rounding) => self.once(acc, rounding),
            Rule::TosaSingle => self.narrow(acc, tosa::single),
            Rule::TosaDouble => self.narrow(acc, tosa::double),
            Rule::TfliteDouble => self.narrow(acc, gemmlowp::double),
            Rule::TfliteSingle => self.narrow(acc, gemmlowp::single),
            Rule::Ruy => self.narrow(acc, gemmlowp::ruy),
            Rule::Float32HalfEven => self.float32(acc),
            Rule::Slice => self.slice(acc),
        }
    }

    /// Requantises one pixel's accumulators, each by its channel: `values[i] = channels[i].apply(accs[i])`.
    ///
    /// The channels are those of one layer, so the rule is looked at once.
    pub fn apply_each(channels: &[Self], accs: &[i64], values: &mut [i32]) {
        let Some(first) = channels.first() else {
            return;
        };
        let all = Row {
            channels,
            accs,
            values,
        };
        match first.rule {
            Rule::Shift(r) | Rule::Multiplier(r) => match r {
                Rounding::Floor => all.fill(|c, acc| c.once(acc, Rounding::Floor)),
                Rounding::TowardZero => all.fill(|c, acc| c.once(acc, Rounding::TowardZero)),
                Rounding::HalfUp => all.fill(|c, acc| c.once(acc, Rounding::HalfUp)),
                Rounding::HalfEven => all.fill(|c, acc| c.once(acc, Rounding::HalfEven)),
                Rounding::HalfAway => all.fill(|c, acc| c.once(acc, Rounding::HalfAway)),
            },
            Rule::TosaSingle => all.fill(|c, acc| c.narrow(acc, tosa::single)),
            Rule::TosaDouble => all.fill(|c, acc| c.narrow(acc, tosa::double)),
            Rule::TfliteDouble => all.fill(|c, acc| c.narrow(acc, gemmlowp::double)),
            Rule::TfliteSingle => all.fill(|c, acc| c.narrow(acc, gemmlowp::single)),
            Rule::Ruy => all.fill(|c, acc| c.narrow(acc, gemmlowp::ruy)),
            Rule::Float32HalfEven => all.fill(Self::float32),
            Rule::Slice => all.fill(Self::slice),
        }
    }

    /// The families `shift` and `multiplier`.
    #[inline]
    fn once(&self, acc: i64, rounding: Rounding) -> i32 {
        match i32::try_from(acc) {
            Ok(acc) => self.finish(once::narrow(acc, self.multiplier, self.shift, rounding)),
            Err(_) => {
                let scaled = once::scaled(acc, self.multiplier, self.shift, rounding);
                self.finish_wide(scaled + i128::from(self.target.zero_point))
            }
        }
    }

    /// A rule that reads an int32, a multiplier and a shift.
    #[inline]
    fn narrow(&self, acc: i64, scaled: impl Fn(i32, i32, u32) -> i64) -> i32 {
        self.finish(scaled(int32(acc), self.multiplier, self.shift))
    }

    /// `float32_half_even`: clamped in front of the rounding, so that nothing is left to fit.
    #[inline]
    fn float32(&self, acc: i64) -> i32 {
        let Target {
            zero_point,
            lower,
            upper,
            ..
        } = self.target;
        let around = [lower - zero_point, upper - zero_point];
        Float32::new(self.multiplier, self.shift, around).scaled(acc) + zero_point
    }

    /// `slice`: the lower bound is the sign test in front of it.
    #[inline]
    fn slice(&self, acc: i64) -> i32 {
        let scaled = slice::scaled(acc, self.shift, self.target.lower == 0);
        fit(scaled.into(), self.target.output, self.target.overflow)
    }

    /// Zero point, output type and clamp, of a product of 63 bits at most.
    #[inline]
    fn finish(&self, scaled: i64) -> i32 {
        let sum = scaled + i64::from(self.target.zero_point);
        match self.target.overflow {
            // The clamp lies inside the output type.
            Overflow::Saturate => {
                let bounds = [self.target.lower, self.target.upper].map(i64::from);
                let inside = sum.clamp(bounds[0], bounds[1]);
                i32::try_from(inside).expect("between two i32")
            }
            Overflow::Wrap | Overflow::Trap => self.finish_wide(sum.into()),
        }
    }

    /// Output type and clamp.
    fn finish_wide(&self, sum: i128) -> i32 {
        fit(sum, self.target.output, self.target.overflow)
            .clamp(self.target.lower, self.target.upper)
    }
}

/// Accumulators beside their channels and the places of their outputs.
struct Row<'a> {
    channels: &'a [ChannelRequantise],
    accs: &'a [i64],
    values: &'a mut [i32],
}

impl Row<'_> {
    #[inline]
    fn fill(self, apply: impl Fn(&ChannelRequantise, i64) -> i32) {
        let each = self.values.iter_mut().zip(self.accs).zip(self.channels);
        for ((value, &acc), channel) in each {
            *value = apply(channel, acc);
        }
    }
}

/// Brings `value` into `ty`; the overflow is `Wrap` or `Saturate`.
#[inline]
fn fit(value: i128, ty: IntType, overflow: Overflow) -> i32 {
    let (min, max) = (i128::from(ty.min()), i128::from(ty.max()));
    let inside = match overflow {
        Overflow::Saturate => value.clamp(min, max),
        Overflow::Wrap => match ty.sign {
            Sign::Signed => wrap(value, ty.bits),
            Sign::Unsigned => value & max,
        },
        Overflow::Trap => unreachable!("a requantisation is built with `Wrap` or `Saturate`"),
    };
    i32::try_from(inside).expect("a tensor's type is at most 16 bits wide")
}
