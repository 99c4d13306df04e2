//! Which buffers of activation SRAM are live when.

use super::{Occupancy, OpSpan};
use crate::chip::Chip;
use crate::schedule::{BufferId, Schedule};
use crate::units::{Bytes, Elements, Tick, count};

/// One entry per change: a buffer is live from the start of its first operation to the end of its last.
pub(super) fn over_time(schedule: &Schedule, chip: &Chip, spans: &[OpSpan]) -> Vec<Occupancy> {
    let mut events: Vec<(Tick, bool, BufferId)> = Vec::new();
    for (index, buffer) in schedule.buffers.iter().enumerate() {
        let (Some(first), Some(last)) =
            (spans.get(buffer.live.start.0), spans.get(buffer.live.end.0))
        else {
            continue;
        };
        // What a Sweep reads is free after its last step; what it writes is there until its last drain.
        let written = schedule.ops[buffer.live.end.0].layer.output() == buffer.tensor;
        let free = if written { last.end } else { last.steps_end };
        events.push((first.start, true, BufferId(index)));
        events.push((free, false, BufferId(index)));
    }
    // At one tick, what ends makes room for what begins.
    events.sort_unstable();
    let mut live: Vec<BufferId> = Vec::new();
    let mut changes: Vec<Occupancy> = Vec::new();
    for (at, begins, id) in events {
        match live.binary_search(&id) {
            Err(place) if begins => live.insert(place, id),
            Ok(place) if !begins => {
                live.remove(place);
            }
            Ok(_) | Err(_) => {}
        }
        let bytes = storages(schedule, chip, &live)
            .map(|id| buffer_bytes(schedule, chip, id))
            .sum();
        match changes.last_mut() {
            Some(last) if last.at == at => {
                last.live.clone_from(&live);
                last.bytes = bytes;
            }
            Some(_) | None => changes.push(Occupancy {
                at,
                live: live.clone(),
                bytes,
            }),
        }
    }
    changes
}

/// Live buffers without those whose place a later one has taken over: a sum in place of its operand, or a ring
/// that is loaded while the last burst of a Store from there is still under way.
fn storages<'a>(
    schedule: &'a Schedule,
    chip: &Chip,
    live: &'a [BufferId],
) -> impl Iterator<Item = BufferId> + 'a {
    let sram = &chip.activation_sram;
    let banks = count(sram.bank_rows * sram.bank_cols);
    let place = move |id: BufferId| {
        let buffer = &schedule.buffers[id.0];
        let element = schedule.numerics.activations[buffer.tensor.0].bytes();
        buffer.base.0..buffer.base.0 + buffer.words.0 / banks * element.0
    };
    let begins = |id: BufferId| (schedule.buffers[id.0].live.start, id);
    live.iter().copied().filter(move |id| {
        let own = place(*id);
        !live.iter().any(|other| {
            let taken = place(*other);
            begins(*other) > begins(*id) && taken.start < own.end && own.start < taken.end
        })
    })
}

/// Bytes a buffer takes, padding to words and to the bank grid included.
fn buffer_bytes(schedule: &Schedule, chip: &Chip, id: BufferId) -> Bytes {
    let buffer = &schedule.buffers[id.0];
    let element = schedule.numerics.activations[buffer.tensor.0].bytes();
    Bytes(buffer.words.0 * count(chip.array.pe.lanes) * element.0)
}

/// What each live buffer takes: bytes with padding, without the buffers whose place a later one has taken over.
/// Their sum is [`Occupancy::bytes`].
#[must_use]
pub fn stored(schedule: &Schedule, chip: &Chip, live: &[BufferId]) -> Vec<(BufferId, Bytes)> {
    storages(schedule, chip, live)
        .map(|id| (id, buffer_bytes(schedule, chip, id)))
        .collect()
}

/// Most unpadded elements live at once.
pub(super) fn peak_elements(schedule: &Schedule, chip: &Chip, occupancy: &[Occupancy]) -> Elements {
    let live = |o: &Occupancy| {
        storages(schedule, chip, &o.live)
            .map(|id| schedule.buffers[id.0].elements)
            .sum()
    };
    Elements(occupancy.iter().map(live).max().unwrap_or(0))
}
