//! A folded network as a network again: what a file of its deploy form holds.

use super::{
    Activation, Branches, FoldedNetwork, LayerGraph, LayerOp, LayerParams, Outcome, ReparamError,
    TensorId, fold, fold_graph, report,
};
use crate::network::{Function, Graph, Network, Node, NodeId, NodeParams, Op, Params};
use crate::tensor::FeatureMap;
use std::collections::BTreeSet;

/// The network with its batch norms folded and its blocks fused where they can be.
///
/// A fused block `stage1.0` is the convolution `stage1.0.rbr_reparam` and, where it has one, the activation
/// `stage1.0.nonlinearity`, as in official checkpoints of the deploy form. Other layers keep their names.
///
/// # Errors
/// As [`fold`].
pub fn deploy(network: &Network) -> Result<Network, ReparamError> {
    let folded = fold(network, Branches::Fuse)?;
    let (graph, owners) = graph(&folded.graph, &fused(&network.graph)?);
    let params = Params {
        nodes: owners.iter().map(|owner| params(&folded, *owner)).collect(),
    };
    Ok(Network { graph, params })
}

/// The graph of [`deploy`], without parameters.
///
/// # Errors
/// As [`fold_graph`].
pub fn deploy_graph(network: &Graph) -> Result<Graph, ReparamError> {
    let folded = fold_graph(network, Branches::Fuse)?;
    Ok(graph(&folded, &fused(network)?).0)
}

/// Names of the layers that were blocks of several branches.
fn fused(graph: &Graph) -> Result<BTreeSet<String>, ReparamError> {
    let blocks = report(graph)?.into_iter();
    let fused = blocks.filter(|block| matches!(block.outcome, Outcome::Fused { .. }));
    Ok(fused.map(|block| block.block).collect())
}

/// The nodes, and for each the layer whose parameters it has.
fn graph(folded: &LayerGraph, fused: &BTreeSet<String>) -> (Graph, Vec<Option<usize>>) {
    let mut nodes = Nodes::new(folded.input);
    for (place, layer) in folded.layers.iter().enumerate() {
        let block = fused.contains(&layer.name);
        let (op, activation) = plain(&layer.op);
        let inputs = layer
            .inputs
            .iter()
            .map(|TensorId(tensor)| nodes.made[*tensor])
            .collect();
        let name = if block {
            format!("{}.rbr_reparam", layer.name)
        } else {
            layer.name.clone()
        };
        let mut last = nodes.push(name, op, inputs, layer.output, Some(place));
        let function = match activation {
            Activation::None => None,
            Activation::Relu => Some((Op::Relu, "relu")),
            Activation::Relu6 => Some((Op::Lookup(Function::Relu6), "relu6")),
        };
        if let Some((op, plain)) = function {
            let ending = if block { "nonlinearity" } else { plain };
            let name = format!("{}.{ending}", layer.name);
            last = nodes.push(name, op, vec![last], layer.output, None);
        }
        nodes.made.push(last);
    }
    let graph = Graph {
        name: folded.name.clone(),
        nodes: nodes.nodes,
    };
    (graph, nodes.owners)
}

struct Nodes {
    nodes: Vec<Node>,
    owners: Vec<Option<usize>>,
    /// The node that makes each tensor.
    made: Vec<NodeId>,
    names: BTreeSet<String>,
}

impl Nodes {
    fn new(input: FeatureMap) -> Self {
        let mut nodes = Self {
            nodes: Vec::new(),
            owners: Vec::new(),
            made: Vec::new(),
            names: BTreeSet::new(),
        };
        let input = nodes.push("input".to_owned(), Op::Input, Vec::new(), input, None);
        nodes.made.push(input);
        nodes
    }

    fn push(
        &mut self,
        name: String,
        op: Op,
        inputs: Vec<NodeId>,
        shape: FeatureMap,
        owner: Option<usize>,
    ) -> NodeId {
        let mut free = name;
        while !self.names.insert(free.clone()) {
            free.push('_');
        }
        self.nodes.push(Node {
            name: free,
            op,
            inputs,
            shape,
        });
        self.owners.push(owner);
        NodeId(self.nodes.len() - 1)
    }
}

fn plain(op: &LayerOp) -> (Op, Activation) {
    match op {
        LayerOp::Conv { conv, activation } => (Op::Conv(*conv), *activation),
        LayerOp::FullyConnected {
            outputs,
            activation,
        } => (Op::FullyConnected { outputs: *outputs }, *activation),
        LayerOp::Add { activation } => (Op::Add, *activation),
        LayerOp::Multiply { activation } => (Op::Multiply, *activation),
        LayerOp::Lookup(function) => (Op::Lookup(*function), Activation::None),
        LayerOp::Concat => (Op::Concat, Activation::None),
        LayerOp::AdaptiveAvgPool { bins } => {
            (Op::AdaptiveAvgPool { bins: *bins }, Activation::None)
        }
        LayerOp::Resize(resize) => (Op::Resize(*resize), Activation::None),
        LayerOp::MaxPool(pool) => (Op::MaxPool(*pool), Activation::None),
        LayerOp::AvgPool(pool) => (Op::AvgPool(*pool), Activation::None),
        LayerOp::GlobalAvgPool => (Op::GlobalAvgPool, Activation::None),
    }
}

fn params(folded: &FoldedNetwork, owner: Option<usize>) -> NodeParams {
    let Some(place) = owner else {
        return NodeParams::None;
    };
    let layer = &folded.graph.layers[place];
    match (&layer.op, &folded.params.layers[place]) {
        (LayerOp::FullyConnected { outputs, .. }, LayerParams::Conv { weight, bias }) => {
            let inputs = weight.len() / outputs;
            let matrix = weight.to_shape((*outputs, inputs));
            NodeParams::FullyConnected {
                weight: matrix.expect("one row an output").into_owned(),
                bias: bias.clone(),
            }
        }
        (_, LayerParams::Conv { weight, bias }) => NodeParams::Conv {
            weight: weight.clone(),
            bias: Some(bias.clone()),
        },
        (_, LayerParams::None) => NodeParams::None,
    }
}
