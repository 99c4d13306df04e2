//! The run of one chip as one JSON object, schema version 2: written here, read by [`read`].
//!
//! `version` is that of the crate, `config` holds the effective keys of the study and, below `chip.`, of this
//! chip, as `--set` takes them, with their values as written and their sources. `id` is unique in its file.
//! `macs` and `params` are of one image and of the network as it runs, biases included. `dram_bytes` is
//! payload, read and written. `rtl_validated` tells whether the RTL has all that a layer needs, so that its cycles
//! are compared; `cycles_not_rtl_validated` is the sum over the other layers. `cycles` names every cause, also those of zero cycles, and adds up to
//! `total_cycles`. Accuracies are fractions from 0 to 1. Keys stand in the order of the schema; a float is
//! the shortest text that reads back the same.

pub mod file;
pub mod node;
pub mod read;

use super::figures::{Summary, payload, traffic_key};
use super::{ChipFacts, ChipRun, ConfigTable, Report, RunResult, validated, work};
use crate::map::liveness::peak_live_elements;
use crate::network::Form;
use crate::schedule::Traffic;
use crate::time::{Account, Cause, DramTraffic, LayerTime};
use serde::Serialize;
use serde_json::{Map, Value};

/// The version of the schema: raised when a key changes its name or meaning.
pub const SCHEMA_VERSION: u32 = 2;

#[derive(Serialize)]
struct RunJson<'a> {
    schema_version: u32,
    version: &'a str,
    command: &'a str,
    chip: &'a str,
    clock_hz: u64,
    batch: u64,
    config: Vec<SettingJson<'a>>,
    networks: Vec<NetworkJson<'a>>,
    accuracy: Vec<AccuracyJson<'a>>,
}

#[derive(Serialize)]
struct SettingJson<'a> {
    key: String,
    value: &'a str,
    source: &'a str,
}

#[derive(Serialize)]
struct NetworkJson<'a> {
    id: &'a str,
    name: &'a str,
    form: Form,
    macs: u64,
    params: u64,
    total_cycles: u64,
    cycles_not_rtl_validated: u64,
    latency_ms: f64,
    images_per_s: f64,
    utilisation: f64,
    peak_activation_bytes: u64,
    /// Of the graph with every tensor whole and sums in place on the last convolution's output, for one image:
    /// comparable between chips.
    peak_live_elements: u64,
    dram_bytes: Map<String, Value>,
    cycles: Map<String, Value>,
    layers: Vec<LayerJson<'a>>,
}

#[derive(Serialize)]
struct LayerJson<'a> {
    name: &'a str,
    op: &'static str,
    macs: u64,
    rtl_validated: bool,
    total_cycles: u64,
    cycles: Map<String, Value>,
    dram_bytes: Map<String, Value>,
}

#[derive(Serialize)]
struct AccuracyJson<'a> {
    id: &'a str,
    network: &'a str,
    form: Form,
    images: u64,
    float_top1: f64,
    integer_top1: f64,
    agreement: f64,
}

/// The JSON text of all runs on one chip of `report`, ending in a newline.
#[must_use]
pub fn text(report: &Report, run: &ChipRun) -> String {
    let object = RunJson {
        schema_version: SCHEMA_VERSION,
        version: &report.provenance.version,
        command: &report.provenance.command,
        chip: &run.chip.name,
        clock_hz: run.chip.clock.0.get(),
        batch: run.batch(),
        config: config(report, run),
        networks: run.networks.iter().map(|n| network(n, run)).collect(),
        accuracy: run.networks.iter().filter_map(accuracy).collect(),
    };
    let mut text = serde_json::to_string_pretty(&object)
        .expect("the object has string keys and no map that can fail");
    text.push('\n');
    text
}

/// The keys of the study, then those of the run's chip below `chip.`.
fn config<'a>(report: &'a Report, run: &ChipRun) -> Vec<SettingJson<'a>> {
    let own = format!("chip {}", run.chip.name);
    let (chips, studies): (Vec<_>, Vec<_>) =
        (report.configs.iter()).partition(|table| table.title.starts_with("chip "));
    let of = |table: &'a ConfigTable, below: &'static str| {
        (table.rows.iter()).map(move |(key, value, source)| SettingJson {
            key: format!("{below}{key}"),
            value,
            source,
        })
    };
    let chip = chips.into_iter().filter(|table| table.title == own);
    (studies.into_iter().flat_map(|table| of(table, "")))
        .chain(chip.flat_map(|table| of(table, "chip.")))
        .collect()
}

fn network<'a>(result: &'a RunResult, run: &ChipRun) -> NetworkJson<'a> {
    let summary = Summary::of(result, &run.chip);
    let graph = &result.schedule.graph;
    NetworkJson {
        id: &result.id,
        name: &result.name,
        form: graph.form,
        macs: work::macs(graph).0,
        params: work::params(graph),
        total_cycles: summary.cycles.0,
        cycles_not_rtl_validated: validated::cycles_without(&run.chip, result).0,
        latency_ms: summary.latency_s * 1e3,
        images_per_s: summary.images_per_s,
        utilisation: summary.utilisation,
        peak_activation_bytes: summary.peak_activation.0,
        peak_live_elements: peak_live_elements(graph, false).0,
        dram_bytes: dram_bytes(&summary.dram),
        cycles: cycles(&summary.account),
        layers: result
            .timeline
            .layers
            .iter()
            .map(|time| layer(&run.chip, result, time))
            .collect(),
    }
}

fn layer<'a>(chip: &ChipFacts, result: &'a RunResult, time: &LayerTime) -> LayerJson<'a> {
    let graph = &result.schedule.graph;
    let layer = &graph.layers[time.layer.0];
    LayerJson {
        name: &layer.name,
        op: work::op_key(&layer.op),
        macs: work::layer_macs(graph, layer).0,
        rtl_validated: validated::layer(chip, result, time.layer),
        total_cycles: time.account.total().0,
        cycles: cycles(&time.account),
        dram_bytes: dram_bytes(&time.dram),
    }
}

fn accuracy(result: &RunResult) -> Option<AccuracyJson<'_>> {
    result.accuracy.map(|accuracy| AccuracyJson {
        id: &result.id,
        network: &result.name,
        form: result.schedule.graph.form,
        images: accuracy.images,
        float_top1: accuracy.float_top1,
        integer_top1: accuracy.integer_top1,
        agreement: accuracy.agreement,
    })
}

fn cycles(account: &Account) -> Map<String, Value> {
    Cause::ALL
        .iter()
        .map(|&cause| (cause.key().to_owned(), account.get(cause).0.into()))
        .collect()
}

fn dram_bytes(dram: &DramTraffic) -> Map<String, Value> {
    let mut bytes: Map<String, Value> = Traffic::ALL
        .iter()
        .map(|&kind| (traffic_key(kind).to_owned(), payload(dram, kind).0.into()))
        .collect();
    bytes.insert("total".to_owned(), dram.payload().0.into());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_text_follows_the_schema() {
        let mut report = sample::report(2);
        report.chips[0].networks.truncate(1);
        insta::assert_snapshot!(text(&report, &report.chips[0]), @r#"
{
  "schema_version": 2,
  "version": "0.1.0",
  "command": "repchip run study.toml",
  "chip": "edge",
  "clock_hz": 200000000,
  "batch": 1,
  "config": [
    {
      "key": "chip.clock_mhz",
      "value": "200",
      "source": "data sheet, table <3>"
    },
    {
      "key": "chip.dram.latency_cycles",
      "value": "60",
      "source": "assumed"
    }
  ],
  "networks": [
    {
      "id": "repvgg-a0",
      "name": "repvgg-a0",
      "form": "deploy",
      "macs": 618369024,
      "params": 602114344,
      "total_cycles": 1500825,
      "cycles_not_rtl_validated": 1423490,
      "latency_ms": 7.504125,
      "images_per_s": 133.2600403111622,
      "utilisation": 0.7153114675817189,
      "peak_activation_bytes": 1003520,
      "peak_live_elements": 752640,
      "dram_bytes": {
        "weights": 602113328,
        "inputs": 150528,
        "outputs": 0,
        "shortcuts": 0,
        "spills": 0,
        "host": 0,
        "total": 602263856
      },
      "cycles": {
        "useful": 1073558,
        "kernel_idle": 0,
        "lane_idle": 47040,
        "row_idle": 0,
        "tile_edge": 53677,
        "residual": 0,
        "halo": 0,
        "setup": 32,
        "host": 0,
        "vector": 0,
        "outputs_wait": 0,
        "inputs_wait": 130666,
        "drain": 21470,
        "act_port": 0,
        "weights_wait": 174222,
        "weight_port": 0,
        "fill": 160
      },
      "layers": [
        {
          "name": "stage0.0",
          "op": "conv",
          "macs": 16257024,
          "rtl_validated": true,
          "total_cycles": 77335,
          "cycles": {
            "useful": 28224,
            "kernel_idle": 0,
            "lane_idle": 47040,
            "row_idle": 0,
            "tile_edge": 1411,
            "residual": 0,
            "halo": 0,
            "setup": 16,
            "host": 0,
            "vector": 0,
            "outputs_wait": 0,
            "inputs_wait": 0,
            "drain": 564,
            "act_port": 0,
            "weights_wait": 0,
            "weight_port": 0,
            "fill": 80
          },
          "dram_bytes": {
            "weights": 1312,
            "inputs": 150528,
            "outputs": 0,
            "shortcuts": 0,
            "spills": 0,
            "host": 0,
            "total": 151840
          }
        },
        {
          "name": "linear",
          "op": "fully_connected",
          "macs": 602112000,
          "rtl_validated": false,
          "total_cycles": 1423490,
          "cycles": {
            "useful": 1045334,
            "kernel_idle": 0,
            "lane_idle": 0,
            "row_idle": 0,
            "tile_edge": 52266,
            "residual": 0,
            "halo": 0,
            "setup": 16,
            "host": 0,
            "vector": 0,
            "outputs_wait": 0,
            "inputs_wait": 130666,
            "drain": 20906,
            "act_port": 0,
            "weights_wait": 174222,
            "weight_port": 0,
            "fill": 80
          },
          "dram_bytes": {
            "weights": 602112016,
            "inputs": 0,
            "outputs": 0,
            "shortcuts": 0,
            "spills": 0,
            "host": 0,
            "total": 602112016
          }
        }
      ]
    }
  ],
  "accuracy": [
    {
      "id": "repvgg-a0",
      "network": "repvgg-a0",
      "form": "deploy",
      "images": 1000,
      "float_top1": 0.913,
      "integer_top1": 0.911,
      "agreement": 0.988
    }
  ]
}
"#);
    }

    #[test]
    fn causes_and_kinds_add_up_for_layers_and_network() {
        let report = sample::report(22);
        let value: Value = serde_json::from_str(&text(&report, &report.chips[0])).unwrap();
        let sum = |map: &Value, skip: &str| -> u64 {
            let map = map.as_object().unwrap();
            let parts = map.iter().filter(|(key, _)| *key != skip);
            parts.map(|(_, n)| n.as_u64().unwrap()).sum()
        };
        for network in value["networks"].as_array().unwrap() {
            let total = network["total_cycles"].as_u64().unwrap();
            assert!(total > 0);
            assert_eq!(sum(&network["cycles"], ""), total);
            let layers = network["layers"].as_array().unwrap();
            let mut of_layers = 0;
            for layer in layers {
                let cycles = layer["total_cycles"].as_u64().unwrap();
                assert_eq!(sum(&layer["cycles"], ""), cycles);
                let bytes = &layer["dram_bytes"];
                assert_eq!(sum(bytes, "total"), bytes["total"].as_u64().unwrap());
                of_layers += cycles;
            }
            assert_eq!(of_layers, total);
            let marked = |layer: &&Value| layer["rtl_validated"] == false;
            let without = layers
                .iter()
                .filter(marked)
                .map(|l| l["total_cycles"].as_u64());
            let without: Option<u64> = without.sum();
            assert_eq!(network["cycles_not_rtl_validated"].as_u64(), without);
            let bytes = &network["dram_bytes"];
            assert_eq!(sum(bytes, "total"), bytes["total"].as_u64().unwrap());
        }
    }
}
