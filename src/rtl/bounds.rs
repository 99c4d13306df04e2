//! `shape.svh`: what the RTL is compiled for.

use super::{RtlError, coverage, host};
use crate::chip::{Chip, Dram, PeKind};
use crate::fixed::Overflow;
use crate::reparam::TensorId;
use crate::schedule::fills::FillPlan;
use crate::schedule::{LayerPlan, Schedule, weights};
use crate::units::{Bytes, Words, count};
use std::fmt::Write;

/// Sizes of the memories that the RTL is compiled with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// DRAM, a multiple of the burst.
    pub dram_bytes: Bytes,
    /// Words of each bank of activation SRAM.
    pub sram_words: Words,
    /// Weight slots.
    pub slots: usize,
    /// Layers.
    pub layers: usize,
    /// Operations.
    pub operations: usize,
    /// Fills of the whole run.
    pub fills: usize,
    /// The largest burst.
    pub burst: Bytes,
    /// Bursts in flight.
    pub in_flight: usize,
    /// Results of the host, at least one byte.
    pub host_bytes: Bytes,
}

impl Bounds {
    /// What a run of `schedule` on `chip` needs.
    ///
    /// # Errors
    /// When `schedule` was made for another array.
    pub fn of(schedule: &Schedule, chip: &Chip) -> Result<Self, RtlError> {
        if schedule.array != chip.array {
            return Err(RtlError::Other { what: "array" });
        }
        let Dram::Flat(dram) = &chip.dram;
        let banks = count(chip.activation_sram.bank_rows * chip.activation_sram.bank_cols);
        let sram = schedule
            .buffers
            .iter()
            .map(|buffer| buffer.base.0 + buffer.words.0 / banks);
        Ok(Self {
            dram_bytes: Bytes(dram_end(schedule).next_multiple_of(dram.burst.0)),
            sram_words: Words(sram.max().unwrap_or(0)),
            slots: chip.weight_slots(schedule.numerics.widest_weight()),
            layers: schedule.layers.len(),
            operations: schedule.ops.len(),
            fills: FillPlan::new(schedule).total,
            burst: dram.burst,
            in_flight: dram.in_flight,
            host_bytes: host::result_bytes(schedule).max(Bytes(1)),
        })
    }

    /// The larger of the two, memory by memory.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self {
            dram_bytes: self.dram_bytes.max(other.dram_bytes),
            sram_words: self.sram_words.max(other.sram_words),
            slots: self.slots.max(other.slots),
            layers: self.layers.max(other.layers),
            operations: self.operations.max(other.operations),
            fills: self.fills.max(other.fills),
            burst: self.burst.max(other.burst),
            in_flight: self.in_flight.max(other.in_flight),
            host_bytes: self.host_bytes.max(other.host_bytes),
        }
    }

    /// Whether each memory is at least as large as that of `other`.
    #[must_use]
    pub fn hold(&self, other: &Self) -> bool {
        self.join(*other) == *self
    }
}

/// The address behind the last tensor and the last weight.
fn dram_end(schedule: &Schedule) -> u64 {
    let tensors = schedule.dram.tensors.iter().enumerate();
    let tensors = tensors.map(|(tensor, start)| {
        let elements = schedule.graph.shape(TensorId(tensor)).elements().0;
        let element = schedule.numerics.activations[tensor].bytes().0;
        start.0 + count(schedule.batch) * elements * element
    });
    let mut end = tensors.max().unwrap_or(0);
    for (layer, starts) in schedule.dram.weights.iter().enumerate() {
        let LayerPlan::Array(plan) = &schedule.layers[layer] else {
            continue;
        };
        let weight = Bytes(u64::from(schedule.numerics.weight_bits[layer].div_ceil(8)));
        for (index, start) in starts.iter().enumerate() {
            let group = plan.work.row_group(index);
            let bytes = weights::row_group_bytes(&plan.work, &group, weight);
            end = end.max(start.0 + bytes.0);
        }
    }
    end
}

/// The text of `shape.svh`.
///
/// # Errors
/// When the chip has what the RTL does not.
pub(super) fn shape(chip: &Chip, bounds: &Bounds) -> Result<String, RtlError> {
    coverage::of_chip(chip)?;
    let (array, sram) = (&chip.array, &chip.activation_sram);
    let PeKind::Direct = array.pe.kind;
    let saturate = array.pe.accumulator.overflow == Overflow::Saturate;
    let values = [
        ("LANES", count(array.pe.lanes)),
        ("ROWS", count(array.rows)),
        ("TILE_H", count(array.tile_h)),
        ("TILE_W", count(array.tile_w)),
        ("ACCUMULATORS", count(array.pe.accumulators)),
        ("BANK_ROWS", count(sram.bank_rows)),
        ("BANK_COLS", count(sram.bank_cols)),
        ("BANK_CHANNELS", count(sram.bank_channels)),
        ("ACC_BITS", u64::from(array.pe.accumulator.bits)),
        ("ACC_SATURATE", u64::from(saturate)),
        ("DRAM_BYTES", bounds.dram_bytes.0),
        ("SRAM_WORDS", bounds.sram_words.0),
        ("SLOTS_MAX", count(bounds.slots)),
        ("LAYERS_MAX", count(bounds.layers)),
        ("OPS_MAX", count(bounds.operations)),
        ("FILLS_MAX", count(bounds.fills)),
        ("BURST_MAX", bounds.burst.0),
        ("IN_FLIGHT_MAX", count(bounds.in_flight)),
        ("HOST_BYTES", bounds.host_bytes.0),
    ];
    let mut text = String::new();
    for (name, value) in values {
        writeln!(text, "`define {name} {value}").expect("a string takes all text");
    }
    Ok(text)
}
