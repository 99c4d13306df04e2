//! `dump.hex`: the outputs that DRAM holds at the end, and all its other bytes.

use super::Model;
use super::dumps::{Part, Subject, stopped, unreadable};
use super::fill::{Stop, value};
use super::observed::{Element, Observed};
use crate::dump::hex;
use crate::problem::Problem;
use crate::reparam::LayerId;
use crate::rtl::{Bounds, DramImage};
use crate::schedule::{LayerPlan, OpKind, Schedule};
use crate::tensor::IntType;
use crate::units::{Addr, Bytes};
use std::fs::File;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::Path;

/// Bits of a byte.
const BYTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(7);

/// The output of each layer that reaches DRAM, and last all other bytes.
///
/// # Errors
/// `verify::unreadable`, `verify::dump`, `verify::beyond`; `verify::other_run` when input or weights are those of
/// another run; and what the RTL lacks.
pub(super) fn parts(model: &Model<'_>, path: &Path) -> Result<Vec<Part>, Problem> {
    let expected = before(model)?;
    let found = bytes(path, expected.len())?;
    same_run(model, path, &expected, &found)?;
    let outputs = outputs(model.schedule);
    let mut rest = found.clone();
    let mut held = vec![false; expected.len()];
    for range in outputs {
        for byte in range {
            rest.set(byte, Element::Outside);
            held[byte] = true;
        }
    }
    let layers = (0..model.schedule.layers.len()).map(LayerId);
    let mut parts: Vec<Part> = layers
        .map(|layer| (layer, output(model, layer, &found, &held)))
        .filter(|(_, observed)| observed.iter().any(|element| element != Element::Outside))
        .map(|(layer, observed)| Part::scheduled(Subject::Layer(layer), path, observed))
        .collect();
    parts.push(Part::scheduled(Subject::Rest, path, rest));
    Ok(parts)
}

/// DRAM before the run: input, weights, zeros; outputs come where it has none.
pub(super) fn before(model: &Model<'_>) -> Result<Vec<u8>, Problem> {
    let size = place(Bounds::of(model.schedule, model.chip)?.dram_bytes.0);
    let mut bytes = DramImage::before(&model.run())?.bytes().to_vec();
    bytes.resize(size, 0);
    Ok(bytes)
}

/// Every byte of the file.
fn bytes(path: &Path, size: usize) -> Result<Observed, Problem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut found = Observed::missing(size, IntType::unsigned(8));
    let end = hex::read(file, path, BYTE, |word| {
        let address = word.address.unwrap_or(u64::MAX);
        let element = match word.value {
            [byte] if word.is_known() => Element::Known(i32::from(*byte)),
            _ => Element::Unknown,
        };
        let there = usize::try_from(address).is_ok_and(|at| found.set(at, element));
        let (place, word) = (word.place, address);
        if there {
            Ok(())
        } else {
            Err(Stop::Beyond { place, word })
        }
    });
    end.map_err(|stop| stopped(path, &stop, BYTE))?;
    Ok(found)
}

/// A layer's output as far as it is stored.
fn output(model: &Model<'_>, layer: LayerId, found: &Observed, held: &[bool]) -> Observed {
    let ((n, y, x, c), range) = model.output(layer);
    let size = place(range.bytes().0);
    let start = place(model.schedule.dram.tensors[layer.output().0].0);
    let mut output = Observed::missing(n * y * x * c, range);
    for index in 0..output.len() {
        let at = start + index * size;
        let element = if held[at] {
            element(found, at..at + size, range)
        } else {
            Element::Outside
        };
        output.set(index, element);
    }
    output
}

/// The element that some bytes are.
fn element(found: &Observed, bytes: Range<usize>, range: IntType) -> Element {
    let mut word = 0;
    let mut unknown = false;
    let bits = 8 * u32::try_from(bytes.len()).unwrap_or(8);
    for at in bytes.rev() {
        match found.get(at) {
            Element::Known(byte) => word = word << 8 | u64::from(byte.unsigned_abs()),
            Element::Unknown => unknown = true,
            Element::Missing | Element::Outside => return Element::Missing,
        }
    }
    if unknown {
        Element::Unknown
    } else {
        Element::Known(value(word, bits, range))
    }
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
    found: &Observed,
) -> Result<(), Problem> {
    let schedule = model.schedule;
    let last = schedule.dram.tensors.len() - 1;
    let weights = tensor_range(schedule, last).end.min(expected.len())..expected.len();
    for (what, range) in [("weights", weights), ("input", tensor_range(schedule, 0))] {
        let known = range.filter_map(|at| match found.get(at) {
            Element::Known(byte) => Some(i32::from(expected[at]) == byte),
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
