//! Applies a residual form to a graph: in form `accumulate` additions move into the convolution before them.

use super::ResidualForm;
use crate::reparam::{
    Activation, FoldedNetwork, FoldedParams, Layer, LayerGraph, LayerOp, TensorId,
};

/// The graph with its additions in form `form`.
///
/// `Separate` changes nothing. In form `Accumulate` an addition is merged into the convolution that makes its
/// later operand, when that convolution has no activation, no shortcut yet and no other reader: it then reads
/// `[x, shortcut]`, takes the addition's activation and keeps its own name. Tensors are renumbered. An addition
/// that cannot be merged stays.
#[must_use]
pub fn apply(graph: &LayerGraph, form: ResidualForm) -> LayerGraph {
    match form {
        ResidualForm::Separate => graph.clone(),
        ResidualForm::Accumulate => merge(graph).0,
    }
}

/// The same for a network with its parameters: the additions that go away have none.
#[must_use]
pub fn apply_network(network: &FoldedNetwork, form: ResidualForm) -> FoldedNetwork {
    match form {
        ResidualForm::Separate => network.clone(),
        ResidualForm::Accumulate => {
            let (graph, kept) = merge(&network.graph);
            let layers = (kept.iter())
                .map(|&layer| network.params.layers[layer].clone())
                .collect();
            FoldedNetwork {
                graph,
                params: FoldedParams { layers },
            }
        }
    }
}

/// A graph while additions leave it. All tensors have their old numbers.
struct Merger {
    layers: Vec<Option<Layer>>,
    /// By tensor: the tensor that now stands for it.
    stands_for: Vec<TensorId>,
    /// By tensor: how often it is read.
    reads: Vec<usize>,
}

/// The merged graph and the old places of its layers.
fn merge(graph: &LayerGraph) -> (LayerGraph, Vec<usize>) {
    let tensors = graph.layers.len() + 1;
    let mut reads = vec![0; tensors];
    for input in graph.layers.iter().flat_map(|layer| &layer.inputs) {
        reads[input.0] += 1;
    }
    let mut merger = Merger {
        layers: graph.layers.iter().cloned().map(Some).collect(),
        stands_for: (0..tensors).map(TensorId).collect(),
        reads,
    };
    for place in 0..graph.layers.len() {
        merger.visit(place);
    }
    merger.finish(graph)
}

impl Merger {
    /// Merges the layer at `place` into a convolution if it is an addition that can be.
    fn visit(&mut self, place: usize) {
        let mut layer = self.layers[place].take().expect("visited once");
        for input in &mut layer.inputs {
            *input = self.stands_for[input.0];
        }
        let LayerOp::Add { activation } = layer.op else {
            self.layers[place] = Some(layer);
            return;
        };
        let later = layer.inputs[0].max(layer.inputs[1]);
        let shortcut = layer.inputs[0].min(layer.inputs[1]);
        // The network's output must stay last.
        let is_output = place + 1 == self.layers.len();
        let behind = (later.0..place).any(|between| self.layers[between].is_some());
        if !self.takes_shortcut(later) || (is_output && behind) {
            self.layers[place] = Some(layer);
            return;
        }
        let producer = later.producer().expect("a convolution makes it").0;
        let conv = self.layers[producer].as_mut().expect("it takes a shortcut");
        conv.inputs.push(shortcut);
        if let LayerOp::Conv {
            activation: own, ..
        } = &mut conv.op
        {
            *own = activation;
        }
        self.stands_for[place + 1] = later;
        self.reads[later.0] = self.reads[place + 1];
    }

    /// Whether a convolution makes this tensor that may add a shortcut: nothing else sees its own sum.
    fn takes_shortcut(&self, tensor: TensorId) -> bool {
        let layer = match tensor.producer() {
            Some(id) => self.layers[id.0].as_ref(),
            None => None,
        };
        layer.is_some_and(|layer| {
            let plain = matches!(
                layer.op,
                LayerOp::Conv {
                    activation: Activation::None,
                    ..
                }
            );
            plain && layer.inputs.len() == 1 && self.reads[tensor.0] == 1
        })
    }

    fn finish(self, graph: &LayerGraph) -> (LayerGraph, Vec<usize>) {
        let mut number = vec![TensorId::INPUT; graph.layers.len() + 1];
        let mut layers = Vec::new();
        let mut kept = Vec::new();
        for (place, layer) in self.layers.into_iter().enumerate() {
            let Some(mut layer) = layer else { continue };
            for input in &mut layer.inputs {
                *input = number[input.0];
            }
            layers.push(layer);
            kept.push(place);
            number[place + 1] = TensorId(layers.len());
        }
        let graph = LayerGraph {
            layers,
            ..graph.clone()
        };
        (graph, kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::builtin;
    use crate::reparam::{Branches, fold_graph};
    use crate::tensor::FeatureMap;

    fn folded(name: &str, branches: Branches) -> LayerGraph {
        let graph = builtin::graph(name, FeatureMap::new(64, 64, 3)).expect("built in");
        fold_graph(&graph, branches).expect("it folds")
    }

    fn adds(graph: &LayerGraph) -> usize {
        let is_add = |layer: &&Layer| matches!(layer.op, LayerOp::Add { .. });
        graph.layers.iter().filter(is_add).count()
    }

    fn check(before: &LayerGraph, after: &LayerGraph) {
        assert_eq!(
            before.layers.len() - adds(before),
            after.layers.len() - adds(after)
        );
        for (place, layer) in after.layers.iter().enumerate() {
            assert!(layer.inputs.iter().all(|input| input.0 <= place));
            if let (LayerOp::Conv { .. }, [_, shortcut]) = (layer.op, layer.inputs.as_slice()) {
                assert_eq!(after.shape(*shortcut), layer.output);
            }
        }
        assert_eq!(before.shape(before.output()), after.shape(after.output()));
    }

    #[test]
    fn every_block_of_resnet_18_ends_in_one_convolution() {
        let before = folded("resnet-18", Branches::Fuse);
        assert_eq!(adds(&before), 8);
        let after = apply(&before, ResidualForm::Accumulate);
        check(&before, &after);
        assert_eq!(adds(&after), 0);
        let last = (after.layers.iter()).find(|layer| layer.name.starts_with("layer1.0.conv2"));
        let last = last.expect("it keeps its name");
        // The max-pool's output is tensor 2, the first convolution of the block makes 3.
        assert_eq!(last.inputs, [TensorId(3), TensorId(2)]);
        assert!(matches!(
            last.op,
            LayerOp::Conv {
                activation: Activation::Relu,
                ..
            }
        ));
    }

    #[test]
    fn the_branches_of_repvgg_chain() {
        let before = folded("repvgg-a0", Branches::Keep);
        let after = apply(&before, ResidualForm::Accumulate);
        check(&before, &after);
        assert!(adds(&before) > 30, "{}", adds(&before));
        assert_eq!(adds(&after), 0);
    }

    #[test]
    fn an_addition_whose_operand_is_read_twice_stays() {
        let mut graph = folded("resnet-18", Branches::Fuse);
        let add = (graph.layers.iter())
            .position(|layer| matches!(layer.op, LayerOp::Add { .. }))
            .expect("it has one");
        let again = graph.layers[add].inputs[0].max(graph.layers[add].inputs[1]);
        graph.layers[add].inputs = vec![again, again];
        let after = apply(&graph, ResidualForm::Accumulate);
        assert_eq!(adds(&after), 1);
        assert_eq!(apply(&graph, ResidualForm::Separate), graph);
    }
}
