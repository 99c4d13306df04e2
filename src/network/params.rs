//! Which parameters a graph needs, and whether a set of them fits.

use super::checkpoint::TensorFault;
use super::{Graph, NetworkError, NodeParams, Op, Params};

impl Params {
    /// Checks that every node has the parameters its operator needs, in the right shapes. A convolution's bias
    /// is optional.
    ///
    /// # Errors
    /// All that do not fit, by node name.
    pub fn check(&self, graph: &Graph) -> Result<(), NetworkError> {
        let mut faults = Vec::new();
        for (place, node) in graph.nodes.iter().enumerate() {
            let want = needs(graph, place);
            let got = match self.nodes.get(place) {
                None | Some(NodeParams::None) => Vec::new(),
                Some(params) => shapes(params),
            };
            let optional = |part: &str| part == "bias" && matches!(node.op, Op::Conv(_));
            for (part, shape) in &want {
                let name = format!("{}.{part}", node.name);
                let fault = match got.iter().find(|(have, _)| have == part) {
                    Some((_, have)) if have == shape => continue,
                    Some((_, have)) => TensorFault::Shape {
                        name,
                        got: have.clone(),
                        want: shape.clone(),
                    },
                    None if optional(part) => continue,
                    None => TensorFault::Missing {
                        name,
                        shape: shape.clone(),
                    },
                };
                faults.push(fault);
            }
            let extra = (got.into_iter()).filter(|(part, _)| !want.iter().any(|(w, _)| w == part));
            faults.extend(extra.map(|(part, shape)| TensorFault::Extra {
                name: format!("{}.{part}", node.name),
                shape,
            }));
        }
        if faults.is_empty() && self.nodes.len() <= graph.nodes.len() {
            return Ok(());
        }
        faults.extend(
            (graph.nodes.len()..self.nodes.len()).map(|place| TensorFault::Extra {
                name: format!("node {place}"),
                shape: Vec::new(),
            }),
        );
        Err(NetworkError::Tensors {
            origin: "memory".to_owned(),
            network: graph.name.clone(),
            faults,
        })
    }
}

type Parts = Vec<(&'static str, Vec<usize>)>;

fn needs(graph: &Graph, place: usize) -> Parts {
    let node = &graph.nodes[place];
    match &node.op {
        Op::Conv(conv) => {
            let inputs = graph.source(node).channels / conv.groups;
            let weight = vec![conv.out_channels, conv.kernel, conv.kernel, inputs];
            vec![("weight", weight), ("bias", vec![conv.out_channels])]
        }
        Op::BatchNorm { .. } => (["weight", "bias", "running_mean", "running_var"].into_iter())
            .map(|part| (part, vec![node.shape.channels]))
            .collect(),
        Op::FullyConnected { outputs } => {
            let map = graph.source(node);
            let weight = vec![*outputs, map.pixels() * map.channels];
            vec![("weight", weight), ("bias", vec![*outputs])]
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
        | Op::Resize(_) => Vec::new(),
    }
}

fn shapes(params: &NodeParams) -> Parts {
    match params {
        NodeParams::None => Vec::new(),
        NodeParams::Conv { weight, bias } => {
            let mut parts = vec![("weight", weight.shape().to_vec())];
            parts.extend(bias.as_ref().map(|bias| ("bias", vec![bias.len()])));
            parts
        }
        NodeParams::BatchNorm {
            gamma,
            beta,
            mean,
            var,
        } => vec![
            ("weight", vec![gamma.len()]),
            ("bias", vec![beta.len()]),
            ("running_mean", vec![mean.len()]),
            ("running_var", vec![var.len()]),
        ],
        NodeParams::FullyConnected { weight, bias } => vec![
            ("weight", weight.shape().to_vec()),
            ("bias", vec![bias.len()]),
        ],
    }
}
