//! Builds a graph node by node: shapes are inferred and every rule is checked as a node is added.

use super::shape::{image, infer};
use super::{Conv, Function, Graph, NetworkError, Node, NodeId, Op, Pool, Resize};
use crate::tensor::FeatureMap;
use std::collections::BTreeSet;

/// Added to the variance by every batch norm of the built-in networks, as the framework they come from does.
pub const BATCH_NORM_EPS: f64 = 1e-5;

/// A graph under construction.
///
/// ```
/// use repchip::network::{Conv, GraphBuilder};
/// use repchip::tensor::FeatureMap;
///
/// let mut builder = GraphBuilder::new("two-layers", FeatureMap::new(8, 8, 3))?;
/// let conv = builder.conv("conv", GraphBuilder::INPUT, Conv::square(16, 3))?;
/// builder.relu("relu", conv)?;
/// let graph = builder.finish()?;
/// assert_eq!(graph.macs().0, 8 * 8 * 16 * 9 * 3);
/// # Ok::<(), repchip::network::NetworkError>(())
/// ```
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    graph: Graph,
    names: BTreeSet<String>,
}

impl GraphBuilder {
    /// The network's input.
    pub const INPUT: NodeId = NodeId(0);

    /// A graph that has only its input, a node named `input`.
    ///
    /// # Errors
    /// When the image is empty or too large.
    pub fn new(name: impl Into<String>, input: FeatureMap) -> Result<Self, NetworkError> {
        image("input", input)?;
        let node = Node {
            name: "input".to_owned(),
            op: Op::Input,
            inputs: Vec::new(),
            shape: input,
        };
        Ok(Self {
            names: BTreeSet::from([node.name.clone()]),
            graph: Graph {
                name: name.into(),
                nodes: vec![node],
            },
        })
    }

    /// Output shape of a node made so far.
    ///
    /// # Panics
    /// When `node` was not made by this builder.
    #[must_use]
    pub fn shape(&self, node: NodeId) -> FeatureMap {
        self.graph.nodes[node.0].shape
    }

    /// Adds a node.
    ///
    /// # Errors
    /// When the name is taken, an input does not exist, or the operator's rules are broken.
    pub fn node(
        &mut self,
        name: impl Into<String>,
        op: Op,
        inputs: &[NodeId],
    ) -> Result<NodeId, NetworkError> {
        let name = name.into();
        let shapes = inputs
            .iter()
            .map(|&NodeId(i)| self.graph.nodes.get(i).map(|n| n.shape).ok_or(i))
            .collect::<Result<Vec<_>, usize>>()
            .map_err(|input| NetworkError::UnknownInput {
                node: name.clone(),
                input,
            })?;
        let shape = infer(&name, &op, &shapes)?;
        if !self.names.insert(name.clone()) {
            return Err(NetworkError::DuplicateName { node: name });
        }
        self.graph.nodes.push(Node {
            name,
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        Ok(NodeId(self.graph.nodes.len() - 1))
    }

    /// Adds a convolution.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn conv(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        conv: Conv,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Conv(conv), &[from])
    }

    /// Adds a batch norm with [`BATCH_NORM_EPS`].
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn batch_norm(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
    ) -> Result<NodeId, NetworkError> {
        let eps = BATCH_NORM_EPS;
        self.node(name, Op::BatchNorm { eps }, &[from])
    }

    /// Adds a ReLU.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn relu(&mut self, name: impl Into<String>, from: NodeId) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Relu, &[from])
    }

    /// Adds a sum of two maps.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn add(
        &mut self,
        name: impl Into<String>,
        left: NodeId,
        right: NodeId,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Add, &[left, right])
    }

    /// Adds a function of each element.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn lookup(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        function: Function,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Lookup(function), &[from])
    }

    /// Adds a product of two maps, or of a map and a scale for each channel.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn multiply(
        &mut self,
        name: impl Into<String>,
        map: NodeId,
        by: NodeId,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Multiply, &[map, by])
    }

    /// Adds a concatenation over channels.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn concat(
        &mut self,
        name: impl Into<String>,
        maps: &[NodeId],
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Concat, maps)
    }

    /// Adds means over `bins` x `bins` parts of the map.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn adaptive_avg_pool(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        bins: usize,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::AdaptiveAvgPool { bins }, &[from])
    }

    /// Adds a bilinear interpolation.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn resize(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        resize: Resize,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::Resize(resize), &[from])
    }

    /// Adds a maximum over a window.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn max_pool(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        pool: Pool,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::MaxPool(pool), &[from])
    }

    /// Adds a mean over a window.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn avg_pool(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        pool: Pool,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::AvgPool(pool), &[from])
    }

    /// Adds a mean over all pixels.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn global_avg_pool(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::GlobalAvgPool, &[from])
    }

    /// Adds a fully connected layer over the flattened map.
    ///
    /// # Errors
    /// As [`Self::node`].
    pub fn fully_connected(
        &mut self,
        name: impl Into<String>,
        from: NodeId,
        outputs: usize,
    ) -> Result<NodeId, NetworkError> {
        self.node(name, Op::FullyConnected { outputs }, &[from])
    }

    /// The finished graph; the node added last is its output.
    ///
    /// # Errors
    /// When there is no operator, or a node other than the last is never read.
    pub fn finish(self) -> Result<Graph, NetworkError> {
        self.graph.check_readers()?;
        Ok(self.graph)
    }
}

impl Graph {
    /// Checks a graph made by hand or read from a file: order, names, inputs, attributes, shapes, no unread node.
    ///
    /// # Errors
    /// The first rule that is broken, with the node's name.
    pub fn check(&self) -> Result<(), NetworkError> {
        let Some(first) = self.nodes.first() else {
            return Err(NetworkError::NoOperator {
                name: self.name.clone(),
            });
        };
        if first.op != Op::Input || !first.inputs.is_empty() {
            return Err(NetworkError::MisplacedInput {
                node: first.name.clone(),
            });
        }
        image(&first.name, first.shape)?;
        let mut names = BTreeSet::new();
        for (place, node) in self.nodes.iter().enumerate() {
            if !names.insert(node.name.as_str()) {
                return Err(NetworkError::DuplicateName {
                    node: node.name.clone(),
                });
            }
            if place > 0 {
                self.check_node(place, node)?;
            }
        }
        self.check_readers()
    }

    fn check_node(&self, place: usize, node: &Node) -> Result<(), NetworkError> {
        if let Some(input) = node.inputs.iter().find(|input| input.0 >= place) {
            return Err(NetworkError::UnknownInput {
                node: node.name.clone(),
                input: input.0,
            });
        }
        let shapes: Vec<FeatureMap> = node.inputs.iter().map(|i| self.nodes[i.0].shape).collect();
        let computed = infer(&node.name, &node.op, &shapes)?;
        if computed == node.shape {
            return Ok(());
        }
        Err(NetworkError::WrongShape {
            node: node.name.clone(),
            stored: node.shape,
            computed,
        })
    }

    fn check_readers(&self) -> Result<(), NetworkError> {
        let Some((_, inner)) = self.nodes.split_last().filter(|(_, rest)| !rest.is_empty()) else {
            return Err(NetworkError::NoOperator {
                name: self.name.clone(),
            });
        };
        let readers = self.readers();
        match inner.iter().zip(&readers).find(|(_, r)| r.is_empty()) {
            None => Ok(()),
            Some((node, _)) => Err(NetworkError::Unread {
                node: node.name.clone(),
            }),
        }
    }
}
