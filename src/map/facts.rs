//! What the mapper knows of each layer before it chooses: operands, rows under windows, sizes, base cost.

use super::engine::{self, Engine};
use super::estimate;
use super::liveness::{self, last_readers};
use super::{ImageLoop, MapError, Settings};
use crate::chip::{Chip, Dram, FlatDram};
use crate::network::{MAX_CONCAT, Resize};
use crate::quantise::Numerics;
use crate::reparam::{LayerGraph, LayerId, LayerOp, TensorId};
use crate::schedule::Traffic;
use crate::units::{Bytes, count};
use std::ops::Range;

/// The most tensors that one layer reads.
pub(super) const OPERANDS: usize = MAX_CONCAT;

/// Which input rows output rows need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The same rows.
    Same,
    /// The whole map, which leaves no strips.
    Whole,
    /// The whole of a map of one pixel, for every strip.
    Pixel,
    /// Those between which output rows are interpolated, on a map of `height` rows.
    Resize { resize: Resize, height: usize },
    /// Those under windows of `span` rows, `stride` apart, the first `padding` above the map of `height` rows.
    Window {
        span: usize,
        stride: usize,
        padding: usize,
        height: usize,
    },
}

impl Reach {
    /// Input rows under `out_rows`, inside the map.
    pub(super) fn rows(self, out_rows: &Range<usize>, height: usize) -> Range<usize> {
        match self {
            Self::Same => out_rows.clone(),
            Self::Whole | Self::Pixel => 0..height,
            Self::Resize { resize, height } => resize.rows(out_rows, height),
            Self::Window {
                span,
                stride,
                padding,
                height,
            } => {
                let first = (out_rows.start * stride).saturating_sub(padding);
                let last = (out_rows.end - 1) * stride + span;
                let end = last.saturating_sub(padding).min(height);
                first.min(end)..end
            }
        }
    }
}

/// One tensor that a layer reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operand {
    pub(super) tensor: TensorId,
    pub(super) reach: Reach,
    /// What a Load of it counts as.
    pub(super) traffic: Traffic,
}

/// One layer.
#[derive(Debug, Clone)]
pub(super) struct LayerFacts {
    pub(super) engine: Engine,
    pub(super) operands: Vec<Operand>,
    /// Rows of a strip are multiples of this, the last strip excepted.
    pub(super) grain: usize,
    /// The operand whose storage the output may take.
    pub(super) in_place: Option<TensorId>,
    pub(super) cost: estimate::Base,
}

/// A tensor's sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) height: usize,
    /// DRAM bytes of a row.
    pub(super) row_bytes: u64,
    /// Bytes a lane of each bank that `bank_rows` rows take.
    pub(super) band_units: u64,
}

/// Everything that is fixed before a choice is made.
pub(super) struct Facts<'a> {
    pub(super) graph: &'a LayerGraph,
    pub(super) numerics: &'a Numerics,
    pub(super) chip: &'a Chip,
    pub(super) settings: &'a Settings,
    pub(super) dram: &'a FlatDram,
    pub(super) slots: usize,
    /// Bytes a lane of each bank.
    pub(super) capacity: u64,
    pub(super) layers: Vec<LayerFacts>,
    pub(super) sizes: Vec<Size>,
    /// Last layer that reads each tensor; its producer when none does.
    pub(super) last: Vec<LayerId>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(
        graph: &'a LayerGraph,
        numerics: &'a Numerics,
        chip: &'a Chip,
        settings: &'a Settings,
    ) -> Result<Self, MapError> {
        let engines = engine::assign(graph, chip, settings)?;
        let sram = &chip.activation_sram;
        let Dram::Flat(dram) = &chip.dram;
        let readers = last_readers(graph);
        let last = readers
            .iter()
            .enumerate()
            .map(|(tensor, last)| last.unwrap_or(LayerId(tensor.saturating_sub(1))))
            .collect();
        let sizes = (0..=graph.layers.len())
            .map(|tensor| {
                let shape = graph.shape(TensorId(tensor));
                let element = numerics.activations[tensor].bytes().0;
                Size {
                    height: shape.height,
                    row_bytes: count(shape.width * shape.channels) * element,
                    band_units: count(
                        shape.width.div_ceil(sram.bank_cols)
                            * shape.channels.div_ceil(chip.array.pe.lanes),
                    ) * element,
                }
            })
            .collect();
        let mut facts = Self {
            graph,
            numerics,
            chip,
            settings,
            dram,
            slots: chip.weight_slots(numerics.widest_weight()),
            capacity: sram.capacity.0
                / count(sram.bank_rows * sram.bank_cols * chip.array.pe.lanes),
            layers: Vec::with_capacity(graph.layers.len()),
            sizes,
            last,
        };
        for index in 0..engines.len() {
            let id = LayerId(index);
            let engine = &engines[index];
            facts.layers.push(LayerFacts {
                grain: match engine {
                    Engine::Array(work) => work.array.tile_h,
                    Engine::Vector | Engine::Host => 1,
                },
                cost: estimate::Base::new(graph, chip, id, engine, settings.batch),
                operands: facts.operands(id, &engines),
                in_place: liveness::in_place_on(graph, id, &readers, settings.inplace_add)
                    .filter(|tensor| facts.same_storage(*tensor, id.output())),
                engine: engine.clone(),
            });
        }
        Ok(facts)
    }

    /// Whether two tensors have the same shape and bytes an element.
    pub(super) fn same_storage(&self, a: TensorId, b: TensorId) -> bool {
        let bytes = |t: TensorId| self.numerics.activations[t.0].bytes();
        self.graph.shape(a) == self.graph.shape(b) && bytes(a) == bytes(b)
    }

    fn operands(&self, id: LayerId, engines: &[Engine]) -> Vec<Operand> {
        let layer = &self.graph.layers[id.0];
        let latest = layer.inputs.iter().max().copied();
        let operand = |place: usize, tensor: TensorId| {
            let height = self.graph.shape(tensor).height;
            let window =
                |kernel: usize, dilation: usize, stride: usize, padding: usize| Reach::Window {
                    span: dilation * (kernel - 1) + 1,
                    stride,
                    padding,
                    height,
                };
            let (reach, shortcut) = match &layer.op {
                LayerOp::Conv { .. } if place > 0 => (Reach::Same, true),
                LayerOp::Conv { conv, .. } => (
                    window(conv.kernel, conv.dilation, conv.stride, conv.padding),
                    false,
                ),
                LayerOp::FullyConnected { .. } => (Reach::Whole, false),
                // Their lines are rows of the input.
                LayerOp::GlobalAvgPool | LayerOp::AdaptiveAvgPool { .. } => (Reach::Same, false),
                LayerOp::Add { .. } => (Reach::Same, Some(tensor) != latest),
                LayerOp::Multiply { .. } if place > 0 && self.graph.shape(tensor).pixels() == 1 => {
                    (Reach::Pixel, false)
                }
                LayerOp::Lookup(_) | LayerOp::Multiply { .. } | LayerOp::Concat => {
                    (Reach::Same, false)
                }
                LayerOp::Resize(resize) => {
                    let resize = *resize;
                    (Reach::Resize { resize, height }, false)
                }
                LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => {
                    (window(pool.kernel, 1, pool.stride, pool.padding), false)
                }
            };
            let producer = tensor.producer().map(|layer| &engines[layer.0]);
            let traffic = match producer {
                None => Traffic::Inputs,
                Some(Engine::Host) => Traffic::Host,
                Some(Engine::Array(_) | Engine::Vector) if shortcut => Traffic::Shortcuts,
                Some(Engine::Array(_) | Engine::Vector) => Traffic::Spills,
            };
            Operand {
                tensor,
                reach,
                traffic,
            }
        };
        layer
            .inputs
            .iter()
            .enumerate()
            .map(|(place, tensor)| operand(place, *tensor))
            .collect()
    }

    /// Whether a layer sums up bands of its input rows on the vector unit, and writes its output after the last.
    pub(super) fn gathers(&self, layer: LayerId) -> bool {
        let on_vector = matches!(self.layers[layer.0].engine, Engine::Vector);
        on_vector && self.graph.layers[layer.0].op.gathers()
    }

    /// Images that a buffer of a whole map holds.
    pub(super) fn images(&self) -> usize {
        self.settings.batch
    }

    /// Bytes a lane of each bank for `rows` rows of `images` images of a tensor.
    pub(super) fn units(&self, tensor: TensorId, rows: usize, images: usize) -> u64 {
        let bands = rows.div_ceil(self.chip.activation_sram.bank_rows);
        count(images * bands) * self.sizes[tensor.0].band_units
    }

    /// Units of a tensor that stays: its whole map for every image.
    pub(super) fn whole(&self, tensor: TensorId) -> u64 {
        self.units(tensor, self.sizes[tensor.0].height, self.images())
    }

    /// Bytes of activation SRAM that `units` take over all banks and lanes.
    pub(super) fn bytes(&self, units: u64) -> Bytes {
        let sram = &self.chip.activation_sram;
        Bytes(units * count(sram.bank_rows * sram.bank_cols * self.chip.array.pe.lanes))
    }

    /// Whether images of `layer` are patches, so that it takes the whole batch at once.
    pub(super) fn takes_batch(&self, layer: LayerId) -> bool {
        let op = &self.graph.layers[layer.0].op;
        matches!(op, LayerOp::FullyConnected { .. })
            && matches!(self.layers[layer.0].engine, Engine::Array(_))
    }

    /// Images that a layer runs one after another.
    pub(super) fn images_swept(&self, layer: LayerId) -> usize {
        if self.takes_batch(layer) {
            1
        } else {
            self.settings.batch
        }
    }

    /// Whether the weights stand outside the images in this layer.
    pub(super) fn images_inside(&self, layer: LayerId) -> bool {
        self.settings.images == ImageLoop::InsideWeights && self.images_swept(layer) > 1
    }

    /// What a Store of a tensor between two layers counts as: for the host if only the host reads it.
    pub(super) fn leaves_as(&self, tensor: TensorId) -> Traffic {
        let mut readers = self
            .layers
            .iter()
            .filter(|layer| layer.operands.iter().any(|o| o.tensor == tensor));
        if readers.all(|layer| matches!(layer.engine, Engine::Host)) {
            Traffic::Host
        } else {
            Traffic::Spills
        }
    }
}
