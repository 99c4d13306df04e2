//! Files for the RTL, and what it answers.
//!
//! In: a [`Run`]: a [`crate::schedule::Schedule`], its chip, the integers, a batch of images. Out: the bytes of the
//! files that `tests/rtl/FORMAT.md` describes: compile-time shape, registers, layers, operations, DRAM, results of the
//! host. The way back: the [`Dump`] of DRAM and the [`WriteLog`] of the array as tensors, and [`Counters`], which the timeline of the model gives in the
//! same form.
//! What the RTL does not have is refused by name. The bare number leaves its unit here. This room opens no file, and
//! knows nothing of how a simulator is called.

mod answers;
mod bounds;
mod error;
mod host;
mod memory;
mod operations;
mod registers;
mod words;
mod writes;

pub use answers::{Counters, Dump, LayerCounters};
pub use bounds::Bounds;
pub use error::RtlError;
pub use memory::{DramImage, tensor_bytes};
pub use writes::{Write, WriteLog, Written};

use crate::chip::Chip;
use crate::quantise::QuantNetwork;
use crate::reparam::TensorId;
use crate::schedule::Schedule;
use crate::tensor::Activations;

/// What the RTL is to run.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What the chip does.
    pub schedule: &'a Schedule,
    /// What `schedule` was made for.
    pub chip: &'a Chip,
    /// What `schedule` was made for.
    pub network: &'a QuantNetwork,
    /// Image, row, column, channel.
    pub input: &'a Activations,
    /// Every tensor of an execution, the input first: results of the host come from there. May be empty where no
    /// layer is on the host.
    pub tensors: &'a [Activations],
}

impl Run<'_> {
    /// That schedule, network and input belong together.
    fn check(&self) -> Result<(), RtlError> {
        let (schedule, network) = (self.schedule, self.network);
        if schedule.graph != network.graph || schedule.numerics != network.numerics {
            return Err(RtlError::Other { what: "network" });
        }
        let range = schedule.numerics.activations[0];
        let fits = |value: &i32| (range.min()..=range.max()).contains(value);
        if self.input.dim() != self.dim(TensorId(0)) || !self.input.iter().all(fits) {
            return Err(RtlError::Other { what: "input" });
        }
        Ok(())
    }

    fn dim(&self, tensor: TensorId) -> (usize, usize, usize, usize) {
        let map = self.schedule.graph.shape(tensor);
        (self.schedule.batch, map.height, map.width, map.channels)
    }

    /// A tensor of the execution.
    fn tensor(&self, tensor: TensorId) -> Result<&Activations, RtlError> {
        let found = self.tensors.get(tensor.0);
        found
            .filter(|found| found.dim() == self.dim(tensor))
            .ok_or(RtlError::Other { what: "execution" })
    }
}

/// That the RTL has what a run of `schedule` on `chip` needs, as far as that is known without integers.
///
/// # Errors
/// When it does not.
pub fn check(schedule: &Schedule, chip: &Chip) -> Result<(), RtlError> {
    bounds::shape(chip, &Bounds::of(schedule, chip)?)?;
    operations::operations(schedule, chip)?;
    Ok(())
}

/// The files of one run, by name: `shape.svh`, `regs.hex`, `layers.hex`, `ops.hex`, `dram.hex`, `host.hex`.
///
/// Memories are as large as this run needs them; see [`files_within`].
///
/// # Errors
/// When the RTL does not have what the run needs, or its parts do not belong together.
pub fn files(run: &Run<'_>) -> Result<Vec<(String, Vec<u8>)>, RtlError> {
    files_within(run, &Bounds::of(run.schedule, run.chip)?)
}

/// As [`files`], with memories as large as `bounds` says: runs with the same bounds share one compiled RTL.
///
/// # Errors
/// As [`files`], and when the run needs more than `bounds`.
pub fn files_within(run: &Run<'_>, bounds: &Bounds) -> Result<Vec<(String, Vec<u8>)>, RtlError> {
    let (schedule, chip) = (run.schedule, run.chip);
    if !bounds.hold(&Bounds::of(schedule, chip)?) {
        return Err(RtlError::Bounds);
    }
    let dram = DramImage::before(run)?;
    let file = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    let layers = registers::layers(schedule, chip, run.network)?;
    Ok(vec![
        file("shape.svh", bounds::shape(chip, bounds)?),
        file("regs.hex", registers::chip(schedule, chip)),
        file("layers.hex", layers),
        file("ops.hex", operations::operations(schedule, chip)?),
        file("dram.hex", dram.hex(bounds.dram_bytes)),
        file("host.hex", host::results(run, bounds.host_bytes)?),
    ])
}
