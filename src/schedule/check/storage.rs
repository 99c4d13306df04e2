//! Where buffers lie: inside the memory, and not on one another while both live.

use super::order::is_dma;
use super::{Schedule, ScheduleError};
use crate::chip::Chip;
use crate::schedule::{Buffer, BufferId, LayerPlan, OpId, OpKind};
use crate::units::count;
use std::ops::Range;

/// Bytes a lane of each bank that a buffer takes.
fn place(schedule: &Schedule, chip: &Chip, buffer: &Buffer) -> Range<u64> {
    let sram = &chip.activation_sram;
    let banks = count(sram.bank_rows * sram.bank_cols);
    let element = schedule.numerics.activations[buffer.tensor.0].bytes().0;
    buffer.base.0..buffer.base.0 + buffer.words.0 / banks * element
}

/// Words that a buffer must have: rows and columns padded to the bank grid, channels to whole words.
fn words(schedule: &Schedule, chip: &Chip, buffer: &Buffer) -> u64 {
    let sram = &chip.activation_sram;
    let shape = schedule.graph.shape(buffer.tensor);
    count(
        buffer.images
            * buffer.rows.next_multiple_of(sram.bank_rows)
            * shape.width.next_multiple_of(sram.bank_cols)
            * shape.channels.div_ceil(chip.array.pe.lanes),
    )
}

/// A sum in the storage of one of its operands: same place and form.
fn same_form(schedule: &Schedule, a: &Buffer, b: &Buffer) -> bool {
    let form = |buffer: &Buffer| {
        let shape = schedule.graph.shape(buffer.tensor);
        let element = schedule.numerics.activations[buffer.tensor.0].bytes();
        (
            buffer.base,
            buffer.words,
            buffer.images,
            buffer.rows,
            shape,
            element,
        )
    };
    form(a) == form(b)
}

const fn meets(a: &Range<u64>, b: &Range<u64>) -> bool {
    a.start < b.end && b.start < a.end
}

pub(super) fn check(schedule: &Schedule, chip: &Chip) -> Result<(), ScheduleError> {
    let sram = &chip.activation_sram;
    let unit = count(sram.bank_rows * sram.bank_cols * chip.array.pe.lanes);
    let capacity = sram.capacity.0 / unit;
    let places: Vec<Range<u64>> = schedule
        .buffers
        .iter()
        .map(|buffer| place(schedule, chip, buffer))
        .collect();
    for (index, buffer) in schedule.buffers.iter().enumerate() {
        let short = buffer.words.0 != words(schedule, chip, buffer);
        if places[index].end > capacity || short {
            return Err(ScheduleError::BeyondSram {
                buffer: BufferId(index),
                end: places[index].end,
                capacity,
            });
        }
        for (before, other) in schedule.buffers[..index].iter().enumerate() {
            let live = buffer.live.start <= other.live.end && other.live.start <= buffer.live.end;
            if live && meets(&places[index], &places[before]) && !same_form(schedule, buffer, other)
            {
                return Err(ScheduleError::Overlap {
                    a: BufferId(before),
                    b: BufferId(index),
                });
            }
        }
    }
    Ok(())
}

/// What must be over before a buffer is written, because other buffers lay in its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Succession {
    /// Last operation of array or vector unit on a buffer that lay here.
    pub(super) work: Option<OpId>,
    /// Last operation of the DMA engine on a buffer that lay here.
    pub(super) dma: Option<OpId>,
    /// Buffers that share the storage while this one lives.
    pub(super) shared: Vec<usize>,
}

/// The succession of every buffer.
pub(super) fn successions(schedule: &Schedule, chip: &Chip) -> Vec<Succession> {
    let buffers = &schedule.buffers;
    let mut last: Vec<[Option<OpId>; 2]> = vec![[None; 2]; buffers.len()];
    for (index, op) in schedule.ops.iter().enumerate() {
        for buffer in touched(schedule, OpId(index)) {
            last[buffer.0][usize::from(is_dma(op))] = Some(OpId(index));
        }
    }
    let places: Vec<Range<u64>> = buffers
        .iter()
        .map(|buffer| place(schedule, chip, buffer))
        .collect();
    (0..buffers.len())
        .map(|index| {
            let mut succession = Succession::default();
            for other in 0..buffers.len() {
                if other == index || !meets(&places[index], &places[other]) {
                    continue;
                }
                if buffers[other].live.end < buffers[index].live.start {
                    succession.work = succession.work.max(last[other][0]);
                    succession.dma = succession.dma.max(last[other][1]);
                } else if buffers[index].live.end >= buffers[other].live.start {
                    succession.shared.push(other);
                    let before = last[other][1].filter(|dma| *dma < buffers[index].live.start);
                    succession.dma = succession.dma.max(before);
                }
            }
            succession
        })
        .collect()
}

/// Buffers that an operation reads or writes.
pub(super) fn touched(schedule: &Schedule, op: OpId) -> Vec<BufferId> {
    let this = &schedule.ops[op.0];
    match (&this.kind, &schedule.layers[this.layer.0]) {
        (OpKind::Load { buffer, .. } | OpKind::Store { buffer, .. }, _) => vec![*buffer],
        (OpKind::Sweep { .. }, LayerPlan::Array(plan)) => [plan.input, plan.output]
            .into_iter()
            .chain(plan.residual)
            .collect(),
        (OpKind::Vector { .. }, LayerPlan::Vector { inputs, output, .. }) => {
            inputs.iter().copied().chain([*output]).collect()
        }
        (
            OpKind::Fetch { .. }
            | OpKind::Host { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. },
            LayerPlan::Array(_) | LayerPlan::Vector { .. } | LayerPlan::Host,
        ) => Vec::new(),
    }
}
