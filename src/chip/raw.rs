//! The chip's file as written: one field a key, every value with its place.
//!
//! The comments are what an editor shows beside a key.

use super::bounds;
use crate::problem::schema::{above_zero, choice, not_blank, within};
use crate::problem::{Integer, Real, Sourced};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

type Count = Sourced<Integer>;
type Name = Sourced<String>;

/// An inference chip: an array of identical 3x3-conv-ReLU processing elements with on-chip SRAM and a DRAM
/// channel. Every figure may be bare or `{ value = ..., source = "..." }`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(title = "repchip chip")]
#[serde(deny_unknown_fields)]
pub(super) struct RawChip {
    /// Name of the chip, as in tables and file names.
    #[schemars(with = "String", transform = not_blank)]
    pub(super) name: Spanned<String>,
    /// What the chip models, in a sentence.
    #[schemars(with = "Option<String>", transform = not_blank)]
    pub(super) description: Option<Spanned<String>>,
    /// The one clock of the chip.
    pub(super) clock: RawClock,
    /// The processing element (PE); all are identical.
    pub(super) pe: RawPe,
    /// The array of PEs and its control.
    pub(super) array: RawArray,
    /// The requantisers, which turn accumulators into activations, and the write port behind them.
    pub(super) requantise: RawRequantise,
    /// The activation SRAM. A word is `pe.lanes` channels of one pixel; the bank of a pixel is
    /// (y mod `bank_rows`, x mod `bank_cols`).
    pub(super) activation_sram: RawActivationSram,
    /// The weight SRAM: slots of one pass at nine taps, at least two of them at 8 bits.
    pub(super) weight_sram: RawWeightSram,
    /// The DRAM channel.
    pub(super) dram: RawDram,
    /// The vector unit, for additions, products, functions, pooling, interpolation and concatenation. Absent: the chip
    /// has none.
    pub(super) vector: Option<RawVector>,
    /// The processor beside the chip, for operators that the chip lacks. Absent: there is none.
    pub(super) host: Option<RawHost>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "clock")]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    /// Clock frequency in MHz, above 0, at most six digits behind the point.
    #[schemars(transform = above_zero(bounds::MAX_MEGAHERTZ))]
    pub(super) frequency_mhz: Sourced<Real>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "pe")]
#[serde(deny_unknown_fields)]
pub(super) struct RawPe {
    /// Kind of the PE. `direct`: nine multipliers a lane and an exact adder tree.
    #[schemars(transform = choice(&bounds::PE_KINDS))]
    pub(super) kind: Name,
    /// Input channels that a PE takes in one step, each a window of 3x3 activations.
    #[schemars(transform = within(&bounds::LANES))]
    pub(super) lanes: Count,
    /// Accumulators of a PE: output tiles worked on between two reads of weights.
    #[schemars(transform = within(&bounds::ACCUMULATORS))]
    pub(super) accumulators: Count,
    /// Width of an accumulator in bits.
    #[schemars(transform = within(&bounds::ACCUMULATOR_BITS))]
    pub(super) accumulator_bits: Count,
    /// What happens when a sum leaves the accumulator: `wrap`, `saturate`, or `trap` (the run stops).
    #[schemars(transform = choice(&bounds::OVERFLOWS))]
    pub(super) overflow: Name,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "array")]
#[serde(deny_unknown_fields)]
pub(super) struct RawArray {
    /// Rows of PEs: output channels computed at once.
    #[schemars(transform = within(&bounds::ROWS))]
    pub(super) rows: Count,
    /// Height of the output tile in pixels.
    #[schemars(transform = within(&bounds::TILE))]
    pub(super) tile_h: Count,
    /// Width of the output tile in pixels.
    #[schemars(transform = within(&bounds::TILE))]
    pub(super) tile_w: Count,
    /// How a 1x1 convolution uses nine multipliers. `naive`: the centre tap alone; `packed`: nine channel
    /// groups on nine taps.
    #[schemars(transform = choice(&bounds::POINTWISE))]
    pub(super) pointwise: Name,
    /// Cycles to fill the pipeline, at the first sweep of a layer and whenever the strip changes.
    #[schemars(transform = within(&bounds::CYCLES))]
    pub(super) pipeline_cycles: Count,
    /// Cycles to start a layer on the array.
    #[schemars(transform = within(&bounds::CYCLES))]
    pub(super) layer_start_cycles: Count,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "requantise")]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequantise {
    /// Outputs requantised in a cycle.
    #[schemars(transform = within(&bounds::UNITS))]
    pub(super) units: Count,
    /// SRAM words written in a cycle, with byte enables.
    #[schemars(transform = within(&bounds::UNITS))]
    pub(super) write_words_per_cycle: Count,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "activation_sram")]
#[serde(deny_unknown_fields)]
pub(super) struct RawActivationSram {
    /// Capacity in KiB (1024 bytes); at least one word in each bank.
    #[schemars(transform = within(&bounds::KIB))]
    pub(super) kib: Count,
    /// Banks over the rows of a map.
    #[schemars(transform = within(&bounds::TILE))]
    pub(super) bank_rows: Count,
    /// Banks over the columns of a map.
    #[schemars(transform = within(&bounds::TILE))]
    pub(super) bank_cols: Count,
    /// Words of one pixel that a bank gives in a cycle; packed 1x1 convolutions use more than one.
    #[schemars(transform = within(&bounds::BANK_CHANNELS))]
    pub(super) bank_channels: Count,
    /// What a fetch of windows remembers. `window`: a patch reads only pixels that the one before did not need;
    /// `none`: every patch reads all its pixels.
    #[schemars(transform = choice(&bounds::REUSE))]
    pub(super) reuse: Name,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "weight_sram")]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeightSram {
    /// Capacity in KiB (1024 bytes); two slots of `array.rows` x `pe.lanes` x 9 bytes or more.
    #[schemars(transform = within(&bounds::KIB))]
    pub(super) kib: Count,
    /// Bytes read in a cycle from a slot into the kernels of the PEs.
    #[schemars(transform = within(&bounds::PORT_BYTES))]
    pub(super) port_bytes: Count,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "dram")]
#[serde(deny_unknown_fields)]
pub(super) struct RawDram {
    /// Kind of the channel. `flat`: one fixed latency, an exact bandwidth.
    #[schemars(transform = choice(&bounds::DRAM_KINDS))]
    pub(super) kind: Name,
    /// Bandwidth in GB/s (10^9 bytes), above 0, at most six digits behind the point; at most one burst a cycle.
    #[schemars(transform = above_zero(bounds::MAX_GIGABYTES))]
    pub(super) gigabytes_per_second: Sourced<Real>,
    /// Cycles from the issue of a burst to its first byte.
    #[schemars(transform = within(&bounds::CYCLES))]
    pub(super) latency_cycles: Count,
    /// Size and alignment of a burst in bytes, a power of two.
    #[schemars(transform = within(&bounds::BURST_BYTES))]
    pub(super) burst_bytes: Count,
    /// Bursts under way at once.
    #[schemars(transform = within(&bounds::UNITS))]
    pub(super) in_flight: Count,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "vector")]
#[serde(deny_unknown_fields)]
pub(super) struct RawVector {
    /// Elements worked on at once.
    #[schemars(transform = within(&bounds::UNITS))]
    pub(super) lanes: Count,
    /// Cycles before the first element of an operation.
    #[schemars(transform = within(&bounds::CYCLES))]
    pub(super) start_cycles: Count,
    /// Cycles of an addition with rescaling, for each output element of a lane.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) add_cycles: Count,
    /// Cycles of a maximum, for each element of each window of a lane.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) max_pool_cycles: Count,
    /// Cycles of an average, for each element of each window of a lane.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) avg_pool_cycles: Count,
    /// Cycles of a function by table, for each element of a lane. Absent: 1, one look-up a lane and cycle.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) table_cycles: Option<Count>,
    /// Cycles of a product with rescaling, for each output element of a lane. Absent: `add_cycles`.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) multiply_cycles: Option<Count>,
    /// Cycles of a copy with rescaling (concatenation), for each output element of a lane. Absent: 1.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) copy_cycles: Option<Count>,
    /// Cycles of a bilinear interpolation, for each output element of a lane. Absent: 4, one for each neighbour.
    #[schemars(transform = within(&bounds::ELEMENT_CYCLES))]
    pub(super) resize_cycles: Option<Count>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "host")]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    /// Bytes that move between DRAM and the host in a cycle of the chip.
    #[schemars(transform = within(&bounds::PORT_BYTES))]
    pub(super) bytes_per_cycle: Count,
    /// Cycles of one call of the host.
    #[schemars(transform = within(&bounds::CYCLES))]
    pub(super) call_cycles: Count,
    /// Elements of additions and pooling done in a cycle.
    #[schemars(transform = within(&bounds::PER_CYCLE))]
    pub(super) elements_per_cycle: Count,
    /// Multiply-accumulates (MACs) of convolutions and fully connected layers done in a cycle.
    #[schemars(transform = within(&bounds::PER_CYCLE))]
    pub(super) macs_per_cycle: Count,
}
