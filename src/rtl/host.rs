//! Calls of the host: a script, as the host itself is no RTL. The bench counts a call's cycles and then writes its
//! result, which comes from an execution, to DRAM.

use super::memory::tensor_bytes;
use super::words::{WordList, bytes_hex};
use super::{RtlError, Run};
use crate::chip::Chip;
use crate::reparam::LayerId;
use crate::schedule::{OpKind, Schedule};
use crate::time;
use crate::units::{Addr, Bytes, Cycles, count};
use ndarray::Axis;
use std::collections::BTreeMap;

/// One call: a layer for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) layer: LayerId,
    pub(super) image: usize,
    /// How long it takes.
    pub(super) cycles: Cycles,
    /// First byte of its result in DRAM.
    pub(super) start: Addr,
    pub(super) bytes: Bytes,
    /// First byte of its result in `host.hex`.
    pub(super) offset: Bytes,
}

impl Call {
    /// Words 11 to 14 of its operation.
    pub(super) fn words(&self, list: &mut WordList) {
        for n in [self.cycles.0, self.start.0, self.bytes.0, self.offset.0] {
            list.push(n);
        }
    }
}

/// Bytes of the results of all calls.
pub(super) fn result_bytes(schedule: &Schedule) -> Bytes {
    let layers = schedule.ops.iter().filter_map(|op| match op.kind {
        OpKind::Host { .. } => Some(op.layer),
        OpKind::Load { .. }
        | OpKind::Store { .. }
        | OpKind::Fetch { .. }
        | OpKind::Sweep { .. }
        | OpKind::Vector { .. } => None,
    });
    layers.map(|layer| image_bytes(schedule, layer)).sum()
}

/// Bytes of one image of what `layer` gives.
fn image_bytes(schedule: &Schedule, layer: LayerId) -> Bytes {
    let tensor = layer.output();
    let element = schedule.numerics.activations[tensor.0].bytes().0;
    Bytes(schedule.graph.shape(tensor).elements().0 * element)
}

/// All calls of a run, by operation.
///
/// # Errors
/// When there are calls and the chip has no host.
pub(super) fn calls(schedule: &Schedule, chip: &Chip) -> Result<BTreeMap<usize, Call>, RtlError> {
    let mut calls = BTreeMap::new();
    let mut offset = Bytes(0);
    for (index, op) in schedule.ops.iter().enumerate() {
        let OpKind::Host { image } = op.kind else {
            continue;
        };
        let host = (chip.host.as_ref()).ok_or(RtlError::Other { what: "host" })?;
        let bytes = image_bytes(schedule, op.layer);
        let first = schedule.dram.tensors[op.layer.output().0].0;
        let call = Call {
            layer: op.layer,
            image,
            cycles: time::host_cycles(&schedule.graph, &schedule.numerics, op.layer, host),
            start: Addr(first + count(image) * bytes.0),
            bytes,
            offset,
        };
        calls.insert(index, call);
        offset += bytes;
    }
    Ok(calls)
}

/// The bytes that a call writes.
///
/// # Errors
/// When the run brings no tensors.
pub(super) fn result(run: &Run<'_>, call: &Call) -> Result<Vec<u8>, RtlError> {
    let tensor = call.layer.output();
    let image = run.tensor(tensor)?.index_axis(Axis(0), call.image);
    let range = run.schedule.numerics.activations[tensor.0];
    Ok(tensor_bytes(image, range))
}

/// The text of `host.hex`: the results one after another, then zeros up to `size`.
///
/// # Errors
/// As [`calls`] and [`result`].
pub(super) fn results(run: &Run<'_>, size: Bytes) -> Result<String, RtlError> {
    let mut bytes = Vec::new();
    for call in calls(run.schedule, run.chip)?.values() {
        bytes.extend(result(run, call)?);
    }
    let size = usize::try_from(size.0).expect("results are small");
    bytes.resize(size, 0);
    Ok(bytes_hex(&bytes))
}
