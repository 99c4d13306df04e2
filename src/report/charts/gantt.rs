//! Who works when: the DRAM bus, the array, the vector unit and the host over the whole run, and below it the longest
//! layer at a closer look.

use super::bins::{Bins, Histogram};
use super::clock::{COLUMNS, Clock, RIGHT, WIDTH, column_words};
use super::lanes::{Lanes, Row, Subject, rows};
use super::palette::Ink;
use super::rows::layer_name;
use super::ruler::{LINE, RULER, point, ruler};
use super::scene::{Anchor, Scene};
use super::{bandwidth, font, legend};
use crate::report::engine::{Engine, transfer};
use crate::report::figures::{Summary, seconds, share, traffic_key};
use crate::report::human::{self, clock, grouped, percent, traffic};
use crate::report::{ChipFacts, RunResult};
use crate::schedule::{OpId, OpKind, Schedule};
use crate::time::{ArraySpan, LayerTime};
use crate::units::{Bytes, Tick};
use std::cmp::Reverse;

/// Columns of the closer look, 2 pixels each.
const CLOSE: u64 = 378;
/// Pixels of an em of a heading, and of all its words.
const SIZE: f64 = 12.0;
const ROOM: f64 = RIGHT - 20.0;
/// Narrower slices have no words and no hair between them.
const NARROW: f64 = 6.0;
/// Slices of a row that say something under the pointer.
const POINTED: usize = 16;

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let summary = Summary::of(network, chip);
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("Who works when: {} on {}", network.id, chip.name),
        &format!(
            "{} = {} cycles at {}, batch {}; every cycle stands in the row of the array, the vector unit or the host",
            human::seconds(summary.latency_s),
            grouped(summary.cycles.0),
            clock(chip.clock),
            network.schedule.batch,
        ),
    );
    let mut y = 68.0;
    for entries in [
        legend::causes(&summary.account),
        bandwidth::kinds(&summary.dram),
    ] {
        y += legend::draw(&mut scene, &entries, 16.0, WIDTH - 16.0, y);
    }
    let longest = longest(network);
    y = overview(&mut scene, network, chip, longest, y + 10.0);
    if let Some(layer) = longest {
        y = closer(&mut scene, network, chip, layer, y + 16.0);
    }
    scene.height = y;
    scene
}

/// The layer with the most cycles; of equal ones the earlier.
fn longest(network: &RunResult) -> Option<&LayerTime> {
    let layers = network.timeline.layers.iter();
    layers.min_by_key(|time| (Reverse(time.end - time.start), time.layer))
}

/// The whole run below `y`; returns its lower end.
fn overview(
    scene: &mut Scene,
    network: &RunResult,
    chip: &ChipFacts,
    marked: Option<&LayerTime>,
    y: f64,
) -> f64 {
    let total = network.timeline.total;
    let bins = Bins::new(Tick::ZERO, Tick::ZERO + total, COLUMNS);
    let words = format!(
        "Whole run; {}, its height a share of its cycles, or of what DRAM can move in it",
        column_words(&bins, chip)
    );
    heading(scene, y, &words);
    let time = Clock::new(Tick::ZERO, total, chip);
    let top = y + 16.0;
    ruler(scene, network, &time, top, marked);
    point(scene, network, &time, top);
    let rows = rows(chip, top + RULER + 6.0);
    Lanes::new(network, bins).draw(scene, chip, &rows);
    let base = rows.last().map_or(top, |row| row.base) + 3.0;
    if let Some(layer) = marked {
        let (x, end) = (time.x(layer.start), time.x(layer.end));
        let upper = top + LINE;
        let frame = [[x, upper], [end, upper], [end, base], [x, base], [x, upper]];
        scene.line(frame.to_vec(), Ink::Text, 1.5);
    }
    time.axis(scene, base, "since the first DRAM request");
    base + 40.0
}

/// The time of one layer below `y`; returns its lower end.
fn closer(
    scene: &mut Scene,
    network: &RunResult,
    chip: &ChipFacts,
    layer: &LayerTime,
    y: f64,
) -> f64 {
    let cycles = layer.end - layer.start;
    let [own, other] = moved(network, layer);
    let words = format!(
        ", the longest layer: {}, {} of the run; DRAM moves {} for it and {} for others meanwhile",
        human::seconds(seconds(cycles, chip)),
        percent(share(cycles, network.timeline.total)),
        traffic(own),
        traffic(other),
    );
    let room = ROOM - font::width(&words, SIZE, false);
    let name = font::fit(layer_name(network, layer), SIZE, room);
    heading(scene, y, &format!("{name}{words}"));
    let time = Clock::new(layer.start, cycles, chip);
    let rows = rows(chip, y + 16.0);
    Lanes::new(network, Bins::new(layer.start, layer.end, CLOSE)).draw(scene, chip, &rows);
    slices(scene, network, layer, &time, &rows);
    let base = rows.last().map_or(y, |row| row.base) + 3.0;
    let words = match layer.start {
        Tick::ZERO => "since the first DRAM request".to_owned(),
        start => format!(
            "since the layer's start, {} into the run",
            human::seconds(seconds(start - Tick::ZERO, chip))
        ),
    };
    time.axis(scene, base, &words);
    base + 44.0
}

fn heading(scene: &mut Scene, y: f64, words: &str) {
    let words = font::fit(words, SIZE, ROOM);
    scene.text([16.0, y], Anchor::Start, SIZE, Ink::Text, words);
    scene.text([RIGHT + 6.0, y], Anchor::Start, 10.0, Ink::Muted, "share");
}

/// Bytes on the bus during a layer, for the layer itself and for others.
fn moved(network: &RunResult, layer: &LayerTime) -> [Bytes; 2] {
    let mut moved: Histogram<2> = Histogram::new(Bins::new(layer.start, layer.end, 1));
    for span in &network.record.bus {
        let other = network.schedule.ops[span.op.0].layer != layer.layer;
        moved.add([span.from, span.to], usize::from(other), span.bytes.0);
    }
    moved.sums().map(Bytes)
}

/// One thing that a row does without a break.
struct Slice {
    subject: Subject,
    from: Tick,
    to: Tick,
    words: String,
}

/// Parts neighbouring slices by a hair, and names the widest under the pointer.
fn slices(scene: &mut Scene, network: &RunResult, layer: &LayerTime, time: &Clock, rows: &[Row]) {
    let slices: Vec<Slice> = array_slices(network, layer)
        .chain(bus_slices(network, layer))
        .collect();
    for row in rows {
        let width = |slice: &Slice| time.x(slice.to) - time.x(slice.from);
        let mut wide: Vec<&Slice> = slices
            .iter()
            .filter(|slice| slice.subject == row.subject && width(slice) >= NARROW)
            .collect();
        for slice in &wide {
            let x = time.x(slice.to);
            if x < RIGHT {
                scene.line(vec![[x, row.top], [x, row.base]], Ink::Paper, 0.5);
            }
        }
        wide.sort_by(|a, b| width(b).total_cmp(&width(a)).then(a.from.cmp(&b.from)));
        for slice in wide.into_iter().take(POINTED) {
            let at = [time.x(slice.from), row.top];
            scene.tip(at, [width(slice), row.base - row.top], &slice.words);
        }
    }
}

fn array_slices<'a>(
    network: &'a RunResult,
    layer: &'a LayerTime,
) -> impl Iterator<Item = Slice> + 'a {
    let spans = network.record.array.iter();
    spans
        .filter(|span| span.layer == layer.layer)
        .map(|span| Slice {
            subject: Subject::Engine(Engine::of(&network.schedule, span)),
            from: span.from,
            to: span.to,
            words: legend::tip(
                &work(&network.schedule, span),
                &span.account,
                network.timeline.total,
            ),
        })
}

fn bus_slices<'a>(
    network: &'a RunResult,
    layer: &'a LayerTime,
) -> impl Iterator<Item = Slice> + 'a {
    let spans = network.record.bus.iter();
    spans
        .filter(|span| span.from < layer.end && layer.start < span.to)
        .map(|span| {
            let (way, kind) = transfer(&network.schedule, span);
            let of = network.schedule.ops[span.op.0].layer;
            let name = &network.schedule.graph.layers[of.0].name;
            Slice {
                subject: Subject::Bus(way),
                from: span.from,
                to: span.to,
                words: format!("{name}: {} {}", traffic_key(kind), traffic(span.bytes)),
            }
        })
}

/// What an operation works on.
fn work(schedule: &Schedule, span: &ArraySpan) -> String {
    let words = |OpId(op): OpId| match &schedule.ops[op].kind {
        OpKind::Sweep {
            row_group, strip, ..
        } => format!("row group {row_group}, strip {strip}"),
        OpKind::Vector { strip, .. } => format!("strip {strip}"),
        OpKind::Host { image } => format!("image {image}"),
        OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => "transfer".to_owned(),
    };
    span.op
        .map_or_else(|| "start or end of the layer".to_owned(), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::units::Cycles;

    #[test]
    fn of_two_layers_as_long_the_earlier_is_looked_at() {
        let mut report = sample::report(5);
        let network = &mut report.chips[0].networks[0];
        let most = network
            .timeline
            .layers
            .iter()
            .map(|time| time.end - time.start);
        let most = most.max().unwrap();
        for index in [1, 3] {
            let time = &mut network.timeline.layers[index];
            time.end = time.start + most + Cycles(1);
        }
        assert_eq!(longest(network).unwrap().layer.0, 1);
        network.timeline.layers.clear();
        assert!(longest(network).is_none());
    }

    #[test]
    fn bytes_during_a_layer_are_told_apart_by_whose_they_are() {
        let mut report = sample::report(5);
        let network = &mut report.chips[0].networks[0];
        let layer = network.timeline.layers[2].clone();
        let own = network.record.bus[2].bytes;
        assert_eq!(moved(network, &layer), [own, Bytes(0)]);
        let mut early = network.record.bus[3];
        (early.from, early.to) = (Tick(layer.end.0 - 4), layer.end + Cycles(4));
        early.bytes = Bytes(64);
        network.record.bus[3] = early;
        assert_eq!(moved(network, &layer), [own, Bytes(32)]);
    }
}
