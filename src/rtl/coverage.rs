//! What the RTL has: on which chips and which of their layers it can answer.

use super::RtlError;
use super::error::VECTOR;
use crate::chip::Chip;
use crate::fixed::Overflow;
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::{LayerPlan, Schedule};

/// Whether the RTL has all that a layer of `schedule` needs on `chip`, so that its cycles are among those that are
/// compared. The host is a script of the bench that takes the model's cycles: they are not.
#[must_use]
pub fn validated(schedule: &Schedule, chip: &Chip, id: LayerId) -> bool {
    let scripted = matches!(schedule.layers[id.0], LayerPlan::Host);
    !scripted && of_chip(chip).is_ok() && of_layer(schedule, id).is_ok()
}

/// That the RTL has the parameters of `chip`.
///
/// # Errors
/// With the first one that it does not have.
pub(super) fn of_chip(chip: &Chip) -> Result<(), RtlError> {
    match chip.array.pe.accumulator.overflow {
        Overflow::Wrap | Overflow::Saturate => Ok(()),
        Overflow::Trap => Err(RtlError::Chip {
            what: "accumulator that traps",
            key: "pe.overflow",
        }),
    }
}

/// That the RTL has the unit and the operator of a layer.
///
/// # Errors
/// With the one that it does not have.
pub(super) fn of_layer(schedule: &Schedule, id: LayerId) -> Result<(), RtlError> {
    let layer = &schedule.graph.layers[id.0];
    let refuse = |what| {
        let layer = layer.name.clone();
        Err(RtlError::Layer { layer, what })
    };
    match (&schedule.layers[id.0], &layer.op) {
        (LayerPlan::Vector { .. }, _) => refuse(VECTOR),
        (LayerPlan::Host, _) => Ok(()),
        (LayerPlan::Array(_), LayerOp::FullyConnected { .. })
            if schedule.graph.shape(layer.inputs[0]).pixels() > 1 =>
        {
            refuse("fully connected layer over more than one pixel")
        }
        (LayerPlan::Array(_), LayerOp::Conv { .. } | LayerOp::FullyConnected { .. }) => Ok(()),
        (
            LayerPlan::Array(_),
            LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_),
        ) => refuse("such operator on the array"),
    }
}
