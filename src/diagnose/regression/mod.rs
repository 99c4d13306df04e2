//! Which weights an RTL used in effect: a least-squares estimate from its outputs that are not clamped.
//!
//! An output that is not clamped tells its accumulator up to the rounding. With enough of them, the weights of an
//! output channel and its bias follow, whatever the RTL did with them; the estimate is then compared with the true
//! weights in other orders. Where the rounding hides nothing (shift 0), the estimate is rounded to integers.

mod orders;
mod solve;

use super::Case;
use crate::schedule::work::PassKind;
use serde::Serialize;
use solve::{Equations, Failure};

/// Unknowns, the bias included, that are estimated at most.
pub const UNKNOWNS: usize = 512;
/// Outputs that an estimate takes at most.
const OUTPUTS: usize = 8192;
/// Orders that are told.
const TOLD: usize = 8;

/// The weights of one output channel as they worked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Which output channel.
    pub channel: usize,
    /// Outputs it follows from.
    pub outputs: usize,
    /// Kernel row, kernel column, input channel of the group, row-major.
    pub weights: Vec<f64>,
    /// The bias.
    pub bias: f64,
    /// Whether the estimate is integers that give every one of these outputs exactly.
    pub exact: bool,
    /// Root mean square of what the estimate leaves over, in steps of the output.
    pub residual: f64,
    /// The true weights in other orders, nearest first.
    pub orders: Vec<Order>,
}

/// The true weights in some order, and how far the estimate is from them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Order {
    /// In a sentence: `kernel transposed`.
    pub text: String,
    /// Root mean square of the differences, in steps of a weight.
    pub distance: f64,
}

/// Why there is no estimate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Skipped {
    /// There is no such channel.
    #[error("there is no output channel {channel}")]
    NoChannel {
        /// Which.
        channel: usize,
    },
    /// More unknowns than are estimated.
    #[error("{unknowns} weights are more than the {most} that are estimated")]
    TooMany {
        /// Weights and bias.
        unknowns: usize,
        /// The bound.
        most: usize,
    },
    /// Too few outputs are known and not clamped.
    #[error("{outputs} outputs are known and not clamped, {unknowns} weights need more")]
    TooFew {
        /// Outputs.
        outputs: usize,
        /// Weights and bias.
        unknowns: usize,
    },
    /// The inputs do not tell the weights apart, as where a lane is always 0.
    #[error("the inputs do not tell all {unknowns} weights apart")]
    Ambiguous {
        /// Weights and bias.
        unknowns: usize,
    },
    /// The multiplier is 0: nothing of the accumulator is in the output.
    #[error("the multiplier of channel {channel} is 0")]
    NoMultiplier {
        /// Which.
        channel: usize,
    },
}

impl Case {
    /// Estimates the weights of output channel `channel`.
    ///
    /// # Errors
    /// Why there is no estimate; see [`Skipped`].
    pub fn regression(&self, channel: usize) -> Result<Estimate, Skipped> {
        let (work, requantise) = (&self.plan.work, &self.plan.quant.requantise);
        if channel >= work.output.channels {
            return Err(Skipped::NoChannel { channel });
        }
        let taps = work.conv.kernel * work.conv.kernel;
        let unknowns = taps * work.group_inputs() + 1;
        if unknowns > UNKNOWNS {
            let most = UNKNOWNS;
            return Err(Skipped::TooMany { unknowns, most });
        }
        let multiplier = requantise.multiplier[channel];
        if multiplier == 0 {
            return Err(Skipped::NoMultiplier { channel });
        }
        let open = self.open_outputs(channel);
        let outputs = open.len();
        if outputs < unknowns + unknowns / 4 {
            return Err(Skipped::TooFew { outputs, unknowns });
        }
        let step = 2f64.powi(i32::from(requantise.shift[channel])) / f64::from(multiplier);
        let mut equations = Equations::new(unknowns);
        for &(at, value) in &open {
            equations.add(&self.field(at), self.accumulated(at, value, step));
        }
        let mut solution = equations
            .solve()
            .map_err(|Failure| Skipped::Ambiguous { unknowns })?;
        let rounded: Vec<f64> = solution.iter().map(|w| w.round()).collect();
        let exact = requantise.shift[channel] == 0
            && multiplier == 1
            && self.left_over(&open, &rounded, step) < 1e-9;
        if exact {
            solution = rounded;
        }
        let residual = self.left_over(&open, &solution, step);
        let bias = solution.pop().unwrap_or(0.0);
        Ok(Estimate {
            channel,
            outputs,
            orders: self.orders(channel, &solution),
            weights: solution,
            bias,
            exact,
            residual,
        })
    }

    /// The output channel with the most elements that do not match, the first of several.
    #[must_use]
    pub fn worst_channel(&self) -> Option<usize> {
        let mut counts = vec![0usize; self.plan.work.output.channels];
        for at in self.mismatches() {
            counts[at[3]] += 1;
        }
        let most = counts.iter().copied().max().filter(|&most| most > 0)?;
        counts.iter().position(|&count| count == most)
    }

    /// Outputs of a channel that are known and not at a bound, evenly spread.
    fn open_outputs(&self, channel: usize) -> Vec<([usize; 4], i32)> {
        let requantise = &self.plan.quant.requantise;
        let channels = self.observed.index_axis(ndarray::Axis(3), channel);
        let open = channels.indexed_iter().filter_map(|((n, y, x), value)| {
            let inside = value.filter(|&v| requantise.lower < v && v < requantise.upper)?;
            Some(([n, y, x, channel], inside))
        });
        let open: Vec<_> = open.collect();
        let every = open.len().div_ceil(OUTPUTS).max(1);
        open.into_iter().step_by(every).collect()
    }

    /// What the products and the bias must add up to for an output to be `value`.
    fn accumulated(&self, at: [usize; 4], value: i32, step: f64) -> f64 {
        let rules = self.golden_datapath();
        let passes = &self.passes[self.row_group_of(at[3])];
        let shortcuts = passes.iter().filter(|pass| pass.kind == PassKind::Residual);
        let shortcut: i64 = shortcuts.map(|pass| self.shortcut(&rules, at, pass)).sum();
        f64::from(value - self.plan.quant.requantise.zero_point) * step - real(shortcut)
    }

    /// The activations under an output without their zero point, and 1 for the bias.
    fn field(&self, [n, y, x, c]: [usize; 4]) -> Vec<f64> {
        let (work, zero) = (&self.plan.work, self.plan.quant.input_zero_point);
        let (kernel, inputs) = (work.conv.kernel, work.group_inputs());
        let first = c / work.group_outputs() * inputs;
        let place = |out: usize, tap: usize, size: usize| {
            (out * work.conv.stride + tap * work.conv.dilation)
                .checked_sub(work.conv.padding)
                .filter(|&at| at < size)
        };
        let mut field = Vec::with_capacity(kernel * kernel * inputs + 1);
        for ky in 0..kernel {
            for kx in 0..kernel {
                let pixel = place(y, ky, work.input.height).zip(place(x, kx, work.input.width));
                field.extend((first..first + inputs).map(|channel| {
                    pixel.map_or(0.0, |(y, x)| {
                        f64::from(self.input[(n, y, x, channel)] - zero)
                    })
                }));
            }
        }
        field.push(1.0);
        field
    }

    /// Root mean square error of a solution, in steps of the output.
    fn left_over(&self, open: &[([usize; 4], i32)], solution: &[f64], step: f64) -> f64 {
        let mut sum = 0.0;
        for &(at, value) in open {
            let field = self.field(at);
            let found: f64 = field.iter().zip(solution).map(|(x, w)| x * w).sum();
            let error = (found - self.accumulated(at, value, step)) / step;
            sum += error * error;
        }
        (sum / number(open.len())).sqrt()
    }
}

/// A count as a real number; counts here are far below 2^53.
fn number(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}

/// An integer as the nearest real number.
fn real(n: i64) -> f64 {
    let low = u32::try_from(n & 0xffff_ffff).unwrap_or(0);
    let high = i32::try_from(n >> 32).unwrap_or(0);
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}
