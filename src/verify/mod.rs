//! Whether what hardware left agrees with the model.
//!
//! In: a [`Model`], a dump in any of its forms, masks. Out: a [`Report`]: a verdict, the first mismatch in the order of
//! execution and of memory, counts by channel, row and column, cycles beside the model's. [`told`] says it on a
//! terminal and as JSON, JUnit XML and one HTML page. What cannot be judged is never called a match.

pub mod cycles;
mod dram;
pub mod dumps;
mod hex;
pub mod judge;
mod log;
pub mod masks;
mod npy;
pub mod origin;
pub mod place;
pub mod told;

pub use judge::{Report, Verdict};

use crate::rtl::Run;
use crate::time::Timeline;

/// What the hardware was given, and what the model makes of it.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// Schedule, chip, integers, input and every tensor of an execution.
    pub run: Run<'a>,
    /// What happens when.
    pub timeline: &'a Timeline,
}
