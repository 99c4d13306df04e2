//! What each key of a chip's file may be: ranges and choices. The reader judges by them and the schema shows
//! them.
//!
//! Bounds lie far above any real chip, and low enough that no product of them leaves 64 bits.

use super::{PeKind, Pointwise, Reuse};
use crate::fixed::Overflow;
use std::ops::RangeInclusive;

pub(super) const MAX_MEGAHERTZ: u32 = 100_000;
pub(super) const MAX_GIGABYTES: u32 = 100_000;
/// Digits behind the point of megahertz and gigabytes.
pub(super) const DECIMALS: u32 = 6;

pub(super) const LANES: RangeInclusive<usize> = 1..=1024;
pub(super) const ROWS: RangeInclusive<usize> = 1..=1024;
pub(super) const ACCUMULATORS: RangeInclusive<usize> = 1..=4096;
pub(super) const ACCUMULATOR_BITS: RangeInclusive<u8> = 16..=64;
/// Sides of a tile, and banks over rows or columns.
pub(super) const TILE: RangeInclusive<usize> = 1..=64;
pub(super) const BANK_CHANNELS: RangeInclusive<usize> = 1..=9;
/// Requantisers, words, vector lanes, bursts.
pub(super) const UNITS: RangeInclusive<usize> = 1..=65_536;
pub(super) const KIB: RangeInclusive<u64> = 1..=1 << 20;
/// Fixed costs and latencies.
pub(super) const CYCLES: RangeInclusive<u64> = 0..=1_000_000_000;
/// Cycles of one element.
pub(super) const ELEMENT_CYCLES: RangeInclusive<u64> = 1..=1_000_000;
pub(super) const PORT_BYTES: RangeInclusive<u64> = 1..=1 << 20;
/// Of the host: elements and MACs.
pub(super) const PER_CYCLE: RangeInclusive<u64> = 1..=1 << 20;
pub(super) const BURST_BYTES: RangeInclusive<u64> = 1..=1 << 16;

pub(super) const PE_KINDS: [(&str, PeKind); 1] = [("direct", PeKind::Direct)];
pub(super) const OVERFLOWS: [(&str, Overflow); 3] = [
    ("wrap", Overflow::Wrap),
    ("saturate", Overflow::Saturate),
    ("trap", Overflow::Trap),
];
pub(super) const POINTWISE: [(&str, Pointwise); 2] =
    [("naive", Pointwise::Naive), ("packed", Pointwise::Packed)];
pub(super) const REUSE: [(&str, Reuse); 2] = [("window", Reuse::Window), ("none", Reuse::None)];
pub(super) const DRAM_KINDS: [(&str, ()); 1] = [("flat", ())];
