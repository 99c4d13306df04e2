//! Writes the list of operations of a placed network.
//!
//! Around the first operation of a strip stand, in this order: its weights as far as slots allow, its Loads, the
//! operation, the layer's next weights, the Store of the strip before, the Loads of the strip behind as far as they
//! overwrite nothing in use; then whatever weights its own end frees the slots for, also those of the next layer.
//! So an operation of the DMA engine never waits for one whose weights stand behind it.

mod fetches;
mod layout;
mod offload;
mod track;
mod transfers;
mod turns;

use super::engine::Engine;
use super::facts::{Facts, Reach};
use super::place::{Placed, Placement};
use crate::reparam::LayerId;
use crate::schedule::{ArrayPlan, BufferId, LayerPlan, Op, OpId, OpKind, Schedule};
use crate::units::Addr;
use fetches::Fetches;
use std::ops::Range;
use track::Track;
use transfers::Pending;
use turns::{Loops, Turn};

/// The schedule of `placement`.
pub(super) fn emit(facts: &Facts<'_>, placement: Placement) -> Schedule {
    let dram = layout::layout(facts);
    let loops: Vec<Loops> = placement
        .layers
        .iter()
        .enumerate()
        .map(|(index, layer)| facts.loops(LayerId(index), layer))
        .collect();
    let mut list = List {
        fetches: Fetches::new(facts, &placement.layers, &loops),
        tracks: placement.buffers.iter().map(Track::new).collect(),
        facts,
        placement,
        loops,
        tensors: &dram.tensors,
        ops: Vec::new(),
        place: 0,
        turns: vec![None],
        pending: Vec::new(),
        in_dram: vec![Vec::new(); facts.sizes.len()],
    };
    for index in 0..facts.layers.len() {
        list.layer(LayerId(index));
    }
    let (ops, placement) = (list.ops, list.placement);
    let layers = placement
        .layers
        .iter()
        .zip(&facts.layers)
        .map(|(placed, layer)| plan(placed, &layer.engine))
        .collect();
    Schedule {
        graph: facts.graph.clone(),
        numerics: facts.numerics.clone(),
        array: facts.chip.array,
        batch: facts.settings.batch,
        layers,
        buffers: placement.buffers,
        dram,
        ops,
    }
}

fn plan(placed: &Placed, engine: &Engine) -> LayerPlan {
    const READS: &str = "a layer on the chip has a buffer for each operand";
    const WRITES: &str = "a layer on the chip has a buffer for its output";
    match engine {
        Engine::Array(work) => LayerPlan::Array(Box::new(ArrayPlan {
            work: work.clone(),
            strips: placed.strips.clone(),
            order: placed.choice.order,
            weights: placed.choice.weights,
            input: placed.operands[0].expect(READS),
            residual: placed.operands.get(1).map(|buffer| buffer.expect(READS)),
            output: placed.output.expect(WRITES),
            candidates: placed.ranked,
        })),
        Engine::Vector => LayerPlan::Vector {
            inputs: placed.operands.iter().map(|b| b.expect(READS)).collect(),
            output: placed.output.expect(WRITES),
            strips: placed.strips.clone(),
        },
        Engine::Host => LayerPlan::Host,
    }
}

impl Facts<'_> {
    fn loops(&self, layer: LayerId, placed: &Placed) -> Loops {
        let (strips, row_groups) = match &self.layers[layer.0].engine {
            Engine::Array(work) => (placed.strips.len(), work.row_groups()),
            Engine::Vector => (placed.strips.len(), 1),
            Engine::Host => (1, 1),
        };
        Loops::new(&placed.choice, self.images_swept(layer), strips, row_groups)
    }
}

struct List<'a> {
    facts: &'a Facts<'a>,
    placement: Placement,
    loops: Vec<Loops>,
    fetches: Fetches,
    tracks: Vec<Track>,
    tensors: &'a [Addr],
    ops: Vec<Op>,
    /// Operations of array, vector unit and host so far.
    place: usize,
    /// Last operation of each turn, from 1.
    turns: Vec<Option<OpId>>,
    pending: Vec<Pending>,
    /// By tensor: image, rows and the operation that puts them into DRAM.
    in_dram: Vec<Vec<(usize, Range<usize>, OpId)>>,
}

impl List<'_> {
    fn push(
        &mut self,
        layer: LayerId,
        after: impl IntoIterator<Item = Option<OpId>>,
        kind: OpKind,
    ) -> OpId {
        let mut waits: Vec<OpId> = Vec::new();
        for id in after.into_iter().flatten() {
            if !waits.contains(&id) {
                waits.push(id);
            }
        }
        self.ops.push(Op {
            layer,
            after: waits,
            kind,
        });
        OpId(self.ops.len() - 1)
    }

    fn layer(&mut self, layer: LayerId) {
        match self.facts.layers[layer.0].engine {
            Engine::Array(_) | Engine::Vector => self.on_chip(layer),
            Engine::Host => self.on_host(layer),
        }
    }

    /// Puts Fetches into the list: those in front of fetching `end` whose slots are free before operation `before`.
    fn fetch(&mut self, end: usize, before: usize) {
        while let Some(part) = self.fetches.next(end, before) {
            let kind = OpKind::Fetch {
                row_group: part.row_group,
                fills: part.fills,
            };
            self.push(part.layer, [None, None], kind);
        }
    }

    fn on_chip(&mut self, layer: LayerId) {
        let loops = self.loops[layer.0];
        let end = self.fetches.end_of(layer.0);
        let next_end = self.fetches.end_of(layer.0 + 1);
        let mode = self.placement.layers[layer.0].choice.weights;
        let mut sweep = 0;
        for index in 0..loops.turns() {
            let turn = loops.turn(index);
            self.turns.push(None);
            for row_group in turn.row_groups.clone() {
                let first = row_group == turn.row_groups.start;
                let mut after = [None, None];
                if first {
                    if !matches!(self.facts.layers[layer.0].engine, Engine::Vector) {
                        let own = self.fetches.of_sweep(layer, mode, sweep, row_group);
                        self.fetch(own + 1, self.place);
                    }
                    self.make_room(layer, &turn);
                    self.load(layer, &turn, true);
                    after = self.waits(layer, &turn);
                }
                let op = self.work(layer, &turn, row_group, after);
                if first {
                    self.fetch(end, self.place);
                    self.flush();
                    if index + 1 < loops.turns() {
                        self.load(layer, &loops.turn(index + 1), false);
                    }
                }
                self.place += 1;
                sweep += 1;
                self.fetch(end, self.place);
                self.fetch(next_end, self.place);
                self.finish(layer, &turn, row_group, op);
            }
        }
        self.flush();
    }

    /// Stores what the turn's output would overwrite.
    fn make_room(&mut self, layer: LayerId, turn: &Turn) {
        let placed = &self.placement.layers[layer.0];
        let rows = &placed.strips[turn.strip].out_rows;
        let meets = self.pending.iter().any(|store| {
            Some(store.buffer) == placed.output
                && self.tracks[store.buffer.0].meet((store.image, &store.rows), (turn.image, rows))
        });
        if meets {
            self.flush();
        }
    }

    /// Images whose rows a turn touches.
    fn images(&self, layer: LayerId, turn: &Turn) -> Range<usize> {
        if self.facts.takes_batch(layer) {
            0..self.facts.settings.batch
        } else {
            turn.image..turn.image + 1
        }
    }

    /// Rows of operand `place` that a turn reads.
    fn rows(&self, layer: LayerId, place: usize, turn: &Turn) -> Range<usize> {
        let strip = &self.placement.layers[layer.0].strips[turn.strip];
        if self.facts.gathers(layer) {
            return strip.in_rows.clone();
        }
        match self.facts.layers[layer.0].operands[place].reach {
            Reach::Same => strip.out_rows.clone(),
            Reach::Whole | Reach::Pixel | Reach::Resize { .. } | Reach::Window { .. } => {
                let tensor = self.facts.layers[layer.0].operands[place].tensor;
                let height = self.facts.sizes[tensor.0].height;
                self.facts.layers[layer.0].operands[place]
                    .reach
                    .rows(&strip.out_rows, height)
            }
        }
    }

    /// The Load and the Store that a turn waits for.
    fn waits(&mut self, layer: LayerId, turn: &Turn) -> [Option<OpId>; 2] {
        let number = self.turns.len() - 1;
        let (mut loaded, mut stored) = (None, None);
        let placed = &self.placement.layers[layer.0];
        let output = placed.output.expect("a layer on the chip writes a buffer");
        let out_rows = placed.strips[turn.strip].out_rows.clone();
        let operands = placed.operands.clone();
        self.succeed(output);
        for image in self.images(layer, turn) {
            for (place, buffer) in operands.iter().enumerate() {
                let rows = self.rows(layer, place, turn);
                let buffer = buffer.expect("a layer on the chip reads buffers");
                loaded = loaded.max(self.tracks[buffer.0].read(number, image, &rows));
            }
            stored = stored.max(self.tracks[output.0].write(image, &out_rows));
        }
        [loaded, stored]
    }

    fn work(
        &mut self,
        layer: LayerId,
        turn: &Turn,
        row_group: usize,
        after: [Option<OpId>; 2],
    ) -> OpId {
        let (strip, image) = (turn.strip, turn.image);
        let kind = match self.facts.layers[layer.0].engine {
            Engine::Array(_) => OpKind::Sweep {
                row_group,
                strip,
                image,
            },
            Engine::Vector | Engine::Host => OpKind::Vector { strip, image },
        };
        let op = self.push(layer, after, kind);
        let placed = &self.placement.layers[layer.0];
        let buffers: Vec<Option<BufferId>> = (placed.operands.iter().copied())
            .chain([placed.output])
            .collect();
        for buffer in buffers.into_iter().flatten() {
            self.tracks[buffer.0].work = Some(op);
            self.touch(buffer, op);
        }
        op
    }

    /// Ends a turn with its last row group; an output that leaves waits to be stored.
    fn finish(&mut self, layer: LayerId, turn: &Turn, row_group: usize, op: OpId) {
        if row_group + 1 < turn.row_groups.end {
            return;
        }
        *self.turns.last_mut().expect("the turn under way") = Some(op);
        let placed = &self.placement.layers[layer.0];
        let gathering = self.facts.gathers(layer) && turn.strip + 1 < placed.strips.len();
        if !turn.ends || gathering || self.placement.stays[layer.output().0] {
            return;
        }
        let buffer = placed.output.expect("a layer on the chip writes a buffer");
        let rows = placed.strips[turn.strip].out_rows.clone();
        for image in self.images(layer, turn) {
            self.pending.push(Pending {
                layer,
                buffer,
                image,
                rows: rows.clone(),
                made: op,
            });
        }
    }
}
