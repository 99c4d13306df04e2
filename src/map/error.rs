//! Dead ends of the mapper.

use super::remedy::Remedy;
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
    #[error(
        "the weight SRAM of {available} B holds {slots} slot(s) of one pass, two are needed: {needed} B for weights of {bits} bits"
    )]
    Slots {
        /// Slots it holds.
        slots: usize,
        /// Bits of the widest weight.
        bits: u8,
        /// Bytes of two slots.
        needed: Bytes,
        /// Bytes there are.
        available: Bytes,
        /// What would do, each alone.
        remedies: Vec<Remedy>,
    },
    /// No unit may run a layer.
    #[error("layer `{layer}` ({what}) runs on no unit of the chip: {}", if *.host {
        "there is no vector unit, and the host is forbidden"
    } else {
        "there is neither a vector unit nor a host"
    })]
    NoUnit {
        /// The layer.
        layer: String,
        /// Its operator.
        what: &'static str,
        /// Whether the chip has a host that may not be used.
        host: bool,
        /// What would do, each alone.
        remedies: Vec<Remedy>,
    },
    /// A layer is to run on a host that is not there.
    #[error("fully connected layer `{layer}` is to run on the host, and the chip has none")]
    NoHost {
        /// The layer.
        layer: String,
    },
    /// The smallest strip does not fit.
    #[error(
        "layer `{layer}` needs {needed} B of activation SRAM for its smallest strip, the chip has {available} B; its largest buffer, {largest}, takes {taken} B"
    )]
    Sram {
        /// The layer that needs most.
        layer: String,
        /// Bytes needed, bank padding included.
        needed: Bytes,
        /// Bytes there are.
        available: Bytes,
        /// Its largest buffer: `4 rows of the output of ...`.
        largest: String,
        /// Bytes of that buffer.
        taken: Bytes,
        /// What would do, each alone.
        remedies: Vec<Remedy>,
    },
}

impl MapError {
    /// What would do, each alone, the smallest change first.
    #[must_use]
    pub fn remedies(&self) -> &[Remedy] {
        match self {
            Self::Nothing | Self::Forced { .. } | Self::NoHost { .. } => &[],
            Self::Slots { remedies, .. }
            | Self::NoUnit { remedies, .. }
            | Self::Sram { remedies, .. } => remedies,
        }
    }

    /// The same with what would do.
    pub(super) fn with(mut self, found: Vec<Remedy>) -> Self {
        match &mut self {
            Self::Nothing | Self::Forced { .. } | Self::NoHost { .. } => {}
            Self::Slots { remedies, .. }
            | Self::NoUnit { remedies, .. }
            | Self::Sram { remedies, .. } => *remedies = found,
        }
        self
    }

    /// The key of a chip or a study that stands in the way, and words to mark it with.
    #[must_use]
    pub const fn key(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nothing | Self::Forced { .. } => None,
            Self::Slots { .. } => Some(("weight_sram.kib", "too little")),
            Self::Sram { .. } => Some(("activation_sram.kib", "too little")),
            Self::NoHost { .. } => Some(("mapping.fully_connected", "asks for the host")),
            Self::NoUnit { host: true, .. } => Some(("mapping.offload", "forbids it")),
            Self::NoUnit { host: false, .. } => Some(("name", "this chip")),
        }
    }

    fn help(&self) -> String {
        let words: Vec<String> = self.remedies().iter().map(ToString::to_string).collect();
        if !words.is_empty() {
            return words.join("; or ");
        }
        match self {
            Self::Nothing => "give a network with a layer, and a `batch` of 1 or more",
            Self::Forced { .. } => "force less",
            Self::NoHost { .. } => {
                "set `mapping.fully_connected = \"array\"`, or add a `[host]` table to the chip"
            }
            Self::NoUnit { .. } => "use a chip with a `[vector]` table",
            Self::Slots { .. } => "lower `array.rows` or `pe.lanes`",
            Self::Sram { .. } => "use a smaller input, or fewer images of a batch",
        }
        .to_owned()
    }
}

impl From<MapError> for Problem {
    fn from(error: MapError) -> Self {
        let code = match &error {
            MapError::Nothing => "map::nothing",
            MapError::Forced { .. } => "map::forced",
            MapError::Slots { .. } => "map::slot_too_small",
            MapError::NoUnit { .. } => "map::no_unit",
            MapError::NoHost { .. } => "map::no_host",
            MapError::Sram { .. } => "map::sram_too_small",
        };
        Self::new(code, error.to_string(), error.help())
    }
}
