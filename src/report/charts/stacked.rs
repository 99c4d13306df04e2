//! Live tensors of activation SRAM as stacked pieces: time to the right, bytes upwards.

use super::axis::Linear;
use crate::reparam::{LayerOp, TensorId};
use crate::report::figures::seconds;
use crate::report::{ChipFacts, Contrasted, RunResult};
use crate::time::{Occupancy, stored};
use crate::units::{Bytes, Cycles};
use std::collections::{BTreeMap, BTreeSet};

/// Narrowest column.
const NARROW: f64 = 0.5;

/// A tensor in the stack: those kept for an addition lie below, each kind in the order of making.
type Layered = ((bool, TensorId), Bytes);

/// A stretch of time with the tensors that are live in it.
pub(super) struct Column {
    pub from: f64,
    pub to: f64,
    stack: Vec<Layered>,
}

/// A tensor over a stretch of time in which it and what lies below it stay the same.
pub(super) struct Piece {
    pub tensor: TensorId,
    pub kept: bool,
    pub from: f64,
    pub to: f64,
    pub below: Bytes,
    pub bytes: Bytes,
}

/// Occupancy as columns at least half a pixel wide, equal neighbours joined; the fullest moment of a narrower
/// stretch stands for it.
pub(super) fn columns(network: &RunResult, pair: &Contrasted<'_>, time: Linear) -> Vec<Column> {
    let shortcuts = shortcuts(network);
    let entries = &network.timeline.occupancy;
    let mut columns: Vec<Column> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let end = entries
            .get(index + 1)
            .map_or(network.timeline.total, |next| Cycles(next.at.0));
        let at = |cycles: Cycles| time.at(seconds(cycles, pair.chip) * 1e3);
        let stack = stack(network, pair.chip, entry, &shortcuts);
        add(&mut columns, [at(Cycles(entry.at.0)), at(end)], stack);
    }
    columns
}

fn add(columns: &mut Vec<Column>, [mut from, to]: [f64; 2], stack: Vec<Layered>) {
    let bytes = |stack: &[Layered]| stack.iter().map(|(_, bytes)| *bytes).sum::<Bytes>();
    if let Some(last) = columns.last_mut() {
        if last.to - last.from < NARROW && last.stack != stack {
            if bytes(&stack) > bytes(&last.stack) {
                last.stack.clone_from(&stack);
            }
            last.to = to.min(last.from + NARROW);
            from = last.to;
        }
        if last.stack == stack {
            last.to = to;
            return;
        }
    }
    if from < to {
        columns.push(Column { from, to, stack });
    }
}

/// What is live, tensor by tensor, from the bottom up.
fn stack(
    network: &RunResult,
    chip: &ChipFacts,
    entry: &Occupancy,
    shortcuts: &BTreeSet<TensorId>,
) -> Vec<Layered> {
    let mut bytes: BTreeMap<(bool, TensorId), Bytes> = BTreeMap::new();
    for (id, size) in stored(&network.schedule, &chip.design, &entry.live) {
        let tensor = network.schedule.buffers[id.0].tensor;
        *bytes
            .entry((!shortcuts.contains(&tensor), tensor))
            .or_default() += size;
    }
    bytes.into_iter().collect()
}

/// Tensors that an addition takes up again: of its two operands the one made earlier.
fn shortcuts(network: &RunResult) -> BTreeSet<TensorId> {
    let layers = &network.schedule.graph.layers;
    layers
        .iter()
        .filter_map(|layer| match layer.op {
            LayerOp::Add { .. } => layer.inputs.iter().min().copied(),
            LayerOp::Conv { .. } => layer.inputs.get(1).copied(),
            LayerOp::FullyConnected { .. }
            | LayerOp::Lookup(_)
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_) => None,
        })
        .collect()
}

/// Columns cut along the tensors instead of along the time.
pub(super) fn pieces(columns: &[Column]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut open: BTreeMap<TensorId, usize> = BTreeMap::new();
    for column in columns {
        let mut below = Bytes::ZERO;
        let mut still = BTreeMap::new();
        for &((between, tensor), bytes) in &column.stack {
            let same =
                |index: &usize| pieces[*index].below == below && pieces[*index].bytes == bytes;
            let index = match open.get(&tensor).copied().filter(same) {
                Some(index) => {
                    pieces[index].to = column.to;
                    index
                }
                None => {
                    pieces.push(Piece {
                        tensor,
                        kept: !between,
                        from: column.from,
                        to: column.to,
                        below,
                        bytes,
                    });
                    pieces.len() - 1
                }
            };
            still.insert(tensor, index);
            below += bytes;
        }
        open = still;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn tensors_add_up_to_the_occupancy_of_every_moment() {
        let report = sample::report(22);
        for network in &report.chips[0].networks {
            let shortcuts = shortcuts(network);
            for entry in &network.timeline.occupancy {
                let stack = stack(network, &report.chips[0].chip, entry, &shortcuts);
                let sum: Bytes = stack.iter().map(|(_, bytes)| *bytes).sum();
                assert_eq!(sum, entry.bytes);
            }
        }
    }

    #[test]
    fn a_short_moment_is_drawn_and_does_not_stand_for_a_long_one() {
        let stack = |bytes| vec![((true, TensorId(1)), Bytes(bytes))];
        let mut columns = Vec::new();
        for (span, bytes) in [([0.0, 10.0], 5), ([10.0, 10.1], 9), ([10.1, 50.0], 2)] {
            add(&mut columns, span, stack(bytes));
        }
        let drawn: Vec<String> = columns
            .iter()
            .map(|c| format!("{:.1} to {:.1}: {} B", c.from, c.to, c.stack[0].1))
            .collect();
        assert_eq!(
            drawn,
            ["0.0 to 10.0: 5 B", "10.0 to 10.5: 9 B", "10.5 to 50.0: 2 B"]
        );
    }

    #[test]
    fn the_same_tensor_at_the_same_height_is_one_piece() {
        let column = |from: f64, stack: Vec<Layered>| Column {
            from,
            to: from + 1.0,
            stack,
        };
        let (kept, one, two) = (
            (false, TensorId(1)),
            (true, TensorId(2)),
            (true, TensorId(3)),
        );
        let columns = [
            column(0.0, vec![(kept, Bytes(8)), (one, Bytes(4))]),
            column(1.0, vec![(kept, Bytes(8)), (two, Bytes(4))]),
            column(2.0, vec![(two, Bytes(4))]),
        ];
        let pieces = pieces(&columns);
        let drawn: Vec<(usize, u64)> = pieces.iter().map(|p| (p.tensor.0, p.below.0)).collect();
        assert_eq!(drawn, [(1, 0), (2, 8), (3, 8), (3, 0)]);
        assert!((pieces[0].to - 2.0).abs() < 1e-9);
    }
}
