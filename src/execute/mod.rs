//! The golden model: exact integers from a schedule, a network and an input.
//!
//! In: [`crate::schedule::Schedule`], [`crate::quantise::QuantNetwork`], a batch of images. Out: a [`Run`]: the
//! network's output, and on request every tensor and the accumulators of chosen layers.
//! Two witnesses: [`naive`] has plain loops over whole maps that take the step order as data; [`run`] follows
//! the operations of a schedule in list order, through DRAM tensors and SRAM buffers that are real rings of
//! rows, so that a wrong ring, halo or order is an error or shows as wrong integers. Both agree to the bit.
//! [`Plain`] runs a network by itself, for comparisons that no chip has a part in.
//! A convolution takes the fast path where its range proof holds or its accumulators wrap, else every step in
//! its order. All arithmetic is integer. This room knows nothing of cycles, bandwidth and chips beyond the array.

#![deny(clippy::float_arithmetic, clippy::cast_possible_truncation)]

mod check;
mod dram;
mod error;
mod exact;
mod fast;
mod gather;
mod host;
mod kernels;
mod layer;
mod machine;
mod memory;
pub mod naive;
mod operation;
mod plain;
mod sram;
mod sweeps;
mod vector;
mod view;
mod watch;

pub use error::ExecuteError;
pub use plain::Plain;
pub use watch::Finished;

use crate::quantise::QuantNetwork;
use crate::reparam::LayerId;
use crate::schedule::{OpId, Schedule};
use crate::tensor::Activations;
use ndarray::Array4;
use std::collections::{BTreeMap, BTreeSet};

/// Which path convolutions may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kernel {
    /// Plain sums wherever the order of additions cannot change a bit, else every step in its order.
    #[default]
    FastWhereProven,
    /// Every step in its order, everywhere.
    StepOrder,
}

/// What a run keeps besides the output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep every tensor.
    pub keep_tensors: bool,
    /// Keep the accumulators of these convolutions and fully connected layers.
    pub accumulators: BTreeSet<LayerId>,
    /// Which path convolutions may take.
    pub kernel: Kernel,
}

/// The path a convolution took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Path {
    /// Plain sums.
    Fast,
    /// Every step in its order.
    StepOrder,
}

/// How a convolution or fully connected layer was computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConvRun {
    /// The path taken.
    pub path: Path,
    /// Bits that hold every partial sum of the layer, for any input and any order of steps.
    pub accumulator_bits: u32,
    /// Whether the array's accumulators have these bits, so that no addition can overflow.
    pub proven: bool,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// The network's output, read from DRAM: image, row, column, channel.
    pub output: Activations,
    /// With [`Options::keep_tensors`] every tensor, by [`crate::reparam::TensorId`]; else empty.
    pub tensors: Vec<Activations>,
    /// The accumulators asked for, after the last step and before requantisation; axes as the layer's output.
    pub accumulators: BTreeMap<LayerId, Array4<i64>>,
    /// By layer; `None` for layers without accumulators.
    pub layers: Vec<Option<ConvRun>>,
}

/// Executes `schedule` on `input` (images, rows, columns, channels) with the integers of `network`.
///
/// `progress` is told each operation as it is taken up, in list order. The result does not depend on the
/// number of threads.
///
/// # Errors
/// When the schedule was made for another network, the integers or the input are not valid, an operation reads
/// a row that is not there, or a trapping accumulator leaves its range; see [`ExecuteError`].
pub fn run(
    schedule: &Schedule,
    network: &QuantNetwork,
    input: &Activations,
    options: &Options,
    progress: &mut dyn FnMut(OpId),
) -> Result<Run, ExecuteError> {
    checked(schedule, network, input, options)?;
    machine::Machine::new(schedule, network, input, options).run(progress)
}

/// As [`run`], and shows each layer to `each` as soon as its output is whole: in the order of execution, with its
/// inputs. No tensor is held longer than a layer reads it, unless [`Options::keep_tensors`] asks for all.
///
/// # Errors
/// As [`run`].
pub fn run_by_layer(
    schedule: &Schedule,
    network: &QuantNetwork,
    input: &Activations,
    options: &Options,
    each: &mut dyn FnMut(Finished<'_>),
) -> Result<Run, ExecuteError> {
    checked(schedule, network, input, options)?;
    let watch = watch::Watch::new(schedule, &network.graph, input, each);
    let machine = machine::Machine::new(schedule, network, input, options);
    machine.watched(watch).run(&mut |_| {})
}

/// That all parts of a run are valid and belong together.
fn checked(
    schedule: &Schedule,
    network: &QuantNetwork,
    input: &Activations,
    options: &Options,
) -> Result<(), ExecuteError> {
    check::network(network)?;
    check::schedule(schedule, network)?;
    check::input(network, schedule.batch, input)?;
    check::accumulators(network, &options.accumulators)
}
