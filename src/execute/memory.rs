//! Where the rows of every tensor are: DRAM and activation SRAM between two operations.

use super::ExecuteError;
use super::dram::Stored;
use super::operation::At;
use super::sram::Ring;
use super::view::{Block, View};
use crate::reparam::TensorId;
use crate::schedule::{BufferId, OpKind, Schedule};
use crate::tensor::{Activations, FeatureMap};
use std::ops::Range;

/// DRAM and SRAM of a run.
pub(super) struct Memory<'a> {
    schedule: &'a Schedule,
    /// By tensor.
    dram: Vec<Option<Stored>>,
    /// The last operation that reads each tensor from DRAM.
    last_read: Vec<Option<usize>>,
    /// By buffer.
    sram: Vec<Option<Ring>>,
    /// By buffer: others that share its storage while it lives.
    shared: Vec<Vec<usize>>,
}

impl<'a> Memory<'a> {
    /// Before the first operation: the input is in DRAM, the SRAM holds nothing.
    pub(super) fn new(schedule: &'a Schedule, input: &Activations) -> Self {
        let mut dram = Vec::new();
        dram.resize_with(schedule.graph.layers.len() + 1, || None);
        dram[0] = Some(Stored::whole(input.clone()));
        let mut sram = Vec::new();
        sram.resize_with(schedule.buffers.len(), || None);
        Self {
            schedule,
            dram,
            last_read: last_reads(schedule),
            sram,
            shared: shared_storage(schedule),
        }
    }

    /// What is in DRAM of a tensor; it is there no more.
    pub(super) fn take(&mut self, tensor: TensorId) -> Option<Stored> {
        self.dram[tensor.0].take()
    }

    /// Makes sure that `buffer` lives now and holds `tensor`.
    pub(super) fn touch(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        tensor: Option<TensorId>,
    ) -> Result<(), ExecuteError> {
        let Some(found) = self.schedule.buffers.get(buffer.0) else {
            return Err(at.fault(format!("there is no buffer {}", buffer.0)));
        };
        if !(found.live.start..=found.live.end).contains(&at.op) {
            return Err(ExecuteError::NotLive {
                layer: at.layer.name.clone(),
                op: at.op,
                buffer,
                live: [found.live.start, found.live.end],
            });
        }
        if tensor.is_some_and(|tensor| tensor != found.tensor) {
            return Err(at.fault(format!("buffer {} holds another tensor", buffer.0)));
        }
        let shape = self.schedule.graph.shape(found.tensor);
        self.sram[buffer.0].get_or_insert_with(|| Ring::new(found, shape));
        Ok(())
    }

    /// Makes sure that image and rows are of the map `shape`.
    pub(super) fn inside(
        &self,
        at: &At<'_>,
        image: usize,
        rows: &Range<usize>,
        shape: FeatureMap,
    ) -> Result<(), ExecuteError> {
        if image >= self.schedule.batch || rows.is_empty() || rows.end > shape.height {
            return Err(at.fault(format!(
                "rows {rows:?} of image {image} are outside {} images of {shape}",
                self.schedule.batch
            )));
        }
        Ok(())
    }

    /// Copies rows from DRAM into a buffer.
    pub(super) fn load(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ExecuteError> {
        self.touch(at, buffer, None)?;
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let shape = self.schedule.graph.shape(tensor);
        self.inside(at, image, rows, shape)?;
        let ring = self.sram[buffer.0].as_mut().expect("touched above");
        let mut slots = Vec::with_capacity(rows.len());
        for y in rows.clone() {
            let row = dram_row(&self.dram, at, tensor, image, y)?;
            slots.push(ring.write(image, y, 0..shape.channels, row));
        }
        self.overwrite_shared(buffer, &slots);
        Ok(())
    }

    /// Copies rows from a buffer to DRAM.
    pub(super) fn store(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ExecuteError> {
        self.touch(at, buffer, None)?;
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let shape = self.schedule.graph.shape(tensor);
        self.inside(at, image, rows, shape)?;
        let batch = self.schedule.batch;
        let stored = self.dram[tensor.0].get_or_insert_with(|| Stored::empty(batch, shape));
        for y in rows.clone() {
            let row = ring_row(&self.sram, at, buffer, image, y)?;
            stored.write(image, y, 0..shape.channels, row);
        }
        Ok(())
    }

    /// Rows of a buffer; each must be held.
    pub(super) fn sram_view(
        &self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<View<'_>, ExecuteError> {
        let shape = self
            .schedule
            .graph
            .shape(self.schedule.buffers[buffer.0].tensor);
        let row = |y| ring_row(&self.sram, at, buffer, image, y);
        view(shape, rows, row)
    }

    /// Rows of a tensor in DRAM; each must be there.
    pub(super) fn dram_view(
        &self,
        at: &At<'_>,
        tensor: TensorId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<View<'_>, ExecuteError> {
        let shape = self.schedule.graph.shape(tensor);
        let row = |y| dram_row(&self.dram, at, tensor, image, y);
        view(shape, rows, row)
    }

    /// Writes a block into a buffer that was touched by its operation.
    pub(super) fn write_sram(&mut self, buffer: BufferId, block: &Block) {
        let area = &block.area;
        let ring = self.sram[buffer.0]
            .as_mut()
            .expect("touched when the operation was taken up");
        let row = block.values.len() / area.rows.len();
        let slots: Vec<usize> = area
            .rows
            .clone()
            .zip(block.values.chunks_exact(row))
            .map(|(y, values)| ring.write(area.image, y, area.channels.clone(), values))
            .collect();
        self.overwrite_shared(buffer, &slots);
    }

    /// Writes a block into its tensor in DRAM.
    pub(super) fn write_dram(&mut self, tensor: TensorId, block: &Block) {
        let shape = self.schedule.graph.shape(tensor);
        let (batch, area) = (self.schedule.batch, &block.area);
        let stored = self.dram[tensor.0].get_or_insert_with(|| Stored::empty(batch, shape));
        let row = block.values.len() / area.rows.len();
        for (y, values) in area.rows.clone().zip(block.values.chunks_exact(row)) {
            stored.write(area.image, y, area.channels.clone(), values);
        }
    }

    /// Buffers on the same storage lose what a write put in its place.
    fn overwrite_shared(&mut self, buffer: BufferId, slots: &[usize]) {
        for &other in &self.shared[buffer.0] {
            if let Some(ring) = &mut self.sram[other] {
                for &slot in slots {
                    ring.overwrite(slot);
                }
            }
        }
    }

    /// Frees what no later operation reads.
    pub(super) fn release(&mut self, op: usize) {
        for (ring, buffer) in self.sram.iter_mut().zip(&self.schedule.buffers) {
            if ring.is_some() && buffer.live.end.0 < op {
                *ring = None;
            }
        }
        let output = self.schedule.graph.output().0;
        for (tensor, last) in self.last_read.iter().enumerate() {
            if *last == Some(op) && tensor != output {
                self.dram[tensor] = None;
            }
        }
    }

    /// The rows of all images of a buffer, one after another.
    pub(super) fn flat(&self, at: &At<'_>, buffer: BufferId) -> Result<Vec<i32>, ExecuteError> {
        let shape = self
            .schedule
            .graph
            .shape(self.schedule.buffers[buffer.0].tensor);
        let mut flat = Vec::new();
        for image in 0..self.schedule.batch {
            for y in 0..shape.height {
                flat.extend_from_slice(ring_row(&self.sram, at, buffer, image, y)?);
            }
        }
        Ok(flat)
    }
}

fn view<'v>(
    shape: FeatureMap,
    rows: &Range<usize>,
    row: impl FnMut(usize) -> Result<&'v [i32], ExecuteError>,
) -> Result<View<'v>, ExecuteError> {
    Ok(View {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        first: rows.start,
        rows: rows.clone().map(row).collect::<Result<_, _>>()?,
    })
}

fn ring_row<'r>(
    sram: &'r [Option<Ring>],
    at: &At<'_>,
    buffer: BufferId,
    image: usize,
    row: usize,
) -> Result<&'r [i32], ExecuteError> {
    let ring = sram[buffer.0]
        .as_ref()
        .expect("touched when the operation was taken up");
    ring.read(image, row)
        .map_err(|held| ExecuteError::StaleRow {
            layer: at.layer.name.clone(),
            buffer,
            image,
            row,
            held,
        })
}

fn dram_row<'d>(
    dram: &'d [Option<Stored>],
    at: &At<'_>,
    tensor: TensorId,
    image: usize,
    row: usize,
) -> Result<&'d [i32], ExecuteError> {
    let stored = dram[tensor.0].as_ref();
    stored
        .and_then(|stored| stored.row(image, row))
        .ok_or_else(|| ExecuteError::NotInDram {
            layer: at.layer.name.clone(),
            tensor: tensor.0,
            image,
            row,
        })
}

/// For each tensor the last operation that reads it from DRAM.
fn last_reads(schedule: &Schedule) -> Vec<Option<usize>> {
    let mut last = vec![None; schedule.graph.layers.len() + 1];
    for (index, op) in schedule.ops.iter().enumerate() {
        match &op.kind {
            OpKind::Load { buffer, .. } => {
                if let Some(buffer) = schedule.buffers.get(buffer.0) {
                    last[buffer.tensor.0] = Some(index);
                }
            }
            OpKind::Host { .. } => {
                if let Some(layer) = schedule.graph.layers.get(op.layer.0) {
                    for tensor in &layer.inputs {
                        last[tensor.0] = Some(index);
                    }
                }
            }
            OpKind::Store { .. }
            | OpKind::Fetch { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. } => {}
        }
    }
    last
}

/// For each buffer the others of the same place and form whose lives meet its own: a sum in the storage of its
/// shortcut.
fn shared_storage(schedule: &Schedule) -> Vec<Vec<usize>> {
    let form = |index: usize| {
        let buffer = &schedule.buffers[index];
        let shape = schedule.graph.shape(buffer.tensor);
        (buffer.base, buffer.words, buffer.images, buffer.rows, shape)
    };
    let meets = |a: usize, b: usize| {
        let (a, b) = (&schedule.buffers[a].live, &schedule.buffers[b].live);
        a.start <= b.end && b.start <= a.end
    };
    let all = 0..schedule.buffers.len();
    all.clone()
        .map(|a| {
            let same = |&b: &usize| a != b && form(a) == form(b) && meets(a, b);
            all.clone().filter(same).collect()
        })
        .collect()
}
