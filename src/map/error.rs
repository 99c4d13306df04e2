//! Dead ends of the mapper.

use crate::problem::Problem;
use crate::units::Bytes;

/// Why a network cannot run on a chip.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// No layer or no image.
    #[error("there is no layer or no image to map")]
    Nothing,
    /// Forced choices leave nothing.
    #[error("layer `{layer}` has no legal cut with the forced strip, order and weight mode")]
    Forced {
        /// The layer.
        layer: String,
    },
    /// The weight SRAM is too small.
    #[error("the weight SRAM holds {slots} slots of one pass, 2 are needed")]
    Slots {
        /// Slots it holds.
        slots: usize,
    },
    /// No unit may run a layer.
    #[error(
        "layer `{layer}` ({what}) runs neither on the array nor on a vector unit, and the host is not allowed"
    )]
    NoUnit {
        /// The layer.
        layer: String,
        /// Its operator.
        what: &'static str,
    },
    /// The smallest strip does not fit.
    #[error(
        "layer `{layer}` needs {needed} B of activation SRAM for its smallest strip, the chip has {available} B; its largest buffer holds {largest}"
    )]
    Sram {
        /// The layer.
        layer: String,
        /// Bytes needed, bank padding included.
        needed: Bytes,
        /// Bytes there are.
        available: Bytes,
        /// Its largest buffer: `4 rows of the output of ...`.
        largest: String,
    },
}

impl From<MapError> for Problem {
    fn from(error: MapError) -> Self {
        let message = error.to_string();
        let (code, help) = match &error {
            MapError::Nothing => (
                "map::nothing",
                "give a network with a layer, and a `batch` of 1 or more".to_owned(),
            ),
            MapError::Forced { .. } => ("map::forced", "force less".to_owned()),
            MapError::Slots { .. } => {
                ("map::slot_too_small", "raise `weight_sram.kib`, or lower `array.rows` or `pe.lanes`".to_owned())
            }
            MapError::NoUnit { .. } => (
                "map::no_unit",
                "set `mapping.offload = \"host\"` on a chip with `[host]`, or use a chip with `[vector]`".to_owned(),
            ),
            MapError::Sram { needed, .. } => (
                "map::sram_too_small",
                format!("raise `activation_sram.kib` to {}", needed.0.div_ceil(1024)),
            ),
        };
        Self::new(code, message, help)
    }
}
