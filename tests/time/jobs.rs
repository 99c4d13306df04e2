//! Random chips and chains of convolutions, each from a seed.

use crate::writer::{Choices, Job, Writer};
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Pe, PeKind, Pointwise, RequantiserBank,
    Reuse, WeightSram,
};
use repchip::fixed::{Accumulator, Overflow};
use repchip::network::Conv;
use repchip::reparam::{Activation, Layer, LayerOp, TensorId};
use repchip::schedule::{LoopOrder, WeightMode};
use repchip::tensor::FeatureMap;
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};
use std::num::NonZeroU64;

pub(crate) fn non_zero(n: u64) -> NonZeroU64 {
    NonZeroU64::new(n).expect("not zero")
}

fn one_of<T: Copy>(rng: &mut ChaCha8Rng, choices: &[T]) -> T {
    *choices.choose(rng).expect("there are choices")
}

/// A chip with room for `slots` passes of 16-bit weights, in which nothing but the steps costs much.
pub(crate) fn plain_chip(array: Array, slots: usize) -> Chip {
    Chip {
        name: "test".to_owned(),
        description: None,
        clock: Hertz(non_zero(1_000_000_000)),
        array,
        control: Control {
            pipeline_cycles: Cycles(0),
            layer_start_cycles: Cycles(0),
        },
        requantise: RequantiserBank {
            units: 64,
            write_words_per_cycle: 64,
        },
        activation_sram: ActivationSram {
            capacity: Bytes(1 << 20),
            bank_rows: 16,
            bank_cols: 16,
            bank_channels: 9,
            reuse: Reuse::Window,
        },
        weight_sram: WeightSram {
            capacity: Bytes(count(slots * 9 * array.rows * array.pe.lanes * 2)),
            port: BytesPerCycle(non_zero(1 << 16)),
        },
        dram: Dram::Flat(FlatDram {
            bandwidth: Bandwidth {
                numerator: non_zero(64),
                denominator: non_zero(1),
            },
            latency: Cycles(0),
            burst: Bytes(64),
            in_flight: 64,
        }),
        vector: None,
        host: None,
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    }
}

pub(crate) fn array(rows: usize, lanes: usize, accumulators: usize, tile: [usize; 2]) -> Array {
    Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes,
            accumulators,
            accumulator: Accumulator {
                bits: 32,
                overflow: Overflow::Wrap,
            },
        },
        rows,
        tile_h: tile[0],
        tile_w: tile[1],
        pointwise: Pointwise::Naive,
    }
}

fn random_chip(rng: &mut ChaCha8Rng) -> Chip {
    let mut array = array(
        rng.random_range(1..=4),
        rng.random_range(1..=4),
        rng.random_range(1..=5),
        [rng.random_range(1..=3), rng.random_range(1..=3)],
    );
    array.pointwise = one_of(rng, &[Pointwise::Naive, Pointwise::Packed]);
    let slots = rng.random_range(2..=9);
    let burst = one_of(rng, &[4, 16, 64]);
    let denominator = rng.random_range(1..=7);
    let mut chip = plain_chip(array, slots);
    chip.control = Control {
        pipeline_cycles: Cycles(rng.random_range(0..=6)),
        layer_start_cycles: Cycles(rng.random_range(0..=20)),
    };
    chip.requantise = RequantiserBank {
        units: rng.random_range(1..=8),
        write_words_per_cycle: rng.random_range(1..=3),
    };
    chip.activation_sram.bank_rows = rng.random_range(1..=4);
    chip.activation_sram.bank_cols = rng.random_range(1..=4);
    chip.activation_sram.bank_channels = rng.random_range(1..=9);
    chip.activation_sram.reuse = one_of(rng, &[Reuse::Window, Reuse::None]);
    chip.weight_sram.port = BytesPerCycle(non_zero(rng.random_range(1..=64)));
    chip.dram = Dram::Flat(FlatDram {
        bandwidth: Bandwidth {
            numerator: non_zero(rng.random_range(1..=burst * denominator)),
            denominator: non_zero(denominator),
        },
        latency: Cycles(rng.random_range(0..=60)),
        burst: Bytes(burst),
        in_flight: rng.random_range(1..=8),
    });
    chip
}

fn random_conv(rng: &mut ChaCha8Rng, map: FeatureMap) -> Conv {
    let smallest = map.height.min(map.width);
    let kernel = one_of(rng, &[1, 1, 3, 3, 3, 5, 7]);
    let dilation = one_of(rng, &[1, 1, 1, 2]);
    let reach: usize = dilation * (kernel - 1) + 1;
    let needed = reach.saturating_sub(smallest).div_ceil(2);
    let groups = if map.channels.is_multiple_of(2) {
        one_of(rng, &[1, 1, 2])
    } else {
        1
    };
    Conv {
        out_channels: groups * rng.random_range(1..=5),
        kernel,
        stride: one_of(rng, &[1, 1, 2]),
        padding: rng.random_range(needed..=(dilation * (kernel / 2)).max(needed)),
        dilation,
        groups,
    }
}

/// The output map of `conv` on `input`.
pub(crate) fn output(input: FeatureMap, conv: Conv) -> FeatureMap {
    let reach: usize = conv.dilation * (conv.kernel - 1) + 1;
    let side = |n: usize| (n + 2 * conv.padding - reach) / conv.stride + 1;
    FeatureMap::new(side(input.height), side(input.width), conv.out_channels)
}

fn layer(index: usize, input: FeatureMap, conv: Conv, residual: bool) -> Layer {
    let from = TensorId(index);
    Layer {
        name: format!("conv{index}"),
        op: LayerOp::Conv {
            conv,
            activation: Activation::Relu,
        },
        inputs: if residual {
            vec![from, from]
        } else {
            vec![from]
        },
        output: output(input, conv),
    }
}

/// The job of `seed`: one to three convolutions on one or two images.
pub(crate) fn job(seed: u64) -> Job {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let rng = &mut rng;
    let chip = random_chip(rng);
    let input = FeatureMap::new(
        rng.random_range(2..=9),
        rng.random_range(2..=12),
        rng.random_range(1..=12),
    );
    let (mut layers, mut map) = (Vec::new(), input);
    for index in 0..rng.random_range(1..=3) {
        let mut conv = random_conv(rng, map);
        let residual = rng.random_bool(0.3);
        if residual {
            conv.out_channels = map.channels;
            (conv.kernel, conv.stride, conv.dilation) = (3, 1, 1);
            conv.padding = 1;
        }
        layers.push(layer(index, map, conv, residual));
        map = output(map, conv);
    }
    let weight_bits = layers.iter().map(|_| one_of(rng, &[4, 8, 16])).collect();
    let batch = rng.random_range(1..=2);
    let mut writer = Writer::new(chip, input, layers, weight_bits, batch);
    for index in 0..writer.graph.layers.len() {
        let choices = random_choices(rng, &writer, index);
        writer.layer(index, &choices);
    }
    writer.finish()
}

/// One layer on one image, whole map in one strip.
pub(crate) fn single(chip: Chip, input: FeatureMap, conv: Conv, mode: WeightMode) -> Job {
    let layers = vec![layer(0, input, conv, false)];
    let height = layers[0].output.height;
    let mut writer = Writer::new(chip, input, layers, vec![8], 1);
    let choices = Choices {
        mode,
        order: LoopOrder::StripOuter,
        spill: false,
        late_stores: false,
        ring: false,
        bands: std::iter::once(0..height).collect(),
    };
    writer.layer(0, &choices);
    writer.finish()
}

fn random_choices(rng: &mut ChaCha8Rng, writer: &Writer, index: usize) -> Choices {
    let work = writer.work(index);
    let slots = writer.chip.weight_slots(writer.widest());
    let mut modes = vec![WeightMode::Streamed];
    if work.conv_pass_count() <= slots {
        modes.push(WeightMode::Held);
    }
    if work.conv_pass_count() * work.row_groups() <= slots {
        modes.push(WeightMode::Resident);
    }
    let tile = work.array.tile_h;
    let mut bands = Vec::new();
    let mut first = 0;
    while first < work.output.height {
        let end = (first + tile * rng.random_range(1..=4)).min(work.output.height);
        bands.push(first..end);
        first = end;
    }
    Choices {
        mode: one_of(rng, &modes),
        order: one_of(rng, &[LoopOrder::StripOuter, LoopOrder::RowGroupOuter]),
        spill: rng.random_bool(0.4),
        late_stores: rng.random_bool(0.4),
        ring: rng.random_bool(0.4),
        bands,
    }
}
