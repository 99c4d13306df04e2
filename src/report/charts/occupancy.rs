//! What a shortcut costs: activation SRAM over time of both networks of a pair, tensor by tensor, on one scale
//! of both axes.

use super::axis::{Linear, tick_text, ticks};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use super::{font, legend};
use crate::reparam::{LayerOp, TensorId};
use crate::report::figures::{real, seconds};
use crate::report::human::{memory, percent};
use crate::report::{ChipFacts, Contrasted, RunResult};
use crate::time::{Occupancy, stored};
use crate::units::{Bytes, Cycles};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 24.0;
const PANEL: f64 = 230.0;
const KIB: f64 = 1024.0;
/// Narrowest column.
const NARROW: f64 = 0.5;
/// Pixels of an em of a tensor's name.
const NAME: f64 = 10.5;
/// Tensors of a network that get a number.
const NAMED: usize = 6;

/// Lays the chart out.
pub(super) fn scene(pair: &Contrasted<'_>) -> Scene {
    let capacity = pair.chip.activation_capacity;
    let peak = pair
        .first
        .timeline
        .peak_activation_bytes
        .max(pair.second.timeline.peak_activation_bytes);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Activation SRAM over time on {}", pair.chip.name),
        &format!(
            "capacity {}; tensors are named by the layer that makes them; both networks on the same scales; \
             padding included",
            memory(capacity)
        ),
    );
    let entries = [
        (Ink::Tensor, "tensors between layers".to_owned()),
        (Ink::Shortcut, "tensors kept for an addition".to_owned()),
        (Ink::Text, "capacity".to_owned()),
    ];
    let mut y = 70.0 + legend::draw(&mut scene, &entries, 16.0, RIGHT, 68.0);
    let total = pair.first.timeline.total.max(pair.second.timeline.total);
    let ms = seconds(Cycles(total.0.max(1)), pair.chip) * 1e3;
    let top_kib = real(capacity.0.max(peak.0).max(1)) / KIB * 1.04;
    for network in [pair.first, pair.second] {
        let time = Linear::new(LEFT, RIGHT, ms);
        let size = Linear::new(y + 40.0 + PANEL, y + 40.0, top_kib);
        y += 40.0 + PANEL + 34.0;
        y += panel(&mut scene, pair, network, (time, ms), (size, top_kib));
    }
    scene.text(
        [RIGHT, y],
        Anchor::End,
        11.0,
        Ink::Muted,
        "ms since the first DRAM request",
    );
    scene.height = y + 18.0;
    scene
}

/// Draws one network; returns the height of the names below its axis.
fn panel(
    scene: &mut Scene,
    pair: &Contrasted<'_>,
    network: &RunResult,
    (time, ms): (Linear, f64),
    (size, top_kib): (Linear, f64),
) -> f64 {
    let capacity = pair.chip.activation_capacity;
    let peak = network.timeline.peak_activation_bytes;
    let top = size.at(top_kib);
    let heading = format!(
        "{}: peak {}, {} of the capacity",
        network.id,
        memory(peak),
        percent(real(peak.0) / real(capacity.0.max(1))),
    );
    let heading = font::fit(&heading, 12.5, RIGHT - LEFT);
    scene.text([LEFT, top - 14.0], Anchor::Start, 12.5, Ink::Text, heading);
    scene.text(
        [LEFT - 8.0, top - 14.0],
        Anchor::End,
        11.0,
        Ink::Muted,
        "KiB",
    );
    for tick in ticks(top_kib, 5) {
        let y = size.at(tick);
        scene.line(vec![[LEFT, y], [RIGHT, y]], Ink::Grid, 1.0);
        scene.text(
            [LEFT - 8.0, y],
            Anchor::End,
            10.0,
            Ink::Muted,
            tick_text(tick),
        );
    }
    let pieces = pieces(&columns(network, pair, time));
    paint(scene, network, &pieces, size);
    for tick in ticks(ms, 8) {
        let x = time.at(tick);
        scene.line(
            vec![[x, size.origin], [x, size.origin + 4.0]],
            Ink::Muted,
            1.0,
        );
        scene.text(
            [x, size.origin + 14.0],
            Anchor::Middle,
            10.0,
            Ink::Muted,
            tick_text(tick),
        );
    }
    scene.line(
        vec![[LEFT, size.origin], [RIGHT, size.origin]],
        Ink::Muted,
        1.0,
    );
    let limit = size.at(real(capacity.0) / KIB);
    scene.line(vec![[LEFT, limit], [RIGHT, limit]], Ink::Text, 1.5);
    tag_largest(scene, network, &pieces, size, size.origin + 33.0)
}

/// A tensor in the stack: those kept for an addition lie below, each kind in the order of making.
type Layered = ((bool, TensorId), Bytes);

/// A stretch of time with the tensors that are live in it.
struct Column {
    from: f64,
    to: f64,
    stack: Vec<Layered>,
}

/// A tensor over a stretch of time in which it and what lies below it stay the same.
struct Piece {
    tensor: TensorId,
    kept: bool,
    from: f64,
    to: f64,
    below: Bytes,
    bytes: Bytes,
}

/// Occupancy as columns at least half a pixel wide, equal neighbours joined; the fullest moment of a narrower
/// stretch stands for it.
fn columns(network: &RunResult, pair: &Contrasted<'_>, time: Linear) -> Vec<Column> {
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
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool => None,
        })
        .collect()
}

/// Columns cut along the tensors instead of along the time.
fn pieces(columns: &[Column]) -> Vec<Piece> {
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

/// Paints the tensors in alternate shades.
fn paint(scene: &mut Scene, network: &RunResult, pieces: &[Piece], size: Linear) {
    for piece in pieces {
        let (at, [width, height]) = space(piece, size);
        // A hair of paper parts neighbours of one shade.
        let gap = if height > 3.0 { 0.75 } else { 0.0 };
        scene.rect([at[0], at[1] + gap], [width, height - gap], shade(piece));
        if width >= 4.0 {
            let words = format!("{}: {}", name(network, piece.tensor), memory(piece.bytes));
            scene.tip(at, [width, height], words);
        }
    }
}

/// The largest tensors, each by its largest piece; of equal ones the earlier. A tensor too small to hold its
/// number is left out.
fn largest(pieces: &[Piece], size: Linear) -> Vec<&Piece> {
    let area = |piece: &Piece| (piece.to - piece.from) * real(piece.bytes.0);
    let mut best: BTreeMap<TensorId, &Piece> = BTreeMap::new();
    for piece in pieces {
        let found = best.entry(piece.tensor).or_insert(piece);
        if area(piece) > area(found) {
            *found = piece;
        }
    }
    let mut largest: Vec<&Piece> = best
        .into_values()
        .filter(|piece| {
            let (_, [width, height]) = space(piece, size);
            width >= 9.0 && height >= 12.0
        })
        .collect();
    largest.sort_by_key(|piece| (Reverse(piece.bytes), piece.tensor));
    largest.truncate(NAMED);
    largest
}

/// Numbers the largest tensors in place, and writes their names from `y` on; returns the height of the names.
fn tag_largest(
    scene: &mut Scene,
    network: &RunResult,
    pieces: &[Piece],
    size: Linear,
    y: f64,
) -> f64 {
    let (mut x, mut line) = (LEFT, y);
    for (number, piece) in (1..).zip(largest(pieces, size)) {
        let (at, [width, height]) = space(piece, size);
        let middle = [at[0] + width / 2.0, at[1] + height / 2.0];
        let ink = if piece.kept {
            Ink::OnDark
        } else {
            Ink::OnLight
        };
        scene.text(middle, Anchor::Middle, NAME, ink, number.to_string());
        let name = font::fit(name(network, piece.tensor), NAME, 200.0);
        let text = format!("{number}: {name} {}", memory(piece.bytes));
        let width = font::width(&text, NAME, false);
        if x > LEFT && x + width > RIGHT {
            (x, line) = (LEFT, line + 16.0);
        }
        scene.text([x, line], Anchor::Start, NAME, Ink::Text, text);
        x += width + 18.0;
    }
    line - y + 18.0
}

/// Upper left corner, width and height of a piece.
fn space(piece: &Piece, size: Linear) -> ([f64; 2], [f64; 2]) {
    let height = real(piece.bytes.0) / KIB * size.per_unit.abs();
    let bottom = size.at(real(piece.below.0) / KIB);
    (
        [piece.from, bottom - height],
        [piece.to - piece.from, height],
    )
}

fn shade(piece: &Piece) -> Ink {
    match (piece.kept, piece.tensor.0 % 2) {
        (true, 0) => Ink::Shortcut,
        (true, _) => Ink::ShortcutShade,
        (false, 0) => Ink::Tensor,
        (false, _) => Ink::TensorShade,
    }
}

/// A tensor has the name of the layer that makes it.
fn name(network: &RunResult, tensor: TensorId) -> &str {
    tensor.producer().map_or("input", |layer| {
        &network.schedule.graph.layers[layer.0].name
    })
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
