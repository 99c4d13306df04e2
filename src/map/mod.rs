//! The mapper: layer graph x chip -> [`Schedule`].
//!
//! In: shapes, bit widths, a chip. Out: which tensors stay in activation SRAM, how each layer is cut, and the order
//! of all operations. Same input, same schedule. This room never looks at a weight's value.

mod emit;
mod engine;
mod error;
pub mod liveness;
mod place;

pub use error::MapError;

use crate::chip::Chip;
use crate::quantise::Numerics;
use crate::reparam::LayerGraph;
use crate::schedule::Schedule;

/// What happens to an operator that neither the array nor the vector unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// It runs on the host.
    Host,
    /// It is an error.
    Forbid,
}

/// What the mapper may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Operators without a unit of their own.
    pub offload: Offload,
}

/// Maps one image of `graph` onto `chip`.
///
/// Every tensor whose whole map fits beside what else is live stays in activation SRAM from its producer to its last
/// reader; the largest that stand in the way are spilled to DRAM, strip by strip.
///
/// # Errors
/// A layer that no unit may run, fewer than two weight slots, or a layer whose smallest strip does not fit.
pub fn map(
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    settings: &Settings,
) -> Result<Schedule, MapError> {
    let slots = chip.weight_slots(numerics.widest_weight());
    if slots < 2 {
        return Err(MapError::Slots { slots });
    }
    let engines = engine::assign(graph, chip, settings)?;
    let placement = place::place(graph, numerics, chip, &engines)?;
    Ok(emit::emit(graph, numerics, chip, placement))
}
