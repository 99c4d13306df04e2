//! Layers shown one by one as they are finished: no tensor is kept longer than its readers need it.

use super::dram::copy_block;
use super::view::Block;
use crate::reparam::{LayerGraph, LayerId, TensorId};
use crate::schedule::{OpKind, Schedule};
use crate::tensor::Activations;

/// A layer whose output is whole, with the tensors that were there when it was made.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'t> {
    /// Which layer.
    pub layer: LayerId,
    tensors: &'t [Option<Activations>],
}

impl<'t> Finished<'t> {
    /// An input or the output of the layer: image, row, column, channel. `None` for a tensor of other layers that is
    /// no longer, or not yet, there.
    #[must_use]
    pub fn tensor(&self, tensor: TensorId) -> Option<&'t Activations> {
        self.tensors.get(tensor.0)?.as_ref()
    }
}

/// Copies of the tensors that are still to be read, and who looks on.
pub(super) struct Watch<'w> {
    tensors: Vec<Option<Activations>>,
    dims: Vec<(usize, usize, usize, usize)>,
    /// By layer, its last operation that computes.
    last: Vec<Option<usize>>,
    /// By tensor, layers that have yet to read it.
    readers: Vec<usize>,
    each: &'w mut dyn FnMut(Finished<'_>),
}

impl<'w> Watch<'w> {
    pub(super) fn new(
        schedule: &Schedule,
        graph: &LayerGraph,
        input: &Activations,
        each: &'w mut dyn FnMut(Finished<'_>),
    ) -> Self {
        let tensors = graph.layers.len() + 1;
        let mut last = vec![None; graph.layers.len()];
        for (index, op) in schedule.ops.iter().enumerate() {
            match op.kind {
                OpKind::Sweep { .. } | OpKind::Vector { .. } | OpKind::Host { .. } => {
                    if let Some(last) = last.get_mut(op.layer.0) {
                        *last = Some(index);
                    }
                }
                OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => {}
            }
        }
        let mut readers = vec![0; tensors];
        let inputs = graph.layers.iter().flat_map(|layer| &layer.inputs);
        inputs.for_each(|tensor| readers[tensor.0] += 1);
        let mut copies = vec![None; tensors];
        copies[0] = Some(input.clone());
        let dims = (0..tensors).map(|tensor| {
            let shape = graph.shape(TensorId(tensor));
            (schedule.batch, shape.height, shape.width, shape.channels)
        });
        Self {
            tensors: copies,
            dims: dims.collect(),
            last,
            readers,
            each,
        }
    }

    /// Copies a block of a tensor.
    pub(super) fn observe(&mut self, tensor: TensorId, block: &Block) {
        if let (Some(copy), Some(dim)) = (self.tensors.get_mut(tensor.0), self.dims.get(tensor.0)) {
            let copy = copy.get_or_insert_with(|| Activations::zeros(*dim));
            copy_block(copy, block, &block.values);
        }
    }

    /// Whether `op` is the last that computes its layer.
    pub(super) fn ends(&self, op: usize, layer: LayerId) -> bool {
        self.last.get(layer.0).copied().flatten() == Some(op)
    }

    /// Shows a layer, and drops what nobody will read.
    pub(super) fn finish(&mut self, graph: &LayerGraph, layer: LayerId) {
        let tensors = &self.tensors;
        (self.each)(Finished { layer, tensors });
        for tensor in &graph.layers[layer.0].inputs {
            self.readers[tensor.0] -= 1;
            if self.readers[tensor.0] == 0 {
                self.tensors[tensor.0] = None;
            }
        }
        if self.readers[layer.output().0] == 0 {
            self.tensors[layer.output().0] = None;
        }
    }
}
