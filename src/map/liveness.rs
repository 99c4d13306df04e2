//! Live elements of a graph whose tensors all stay whole.
//!
//! A layer's output is allocated before its inputs are freed. A sum is done in place on the output of the block's last
//! convolution: by an addition of its own on the operand made last, by an accumulating convolution on its own output.
//! A function takes its operand's place and a product its first operand's, where nothing later reads it.
//! With `inplace_add` the sum takes the shortcut's storage instead, when the sum is the shortcut's last reader.

use crate::reparam::{LayerGraph, LayerId, LayerOp, TensorId};
use crate::units::Elements;

/// Last layer that reads each tensor; the network's output is read by nobody after its producer.
#[must_use]
pub fn last_readers(graph: &LayerGraph) -> Vec<Option<LayerId>> {
    let mut last = vec![None; graph.layers.len() + 1];
    for (index, layer) in graph.layers.iter().enumerate() {
        for tensor in &layer.inputs {
            last[tensor.0] = Some(LayerId(index));
        }
    }
    last
}

/// The operand whose storage the output of `layer` takes, if any.
pub(super) fn in_place_on(
    graph: &LayerGraph,
    id: LayerId,
    last: &[Option<LayerId>],
    inplace_add: bool,
) -> Option<TensorId> {
    let layer = &graph.layers[id.0];
    let ends_here = |tensor: &TensorId| last[tensor.0] == Some(id);
    match layer.op {
        LayerOp::Add { .. } if layer.inputs[0] == layer.inputs[1] => None,
        LayerOp::Add { .. } => {
            let operands = layer.inputs.iter().copied().filter(|t| ends_here(t));
            if inplace_add {
                operands.min()
            } else {
                operands.max()
            }
        }
        LayerOp::Conv { .. } if inplace_add => layer
            .inputs
            .get(1)
            .copied()
            .filter(|t| ends_here(t) && *t != layer.inputs[0]),
        LayerOp::Lookup(_) | LayerOp::Multiply { .. } => (layer.inputs.first().copied())
            .filter(|t| ends_here(t) && !layer.inputs[1..].contains(t)),
        LayerOp::Conv { .. }
        | LayerOp::FullyConnected { .. }
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => None,
    }
}

/// Most unpadded elements of one image that are live at once.
#[must_use]
pub fn peak_live_elements(graph: &LayerGraph, inplace_add: bool) -> Elements {
    let last = last_readers(graph);
    let size = |tensor: TensorId| graph.shape(tensor).elements().0;
    let mut live = size(TensorId::INPUT);
    let mut peak = live;
    for (index, layer) in graph.layers.iter().enumerate() {
        let id = LayerId(index);
        let reused = in_place_on(graph, id, &last, inplace_add);
        if reused.is_none() {
            live += size(id.output());
        }
        peak = peak.max(live);
        let mut inputs = layer.inputs.clone();
        inputs.sort_unstable();
        inputs.dedup();
        for tensor in inputs {
            if last[tensor.0] == Some(id) && Some(tensor) != reused {
                live -= size(tensor);
            }
        }
    }
    Elements(peak)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::builtin;
    use crate::reparam::{Branches, fold_graph};
    use crate::tensor::FeatureMap;

    fn peak(name: &str, branches: Branches) -> u64 {
        let graph = builtin::graph(name, FeatureMap::new(224, 224, 3)).unwrap();
        peak_live_elements(&fold_graph(&graph, branches).unwrap(), false).0
    }

    #[test]
    fn peaks_of_the_published_networks() {
        for (name, elements) in [
            ("repvgg-a0", 752_640),
            ("repvgg-a1", 1_003_520),
            ("repvgg-b0", 1_003_520),
            ("repvgg-a2", 1_103_872),
            ("repvgg-b1", 1_204_224),
            ("repvgg-b2", 1_304_576),
            ("repvgg-b3", 1_404_928),
            ("resnet-18", 1_003_520),
            ("resnet-34", 1_003_520),
            ("resnet-50-v1", 1_806_336),
            ("resnet-50-v1.5", 1_806_336),
            ("resnet-101-v1", 1_806_336),
            ("vgg-16", 6_422_528),
        ] {
            assert_eq!(peak(name, Branches::Fuse), elements, "{name}");
        }
    }

    #[test]
    fn branches_kept_until_summed_need_more() {
        for (name, elements) in [
            ("repvgg-a0", 1_354_752),
            ("repvgg-a1", 1_756_160),
            ("repvgg-a2", 1_756_160),
            ("repvgg-b0", 1_756_160),
            ("repvgg-b1", 1_756_160),
            ("repvgg-b2", 2_007_040),
            ("repvgg-b3", 2_408_448),
        ] {
            assert_eq!(peak(name, Branches::Keep), elements, "{name}");
        }
    }
}
