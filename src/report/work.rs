//! What a layer is, in words and counts: operator, multiply-accumulates, parameters.

use crate::reparam::{Layer, LayerGraph, LayerOp};
use crate::units::{Macs, count};

/// The operator's key in files: `conv`, `fully_connected`.
#[must_use]
pub const fn op_key(op: &LayerOp) -> &'static str {
    match op {
        LayerOp::Conv { .. } => "conv",
        LayerOp::FullyConnected { .. } => "fully_connected",
        LayerOp::Lookup(function) => function.key(),
        LayerOp::Add { .. } => "add",
        LayerOp::Multiply { .. } => "multiply",
        LayerOp::Concat => "concat",
        LayerOp::MaxPool(_) => "max_pool",
        LayerOp::AvgPool(_) => "avg_pool",
        LayerOp::GlobalAvgPool => "global_avg_pool",
        LayerOp::AdaptiveAvgPool { .. } => "adaptive_avg_pool",
        LayerOp::Resize(_) => "resize",
    }
}

/// The operator for people: `conv 3x3 /2`, `conv 1x1`, `max pool 3x3 /2`.
#[must_use]
pub fn op_words(op: &LayerOp) -> String {
    let window = |name: &str, kernel: usize, stride: usize| {
        if stride == 1 {
            format!("{name} {kernel}x{kernel}")
        } else {
            format!("{name} {kernel}x{kernel} /{stride}")
        }
    };
    match op {
        LayerOp::Conv { conv, .. } => {
            let words = window("conv", conv.kernel, conv.stride);
            match conv.groups {
                1 => words,
                groups => format!("{words} g{groups}"),
            }
        }
        LayerOp::FullyConnected { .. } => "fully connected".to_owned(),
        LayerOp::Lookup(function) => function.words().to_owned(),
        LayerOp::Add { .. } => "add".to_owned(),
        LayerOp::Multiply { .. } => "multiply".to_owned(),
        LayerOp::Concat => "concat".to_owned(),
        LayerOp::MaxPool(pool) => window("max pool", pool.kernel, pool.stride),
        LayerOp::AvgPool(pool) => window("avg pool", pool.kernel, pool.stride),
        LayerOp::GlobalAvgPool => "global avg pool".to_owned(),
        LayerOp::AdaptiveAvgPool { bins } => format!("avg pool to {bins}x{bins}"),
        LayerOp::Resize(_) => "resize".to_owned(),
    }
}

/// Weights of one output of a layer: kernel · kernel · input channels of its group; 0 without weights.
#[must_use]
pub fn fan_in(graph: &LayerGraph, layer: &Layer) -> u64 {
    let input = graph.shape(layer.inputs[0]);
    match &layer.op {
        LayerOp::Conv { conv, .. } => {
            count(conv.kernel * conv.kernel * (input.channels / conv.groups))
        }
        LayerOp::FullyConnected { .. } => input.elements().0,
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

/// Multiply-accumulates of a layer for one image; additions and pooling count none.
#[must_use]
pub fn layer_macs(graph: &LayerGraph, layer: &Layer) -> Macs {
    Macs(fan_in(graph, layer) * layer.output.elements().0)
}

/// Multiply-accumulates of a network for one image.
#[must_use]
pub fn macs(graph: &LayerGraph) -> Macs {
    graph.layers.iter().map(|l| layer_macs(graph, l)).sum()
}

/// Weights and biases of a network as it runs: every convolution has a bias after folding.
#[must_use]
pub fn params(graph: &LayerGraph) -> u64 {
    graph
        .layers
        .iter()
        .map(|layer| match fan_in(graph, layer) {
            0 => 0,
            weights => (weights + 1) * count(layer.output.channels),
        })
        .sum()
}
