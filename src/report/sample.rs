//! A report made by hand for tests: a plain net and a residual net of `n` layers on one chip.

use super::{Accuracy, ChipFacts, ChipRun, ConfigTable, LayerQualityRow, Provenance};
use super::{Report, RunResult};
use crate::chip::{Array, Chip, Pe, PeKind, Pointwise};
use crate::fixed::{Accumulator, Overflow};
use crate::network::{Conv, Form};
use crate::problem::OverrideFlag;
use crate::quantise::{Numerics, Widths};
use crate::reparam::{Activation, Layer, LayerGraph, LayerId, LayerOp, TensorId};
use crate::schedule::work::ConvWork;
use crate::schedule::{ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder};
use crate::schedule::{Op, OpId, OpKind, Schedule, Traffic, WeightMode};
use crate::tensor::FeatureMap;
use crate::time::{Accesses, Account, Cause, DramTraffic, LayerTime, Moved, Occupancy, Timeline};
use crate::time::{ArraySpan, BusSpan, Record};
use crate::units::{Bytes, Cycles, Elements, Macs, Tick, Words, count};
use std::path::Path;

const PEAK: u64 = 576;
const WORD: u64 = 8;

/// A report of `n` layers (at least 2) a network.
pub(crate) fn report(n: usize) -> Report {
    let plain = run("repvgg-a0", Form::Deploy, plain_layers(n));
    let residual = run("resnet-18", Form::Folded, residual_layers(n));
    Report {
        title: "RepVGG against ResNet".to_owned(),
        provenance: Provenance {
            command: "repchip run study.toml".to_owned(),
            version: "0.1.0".to_owned(),
            digests: vec![("study.toml".to_owned(), "sha256:0123abcd".to_owned())],
        },
        chips: vec![ChipRun {
            chip: ChipFacts::of(&chip(), Bytes(1)),
            networks: vec![plain, residual],
            pairs: vec![(0, 1)],
        }],
        configs: vec![ConfigTable {
            title: "chip edge".to_owned(),
            rows: vec![
                row("clock_mhz", "200", "data sheet, table <3>"),
                row("dram.latency_cycles", "60", "assumed"),
            ],
        }],
        notes: vec!["Made by hand & not measured.".to_owned()],
    }
}

/// The edge chip, slower: 200 MHz, 8 B/cycle from DRAM, 136 B/cycle from SRAM.
fn chip() -> Chip {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/chips/edge.toml");
    let flags = [
        "clock.frequency_mhz=200",
        "dram.gigabytes_per_second=1.6",
        "weight_sram.port_bytes=104",
    ];
    Chip::read_with(Path::new(file), &flags.map(OverrideFlag::new)).unwrap()
}

fn row(key: &str, value: &str, source: &str) -> (String, String, String) {
    (key.to_owned(), value.to_owned(), source.to_owned())
}

fn map(n: usize, index: usize) -> FeatureMap {
    let stage = index * 5 / n;
    let side = 112 >> stage;
    FeatureMap::new(side, side, 48 << stage.min(3))
}

fn conv(out_channels: usize, stride: usize) -> LayerOp {
    LayerOp::Conv {
        conv: Conv {
            out_channels,
            kernel: 3,
            stride,
            padding: 1,
            dilation: 1,
            groups: 1,
        },
        activation: Activation::Relu,
    }
}

fn plain_layers(n: usize) -> Vec<Layer> {
    let mut layers: Vec<Layer> = Vec::new();
    for index in 0..n - 1 {
        let output = map(n, index);
        let before = index.checked_sub(1).map_or(224, |i| map(n, i).height);
        layers.push(Layer {
            name: format!("stage{}.{index}", index * 5 / n),
            op: conv(output.channels, before / output.height),
            inputs: vec![TensorId(index)],
            output,
        });
    }
    layers.push(Layer {
        name: "linear".to_owned(),
        op: LayerOp::FullyConnected {
            outputs: 1000,
            activation: Activation::None,
        },
        inputs: vec![TensorId(n - 1)],
        output: FeatureMap::new(1, 1, 1000),
    });
    layers
}

/// As the plain net, but every third layer adds the tensor from three layers before.
fn residual_layers(n: usize) -> Vec<Layer> {
    let mut layers = plain_layers(n);
    for index in 0..n - 1 {
        layers[index].name = format!("layer{}.{}.conv{}", index * 5 / n, index / 3, index % 3);
        if index % 3 == 2 && index > 2 && layers[index].output == layers[index - 3].output {
            layers[index].name = format!("layer{}.{}.add", index * 5 / n, index / 3);
            layers[index].op = LayerOp::Add {
                activation: Activation::Relu,
            };
            layers[index].inputs = vec![TensorId(index), TensorId(index - 2)];
        }
    }
    layers
}

fn run(name: &str, form: Form, layers: Vec<Layer>) -> RunResult {
    let graph = LayerGraph {
        name: name.to_owned(),
        form,
        input: FeatureMap::new(224, 224, 3),
        layers,
    };
    let numerics = Numerics::uniform(
        &graph,
        Widths {
            activation_bits: 8,
            weight_bits: 8,
            output_bits: 8,
        },
    );
    let timeline = timeline(&graph);
    let record = record(&timeline);
    let quality = graph
        .layers
        .iter()
        .map(|layer| LayerQualityRow {
            name: layer.name.clone(),
            scale: 0.0234,
            clipped: 0.0012,
            sqnr_db: 31.4,
        })
        .collect();
    RunResult {
        id: name.to_owned(),
        name: name.to_owned(),
        schedule: schedule(graph, numerics),
        timeline,
        record,
        quality,
        accuracy: Some(Accuracy {
            images: 1000,
            float_top1: 0.913,
            integer_top1: 0.911,
            agreement: 0.988,
        }),
    }
}

/// A layer is one span of the array, and its weights one span of the bus.
fn record(timeline: &Timeline) -> Record {
    let layers = timeline.layers.iter().enumerate();
    Record {
        array: (layers.clone())
            .map(|(_, time)| ArraySpan {
                layer: time.layer,
                op: None,
                from: time.start,
                to: time.end,
                account: time.account,
            })
            .collect(),
        bus: layers
            .map(|(index, time)| BusSpan {
                op: OpId(index),
                from: time.start,
                to: time.start + Cycles(time.dram.bus().0.div_ceil(8)).min(time.end - time.start),
                bytes: time.dram.bus(),
            })
            .collect(),
    }
}

/// A Fetch a layer.
fn fetches(layers: usize) -> Vec<Op> {
    (0..layers)
        .map(|layer| Op {
            layer: LayerId(layer),
            after: Vec::new(),
            kind: OpKind::Fetch {
                row_group: 0,
                fills: 0..1,
            },
        })
        .collect()
}

fn buffer_bytes(shape: FeatureMap) -> u64 {
    count(shape.pixels()) * count(shape.channels).div_ceil(WORD) * WORD
}

const ARRAY: Array = Array {
    pe: Pe {
        kind: PeKind::Direct,
        lanes: 8,
        accumulators: 16,
        accumulator: Accumulator {
            bits: 32,
            overflow: Overflow::Wrap,
        },
    },
    rows: 8,
    tile_h: 1,
    tile_w: 1,
    pointwise: Pointwise::Naive,
};

/// Additions on the vector unit, all else on the array.
fn plan(graph: &LayerGraph, index: usize) -> LayerPlan {
    let layer = &graph.layers[index];
    let (input, output) = (BufferId(layer.inputs[0].0), BufferId(index + 1));
    let work = match layer.op {
        LayerOp::Conv { conv, .. } => {
            let shape = graph.shape(layer.inputs[0]);
            ConvWork::new(shape, layer.output, conv, false, ARRAY)
        }
        LayerOp::FullyConnected { outputs, .. } => {
            ConvWork::fully_connected(layer.output.channels, outputs, 1, ARRAY)
        }
        _ => {
            return LayerPlan::Vector {
                inputs: layer.inputs.iter().map(|t| BufferId(t.0)).collect(),
                output,
                strips: Vec::new(),
            };
        }
    };
    LayerPlan::Array(Box::new(ArrayPlan {
        work,
        strips: Vec::new(),
        order: LoopOrder::StripOuter,
        weights: WeightMode::Streamed,
        input,
        residual: None,
        output,
        candidates: 1,
    }))
}

fn schedule(graph: LayerGraph, numerics: Numerics) -> Schedule {
    let tensors = graph.layers.len() + 1;
    let mut base = 0;
    let buffers = (0..tensors)
        .map(|t| {
            let shape = graph.shape(TensorId(t));
            let words = buffer_bytes(shape) / WORD;
            // No two buffers share a word.
            base += words;
            Buffer {
                tensor: TensorId(t),
                images: 1,
                rows: shape.height,
                base: Words(base - words),
                words: Words(words),
                elements: shape.elements().0,
                live: OpId(0)..OpId(0),
            }
        })
        .collect();
    Schedule {
        ops: fetches(graph.layers.len()),
        layers: (0..graph.layers.len())
            .map(|index| plan(&graph, index))
            .collect(),
        graph,
        numerics,
        array: ARRAY,
        batch: 1,
        buffers,
        dram: DramLayout {
            tensors: Vec::new(),
            weights: Vec::new(),
        },
    }
}

fn timeline(graph: &LayerGraph) -> Timeline {
    let mut now = Tick::ZERO;
    let (mut layers, mut occupancy) = (Vec::new(), Vec::new());
    for (index, layer) in graph.layers.iter().enumerate() {
        let time = layer_time(graph, index, now);
        let mut live: Vec<TensorId> = layer.inputs.clone();
        live.push(TensorId(index + 1));
        let later = graph.layers.get(index + 1..).unwrap_or_default();
        live.extend(
            later
                .iter()
                .take(2)
                .filter_map(|l| l.inputs.get(1).copied()),
        );
        live.retain(|t| t.0 <= index + 1);
        live.sort_unstable();
        live.dedup();
        occupancy.push(Occupancy {
            at: now,
            bytes: Bytes(live.iter().map(|&t| buffer_bytes(graph.shape(t))).sum()),
            live: live.into_iter().map(|t| BufferId(t.0)).collect(),
        });
        now = time.end;
        layers.push(time);
    }
    let peak = occupancy.iter().map(|o| o.bytes).max().unwrap_or_default();
    Timeline {
        layers,
        total: now - Tick::ZERO,
        ops: Vec::new(),
        occupancy,
        peak_activation_bytes: peak,
        peak_activation_elements: Elements(peak.0),
        peak_macs_per_cycle: PEAK,
    }
}

fn layer_time(graph: &LayerGraph, index: usize, start: Tick) -> LayerTime {
    let layer = &graph.layers[index];
    let macs = super::work::layer_macs(graph, layer);
    let mut account = Account::default();
    let useful = macs.at_peak(Macs(PEAK)).0;
    if useful > 0 {
        account.add(Cause::Setup, Cycles(16));
        account.add(Cause::Useful, Cycles(useful));
        account.add(Cause::TileEdge, Cycles(useful / 20));
        account.add(Cause::Drain, Cycles(useful / 50));
        account.add(Cause::InputsWait, Cycles(useful / 8 * (count(index) % 3)));
        account.add(Cause::WeightsWait, Cycles(useful / 6 * (count(index) % 4)));
        account.add(Cause::Fill, Cycles(80));
    } else {
        account.add(Cause::Vector, Cycles(layer.output.elements().0 / 16));
    }
    if index == 0 {
        account.add(Cause::LaneIdle, Cycles(useful * 5 / 3));
    }
    let mut dram = DramTraffic::default();
    let read = |n: u64| Moved {
        read: Bytes(n),
        written: Bytes(0),
        bus: Bytes(n.next_multiple_of(64)),
    };
    *dram.of(Traffic::Weights) = read(macs.0 / count(layer.output.pixels()) + 16);
    if index == 0 {
        *dram.of(Traffic::Inputs) = read(graph.input.elements().0);
    }
    LayerTime {
        layer: LayerId(index),
        start,
        end: start + account.total(),
        account,
        macs,
        steps: useful,
        dram,
        accesses: Accesses {
            activation_reads: macs.0 / 200,
            weight_port_bytes: macs.0 / 16,
            ..Accesses::default()
        },
    }
}
