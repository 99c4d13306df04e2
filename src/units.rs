//! Physical quantities as types: a unit has only the operations that make physical sense.
//!
//! [`Tick`] is a moment and [`Cycles`] a span: the difference of two moments is a span, their sum does
//! not compile. The bare number leaves a unit only in `report`, `rtl` and `cli`.

use derive_more::{Add, AddAssign, Display, Sum};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU64;

/// A span of time in clock cycles of the chip.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Add,
    AddAssign,
    Sum,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Cycles(pub u64);

/// A moment in clock cycles since the start of the run; cycle `t` lasts from tick `t` to tick `t + 1`.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Tick(pub u64);

/// A number of bytes.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Add,
    AddAssign,
    Sum,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A byte address in DRAM.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Addr(pub u64);

/// Multiply-accumulates, or multiplier slots that could have held one.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Add,
    AddAssign,
    Sum,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Macs(pub u64);

/// Activation elements, unpadded.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Add,
    AddAssign,
    Sum,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Elements(pub u64);

/// Words of activation SRAM: `lanes` channels of one pixel each.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Add,
    AddAssign,
    Sum,
    Display,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Words(pub u64);

/// Clock frequency in hertz.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Hertz(pub NonZeroU64);

/// Width of a port: whole bytes each cycle.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Display, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BytesPerCycle(pub NonZeroU64);

/// A rate of `numerator / denominator` bytes a cycle, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bandwidth {
    /// Bytes moved in `denominator` cycles.
    pub numerator: NonZeroU64,
    /// Cycles that `numerator` bytes take.
    pub denominator: NonZeroU64,
}

impl Cycles {
    /// No time at all.
    pub const ZERO: Self = Self(0);
}

impl Tick {
    /// The start of the run.
    pub const ZERO: Self = Self(0);

    /// The span from `earlier` to `self`.
    ///
    /// # Panics
    /// When `earlier` is later than `self`: the caller mixed up two moments.
    #[must_use]
    pub fn since(self, earlier: Self) -> Cycles {
        Cycles(
            self.0
                .checked_sub(earlier.0)
                .expect("`earlier` is not later than `self`"),
        )
    }
}

impl std::ops::Sub for Tick {
    type Output = Cycles;
    fn sub(self, earlier: Self) -> Cycles {
        self.since(earlier)
    }
}

impl std::ops::Add<Cycles> for Tick {
    type Output = Self;
    fn add(self, span: Cycles) -> Self {
        Self(self.0 + span.0)
    }
}

impl std::ops::AddAssign<Cycles> for Tick {
    fn add_assign(&mut self, span: Cycles) {
        self.0 += span.0;
    }
}

impl std::ops::Add<Bytes> for Addr {
    type Output = Self;
    fn add(self, offset: Bytes) -> Self {
        Self(self.0 + offset.0)
    }
}

impl Bytes {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// Time to move this many bytes through `port`; a part-filled beat costs a whole cycle.
    #[must_use]
    pub fn over(self, port: BytesPerCycle) -> Cycles {
        Cycles(self.0.div_ceil(port.0.get()))
    }
}

impl Bandwidth {
    /// The rate of `bytes_per_second` at a clock, in lowest terms.
    #[must_use]
    pub fn exact(bytes_per_second: NonZeroU64, clock: Hertz) -> Self {
        let (mut a, mut b) = (bytes_per_second.get(), clock.0.get());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let reduced = |n: NonZeroU64| {
            NonZeroU64::new(n.get() / a).expect("a divisor is at most the number it divides")
        };
        Self {
            numerator: reduced(bytes_per_second),
            denominator: reduced(clock.0),
        }
    }
}

impl Macs {
    /// Cycles an array with `peak` multipliers needs for this work when every multiplier is used.
    #[must_use]
    pub fn at_peak(self, peak: Macs) -> Cycles {
        Cycles(self.0.div_ceil(peak.0))
    }
}

/// A count as the 64-bit number that units hold.
#[must_use]
#[inline]
pub fn count(n: usize) -> u64 {
    u64::try_from(n).expect("usize is at most 64 bits wide")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_filled_beat_costs_a_whole_cycle() {
        let port = BytesPerCycle(NonZeroU64::new(64).unwrap());
        assert_eq!(Bytes(0).over(port), Cycles(0));
        assert_eq!(Bytes(64).over(port), Cycles(1));
        assert_eq!(Bytes(65).over(port), Cycles(2));
    }

    #[test]
    fn a_bandwidth_is_in_lowest_terms() {
        let whole = |n| NonZeroU64::new(n).unwrap();
        let rate = Bandwidth::exact(whole(12_800_000_000), Hertz(whole(1_000_000_000)));
        assert_eq!((rate.numerator, rate.denominator), (whole(64), whole(5)));
    }

    #[test]
    fn moments_differ_by_a_span() {
        assert_eq!(Tick(7) - Tick(3), Cycles(4));
        assert_eq!(Tick(3) + Cycles(4), Tick(7));
    }
}
