//! Speed of the golden model: paths of one layer side by side, and the convolutions of RepVGG-A0 at 224x224.

use repchip::chip::{Array, Pe, PeKind, Pointwise};
use repchip::execute::{Kernel, Options, naive, run};
use repchip::fixed::{Accumulator, Overflow, Requantise, Rounding, Rule, Target};
use repchip::network::{Conv, Form};
use repchip::quantise::{Numerics, QuantConv, QuantLayer, QuantNetwork, ResidualForm, TensorQuant};
use repchip::reparam::{Activation, Layer, LayerGraph, LayerId, LayerOp, TensorId};
use repchip::schedule::work::ConvWork;
use repchip::schedule::{
    ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder, Op, OpId, OpKind, Schedule,
    Strip, Traffic, WeightMode,
};
use repchip::tensor::{Activations, FeatureMap, IntType, Weights};
use repchip::units::{Addr, Bytes, Words};
use std::ops::Range;

fn main() {
    divan::main();
}

const ARRAY: Array = Array {
    pe: Pe {
        kind: PeKind::Direct,
        lanes: 8,
        accumulators: 16,
        accumulator: Accumulator {
            bits: 32,
            overflow: Overflow::Saturate,
        },
    },
    rows: 8,
    tile_h: 1,
    tile_w: 1,
    pointwise: Pointwise::Naive,
};

/// Plain 3x3 convolutions (output channels, stride), one after the other, on a square input.
struct Chain {
    network: QuantNetwork,
    schedule: Schedule,
    input: Activations,
}

impl Chain {
    fn new(side: usize, channels: usize, layers: &[(usize, usize)]) -> Self {
        let network = network(FeatureMap::new(side, side, channels), layers);
        let input = Activations::from_shape_fn((1, side, side, channels), |(_, y, x, c)| {
            i32::try_from((y * 31 + x * 17 + c * 7) % 256).expect("below 256")
        });
        Self {
            schedule: whole_maps(&network),
            network,
            input,
        }
    }

    fn run(&self, kernel: Kernel) -> Activations {
        let options = Options {
            kernel,
            ..Options::default()
        };
        let run = run(
            &self.schedule,
            &self.network,
            &self.input,
            &options,
            &mut |_| {},
        );
        run.expect("the schedule is legal").output
    }
}

fn network(input: FeatureMap, layers: &[(usize, usize)]) -> QuantNetwork {
    let range = IntType::unsigned(8);
    let tensor = TensorQuant {
        range,
        scale: 1.0,
        zero_point: 0,
    };
    let rule = Rule::Multiplier(Rounding::HalfEven);
    let mut network = QuantNetwork {
        graph: LayerGraph {
            name: "bench".to_owned(),
            form: Form::Deploy,
            input,
            layers: Vec::new(),
        },
        numerics: Numerics {
            activations: vec![range],
            weight_bits: Vec::new(),
        },
        tensors: vec![tensor],
        residual: ResidualForm::Separate,
        rule,
        layers: Vec::new(),
    };
    for &(out_channels, stride) in layers {
        let from = network.graph.output();
        let map = network.graph.shape(from);
        let conv = Conv {
            out_channels,
            kernel: 3,
            stride,
            padding: 1,
            dilation: 1,
            groups: 1,
        };
        network.graph.layers.push(Layer {
            name: format!("conv{}", network.layers.len()),
            op: LayerOp::Conv {
                conv,
                activation: Activation::Relu,
            },
            inputs: vec![from],
            output: FeatureMap::new(
                map.height.div_ceil(stride),
                map.width.div_ceil(stride),
                out_channels,
            ),
        });
        let weight = Weights::from_shape_fn((out_channels, 3, 3, map.channels), |(o, y, x, c)| {
            i32::try_from((o * 37 + y * 11 + x * 5 + c * 13) % 255).expect("below 255") - 127
        });
        let multiplier = vec![1_234_567_890; out_channels];
        let requantise = Requantise::new(
            rule,
            multiplier,
            vec![40; out_channels],
            Target::whole(range, 0),
        );
        network.layers.push(QuantLayer::Conv(QuantConv {
            weight,
            bias: vec![1_000; out_channels],
            input_zero_point: 0,
            residual: None,
            requantise: requantise.expect("these numbers are valid"),
        }));
        network.numerics.activations.push(range);
        network.numerics.weight_bits.push(8);
        network.tensors.push(tensor);
    }
    network
}

/// Every tensor whole in SRAM, strips of seven rows: some 1 500 Sweeps for RepVGG-A0.
fn whole_maps(network: &QuantNetwork) -> Schedule {
    let graph = &network.graph;
    let height = |tensor: usize| graph.shape(TensorId(tensor)).height;
    let last = graph.layers.len();
    let mut ops = vec![load(0..height(0))];
    let mut layers = Vec::new();
    for (index, layer) in graph.layers.iter().enumerate() {
        let LayerOp::Conv { conv, .. } = layer.op else {
            unreachable!("the chain has convolutions only")
        };
        let work = ConvWork::new(
            graph.shape(layer.inputs[0]),
            layer.output,
            conv,
            false,
            ARRAY,
        );
        let bands = (0..layer.output.height).step_by(7);
        let strips: Vec<Strip> = bands
            .map(|first| first..(first + 7).min(layer.output.height))
            .map(|out_rows| Strip {
                in_rows: work.input_rows(&out_rows),
                out_rows,
            })
            .collect();
        for strip in 0..strips.len() {
            for row_group in 0..work.row_groups() {
                let kind = OpKind::Sweep {
                    row_group,
                    strip,
                    image: 0,
                };
                ops.push(op(index, kind));
            }
        }
        layers.push(LayerPlan::Array(Box::new(ArrayPlan {
            work,
            strips,
            order: LoopOrder::StripOuter,
            weights: WeightMode::Held,
            input: BufferId(index),
            residual: None,
            output: BufferId(index + 1),
            candidates: 1,
        })));
    }
    ops.push(op(
        last - 1,
        OpKind::Store {
            buffer: BufferId(last),
            image: 0,
            rows: 0..height(last),
            start: Addr(0),
            bytes: Bytes(0),
            traffic: Traffic::Outputs,
        },
    ));
    let buffers = (0..=last).map(|tensor| Buffer {
        tensor: TensorId(tensor),
        images: 1,
        rows: height(tensor),
        base: Words(u64::try_from(tensor).expect("small")),
        words: Words(1),
        elements: 0,
        live: OpId(0)..OpId(ops.len()),
    });
    Schedule {
        graph: graph.clone(),
        numerics: network.numerics.clone(),
        array: ARRAY,
        batch: 1,
        layers,
        buffers: buffers.collect(),
        dram: DramLayout {
            tensors: vec![Addr(0); last + 1],
            weights: vec![Vec::new(); last],
        },
        ops,
    }
}

fn op(layer: usize, kind: OpKind) -> Op {
    Op {
        layer: LayerId(layer),
        after: Vec::new(),
        kind,
    }
}

fn load(rows: Range<usize>) -> Op {
    let kind = OpKind::Load {
        buffer: BufferId(0),
        image: 0,
        rows,
        start: Addr(0),
        bytes: Bytes(0),
        traffic: Traffic::Inputs,
    };
    op(0, kind)
}

/// 14x14, 64 to 64 channels: 7.2 million multiply-accumulates.
fn layer() -> Chain {
    Chain::new(14, 64, &[(64, 1)])
}

#[divan::bench]
fn layer_fast(bencher: divan::Bencher<'_, '_>) {
    let chain = layer();
    bencher.bench(|| chain.run(Kernel::FastWhereProven));
}

#[divan::bench]
fn layer_step_order(bencher: divan::Bencher<'_, '_>) {
    let chain = layer();
    bencher.bench(|| chain.run(Kernel::StepOrder));
}

#[divan::bench]
fn layer_naive(bencher: divan::Bencher<'_, '_>) {
    let chain = layer();
    bencher.bench(|| naive::run(&chain.network, &ARRAY, &chain.input));
}

/// The convolutions of RepVGG-A0 at 224x224: 1.36 billion multiply-accumulates.
#[divan::bench(sample_count = 10)]
fn repvgg_a0(bencher: divan::Bencher<'_, '_>) {
    let mut layers = vec![(48, 2)];
    for (channels, blocks) in [(48, 2), (96, 4), (192, 14), (1_280, 1)] {
        layers.push((channels, 2));
        layers.extend(vec![(channels, 1); blocks - 1]);
    }
    let chain = Chain::new(224, 3, &layers);
    bencher.bench(|| chain.run(Kernel::FastWhereProven));
}
