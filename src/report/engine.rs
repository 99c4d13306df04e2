//! Which part of the chip a span of a record belongs to, for traces and pictures over time.

use crate::schedule::{LayerPlan, OpKind, Schedule, Traffic};
use crate::time::{ArraySpan, BusSpan};

/// Who works, or keeps the others waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Engine {
    /// The PE array.
    Array,
    /// The vector unit.
    Vector,
    /// The host.
    Host,
}

/// Which way bytes go on the DRAM bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From DRAM.
    Read,
    /// To DRAM.
    Written,
}

impl Engine {
    /// All engines, in the order of every picture.
    pub const ALL: [Self; 3] = [Self::Array, Self::Vector, Self::Host];

    /// Whose span it is. The start and the end of a layer belong to the array, or to the host where that has the layer.
    #[must_use]
    pub fn of(schedule: &Schedule, span: &ArraySpan) -> Self {
        let Some(op) = span.op else {
            return match schedule.layers.get(span.layer.0) {
                Some(LayerPlan::Host) => Self::Host,
                Some(LayerPlan::Array(_) | LayerPlan::Vector { .. }) | None => Self::Array,
            };
        };
        match schedule.ops[op.0].kind {
            OpKind::Vector { .. } => Self::Vector,
            OpKind::Host { .. } => Self::Host,
            OpKind::Sweep { .. }
            | OpKind::Load { .. }
            | OpKind::Store { .. }
            | OpKind::Fetch { .. } => Self::Array,
        }
    }
}

/// Which way the bursts of a span go, and why.
#[must_use]
pub fn transfer(schedule: &Schedule, span: &BusSpan) -> (Direction, Traffic) {
    match &schedule.ops[span.op.0].kind {
        OpKind::Load { traffic, .. } => (Direction::Read, *traffic),
        OpKind::Store { traffic, .. } => (Direction::Written, *traffic),
        OpKind::Fetch { .. }
        | OpKind::Sweep { .. }
        | OpKind::Vector { .. }
        | OpKind::Host { .. } => (Direction::Read, Traffic::Weights),
    }
}
