//! What a shortcut costs: activation SRAM over time of both networks of a pair, on one scale of both axes.

use super::axis::{Linear, tick_text, ticks};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use super::{font, legend};
use crate::reparam::{LayerOp, TensorId};
use crate::report::figures::{real, seconds};
use crate::report::human::{memory, percent};
use crate::report::{Contrasted, RunResult};
use crate::schedule::BufferId;
use crate::time::Occupancy;
use crate::units::{Bytes, Cycles, count};
use std::collections::BTreeSet;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = WIDTH - 24.0;
const PANEL: f64 = 190.0;
const KIB: f64 = 1024.0;

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
            "capacity {}; both networks on the same scales; padding to whole words and banks included",
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
        panel(&mut scene, pair, network, (time, ms), (size, top_kib));
        y += 40.0 + PANEL + 34.0;
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

fn panel(
    scene: &mut Scene,
    pair: &Contrasted<'_>,
    network: &RunResult,
    (time, ms): (Linear, f64),
    (size, top_kib): (Linear, f64),
) {
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
    let columns = columns(network, pair, time);
    for (kind, ink) in [(0, Ink::Tensor), (1, Ink::Shortcut)] {
        area(scene, &columns, size, kind, ink);
    }
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
}

/// A stretch of time with its KiB: tensors between layers, and tensors kept for an addition.
struct Column {
    from: f64,
    to: f64,
    kib: [f64; 2],
}

/// Occupancy as columns at least half a pixel wide, equal neighbours joined; the fullest moment of a narrower stretch stands for it.
fn columns(network: &RunResult, pair: &Contrasted<'_>, time: Linear) -> Vec<Column> {
    let shortcuts = shortcuts(network);
    let entries = &network.timeline.occupancy;
    let mut columns: Vec<Column> = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let end = entries
            .get(index + 1)
            .map_or(network.timeline.total, |next| Cycles(next.at.0));
        let at = |cycles: Cycles| time.at(seconds(cycles, pair.chip) * 1e3);
        let (from, to) = (at(Cycles(entry.at.0)), at(end));
        let kept = kept_bytes(network, entry, &shortcuts);
        let kib = [entry.bytes.0 - kept.0, kept.0].map(|bytes| real(bytes) / KIB);
        match columns.last_mut() {
            Some(last) if same(last.kib, kib) => last.to = to,
            Some(last) if last.to - last.from < 0.5 => {
                last.to = to;
                if kib[0] + kib[1] > last.kib[0] + last.kib[1] {
                    last.kib = kib;
                }
            }
            _ => columns.push(Column { from, to, kib }),
        }
    }
    columns
}

fn same(a: [f64; 2], b: [f64; 2]) -> bool {
    a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-9)
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

/// Bytes of the live buffers that hold a shortcut, never more than all bytes of the moment.
fn kept_bytes(network: &RunResult, entry: &Occupancy, shortcuts: &BTreeSet<TensorId>) -> Bytes {
    let schedule = &network.schedule;
    let kept = entry.live.iter().map(|&BufferId(id)| {
        let buffer = &schedule.buffers[id];
        if shortcuts.contains(&buffer.tensor) {
            let element = schedule.numerics.activations[buffer.tensor.0].bytes();
            buffer.words.0 * count(schedule.array.pe.lanes) * element.0
        } else {
            0
        }
    });
    Bytes(kept.sum::<u64>().min(entry.bytes.0))
}

/// Fills one kind, stacked on the kinds before it.
fn area(scene: &mut Scene, columns: &[Column], size: Linear, kind: usize, ink: Ink) {
    for column in columns {
        let below: f64 = column.kib[..kind].iter().sum();
        let height = column.kib[kind] * size.per_unit.abs();
        if height > 0.0 {
            let top = size.at(below) - height;
            scene.rect([column.from, top], [column.to - column.from, height], ink);
        }
    }
}
