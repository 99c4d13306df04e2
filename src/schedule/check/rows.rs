//! Follows every row through DRAM and the rings of SRAM.

use super::order::Order;
use super::storage::{Succession, touched};
use super::{Schedule, ScheduleError};
use crate::reparam::{LayerId, LayerOp, TensorId};
use crate::schedule::{BufferId, LayerPlan, OpId, OpKind};
use std::ops::Range;

/// One row of a ring.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Image and row, and how many of its channels are written.
    holds: Option<(usize, usize)>,
    channels: usize,
    /// Last operation of each engine that wrote or read it.
    loaded: Option<OpId>,
    stored: Option<OpId>,
    written: Option<OpId>,
    read: Option<OpId>,
}

/// A ring of rows.
struct Ring {
    images: usize,
    rows: usize,
    slots: Vec<Slot>,
}

impl Ring {
    const fn index(&self, image: usize, row: usize) -> usize {
        image % self.images * self.rows + row % self.rows
    }
}

struct Rows<'a> {
    schedule: &'a Schedule,
    order: &'a Order,
    successions: &'a [Succession],
    rings: Vec<Ring>,
    /// By tensor, image and row: what put it into DRAM.
    dram: Vec<Vec<Option<OpId>>>,
}

/// Whether each row is where it is read, by operations that are ordered.
pub(super) fn check(
    schedule: &Schedule,
    order: &Order,
    successions: &[Succession],
) -> Result<(), ScheduleError> {
    let rings = schedule.buffers.iter().map(|buffer| Ring {
        images: buffer.images.max(1),
        rows: buffer.rows.max(1),
        slots: vec![Slot::default(); buffer.images.max(1) * buffer.rows.max(1)],
    });
    let mut rows = Rows {
        schedule,
        order,
        successions,
        rings: rings.collect(),
        dram: (0..=schedule.graph.layers.len())
            .map(|tensor| {
                vec![None; schedule.batch * schedule.graph.shape(TensorId(tensor)).height]
            })
            .collect(),
    };
    for index in 0..schedule.ops.len() {
        rows.operation(OpId(index))?;
    }
    let output = schedule.graph.output();
    let height = schedule.graph.shape(output).height;
    match rows.dram[output.0].iter().position(Option::is_none) {
        Some(place) => Err(ScheduleError::Output {
            image: place / height,
            row: place % height,
        }),
        None => Ok(()),
    }
}

impl Rows<'_> {
    fn operation(&mut self, op: OpId) -> Result<(), ScheduleError> {
        for buffer in touched(self.schedule, op) {
            let live = &self.schedule.buffers[buffer.0].live;
            if !(live.start..=live.end).contains(&op) {
                return Err(ScheduleError::NotLive { op, buffer });
            }
        }
        let this = &self.schedule.ops[op.0];
        match (&this.kind, &self.schedule.layers[this.layer.0]) {
            (
                OpKind::Load {
                    buffer,
                    image,
                    rows,
                    ..
                },
                _,
            ) => self.load(op, *buffer, *image, rows),
            (
                OpKind::Store {
                    buffer,
                    image,
                    rows,
                    ..
                },
                _,
            ) => self.store(op, *buffer, *image, rows),
            (
                OpKind::Sweep {
                    row_group,
                    strip,
                    image,
                },
                LayerPlan::Array(plan),
            ) => {
                let strip = &plan.strips[*strip];
                let channels = plan.work.row_group(*row_group).channels.len();
                let batch = 0..self.schedule.batch;
                let whole = matches!(self.layer_op(this.layer), LayerOp::FullyConnected { .. });
                let images = if whole { batch } else { *image..image + 1 };
                for image in images {
                    self.read(op, plan.input, image, &strip.in_rows)?;
                    if let Some(residual) = plan.residual {
                        self.read(op, residual, image, &strip.out_rows)?;
                    }
                    self.write(op, plan.output, image, &strip.out_rows, channels)?;
                }
                Ok(())
            }
            (
                OpKind::Vector { strip, image },
                LayerPlan::Vector {
                    inputs,
                    output,
                    strips,
                },
            ) => {
                let last = *strip + 1 == strips.len();
                let strip = &strips[*strip];
                for (place, &buffer) in inputs.iter().enumerate() {
                    let rows = self.operand_rows(this.layer, place, &strip.in_rows);
                    self.read(op, buffer, *image, &rows)?;
                }
                if self.layer_op(this.layer).gathers() && !last {
                    return Ok(());
                }
                let channels = self.schedule.graph.layers[this.layer.0].output.channels;
                self.write(op, *output, *image, &strip.out_rows, channels)
            }
            (OpKind::Host { image }, LayerPlan::Host) => self.host(op, this.layer, *image),
            (
                OpKind::Fetch { .. }
                | OpKind::Sweep { .. }
                | OpKind::Vector { .. }
                | OpKind::Host { .. },
                LayerPlan::Array(_) | LayerPlan::Vector { .. } | LayerPlan::Host,
            ) => Ok(()),
        }
    }

    /// Rows of an operand: those of a scale for each channel are one, for every strip.
    fn operand_rows(&self, layer: LayerId, place: usize, in_rows: &Range<usize>) -> Range<usize> {
        let graph = &self.schedule.graph;
        let is_scale = matches!(self.layer_op(layer), LayerOp::Multiply { .. }) && place == 1;
        if is_scale && graph.shape(graph.layers[layer.0].inputs[place]).pixels() == 1 {
            0..1
        } else {
            in_rows.clone()
        }
    }

    fn layer_op(&self, layer: LayerId) -> &LayerOp {
        &self.schedule.graph.layers[layer.0].op
    }

    fn load(
        &mut self,
        op: OpId,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ScheduleError> {
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let succession = &self.successions[buffer.0];
        self.order
            .after_steps(op, succession.work, "a buffer in its place is still in use")?;
        for row in rows.clone() {
            self.in_dram(op, tensor, image, row)?;
            let place = self.rings[buffer.0].index(image, row);
            let slot = self.rings[buffer.0].slots[place];
            let used = slot.read.max(slot.written);
            self.order
                .after_steps(op, used, "it overwrites a row still in use")?;
            self.rings[buffer.0].slots[place] = Slot {
                holds: Some((image, row)),
                channels: self.schedule.graph.shape(tensor).channels,
                loaded: Some(op),
                ..slot
            };
            self.overwrite(buffer, place);
        }
        Ok(())
    }

    fn store(
        &mut self,
        op: OpId,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ScheduleError> {
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let height = self.schedule.graph.shape(tensor).height;
        for row in rows.clone() {
            let place = self.held(op, buffer, image, row)?;
            let slot = &mut self.rings[buffer.0].slots[place];
            slot.stored = Some(op);
            let (written, loaded) = (slot.written, slot.loaded);
            self.order
                .after_drain(op, written, "the row is not written yet")?;
            self.order
                .after_dma(op, loaded, "the row is not loaded yet")?;
            self.dram[tensor.0][image * height + row] = Some(op);
        }
        Ok(())
    }

    /// The row in DRAM, put there before `op`.
    fn in_dram(
        &self,
        op: OpId,
        tensor: TensorId,
        image: usize,
        row: usize,
    ) -> Result<(), ScheduleError> {
        if tensor == TensorId::INPUT {
            return Ok(());
        }
        let height = self.schedule.graph.shape(tensor).height;
        let Some(by) = self.dram[tensor.0][image * height + row] else {
            return Err(ScheduleError::NotInDram {
                op,
                tensor,
                image,
                row,
            });
        };
        const WHY: &str = "the row is not in DRAM yet";
        match self.schedule.ops[by.0].kind {
            OpKind::Host { .. } => self.order.after_steps(op, Some(by), WHY),
            OpKind::Load { .. }
            | OpKind::Store { .. }
            | OpKind::Fetch { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. } => self.order.after_dma(op, Some(by), WHY),
        }
    }

    /// The slot that holds a whole row.
    fn held(
        &self,
        op: OpId,
        buffer: BufferId,
        image: usize,
        row: usize,
    ) -> Result<usize, ScheduleError> {
        let ring = &self.rings[buffer.0];
        let place = ring.index(image, row);
        let slot = &ring.slots[place];
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let missing = self.schedule.graph.shape(tensor).channels - slot.channels;
        let held = match slot.holds {
            Some(held) if held == (image, row) && missing == 0 => return Ok(place),
            Some(held) if held == (image, row) => format!("it without {missing} channels"),
            Some((image, row)) => format!("row {row} of image {image}"),
            None => "nothing".to_owned(),
        };
        Err(ScheduleError::Row {
            op,
            buffer,
            image,
            row,
            held,
        })
    }

    fn read(
        &mut self,
        op: OpId,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ScheduleError> {
        for row in rows.clone() {
            let place = self.held(op, buffer, image, row)?;
            let slot = &mut self.rings[buffer.0].slots[place];
            slot.read = Some(op);
            let loaded = slot.loaded;
            self.order
                .after_dma(op, loaded, "the row is not loaded yet")?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        op: OpId,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
        channels: usize,
    ) -> Result<(), ScheduleError> {
        self.order.after_dma(
            op,
            self.successions[buffer.0].dma,
            "a buffer in its place is still in use",
        )?;
        for row in rows.clone() {
            let place = self.rings[buffer.0].index(image, row);
            let slot = self.rings[buffer.0].slots[place];
            self.order.after_dma(
                op,
                slot.stored,
                "it overwrites a row that is not stored yet",
            )?;
            let before = if slot.holds == Some((image, row)) {
                slot.channels
            } else {
                0
            };
            self.rings[buffer.0].slots[place] = Slot {
                holds: Some((image, row)),
                channels: before + channels,
                written: Some(op),
                ..slot
            };
            self.overwrite_after(op, buffer, place);
        }
        Ok(())
    }

    /// Buffers on the same storage lose what a Load put in its place.
    fn overwrite(&mut self, buffer: BufferId, place: usize) {
        for &other in &self.successions[buffer.0].shared {
            self.rings[other].slots[place].holds = None;
        }
    }

    /// The last row group of a Sweep ends the operand's row: those before take their own channels of it only.
    fn overwrite_after(&mut self, op: OpId, buffer: BufferId, place: usize) {
        let slot = &self.rings[buffer.0].slots[place];
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let whole = slot.channels == self.schedule.graph.shape(tensor).channels;
        let vector = matches!(self.schedule.ops[op.0].kind, OpKind::Vector { .. });
        if whole || vector {
            self.overwrite(buffer, place);
        }
    }

    /// The host reads and writes whole maps in DRAM.
    fn host(&mut self, op: OpId, layer: LayerId, image: usize) -> Result<(), ScheduleError> {
        for &tensor in &self.schedule.graph.layers[layer.0].inputs {
            for row in 0..self.schedule.graph.shape(tensor).height {
                self.in_dram(op, tensor, image, row)?;
            }
        }
        let tensor = layer.output();
        let height = self.schedule.graph.shape(tensor).height;
        self.dram[tensor.0][image * height..(image + 1) * height].fill(Some(op));
        Ok(())
    }
}
