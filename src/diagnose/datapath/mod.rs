//! The rules an output is computed by, as data: the golden ones, each of which a cause may alter.

mod golden;
mod output;
mod whose;

pub(super) use output::{Gives, Multiplier, Requantising, Stuck, Write};
pub(super) use whose::Whose;

use crate::fixed::Accumulator;
use crate::tensor::{IntType, Sign};

/// How the lanes of a word are permuted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lanes {
    Straight,
    Reversed,
    /// Every two neighbours exchange.
    Pairs,
    /// Every four lanes are reversed.
    Fours,
    /// The halves of the word exchange.
    Halves,
    /// Lane `l` holds what belongs to lane `l + n`.
    Rotated(isize),
}

impl Lanes {
    /// The lane that lane `lane` of `lanes` takes instead.
    pub(super) fn of(self, lane: usize, lanes: usize) -> usize {
        let other = match self {
            Self::Straight => lane,
            Self::Reversed => lanes - 1 - lane,
            Self::Pairs => lane ^ 1,
            Self::Fours => lane ^ 3,
            Self::Halves => (lane + lanes / 2) % lanes,
            Self::Rotated(n) => wrapped(lane, n, lanes),
        };
        if other < lanes { other } else { lane }
    }

    /// The channel read or written instead of `channel`.
    pub(super) fn channel(self, channel: usize, lanes: usize) -> usize {
        channel / lanes * lanes + self.of(channel % lanes, lanes)
    }
}

/// `at + by`, around the end of `size` things.
pub(super) fn wrapped(at: usize, by: isize, size: usize) -> usize {
    let by = by.rem_euclid(isize::try_from(size).unwrap_or(isize::MAX));
    (at + by.unsigned_abs()) % size
}

/// `at + by`, if that is inside `size` things.
pub(super) fn moved(at: usize, by: isize, size: usize) -> Option<usize> {
    at.checked_add_signed(by).filter(|&to| to < size)
}

/// A bit that always has one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StuckBit {
    pub(super) bit: u8,
    pub(super) high: bool,
    /// Only on this lane.
    pub(super) lane: Option<usize>,
}

impl StuckBit {
    /// `value` of type `ty` on `lane` with the bit stuck.
    pub(super) fn apply(self, value: i32, ty: IntType, lane: usize) -> i32 {
        if self.lane.is_some_and(|only| only != lane) {
            return value;
        }
        let bit = 1 << self.bit;
        reread(if self.high { value | bit } else { value & !bit }, ty)
    }
}

/// The low bits of `value` as a number of type `ty`.
pub(super) fn reread(value: i32, ty: IntType) -> i32 {
    let unused = 32 - u32::from(ty.bits);
    match ty.sign {
        Sign::Signed => (value << unused) >> unused,
        Sign::Unsigned => value & ((1 << ty.bits) - 1),
    }
}

/// `ty` with the other sign.
pub(super) const fn other_sign(ty: IntType) -> IntType {
    match ty.sign {
        Sign::Signed => IntType::unsigned(ty.bits),
        Sign::Unsigned => IntType::signed(ty.bits),
    }
}

/// What a tap outside the map gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// The zero point, subtracted again: nothing.
    ZeroPoint,
    /// Zero, and the zero point is subtracted.
    Zero,
    /// The zero point, which is not subtracted.
    NotSubtracted,
    /// The nearest pixel of the map.
    Edge,
}

/// Which pixels give what was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Halo {
    /// Rows above the first row under the strip's own pixels.
    Above,
    /// Rows below the strip's last own row.
    Below,
    /// Columns left of the tile's own.
    Left,
    /// Columns right of the tile's own.
    Right,
}

/// What a stale pixel gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// The zero point: nothing.
    ZeroPoint,
    /// The row that lay in the ring before; for columns what the tile before had there.
    Before,
    /// The row or column next to it, further away from the strip or tile.
    Further,
}

/// Pixels that change places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swap {
    /// Rows 2k and 2k + 1.
    Rows,
    /// Columns 2k and 2k + 1.
    Columns,
    /// Those of bank row `first` of `of` and of the next.
    BankRows { first: usize, of: usize },
    /// Those of bank column `first` of `of` and of the next.
    BankColumns { first: usize, of: usize },
}

/// How an activation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) ty: IntType,
    /// Subtracted.
    pub(super) zero_point: i32,
    pub(super) lanes: Lanes,
    /// Words of a pixel further.
    pub(super) words: isize,
    pub(super) swap_bytes: bool,
    pub(super) stuck: Option<StuckBit>,
    pub(super) offset: [isize; 2],
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) padding: Padding,
    pub(super) stale: Option<(Halo, Stale)>,
    pub(super) swap: Option<Swap>,
}

/// In which order the kernel of a channel is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Straight,
    Transposed,
    Rotated,
    MirroredRows,
    MirroredColumns,
}

impl Kernel {
    /// The tap taken instead of row `y`, column `x` of a kernel of side `side`.
    pub(super) const fn tap(self, [y, x]: [usize; 2], side: usize) -> [usize; 2] {
        let (last_y, last_x) = (side - 1 - y, side - 1 - x);
        match self {
            Self::Straight => [y, x],
            Self::Transposed => [x, y],
            Self::Rotated => [last_y, last_x],
            Self::MirroredRows => [last_y, x],
            Self::MirroredColumns => [y, last_x],
        }
    }
}

/// Where a weight is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Of(Whose),
    /// The same array row in the row group before.
    RowGroupBefore,
    /// The pass before; the first takes that of the last.
    PassBefore,
    /// The pass before; the first takes the last of the row group before, the very first its own.
    FillBefore,
    /// By address in the stored row group: bytes further, bytes more for each array row, lanes inside taps.
    Stored {
        start: isize,
        row: isize,
        tap_major: bool,
    },
}

/// How a weight is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WeightRead {
    pub(super) ty: IntType,
    pub(super) kernel: Kernel,
    pub(super) source: Source,
    pub(super) stuck: Option<StuckBit>,
}

/// Multipliers that give nothing: all that agree with what is named.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Dead {
    pub(super) lane: Option<usize>,
    pub(super) tap_row: Option<usize>,
    pub(super) tap_col: Option<usize>,
}

/// Which steps are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skip {
    None,
    First,
    Last,
    Pass(usize),
}

/// What the accumulator holds before the first step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The bias of that channel, that often.
    Bias { times: i64, of: Whose },
    /// What the accumulator held before, and the bias.
    BeforeAndBias,
    /// What the accumulator held before, without the bias.
    Before,
    /// Like `BeforeAndBias`, and that value came about in the same way.
    Chain,
    /// What the accumulator held before in this Sweep, which came about in the same way; the first has the bias.
    Sweep,
}

/// How products add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) start: Start,
    pub(super) skip: Skip,
    pub(super) accumulator: Accumulator,
}

/// How the shortcut is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shortcut {
    pub(super) times: i64,
    pub(super) zero_point: i32,
    /// Added to the left shift.
    pub(super) shift: i64,
    pub(super) of: Whose,
}

/// All rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Datapath {
    pub(super) read: Read,
    pub(super) weight: WeightRead,
    pub(super) dead: Option<Dead>,
    pub(super) sum: Sum,
    pub(super) shortcut: Shortcut,
    pub(super) requantise: Requantising,
    pub(super) write: Write,
}
