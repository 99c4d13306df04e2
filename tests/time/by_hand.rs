//! Cycles that were worked out on paper.

use crate::jobs::{array, non_zero, plain_chip, single};
use repchip::chip::{Dram, Host, VectorUnit};
use repchip::network::{Conv, Form, Pool, builtin};
use repchip::quantise::Numerics;
use repchip::reparam::{Branches, Layer, LayerGraph, LayerId, LayerOp, TensorId, fold_graph};
use repchip::schedule::work::ConvWork;
use repchip::schedule::{
    Buffer, BufferId, DramLayout, LayerPlan, Op, OpId, OpKind, Schedule, Strip, Traffic, WeightMode,
};
use repchip::tensor::{FeatureMap, IntType};
use repchip::time::{self, Cause, LayerTime, Mode};
use repchip::units::{Addr, Bandwidth, Bytes, BytesPerCycle, Cycles, Macs, Words, count};

const CONV: Conv = Conv {
    out_channels: 5,
    kernel: 3,
    stride: 1,
    padding: 1,
    dilation: 1,
    groups: 1,
};

/// Cycles of the causes that are not 0.
fn causes(layer: &LayerTime) -> Vec<(Cause, u64)> {
    Cause::ALL
        .into_iter()
        .map(|c| (c, layer.account.get(c).0))
        .filter(|(_, cycles)| *cycles > 0)
        .collect()
}

#[test]
fn ideal_is_the_closed_form_of_one_layer() {
    // 5x7 pixels, 3 to 5 channels, on 4 rows, 2 lanes, tiles of 2x2: 2 row groups, 3x4 tiles, 2 lane groups.
    let chip = plain_chip(array(4, 2, 3, [2, 2]), 4);
    let job = single(chip, FeatureMap::new(5, 7, 3), CONV, WeightMode::Held);
    let times = time::run(&job.schedule, &job.chip, Mode::Ideal);
    assert_eq!(times.total, Cycles(2 * 12 * 2));
    let layer = &times.layers[0];
    assert_eq!(layer.steps, 48);
    assert_eq!(layer.macs, Macs(35 * 9 * 3 * 5));
    // Peak 288: 4725 MACs; lanes pad to 4: 6300; rows pad to 8: 10080; pixels pad to 48: 13824.
    assert_eq!(
        causes(layer),
        [
            (Cause::Useful, 17),
            (Cause::LaneIdle, 22 - 17),
            (Cause::RowIdle, 35 - 22),
            (Cause::TileEdge, 48 - 35),
        ]
    );
}

#[test]
fn ideal_pads_kernels_to_nine_taps() {
    let chip = plain_chip(array(4, 2, 3, [1, 1]), 16);
    let map = FeatureMap::new(4, 4, 4);
    let kernel = |kernel, padding| {
        let conv = Conv {
            out_channels: 4,
            kernel,
            padding,
            ..CONV
        };
        let job = single(chip.clone(), map, conv, WeightMode::Streamed);
        causes(&time::run(&job.schedule, &job.chip, Mode::Ideal).layers[0])
    };
    // 16 pixels, 2 lane groups: 32 passes of nine taps; a 1x1 uses one of nine, a 5x5 25 of 36.
    assert_eq!(kernel(1, 0), [(Cause::Useful, 4), (Cause::KernelIdle, 28)]);
    assert_eq!(kernel(5, 2), [(Cause::Useful, 89), (Cause::KernelIdle, 39)]);
}

#[test]
fn one_real_layer_cycle_by_cycle() {
    // One channel to one, 1x4 pixels, one PE with two accumulators: two blocks of two patches, one pass.
    let mut chip = plain_chip(array(1, 1, 2, [1, 1]), 2);
    chip.control.layer_start_cycles = Cycles(2);
    chip.control.pipeline_cycles = Cycles(3);
    chip.weight_sram.port = BytesPerCycle(non_zero(3));
    let Dram::Flat(dram) = &mut chip.dram;
    dram.latency = Cycles(10);
    dram.bandwidth.numerator = non_zero(16);
    let conv = Conv {
        out_channels: 1,
        ..CONV
    };
    let job = single(chip, FeatureMap::new(1, 4, 1), conv, WeightMode::Held);
    let times = time::run(&job.schedule, &job.chip, Mode::Real);
    // One burst of 64 bytes holds the input: issued at 0, on the bus from 10 to 14. The weights follow at 14
    // to 18. Kernel: 9 bytes at 3 a cycle, 18 to 21. Pipeline: 21 to 24. First block: steps at 24 and 25;
    // the second block's kernel is read again from 24 to 27, so it steps at 27 and 28; its register 0 was
    // drained at 25. The last drain is cycle 29: array ends at 30. Store: 30 + 10 + 4 = 44.
    let layer = &times.layers[0];
    assert_eq!(
        causes(layer),
        [
            (Cause::Useful, 4),
            (Cause::Setup, 2),
            (Cause::OutputsWait, 14),
            (Cause::InputsWait, 12),
            (Cause::Drain, 1),
            (Cause::WeightsWait, 4),
            (Cause::WeightPort, 1),
            (Cause::Fill, 6),
        ]
    );
    assert_eq!(times.total, Cycles(44));
    // Input 4 bytes, parameters 16 and weights 9, output 4: three bursts.
    assert_eq!(layer.dram.payload().0, 4 + 25 + 4);
    assert_eq!(layer.dram.bus().0, 3 * 64);
    assert_eq!(layer.accesses.weight_port_bytes, 2 * 9);
    assert_eq!(layer.accesses.requantised, 4);
    assert_eq!(layer.accesses.activation_writes, 4);
    // Block 0: patch 0 reads columns 0, 1, patch 1 column 2; block 1: columns 1 to 3, then none.
    assert_eq!(layer.accesses.activation_reads, 6);
}

#[test]
fn slow_requantisers_hold_the_array() {
    // 2x2 tiles of 2 channels: 8 outputs a patch at one a cycle. One accumulator: every block waits.
    let mut chip = plain_chip(array(2, 1, 1, [2, 2]), 2);
    chip.requantise.units = 1;
    let conv = Conv {
        out_channels: 2,
        ..CONV
    };
    let job = single(chip, FeatureMap::new(2, 8, 1), conv, WeightMode::Held);
    let times = time::run(&job.schedule, &job.chip, Mode::Real);
    // Four patches: 1 step, then 8 drain cycles before the register is empty again; the last drain is whole.
    // The kernel of a block is in one cycle after its predecessor began: no wait of its own.
    let layer = &times.layers[0];
    assert_eq!(layer.steps, 4);
    assert_eq!(layer.account.get(Cause::Drain), Cycles(4 * 8));
    assert_eq!(layer.account.get(Cause::WeightPort), Cycles(0));
}

#[test]
fn a_fraction_of_bandwidth_is_exact() {
    // 5x5 pixels of one channel and 16 + 9 weight bytes in bursts of 4: 7 + 7 bursts at 3/2 bytes a cycle.
    let mut chip = plain_chip(array(1, 1, 5, [1, 1]), 2);
    let Dram::Flat(dram) = &mut chip.dram;
    dram.burst.0 = 4;
    dram.bandwidth = Bandwidth {
        numerator: non_zero(3),
        denominator: non_zero(2),
    };
    let conv = Conv {
        out_channels: 1,
        ..CONV
    };
    let job = single(chip, FeatureMap::new(5, 5, 1), conv, WeightMode::Held);
    let times = time::run(&job.schedule, &job.chip, Mode::Real);
    let fetch = job.fetched_by.values().next().expect("one Sweep")[0];
    assert_eq!(times.ops[fetch].end.0, (14 * 8u64).div_ceil(3));
}

/// Cycles of all convolutions of RepVGG-A0 for inference, on 8 rows, 8 lanes, tiles of one pixel.
#[test]
fn repvgg_a0_is_2_408_448_cycles() {
    let graph = builtin::graph("repvgg-a0", FeatureMap::new(224, 224, 3)).unwrap();
    let graph = fold_graph(&graph, Branches::Fuse).unwrap();
    let mut chip = plain_chip(array(8, 8, 16, [1, 1]), 1024);
    chip.activation_sram.capacity.0 = 1 << 30;
    let (mut closed, mut ideal) = (0, 0);
    for layer in &graph.layers {
        let LayerOp::Conv { conv, .. } = layer.op else {
            continue;
        };
        let input = graph.shape(layer.inputs[0]);
        let work = ConvWork::new(input, layer.output, conv, false, chip.array);
        let groups = count(conv.groups * (layer.output.channels / conv.groups).div_ceil(8));
        let lanes = count((input.channels / conv.groups).div_ceil(8));
        let sub_kernels = count(conv.kernel.div_ceil(3).pow(2));
        closed += groups * count(layer.output.pixels()) * sub_kernels * lanes;
        assert_eq!(count(work.row_groups()), groups);
        let job = single(chip.clone(), input, conv, WeightMode::Held);
        assert_eq!(job.schedule.graph.layers[0].output, layer.output);
        ideal += time::run(&job.schedule, &job.chip, Mode::Ideal).total.0;
    }
    assert_eq!(closed, 2_408_448);
    assert_eq!(ideal, 2_408_448);
}

/// A 2x2 maximum of 4x4 pixels of two channels, by `ops` on buffer 0 (the input) and 1.
fn pooled(plan: LayerPlan, ops: Vec<Op>) -> Schedule {
    let (input, output) = (FeatureMap::new(4, 4, 2), FeatureMap::new(2, 2, 2));
    let last = OpId(ops.len() - 1);
    let buffer = |tensor: usize, map: FeatureMap| Buffer {
        tensor: TensorId(tensor),
        images: 1,
        rows: map.height,
        base: Words(0),
        words: Words(count(map.pixels())),
        elements: map.elements().0,
        live: OpId(0)..last,
    };
    Schedule {
        graph: LayerGraph {
            name: "pool".to_owned(),
            form: Form::Folded,
            input,
            layers: vec![Layer {
                name: "pool".to_owned(),
                op: LayerOp::MaxPool(Pool {
                    kernel: 2,
                    stride: 2,
                    padding: 0,
                }),
                inputs: vec![TensorId(0)],
                output,
            }],
        },
        numerics: Numerics {
            activations: vec![IntType::signed(8); 2],
            weight_bits: vec![0],
        },
        array: array(1, 2, 1, [1, 1]),
        batch: 1,
        layers: vec![plan],
        buffers: vec![buffer(0, input), buffer(1, output)],
        dram: DramLayout {
            tensors: vec![Addr(0), Addr(64)],
            weights: vec![Vec::new()],
        },
        ops,
    }
}

fn op(after: &[usize], kind: OpKind) -> Op {
    Op {
        layer: LayerId(0),
        after: after.iter().copied().map(OpId).collect(),
        kind,
    }
}

#[test]
fn a_pooling_on_the_vector_unit() {
    let mut chip = plain_chip(array(1, 2, 1, [1, 1]), 2);
    chip.vector = Some(VectorUnit {
        lanes: 4,
        start_cycles: Cycles(3),
        add_cycles: 1,
        max_pool_cycles: 1,
        avg_pool_cycles: 1,
        table_cycles: 1,
        multiply_cycles: 1,
        copy_cycles: 1,
        resize_cycles: 4,
    });
    let Dram::Flat(dram) = &mut chip.dram;
    dram.latency = Cycles(10);
    let load = OpKind::Load {
        buffer: BufferId(0),
        image: 0,
        rows: 0..4,
        start: Addr(0),
        bytes: Bytes(32),
        traffic: Traffic::Inputs,
    };
    let store = OpKind::Store {
        buffer: BufferId(1),
        image: 0,
        rows: 0..2,
        start: Addr(64),
        bytes: Bytes(8),
        traffic: Traffic::Outputs,
    };
    let vector = OpKind::Vector { strip: 0, image: 0 };
    let plan = LayerPlan::Vector {
        inputs: vec![BufferId(0)],
        output: BufferId(1),
        strips: vec![Strip {
            out_rows: 0..2,
            in_rows: 0..4,
        }],
    };
    let ops = vec![op(&[], load), op(&[0], vector), op(&[1], store)];
    let times = time::run(&pooled(plan, ops), &chip, Mode::Real);
    // Load: 10 + 1. Vector: 3 + 8 outputs of 4 elements on 4 lanes. Store: 10 + 1.
    assert_eq!(
        causes(&times.layers[0]),
        [
            (Cause::Vector, 3 + 8),
            (Cause::OutputsWait, 11),
            (Cause::InputsWait, 11),
        ]
    );
    assert_eq!(times.total, Cycles(33));
    // 16 words in, 4 words out.
    assert_eq!(times.layers[0].accesses.dma_words, 20);
    // Both buffers at once: 20 words of two bytes, 40 elements.
    assert_eq!(times.peak_activation_bytes, Bytes(40));
    assert_eq!(times.peak_activation_elements.0, 40);
}

#[test]
fn a_pooling_on_the_host() {
    let mut chip = plain_chip(array(1, 2, 1, [1, 1]), 2);
    let host = |bytes, elements_per_cycle| Host {
        bytes_per_cycle: BytesPerCycle(non_zero(bytes)),
        call_cycles: Cycles(5),
        elements_per_cycle,
        macs_per_cycle: 1,
    };
    // 32 bytes in and 8 out, 32 elements of windows: the longer of the two.
    for (bytes, elements, work) in [(4, 1, 32), (1, 2, 40)] {
        chip.host = Some(host(bytes, elements));
        let mut schedule = pooled(LayerPlan::Host, vec![op(&[], OpKind::Host { image: 0 })]);
        schedule.buffers.clear();
        let times = time::run(&schedule, &chip, Mode::Real);
        assert_eq!(causes(&times.layers[0]), [(Cause::Host, 5 + work)]);
        assert_eq!(times.total, Cycles(5 + work));
    }
}
