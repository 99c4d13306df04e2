//! Weight slots: every Sweep finds its fills, and no engine waits for ever.

use super::order::is_dma;
use super::{Schedule, ScheduleError};
use crate::reparam::LayerId;
use crate::schedule::{LayerPlan, OpId, OpKind, WeightMode, weights};
use std::collections::BTreeMap;

/// Fills that a Sweep uses.
#[derive(Debug, Clone, Copy)]
struct Uses {
    base: usize,
    fills: usize,
    mode: WeightMode,
    last: bool,
}

/// Fetchings of each row group as (first fill, fills), and its Sweeps.
type ByRowGroup = BTreeMap<(LayerId, usize), (Vec<(usize, usize)>, Vec<usize>)>;

pub(super) fn check(schedule: &Schedule, slots: usize) -> Result<(), ScheduleError> {
    let uses = uses(schedule)?;
    run(schedule, slots, &uses)
}

fn uses(schedule: &Schedule) -> Result<Vec<Option<Uses>>, ScheduleError> {
    let mut groups: ByRowGroup = BTreeMap::new();
    let mut total = 0;
    for (index, op) in schedule.ops.iter().enumerate() {
        let fault = |what| {
            Err(ScheduleError::Fills {
                op: OpId(index),
                what,
            })
        };
        match &op.kind {
            OpKind::Fetch { row_group, fills } => {
                let (fetchings, _) = groups.entry((op.layer, *row_group)).or_default();
                if fills.start == 0 {
                    fetchings.push((total, fills.end));
                } else {
                    match fetchings.last_mut() {
                        Some((base, end)) if *end == fills.start && *base + *end == total => {
                            *end = fills.end;
                        }
                        Some(_) | None => return fault("the part before is missing"),
                    }
                }
                total += fills.len();
            }
            OpKind::Sweep { row_group, .. } => {
                let (_, sweeps) = groups.entry((op.layer, *row_group)).or_default();
                sweeps.push(index);
            }
            OpKind::Load { .. }
            | OpKind::Store { .. }
            | OpKind::Vector { .. }
            | OpKind::Host { .. } => {}
        }
    }
    let mut uses = vec![None; schedule.ops.len()];
    for ((layer, _), (fetchings, sweeps)) in groups {
        let LayerPlan::Array(plan) = &schedule.layers[layer.0] else {
            continue;
        };
        let Some(&first) = sweeps.first() else {
            return Err(ScheduleError::Fills {
                op: OpId(0),
                what: "a row group is fetched and never swept",
            });
        };
        let fault = |index, what| {
            Err(ScheduleError::Fills {
                op: OpId(index),
                what,
            })
        };
        let wanted = match plan.weights {
            WeightMode::Resident => fetchings.len(),
            WeightMode::Held | WeightMode::Streamed => sweeps.len(),
        };
        if fetchings.is_empty() || fetchings.len() != wanted || sweeps.len() % wanted != 0 {
            return fault(
                first,
                "the number of fetchings does not fit the weight mode",
            );
        }
        let share = sweeps.len() / fetchings.len();
        for (place, &index) in sweeps.iter().enumerate() {
            let OpKind::Sweep { strip, .. } = schedule.ops[index].kind else {
                unreachable!("gathered from Sweeps")
            };
            let (base, fills) = fetchings[place / share];
            let out_rows = &plan.strips[strip].out_rows;
            if fills != weights::fills(&plan.work, plan.weights, out_rows) {
                return fault(index, "its weights are not fetched whole");
            }
            uses[index] = Some(Uses {
                base,
                fills,
                mode: plan.weights,
                last: place % share == share - 1,
            });
        }
    }
    Ok(uses)
}

/// Engines as co-routines: each goes on while it can.
fn run(schedule: &Schedule, slots: usize, uses: &[Option<Uses>]) -> Result<(), ScheduleError> {
    let (dma, work): (Vec<usize>, Vec<usize>) =
        (0..schedule.ops.len()).partition(|&index| is_dma(&schedule.ops[index]));
    let mut done = vec![false; schedule.ops.len()];
    let (mut at_dma, mut at_work) = (0, 0);
    // Fills made in the Fetch under way, made at all, and freed.
    let (mut part, mut filled, mut freed) = (0, 0, 0);
    loop {
        let before = (at_dma, at_work, filled, freed);
        while let Some(&index) = dma.get(at_dma) {
            let op = &schedule.ops[index];
            if op.after.iter().any(|id| !done[id.0]) {
                break;
            }
            if let OpKind::Fetch { fills, .. } = &op.kind {
                let room = (freed + slots - filled).min(fills.len() - part);
                filled += room;
                part += room;
                if part < fills.len() {
                    break;
                }
                part = 0;
            }
            done[index] = true;
            at_dma += 1;
        }
        while let Some(&index) = work.get(at_work) {
            let op = &schedule.ops[index];
            if op.after.iter().any(|id| !done[id.0]) {
                break;
            }
            if let OpKind::Sweep { .. } = op.kind {
                let Some(uses) = uses[index] else {
                    let what = "its weights are never fetched";
                    return Err(ScheduleError::Fills {
                        op: OpId(index),
                        what,
                    });
                };
                let ready = filled.saturating_sub(uses.base).min(uses.fills);
                match uses.mode {
                    WeightMode::Streamed => freed = freed.max(uses.base + ready),
                    WeightMode::Held | WeightMode::Resident => {}
                }
                if ready < uses.fills {
                    break;
                }
                if uses.last {
                    if freed < uses.base {
                        let what = "weights are freed out of order";
                        return Err(ScheduleError::Fills {
                            op: OpId(index),
                            what,
                        });
                    }
                    freed = uses.base + uses.fills;
                }
            }
            done[index] = true;
            at_work += 1;
        }
        if at_dma == dma.len() && at_work == work.len() {
            return Ok(());
        }
        if before == (at_dma, at_work, filled, freed) {
            return Err(ScheduleError::Deadlock {
                dma: dma.get(at_dma).map(|i| OpId(*i)),
                work: work.get(at_work).map(|i| OpId(*i)),
            });
        }
    }
}
