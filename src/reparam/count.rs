//! What a layer graph costs: multiply-accumulates, parameters, readers of a tensor.

use super::{LayerGraph, LayerId, LayerOp, TensorId};
use crate::units::{Macs, count};

impl LayerGraph {
    /// Multiply-accumulates of convolutions and fully connected layers for one image. Bias, addition,
    /// products, functions, pooling and interpolation are not counted.
    #[must_use]
    pub fn macs(&self) -> Macs {
        self.ids().map(|id| self.layer_macs(id)).sum()
    }

    /// Multiply-accumulates of convolutions alone for one image.
    #[must_use]
    pub fn conv_macs(&self) -> Macs {
        (self.ids())
            .filter(|id| matches!(self.layers[id.0].op, LayerOp::Conv { .. }))
            .map(|id| self.layer_macs(id))
            .sum()
    }

    /// Multiply-accumulates of one layer for one image.
    ///
    /// # Panics
    /// When the graph has no such layer.
    #[must_use]
    pub fn layer_macs(&self, id: LayerId) -> Macs {
        Macs(self.layer_weights(id) * count(self.layers[id.0].output.pixels()))
    }

    /// Parameters of the layers: weights, and one bias per output channel or feature.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.ids().map(|id| self.layer_parameters(id)).sum()
    }

    /// Parameters of one layer: weights and biases.
    ///
    /// # Panics
    /// When the graph has no such layer.
    #[must_use]
    pub fn layer_parameters(&self, id: LayerId) -> u64 {
        let layer = &self.layers[id.0];
        let biases = match layer.op {
            LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => layer.output.channels,
            LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_) => 0,
        };
        self.layer_weights(id) + count(biases)
    }

    /// Layers that read a tensor, in execution order, each once.
    #[must_use]
    pub fn readers(&self, tensor: TensorId) -> Vec<LayerId> {
        (self.ids())
            .filter(|id| self.layers[id.0].inputs.contains(&tensor))
            .collect()
    }

    /// All layers in execution order.
    pub fn ids(&self) -> impl Iterator<Item = LayerId> + use<> {
        (0..self.layers.len()).map(LayerId)
    }

    fn layer_weights(&self, id: LayerId) -> u64 {
        let layer = &self.layers[id.0];
        match &layer.op {
            LayerOp::Conv { conv, .. } => conv.weights(self.shape(layer.inputs[0]).channels),
            LayerOp::FullyConnected { outputs, .. } => {
                count(*outputs) * self.shape(layer.inputs[0]).elements().0
            }
            LayerOp::Lookup(_)
            | LayerOp::Add { .. }
            | LayerOp::Multiply { .. }
            | LayerOp::Concat
            | LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_) => 0,
        }
    }
}
