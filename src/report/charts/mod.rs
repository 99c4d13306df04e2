//! Pictures of a report, as SVG and PNG from one drawing.
//!
//! A chart is laid out as a [`Scene`] of plain shapes in pixels, measured with the embedded font, and then
//! painted on either backend. Causes of cycles have one colour in all charts ([`palette`]). No system font
//! and no clock is used: the same report gives the same bytes everywhere.

mod axis;
mod bandwidth;
mod bins;
mod block;
mod clock;
mod contrast;
mod difference;
mod font;
mod gantt;
mod gather;
mod heat;
mod lanes;
mod latency;
mod legend;
mod occupancy;
mod paint;
pub mod palette;
mod parts;
pub mod points;
mod roofline;
mod rows;
mod ruler;
mod scene;
mod stacked;
mod svg;
mod traffic;
mod waterfall;

pub use scene::{Anchor, Scene, Shape};

use super::diff::{self, network::NetworkDiff};
use super::json::read::Run;
use super::write::file_stem;
use super::{ChipFacts, ChipRun, Report, RunResult};
use latency::Order;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Both networks of each pair, cycles by cause.
    Contrast,
    /// The chip's parts, capacities and widths.
    Block,
    /// One network, layer by layer, cycles by cause.
    Latency,
    /// The same, the longest layer first.
    LatencySorted,
    /// One network, from the peak of the array to what is achieved, a step a cause.
    Waterfall,
    /// One network, MACs a byte against MACs a cycle.
    Roofline,
    /// One network, layer by layer, DRAM bytes by kind beside their floor.
    Traffic,
    /// One network, what DRAM bus, array, vector unit and host do over time.
    Gantt,
    /// One network, DRAM bytes a second over time, by kind.
    Bandwidth,
    /// Both networks of a pair, activation SRAM over time.
    Occupancy,
    /// One network on all chips of the report, array utilisation layer by layer.
    HeatMap,
    /// One network of two runs, the difference by cause.
    Difference,
    /// One network of a study of precision: top-1 over bits, noise over layers, magnitudes of weights.
    Precision,
}

/// A laid out chart.
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it shows.
    pub kind: Kind,
    /// Name of the chip in its report; `None` when it shows all chips.
    pub chip: Option<String>,
    /// Id of the network when it shows just one.
    pub network: Option<String>,
    /// File name without extension; unique in a report.
    pub stem: String,
    /// One sentence for those who cannot see it.
    pub description: String,
    /// The drawing.
    pub scene: Scene,
}

impl Chart {
    /// The chart as an SVG document; texts are texts, in DejaVu Sans or the reader's sans-serif font.
    #[must_use]
    pub fn svg(&self) -> String {
        self.scene.svg(&self.description)
    }

    /// The chart as a PNG file of two dots a pixel.
    #[must_use]
    pub fn png(&self) -> Vec<u8> {
        paint::png(&self.scene)
    }
}

/// All charts of a report: for each chip the contrast, the chip itself, then each network, then each pair;
/// last each network over all chips.
#[must_use]
pub fn draw_all(report: &Report) -> Vec<Chart> {
    let mut charts: Vec<Chart> = report.chips.iter().flat_map(draw_chip).collect();
    charts.extend(heat::networks(report).into_iter().map(|id| Chart {
        kind: Kind::HeatMap,
        chip: None,
        network: Some(id.to_owned()),
        stem: file_stem(&[id, Kind::HeatMap.stem()].join("-")),
        description: format!("Array utilisation of each layer of {id} on each chip"),
        scene: heat::scene(report, id),
    }));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for chart in &mut charts {
        let times = seen.entry(chart.stem.clone()).or_insert(0);
        *times += 1;
        if *times > 1 {
            chart.stem = format!("{}-{times}", chart.stem);
        }
    }
    charts
}

/// The PNG files of all charts: name without extension and bytes, in order.
#[must_use]
pub fn encode_all(charts: &[Chart]) -> Vec<(&str, Vec<u8>)> {
    charts
        .par_iter()
        .map(|chart| (chart.stem.as_str(), chart.png()))
        .collect()
}

/// The waterfall of one network from `a` to `b`.
#[must_use]
pub fn difference(network: &NetworkDiff, a: &Run, b: &Run) -> Chart {
    Chart {
        kind: Kind::Difference,
        chip: Some(b.chip.clone()),
        network: Some(network.id.clone()),
        stem: diff::stem(&network.id),
        description: diff::verdict::sentence(network),
        scene: difference::scene(network, a, b),
    }
}

fn draw_chip(run: &ChipRun) -> Vec<Chart> {
    let chip = &run.chip;
    let chart = |kind: Kind, subject: &str, scene: Scene, description: String| Chart {
        kind,
        chip: Some(chip.name.clone()),
        network: None,
        stem: file_stem(&[chip.name.as_str(), subject, kind.stem()].join("-")),
        description,
        scene,
    };
    let mut charts = Vec::new();
    let contrasts: Vec<_> = run.contrasts().collect();
    if !contrasts.is_empty() {
        let description = format!("Cycles by cause of each pair of networks on {}", chip.name);
        let scene = contrast::scene(&contrasts);
        charts.push(chart(Kind::Contrast, "pairs", scene, description));
    }
    let description = format!("Block diagram of {} with widths and peak rates", chip.name);
    charts.push(chart(Kind::Block, "chip", block::scene(chip), description));
    for network in &run.networks {
        let id = network.id.as_str();
        for (kind, scene, words) in network_scenes(network, chip) {
            let description = format!("{words} of {id} on {}", chip.name);
            charts.push(Chart {
                network: Some(id.to_owned()),
                ..chart(kind, id, scene, description)
            });
        }
    }
    for pair in &contrasts {
        let subject = format!("{}-vs-{}", pair.first.id, pair.second.id);
        let scene = occupancy::scene(pair);
        let description = format!(
            "Activation SRAM over time of {} and {} on {}",
            pair.first.id, pair.second.id, chip.name
        );
        charts.push(chart(Kind::Occupancy, &subject, scene, description));
    }
    charts
}

/// The charts of one network on one chip, each with what it shows.
fn network_scenes(network: &RunResult, chip: &ChipFacts) -> [(Kind, Scene, &'static str); 7] {
    let latency = |order| latency::scene(network, chip, order);
    [
        (
            Kind::Latency,
            latency(Order::Network),
            "Latency per layer, by cause,",
        ),
        (
            Kind::LatencySorted,
            latency(Order::Longest),
            "Latency per layer, by cause, the longest first,",
        ),
        (
            Kind::Waterfall,
            waterfall::scene(network, chip),
            "Array utilisation from peak to achieved, by cause,",
        ),
        (Kind::Roofline, roofline::scene(network, chip), "Roofline"),
        (
            Kind::Traffic,
            traffic::scene(network, chip),
            "DRAM bytes per layer, by kind, beside their floor,",
        ),
        (
            Kind::Gantt,
            gantt::scene(network, chip),
            "DRAM bus, array, vector unit and host over time",
        ),
        (
            Kind::Bandwidth,
            bandwidth::scene(network, chip),
            "DRAM bandwidth over time, by kind, below its peak,",
        ),
    ]
}

impl Kind {
    /// End of the file's name.
    const fn stem(self) -> &'static str {
        match self {
            Self::Contrast => "contrast",
            Self::Block => "block",
            Self::Latency => "latency",
            Self::LatencySorted => "latency-sorted",
            Self::Waterfall => "waterfall",
            Self::Roofline => "roofline",
            Self::Traffic => "traffic",
            Self::Gantt => "gantt",
            Self::Bandwidth => "bandwidth",
            Self::Occupancy => "sram",
            Self::HeatMap => "utilisation",
            Self::Difference => "difference",
            Self::Precision => "precision",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// Every text lies inside its picture and no two texts touch.
    fn assert_readable(chart: &Chart) {
        let boxes: Vec<_> = chart.scene.text_boxes().collect();
        for (index, (text, [x0, y0, x1, y1])) in boxes.iter().enumerate() {
            let inside =
                *x0 >= 0.0 && *y0 >= 0.0 && *x1 <= chart.scene.width && *y1 <= chart.scene.height;
            assert!(inside, "{}: `{text}` is cut off", chart.stem);
            for (other, [a0, b0, a1, b1]) in &boxes[index + 1..] {
                let apart = x1 <= a0 || a1 <= x0 || y1 <= b0 || b1 <= y0;
                assert!(apart, "{}: `{text}` touches `{other}`", chart.stem);
            }
        }
    }

    #[test]
    fn no_label_is_cut_off_or_touches_another() {
        for layers in [2, 5, 22, 107] {
            for chart in draw_all(&sample::report(layers)) {
                assert_readable(&chart);
            }
        }
    }

    #[test]
    fn long_names_and_empty_runs_stay_readable() {
        let mut report = sample::report(22);
        report.chips[0].chip.name = "a-chip-with-a-long-name".repeat(4);
        report.chips[0].networks[0].id = "a-network-with-a-long-name".repeat(4);
        let empty = &mut report.chips[0].networks[1].timeline;
        empty.layers.clear();
        empty.occupancy.clear();
        empty.total = crate::units::Cycles::ZERO;
        for chart in draw_all(&report) {
            assert_readable(&chart);
            assert!(chart.svg().contains("</svg>"));
        }
    }

    /// The run of `report` as it is read back, with `change` made to its account.
    fn read_back(change: fn(&mut crate::time::Account)) -> Run {
        let report = sample::report(22);
        let file = std::sync::Arc::new(crate::problem::SourceFile {
            path: "a-long-folder/".repeat(12) + "run.json",
            text: crate::report::json::text(&report, &report.chips[0]),
        });
        let mut run = Run::parse(&file).unwrap();
        change(&mut run.networks[0].account);
        run
    }

    #[test]
    fn a_difference_is_readable_both_ways_and_when_there_is_none() {
        let few = read_back(|_| {});
        let many = read_back(|account| {
            for (more, cause) in crate::time::Cause::ALL.into_iter().enumerate() {
                account.add(
                    cause,
                    crate::units::Cycles(crate::units::count(more) * 7_000),
                );
            }
        });
        for [a, b] in [[&few, &many], [&many, &few], [&few, &few]] {
            let diff = diff::Diff::of(a, b).unwrap();
            for network in &diff.networks {
                let chart = difference(network, a, b);
                assert_readable(&chart);
                assert!(chart.svg().contains("</svg>"));
            }
        }
    }

    #[test]
    fn pictures_are_the_same_twice_and_names_are_unique() {
        let mut report = sample::report(3);
        report.chips.push(report.chips[0].clone());
        let charts = draw_all(&report);
        let again = draw_all(&report);
        let mut stems: Vec<&str> = charts.iter().map(|c| c.stem.as_str()).collect();
        stems.sort_unstable();
        stems.dedup();
        assert_eq!(stems.len(), charts.len());
        assert_eq!(charts[0].svg(), again[0].svg());
        assert_eq!(charts[0].png(), again[0].png());
    }

    #[test]
    fn names_in_a_picture_are_escaped() {
        let mut report = sample::report(3);
        report.chips[0].networks[0].schedule.graph.layers[0].name = "<b>&\"".to_owned();
        let charts = draw_all(&report);
        let latency = charts.iter().find(|chart| chart.kind == Kind::Latency);
        let svg = latency.unwrap().svg();
        assert!(svg.contains("&lt;b&gt;&amp;&quot;"));
        assert!(!svg.contains("<b>"));
    }
}
