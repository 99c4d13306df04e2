//! `schedule.json`: what happens when; `memory_map.csv`: what lies where, and how long.

use super::{Set, csv};
use crate::reparam::{LayerId, TensorId};
use crate::schedule::storage::Grid;
use crate::schedule::{Buffer, BufferId, LayerPlan, Op, OpId, OpKind, Schedule};
use crate::units::{Bytes, Tick, count};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ops::Range;

/// The operations in order, one a line. `end_cycle` is the first cycle after an operation; `steps_end_cycle` of a Sweep
/// the first after its last step, drains left out.
pub(super) fn schedule(set: &Set<'_>) -> String {
    let ops = set.run.schedule.ops.iter().enumerate();
    let lines: Vec<String> = ops
        .map(|(index, op)| operation(set, OpId(index), op).to_string())
        .collect();
    format!("{{\"operations\": [\n{}\n]}}\n", lines.join(",\n"))
}

fn operation(set: &Set<'_>, id: OpId, op: &Op) -> Value {
    let mut object = json!({
        "operation": id.0,
        "kind": kind(&op.kind),
        "layer": set.run.schedule.graph.layers[op.layer.0].name,
    });
    let span = set.timeline.span(id);
    let mut more = vec![
        details(set, op),
        json!({ "after": op.after, "start_cycle": span.start }),
    ];
    if matches!(op.kind, OpKind::Sweep { .. }) {
        more.push(json!({ "steps_end_cycle": span.steps_end }));
    }
    more.push(json!({ "end_cycle": span.end }));
    for (key, value) in more.iter().filter_map(Value::as_object).flatten() {
        object[key] = value.clone();
    }
    object
}

/// What an operation of this kind works on.
fn details(set: &Set<'_>, op: &Op) -> Value {
    let schedule = set.run.schedule;
    match &op.kind {
        OpKind::Load {
            buffer,
            image,
            rows,
            start,
            bytes,
            traffic,
        }
        | OpKind::Store {
            buffer,
            image,
            rows,
            start,
            bytes,
            traffic,
        } => {
            let tensor = tensor(set, schedule.buffers[buffer.0].tensor);
            let rows = [rows.start, rows.end];
            json!({ "tensor": tensor, "traffic": traffic, "image": image, "rows": rows, "dram_byte": start, "bytes": bytes })
        }
        OpKind::Fetch { row_group, fills } => {
            let (start, bytes) = schedule.fetched(op.layer, *row_group, fills);
            let fills = [fills.start, fills.end];
            json!({ "row_group": row_group, "fills": fills, "dram_byte": start, "bytes": bytes })
        }
        OpKind::Sweep {
            row_group,
            strip,
            image,
        } => {
            let rows = rows(schedule, op.layer, *strip);
            json!({ "image": image, "strip": strip, "row_group": row_group, "rows": rows })
        }
        OpKind::Vector { strip, image } => {
            json!({ "image": image, "strip": strip, "rows": rows(schedule, op.layer, *strip) })
        }
        OpKind::Host { image } => json!({ "image": image }),
    }
}

const fn kind(kind: &OpKind) -> &'static str {
    match kind {
        OpKind::Load { .. } => "load",
        OpKind::Store { .. } => "store",
        OpKind::Fetch { .. } => "fetch",
        OpKind::Sweep { .. } => "sweep",
        OpKind::Vector { .. } => "vector",
        OpKind::Host { .. } => "host",
    }
}

/// First and end output row of a strip.
fn rows(schedule: &Schedule, layer: LayerId, strip: usize) -> Option<[usize; 2]> {
    let strips = match &schedule.layers[layer.0] {
        LayerPlan::Array(plan) => &plan.strips,
        LayerPlan::Vector { strips, .. } => strips,
        LayerPlan::Host => return None,
    };
    let rows = &strips.get(strip)?.out_rows;
    Some([rows.start, rows.end])
}

/// A tensor's name: that of the layer that makes it.
fn tensor<'a>(set: &Set<'a>, id: TensorId) -> &'a str {
    let layers = &set.run.schedule.graph.layers;
    id.producer()
        .map_or("input", |layer| layers[layer.0].name.as_str())
}

/// A row of the memory map.
struct Row {
    tensor: String,
    bank: Option<usize>,
    /// Bytes in DRAM.
    words: Range<u64>,
    bytes: Bytes,
    /// First cycle, and the first after the last.
    cycles: Range<Tick>,
}

const HEAD: [&str; 9] = [
    "tensor",
    "memory",
    "bank",
    "first_word",
    "last_word",
    "words",
    "bytes",
    "first_cycle",
    "last_cycle",
];

/// Where each tensor and the weights of each layer lie: in DRAM a word is a byte; in activation SRAM a row for each bank,
/// the words in the bank, for as long as the buffer is live. First and last are included.
pub(super) fn memory_map(set: &Set<'_>) -> Vec<u8> {
    csv(HEAD, dram(set).into_iter().chain(sram(set)).map(Row::text))
}

impl Row {
    fn text(self) -> [String; 9] {
        let last = |range: &Range<u64>| range.end.saturating_sub(1).max(range.start).to_string();
        let cycles = self.cycles.start.0..self.cycles.end.0;
        let memory = self.bank.map_or("dram", |_| "activation_sram");
        [
            self.tensor,
            memory.to_owned(),
            self.bank.map_or_else(String::new, |bank| bank.to_string()),
            self.words.start.to_string(),
            last(&self.words),
            (self.words.end - self.words.start).to_string(),
            self.bytes.0.to_string(),
            cycles.start.to_string(),
            last(&cycles),
        ]
    }
}

/// What DRAM holds: the input and weights from the start, the output to the end, all else from its first store to its
/// last use. A tensor that never leaves the chip is left out, though the layout has a place for it.
fn dram(set: &Set<'_>) -> Vec<Row> {
    let schedule = set.run.schedule;
    let mut rows = Vec::new();
    for id in (0..=schedule.graph.layers.len()).map(TensorId) {
        let Some(mut cycles) = span(set, |op| moves(schedule, op, id)) else {
            continue;
        };
        if id == TensorId::INPUT {
            cycles.start = Tick::ZERO;
        }
        if id == schedule.graph.output() {
            cycles.end = cycles.end.max(Tick::ZERO + set.timeline.total);
        }
        let bytes = count(schedule.batch)
            * schedule.graph.shape(id).elements().0
            * schedule.numerics.activations[id.0].bytes().0;
        let start = schedule.dram.tensors[id.0].0;
        rows.push(Row {
            tensor: tensor(set, id).to_owned(),
            bank: None,
            words: start..start + bytes,
            bytes: Bytes(bytes),
            cycles,
        });
    }
    rows.extend(schedule.graph.ids().filter_map(|layer| weights(set, layer)));
    rows
}

/// Whether `op` moves some of `tensor` from or to DRAM.
fn moves(schedule: &Schedule, op: &Op, tensor: TensorId) -> bool {
    match &op.kind {
        OpKind::Load { buffer, .. } | OpKind::Store { buffer, .. } => {
            schedule.buffers[buffer.0].tensor == tensor
        }
        OpKind::Host { .. } => {
            let inputs = &schedule.graph.layers[op.layer.0].inputs;
            op.layer.output() == tensor || inputs.contains(&tensor)
        }
        OpKind::Fetch { .. } | OpKind::Sweep { .. } | OpKind::Vector { .. } => false,
    }
}

/// The weights and parameters of a layer on the array, all row groups, until the last is fetched.
fn weights(set: &Set<'_>, layer: LayerId) -> Option<Row> {
    let schedule = set.run.schedule;
    let fetches = |op: &Op| op.layer == layer && matches!(op.kind, OpKind::Fetch { .. });
    let cycles = span(set, fetches)?;
    let LayerPlan::Array(plan) = &schedule.layers[layer.0] else {
        return None;
    };
    let starts = &schedule.dram.weights[layer.0];
    let last = starts.len().checked_sub(1)?;
    let passes = 0..plan.work.conv_pass_count();
    let (start, bytes) = schedule.fetched(layer, last, &passes);
    let words = starts[0].0..start.0 + bytes.0;
    Some(Row {
        tensor: format!("weights of {}", schedule.graph.layers[layer.0].name),
        bank: None,
        bytes: Bytes(words.end - words.start),
        words,
        cycles: Tick::ZERO..cycles.end,
    })
}

/// From the start of the first operation that `of` names to the end of the last.
fn span(set: &Set<'_>, of: impl Fn(&Op) -> bool) -> Option<Range<Tick>> {
    let ops = set.run.schedule.ops.iter().zip(&set.timeline.ops);
    let spans = ops.filter(|(op, _)| of(op)).map(|(_, span)| span);
    let start = spans.clone().map(|span| span.start).min()?;
    Some(start..spans.map(|span| span.end).max()?)
}

fn sram(set: &Set<'_>) -> Vec<Row> {
    let schedule = set.run.schedule;
    let grid = Grid::of(set.run.chip);
    let mut rows = Vec::new();
    for (id, cycles) in live(set) {
        let buffer: &Buffer = &schedule.buffers[id.0];
        let words = buffer.words.0 / count(grid.banks());
        let element = schedule.numerics.activations[buffer.tensor.0].bytes().0;
        rows.extend((0..grid.banks()).map(|bank| Row {
            tensor: tensor(set, buffer.tensor).to_owned(),
            bank: Some(bank),
            words: buffer.base.0..buffer.base.0 + words,
            bytes: Bytes(words * count(grid.lanes) * element),
            cycles: cycles.clone(),
        }));
    }
    rows
}

/// When each buffer is live.
fn live(set: &Set<'_>) -> BTreeMap<BufferId, Range<Tick>> {
    let mut live: BTreeMap<BufferId, Range<Tick>> = BTreeMap::new();
    let changes = &set.timeline.occupancy;
    let ends = changes.iter().skip(1).map(|change| change.at);
    let end = Tick::ZERO + set.timeline.total;
    for (change, end) in changes.iter().zip(ends.chain([end])) {
        for id in &change.live {
            live.entry(*id).or_insert(change.at..end).end = end;
        }
    }
    live
}
