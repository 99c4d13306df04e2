//! From counts to figures with seconds in them: the one place where a clock enters.

use super::{ChipFacts, RunResult};
use crate::schedule::Traffic;
use crate::time::{Accesses, Account, DramTraffic, LayerTime};
use crate::units::{Bytes, Cycles, Macs, count};

/// The figures of one network on one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// Cycles of the run.
    pub cycles: Cycles,
    /// The same in seconds, cold: first DRAM request to last output byte.
    pub latency_s: f64,
    /// Images of the run over its latency.
    pub images_per_s: f64,
    /// Array MACs over peak · cycles, 0 to 1.
    pub utilisation: f64,
    /// Most bytes of activation SRAM live at once, padding included.
    pub peak_activation: Bytes,
    /// DRAM bytes by kind.
    pub dram: DramTraffic,
    /// Cycles by cause.
    pub account: Account,
}

impl Summary {
    /// The figures of `run` on `chip`.
    #[must_use]
    pub fn of(run: &RunResult, chip: &ChipFacts) -> Self {
        let timeline = &run.timeline;
        let latency_s = seconds(timeline.total, chip);
        Self {
            cycles: timeline.total,
            latency_s,
            images_per_s: real(count(run.schedule.batch)) / latency_s,
            utilisation: run.counts().utilisation(),
            peak_activation: timeline.peak_activation_bytes,
            dram: timeline.dram(),
            account: timeline.account(),
        }
    }
}

/// A span in seconds.
#[must_use]
pub fn seconds(span: Cycles, chip: &ChipFacts) -> f64 {
    real(span.0) / real(chip.clock.0.get())
}

/// A count as a float; exact below 2^53, rounded to 16 digits above.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "counts below 2^53 are exact, larger ones are rounded to 16 digits"
)]
pub const fn real(count: u64) -> f64 {
    count as f64
}

/// Cycles of a layer over cycles of its run, 0 to 1; 0 for an empty run.
#[must_use]
pub fn share(part: Cycles, whole: Cycles) -> f64 {
    if whole == Cycles::ZERO {
        0.0
    } else {
        real(part.0) / real(whole.0)
    }
}

/// Payload of one kind, read and written.
#[must_use]
pub fn payload(dram: &DramTraffic, kind: Traffic) -> Bytes {
    let moved = dram.get(kind);
    moved.read + moved.written
}

/// The kind's key in files: `weights`.
#[must_use]
pub const fn traffic_key(kind: Traffic) -> &'static str {
    match kind {
        Traffic::Weights => "weights",
        Traffic::Inputs => "inputs",
        Traffic::Outputs => "outputs",
        Traffic::Shortcuts => "shortcuts",
        Traffic::Spills => "spills",
        Traffic::Host => "host",
    }
}

/// Array MACs of a layer over peak · its cycles, 0 to 1; `None` for a layer that took no time.
#[must_use]
pub fn layer_utilisation(time: &LayerTime, peak: u64) -> Option<f64> {
    let cycles = time.account.total();
    (cycles > Cycles::ZERO && peak > 0).then(|| real(time.macs.0) / (real(peak) * real(cycles.0)))
}

/// Bytes that the array read from SRAM in one layer: activation words and kernels.
#[must_use]
pub fn sram_reads(run: &RunResult, index: usize) -> Bytes {
    let time: &LayerTime = &run.timeline.layers[index];
    let layer = &run.schedule.graph.layers[time.layer.0];
    let element = run.schedule.numerics.activations[layer.inputs[0].0].bytes();
    let Accesses {
        activation_reads,
        weight_port_bytes,
        ..
    } = time.accesses;
    let word = count(run.schedule.array.pe.lanes) * element.0;
    Bytes(activation_reads * word + weight_port_bytes)
}

/// MACs for each byte, `None` when no byte moves or no MAC is done.
#[must_use]
pub fn intensity(macs: Macs, bytes: Bytes) -> Option<f64> {
    (macs.0 > 0 && bytes.0 > 0).then(|| real(macs.0) / real(bytes.0))
}
