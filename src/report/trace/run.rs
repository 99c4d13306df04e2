//! The events of one run, from its schedule, its timeline and its record.

use super::event::{Event, Row};
use crate::report::charts::palette::words;
use crate::report::engine::{Direction, Engine, transfer};
use crate::report::figures::traffic_key;
use crate::report::{ChipFacts, RunResult};
use crate::schedule::{LayerPlan, OpId, OpKind, Schedule};
use crate::time::{ArraySpan, BusSpan, Cause};
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Causes in the order in which they stand inside an operation: what it waited for, its steps, its stalls.
const INSIDE: [Cause; 17] = [
    Cause::Setup,
    Cause::OutputsWait,
    Cause::InputsWait,
    Cause::WeightsWait,
    Cause::WeightPort,
    Cause::Fill,
    Cause::Useful,
    Cause::KernelIdle,
    Cause::LaneIdle,
    Cause::RowIdle,
    Cause::TileEdge,
    Cause::Residual,
    Cause::Halo,
    Cause::ActPort,
    Cause::Drain,
    Cause::Vector,
    Cause::Host,
];

/// All events of a run, row by row.
pub(super) fn events(run: &RunResult, chip: &ChipFacts) -> Vec<Event<'static>> {
    let mut events = Vec::new();
    for span in &run.record.array {
        array(&mut events, &run.schedule, span);
    }
    for span in &run.record.bus {
        bus(&mut events, &run.schedule, span);
    }
    counters(&mut events, run, chip);
    events
}

/// The operation's slice, and the slices of its causes inside.
fn array(events: &mut Vec<Event<'_>>, schedule: &Schedule, span: &ArraySpan) {
    let layer = &schedule.graph.layers[span.layer.0].name;
    let (row, work) = match Engine::of(schedule, span) {
        Engine::Array => (Row::Array, "sweep"),
        Engine::Vector => (Row::Vector, "vector"),
        Engine::Host => (Row::Host, "host"),
    };
    let name = format!("{layer}: {}", span.op.map_or("layer", |_| work));
    let slice = |name: String, category, from, cycles, args, inside| Event::Slice {
        row,
        name,
        category,
        from,
        cycles,
        args,
        inside,
    };
    let args = span.op.map_or_else(Map::new, |op| op_args(schedule, op));
    let cycles = (span.to - span.from).0;
    events.push(slice(name, "op", span.from.0, cycles, args, None));
    let mut from = span.from.0;
    for cause in INSIDE {
        let cycles = span.account.get(cause).0;
        if cycles > 0 {
            events.push(slice(
                words(cause),
                "cause",
                from,
                cycles,
                Map::new(),
                Some(span.from.0),
            ));
            from += cycles;
        }
    }
}

/// What an operation works on.
fn op_args(schedule: &Schedule, id: OpId) -> Map<String, Value> {
    let op = &schedule.ops[id.0];
    let mut args = Map::new();
    let mut put = |key: &str, value: Value| args.insert(key.to_owned(), value);
    put("op", json!(id.0));
    put("layer", json!(schedule.graph.layers[op.layer.0].name));
    match &op.kind {
        OpKind::Load {
            image, rows, bytes, ..
        }
        | OpKind::Store {
            image, rows, bytes, ..
        } => {
            put("rows", json!(text(rows)));
            put("image", json!(image));
            put("payload_bytes", json!(bytes.0));
        }
        OpKind::Fetch { row_group, fills } => {
            put("row_group", json!(row_group));
            put("fills", json!(text(fills)));
        }
        OpKind::Sweep {
            row_group,
            strip,
            image,
        } => {
            put("row_group", json!(row_group));
            put("strip", json!(strip));
            put("image", json!(image));
            if let LayerPlan::Array(plan) = &schedule.layers[op.layer.0] {
                put("rows", json!(text(&plan.strips[*strip].out_rows)));
            }
        }
        OpKind::Vector { strip, image } => {
            put("strip", json!(strip));
            put("image", json!(image));
        }
        OpKind::Host { image } => {
            put("image", json!(image));
        }
    }
    args
}

fn text(range: &Range<usize>) -> String {
    format!("{}..{}", range.start, range.end)
}

/// Bursts of one operation on the bus.
fn bus(events: &mut Vec<Event<'_>>, schedule: &Schedule, span: &BusSpan) {
    let (direction, traffic) = transfer(schedule, span);
    let row = match direction {
        Direction::Read => Row::BusRead,
        Direction::Written => Row::BusWrite,
    };
    let op = &schedule.ops[span.op.0];
    let layer = &schedule.graph.layers[op.layer.0].name;
    let mut args = op_args(schedule, span.op);
    args.insert("bus_bytes".to_owned(), json!(span.bytes.0));
    events.push(Event::Slice {
        row,
        name: format!("{layer}: {}", traffic_key(traffic)),
        category: traffic_key(traffic),
        from: span.from.0,
        cycles: (span.to - span.from).0,
        args,
        inside: None,
    });
}

/// Live activation SRAM.
fn counters(events: &mut Vec<Event<'_>>, run: &RunResult, chip: &ChipFacts) {
    let mut counter = |name, at, value| {
        events.push(Event::Counter {
            name,
            unit: "bytes",
            at,
            value,
        });
    };
    counter("activation SRAM capacity", 0, chip.activation_capacity.0);
    for change in &run.timeline.occupancy {
        counter("activation SRAM live", change.at.0, change.bytes.0);
    }
}
