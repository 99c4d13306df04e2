//! The numbers of fills: one first-in first-out sequence over the whole run.
//!
//! Every pass that a Fetch brings is one fill; fills are numbered in the order of the DMA list. A fetching is the
//! sequence of fills that brings the weights of one row group once; one or more Sweeps use it.

use super::{OpKind, Schedule};
use crate::reparam::LayerId;
use std::collections::BTreeMap;

/// Which fills each Fetch makes and each Sweep uses.
#[derive(Debug, Clone)]
pub struct FillPlan {
    /// First fill of a Fetch or of a Sweep's fetching, by operation; 0 for others.
    pub first: Vec<usize>,
    /// Whether a Sweep is the last to use its fills.
    pub last_use: Vec<bool>,
    /// All fills.
    pub total: usize,
}

/// One fetching of a row group's weights.
struct Fetching {
    base: usize,
    sweeps: Vec<usize>,
}

impl FillPlan {
    /// Numbers the fills of `schedule`. Sweeps of one row group share its fetchings evenly and in order.
    ///
    /// # Panics
    /// When a row group is swept and never fetched, or the other way round: such a schedule does not pass the check.
    #[must_use]
    pub fn new(schedule: &Schedule) -> Self {
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
