//! Weight slots as one first-in first-out sequence of fills.
//!
//! Every pass that a Fetch brings is one fill; fills are numbered in the order of the DMA list. Fill `f` reuses the
//! slot of fill `f - slots`, so it may be written once that one is freed.

use super::sweep::Fills;
use crate::reparam::LayerId;
use crate::schedule::{OpKind, Schedule, WeightMode};
use crate::units::Tick;
use std::collections::BTreeMap;

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

/// Which fills each Fetch makes and each Sweep uses.
#[derive(Debug, Clone)]
pub(super) struct FillPlan {
    /// First fill of a Fetch or of a Sweep's fetching, by operation; 0 for others.
    pub(super) first: Vec<usize>,
    /// Whether a Sweep is the last to use its fills.
    pub(super) last_use: Vec<bool>,
    /// All fills.
    pub(super) total: usize,
}

/// One fetching of a row group's weights.
struct Fetching {
    base: usize,
    sweeps: Vec<usize>,
}

impl FillPlan {
    /// Numbers the fills of `schedule`. Sweeps of one row group share its fetchings evenly and in order.
    pub(super) fn new(schedule: &Schedule) -> Self {
        let mut fetchings: BTreeMap<(LayerId, usize), Vec<Fetching>> = BTreeMap::new();
        let mut sweeps: BTreeMap<(LayerId, usize), Vec<usize>> = BTreeMap::new();
        let mut first = vec![0; schedule.ops.len()];
        let mut total = 0;
        for (index, op) in schedule.ops.iter().enumerate() {
            match &op.kind {
                OpKind::Fetch { row_group, fills } => {
                    let list = fetchings.entry((op.layer, *row_group)).or_default();
                    if fills.start == 0 {
                        list.push(Fetching {
                            base: total,
                            sweeps: Vec::new(),
                        });
                    }
                    first[index] = total;
                    total += fills.len();
                }
                OpKind::Sweep { row_group, .. } => {
                    sweeps
                        .entry((op.layer, *row_group))
                        .or_default()
                        .push(index);
                }
                OpKind::Load { .. }
                | OpKind::Store { .. }
                | OpKind::Vector { .. }
                | OpKind::Host { .. } => {}
            }
        }
        let mut last_use = vec![false; schedule.ops.len()];
        for (key, uses) in sweeps {
            let list = fetchings
                .get_mut(&key)
                .expect("a Sweep's weights are fetched");
            let share = uses.len() / list.len();
            for (place, op) in uses.into_iter().enumerate() {
                list[place / share].sweeps.push(op);
            }
            for fetching in list {
                for op in &fetching.sweeps {
                    first[*op] = fetching.base;
                }
                let last = fetching.sweeps.last().expect("a fetching serves a Sweep");
                last_use[*last] = true;
            }
        }
        Self {
            first,
            last_use,
            total,
        }
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
