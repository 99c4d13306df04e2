//! What has surely ended when an operation begins, from `after` and the order of the engines.

use super::{Schedule, ScheduleError};
use crate::schedule::{LayerPlan, Op, OpId, OpKind};
use std::ops::Range;

/// The latest operation of each kind that has surely ended when an operation begins.
#[derive(Debug, Clone, Copy, Default)]
struct Done {
    /// Of the DMA engine.
    dma: Option<OpId>,
    /// Steps of the array, or work of vector unit and host.
    steps: Option<OpId>,
    /// Drains of the array, too.
    drains: Option<OpId>,
}

/// For every operation what it comes after.
pub(super) struct Order {
    done: Vec<Done>,
}

pub(super) const fn is_dma(op: &Op) -> bool {
    match op.kind {
        OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => true,
        OpKind::Sweep { .. } | OpKind::Vector { .. } | OpKind::Host { .. } => false,
    }
}

impl Order {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let (mut dma, mut work) = (Done::default(), Done::default());
        // Last operation of array, vector unit and host in front of each layer's first.
        let mut before_layer = vec![None; schedule.layers.len()];
        let (mut layer, mut last) = (None, None);
        for (index, op) in schedule.ops.iter().enumerate() {
            if !is_dma(op) {
                if layer != Some(op.layer) {
                    before_layer[op.layer.0] = last;
                    layer = Some(op.layer);
                }
                last = Some(OpId(index));
            }
        }
        let mut done = Vec::with_capacity(schedule.ops.len());
        for op in &schedule.ops {
            let own = if is_dma(op) { &mut dma } else { &mut work };
            for &id in &op.after {
                let other = &schedule.ops[id.0];
                if is_dma(other) {
                    own.dma = own.dma.max(Some(id));
                    continue;
                }
                own.steps = own.steps.max(Some(id));
                own.drains = own.drains.max(before_layer[other.layer.0]);
                if !matches!(
                    (&op.kind, &other.kind),
                    (OpKind::Load { .. }, OpKind::Sweep { .. })
                ) {
                    own.drains = own.drains.max(Some(id));
                }
            }
            done.push(*own);
        }
        Self { done }
    }

    /// `op` must not begin before the DMA operation `other` has ended.
    pub(super) fn after_dma(
        &self,
        op: OpId,
        other: Option<OpId>,
        why: &'static str,
    ) -> Result<(), ScheduleError> {
        ordered(op, other, self.done[op.0].dma, why)
    }

    /// `op` must not begin before the last step of `other`.
    pub(super) fn after_steps(
        &self,
        op: OpId,
        other: Option<OpId>,
        why: &'static str,
    ) -> Result<(), ScheduleError> {
        ordered(op, other, self.done[op.0].steps, why)
    }

    /// `op` must not begin before the last drain of `other`.
    pub(super) fn after_drain(
        &self,
        op: OpId,
        other: Option<OpId>,
        why: &'static str,
    ) -> Result<(), ScheduleError> {
        ordered(op, other, self.done[op.0].drains, why)
    }
}

fn ordered(
    op: OpId,
    other: Option<OpId>,
    done: Option<OpId>,
    why: &'static str,
) -> Result<(), ScheduleError> {
    match other {
        Some(other) if done < Some(other) => Err(ScheduleError::Race { op, other, why }),
        Some(_) | None => Ok(()),
    }
}

impl Schedule {
    /// Indices point at something, and operations wait for earlier ones only.
    pub(super) fn well_formed(&self) -> Result<(), ScheduleError> {
        let mut begun = vec![false; self.layers.len()];
        let mut current = None;
        for (index, op) in self.ops.iter().enumerate() {
            let id = OpId(index);
            let fault = |what| Err(ScheduleError::Malformed { op: id, what });
            let Some(plan) = self.layers.get(op.layer.0) else {
                return fault("there is no such layer");
            };
            if let Some(&after) = op.after.iter().find(|after| after.0 >= index) {
                return Err(ScheduleError::NotEarlier { op: id, after });
            }
            let fits = match (&op.kind, plan) {
                (
                    OpKind::Sweep {
                        row_group,
                        strip,
                        image,
                    },
                    LayerPlan::Array(plan),
                ) => {
                    *row_group < plan.work.row_groups()
                        && *strip < plan.strips.len()
                        && *image < self.batch
                }
                (OpKind::Fetch { row_group, fills }, LayerPlan::Array(plan)) => {
                    *row_group < plan.work.row_groups() && !fills.is_empty()
                }
                (OpKind::Vector { strip, image }, LayerPlan::Vector { strips, .. }) => {
                    *strip < strips.len() && *image < self.batch
                }
                (OpKind::Host { image }, LayerPlan::Host) => *image < self.batch,
                (
                    OpKind::Load {
                        buffer,
                        image,
                        rows,
                        ..
                    }
                    | OpKind::Store {
                        buffer,
                        image,
                        rows,
                        ..
                    },
                    _,
                ) => *image < self.batch && self.inside(buffer.0, rows),
                (
                    OpKind::Sweep { .. }
                    | OpKind::Fetch { .. }
                    | OpKind::Vector { .. }
                    | OpKind::Host { .. },
                    LayerPlan::Array(_) | LayerPlan::Vector { .. } | LayerPlan::Host,
                ) => false,
            };
            if !fits {
                return fault("it does not belong to its layer's plan");
            }
            if !is_dma(op) && current != Some(op.layer) {
                if std::mem::replace(&mut begun[op.layer.0], true) {
                    return fault("its layer has ended before");
                }
                current = Some(op.layer);
            }
        }
        Ok(())
    }

    fn inside(&self, buffer: usize, rows: &Range<usize>) -> bool {
        self.buffers.get(buffer).is_some_and(|buffer| {
            !rows.is_empty() && rows.end <= self.graph.shape(buffer.tensor).height
        })
    }
}
