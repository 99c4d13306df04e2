//! The golden set of one run: what an RTL reads, and what the model expects of it, as the bytes of files.
//!
//! In: a [`Set`]: a [`crate::rtl::Run`] with every tensor and accumulator of its execution, and the timeline. Out: files by name. This
//! room opens no file and computes no integer of a layer: tensors come from `execute`, cycles from `time`, addresses
//! from `schedule`.

mod banks;
mod coverage;
mod probe;
mod rounding;
mod search;
mod stimulus;
mod sums;
mod tensors;
mod timetable;
mod words;

pub use coverage::{Counts, Coverage, LayerCoverage};
pub use probe::{MOST_ROWS, Probe, Probed};
pub use stimulus::Stimulus;
pub use tensors::npy;
pub use words::words;

use crate::reparam::LayerId;
use crate::rtl::{self, Bounds, Counters, DramImage, RtlError, Run};
use crate::schedule::{LayerPlan, Schedule};
use crate::time::Timeline;
use ndarray::Array4;
use std::collections::BTreeMap;

/// A file: its path below the folder of the set, and its bytes.
pub type File = (String, Vec<u8>);

/// What the files of one run are made of.
#[derive(Debug, Clone, Copy)]
pub struct Set<'a> {
    /// Schedule, chip, integers, input and every tensor.
    pub run: Run<'a>,
    /// What happens when.
    pub timeline: &'a Timeline,
    /// The accumulators of every convolution and fully connected layer of that execution.
    pub accumulators: &'a BTreeMap<LayerId, Array4<i64>>,
}

impl Set<'_> {
    /// All files: what the RTL reads; the batch below `stimulus/` and the integers of the layers below `weights/` and
    /// `parameters/`, for benches that take them apart; and below `expected/` what it should leave.
    ///
    /// Weight SRAM has no images: its slots are filled anew all the time, and which slot holds what is an order of
    /// fills, not a place. `dram.hex` has the weights in that order.
    ///
    /// # Errors
    /// When the RTL does not have what the run needs, or the parts of the run do not belong together.
    pub fn files(&self, coverage: &Coverage) -> Result<Vec<File>, RtlError> {
        let mut files = rtl::files(&self.run)?;
        files.extend(tensors::stimulus(&self.run));
        files.extend(tensors::integers(&self.run));
        files.extend(self.answers()?);
        files.extend(tensors::expected(&self.run));
        files.extend(banks::files(&self.run));
        let schedule = timetable::schedule(self).into_bytes();
        files.push(("schedule.json".to_owned(), schedule));
        files.push(("memory_map.csv".to_owned(), timetable::memory_map(self)));
        files.push(("coverage.json".to_owned(), coverage.json().into_bytes()));
        Ok(files)
    }

    /// DRAM and counters as the run leaves them.
    fn answers(&self) -> Result<[File; 2], RtlError> {
        let size = Bounds::of(self.run.schedule, self.run.chip)?.dram_bytes;
        let dump = DramImage::after(&self.run)?.hex(size);
        let counters = Counters::of(self.timeline).hex();
        Ok([
            ("expected/dump.hex".to_owned(), dump.into_bytes()),
            ("expected/counters.hex".to_owned(), counters.into_bytes()),
        ])
    }
}

/// Layers by name, and what runs them.
#[must_use]
pub fn units(schedule: &Schedule) -> Vec<(String, &'static str)> {
    let unit = |plan: &LayerPlan| match plan {
        LayerPlan::Array(_) => "array",
        LayerPlan::Vector { .. } => "vector",
        LayerPlan::Host => "host",
    };
    let layers = schedule.graph.layers.iter().zip(&schedule.layers);
    layers
        .map(|(layer, plan)| (layer.name.clone(), unit(plan)))
        .collect()
}

/// A table: comma separated, quoted where needed, `\n` at the end of each row.
fn csv<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
    let fits = "memory takes every record, and all rows are as wide as the head";
    writer.write_record(head).expect(fits);
    for row in rows {
        writer.write_record(&row).expect(fits);
    }
    writer
        .into_inner()
        .expect("memory takes the last record as well")
}
