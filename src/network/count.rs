//! What a graph costs: readers of a node, learnable parameters, multiply-accumulates.

use super::{Conv, Graph, Node, NodeId, Op};
use crate::tensor::FeatureMap;
use crate::units::{Macs, count};

impl Conv {
    /// A dense `kernel` x `kernel` convolution of stride 1 that keeps the map's size (for an odd kernel).
    #[must_use]
    pub const fn square(out_channels: usize, kernel: usize) -> Self {
        Self {
            out_channels,
            kernel,
            stride: 1,
            padding: kernel / 2,
            dilation: 1,
            groups: 1,
        }
    }

    /// The same with another stride.
    #[must_use]
    pub const fn with_stride(self, stride: usize) -> Self {
        Self { stride, ..self }
    }

    /// The same with its taps `dilation` pixels apart, and padding that keeps the map's size.
    #[must_use]
    pub const fn with_dilation(self, dilation: usize) -> Self {
        Self {
            dilation,
            padding: dilation * (self.kernel / 2),
            ..self
        }
    }

    /// The same with other padding.
    #[must_use]
    pub const fn with_padding(self, padding: usize) -> Self {
        Self { padding, ..self }
    }

    /// The same with channel groups.
    #[must_use]
    pub const fn with_groups(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// Weights of this convolution over `in_channels` channels.
    #[must_use]
    pub fn weights(self, in_channels: usize) -> u64 {
        let taps = count(self.kernel) * count(self.kernel);
        count(self.out_channels) * taps * count(in_channels / self.groups)
    }
}

impl Graph {
    /// Shape of the input image.
    ///
    /// # Panics
    /// When the graph has no node at all.
    #[must_use]
    pub fn input(&self) -> FeatureMap {
        self.nodes[0].shape
    }

    /// The nodes that read each node, in node order; a node that reads a map twice stands twice.
    #[must_use]
    pub fn readers(&self) -> Vec<Vec<NodeId>> {
        let mut readers = vec![Vec::new(); self.nodes.len()];
        for (place, node) in self.nodes.iter().enumerate() {
            for input in &node.inputs {
                readers[input.0].push(NodeId(place));
            }
        }
        readers
    }

    /// For each node, whether it is a convolution with a bias. A convolution that a batch norm alone reads has
    /// none (the batch norm's shift takes its place); every other convolution has one.
    #[must_use]
    pub fn biased(&self) -> Vec<bool> {
        let readers = self.readers();
        let normed = |place: usize| match readers[place].as_slice() {
            [only] => matches!(self.nodes[only.0].op, Op::BatchNorm { .. }),
            _ => false,
        };
        let is_conv = |node: &Node| matches!(node.op, Op::Conv(_));
        (self.nodes.iter().enumerate())
            .map(|(place, node)| is_conv(node) && !normed(place))
            .collect()
    }

    /// Learnable parameters: weights, biases, gamma and beta. Running statistics are not counted.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        let biased = self.biased();
        let of = |(node, &bias): (&Node, &bool)| match &node.op {
            Op::Conv(conv) => {
                let bias = if bias { count(conv.out_channels) } else { 0 };
                conv.weights(self.source(node).channels) + bias
            }
            Op::BatchNorm { .. } => 2 * count(node.shape.channels),
            Op::FullyConnected { outputs } => {
                count(*outputs) * (self.source(node).elements().0 + 1)
            }
            Op::Input
            | Op::Relu
            | Op::Lookup(_)
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool
            | Op::AdaptiveAvgPool { .. }
            | Op::Resize(_) => 0,
        };
        self.nodes.iter().zip(&biased).map(of).sum()
    }

    /// Multiply-accumulates of convolutions and fully connected layers for one image. Bias, batch norm,
    /// addition, products, functions, pooling and interpolation are not counted.
    #[must_use]
    pub fn macs(&self) -> Macs {
        let of = |node: &Node| match &node.op {
            Op::Conv(conv) => count(node.shape.pixels()) * conv.weights(self.source(node).channels),
            Op::FullyConnected { outputs } => count(*outputs) * self.source(node).elements().0,
            Op::Input
            | Op::BatchNorm { .. }
            | Op::Relu
            | Op::Lookup(_)
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool
            | Op::AdaptiveAvgPool { .. }
            | Op::Resize(_) => 0,
        };
        Macs(self.nodes.iter().map(of).sum())
    }

    /// Shape of the first map a node reads.
    ///
    /// # Panics
    /// When the node reads none: it is the input.
    #[must_use]
    pub fn source(&self, node: &Node) -> FeatureMap {
        self.nodes[node.inputs[0].0].shape
    }
}
