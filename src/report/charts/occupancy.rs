//! What a shortcut costs: activation SRAM over time of both networks of a pair, tensor by tensor, on one scale
//! of both axes.

use super::axis::{Linear, tick_text, ticks};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use super::stacked::{Piece, columns, pieces};
use super::{font, legend};
use crate::reparam::TensorId;
use crate::report::figures::{real, seconds};
use crate::report::human::{memory, percent};
use crate::report::{Contrasted, RunResult};
use crate::units::Cycles;
use std::cmp::Reverse;
use std::collections::BTreeMap;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 24.0;
const PANEL: f64 = 230.0;
/// A capacity above so many peaks is not on the scale: the tensors would be a flat line.
const SHOWN: u64 = 5;
const KIB: f64 = 1024.0;
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
    let capacity_shown = peak.0.saturating_mul(SHOWN) >= capacity.0;
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Activation SRAM over time on {}", pair.chip.name),
        &format!(
            "capacity {}{}; tensors are named by the layer that makes them; both networks on the same scales; \
             padding included",
            memory(capacity),
            if capacity_shown {
                ""
            } else {
                ", far above the scale"
            },
        ),
    );
    let mut entries = vec![
        (Ink::Tensor, "tensors between layers".to_owned()),
        (Ink::Shortcut, "tensors kept for an addition".to_owned()),
    ];
    if capacity_shown {
        entries.push((Ink::Text, "capacity".to_owned()));
    }
    let mut y = 70.0 + legend::draw(&mut scene, &entries, 16.0, RIGHT, 68.0);
    let total = pair.first.timeline.total.max(pair.second.timeline.total);
    let ms = seconds(Cycles(total.0.max(1)), pair.chip) * 1e3;
    let top = if capacity_shown {
        capacity.max(peak)
    } else {
        peak
    };
    let top_kib = real(top.0.max(1)) / KIB * 1.04;
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
    if real(capacity.0) / KIB <= top_kib {
        let limit = size.at(real(capacity.0) / KIB);
        scene.line(vec![[LEFT, limit], [RIGHT, limit]], Ink::Text, 1.5);
    }
    tag_largest(scene, network, &pieces, size, size.origin + 33.0)
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
