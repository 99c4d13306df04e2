//! Which tensors stay whole in activation SRAM, how layers are cut into strips, and where buffers lie.
//!
//! All buffers of a layer are live together for the whole layer. A tensor that stays is live from its producer to its
//! last reader. A tensor in DRAM has a buffer of its own in each layer that touches it: a ring of rows.

use super::MapError;
use super::engine::Engine;
use super::liveness::last_readers;
use crate::chip::Chip;
use crate::quantise::Numerics;
use crate::reparam::{Layer, LayerGraph, LayerId, LayerOp, TensorId};
use crate::schedule::{Buffer, BufferId, OpId, Strip};
use crate::tensor::FeatureMap;
use crate::units::{Bytes, Words, count};
use std::ops::Range;

/// Strips that a ring holds at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Two neighbours: the next one is loaded and the last one stored while one is computed.
    Double,
    /// One: transfers and computation alternate.
    Single,
}

/// How one layer is cut and what it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) engine: Engine,
    pub(super) strips: Vec<Strip>,
    /// What the rings of this layer hold.
    pub(super) depth: Depth,
    /// One for each of the layer's inputs; none for a layer of the host.
    pub(super) inputs: Vec<BufferId>,
    /// None for a layer of the host whose output stays in DRAM.
    pub(super) output: Option<BufferId>,
}

/// Everything the emitter needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) layers: Vec<Placed>,
    pub(super) buffers: Vec<Buffer>,
    /// Whether a tensor is whole in SRAM from its producer to its last reader.
    pub(super) stays: Vec<bool>,
}

/// A buffer before it has an address.
struct Wanted {
    tensor: TensorId,
    rows: usize,
    layers: Range<usize>,
}

struct Placer<'a> {
    graph: &'a LayerGraph,
    numerics: &'a Numerics,
    chip: &'a Chip,
    engines: &'a [Engine],
    last: Vec<Option<LayerId>>,
    stays: Vec<bool>,
}

pub(super) fn place(
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    engines: &[Engine],
) -> Result<Placement, MapError> {
    let mut placer = Placer {
        graph,
        numerics,
        chip,
        engines,
        last: last_readers(graph),
        stays: (0..=graph.layers.len())
            .map(|t| t > 0 && t < graph.layers.len())
            .collect(),
    };
    for tensor in 1..graph.layers.len() {
        let made_by_host = matches!(engines[tensor - 1], Engine::Host);
        let read_by_host_only = graph
            .layers
            .iter()
            .zip(engines)
            .filter(|(layer, _)| layer.inputs.contains(&TensorId(tensor)))
            .all(|(_, engine)| matches!(engine, Engine::Host));
        if made_by_host && read_by_host_only {
            placer.stays[tensor] = false;
        }
    }
    loop {
        match placer.attempt()? {
            Ok(placement) => return Ok(placement),
            Err(layer) => placer.spill_at(layer)?,
        }
    }
}

impl Placer<'_> {
    /// Bytes of a buffer of `rows` rows of `tensor`: words padded to the bank grid.
    fn bytes(&self, tensor: TensorId, rows: usize) -> u64 {
        self.words(tensor, rows) * count(self.chip.array.pe.lanes) * self.element(tensor)
    }

    fn element(&self, tensor: TensorId) -> u64 {
        self.numerics.activations[tensor.0].bytes().0
    }

    fn words(&self, tensor: TensorId, rows: usize) -> u64 {
        let sram = &self.chip.activation_sram;
        let shape = self.graph.shape(tensor);
        count(
            rows.next_multiple_of(sram.bank_rows)
                * shape.width.next_multiple_of(sram.bank_cols)
                * shape.channels.div_ceil(self.chip.array.pe.lanes),
        )
    }

    /// Layers during which a tensor that stays is live.
    fn life(&self, tensor: TensorId) -> Range<usize> {
        let first = tensor.producer().map_or(0, |l| l.0);
        let last = self.last[tensor.0].map_or(first, |l| l.0);
        first..last + 1
    }

    /// Bytes of the tensors that stay and are live during `layer`.
    fn staying(&self, layer: usize) -> u64 {
        (0..self.stays.len())
            .filter(|t| self.stays[*t] && self.life(TensorId(*t)).contains(&layer))
            .map(|t| self.bytes(TensorId(t), self.graph.shape(TensorId(t)).height))
            .sum()
    }

    /// Places everything, or names the layer that does not fit.
    fn attempt(&self) -> Result<Result<Placement, usize>, MapError> {
        let mut wanted: Vec<Wanted> = (0..self.stays.len())
            .filter(|t| self.stays[*t])
            .map(|t| Wanted {
                tensor: TensorId(t),
                rows: self.graph.shape(TensorId(t)).height,
                layers: self.life(TensorId(t)),
            })
            .collect();
        let home: Vec<usize> = self
            .stays
            .iter()
            .scan(0, |next, stays| {
                let id = *next;
                *next += usize::from(*stays);
                Some(id)
            })
            .collect();
        let mut layers = Vec::with_capacity(self.graph.layers.len());
        for (index, layer) in self.graph.layers.iter().enumerate() {
            let engine = self.engines[index].clone();
            if matches!(engine, Engine::Host) {
                let output = LayerId(index).output();
                let output = self.stays[output.0].then(|| BufferId(home[output.0]));
                layers.push(Placed {
                    engine,
                    strips: vec![],
                    depth: Depth::Single,
                    inputs: vec![],
                    output,
                });
                continue;
            }
            let free = self
                .chip
                .activation_sram
                .capacity
                .0
                .saturating_sub(self.staying(index));
            let Some((strips, depth, rows)) = self.cut(index, layer, &engine, free) else {
                return Ok(Err(index));
            };
            let mut buffer = |tensor: TensorId, rows: usize| {
                if self.stays[tensor.0] {
                    return BufferId(home[tensor.0]);
                }
                wanted.push(Wanted {
                    tensor,
                    rows,
                    layers: index..index + 1,
                });
                BufferId(wanted.len() - 1)
            };
            let inputs = layer
                .inputs
                .iter()
                .zip(&rows)
                .map(|(t, rows)| buffer(*t, *rows))
                .collect();
            let out_rows = *rows.last().expect("the output's rows stand last");
            let output = Some(buffer(LayerId(index).output(), out_rows));
            layers.push(Placed {
                engine,
                strips,
                depth,
                inputs,
                output,
            });
        }
        Ok(match self.addresses(&wanted) {
            Ok(buffers) => Ok(Placement {
                layers,
                buffers,
                stays: self.stays.clone(),
            }),
            Err(layer) => Err(layer),
        })
    }

    /// The tallest strips whose rings fit into `free` bytes, and the ring rows of each input and of the output.
    fn cut(
        &self,
        index: usize,
        layer: &Layer,
        engine: &Engine,
        free: u64,
    ) -> Option<(Vec<Strip>, Depth, Vec<usize>)> {
        let height = layer.output.height;
        let tile = match engine {
            Engine::Array(work) => work.array.tile_h,
            Engine::Vector | Engine::Host => 1,
        };
        let whole = matches!(
            layer.op,
            LayerOp::GlobalAvgPool | LayerOp::FullyConnected { .. }
        );
        let tensors: Vec<TensorId> = layer
            .inputs
            .iter()
            .copied()
            .chain([LayerId(index).output()])
            .collect();
        let streams = tensors.iter().any(|t| !self.stays[t.0]);
        let pieces = if whole || !streams {
            1..=1
        } else {
            1..=height.div_ceil(tile)
        };
        let deep = pieces.clone().map(|pieces| (pieces, Depth::Double));
        for (pieces, depth) in deep.chain(pieces.map(|pieces| (pieces, Depth::Single))) {
            let rows = height.div_ceil(pieces).next_multiple_of(tile);
            let strips = strips(layer, engine, self.graph.shape(layer.inputs[0]), rows);
            let rings: Vec<usize> = tensors
                .iter()
                .enumerate()
                .map(|(place, tensor)| {
                    let output = place == layer.inputs.len();
                    self.ring(&strips, depth, *tensor, place > 0 || output)
                })
                .collect();
            let need: u64 = tensors
                .iter()
                .zip(&rings)
                .enumerate()
                .filter(|(place, (t, _))| !self.stays[t.0] && !tensors[..*place].contains(t))
                .map(|(_, (t, rows))| self.bytes(*t, *rows))
                .sum();
            if need <= free {
                return Some((strips, depth, rings));
            }
        }
        None
    }

    /// Ring rows that hold one strip of a tensor or two neighbours, at most its whole height. Only the first operand
    /// has the rows under windows; others have the output's rows.
    fn ring(&self, strips: &[Strip], depth: Depth, tensor: TensorId, as_output: bool) -> usize {
        let rows = |strip: &Strip| {
            if as_output {
                strip.out_rows.clone()
            } else {
                strip.in_rows.clone()
            }
        };
        let height = self.graph.shape(tensor).height;
        if strips.len() == 1 {
            return height;
        }
        let most = match depth {
            Depth::Double => strips
                .windows(2)
                .map(|pair| rows(&pair[1]).end - rows(&pair[0]).start)
                .max(),
            Depth::Single => strips.iter().map(|strip| rows(strip).len()).max(),
        }
        .expect("there are two strips");
        most.next_multiple_of(self.chip.activation_sram.bank_rows)
            .min(height)
    }

    /// First fit over lifetimes, in units of one byte a lane and bank.
    fn addresses(&self, wanted: &[Wanted]) -> Result<Vec<Buffer>, usize> {
        let sram = &self.chip.activation_sram;
        let banks = count(sram.bank_rows * sram.bank_cols);
        let unit = banks * count(self.chip.array.pe.lanes);
        let capacity = sram.capacity.0 / unit;
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_by_key(|i| (wanted[*i].layers.start, *i));
        let mut base = vec![0; wanted.len()];
        let size: Vec<u64> = wanted
            .iter()
            .map(|w| self.bytes(w.tensor, w.rows) / unit)
            .collect();
        for (rank, &i) in order.iter().enumerate() {
            let mut taken: Vec<(u64, u64)> = order[..rank]
                .iter()
                .filter(|j| wanted[**j].layers.end > wanted[i].layers.start)
                .filter(|j| wanted[i].layers.end > wanted[**j].layers.start)
                .map(|j| (base[*j], base[*j] + size[*j]))
                .collect();
            taken.sort_unstable();
            let mut at = 0;
            for (from, to) in taken {
                if from >= at + size[i] {
                    break;
                }
                at = at.max(to);
            }
            if at + size[i] > capacity {
                return Err(wanted[i].layers.start);
            }
            base[i] = at;
        }
        Ok(wanted
            .iter()
            .enumerate()
            .map(|(i, w)| Buffer {
                tensor: w.tensor,
                images: 1,
                rows: w.rows,
                base: Words(base[i]),
                words: Words(self.words(w.tensor, w.rows)),
                elements: self.graph.shape(w.tensor).elements().0
                    / count(self.graph.shape(w.tensor).height)
                    * count(w.rows),
                live: OpId(usize::MAX)..OpId(0),
            })
            .collect())
    }

    /// Spills the largest tensor that stays during `layer`.
    fn spill_at(&mut self, layer: usize) -> Result<(), MapError> {
        let victim = (0..self.stays.len())
            .filter(|t| self.stays[*t] && self.life(TensorId(*t)).contains(&layer))
            .max_by_key(|t| {
                let tensor = TensorId(*t);
                (
                    self.bytes(tensor, self.graph.shape(tensor).height),
                    std::cmp::Reverse(*t),
                )
            });
        match victim {
            Some(tensor) => {
                self.stays[tensor] = false;
                Ok(())
            }
            None => Err(self.dead_end(layer)),
        }
    }

    fn dead_end(&self, index: usize) -> MapError {
        let layer = &self.graph.layers[index];
        let tile = self.chip.array.tile_h;
        let shape = self.graph.shape(layer.inputs[0]);
        let whole = matches!(
            layer.op,
            LayerOp::GlobalAvgPool | LayerOp::FullyConnected { .. }
        );
        let rows = if whole { layer.output.height } else { tile };
        let strips = strips(layer, &self.engines[index], shape, rows);
        let needed = layer
            .inputs
            .iter()
            .copied()
            .chain([LayerId(index).output()])
            .enumerate()
            .map(|(place, t)| self.bytes(t, self.ring(&strips, Depth::Single, t, place > 0)))
            .sum();
        MapError::Sram {
            layer: layer.name.clone(),
            needed: Bytes(needed),
            available: self.chip.activation_sram.capacity,
        }
    }
}

/// Bands of `rows` output rows and the input rows under them.
fn strips(layer: &Layer, engine: &Engine, input: FeatureMap, rows: usize) -> Vec<Strip> {
    (0..layer.output.height)
        .step_by(rows.max(1))
        .map(|first| {
            let out_rows = first..(first + rows).min(layer.output.height);
            let in_rows = match (engine, &layer.op) {
                (Engine::Array(_), LayerOp::FullyConnected { .. })
                | (_, LayerOp::GlobalAvgPool) => 0..input.height,
                (Engine::Array(work), _) => work.input_rows(&out_rows),
                (_, LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool)) => {
                    let start = (out_rows.start * pool.stride).saturating_sub(pool.padding);
                    let end = (out_rows.end - 1) * pool.stride + pool.kernel;
                    start..end.saturating_sub(pool.padding).min(input.height)
                }
                _ => out_rows.clone(),
            };
            Strip { out_rows, in_rows }
        })
        .collect()
}
