//! The chip's file as written: one field a key, every value with its place.

use crate::problem::{Integer, Real, Sourced};
use serde::Deserialize;
use toml::Spanned;

type Count = Sourced<Integer>;
type Name = Sourced<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChip {
    pub(super) name: Spanned<String>,
    pub(super) description: Option<Spanned<String>>,
    pub(super) clock: RawClock,
    pub(super) pe: RawPe,
    pub(super) array: RawArray,
    pub(super) requantise: RawRequantise,
    pub(super) activation_sram: RawActivationSram,
    pub(super) weight_sram: RawWeightSram,
    pub(super) dram: RawDram,
    pub(super) vector: Option<RawVector>,
    pub(super) host: Option<RawHost>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClock {
    pub(super) frequency_mhz: Sourced<Real>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPe {
    pub(super) kind: Name,
    pub(super) lanes: Count,
    pub(super) accumulators: Count,
    pub(super) accumulator_bits: Count,
    pub(super) overflow: Name,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArray {
    pub(super) rows: Count,
    pub(super) tile_h: Count,
    pub(super) tile_w: Count,
    pub(super) pointwise: Name,
    pub(super) pipeline_cycles: Count,
    pub(super) layer_start_cycles: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRequantise {
    pub(super) units: Count,
    pub(super) write_words_per_cycle: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawActivationSram {
    pub(super) kib: Count,
    pub(super) bank_rows: Count,
    pub(super) bank_cols: Count,
    pub(super) bank_channels: Count,
    pub(super) reuse: Name,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWeightSram {
    pub(super) kib: Count,
    pub(super) port_bytes: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDram {
    pub(super) kind: Name,
    pub(super) gigabytes_per_second: Sourced<Real>,
    pub(super) latency_cycles: Count,
    pub(super) burst_bytes: Count,
    pub(super) in_flight: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawVector {
    pub(super) lanes: Count,
    pub(super) start_cycles: Count,
    pub(super) add_cycles: Count,
    pub(super) max_pool_cycles: Count,
    pub(super) avg_pool_cycles: Count,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    pub(super) bytes_per_cycle: Count,
    pub(super) call_cycles: Count,
    pub(super) elements_per_cycle: Count,
    pub(super) macs_per_cycle: Count,
}
