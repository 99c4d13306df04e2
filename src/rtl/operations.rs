//! `ops.hex`: the schedule's operations.

use super::RtlError;
use super::error::VECTOR;
use super::host::{self, Call};
use super::registers::place;
use super::words::WordList;
use crate::chip::Chip;
use crate::schedule::fills::FillPlan;
use crate::schedule::{ArrayPlan, BufferId, LayerPlan, Op, OpKind, Schedule};
use std::collections::BTreeMap;
use std::ops::Range;

/// Words of an operation.
const OP_WORDS: usize = 24;
/// Operations that one may come after.
const AFTER: usize = 8;

/// The text of `ops.hex`.
///
/// # Errors
/// When an operation is of the vector unit, or comes after more than eight others.
pub(super) fn operations(schedule: &Schedule, chip: &Chip) -> Result<String, RtlError> {
    let writer = Writer {
        schedule,
        chip,
        fills: FillPlan::new(schedule),
        calls: host::calls(schedule, chip)?,
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
    fills: FillPlan,
    calls: BTreeMap<usize, Call>,
}

impl Writer<'_> {
    /// Words 0 to 10.
    fn head(&self, list: &mut WordList, index: usize, op: &Op) -> Result<(), RtlError> {
        list.push(match op.kind {
            OpKind::Load { .. } => 0_u64,
            OpKind::Store { .. } => 1,
            OpKind::Fetch { .. } => 2,
            OpKind::Sweep { .. } => 3,
            OpKind::Vector { .. } => return Err(self.missing(op, VECTOR)),
            OpKind::Host { .. } => 4,
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
            } => {
                list.push(start.0);
                list.push(bytes.0);
                self.rows(list, *buffer, *image, rows);
            }
            OpKind::Fetch { row_group, fills } => {
                let work = &self.plan(op)?.work;
                list.push(self.schedule.dram.weights[op.layer.0][*row_group].0);
                for n in [fills.start, fills.end, self.fills.first[index]] {
                    list.count(n);
                }
                list.count(work.conv_pass_count());
                list.count(work.row_group(*row_group).channels.len());
            }
            OpKind::Sweep {
                row_group,
                strip,
                image,
            } => {
                let rows = &self.plan(op)?.strips[*strip].out_rows;
                for n in [*row_group, rows.start, rows.end, *image] {
                    list.count(n);
                }
                list.count(self.fills.first[index]);
                list.flag(self.fills.last_use[index]);
                list.count(*strip);
            }
            OpKind::Vector { .. } => return Err(self.missing(op, VECTOR)),
            OpKind::Host { .. } => self.calls[&index].words(list),
        }
        Ok(())
    }

    fn plan(&self, op: &Op) -> Result<&ArrayPlan, RtlError> {
        match &self.schedule.layers[op.layer.0] {
            LayerPlan::Array(plan) => Ok(plan),
            LayerPlan::Vector { .. } => Err(self.missing(op, VECTOR)),
            LayerPlan::Host => Err(self.missing(op, "Fetch or Sweep on the host")),
        }
    }

    /// Words 13 to 23 of a Load or Store.
    fn rows(&self, list: &mut WordList, id: BufferId, image: usize, rows: &Range<usize>) {
        let buffer = &self.schedule.buffers[id.0];
        let shape = self.schedule.graph.shape(buffer.tensor);
        list.count(rows.start);
        list.count(rows.end);
        place(list, self.schedule, self.chip, Some(id));
        list.count(shape.width);
        list.count(shape.channels);
        let ty = self.schedule.numerics.activations[buffer.tensor.0];
        list.push(ty.bytes().0);
        list.count(image);
        list.count(image % buffer.images.max(1));
    }

    fn missing(&self, op: &Op, what: &'static str) -> RtlError {
        let layer = self.schedule.graph.layers[op.layer.0].name.clone();
        RtlError::Layer { layer, what }
    }
}
