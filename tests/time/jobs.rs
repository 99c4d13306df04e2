//! Random chips, chains of convolutions, and legal schedules of the one on the other.

use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Pe, PeKind, Pointwise, RequantiserBank,
    Reuse, WeightSram,
};
use repchip::fixed::{Accumulator, Overflow};
use repchip::network::{Conv, Form};
use repchip::quantise::Numerics;
use repchip::reparam::{Activation, Layer, LayerGraph, LayerId, LayerOp, TensorId};
use repchip::schedule::work::ConvWork;
use repchip::schedule::{
    ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder, Op, OpId, OpKind, Schedule,
    Strip, Traffic, WeightMode, weights,
};
use repchip::tensor::{FeatureMap, IntType};
use repchip::units::{Addr, Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, Words, count};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::ops::Range;

/// A chip, a schedule for it, and which Fetch brings which pass of which Sweep.
pub(crate) struct Job {
    pub(crate) chip: Chip,
    pub(crate) schedule: Schedule,
    /// By Sweep: the Fetch of each pass; of each (block, pass) when streamed.
    pub(crate) fetched_by: BTreeMap<usize, Vec<usize>>,
}

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

/// How the mapper's choices fall.
pub(crate) struct Choices {
    pub(crate) mode: WeightMode,
    pub(crate) order: LoopOrder,
    /// Whether the output goes to DRAM and the next layer loads it.
    pub(crate) spill: bool,
    /// Whether Stores stand at the layer's end, and do not hold up the Fetches in between.
    pub(crate) late_stores: bool,
    /// Whether a strip's first Sweep waits for the Store of the strip before last.
    pub(crate) ring: bool,
    pub(crate) bands: Vec<Range<usize>>,
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

struct Writer {
    chip: Chip,
    graph: LayerGraph,
    weight_bits: Vec<u8>,
    batch: usize,
    plans: Vec<LayerPlan>,
    ops: Vec<Op>,
    tensors: Vec<Addr>,
    weights: Vec<Vec<Addr>>,
    free: u64,
    fetched_by: BTreeMap<usize, Vec<usize>>,
    /// Stores of the tensor that the next layer reads, if it reads it from DRAM.
    stores: Option<Vec<OpId>>,
}

impl Writer {
    fn new(
        chip: Chip,
        input: FeatureMap,
        layers: Vec<Layer>,
        weight_bits: Vec<u8>,
        batch: usize,
    ) -> Self {
        let graph = LayerGraph {
            name: "chain".to_owned(),
            form: Form::Folded,
            input,
            layers,
        };
        let mut writer = Self {
            chip,
            graph,
            weight_bits,
            batch,
            plans: Vec::new(),
            ops: Vec::new(),
            tensors: Vec::new(),
            weights: Vec::new(),
            free: 0,
            fetched_by: BTreeMap::new(),
            stores: Some(Vec::new()),
        };
        for tensor in 0..=writer.graph.layers.len() {
            let bytes = writer.graph.shape(TensorId(tensor)).elements().0 * count(batch);
            let at = writer.place(bytes);
            writer.tensors.push(at);
        }
        for index in 0..writer.graph.layers.len() {
            let work = writer.work(index);
            let weight = Bytes(u64::from(writer.weight_bits[index].div_ceil(8)));
            let groups = (0..work.row_groups())
                .map(|g| {
                    writer.place(weights::row_group_bytes(&work, &work.row_group(g), weight).0)
                })
                .collect();
            writer.weights.push(groups);
        }
        writer
    }

    fn widest(&self) -> u8 {
        self.weight_bits
            .iter()
            .copied()
            .max()
            .expect("there are layers")
    }

    fn place(&mut self, bytes: u64) -> Addr {
        let Dram::Flat(dram) = &self.chip.dram;
        let at = self.free;
        self.free = (at + bytes).next_multiple_of(dram.burst.0);
        Addr(at)
    }

    fn work(&self, index: usize) -> ConvWork {
        let layer = &self.graph.layers[index];
        let LayerOp::Conv { conv, .. } = layer.op else {
            unreachable!("a chain of convolutions")
        };
        let input = self.graph.shape(layer.inputs[0]);
        let residual = layer.inputs.len() == 2;
        ConvWork::new(input, layer.output, conv, residual, self.chip.array)
    }

    fn push(&mut self, layer: usize, after: Vec<OpId>, kind: OpKind) -> OpId {
        let layer = LayerId(layer);
        self.ops.push(Op { layer, after, kind });
        OpId(self.ops.len() - 1)
    }

    /// Rows of a tensor to or from DRAM.
    fn transfer(
        &mut self,
        layer: usize,
        after: Vec<OpId>,
        (tensor, image, rows): (usize, usize, Range<usize>),
        is_load: bool,
    ) -> OpId {
        let shape = self.graph.shape(TensorId(tensor));
        let row = count(shape.width * shape.channels);
        let first = count(image * shape.height + rows.start) * row;
        let start = self.tensors[tensor] + Bytes(first);
        let bytes = Bytes(count(rows.len()) * row);
        let buffer = BufferId(tensor);
        let kind = if is_load {
            let traffic = if tensor == 0 {
                Traffic::Inputs
            } else {
                Traffic::Spills
            };
            OpKind::Load {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic,
            }
        } else {
            OpKind::Store {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic: Traffic::Outputs,
            }
        };
        self.push(layer, after, kind)
    }

    /// One Fetch for each fill, so that each fill's tick is the end of an operation.
    fn fetch(&mut self, layer: usize, row_group: usize, fills: usize) -> Vec<usize> {
        (0..fills)
            .map(|fill| {
                let fills = fill..fill + 1;
                self.push(layer, Vec::new(), OpKind::Fetch { row_group, fills })
                    .0
            })
            .collect()
    }

    fn layer(&mut self, index: usize, choices: &Choices) {
        let work = self.work(index);
        let strips: Vec<Strip> = choices
            .bands
            .iter()
            .map(|out_rows| Strip {
                in_rows: work.input_rows(out_rows),
                out_rows: out_rows.clone(),
            })
            .collect();
        let last = index + 1 == self.graph.layers.len();
        let mut run = LayerRun {
            stored: last || choices.spill,
            source: self.stores.take(),
            resident: vec![None; work.row_groups()],
            loads: vec![Vec::new(); self.batch],
            loaded: vec![0; self.batch],
            stores: Vec::new(),
            late: Vec::new(),
        };
        if choices.mode == WeightMode::Resident {
            for group in 0..work.row_groups() {
                run.resident[group] = Some(self.fetch(index, group, work.conv_pass_count()));
            }
        }
        let groups = work.row_groups();
        let at_once = match choices.order {
            LoopOrder::StripOuter => groups,
            LoopOrder::RowGroupOuter => 1,
        };
        for first in (0..groups).step_by(at_once) {
            for image in 0..self.batch {
                for strip in 0..strips.len() {
                    self.strip(
                        index,
                        (&work, &strips[strip], choices),
                        (first..first + at_once, strip, image),
                        &mut run,
                    );
                }
            }
        }
        for (after, what) in std::mem::take(&mut run.late) {
            let store = self.transfer(index, vec![after], what, false);
            run.stores.push(store);
        }
        self.stores = run.stored.then_some(run.stores);
        self.plans.push(LayerPlan::Array(Box::new(ArrayPlan {
            strips,
            order: choices.order,
            weights: choices.mode,
            input: BufferId(index),
            residual: work.residual.then_some(BufferId(index)),
            output: BufferId(index + 1),
            candidates: 1,
            work,
        })));
    }

    fn strip(
        &mut self,
        index: usize,
        (work, strip, choices): (&ConvWork, &Strip, &Choices),
        (groups, place, image): (Range<usize>, usize, usize),
        run: &mut LayerRun,
    ) {
        let mut need = strip.in_rows.end;
        if work.residual {
            need = need.max(strip.out_rows.end);
        }
        if let Some(stores) = &run.source
            && need > run.loaded[image]
        {
            let rows = run.loaded[image]..need;
            let load = self.transfer(index, stores.clone(), (index, image, rows), true);
            run.loads[image].push(load);
            run.loaded[image] = need;
        }
        let all = groups.end == work.row_groups();
        let mut after = run.loads[image].clone();
        if choices.ring && run.stores.len() >= 2 {
            after.push(run.stores[run.stores.len() - 2]);
        }
        let mut last = OpId(0);
        for row_group in groups {
            let fetches = match &run.resident[row_group] {
                Some(fetches) => fetches.clone(),
                None => {
                    let fills = weights::fills(work, choices.mode, &strip.out_rows);
                    self.fetch(index, row_group, fills)
                }
            };
            let kind = OpKind::Sweep {
                row_group,
                strip: place,
                image,
            };
            last = self.push(index, after.clone(), kind);
            self.fetched_by.insert(last.0, fetches);
        }
        if run.stored && all {
            let what = (index + 1, image, strip.out_rows.clone());
            if choices.late_stores {
                run.late.push((last, what));
            } else {
                let store = self.transfer(index, vec![last], what, false);
                run.stores.push(store);
            }
        }
    }

    fn finish(self) -> Job {
        let buffers = (0..=self.graph.layers.len())
            .map(|tensor| {
                let shape = self.graph.shape(TensorId(tensor));
                Buffer {
                    tensor: TensorId(tensor),
                    images: self.batch,
                    rows: shape.height,
                    base: Words(0),
                    words: Words(count(shape.pixels())),
                    elements: shape.elements().0,
                    live: OpId(0)..OpId(self.ops.len() - 1),
                }
            })
            .collect();
        let activations = vec![IntType::signed(8); self.graph.layers.len() + 1];
        Job {
            schedule: Schedule {
                graph: self.graph,
                numerics: Numerics {
                    activations,
                    weight_bits: self.weight_bits,
                },
                array: self.chip.array,
                batch: self.batch,
                layers: self.plans,
                buffers,
                dram: DramLayout {
                    tensors: self.tensors,
                    weights: self.weights,
                },
                ops: self.ops,
            },
            chip: self.chip,
            fetched_by: self.fetched_by,
        }
    }
}

/// What a layer has done so far.
struct LayerRun {
    stored: bool,
    /// Stores of the input, when it is read from DRAM.
    source: Option<Vec<OpId>>,
    resident: Vec<Option<Vec<usize>>>,
    loads: Vec<Vec<OpId>>,
    loaded: Vec<usize>,
    stores: Vec<OpId>,
    late: Vec<(OpId, (usize, usize, Range<usize>))>,
}
