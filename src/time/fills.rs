//! Weight slots as one first-in first-out sequence of fills.
//!
//! Fills are numbered by [`crate::schedule::fills`]. Fill `f` reuses the slot of fill `f - slots`, so it may be
//! written once that one is freed.

use super::sweep::Fills;
use crate::schedule::WeightMode;
use crate::units::Tick;

/// When each fill's slot was filled and freed; `None` while the fold has not come that far.
#[derive(Debug, Clone)]
pub(super) struct Slots {
    slots: usize,
    /// Filled and freed so far: both happen in order of the fills.
    filled: Vec<Tick>,
    freed: Vec<Tick>,
}

impl Slots {
    pub(super) fn new(slots: usize, fills: usize) -> Self {
        Self {
            slots,
            filled: Vec::with_capacity(fills),
            freed: vec![Tick::ZERO; fills],
        }
    }

    /// When fill `fill` may be written, if known.
    pub(super) fn free_for(&self, fill: usize, released: usize) -> Option<Tick> {
        match fill.checked_sub(self.slots) {
            None => Some(Tick::ZERO),
            Some(before) if before < released => Some(self.freed[before]),
            Some(_) => None,
        }
    }

    pub(super) fn fill(&mut self, ready: Tick) {
        self.filled.push(ready);
    }

    /// When fill `fill` is ready, if known.
    pub(super) fn ready(&self, fill: usize) -> Option<Tick> {
        self.filled.get(fill).copied()
    }

    pub(super) fn free(&mut self, fill: usize, at: Tick) {
        self.freed[fill] = at;
    }
}

/// The slots of one fetching, as a Sweep sees them.
pub(super) struct SweepFills<'a> {
    pub(super) slots: &'a mut Slots,
    pub(super) released: &'a mut usize,
    pub(super) mode: WeightMode,
    pub(super) base: usize,
    pub(super) passes: usize,
    pub(super) last_use: bool,
}

impl SweepFills<'_> {
    fn fill(&self, block: usize, pass: usize) -> usize {
        match self.mode {
            WeightMode::Resident | WeightMode::Held => self.base + pass,
            WeightMode::Streamed => self.base + block * self.passes + pass,
        }
    }
}

impl Fills for SweepFills<'_> {
    fn ready(&self, block: usize, pass: usize) -> Option<Tick> {
        if pass < self.passes {
            self.slots.ready(self.fill(block, pass))
        } else {
            Some(Tick::ZERO)
        }
    }

    fn ended(&mut self, block: usize, pass: usize, last_block: bool, at: Tick) {
        let frees = match self.mode {
            WeightMode::Resident | WeightMode::Held => last_block && self.last_use,
            WeightMode::Streamed => true,
        };
        if frees && pass < self.passes {
            let fill = self.fill(block, pass);
            self.slots.free(fill, at);
            *self.released = fill + 1;
        }
    }

    fn all_ready(&self, at: Tick) -> bool {
        match self.mode {
            WeightMode::Streamed => false,
            WeightMode::Resident | WeightMode::Held => self
                .slots
                .ready(self.base + self.passes - 1)
                .is_some_and(|ready| ready <= at),
        }
    }
}
