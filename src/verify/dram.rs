//! `dump.hex`: the outputs that DRAM holds at the end, and all its other bytes.

use super::dumps::{Element, Part, Subject, value};
use super::{Model, hex};
use crate::problem::Problem;
use crate::reparam::LayerId;
use crate::rtl::{Bounds, DramImage};
use crate::schedule::{LayerPlan, OpKind, Schedule};
use crate::units::{Addr, Bytes};
use std::ops::Range;
use std::path::Path;

/// The output of each layer that reaches DRAM, and last all other bytes.
///
/// # Errors
/// `verify::unreadable`, `verify::word`, `verify::beyond`; `verify::other_run` when input or weights are those of
/// another run; and what the RTL lacks.
pub(super) fn parts(model: &Model<'_>, path: &Path) -> Result<Vec<Part>, Problem> {
    let run = &model.run;
    let size = place(Bounds::of(run.schedule, run.chip)?.dram_bytes.0);
    let mut expected = DramImage::after(run)?.bytes().to_vec();
    expected.resize(size, 0);
    let found = bytes(path, size)?;
    same_run(model, path, &expected, &found)?;
    let outputs = outputs(run.schedule);
    let mut rest: Vec<Element> = found.clone();
    let mut held = vec![false; size];
    for range in &outputs {
        rest[range.clone()].fill(Element::Outside);
        held[range.clone()].fill(true);
    }
    let layers = (0..run.schedule.layers.len()).map(LayerId);
    let mut parts: Vec<Part> = layers
        .map(|layer| output(model, path, layer, &found, &held))
        .filter(|part| {
            part.elements
                .iter()
                .any(|element| *element != Element::Outside)
        })
        .collect();
    parts.push(Part {
        expected: expected.into_iter().map(i32::from).collect(),
        ..Part::of(model, Subject::Rest, path, rest)
    });
    Ok(parts)
}

/// Every byte of the file.
fn bytes(path: &Path, size: usize) -> Result<Vec<Element>, Problem> {
    let mut found = vec![Element::Missing; size];
    hex::words(path, 8, &mut |at, word| {
        let byte = usize::try_from(at).ok().and_then(|at| found.get_mut(at));
        byte.is_some_and(|byte| {
            let known = word.and_then(|word| i32::try_from(word).ok());
            *byte = known.map_or(Element::Unknown, Element::Known);
            true
        })
    })?;
    Ok(found)
}

/// A layer's output as far as it is stored.
fn output(
    model: &Model<'_>,
    path: &Path,
    layer: LayerId,
    found: &[Element],
    held: &[bool],
) -> Part {
    let schedule = model.run.schedule;
    let tensor = layer.output();
    let ty = schedule.numerics.activations[tensor.0];
    let size = place(ty.bytes().0);
    let start = place(schedule.dram.tensors[tensor.0].0);
    let element = |index: usize| {
        let at = start + index * size;
        if !held[at] {
            return Element::Outside;
        }
        let bytes = &found[at..at + size];
        if bytes.contains(&Element::Missing) {
            return Element::Missing;
        }
        let word = bytes.iter().rev().try_fold(0, |word, byte| match byte {
            Element::Known(byte) => Some(word << 8 | u64::from(byte.unsigned_abs())),
            Element::Unknown | Element::Missing | Element::Outside => None,
        });
        word.map_or(Element::Unknown, |word| Element::Known(value(word, ty)))
    };
    let elements = (0..model.run.tensors[tensor.0].len()).map(element);
    Part::of(model, Subject::Layer(layer), path, elements.collect())
}

/// Bytes that Stores and the host write.
fn outputs(schedule: &Schedule) -> Vec<Range<usize>> {
    let range = |start: Addr, bytes: Bytes| place(start.0)..place(start.0 + bytes.0);
    let stores = schedule.ops.iter().filter_map(|op| match &op.kind {
        OpKind::Store { start, bytes, .. } => Some(range(*start, *bytes)),
        OpKind::Load { .. }
        | OpKind::Fetch { .. }
        | OpKind::Sweep { .. }
        | OpKind::Vector { .. }
        | OpKind::Host { .. } => None,
    });
    let plans = schedule.layers.iter().enumerate();
    let hosts = plans.filter(|(_, plan)| matches!(plan, LayerPlan::Host));
    let hosts = hosts.map(|(layer, _)| tensor_range(schedule, layer + 1));
    stores.chain(hosts).collect()
}

/// All bytes of a tensor of the batch.
fn tensor_range(schedule: &Schedule, tensor: usize) -> Range<usize> {
    let map = schedule.graph.shape(crate::reparam::TensorId(tensor));
    let size = place(schedule.numerics.activations[tensor].bytes().0);
    let start = place(schedule.dram.tensors[tensor].0);
    start..start + schedule.batch * map.pixels() * map.channels * size
}

/// That input and weights, which no run changes, are those of this run, but for single bytes.
fn same_run(
    model: &Model<'_>,
    path: &Path,
    expected: &[u8],
    found: &[Element],
) -> Result<(), Problem> {
    let schedule = model.run.schedule;
    let last = schedule.dram.tensors.len() - 1;
    let weights = tensor_range(schedule, last).end.min(expected.len())..expected.len();
    for (what, range) in [("weights", weights), ("input", tensor_range(schedule, 0))] {
        let pairs = expected[range.clone()].iter().zip(&found[range]);
        let known = pairs.filter_map(|(expected, found)| match found {
            Element::Known(byte) => Some(i32::from(*expected) == *byte),
            Element::Unknown | Element::Missing | Element::Outside => None,
        });
        let same: Vec<bool> = known.collect();
        let wrong = same.iter().filter(|same| !**same).count();
        if same.len() >= 16 && wrong * 4 > same.len() {
            let message = format!(
                "`{}` is of another run: {wrong} of {} bytes of the {what} differ, and no run writes there",
                path.display(),
                same.len()
            );
            let help = "give the dump of this network, chip and image, with `--network`, `--chip`, `--image` and `--set`";
            return Err(Problem::new("verify::other_run", message, help));
        }
    }
    Ok(())
}

/// An address of a small DRAM; none beyond this computer's memory is ever mapped.
fn place(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}
