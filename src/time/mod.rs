//! The clock: from a schedule and a chip to cycles by cause, traffic by kind, and occupancy over time.
//!
//! In: [`crate::schedule::Schedule`], [`crate::chip::Chip`]. Out: a [`Timeline`]. One fold over operations and
//! passes is the time; accounts and traffic observe that fold. Causes add up exactly, for each layer and for
//! the network. This room knows nothing of a tensor's values.

mod account;
mod cost;
mod dma;
mod dram;
mod engines;
mod fills;
mod fold;
mod ideal;
mod occupancy;
mod offload;
mod reads;
mod record;
mod sweep;

pub use occupancy::stored;
pub use offload::{element_cycles, host_cycles, layer_elements};
pub use record::{ArraySpan, BusSpan, Record};

use crate::chip::Chip;
use crate::reparam::LayerId;
use crate::schedule::{BufferId, OpId, Schedule, Traffic};
use crate::units::{Bytes, Cycles, Elements, Macs, Tick};
use serde::Serialize;
use std::collections::BTreeMap;

/// What the array does, or waits for, in one cycle. Every cycle has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Steps the array would need if every multiplier worked.
    Useful,
    /// Steps lost to taps that a kernel does not have.
    KernelIdle,
    /// Steps lost to lanes without a channel.
    LaneIdle,
    /// Steps lost to rows without an output channel.
    RowIdle,
    /// Steps lost to tiles that hang over the edge of the map.
    TileEdge,
    /// Steps that add a shortcut.
    Residual,
    /// Steps that compute halo rows again.
    Halo,
    /// Start of a layer on the array.
    Setup,
    /// Waits for the host, transfers around the call included.
    Host,
    /// Waits for the vector unit.
    Vector,
    /// No free output rows; after the last layer: the output is still on its way to DRAM.
    OutputsWait,
    /// A Load has not ended.
    InputsWait,
    /// The drain register is full; at a layer's end: its last drains.
    Drain,
    /// The patch's words are still being read.
    ActPort,
    /// The next weight slot is not filled.
    WeightsWait,
    /// The kernel read is running.
    WeightPort,
    /// The pipeline or the first kernel of a layer fills.
    Fill,
}

impl Cause {
    /// All causes, in the order of every report.
    pub const ALL: [Self; 17] = [
        Self::Useful,
        Self::KernelIdle,
        Self::LaneIdle,
        Self::RowIdle,
        Self::TileEdge,
        Self::Residual,
        Self::Halo,
        Self::Setup,
        Self::Host,
        Self::Vector,
        Self::OutputsWait,
        Self::InputsWait,
        Self::Drain,
        Self::ActPort,
        Self::WeightsWait,
        Self::WeightPort,
        Self::Fill,
    ];

    /// The key in files: `kernel_idle`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Useful => "useful",
            Self::KernelIdle => "kernel_idle",
            Self::LaneIdle => "lane_idle",
            Self::RowIdle => "row_idle",
            Self::TileEdge => "tile_edge",
            Self::Residual => "residual",
            Self::Halo => "halo",
            Self::Setup => "setup",
            Self::Host => "host",
            Self::Vector => "vector",
            Self::OutputsWait => "outputs_wait",
            Self::InputsWait => "inputs_wait",
            Self::Drain => "drain",
            Self::ActPort => "act_port",
            Self::WeightsWait => "weights_wait",
            Self::WeightPort => "weight_port",
            Self::Fill => "fill",
        }
    }
}

/// Cycles by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Account {
    cycles: [Cycles; 17],
}

impl Account {
    /// Adds `cycles` to `cause`.
    pub fn add(&mut self, cause: Cause, cycles: Cycles) {
        self.cycles[cause as usize] += cycles;
    }

    /// Cycles of `cause`.
    #[must_use]
    pub fn get(&self, cause: Cause) -> Cycles {
        self.cycles[cause as usize]
    }

    /// All cycles.
    #[must_use]
    pub fn total(&self) -> Cycles {
        self.cycles.iter().copied().sum()
    }

    /// Adds another account, cause by cause.
    pub fn merge(&mut self, other: &Self) {
        for cause in Cause::ALL {
            self.add(cause, other.get(cause));
        }
    }
}

/// DRAM bytes of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Payload read from DRAM.
    pub read: Bytes,
    /// Payload written to DRAM.
    pub written: Bytes,
    /// Whole bursts, both directions.
    pub bus: Bytes,
}

/// DRAM bytes by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DramTraffic {
    moved: [Moved; 6],
}

impl DramTraffic {
    /// Bytes of `kind`.
    #[must_use]
    pub fn get(&self, kind: Traffic) -> Moved {
        self.moved[kind as usize]
    }

    /// Mutable access for the fold.
    pub fn of(&mut self, kind: Traffic) -> &mut Moved {
        &mut self.moved[kind as usize]
    }

    /// Payload of all kinds, read and written.
    #[must_use]
    pub fn payload(&self) -> Bytes {
        self.moved.iter().map(|m| m.read + m.written).sum()
    }

    /// Whole bursts of all kinds.
    #[must_use]
    pub fn bus(&self) -> Bytes {
        self.moved.iter().map(|m| m.bus).sum()
    }

    /// Adds another table, kind by kind.
    pub fn merge(&mut self, other: &Self) {
        for kind in Traffic::ALL {
            let from = other.get(kind);
            let to = self.of(kind);
            to.read += from.read;
            to.written += from.written;
            to.bus += from.bus;
        }
    }
}

/// On-chip accesses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Accesses {
    /// Activation words read by the array.
    pub activation_reads: u64,
    /// Activation words written by the array.
    pub activation_writes: u64,
    /// Bytes read over the weight port, idle rows and lanes included.
    pub weight_port_bytes: u64,
    /// Bytes written into weight slots.
    pub weight_slot_bytes: u64,
    /// Activation words written and read by DMA.
    pub dma_words: u64,
    /// Outputs requantised.
    pub requantised: u64,
}

/// The time of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerTime {
    /// The layer.
    pub layer: LayerId,
    /// End of the layer before.
    pub start: Tick,
    /// Its last drain, or the end of its vector or host work.
    pub end: Tick,
    /// Cycles between the two, by cause.
    pub account: Account,
    /// Multiply-accumulates done on the array, for the whole batch.
    pub macs: Macs,
    /// Steps of the array.
    pub steps: u64,
    /// DRAM bytes of its Loads, Fetches and Stores.
    pub dram: DramTraffic,
    /// On-chip accesses.
    pub accesses: Accesses,
}

/// When an operation held its engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct OpSpan {
    /// First cycle.
    pub start: Tick,
    /// For a Sweep: after its last step. For others: `end`.
    pub steps_end: Tick,
    /// After its last cycle, drains included.
    pub end: Tick,
}

/// Live activation SRAM between two ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Occupancy {
    /// From when.
    pub at: Tick,
    /// Buffers live from then on.
    pub live: Vec<BufferId>,
    /// Bytes they take, padding included.
    pub bytes: Bytes,
}

/// What the memories and ports cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As the chip says.
    Real,
    /// Ports, DRAM, fill, drain, setup, host, vector and residual steps cost nothing: closed forms.
    Ideal,
}

/// The time of a whole run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// One per layer of the schedule, in order.
    pub layers: Vec<LayerTime>,
    /// From the first DRAM request to the last output byte.
    pub total: Cycles,
    /// Spans of all operations, by [`OpId`].
    pub ops: Vec<OpSpan>,
    /// Activation SRAM over time, one entry per change.
    pub occupancy: Vec<Occupancy>,
    /// Most bytes of activation SRAM live at once.
    pub peak_activation_bytes: Bytes,
    /// Most unpadded elements live at once.
    pub peak_activation_elements: Elements,
    /// Peak MACs a cycle of the array.
    pub peak_macs_per_cycle: u64,
}

impl Timeline {
    /// Cycles by cause over all layers.
    #[must_use]
    pub fn account(&self) -> Account {
        self.layers
            .iter()
            .fold(Account::default(), |mut sum, layer| {
                sum.merge(&layer.account);
                sum
            })
    }

    /// DRAM bytes over all layers.
    #[must_use]
    pub fn dram(&self) -> DramTraffic {
        self.layers
            .iter()
            .fold(DramTraffic::default(), |mut sum, layer| {
                sum.merge(&layer.dram);
                sum
            })
    }

    /// Span of one operation.
    #[must_use]
    pub fn span(&self, op: OpId) -> OpSpan {
        self.ops[op.0]
    }
}

/// The time of `schedule` on `chip`.
///
/// # Panics
/// When the schedule was not made for this chip's array, or was not checked: the mapper gives only schedules that
/// pass [`crate::schedule`]'s check.
#[must_use]
pub fn run(schedule: &Schedule, chip: &Chip, mode: Mode) -> Timeline {
    assert_eq!(
        schedule.array, chip.array,
        "the schedule was made for this array"
    );
    let folded = match mode {
        Mode::Real => fold::fold(schedule, chip),
        Mode::Ideal => ideal::fold(schedule),
    };
    timeline(schedule, chip, folded)
}

/// The time of `schedule` on `chip` as [`run`] gives it in [`Mode::Real`], and what array and bus did when.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn observed(schedule: &Schedule, chip: &Chip) -> (Timeline, Record) {
    assert_eq!(
        schedule.array, chip.array,
        "the schedule was made for this array"
    );
    let (folded, record) = fold::observed(schedule, chip);
    (timeline(schedule, chip, folded), record)
}

/// The cycle of each step of the Sweeps of `layer`, by Sweep, in the order of [`crate::schedule::work::ConvWork::steps`]:
/// the one in which the patch's products go into its accumulators.
///
/// # Panics
/// As [`run`].
#[must_use]
pub fn steps(schedule: &Schedule, chip: &Chip, layer: LayerId) -> BTreeMap<OpId, Vec<Tick>> {
    assert_eq!(
        schedule.array, chip.array,
        "the schedule was made for this array"
    );
    fold::steps(schedule, chip, layer)
}

fn timeline(schedule: &Schedule, chip: &Chip, folded: fold::Folded) -> Timeline {
    let occupancy = occupancy::over_time(schedule, chip, &folded.ops);
    Timeline {
        layers: folded.layers,
        total: folded.total,
        peak_activation_bytes: occupancy.iter().map(|o| o.bytes).max().unwrap_or_default(),
        peak_activation_elements: occupancy::peak_elements(schedule, chip, &occupancy),
        occupancy,
        ops: folded.ops,
        peak_macs_per_cycle: chip.array.peak_macs_per_cycle(),
    }
}
