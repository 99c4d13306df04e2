//! Files for the RTL, and what it answers.
//!
//! In: a [`crate::schedule::Schedule`], its chip, the integers, a batch of images. Out: the bytes of the files that
//! `tests/rtl/FORMAT.md` describes: compile-time shape, registers, layers, operations, DRAM. The way back: the
//! [`Dump`] of DRAM as tensors, and [`Counters`], which the timeline of the model gives in the same form.
//! What the RTL does not have is refused by name; [`validated`] says of any layer whether the RTL has it. The bare
//! number leaves its unit here. This room opens no file, and knows nothing of how a simulator is called.

mod answers;
mod bounds;
mod coverage;
mod error;
mod memory;
mod operations;
mod registers;
mod words;

pub use answers::{Counters, Dump, LayerCounters};
pub use bounds::Bounds;
pub use coverage::validated;
pub use error::RtlError;
pub use memory::{DramImage, tensor_bytes};

use crate::chip::Chip;
use crate::quantise::QuantNetwork;
use crate::schedule::Schedule;
use crate::tensor::Activations;

/// The files of one run, by name: `shape.svh`, `regs.hex`, `layers.hex`, `ops.hex`, `dram.hex`.
///
/// * `network`, `input` (image, row, column, channel): what `schedule` was made for
///
/// Memories are as large as this run needs them; see [`files_within`].
///
/// # Errors
/// When the RTL does not have what the run needs, or schedule, chip, network and input do not belong together.
pub fn files(
    schedule: &Schedule,
    chip: &Chip,
    network: &QuantNetwork,
    input: &Activations,
) -> Result<Vec<(String, Vec<u8>)>, RtlError> {
    files_within(schedule, chip, network, input, &Bounds::of(schedule, chip)?)
}

/// As [`files`], with memories as large as `bounds` says: runs with the same bounds share one compiled RTL.
///
/// # Errors
/// As [`files`], and when the run needs more than `bounds`.
pub fn files_within(
    schedule: &Schedule,
    chip: &Chip,
    network: &QuantNetwork,
    input: &Activations,
    bounds: &Bounds,
) -> Result<Vec<(String, Vec<u8>)>, RtlError> {
    if !bounds.hold(&Bounds::of(schedule, chip)?) {
        return Err(RtlError::Bounds);
    }
    let dram = DramImage::new(schedule, network, input)?;
    let file = |name: &str, text: String| (name.to_owned(), text.into_bytes());
    Ok(vec![
        file("shape.svh", bounds::shape(chip, bounds)?),
        file("regs.hex", registers::chip(schedule, chip)),
        file("layers.hex", registers::layers(schedule, chip, network)?),
        file("ops.hex", operations::operations(schedule, chip)?),
        file("dram.hex", dram.hex(bounds.dram_bytes)),
    ])
}
