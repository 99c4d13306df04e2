//! Closed-form cost of a layer: what ranks choices before anything is timed exactly.
//!
//! Cycles are the longer of computation and DRAM transfers, plus the transfers that nothing hides: the first strip's
//! Loads, the last strip's Store, and all of a tensor whose ring holds one strip only. Good for ranking, not exact.

use super::engine::Engine;
use super::facts::Facts;
use crate::chip::{Chip, Reuse};
use crate::reparam::{LayerGraph, LayerId, LayerOp};
use crate::schedule::WeightMode;
use crate::schedule::weights;
use crate::schedule::work::{ConvWork, PassKind};
use crate::time;
use crate::units::{Bytes, count};

/// Ranked first by cycles, then by DRAM bytes, then by SRAM.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cost {
    pub(super) cycles: u64,
    pub(super) dram: u64,
    /// Bytes a lane and bank, summed over layers.
    pub(super) sram: u64,
}

impl std::ops::Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            cycles: self.cycles + other.cycles,
            dram: self.dram + other.dram,
            sram: self.sram + other.sram,
        }
    }
}

/// One cycle in so many of the transfers behind computation counts as not hidden: bursts of Fetches, Loads and
/// Stores hold one another up, and no choice should move many bytes for a few cycles.
const HIDDEN: u64 = 8;

/// What a layer costs however it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Base {
    /// Computation, for the whole batch.
    pub(super) compute: u64,
    /// Each time the strip changes.
    pub(super) restart: u64,
    /// DRAM bytes of all row groups.
    pub(super) weights: u64,
    pub(super) row_groups: usize,
    pub(super) passes: usize,
    /// Blocks of one tile row.
    pub(super) blocks: usize,
    /// Tile rows; beside the array output rows, or input rows where the operator gathers.
    pub(super) lines: usize,
}

impl Base {
    pub(super) fn new(
        graph: &LayerGraph,
        chip: &Chip,
        id: LayerId,
        engine: &Engine,
        batch: usize,
    ) -> Self {
        let layer = &graph.layers[id.0];
        match engine {
            Engine::Array(work) => {
                let images = match layer.op {
                    LayerOp::FullyConnected { .. } => 1,
                    LayerOp::Conv { .. }
                    | LayerOp::Lookup(_)
                    | LayerOp::Add { .. }
                    | LayerOp::Multiply { .. }
                    | LayerOp::Concat
                    | LayerOp::MaxPool(_)
                    | LayerOp::AvgPool(_)
                    | LayerOp::GlobalAvgPool
                    | LayerOp::AdaptiveAvgPool { .. }
                    | LayerOp::Resize(_) => batch,
                };
                Self {
                    compute: count(images) * array_cycles(work, chip),
                    restart: chip.control.pipeline_cycles.0,
                    // Weights of one byte; the caller's width scales them.
                    weights: weights::layer_bytes(work, Bytes(1)).0,
                    row_groups: work.row_groups(),
                    passes: work.conv_pass_count(),
                    blocks: work.blocks(),
                    lines: work.output.height.div_ceil(work.array.tile_h),
                }
            }
            Engine::Vector | Engine::Host => Self {
                compute: count(batch) * element_cycles(graph, chip, id),
                restart: chip.vector.map_or(0, |unit| unit.start_cycles.0),
                weights: 0,
                row_groups: 1,
                passes: 0,
                blocks: 1,
                lines: match engine {
                    Engine::Vector if layer.op.gathers() => graph.shape(layer.inputs[0]).height,
                    Engine::Array(_) | Engine::Vector | Engine::Host => layer.output.height,
                },
            },
        }
    }
}

/// Cycles of one image on the array: each block takes its passes, or its drains if they are longer.
fn array_cycles(work: &ConvWork, chip: &Chip) -> u64 {
    let array = &work.array;
    let conv = &work.conv;
    let sram = &chip.activation_sram;
    let side = conv.kernel.min(3);
    let spread =
        |tile: usize| ((tile - 1) * conv.stride + (side - 1) * conv.dilation + 1).min(tile * side);
    let columns = match sram.reuse {
        Reuse::Window if conv.dilation == 1 => {
            (array.tile_w * conv.stride.min(side)).min(spread(array.tile_w))
        }
        Reuse::Window | Reuse::None => spread(array.tile_w),
    };
    let first = work.passes(0);
    let words = first.first().map_or(1, |pass| pass.words);
    let reads = count(
        (spread(array.tile_h).div_ceil(sram.bank_rows) * columns.div_ceil(sram.bank_cols) * words)
            .div_ceil(if words > 1 { sram.bank_channels } else { 1 }),
    )
    .max(1);
    let bytes = first
        .iter()
        .filter(|pass| pass.kind != PassKind::Residual)
        .map(|pass| count(array.rows * array.pe.lanes * pass.weight_taps));
    let kernels: u64 = bytes
        .map(|bytes| Bytes(bytes).over(chip.weight_sram.port).0)
        .sum();
    let passes = count(first.len());
    let outputs = count(array.tile_h * array.tile_w * array.rows);
    let drain = outputs.div_ceil(count(chip.requantise.units));
    let block = |patches: usize| {
        let patches = count(patches);
        (passes * patches * reads).max(kernels).max(patches * drain)
    };
    let full = work.tile_cols() / array.pe.accumulators;
    let rest = work.tile_cols() % array.pe.accumulators;
    let line = count(full) * block(array.pe.accumulators) + if rest > 0 { block(rest) } else { 0 };
    let lines = work.output.height.div_ceil(array.tile_h);
    chip.control.layer_start_cycles.0 + count(work.row_groups() * lines) * line
}

/// Cycles of one image beside the array, without the start of each strip.
fn element_cycles(graph: &LayerGraph, chip: &Chip, id: LayerId) -> u64 {
    let elements = time::layer_elements(graph, id);
    match (&chip.vector, &chip.host) {
        (Some(unit), _) => {
            let each = time::element_cycles(&graph.layers[id.0].op, unit);
            (elements * each).div_ceil(count(unit.lanes))
        }
        (None, Some(host)) => host.call_cycles.0 + elements.div_ceil(host.elements_per_cycle),
        (None, None) => 0,
    }
}

/// What a choice moves and what stays unhidden, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moves {
    /// All activations, both ways.
    pub(super) activations: u64,
    /// Those that computation cannot hide.
    pub(super) exposed: u64,
    /// Separate transfers among the exposed.
    pub(super) transfers: u64,
    /// Weights.
    pub(super) weights: u64,
    /// Changes of strip.
    pub(super) turns: usize,
}

impl Facts<'_> {
    /// Cycles that `bytes` take on the DRAM bus.
    fn bus(&self, bytes: u64) -> u64 {
        let rate = &self.dram.bandwidth;
        let scaled = u128::from(bytes) * u128::from(rate.denominator.get());
        u64::try_from(scaled.div_ceil(u128::from(rate.numerator.get()))).unwrap_or(u64::MAX)
    }

    /// DRAM bytes of a layer's weights.
    pub(super) fn weight_bytes(&self, layer: LayerId, mode: WeightMode, strips: usize) -> u64 {
        let base = &self.layers[layer.0].cost;
        let bytes = u64::from(self.numerics.weight_bits[layer.0].div_ceil(8));
        let images = count(self.images_swept(layer));
        let once = base.weights * bytes + count(base.row_groups) * self.dram.burst.0 / 2;
        match mode {
            WeightMode::Resident => once,
            WeightMode::Held => once * images * count(strips),
            WeightMode::Streamed => once * images * count(base.lines * base.blocks),
        }
    }

    /// The estimate of a layer that moves `moves` and takes `sram` units.
    pub(super) fn cost(&self, layer: LayerId, moves: &Moves, sram: u64) -> Cost {
        let base = &self.layers[layer.0].cost;
        let exposed = self.bus(moves.exposed) + moves.transfers * self.dram.latency.0;
        let compute = base.compute + count(moves.turns) * base.restart;
        let dram = moves.activations + moves.weights;
        let hidden = self.bus(dram - moves.exposed.min(dram));
        Cost {
            cycles: compute.max(hidden) + hidden / HIDDEN + exposed,
            dram,
            sram,
        }
    }
}
