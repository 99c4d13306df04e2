//! Which layers share a factor: a convolution, and the only convolution that reads it.

use crate::reparam::{Activation, LayerGraph, LayerId, LayerOp, TensorId};

/// Two layers with weights and nothing between them that minds a factor above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) first: LayerId,
    pub(super) second: LayerId,
}

/// All pairs, by their first layer.
pub(super) fn pairs(graph: &LayerGraph) -> Vec<Pair> {
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.layers.len() + 1];
    for (place, layer) in graph.layers.iter().enumerate() {
        for input in &layer.inputs {
            readers[input.0].push(place);
        }
    }
    (0..graph.layers.len())
        .map(LayerId)
        .filter(|&id| starts(graph, id))
        .filter_map(|first| {
            let second = reader(graph, &readers, first.output())?;
            Some(Pair { first, second })
        })
        .collect()
}

/// Whether all that a layer adds up can be divided: no shortcut is in its sum.
fn starts(graph: &LayerGraph, id: LayerId) -> bool {
    let layer = &graph.layers[id.0];
    match layer.op {
        LayerOp::Conv { activation, .. } | LayerOp::FullyConnected { activation, .. } => {
            layer.inputs.len() == 1 && keeps_factors(activation)
        }
        LayerOp::Add { .. }
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::Lookup(_)
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => false,
    }
}

/// Whether `f(x / s) = f(x) / s` for every `s > 0`.
const fn keeps_factors(activation: Activation) -> bool {
    match activation {
        Activation::None | Activation::Relu => true,
        Activation::Relu6 => false,
    }
}

/// The convolution or fully connected layer that alone reads `tensor`, through poolings of one reader each.
fn reader(graph: &LayerGraph, readers: &[Vec<usize>], tensor: TensorId) -> Option<LayerId> {
    let mut tensor = tensor;
    loop {
        let [only] = readers[tensor.0].as_slice() else {
            return None;
        };
        let layer = &graph.layers[*only];
        match layer.op {
            // As its shortcut the tensor would be added as it is.
            LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => {
                return (layer.inputs[0] == tensor).then_some(LayerId(*only));
            }
            LayerOp::MaxPool(_)
            | LayerOp::AvgPool(_)
            | LayerOp::GlobalAvgPool
            | LayerOp::AdaptiveAvgPool { .. }
            | LayerOp::Resize(_) => {
                tensor = LayerId(*only).output();
            }
            LayerOp::Add { .. }
            | LayerOp::Lookup(_)
            | LayerOp::Multiply { .. }
            | LayerOp::Concat => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::builtin;
    use crate::reparam::{Branches, fold_graph};

    fn of(name: &str, branches: Branches) -> (LayerGraph, Vec<Pair>) {
        let input = builtin::default_input(name).expect("built in");
        let graph = builtin::graph(name, input).expect("built in");
        let folded = fold_graph(&graph, branches).expect("it folds");
        let pairs = pairs(&folded);
        (folded, pairs)
    }

    #[test]
    fn a_fused_repvgg_is_one_chain() {
        let (graph, pairs) = of("repvgg-a0", Branches::Fuse);
        // 22 convolutions, a mean over the map, one fully connected layer.
        assert_eq!(graph.layers.len(), 24);
        assert_eq!(pairs.len(), 22);
        let last = pairs.last().expect("there are 22");
        assert_eq!((last.first, last.second), (LayerId(21), LayerId(23)));
    }

    #[test]
    fn branches_end_a_chain() {
        let (_, pairs) = of("repvgg-a0", Branches::Keep);
        assert_eq!(pairs, []);
        // Two convolutions a block: the second one's sum meets the shortcut.
        let (_, pairs) = of("resnet-18", Branches::Fuse);
        assert_eq!(pairs.len(), 8);
        // conv1 of a bottleneck to conv2, conv2 to conv3.
        let (_, pairs) = of("resnet-50-v1", Branches::Fuse);
        assert_eq!(pairs.len(), 32);
    }
}
