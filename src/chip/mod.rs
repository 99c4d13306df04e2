//! What the machine is: the array of processing elements, its memories, its vector unit and host.
//!
//! In: a chip's TOML file. Out: a [`Chip`], valid from birth. Every figure is in the unit its name says.
//! A file is refused with all its problems at once; only `description`, `[vector]` and `[host]` may be absent.
//! This room knows nothing of networks.

mod bounds;
mod error;
mod raw;
mod read;

pub use error::ChipError;

use crate::fixed::Accumulator;
use crate::problem::{Setting, schema};
use crate::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};
use serde::Serialize;

/// The kind of processing element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeKind {
    /// Nine multipliers a lane, an exact adder tree.
    Direct,
}

/// How a 1x1 convolution uses nine multipliers a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pointwise {
    /// On the centre tap: one of nine multipliers works.
    Naive,
    /// Nine channel groups on the nine taps.
    Packed,
}

/// What a window fetch remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reuse {
    /// A patch reads only pixels that its predecessor in the same pass did not need.
    Window,
    /// Every patch reads all its pixels.
    None,
}

/// One processing element; all are identical.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Pe {
    /// Its kind.
    pub kind: PeKind,
    /// Input channels a step takes: windows of 3x3 activations.
    pub lanes: usize,
    /// Accumulators of a PE: patches of a block.
    pub accumulators: usize,
    /// Their width and overflow.
    pub accumulator: Accumulator,
}

/// The array: what decides which multiplier does what in which step. `execute` sees no more of a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Array {
    /// The element.
    pub pe: Pe,
    /// Output channels computed at once.
    pub rows: usize,
    /// Rows of the output tile.
    pub tile_h: usize,
    /// Columns of the output tile.
    pub tile_w: usize,
    /// What a 1x1 convolution does.
    pub pointwise: Pointwise,
}

impl Array {
    /// Multipliers of the whole array: peak MACs a cycle.
    #[must_use]
    pub const fn peak_macs_per_cycle(&self) -> u64 {
        (9 * self.pe.lanes * self.rows * self.tile_h * self.tile_w) as u64
    }
}

/// Fixed costs of the array's control, in cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Control {
    /// Charged at the first Sweep of a layer and whenever the strip changes (cause `fill`).
    pub pipeline_cycles: Cycles,
    /// Charged at the start of each layer on the array (cause `setup`).
    pub layer_start_cycles: Cycles,
}

/// The shared requantisers and the write port behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RequantiserBank {
    /// Outputs requantised a cycle.
    pub units: usize,
    /// SRAM words written a cycle, with byte enables.
    pub write_words_per_cycle: usize,
}

/// The activation SRAM. A word is `lanes` channels of one pixel; bank = (y mod rows, x mod columns).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ActivationSram {
    /// Capacity; padded words count.
    pub capacity: Bytes,
    /// Banks over rows.
    pub bank_rows: usize,
    /// Banks over columns.
    pub bank_cols: usize,
    /// Words a bank gives a cycle to packed 1x1 convolutions, 1..=9: that many read ports, as the words may be those
    /// of any pixels.
    pub bank_channels: usize,
    /// What a window fetch remembers.
    pub reuse: Reuse,
}

/// The weight SRAM: slots of one pass at nine taps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct WeightSram {
    /// Capacity; slots = capacity / (rows · lanes · 9 · bytes of a weight).
    pub capacity: Bytes,
    /// Bytes a cycle from a slot to the PEs' kernel bank.
    pub port: BytesPerCycle,
}

/// DRAM of fixed latency and exact bandwidth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct FlatDram {
    /// Exact; at most one burst a cycle.
    pub bandwidth: Bandwidth,
    /// From issue to the first byte on the bus.
    pub latency: Cycles,
    /// Size and alignment of a burst.
    pub burst: Bytes,
    /// Bursts under way at once.
    pub in_flight: usize,
}

/// The DRAM channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Dram {
    /// Fixed latency, exact bandwidth.
    Flat(FlatDram),
}

/// The vector unit of a general chip. Costs are cycles for each lane's element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct VectorUnit {
    /// Elements worked on at once.
    pub lanes: usize,
    /// Before the first element of an operation.
    pub start_cycles: Cycles,
    /// An addition with rescaling, for each output element.
    pub add_cycles: u64,
    /// A maximum, for each element of each window.
    pub max_pool_cycles: u64,
    /// An average, for each element of each window.
    pub avg_pool_cycles: u64,
    /// A function by table, for each element.
    pub table_cycles: u64,
    /// A product with rescaling, for each output element.
    pub multiply_cycles: u64,
    /// A copy with rescaling (a concatenation), for each output element.
    pub copy_cycles: u64,
    /// A bilinear interpolation, for each output element.
    pub resize_cycles: u64,
}

/// The processor beside the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Host {
    /// Between DRAM and the host.
    pub bytes_per_cycle: BytesPerCycle,
    /// Of one call.
    pub call_cycles: Cycles,
    /// Element-wise work.
    pub elements_per_cycle: u64,
    /// Convolutions and fully connected layers.
    pub macs_per_cycle: u64,
}

/// A figure of the configuration for which no source is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// `dram.latency_cycles`.
    pub key: String,
    /// As written.
    pub value: String,
}

/// A figure and where it comes from, as the file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Source {
    /// `dram.latency_cycles`.
    pub key: String,
    /// As written.
    pub value: String,
    /// The file's `source`.
    pub source: String,
}

/// A chip, valid: built by [`Chip::read`] and then only read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chip {
    /// Its name.
    pub name: String,
    /// What it models, in a sentence.
    pub description: Option<String>,
    /// Clock frequency.
    pub clock: Hertz,
    /// The array.
    pub array: Array,
    /// Fixed costs.
    pub control: Control,
    /// Requantisers.
    pub requantise: RequantiserBank,
    /// Activation SRAM.
    pub activation_sram: ActivationSram,
    /// Weight SRAM.
    pub weight_sram: WeightSram,
    /// DRAM.
    pub dram: Dram,
    /// Present on a general chip.
    pub vector: Option<VectorUnit>,
    /// Present when operators may leave the chip.
    pub host: Option<Host>,
    /// Where the figures come from.
    pub sources: Vec<Source>,
    /// The effective configuration, key by key.
    pub settings: Vec<Setting>,
    /// SHA-256 of the file's text, in hexadecimal.
    pub digest: String,
}

impl WeightSram {
    /// Bytes of a slot: one pass at nine taps, idle rows and lanes included.
    #[must_use]
    pub fn slot(array: &Array, weight_bits: u8) -> Bytes {
        let weights = count(9 * array.rows * array.pe.lanes);
        Bytes(weights * u64::from(weight_bits.div_ceil(8)))
    }

    /// Whole slots in the capacity.
    ///
    /// # Panics
    /// When `weight_bits` is 0: the layer has no weights.
    #[must_use]
    pub fn slots(&self, array: &Array, weight_bits: u8) -> u64 {
        self.capacity.0 / Self::slot(array, weight_bits).0
    }
}

impl Chip {
    /// The JSON Schema of a chip's file (draft 2020-12), as text that ends in a newline.
    #[must_use]
    pub fn schema() -> String {
        schema::document::<raw::RawChip>()
    }

    /// Weight slots at a weight's width, which is at least 1 bit.
    #[must_use]
    pub fn slots(&self, weight_bits: u8) -> u64 {
        self.weight_sram.slots(&self.array, weight_bits)
    }

    /// The effective configuration, key by key; what is absent stands with source `default`.
    #[must_use]
    pub fn effective(&self) -> &[Setting] {
        &self.settings
    }

    /// The figures whose source starts with `assumed`.
    #[must_use]
    pub fn assumed(&self) -> Vec<Assumption> {
        self.sources
            .iter()
            .filter(|source| source.source.starts_with("assumed"))
            .map(|source| Assumption {
                key: source.key.clone(),
                value: source.value.clone(),
            })
            .collect()
    }
}

impl Chip {
    /// Weight slots, each of one pass at nine taps with weights of `weight_bits` bits in whole bytes.
    #[must_use]
    pub fn weight_slots(&self, weight_bits: u8) -> usize {
        let array = &self.array;
        let slot = 9 * array.rows * array.pe.lanes * usize::from(weight_bits.div_ceil(8));
        usize::try_from(self.weight_sram.capacity.0).unwrap_or(usize::MAX) / slot
    }
}
