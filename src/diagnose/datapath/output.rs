//! From the accumulator to the output and to where it is written.

use super::{Lanes, StuckBit, Whose};
use crate::fixed::{Overflow, Rule};
use crate::tensor::IntType;

/// Which multiplier a channel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) enum Multiplier {
    Of(Whose),
    /// 1.
    One,
    /// The nearest power of two.
    PowerOfTwo,
}

/// From accumulator to output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) struct Requantising {
    pub(in crate::diagnose) rule: Rule,
    pub(in crate::diagnose) multiplier: Multiplier,
    pub(in crate::diagnose) shift_of: Whose,
    pub(in crate::diagnose) shift: i64,
    /// Rounded once by this many bits of the shift before the rest; only where the rule leaves the rounding open.
    pub(in crate::diagnose) rounded_before: u32,
    pub(in crate::diagnose) zero_point: i32,
    pub(in crate::diagnose) overflow: Overflow,
    pub(in crate::diagnose) lower: i32,
    pub(in crate::diagnose) upper: i32,
}

/// What a PE that is broken gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) enum Gives {
    /// The bias, and nothing is added to it.
    Bias,
    /// A sum of 0, without the bias.
    Nothing,
    /// This output.
    Output(i32),
}

/// What the PEs of an array row give instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) struct Stuck {
    pub(in crate::diagnose) row: usize,
    /// Only the one at this pixel of the tile.
    pub(in crate::diagnose) pixel: Option<[usize; 2]>,
    pub(in crate::diagnose) gives: Gives,
}

/// How an output is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::diagnose) struct Write {
    pub(in crate::diagnose) ty: IntType,
    pub(in crate::diagnose) lanes: Lanes,
    pub(in crate::diagnose) offset: [isize; 2],
    pub(in crate::diagnose) swap_bytes: bool,
    pub(in crate::diagnose) stuck: Option<StuckBit>,
    pub(in crate::diagnose) constant: Option<i32>,
    pub(in crate::diagnose) pe: Option<Stuck>,
}
