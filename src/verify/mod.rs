//! Whether what hardware left agrees with the model.
//!
//! In: a [`Model`], a dump in any of its forms with its description, the model's tensors one by one, masks. Out: a [`Report`]: a verdict, the first mismatch in the order of
//! execution and of memory, counts by channel, row and column, the causes that explain them, cycles beside the model's. [`told`] says it on a
//! terminal and as JSON, JUnit XML and one HTML page. What cannot be judged is never called a match.

mod compare;
pub mod cycles;
mod dram;
pub mod dumps;
mod fill;
pub mod judge;
mod log;
pub mod masks;
pub mod observed;
pub mod origin;
pub mod place;
mod reading;
mod sources;
pub mod told;
mod vacuity;
pub mod why;

pub use compare::Comparison;
pub use judge::{Report, Verdict};

use crate::chip::Chip;
use crate::layout::Dim;
use crate::quantise::QuantNetwork;
use crate::reparam::LayerId;
use crate::rtl;
use crate::schedule::Schedule;
use crate::tensor::{Activations, IntType};
use crate::time::Timeline;

/// What the hardware was given, and what the model makes of it.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// What the chip does.
    pub schedule: &'a Schedule,
    /// What `schedule` was made for.
    pub chip: &'a Chip,
    /// What `schedule` was made for.
    pub network: &'a QuantNetwork,
    /// Image, row, column, channel.
    pub input: &'a Activations,
    /// What happens when.
    pub timeline: &'a Timeline,
}

impl<'a> Model<'a> {
    /// As the RTL is given it; its tensors stay with the model.
    const fn run(&self) -> rtl::Run<'a> {
        rtl::Run {
            schedule: self.schedule,
            chip: self.chip,
            network: self.network,
            input: self.input,
            tensors: &[],
        }
    }

    /// Shape and integers of a layer's output.
    fn output(&self, layer: LayerId) -> (Dim, IntType) {
        let map = self.schedule.graph.shape(layer.output());
        let dim = (self.schedule.batch, map.height, map.width, map.channels);
        (dim, self.schedule.numerics.activations[layer.output().0])
    }
}
