//! `ops.hex`: the schedule's operations.

use super::RtlError;
use super::registers::place;
use super::words::WordList;
use crate::chip::Chip;
use crate::schedule::fills::FillPlan;
use crate::schedule::{BufferId, LayerPlan, Op, OpKind, Schedule};
use crate::units::{Addr, Bytes};
use std::ops::Range;

/// Words of an operation.
const OP_WORDS: usize = 24;
/// Operations that one may come after.
const AFTER: usize = 8;

/// The text of `ops.hex`.
///
/// # Errors
/// When an operation is not of DMA or array, or comes after more than eight others.
pub(super) fn operations(schedule: &Schedule, chip: &Chip) -> Result<String, RtlError> {
    let fills = FillPlan::new(schedule);
    let writer = Writer {
        schedule,
        chip,
        fills: &fills,
    };
    let mut list = WordList::default();
    for (index, op) in schedule.ops.iter().enumerate() {
        writer.head(&mut list, index, op)?;
        writer.body(&mut list, index, op)?;
        list.fill(OP_WORDS);
    }
    Ok(list.hex())
}

struct Writer<'a> {
    schedule: &'a Schedule,
    chip: &'a Chip,
    fills: &'a FillPlan,
}

/// Rows of a tensor between DRAM and a buffer.
struct Transfer<'a> {
    buffer: BufferId,
    image: usize,
    rows: &'a Range<usize>,
    start: Addr,
    bytes: Bytes,
}

impl Writer<'_> {
    /// Words 0 to 10.
    fn head(&self, list: &mut WordList, index: usize, op: &Op) -> Result<(), RtlError> {
        list.push(match op.kind {
            OpKind::Load { .. } => 0_u64,
            OpKind::Store { .. } => 1,
            OpKind::Fetch { .. } => 2,
            OpKind::Sweep { .. } => 3,
            OpKind::Vector { .. } => return Err(self.missing(op, "vector unit")),
            OpKind::Host { .. } => return Err(self.missing(op, "host")),
        });
        list.count(op.layer.0);
        if op.after.len() > AFTER {
            return Err(RtlError::After {
                op: index,
                found: op.after.len(),
                most: AFTER,
            });
        }
        list.count(op.after.len());
        for place in 0..AFTER {
            list.count(op.after.get(place).map_or(0, |id| id.0));
        }
        Ok(())
    }

    /// Words 11 and on.
    fn body(&self, list: &mut WordList, index: usize, op: &Op) -> Result<(), RtlError> {
        match &op.kind {
            OpKind::Load {
                buffer,
                image,
                rows,
                start,
                bytes,
                ..
            }
            | OpKind::Store {
                buffer,
                image,
                rows,
                start,
                bytes,
                ..
            } => self.transfer(
                list,
                &Transfer {
                    buffer: *buffer,
                    image: *image,
                    rows,
                    start: *start,
                    bytes: *bytes,
                },
            ),
            OpKind::Fetch { row_group, fills } => {
                let LayerPlan::Array(plan) = &self.schedule.layers[op.layer.0] else {
                    return Err(self.missing(op, "weights outside the array"));
                };
                list.push(self.schedule.dram.weights[op.layer.0][*row_group].0);
                list.count(fills.start);
                list.count(fills.end);
                list.count(self.fills.first[index]);
                list.count(plan.work.conv_pass_count());
                list.count(plan.work.row_group(*row_group).channels.len());
            }
            OpKind::Sweep {
                row_group,
                strip,
                image,
            } => {
                let LayerPlan::Array(plan) = &self.schedule.layers[op.layer.0] else {
                    return Err(self.missing(op, "Sweep outside the array"));
                };
                let rows = &plan.strips[*strip].out_rows;
                for n in [*row_group, rows.start, rows.end, *image] {
                    list.count(n);
                }
                list.count(self.fills.first[index]);
                list.flag(self.fills.last_use[index]);
                list.count(*strip);
            }
            OpKind::Vector { .. } => return Err(self.missing(op, "vector unit")),
            OpKind::Host { .. } => return Err(self.missing(op, "host")),
        }
        Ok(())
    }

    fn transfer(&self, list: &mut WordList, transfer: &Transfer<'_>) {
        let buffer = &self.schedule.buffers[transfer.buffer.0];
        let shape = self.schedule.graph.shape(buffer.tensor);
        list.push(transfer.start.0);
        list.push(transfer.bytes.0);
        list.count(transfer.rows.start);
        list.count(transfer.rows.end);
        place(list, self.schedule, self.chip, Some(transfer.buffer));
        list.count(shape.width);
        list.count(shape.channels);
        let ty = self.schedule.numerics.activations[buffer.tensor.0];
        list.push(ty.bytes().0);
        list.count(transfer.image);
        list.count(transfer.image % buffer.images.max(1));
    }

    fn missing(&self, op: &Op, what: &'static str) -> RtlError {
        let layer = self.schedule.graph.layers[op.layer.0].name.clone();
        RtlError::Layer { layer, what }
    }
}
