//! One output under given rules, step by step.

mod read;
mod weight;

use super::Case;
use super::datapath::{
    Datapath, Dead, Gives, Multiplier, Requantising, Skip, Start, Stuck, moved, reread,
};
use crate::fixed::{Overflow, Rounding, Rule, scaled, shift_round, wrap};
use crate::schedule::work::{Pass, PassKind};
use crate::tensor::{IntType, Sign};
use read::Pixel;

/// Accumulators behind each other that a value that was never cleared is followed through.
const CHAIN: usize = 256;

/// An output and what it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Requantised {
    /// `acc · multiplier`, before the rounding.
    pub(super) product: i128,
    pub(super) shift: u32,
    /// After the rounding, with the zero point.
    pub(super) rounded: i128,
    pub(super) output: i32,
}

impl Case {
    /// What is found at element `at`; `None` when nothing is written there.
    pub(super) fn output(&self, rules: &Datapath, at: [usize; 4]) -> Option<i32> {
        let write = &rules.write;
        if write.constant.is_some() {
            return write.constant;
        }
        let [n, y, x, c] = at;
        let map = self.plan.work.output;
        let y = moved(y, -write.offset[0], map.height)?;
        let x = moved(x, -write.offset[1], map.width)?;
        let lanes = self.plan.work.array.pe.lanes;
        let c = write.lanes.channel(c, lanes);
        if c >= map.channels {
            return None;
        }
        let from = [n, y, x, c];
        let moment = self.moment(from);
        let holds = |pe: &Stuck| pe.pixel.is_none_or(|pixel| pixel == moment.pixel);
        let broken = write.pe.filter(|pe| pe.row == moment.row && holds(pe));
        let sum = match broken.map(|pe| pe.gives) {
            Some(Gives::Output(value)) => return Some(value),
            Some(Gives::Bias) => self.plan.quant.bias[c],
            Some(Gives::Nothing) => 0,
            None => self.sum(rules, from),
        };
        let own = self.plan.quant.requantise.output;
        let value = self.requantised(&rules.requantise, sum, c).output;
        let value = write
            .stuck
            .map_or(value, |bit| bit.apply(value, own, c % lanes));
        let value = if write.swap_bytes {
            reread(value.swap_bytes() >> 16, IntType { bits: 16, ..own })
        } else {
            value
        };
        Some(if write.ty == own {
            value
        } else {
            reread(value, write.ty)
        })
    }

    /// The accumulator after the last step.
    pub(super) fn sum(&self, rules: &Datapath, at: [usize; 4]) -> i64 {
        let start = match rules.sum.start {
            Start::Bias { times, of } => {
                times.saturating_mul(self.plan.quant.bias[self.channel_of(of, at[3])])
            }
            Start::BeforeAndBias => self.before(rules, at) + self.plan.quant.bias[at[3]],
            Start::Before => self.before(rules, at),
            Start::Chain => return self.chain(rules, at),
            Start::Sweep => return self.chain_of_sweep(rules, at),
        };
        self.steps(rules, at, start, &mut |_, _| {})
    }

    /// What the accumulator held before, if it was right.
    fn before(&self, rules: &Datapath, at: [usize; 4]) -> i64 {
        let mut golden = *rules;
        golden.sum.start = self.golden_datapath().sum.start;
        self.accumulator_before(at)
            .map_or(0, |from| self.sum(&golden, from))
    }

    /// The accumulator when it is never cleared.
    fn chain(&self, rules: &Datapath, at: [usize; 4]) -> i64 {
        let earlier = std::iter::successors(Some(at), |&at| self.accumulator_before(at));
        let mut elements: Vec<[usize; 4]> = earlier.take(CHAIN).collect();
        elements.reverse();
        let accumulator = rules.sum.accumulator;
        elements.into_iter().fold(0, |acc, at| {
            let sum = i128::from(acc) + i128::from(self.plan.quant.bias[at[3]]);
            let start = accumulator.fit(sum).unwrap_or(acc);
            self.steps(rules, at, start, &mut |_, _| {})
        })
    }

    /// The accumulator when only a Sweep's first elements clear it.
    fn chain_of_sweep(&self, rules: &Datapath, at: [usize; 4]) -> i64 {
        let sweep = self.moment(at).sweep;
        let earlier = std::iter::successors(Some(at), |&at| {
            (self.accumulator_before(at)).filter(|&before| self.moment(before).sweep == sweep)
        });
        let elements: Vec<[usize; 4]> = earlier.take(CHAIN).collect();
        let bias = self.plan.quant.bias[at[3]];
        (elements.into_iter().rev())
            .fold(bias, |acc, at| self.steps(rules, at, acc, &mut |_, _| {}))
    }

    /// All steps from `start` on; `seen` is told the accumulator after each pass.
    pub(super) fn steps(
        &self,
        rules: &Datapath,
        at: [usize; 4],
        start: i64,
        seen: &mut dyn FnMut(usize, i64),
    ) -> i64 {
        let passes = &self.passes[self.row_group_of(at[3])];
        let accumulator = rules.sum.accumulator;
        let mut acc = accumulator.start(start).unwrap_or(start);
        for (index, pass) in passes.iter().enumerate() {
            let skipped = match rules.sum.skip {
                Skip::None => false,
                Skip::First => index == 0,
                Skip::Last => index + 1 == passes.len(),
                Skip::Pass(pass) => index == pass,
            };
            if !skipped {
                let addend = match pass.kind {
                    PassKind::Window | PassKind::Packed => self.products(rules, at, index, pass),
                    PassKind::Residual => self.shortcut(rules, at, pass),
                };
                acc = accumulator.add(acc, addend).unwrap_or(acc);
            }
            seen(index, acc);
        }
        acc
    }

    /// The sum of the products of one pass.
    fn products(&self, rules: &Datapath, at: [usize; 4], index: usize, pass: &Pass) -> i64 {
        let lanes = self.plan.work.array.pe.lanes;
        let mut sum = 0;
        for ky in pass.tap_rows.clone() {
            for kx in pass.tap_cols.clone() {
                let pixel = self.pixel(rules, at, [ky, kx]);
                if matches!(pixel, Pixel::Value(0)) {
                    continue;
                }
                for (place, channel) in pass.channels.clone().enumerate() {
                    let lane = place % lanes;
                    let tap = self.multiplier(pass, [ky, kx], place / lanes);
                    if rules.dead.is_some_and(|dead| dead.holds(lane, tap)) {
                        continue;
                    }
                    let activation = match pixel {
                        Pixel::Value(value) => value,
                        Pixel::At(y, x) => self.activation(rules, [at[0], y, x, channel], lane),
                    };
                    sum += activation * self.weight(rules, at[3], index, [ky, kx, place]);
                }
            }
        }
        sum
    }

    /// The multiplier of the nine of a lane that takes this tap.
    fn multiplier(&self, pass: &Pass, [ky, kx]: [usize; 2], word: usize) -> [usize; 2] {
        match pass.kind {
            PassKind::Packed => [word / 3, word % 3],
            PassKind::Window | PassKind::Residual if self.plan.work.conv.kernel == 1 => [1, 1],
            PassKind::Window | PassKind::Residual => {
                [ky - pass.tap_rows.start, kx - pass.tap_cols.start]
            }
        }
    }

    /// What the shortcut adds.
    pub(super) fn shortcut(&self, rules: &Datapath, at: [usize; 4], pass: &Pass) -> i64 {
        let (Some(residual), Some(shortcut)) = (&self.plan.quant.residual, &self.shortcut) else {
            return 0;
        };
        if !pass.channels.contains(&at[3]) {
            return 0;
        }
        let rule = &rules.shortcut;
        let factor = self.channel_of(rule.of, at[3]);
        let value = i64::from(shortcut[at]) - i64::from(rule.zero_point);
        let product = value * i64::from(residual.k[factor]) * rule.times;
        let shift = i64::from(residual.e[factor]) + rule.shift;
        if shift < 0 {
            product >> shift.unsigned_abs().min(62)
        } else {
            product << shift.min(24)
        }
    }

    /// From the accumulator of channel `c` to its output.
    pub(super) fn requantised(&self, rule: &Requantising, acc: i64, c: usize) -> Requantised {
        let own = &self.plan.quant.requantise;
        let multiplier = match rule.multiplier {
            Multiplier::Of(whose) => i128::from(own.multiplier[self.channel_of(whose, c)]),
            Multiplier::One => 1,
            Multiplier::PowerOfTwo => power_of_two(own.multiplier[c]),
        };
        let shift = i64::from(own.shift[self.channel_of(rule.shift_of, c)]) + rule.shift;
        let shift = u32::try_from(shift.clamp(0, 126)).unwrap_or(0);
        let product = i128::from(acc) * multiplier;
        let scaled = match rule.rule {
            Rule::Shift(rounding) | Rule::Multiplier(rounding) => {
                let first = rule.rounded_before.min(shift);
                let once = shift_round(product, first, rounding);
                shift_round(once, shift - first, rounding)
            }
            Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven
            | Rule::Slice => published(rule, acc, multiplier, shift),
        };
        let rounded = scaled + i128::from(rule.zero_point);
        let (min, max) = (i128::from(own.output.min()), i128::from(own.output.max()));
        let fitted = match (rule.overflow, own.output.sign) {
            (Overflow::Saturate | Overflow::Trap, _) => rounded.clamp(min, max),
            (Overflow::Wrap, Sign::Signed) => wrap(rounded, own.output.bits),
            (Overflow::Wrap, Sign::Unsigned) => rounded & max,
        };
        let fitted = i32::try_from(fitted).unwrap_or(own.output.max());
        let output = match rule.rule {
            // The sign test in front of it is all its clamp.
            Rule::Slice => fitted,
            Rule::Shift(_)
            | Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven => fitted.clamp(rule.lower, rule.upper),
        };
        Requantised {
            product,
            shift,
            rounded,
            output,
        }
    }
}

impl Dead {
    /// Whether the multiplier of this lane and place gives nothing.
    fn holds(self, lane: usize, [row, col]: [usize; 2]) -> bool {
        self.lane.is_none_or(|dead| dead == lane)
            && self.tap_row.is_none_or(|dead| dead == row)
            && self.tap_col.is_none_or(|dead| dead == col)
    }
}

/// A rule that says all of its rounding, with a scale brought into its limits.
fn published(rule: &Requantising, acc: i64, multiplier: i128, shift: u32) -> i128 {
    let (multipliers, shifts) = rule.rule.limits();
    // A multiplier of more bits, as the family `multiplier` has, loses those that the rule does not hold.
    let most = i128::from(*multipliers.end());
    let mut drop = 0;
    while (multiplier >> drop) > most && drop < shift {
        drop += 1;
    }
    let multiplier = shift_round(multiplier, drop, Rounding::HalfEven).min(most);
    let multiplier = i32::try_from(multiplier).unwrap_or(*multipliers.end());
    let shift = (shift - drop).clamp((*shifts.start()).into(), (*shifts.end()).into());
    let around = [rule.lower, rule.upper].map(|bound| bound - rule.zero_point);
    scaled(rule.rule, acc, multiplier, shift, around)
}

/// The power of two nearest to a multiplier.
fn power_of_two(multiplier: i32) -> i128 {
    let Ok(m) = u32::try_from(multiplier) else {
        return 0;
    };
    if m == 0 {
        return 0;
    }
    let below = 1u64 << m.ilog2();
    let m = u64::from(m);
    i128::from(if m * m >= 2 * below * below {
        2 * below
    } else {
        below
    })
}
