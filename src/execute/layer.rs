//! One convolution or fully connected layer, ready to run: its integers, its range proof, its packed kernel.

use super::kernels::Packed;
use super::{Kernel, Path};
use crate::chip::Array;
use crate::fixed::{ChannelRequantise, ChannelSum, Overflow, Proof, Span};
use crate::network::Conv;
use crate::quantise::{QuantConv, QuantLayer, QuantNetwork};
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::work::ConvWork;
use crate::tensor::FeatureMap;

/// The convolution that `op` is, and the map it reads: a fully connected layer is a 1x1 on one pixel.
pub(super) fn conv_of(op: &LayerOp, input: FeatureMap) -> Option<(Conv, FeatureMap)> {
    match *op {
        LayerOp::Conv { conv, .. } => Some((conv, input)),
        LayerOp::FullyConnected { outputs, .. } => {
            let conv = Conv {
                out_channels: outputs,
                kernel: 1,
                stride: 1,
                padding: 0,
                dilation: 1,
                groups: 1,
            };
            let flat = input.pixels() * input.channels;
            Some((conv, FeatureMap::new(1, 1, flat)))
        }
        LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => None,
    }
}

/// Whether the images of a layer are the pixels of one map.
pub(super) const fn images_are_pixels(op: &LayerOp) -> bool {
    matches!(op, LayerOp::FullyConnected { .. })
}

/// Everything a convolution needs but its input.
pub(super) struct ConvLayer<'a> {
    pub(super) id: LayerId,
    pub(super) quant: &'a QuantConv,
    pub(super) work: ConvWork,
    pub(super) path: Path,
    pub(super) proof: Proof,
    pub(super) requantise: Vec<ChannelRequantise>,
    /// Present on the fast path.
    pub(super) packed: Option<Packed>,
}

impl<'a> ConvLayer<'a> {
    /// Prepares layer `id`; `None` when it is no convolution. The network has been checked.
    pub(super) fn new(
        network: &'a QuantNetwork,
        array: Array,
        batch: usize,
        id: LayerId,
        kernel: Kernel,
    ) -> Option<Self> {
        let QuantLayer::Conv(quant) = &network.layers[id.0] else {
            return None;
        };
        let layer = &network.graph.layers[id.0];
        let (conv, input) = conv_of(&layer.op, network.graph.shape(layer.inputs[0]))?;
        let work = if images_are_pixels(&layer.op) {
            ConvWork::fully_connected(input.channels, conv.out_channels, batch, array)
        } else {
            ConvWork::new(input, layer.output, conv, quant.residual.is_some(), array)
        };
        let span = Span::of(
            network.numerics.activations[layer.inputs[0].0],
            quant.input_zero_point,
        );
        let proof = prove(network, id, quant, span);
        let accumulator = array.pe.accumulator;
        let order_free = proof.holds(accumulator) || accumulator.overflow == Overflow::Wrap;
        let path = match kernel {
            Kernel::FastWhereProven if order_free => Path::Fast,
            Kernel::FastWhereProven | Kernel::StepOrder => Path::StepOrder,
        };
        Some(Self {
            id,
            quant,
            path,
            proof,
            requantise: (0..layer.output.channels)
                .map(|c| quant.requantise.channel(c))
                .collect(),
            packed: match path {
                Path::Fast => Some(Packed::new(quant, conv.groups, span)),
                Path::StepOrder => None,
            },
            work,
        })
    }
}

/// The range of every partial sum of a layer.
fn prove(network: &QuantNetwork, id: LayerId, quant: &QuantConv, span: Span) -> Proof {
    let inputs = &network.graph.layers[id.0].inputs;
    let channels = quant.bias.iter().enumerate().map(|(channel, &bias)| {
        let weights = quant.weight.index_axis(ndarray::Axis(0), channel);
        let sum = |keep: fn(i64) -> i64| weights.iter().map(|&w| keep(i64::from(w))).sum();
        ChannelSum {
            bias,
            positive: sum(|w| w.max(0)),
            negative: sum(|w| w.min(0)),
            residual: quant.residual.as_ref().map(|residual| {
                let factor = i64::from(residual.k[channel]) << residual.e[channel];
                let ty = network.numerics.activations[inputs[1].0];
                (factor, Span::of(ty, residual.zero_point))
            }),
        }
    });
    Proof::of(span, channels)
}
