//! Fetches: which fills there are, and which may stand at a place of the list.
//!
//! All fills of the run form one sequence; fill `n` reuses the slot of fill `n - slots`. A fetching (the weights of
//! one row group, for one Sweep or several) frees its slots in the last of its Sweeps. A fill may stand in front of
//! operation `w` of the array when the slot it needs is freed by an operation before `w`.

use super::turns::Loops;
use crate::map::engine::Engine;
use crate::map::facts::Facts;
use crate::map::place::Placed;
use crate::reparam::LayerId;
use crate::schedule::{LoopOrder, WeightMode, weights};
use std::ops::Range;

/// The weights of one row group, fetched once.
#[derive(Debug, Clone, Copy)]
struct Fetching {
    layer: LayerId,
    row_group: usize,
    fills: usize,
    /// Place of the operation in which its slots are freed.
    freed_in: usize,
}

/// A part of a fetching that goes into the list.
pub(super) struct Part {
    pub(super) layer: LayerId,
    pub(super) row_group: usize,
    pub(super) fills: Range<usize>,
}

/// All fetchings in order, and how far the list has come.
pub(super) struct Fetches {
    slots: usize,
    list: Vec<Fetching>,
    /// First fetching of each layer, and behind the last the end.
    layers: Vec<usize>,
    /// Next fetching and its next fill.
    next: usize,
    fill: usize,
    /// Number of that fill in the whole sequence.
    number: usize,
    /// Fetching that holds the fill whose slot is reused next, and the end of it in the whole sequence.
    reused: usize,
    reused_end: usize,
}

impl Fetches {
    pub(super) fn new(facts: &Facts<'_>, placed: &[Placed], loops: &[Loops]) -> Self {
        let mut list = Vec::new();
        let mut layers = Vec::with_capacity(placed.len() + 1);
        let mut first = 0;
        for (index, (layer, loops)) in placed.iter().zip(loops).enumerate() {
            layers.push(list.len());
            if let Engine::Array(work) = &facts.layers[index].engine {
                let mode = layer.choice.weights;
                let mut place = first;
                for turn in 0..loops.turns() {
                    let turn = loops.turn(turn);
                    let fills = weights::fills(work, mode, &layer.strips[turn.strip].out_rows);
                    for row_group in turn.row_groups {
                        let first_use = turn.strip == 0 && turn.image == 0;
                        let freed_in = match mode {
                            WeightMode::Held | WeightMode::Streamed => Some(place),
                            WeightMode::Resident if first_use => Some(place + span(loops)),
                            WeightMode::Resident => None,
                        };
                        list.extend(freed_in.map(|freed_in| Fetching {
                            layer: LayerId(index),
                            row_group,
                            fills,
                            freed_in,
                        }));
                        place += 1;
                    }
                }
            }
            first += loops.operations();
        }
        layers.push(list.len());
        Self {
            slots: facts.slots,
            reused_end: list.first().map_or(0, |fetching| fetching.fills),
            list,
            layers,
            next: 0,
            fill: 0,
            number: 0,
            reused: 0,
        }
    }

    /// The fetching that brings the weights of a Sweep: the `sweep`-th of its layer, of row group `row_group`.
    pub(super) fn of_sweep(
        &self,
        layer: LayerId,
        mode: WeightMode,
        sweep: usize,
        row_group: usize,
    ) -> usize {
        self.layers[layer.0]
            + match mode {
                WeightMode::Resident => row_group,
                WeightMode::Held | WeightMode::Streamed => sweep,
            }
    }

    /// The end of the fetchings of a layer; of the last one if there is none behind.
    pub(super) fn end_of(&self, layer: usize) -> usize {
        self.layers[(layer + 1).min(self.layers.len() - 1)]
    }

    /// The next part in front of fetching `end` whose slots are freed before operation `before`.
    pub(super) fn next(&mut self, end: usize, before: usize) -> Option<Part> {
        if self.next >= end {
            return None;
        }
        let fetching = self.list[self.next];
        let mut most = fetching.fills - self.fill;
        let mut allowed = 0;
        while allowed < most {
            match (self.number + allowed).checked_sub(self.slots) {
                None => allowed = self.slots - self.number,
                Some(needs) => {
                    while needs >= self.reused_end {
                        self.reused += 1;
                        self.reused_end += self.list[self.reused].fills;
                    }
                    if self.list[self.reused].freed_in >= before {
                        most = allowed;
                    } else {
                        allowed = self.reused_end + self.slots - self.number;
                    }
                }
            }
        }
        if most == 0 {
            return None;
        }
        let fills = self.fill..self.fill + most;
        self.number += most;
        self.fill = fills.end;
        if self.fill == fetching.fills {
            self.next += 1;
            self.fill = 0;
        }
        Some(Part {
            layer: fetching.layer,
            row_group: fetching.row_group,
            fills,
        })
    }
}

/// Operations from the first to the last Sweep of a row group.
const fn span(loops: &Loops) -> usize {
    match (loops.order, loops.inside) {
        (LoopOrder::StripOuter, _) => (loops.images * loops.strips - 1) * loops.row_groups,
        (LoopOrder::RowGroupOuter, true) => loops.images * loops.strips - 1,
        // Images outside: the same row group comes again with the next image.
        (LoopOrder::RowGroupOuter, false) => {
            (loops.images - 1) * loops.row_groups * loops.strips + loops.strips - 1
        }
    }
}
