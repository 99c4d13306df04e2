//! Random legal schedules: strips, loop orders, whole maps in SRAM or rings with Loads and Stores.

use super::one_of;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use repchip::chip::Array;
use repchip::network::Conv;
use repchip::quantise::QuantNetwork;
use repchip::reparam::{LayerId, LayerOp, TensorId};
use repchip::schedule::work::ConvWork;
use repchip::schedule::{
    ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder, Op, OpId, OpKind, Schedule,
    Strip, Traffic, WeightMode,
};
use repchip::units::{Addr, Bytes, Words, count};
use std::ops::Range;

/// A random legal schedule. Addresses, dependencies and Fetches are those of no chip: they hold no integers.
pub(crate) fn schedule(
    rng: &mut ChaCha8Rng,
    network: &QuantNetwork,
    array: Array,
    batch: usize,
) -> Schedule {
    let tensors = network.graph.layers.len() + 1;
    let mut cutter = Cutter {
        network,
        array,
        batch,
        buffers: Vec::new(),
        layers: Vec::new(),
        ops: Vec::new(),
        in_dram: vec![false; tensors],
        whole: vec![None; tensors],
    };
    cutter.in_dram[0] = true;
    for index in 0..network.graph.layers.len() {
        cutter.layer(rng, LayerId(index));
    }
    let mut schedule = Schedule {
        graph: network.graph.clone(),
        numerics: network.numerics.clone(),
        array,
        batch,
        layers: cutter.layers,
        buffers: cutter.buffers,
        dram: DramLayout {
            tensors: vec![Addr(0); tensors],
            weights: vec![Vec::new(); tensors - 1],
        },
        ops: cutter.ops,
    };
    set_lives(&mut schedule);
    schedule
}

/// Sets the life of each buffer to the operations that touch it.
pub(crate) fn set_lives(schedule: &mut Schedule) {
    let mut lives: Vec<Option<(usize, usize)>> = vec![None; schedule.buffers.len()];
    for (index, op) in schedule.ops.iter().enumerate() {
        let touched = match &op.kind {
            OpKind::Load { buffer, .. } | OpKind::Store { buffer, .. } => vec![*buffer],
            OpKind::Sweep { .. } | OpKind::Vector { .. } => match &schedule.layers[op.layer.0] {
                LayerPlan::Array(plan) => [plan.input, plan.output]
                    .into_iter()
                    .chain(plan.residual)
                    .collect(),
                LayerPlan::Vector { inputs, output, .. } => {
                    inputs.iter().copied().chain([*output]).collect()
                }
                LayerPlan::Host => Vec::new(),
            },
            OpKind::Fetch { .. } | OpKind::Host { .. } => Vec::new(),
        };
        for buffer in touched {
            let first = lives[buffer.0].map_or(index, |(first, _)| first);
            lives[buffer.0] = Some((first, index));
        }
    }
    for (buffer, life) in schedule.buffers.iter_mut().zip(lives) {
        let (first, last) = life.expect("every buffer is used");
        buffer.live = OpId(first)..OpId(last);
    }
}

struct Cutter<'a> {
    network: &'a QuantNetwork,
    array: Array,
    batch: usize,
    buffers: Vec<Buffer>,
    layers: Vec<LayerPlan>,
    ops: Vec<Op>,
    /// By tensor: whether all of it is in DRAM.
    in_dram: Vec<bool>,
    /// By tensor: the buffer that holds all of it.
    whole: Vec<Option<BufferId>>,
}

/// An input of a layer: the buffer, and whether rows must be loaded into it.
#[derive(Clone, Copy)]
struct Source {
    tensor: TensorId,
    buffer: BufferId,
    load: bool,
}

impl Cutter<'_> {
    fn buffer(&mut self, tensor: TensorId, images: usize, rows: usize) -> BufferId {
        let id = self.buffers.len();
        self.buffers.push(Buffer {
            tensor,
            images,
            rows,
            base: Words(count(id)),
            words: Words(1),
            elements: 0,
            live: OpId(0)..OpId(0),
        });
        BufferId(id)
    }

    fn push(&mut self, layer: LayerId, kind: OpKind) {
        self.ops.push(Op {
            layer,
            after: Vec::new(),
            kind,
        });
    }

    fn load(&mut self, layer: LayerId, buffer: BufferId, image: usize, rows: Range<usize>) {
        if !rows.is_empty() {
            let (start, bytes, traffic) = (Addr(0), Bytes(0), Traffic::Inputs);
            let kind = OpKind::Load {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic,
            };
            self.push(layer, kind);
        }
    }

    fn store(&mut self, layer: LayerId, buffer: BufferId, image: usize, rows: Range<usize>) {
        let (start, bytes, traffic) = (Addr(0), Bytes(0), Traffic::Outputs);
        let kind = OpKind::Store {
            buffer,
            image,
            rows,
            start,
            bytes,
            traffic,
        };
        self.push(layer, kind);
    }

    fn layer(&mut self, rng: &mut ChaCha8Rng, id: LayerId) {
        let layer = &self.network.graph.layers[id.0];
        if rng.random_bool(0.1) {
            return self.host(id);
        }
        match layer.op {
            LayerOp::Conv { conv, .. } => self.conv(rng, id, conv),
            LayerOp::FullyConnected { .. } => self.fully_connected(rng, id),
            LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::Resize(_)
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. } => self.vector(rng, id),
        }
    }

    fn host(&mut self, id: LayerId) {
        let network = self.network;
        for &tensor in &network.graph.layers[id.0].inputs {
            if !self.in_dram[tensor.0] {
                let buffer = self.whole[tensor.0].expect("a tensor is in DRAM or whole in SRAM");
                for image in 0..self.batch {
                    self.store(id, buffer, image, 0..network.graph.shape(tensor).height);
                }
                self.in_dram[tensor.0] = true;
            }
        }
        for image in 0..self.batch {
            self.push(id, OpKind::Host { image });
        }
        self.in_dram[id.output().0] = true;
        self.layers.push(LayerPlan::Host);
    }

    /// The whole tensor where it is, or a ring of at least `rows` rows to be loaded.
    fn source(&mut self, rng: &mut ChaCha8Rng, tensor: TensorId, rows: usize) -> Source {
        match self.whole[tensor.0] {
            Some(buffer) if !self.in_dram[tensor.0] || rng.random_bool(0.5) => Source {
                tensor,
                buffer,
                load: false,
            },
            Some(_) | None => Source {
                tensor,
                buffer: self.buffer(tensor, 1, rows.max(1) + rng.random_range(0..=2)),
                load: true,
            },
        }
    }

    /// Loads rows of `new` that the ring does not hold since `held`, the rows needed before.
    fn fill(
        &mut self,
        id: LayerId,
        source: Source,
        image: usize,
        held: &Range<usize>,
        new: &Range<usize>,
    ) {
        if source.load {
            let from = held.end.max(new.start);
            self.load(id, source.buffer, image, from.min(new.end)..new.end);
        }
    }

    /// Where the output goes: a buffer, whether it is stored, whether it stays.
    fn target(
        &mut self,
        rng: &mut ChaCha8Rng,
        id: LayerId,
        rows: usize,
        needs_whole: bool,
    ) -> (BufferId, bool) {
        let tensor = id.output();
        let last = tensor == self.network.graph.output();
        let whole = needs_whole || rng.random_bool(0.5);
        let stored = last || !whole || rng.random_bool(0.3);
        self.in_dram[tensor.0] = stored;
        let height = self.network.graph.shape(tensor).height;
        let buffer = if whole {
            let buffer = self.buffer(tensor, self.batch, height);
            self.whole[tensor.0] = Some(buffer);
            buffer
        } else {
            self.buffer(tensor, 1, rows + rng.random_range(0..=2))
        };
        (buffer, stored)
    }

    fn conv(&mut self, rng: &mut ChaCha8Rng, id: LayerId, conv: Conv) {
        let layer = &self.network.graph.layers[id.0];
        let input = self.network.graph.shape(layer.inputs[0]);
        let work = ConvWork::new(
            input,
            layer.output,
            conv,
            layer.inputs.len() == 2,
            self.array,
        );
        let strips: Vec<Strip> = bands(rng, layer.output.height, self.array.tile_h)
            .into_iter()
            .map(|out_rows| Strip {
                in_rows: work.input_rows(&out_rows),
                out_rows,
            })
            .collect();
        let order = one_of(rng, &[LoopOrder::StripOuter, LoopOrder::RowGroupOuter]);
        let in_rows = strips.iter().map(|s| s.in_rows.len()).max().unwrap_or(1);
        let out_rows = strips.iter().map(|s| s.out_rows.len()).max().unwrap_or(1);
        let source = self.source(rng, layer.inputs[0], in_rows);
        let shortcut = layer
            .inputs
            .get(1)
            .map(|&tensor| self.source(rng, tensor, out_rows));
        let (output, stored) = self.target(rng, id, out_rows, order == LoopOrder::RowGroupOuter);
        let at_once = match order {
            LoopOrder::StripOuter => work.row_groups(),
            LoopOrder::RowGroupOuter => 1,
        };
        for first in (0..work.row_groups()).step_by(at_once) {
            let groups = first..first + at_once;
            for image in 0..self.batch {
                let mut held = [0..0, 0..0];
                for (strip, Strip { out_rows, in_rows }) in strips.iter().enumerate() {
                    self.fill(id, source, image, &held[0], in_rows);
                    if let Some(shortcut) = shortcut {
                        self.fill(id, shortcut, image, &held[1], out_rows);
                    }
                    held = [in_rows.clone(), out_rows.clone()];
                    for row_group in groups.clone() {
                        let fills = 0..work.pass_count(row_group);
                        self.push(id, OpKind::Fetch { row_group, fills });
                        self.push(
                            id,
                            OpKind::Sweep {
                                row_group,
                                strip,
                                image,
                            },
                        );
                    }
                    if stored && groups.end == work.row_groups() {
                        self.store(id, output, image, out_rows.clone());
                    }
                }
            }
        }
        self.layers.push(LayerPlan::Array(Box::new(ArrayPlan {
            work,
            strips,
            order,
            weights: WeightMode::Held,
            input: source.buffer,
            residual: shortcut.map(|s| s.buffer),
            output,
            candidates: 1,
        })));
    }

    fn fully_connected(&mut self, rng: &mut ChaCha8Rng, id: LayerId) {
        let layer = &self.network.graph.layers[id.0];
        let tensor = layer.inputs[0];
        let shape = self.network.graph.shape(tensor);
        let input = if let Some(buffer) = self.whole[tensor.0] {
            buffer
        } else {
            let buffer = self.buffer(tensor, self.batch, shape.height);
            for image in 0..self.batch {
                self.load(id, buffer, image, 0..shape.height);
            }
            buffer
        };
        let (output, stored) = self.target(rng, id, 1, true);
        let inputs = shape.pixels() * shape.channels;
        let work = ConvWork::fully_connected(inputs, layer.output.channels, self.batch, self.array);
        for row_group in 0..work.row_groups() {
            let (strip, image) = (0, 0);
            self.push(
                id,
                OpKind::Sweep {
                    row_group,
                    strip,
                    image,
                },
            );
        }
        if stored {
            for image in 0..self.batch {
                self.store(id, output, image, 0..1);
            }
        }
        self.layers.push(LayerPlan::Array(Box::new(ArrayPlan {
            work,
            strips: vec![Strip {
                out_rows: 0..1,
                in_rows: 0..1,
            }],
            order: LoopOrder::StripOuter,
            weights: WeightMode::Held,
            input,
            residual: None,
            output,
            candidates: 1,
        })));
    }

    /// Rows of operand `place` under output rows.
    fn operand_rows(&self, id: LayerId, place: usize, out: &Range<usize>) -> Range<usize> {
        let layer = &self.network.graph.layers[id.0];
        let map = self.network.graph.shape(layer.inputs[place]);
        match layer.op {
            LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => {
                let first = (out.start * pool.stride).saturating_sub(pool.padding);
                let end = (out.end - 1) * pool.stride + pool.kernel;
                first..(end - pool.padding.min(end)).min(map.height)
            }
            LayerOp::Resize(resize) => resize.rows(out, map.height),
            LayerOp::Multiply { .. } if map.pixels() == 1 => 0..1,
            _ => out.clone(),
        }
    }

    /// Bands of output rows, or of input rows that are summed up one after another.
    fn vector_strips(&self, rng: &mut ChaCha8Rng, id: LayerId) -> Vec<Strip> {
        let layer = &self.network.graph.layers[id.0];
        if layer.op.gathers() {
            let height = self.network.graph.shape(layer.inputs[0]).height;
            let strip = |in_rows| Strip {
                out_rows: 0..layer.output.height,
                in_rows,
            };
            return bands(rng, height, 1).into_iter().map(strip).collect();
        }
        let strip = |out_rows: Range<usize>| Strip {
            in_rows: self.operand_rows(id, 0, &out_rows),
            out_rows,
        };
        bands(rng, layer.output.height, 1)
            .into_iter()
            .map(strip)
            .collect()
    }

    fn vector(&mut self, rng: &mut ChaCha8Rng, id: LayerId) {
        let layer = &self.network.graph.layers[id.0];
        let gathers = layer.op.gathers();
        let strips = self.vector_strips(rng, id);
        let rows = strips.iter().map(|s| s.in_rows.len()).max().unwrap_or(1);
        let out_rows = strips.iter().map(|s| s.out_rows.len()).max().unwrap_or(1);
        let sources: Vec<Source> = layer
            .inputs
            .iter()
            .map(|&tensor| self.source(rng, tensor, rows))
            .collect();
        let (output, stored) = self.target(rng, id, out_rows, false);
        self.share_storage(rng, id, &sources, output);
        for image in 0..self.batch {
            let mut held = vec![0..0; sources.len()];
            for (strip, Strip { out_rows, in_rows }) in strips.iter().enumerate() {
                for (place, &source) in sources.iter().enumerate() {
                    let rows = if place == 0 {
                        in_rows.clone()
                    } else {
                        self.operand_rows(id, place, out_rows)
                    };
                    self.fill(id, source, image, &held[place], &rows);
                    held[place] = rows;
                }
                self.push(id, OpKind::Vector { strip, image });
                if stored && (!gathers || strip + 1 == strips.len()) {
                    self.store(id, output, image, out_rows.clone());
                }
            }
        }
        self.layers.push(LayerPlan::Vector {
            inputs: sources.iter().map(|s| s.buffer).collect(),
            output,
            strips,
        });
    }

    /// Lets a whole sum take the storage of a whole operand that no later layer reads; a function and a product that of
    /// their first.
    fn share_storage(
        &mut self,
        rng: &mut ChaCha8Rng,
        id: LayerId,
        sources: &[Source],
        output: BufferId,
    ) {
        let layers = &self.network.graph.layers;
        let [first, others @ ..] = sources else {
            return;
        };
        let alone = others.iter().all(|other| other.tensor != first.tensor);
        let sources = match layers[id.0].op {
            LayerOp::Add { .. } => sources,
            LayerOp::Lookup(_) | LayerOp::Multiply { .. } if alone => &sources[..1],
            _ => return,
        };
        for source in sources {
            let later = &layers[id.0 + 1..];
            let read_again = later
                .iter()
                .any(|layer| layer.inputs.contains(&source.tensor));
            let both_whole = !source.load && self.whole[id.output().0] == Some(output);
            if both_whole && !read_again && rng.random_bool(0.5) {
                self.buffers[output.0].base = self.buffers[source.buffer.0].base;
                return;
            }
        }
    }
}

/// Full-width bands of rows, each a multiple of `tile` high but the last.
fn bands(rng: &mut ChaCha8Rng, height: usize, tile: usize) -> Vec<Range<usize>> {
    let mut bands = Vec::new();
    let mut first = 0;
    while first < height {
        let end = (first + tile * rng.random_range(1..=4)).min(height);
        bands.push(first..end);
        first = end;
    }
    bands
}
