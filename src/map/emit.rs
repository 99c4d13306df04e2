//! Writes the list of operations of a placed network.
//!
//! Strip by strip: what the strip reads is loaded one strip ahead, weights are fetched row group by row group, the strip
//! before is stored. The first weights of a layer are fetched before the last Stores of the layer in front, as many
//! as there are slots, so that they wait for nothing but that layer's own passes.

use super::engine::Engine;
use super::place::{Depth, Placed, Placement};
use crate::chip::{ActivationSram, Chip, Dram};
use crate::quantise::Numerics;
use crate::reparam::{LayerGraph, LayerId, TensorId};
use crate::schedule::work::ConvWork;
use crate::schedule::{
    ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder, Op, OpId, OpKind, Schedule,
    Traffic, WeightMode, weights,
};
use crate::units::{Addr, Bytes, count};
use std::ops::Range;

pub(super) fn emit(
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    placement: Placement,
) -> Schedule {
    let dram = layout(graph, numerics, chip, &placement.layers);
    let mut emitter = Emitter {
        sram: &chip.activation_sram,
        graph,
        numerics,
        slots: chip.weight_slots(numerics.widest_weight()),
        layers: &placement.layers,
        stays: &placement.stays,
        buffers: placement.buffers,
        dram: &dram,
        ops: Vec::new(),
        stored: vec![Vec::new(); graph.layers.len() + 1],
        fetched: vec![0; graph.layers.len()],
        pending: Vec::new(),
    };
    for index in 0..graph.layers.len() {
        emitter.layer(index);
    }
    emitter.flush(graph.layers.len());
    let (ops, buffers) = (emitter.ops, emitter.buffers);
    let slots = chip.weight_slots(numerics.widest_weight());
    let layers = placement
        .layers
        .iter()
        .map(|placed| plan(placed, slots))
        .collect();
    Schedule {
        graph: graph.clone(),
        numerics: numerics.clone(),
        array: chip.array,
        batch: 1,
        layers,
        buffers,
        dram,
        ops,
    }
}

fn mode(work: &ConvWork, strips: usize, slots: usize) -> WeightMode {
    if strips > 1 && work.conv_pass_count() * work.row_groups() <= slots {
        WeightMode::Resident
    } else if work.conv_pass_count() <= slots {
        WeightMode::Held
    } else {
        WeightMode::Streamed
    }
}

fn plan(placed: &Placed, slots: usize) -> LayerPlan {
    match &placed.engine {
        Engine::Array(work) => LayerPlan::Array(Box::new(ArrayPlan {
            work: work.clone(),
            strips: placed.strips.clone(),
            order: LoopOrder::StripOuter,
            weights: mode(work, placed.strips.len(), slots),
            input: placed.inputs[0],
            residual: placed.inputs.get(1).copied(),
            output: placed.output.expect("a layer of the array writes a buffer"),
            candidates: 1,
        })),
        Engine::Vector => LayerPlan::Vector {
            inputs: placed.inputs.clone(),
            output: placed
                .output
                .expect("a layer of the vector unit writes a buffer"),
            strips: placed.strips.clone(),
        },
        Engine::Host => LayerPlan::Host,
    }
}

/// Tensors one after another, then the weights of each layer; everything burst-aligned.
fn layout(graph: &LayerGraph, numerics: &Numerics, chip: &Chip, layers: &[Placed]) -> DramLayout {
    let Dram::Flat(dram) = &chip.dram;
    let mut next = 0;
    let mut take = |bytes: Bytes| {
        let start = Addr(next);
        next += bytes.0.next_multiple_of(dram.burst.0);
        start
    };
    let tensors = (0..=graph.layers.len())
        .map(|t| take(tensor_bytes(graph, numerics, TensorId(t))))
        .collect();
    let weights = layers
        .iter()
        .enumerate()
        .map(|(index, placed)| match &placed.engine {
            Engine::Array(work) => {
                let element = Bytes(u64::from(numerics.weight_bits[index].div_ceil(8)));
                (0..work.row_groups())
                    .map(|rg| take(weights::row_group_bytes(work, &work.row_group(rg), element)))
                    .collect()
            }
            Engine::Vector | Engine::Host => Vec::new(),
        })
        .collect();
    DramLayout { tensors, weights }
}

fn tensor_bytes(graph: &LayerGraph, numerics: &Numerics, tensor: TensorId) -> Bytes {
    Bytes(graph.shape(tensor).elements().0 * numerics.activations[tensor.0].bytes().0)
}

fn untouched(buffer: &Buffer) -> bool {
    buffer.live.start > buffer.live.end
}

struct Emitter<'a> {
    sram: &'a ActivationSram,
    graph: &'a LayerGraph,
    numerics: &'a Numerics,
    slots: usize,
    layers: &'a [Placed],
    stays: &'a [bool],
    buffers: Vec<Buffer>,
    dram: &'a DramLayout,
    ops: Vec<Op>,
    /// What put each tensor into DRAM.
    stored: Vec<Vec<OpId>>,
    /// Fills of each layer's first row group that are fetched ahead.
    fetched: Vec<usize>,
    /// Stores of the layer in front that are not in the list yet.
    pending: Vec<Op>,
}

impl Emitter<'_> {
    fn push(
        &mut self,
        layer: usize,
        mut after: Vec<OpId>,
        kind: OpKind,
        touched: &[BufferId],
    ) -> OpId {
        let id = OpId(self.ops.len());
        for buffer in touched {
            self.wait_for_room(*buffer, &mut after);
            let live = &mut self.buffers[buffer.0].live;
            live.start = live.start.min(id);
            live.end = live.end.max(id);
        }
        self.ops.push(Op {
            layer: LayerId(layer),
            after,
            kind,
        });
        id
    }

    /// The first operation on a buffer waits for the last one on every buffer that lay in its place before.
    fn wait_for_room(&self, buffer: BufferId, after: &mut Vec<OpId>) {
        let new = &self.buffers[buffer.0];
        if !untouched(new) {
            return;
        }
        let place = self.place(new);
        for old in self.buffers.iter().filter(|old| !untouched(old)) {
            let taken = self.place(old);
            if taken.start < place.end && place.start < taken.end && !after.contains(&old.live.end)
            {
                after.push(old.live.end);
            }
        }
    }

    /// Where a buffer lies in every bank, in bytes a lane.
    fn place(&self, buffer: &Buffer) -> Range<u64> {
        let element = self.numerics.activations[buffer.tensor.0].bytes().0;
        let banks = count(self.sram.bank_rows * self.sram.bank_cols);
        buffer.base.0..buffer.base.0 + buffer.words.0 / banks * element
    }

    /// Puts the Stores of the layer in front into the list, the first weights of layer `next` before them.
    fn flush(&mut self, next: usize) {
        if let Some(Placed {
            engine: Engine::Array(work),
            strips,
            ..
        }) = self.layers.get(next)
        {
            let out_rows = &strips[0].out_rows;
            let fills = weights::fills(work, mode(work, strips.len(), self.slots), out_rows);
            let ahead = fills.min(self.slots);
            self.push(
                next,
                vec![],
                OpKind::Fetch {
                    row_group: 0,
                    fills: 0..ahead,
                },
                &[],
            );
            self.fetched[next] = ahead;
        }
        for op in std::mem::take(&mut self.pending) {
            let OpKind::Store { buffer, .. } = op.kind else {
                unreachable!("only Stores are held back")
            };
            let tensor = self.buffers[buffer.0].tensor;
            let id = self.push(op.layer.0, op.after, op.kind, &[buffer]);
            self.stored[tensor.0].push(id);
        }
    }

    fn layer(&mut self, index: usize) {
        self.flush(index);
        match &self.layers[index].engine {
            Engine::Array(_) | Engine::Vector => self.on_chip(index),
            Engine::Host => self.host(index),
        }
    }

    fn traffic(&self, tensor: TensorId, operand: usize) -> Traffic {
        if tensor == TensorId::INPUT {
            Traffic::Inputs
        } else if operand > 0 {
            Traffic::Shortcuts
        } else {
            Traffic::Spills
        }
    }

    /// DRAM range of rows of a tensor.
    fn range(&self, tensor: TensorId, rows: &Range<usize>) -> (Addr, Bytes) {
        let shape = self.graph.shape(tensor);
        let row =
            count(shape.width * shape.channels) * self.numerics.activations[tensor.0].bytes().0;
        (
            self.dram.tensors[tensor.0] + Bytes(count(rows.start) * row),
            Bytes(count(rows.len()) * row),
        )
    }

    fn on_chip(&mut self, index: usize) {
        let placed = self.layers[index].clone();
        let inputs = self.graph.layers[index].inputs.clone();
        let mut loaded = vec![0; inputs.len()];
        let mut loads: Vec<Vec<OpId>> = vec![Vec::new(); placed.strips.len()];
        let mut done: Vec<OpId> = Vec::new();
        let mut stores: Vec<Option<OpId>> = vec![None; placed.strips.len()];
        self.load(index, &placed, 0, &mut loaded, &mut loads, &done);
        let strips = placed.strips.len();
        for strip in 0..strips {
            if placed.depth == Depth::Double && strip + 1 < strips {
                self.load(index, &placed, strip + 1, &mut loaded, &mut loads, &done);
            }
            let mut after: Vec<OpId> = loads[..=strip].iter().flatten().copied().collect();
            let freed = match placed.depth {
                Depth::Double => strip.checked_sub(2),
                Depth::Single => strip.checked_sub(1),
            };
            after.extend(freed.and_then(|s| stores[s]));
            let last = match &placed.engine {
                Engine::Array(work) => self.sweeps(index, &placed, work, strip, &after),
                Engine::Vector | Engine::Host => {
                    let touched: Vec<BufferId> = placed
                        .inputs
                        .iter()
                        .chain(&placed.output)
                        .copied()
                        .collect();
                    self.push(index, after, OpKind::Vector { strip, image: 0 }, &touched)
                }
            };
            done.push(last);
            match placed.depth {
                Depth::Double if strip > 0 => {
                    stores[strip - 1] =
                        self.store(index, &placed, strip - 1, done[strip - 1], false);
                }
                Depth::Single if strip + 1 < strips => {
                    stores[strip] = self.store(index, &placed, strip, last, false);
                    self.load(index, &placed, strip + 1, &mut loaded, &mut loads, &done);
                }
                Depth::Double | Depth::Single => {}
            }
        }
        let strip = placed.strips.len() - 1;
        self.store(index, &placed, strip, done[strip], true);
    }

    /// Loads the rows that strip `strip` needs and no strip before brought.
    fn load(
        &mut self,
        index: usize,
        placed: &Placed,
        strip: usize,
        loaded: &mut [usize],
        loads: &mut [Vec<OpId>],
        done: &[OpId],
    ) {
        let inputs = self.graph.layers[index].inputs.clone();
        for (operand, tensor) in inputs.iter().enumerate() {
            let buffer = placed.inputs[operand];
            if self.stays[tensor.0] || inputs[..operand].contains(tensor) {
                continue;
            }
            let rows_of = |s: usize| {
                let strip = &placed.strips[s];
                if operand > 0 {
                    strip.out_rows.clone()
                } else {
                    strip.in_rows.clone()
                }
            };
            let rows = rows_of(strip).start.max(loaded[operand])..rows_of(strip).end;
            if rows.is_empty() {
                continue;
            }
            loaded[operand] = rows.end;
            let ring = self.buffers[buffer.0].rows;
            let mut after = self.stored[tensor.0].clone();
            let frees = (0..strip)
                .rev()
                .find(|s| rows_of(*s).start + ring < rows.end);
            after.extend(frees.and_then(|s| done.get(s)));
            let (start, bytes) = self.range(*tensor, &rows);
            let traffic = self.traffic(*tensor, operand);
            let kind = OpKind::Load {
                buffer,
                image: 0,
                rows,
                start,
                bytes,
                traffic,
            };
            let id = self.push(index, after, kind, &[buffer]);
            loads[strip].push(id);
        }
    }

    fn sweeps(
        &mut self,
        index: usize,
        placed: &Placed,
        work: &ConvWork,
        strip: usize,
        after: &[OpId],
    ) -> OpId {
        let mode = mode(work, placed.strips.len(), self.slots);
        let fills = weights::fills(work, mode, &placed.strips[strip].out_rows);
        let touched: Vec<BufferId> = placed
            .inputs
            .iter()
            .chain(&placed.output)
            .copied()
            .collect();
        let mut last = None;
        for row_group in 0..work.row_groups() {
            let ahead = if strip == 0 && row_group == 0 {
                self.fetched[index]
            } else {
                0
            };
            let fetches = mode != WeightMode::Resident || strip == 0;
            if fetches && ahead < fills {
                self.push(
                    index,
                    vec![],
                    OpKind::Fetch {
                        row_group,
                        fills: ahead..fills,
                    },
                    &[],
                );
            }
            let kind = OpKind::Sweep {
                row_group,
                strip,
                image: 0,
            };
            last = Some(self.push(index, after.to_vec(), kind, &touched));
        }
        last.expect("a layer has row groups")
    }

    /// Stores a strip of an output that lives in DRAM; the last strip's Store is held back for the next layer.
    fn store(
        &mut self,
        index: usize,
        placed: &Placed,
        strip: usize,
        made: OpId,
        hold: bool,
    ) -> Option<OpId> {
        let tensor = LayerId(index).output();
        if self.stays[tensor.0] {
            return None;
        }
        let buffer = placed.output.expect("a layer on the chip writes a buffer");
        let rows = placed.strips[strip].out_rows.clone();
        let (start, bytes) = self.range(tensor, &rows);
        let traffic = if tensor == self.graph.output() {
            Traffic::Outputs
        } else {
            Traffic::Spills
        };
        let kind = OpKind::Store {
            buffer,
            image: 0,
            rows,
            start,
            bytes,
            traffic,
        };
        if hold {
            self.pending.push(Op {
                layer: LayerId(index),
                after: vec![made],
                kind,
            });
            return None;
        }
        let id = self.push(index, vec![made], kind, &[buffer]);
        self.stored[tensor.0].push(id);
        Some(id)
    }

    /// Stores operands that are in SRAM, calls the host, loads the result if it is to stay.
    fn host(&mut self, index: usize) {
        let inputs = self.graph.layers[index].inputs.clone();
        let mut after = Vec::new();
        for tensor in inputs {
            if self.stays[tensor.0] && self.stored[tensor.0].is_empty() {
                let buffer = self.home(tensor);
                let made = self.buffers[buffer.0].live.end;
                let rows = 0..self.graph.shape(tensor).height;
                let (start, bytes) = self.range(tensor, &rows);
                let traffic = Traffic::Host;
                let kind = OpKind::Store {
                    buffer,
                    image: 0,
                    rows,
                    start,
                    bytes,
                    traffic,
                };
                let id = self.push(index, vec![made], kind, &[buffer]);
                self.stored[tensor.0].push(id);
            }
            after.extend(self.stored[tensor.0].iter().copied());
        }
        let call = self.push(index, after, OpKind::Host { image: 0 }, &[]);
        let tensor = LayerId(index).output();
        self.stored[tensor.0].push(call);
        if let Some(buffer) = self.layers[index].output {
            let rows = 0..self.graph.shape(tensor).height;
            let (start, bytes) = self.range(tensor, &rows);
            let traffic = Traffic::Host;
            let kind = OpKind::Load {
                buffer,
                image: 0,
                rows,
                start,
                bytes,
                traffic,
            };
            self.push(index, vec![call], kind, &[buffer]);
        }
    }

    /// The buffer of a tensor that stays: those come first, in order of the tensors.
    fn home(&self, tensor: TensorId) -> BufferId {
        BufferId(
            self.stays[..tensor.0]
                .iter()
                .filter(|stays| **stays)
                .count(),
        )
    }
}
