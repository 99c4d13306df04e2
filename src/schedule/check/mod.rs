//! Whether a schedule can run: an independent witness of what the mapper promises.
//!
//! Rows are followed buffer by buffer in list order, then every hand-over between the DMA engine and the others
//! must be ordered by an `after`; weight slots are counted, and the engines are run as co-routines without time.
//! The DMA engine takes its operations in order, and so do array, vector unit and host together; a layer starts
//! when the layer before has drained.

mod order;
mod rows;
mod slots;
mod storage;

use super::{BufferId, OpId, Schedule};
use crate::chip::Chip;
use crate::reparam::TensorId;

/// Why a schedule cannot run as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// An index points at nothing, or an operation does not belong to its layer.
    #[error("operation {} is malformed: {what}", op.0)]
    Malformed {
        /// The operation.
        op: OpId,
        /// What is wrong.
        what: &'static str,
    },
    /// An operation waits for itself or a later one.
    #[error("operation {} waits for operation {}, which is not earlier", op.0, after.0)]
    NotEarlier {
        /// The operation.
        op: OpId,
        /// What it waits for.
        after: OpId,
    },
    /// A buffer ends behind the memory.
    #[error("buffer {} ends at {end} B of a bank's lane, which holds {capacity} B", buffer.0)]
    BeyondSram {
        /// The buffer.
        buffer: BufferId,
        /// Its end, in bytes a lane of each bank.
        end: u64,
        /// What there is.
        capacity: u64,
    },
    /// Two buffers lie on one another while both live.
    #[error("buffers {} and {} overlap while both live", a.0, b.0)]
    Overlap {
        /// One.
        a: BufferId,
        /// The other.
        b: BufferId,
    },
    /// An operation touches a buffer outside its life.
    #[error("operation {} touches buffer {} outside its life", op.0, buffer.0)]
    NotLive {
        /// The operation.
        op: OpId,
        /// The buffer.
        buffer: BufferId,
    },
    /// A row is not where an operation reads it.
    #[error("operation {} reads row {row} of image {image} in buffer {}, which holds {held}", op.0, buffer.0)]
    Row {
        /// The operation.
        op: OpId,
        /// The buffer.
        buffer: BufferId,
        /// The image.
        image: usize,
        /// The row.
        row: usize,
        /// What stands there.
        held: String,
    },
    /// A row is not in DRAM when it is read there.
    #[error("operation {} reads row {row} of image {image} of tensor {} from DRAM, where it is not", op.0, tensor.0)]
    NotInDram {
        /// The operation.
        op: OpId,
        /// The tensor.
        tensor: TensorId,
        /// The image.
        image: usize,
        /// The row.
        row: usize,
    },
    /// An operation may overtake one that it depends on.
    #[error("operation {} may overtake operation {}: {why}", op.0, other.0)]
    Race {
        /// The operation.
        op: OpId,
        /// What it does not wait for.
        other: OpId,
        /// What would go wrong.
        why: &'static str,
    },
    /// Weights are not fetched as Sweeps need them.
    #[error("operation {}: {what}", op.0)]
    Fills {
        /// The Fetch or Sweep.
        op: OpId,
        /// What is wrong.
        what: &'static str,
    },
    /// Neither the DMA engine nor the others can go on.
    #[error("deadlock: the DMA engine stands at operation {dma:?}, the others at {work:?}")]
    Deadlock {
        /// Next of the DMA engine.
        dma: Option<OpId>,
        /// Next of array, vector unit and host.
        work: Option<OpId>,
    },
    /// A row of the output never reaches DRAM.
    #[error("row {row} of image {image} of the output never reaches DRAM")]
    Output {
        /// The image.
        image: usize,
        /// The row.
        row: usize,
    },
}

impl Schedule {
    /// Checks that this schedule can run on `chip`: order, rows, storage, weight slots, no deadlock, whole output.
    ///
    /// # Errors
    /// The first thing that cannot run; see [`ScheduleError`].
    pub fn check(&self, chip: &Chip) -> Result<(), ScheduleError> {
        self.well_formed()?;
        storage::check(self, chip)?;
        let order = order::Order::new(self);
        rows::check(self, &order, &storage::successions(self, chip))?;
        slots::check(self, chip.weight_slots(self.numerics.widest_weight()))
    }
}
