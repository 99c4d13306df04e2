//! The range of a layer's partial sums.

use super::{QuantLayer, QuantNetwork};
use crate::fixed::{ChannelSum, Proof, Span};
use crate::reparam::LayerId;
use ndarray::Axis;

/// The worst partial sums of a convolution or fully connected layer, over all inputs and orders of steps;
/// `None` for layers without accumulators.
///
/// # Panics
/// When the network has no such layer.
#[must_use]
pub fn proof(network: &QuantNetwork, id: LayerId) -> Option<Proof> {
    let QuantLayer::Conv(conv) = &network.layers[id.0] else {
        return None;
    };
    let inputs = &network.graph.layers[id.0].inputs;
    let range = |input: usize| network.numerics.activations[inputs[input].0];
    let channels = conv
        .weight
        .axis_iter(Axis(0))
        .enumerate()
        .map(|(channel, filter)| {
            let sum = |keep: fn(i32) -> i32| filter.iter().map(|&w| i64::from(keep(w))).sum();
            ChannelSum {
                bias: conv.bias[channel],
                positive: sum(|w| w.max(0)),
                negative: sum(|w| w.min(0)),
                residual: conv.residual.as_ref().map(|residual| {
                    let factor = i64::from(residual.k[channel]) << residual.e[channel];
                    (factor, Span::of(range(1), residual.zero_point))
                }),
            }
        });
    Some(Proof::of(
        Span::of(range(0), conv.input_zero_point),
        channels,
    ))
}
