//! Where an element is made and where it lies: operation, tile, PE row, bank, word, lane, DRAM byte.

use super::Model;
use crate::layout::{Array, Mapping};
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::storage::{Grid, InSram};
use crate::schedule::{ArrayPlan, BufferId, LayerPlan, OpId, OpKind, Strip};
use crate::time::OpSpan;
use crate::units::count;
use std::collections::BTreeMap;

/// Where an element comes from and lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Image, row, column, channel.
    pub at: [usize; 4],
    /// Number in the tensor.
    pub index: usize,
    /// First byte in DRAM, where the layout has a place for it.
    pub dram_byte: u64,
    /// What makes it.
    pub op: Option<OpId>,
    /// When the model says that operation runs.
    pub span: Option<OpSpan>,
    /// Where the array makes it.
    pub array: Option<OnArray>,
    /// Where it lies in activation SRAM.
    pub sram: Option<InSram>,
    /// What the dump's description says instead.
    pub told: Option<Told>,
}

/// Places by the mapping of a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Row of processing elements.
    pub pe_row: Option<usize>,
    /// Column of processing elements.
    pub pe_column: Option<usize>,
    /// Memory bank.
    pub bank: Option<usize>,
}

/// Place in the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnArray {
    /// Tile row and tile column of the output.
    pub tile: [usize; 2],
    /// Block of the tile row, and patch in it: the accumulator.
    pub patch: [usize; 2],
    /// Row of processing elements.
    pub row: usize,
    /// Row and column in the tile.
    pub pixel: [usize; 2],
}

/// Earlier in the run is less.
pub(super) type Moment = (usize, [usize; 6]);

impl Place {
    /// The place as far as the hardware's mapping is known.
    pub(super) fn mapped(self, mapping: Option<&Mapping>) -> Self {
        if mapping == Some(&Mapping::Schedule) {
            return self;
        }
        let at = self.at;
        let told = |array: &Array| Told {
            pe_row: array.pe_row.map(|term| term.at(at)),
            pe_column: array.pe_column.map(|term| term.at(at)),
            bank: array.bank.map(|term| term.at(at)),
        };
        let told = match mapping {
            Some(Mapping::Array(array)) => Some(told(array)),
            Some(Mapping::Schedule) | None => None,
        };
        Self {
            op: None,
            span: None,
            array: None,
            sram: None,
            told,
            ..self
        }
    }

    /// When it is made, in the order of the operations, then of the array's drains; elsewhere in memory order.
    pub(super) fn moment(&self) -> Moment {
        let op = self.op.map_or(usize::MAX, |op| op.0);
        match &self.array {
            Some(a) => (
                op,
                [
                    a.tile[0], a.patch[0], a.patch[1], a.pixel[0], a.pixel[1], a.row,
                ],
            ),
            None => (op, [self.index, 0, 0, 0, 0, 0]),
        }
    }
}

/// Finds the places of a run's elements.
#[derive(Debug)]
pub struct Places<'a> {
    model: Model<'a>,
    /// By layer, row group, strip and image.
    ops: BTreeMap<(LayerId, [usize; 3]), OpId>,
}

impl<'a> Places<'a> {
    /// Of all layers of `model`.
    #[must_use]
    pub fn new(model: Model<'a>) -> Self {
        let mut ops = BTreeMap::new();
        for (index, op) in model.schedule.ops.iter().enumerate() {
            let key = match op.kind {
                OpKind::Sweep {
                    row_group,
                    strip,
                    image,
                } => [row_group, strip, image],
                OpKind::Vector { strip, image } => [0, strip, image],
                OpKind::Host { image } => [0, 0, image],
                OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => continue,
            };
            ops.entry((op.layer, key)).or_insert(OpId(index));
        }
        Self { model, ops }
    }

    /// The place of element `index` of a layer's output.
    #[must_use]
    pub fn of(&self, layer: LayerId, index: usize) -> Place {
        let schedule = self.model.schedule;
        let tensor = layer.output();
        let map = schedule.graph.shape(tensor);
        let (rest, c) = (index / map.channels, index % map.channels);
        let (rest, x) = (rest / map.width, rest % map.width);
        let at = [rest / map.height, rest % map.height, x, c];
        let bytes = schedule.numerics.activations[tensor.0].bytes().0;
        let mut place = Place {
            at,
            index,
            dram_byte: schedule.dram.tensors[tensor.0].0 + count(index) * bytes,
            op: None,
            span: None,
            array: None,
            sram: None,
            told: None,
        };
        let key = match &schedule.layers[layer.0] {
            LayerPlan::Array(plan) => {
                place.sram = Some(self.sram(plan.output, at));
                let (key, on_array) = self.array(layer, plan, at);
                place.array = Some(on_array);
                key
            }
            LayerPlan::Vector { output, strips, .. } => {
                place.sram = Some(self.sram(*output, at));
                [0, strip(strips, at[1]), at[0]]
            }
            LayerPlan::Host => [0, 0, at[0]],
        };
        place.op = self.ops.get(&(layer, key)).copied();
        place.span = place.op.map(|op| self.model.timeline.span(op));
        place
    }

    /// Row group, strip and image, and the place in the array. Images of a fully connected layer are its pixels.
    fn array(&self, layer: LayerId, plan: &ArrayPlan, at: [usize; 4]) -> ([usize; 3], OnArray) {
        let work = &plan.work;
        let op = &self.model.schedule.graph.layers[layer.0].op;
        let [image, y, x, channel] = match op {
            LayerOp::FullyConnected { .. } => [0, 0, at[0], at[3]],
            LayerOp::Conv { .. }
            | LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_) => at,
        };
        let rows = work.array.rows;
        let per_group = work.group_outputs().div_ceil(rows);
        let in_group = channel % work.group_outputs();
        let row_group = channel / work.group_outputs() * per_group + in_group / rows;
        let tile = [y / work.array.tile_h, x / work.array.tile_w];
        let accumulators = work.array.pe.accumulators;
        let on_array = OnArray {
            tile,
            patch: [tile[1] / accumulators, tile[1] % accumulators],
            row: in_group % rows,
            pixel: [y % work.array.tile_h, x % work.array.tile_w],
        };
        ([row_group, strip(&plan.strips, y), image], on_array)
    }

    fn sram(&self, buffer: BufferId, at: [usize; 4]) -> InSram {
        let schedule = self.model.schedule;
        let buffer = &schedule.buffers[buffer.0];
        let map = schedule.graph.shape(buffer.tensor);
        Grid::of(self.model.chip).place(buffer, map, at)
    }
}

fn strip(strips: &[Strip], row: usize) -> usize {
    let holds = |strip: &Strip| strip.out_rows.contains(&row);
    // A mean is written by the last of its strips, which all have its rows.
    strips.iter().rposition(holds).unwrap_or(0)
}
