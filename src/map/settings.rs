//! What the mapper may do.

use crate::schedule::{LoopOrder, WeightMode};

/// What happens to an operator that neither the array nor the vector unit runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// It runs on the host.
    Host,
    /// It is an error.
    Forbid,
}

/// The unit that runs fully connected layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FullyConnected {
    /// The array, as centre taps.
    Array,
    /// The host, its weights over the host's port.
    Host,
}

/// What happens to input rows that two strips share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Halo {
    /// They stay in the ring.
    Keep,
    /// Each strip loads all its rows.
    Refetch,
}

/// Where the loop over the images of a batch stands within a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageLoop {
    /// Outside: weights that do not stay in their slots are fetched again for each image.
    Outermost,
    /// Just inside the row groups, in each layer whose maps of the whole batch fit in SRAM; outside in others.
    InsideWeights,
}

/// Choices made from outside; what is `None` is chosen by the mapper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forced {
    /// Height of every strip in tile rows (rows, on the vector unit), where a layer has strips at all.
    pub strip_tiles: Option<usize>,
    /// Loop order of every layer on the array.
    pub order: Option<LoopOrder>,
    /// Weight mode of every layer on the array.
    pub weights: Option<WeightMode>,
    /// Whether tensors may stay in activation SRAM between layers.
    pub stay: bool,
}

/// What the mapper may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Images of a batch, at least 1.
    pub batch: usize,
    /// Where their loop stands.
    pub images: ImageLoop,
    /// Rows shared by strips.
    pub halo: Halo,
    /// A sum takes its shortcut's storage when it is the shortcut's last reader.
    pub inplace_add: bool,
    /// Operators without a unit of their own.
    pub offload: Offload,
    /// Fully connected layers.
    pub fully_connected: FullyConnected,
    /// Choices made from outside.
    pub forced: Forced,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            batch: 1,
            images: ImageLoop::Outermost,
            halo: Halo::Keep,
            inplace_add: false,
            offload: Offload::Host,
            fully_connected: FullyConnected::Array,
            forced: Forced::default(),
        }
    }
}

impl Default for Forced {
    fn default() -> Self {
        Self {
            strip_tiles: None,
            order: None,
            weights: None,
            stay: true,
        }
    }
}
