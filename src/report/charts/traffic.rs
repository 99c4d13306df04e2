//! DRAM bytes layer by layer, stacked by kind, and below each bar what the layer alone would need at least.

use super::axis::Linear;
use super::legend;
use super::palette::Ink;
use super::rows::{Rows, layer_name};
use super::scene::Scene;
use crate::report::figures::{payload, real, traffic_key};
use crate::report::human::{times, traffic};
use crate::report::{ChipFacts, RunResult, floor};
use crate::schedule::Traffic;
use crate::time::DramTraffic;
use crate::units::Bytes;

const WIDTH: f64 = 900.0;
/// Room for the figures behind the longest bar.
const BEHIND: f64 = 126.0;
/// Layers with a smaller share of the bytes get no figure.
const LABELLED: f64 = 0.01;

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let layers = &network.timeline.layers;
    let dram = network.timeline.dram();
    let moved = dram.payload();
    let floors: Vec<Bytes> = layers
        .iter()
        .map(|time| floor::alone(network, time.layer.0))
        .collect();
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(
        &format!("DRAM bytes per layer: {} on {}", network.id, chip.name),
        &gaps(network, moved, floors.iter().copied().sum()),
    );
    let entries = kinds(&dram);
    let top = 70.0 + legend::draw(&mut scene, &entries, 16.0, WIDTH - 16.0, 68.0) + 22.0;
    let names: Vec<&str> = layers
        .iter()
        .map(|time| layer_name(network, time))
        .collect();
    let rows = Rows::new(&names, top);
    scene.height = rows.bottom + 46.0;
    let bytes = layers.iter().map(|time| time.dram.payload());
    let most = real(
        bytes
            .chain(floors.iter().copied())
            .max()
            .map_or(1, |b| b.0.max(1)),
    );
    let axis = Linear::new(rows.left, WIDTH - 16.0 - BEHIND, most);
    let (factor, unit) = match most {
        m if m >= 2e6 => (1e6, "MB"),
        m if m >= 2e3 => (1e3, "kB"),
        _ => (1.0, "B"),
    };
    let words = format!(
        "{unit} read and written, payload, batch {}; figures where a layer moves at least 1 % of all bytes: \
         bytes, and times its floor",
        network.schedule.batch
    );
    rows.grid(&mut scene, axis, most, factor, &words);
    for (index, (time, least)) in layers.iter().zip(&floors).enumerate() {
        rows.name(&mut scene, index, names[index]);
        let bytes = time.dram.payload();
        bar(&mut scene, &rows, index, &time.dram, axis.per_unit);
        let y = rows.y(index) + rows.row / 2.0 - 5.0;
        let length = real(least.0) * axis.per_unit;
        scene.rect([rows.left, y], [length, 2.5], Ink::Muted);
        if bytes.0 > 0 && real(bytes.0) >= LABELLED * real(moved.0) {
            let text = format!(
                "{}, {}",
                traffic(bytes),
                times(real(bytes.0) / real(least.0))
            );
            let end = axis.at(real(bytes.max(*least).0));
            rows.figure(&mut scene, index, end, text);
            let at = [0.0, rows.y(index) - rows.row / 2.0];
            let tip = tip(names[index], &time.dram, *least);
            scene.tip(at, [WIDTH, rows.row], tip);
        }
    }
    scene
}

/// Bytes of a layer by kind, and its floor, a line each.
fn tip(name: &str, dram: &DramTraffic, least: Bytes) -> String {
    let mut text = format!("{name}: {}", traffic(dram.payload()));
    for kind in Traffic::ALL {
        let bytes = payload(dram, kind);
        if bytes.0 > 0 {
            text.extend(["\n", traffic_key(kind), " ", &traffic(bytes)]);
        }
    }
    text.extend(["\nfloor of the layer alone ", &traffic(least)]);
    text
}

/// What moved over both floors of the network.
fn gaps(network: &RunResult, moved: Bytes, alone: Bytes) -> String {
    let least = floor::network(network);
    let over = |floor: Bytes| times(real(moved.0) / real(floor.0));
    format!(
        "{} = {} of {} for weights, first input and last output once; {} of {} without residency",
        traffic(moved),
        over(least),
        traffic(least),
        over(alone),
        traffic(alone),
    )
}

/// The kinds that moved, with their bytes, and the floor.
fn kinds(dram: &DramTraffic) -> Vec<(Ink, String)> {
    let moved = Traffic::ALL
        .into_iter()
        .filter(|&kind| payload(dram, kind).0 > 0);
    let mut entries: Vec<(Ink, String)> = moved
        .map(|kind| {
            let words = format!("{} {}", traffic_key(kind), traffic(payload(dram, kind)));
            (Ink::Traffic(kind), words)
        })
        .collect();
    let words = "floor without residency: a layer alone, inputs, weights and output once";
    entries.push((Ink::Muted, words.to_owned()));
    entries
}

/// Bytes of one layer, each kind from where the one before ended.
fn bar(scene: &mut Scene, rows: &Rows, index: usize, dram: &DramTraffic, per_byte: f64) {
    let mut x = rows.left;
    let top = rows.y(index) - rows.row / 2.0 + 1.5;
    for kind in Traffic::ALL {
        let width = real(payload(dram, kind).0) * per_byte;
        if width >= legend::THINNEST {
            let size = [width, rows.row - 7.5];
            scene.rect([x, top], size, Ink::Traffic(kind));
        }
        x += width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_bytes_of_the_bars_add_up_to_the_traffic_of_the_network() {
        let report = sample::report(22);
        let run = &report.chips[0].networks[1];
        let layers = &run.timeline.layers;
        let kinds = |dram: &DramTraffic| Traffic::ALL.map(|kind| payload(dram, kind).0);
        let sum: u64 = layers.iter().flat_map(|time| kinds(&time.dram)).sum();
        assert_eq!(Bytes(sum), run.timeline.dram().payload());
    }

    #[test]
    fn the_gap_is_told_for_the_network() {
        let report = sample::report(5);
        let run = &report.chips[0].networks[0];
        let moved = run.timeline.dram().payload();
        let alone = (0..5).map(|index| floor::alone(run, index)).sum();
        insta::assert_snapshot!(gaps(run, moved, alone), @r"
76.3 MB = 1.00x of 76.3 MB for weights, first input and last output once; 0.97x of 78.6 MB without residency
");
    }
}
