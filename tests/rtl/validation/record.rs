//! What was measured, one row a pair, and its CSV file.

use super::Set;
use super::pair::{Cube, Pair};
use repchip::rtl::{Counters, LayerCounters};
use std::collections::BTreeMap;

/// Figures of a run by name: `total`, and those of its layers added up.
pub(super) type Figures = BTreeMap<&'static str, u64>;

/// Columns that say what ran; the others are figures of the RTL.
const SAID: [&str; 24] = [
    "set",
    "point",
    "operator",
    "input",
    "output",
    "stride",
    "lanes",
    "rows",
    "tile",
    "accumulators",
    "pipeline_cycles",
    "layer_start_cycles",
    "requantisers",
    "write_words_per_cycle",
    "activation_sram_bytes",
    "reuse",
    "weight_slots",
    "weight_port_bytes",
    "dram_bytes_per_cycle",
    "latency_cycles",
    "burst_bytes",
    "in_flight",
    "weights",
    "strips",
];
/// Columns of the integers, and of the model beside the RTL.
const CHECKED: [&str; 4] = [
    "bytes_compared",
    "bytes_differ",
    "model_cycles",
    "error_percent",
];

/// One pair and what the RTL said.
pub(super) struct Row {
    pub(super) pair: Pair,
    pub(super) rtl: Figures,
    pub(super) bytes_compared: u64,
    pub(super) bytes_differ: u64,
}

impl Row {
    /// The model's figures.
    pub(super) fn model(&self) -> Figures {
        figures(&Counters::of(&self.pair.timeline))
    }

    /// Error of `model` cycles against the RTL, percent.
    pub(super) fn error(&self, model: u64) -> f64 {
        let real = |n: u64| f64::from(u32::try_from(n).expect("a run is short"));
        let rtl = self.rtl["total"];
        100.0 * (real(model) - real(rtl)) / real(rtl)
    }

    fn cells(&self) -> Vec<String> {
        let mut cells = self.pair.cells();
        cells.extend([self.bytes_compared, self.bytes_differ].map(|n| n.to_string()));
        let model = self.pair.timeline.total.0;
        cells.push(model.to_string());
        cells.push(format!("{:.6}", self.error(model)));
        cells.extend(names().iter().map(|name| self.rtl[name].to_string()));
        cells
    }
}

/// Names of the figures, in the order of the columns.
pub(super) fn names() -> Vec<&'static str> {
    let layer = LayerCounters::default().figures();
    let names = layer.into_iter().map(|(name, _)| name);
    let names = names.filter(|name| !matches!(*name, "start" | "end"));
    std::iter::once("total").chain(names).collect()
}

/// The figures of a run.
pub(super) fn figures(counters: &Counters) -> Figures {
    let mut sums = Figures::new();
    for (_, name, value) in counters.figures() {
        *sums.entry(name).or_default() += value;
    }
    sums.retain(|name, _| !matches!(*name, "start" | "end"));
    sums
}

/// The rows as CSV.
pub(super) fn write(rows: &[Row]) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let figures: Vec<String> = names().iter().map(|name| format!("rtl_{name}")).collect();
    let said = SAID.iter().chain(&CHECKED).map(|name| (*name).to_owned());
    csv.write_record(said.chain(figures))
        .expect("memory takes all");
    for row in rows {
        csv.write_record(row.cells()).expect("memory takes all");
    }
    csv.into_inner().expect("memory takes all")
}

/// The rows of a CSV file, each pair drawn again from the seed of its set.
pub(super) fn read(text: &str, seed: impl Fn(Set) -> u64) -> Vec<Row> {
    let cubes = Set::ALL.map(|set| Cube::new(set, seed(set)));
    let mut csv = csv::Reader::from_reader(text.as_bytes());
    let headers = csv.headers().expect("a header").clone();
    let row = |record: Result<csv::StringRecord, csv::Error>| {
        let record = record.expect("a record");
        let cell = |name: &str| {
            let column = headers.iter().position(|header| header == name);
            &record[column.unwrap_or_else(|| panic!("pairs.csv has no column `{name}`"))]
        };
        let number = |name: &str| cell(name).parse::<u64>().expect("a number");
        let set = Set::ALL.into_iter().find(|set| set.name() == cell("set"));
        let cube = cubes
            .iter()
            .find(|cube| Some(cube.set) == set)
            .expect("a set");
        let point = u32::try_from(number("point")).expect("a point");
        let pair = cube.pair(point);
        let rtl = names()
            .into_iter()
            .map(|name| (name, number(&format!("rtl_{name}"))));
        Row {
            pair: pair
                .unwrap_or_else(|| panic!("{} {point} can no longer be run", cube.set.name())),
            rtl: rtl.collect(),
            bytes_compared: number("bytes_compared"),
            bytes_differ: number("bytes_differ"),
        }
    };
    csv.records().map(row).collect()
}

impl Pair {
    fn cells(&self) -> Vec<String> {
        let (chip, network) = (&self.chip, &self.network);
        let repchip::chip::Dram::Flat(dram) = &chip.dram;
        let repchip::schedule::LayerPlan::Array(plan) = &self.schedule.layers[0] else {
            unreachable!("a pair runs on the array")
        };
        let array = &chip.array;
        let slots = chip.weight_slots(self.schedule.numerics.widest_weight());
        let bandwidth = (dram.bandwidth.numerator, dram.bandwidth.denominator);
        vec![
            self.set.name().to_owned(),
            self.point.to_string(),
            self.operator.to_owned(),
            network.graph.input.to_string(),
            network.graph.layers[0].output.to_string(),
            plan.work.conv.stride.to_string(),
            array.pe.lanes.to_string(),
            array.rows.to_string(),
            format!("{}x{}", array.tile_h, array.tile_w),
            array.pe.accumulators.to_string(),
            chip.control.pipeline_cycles.0.to_string(),
            chip.control.layer_start_cycles.0.to_string(),
            chip.requantise.units.to_string(),
            chip.requantise.write_words_per_cycle.to_string(),
            chip.activation_sram.capacity.0.to_string(),
            format!("{:?}", chip.activation_sram.reuse).to_lowercase(),
            slots.to_string(),
            chip.weight_sram.port.0.to_string(),
            format!("{}/{}", bandwidth.0, bandwidth.1),
            dram.latency.0.to_string(),
            dram.burst.0.to_string(),
            dram.in_flight.to_string(),
            format!("{:?}", plan.weights).to_lowercase(),
            plan.strips.len().to_string(),
        ]
    }
}
