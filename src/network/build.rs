//! Builds graphs node by node; shapes follow from the operators.

use super::{Conv, Graph, NetworkError, Node, NodeId, Op, Pool};
use crate::tensor::FeatureMap;
use crate::units::count;

/// Epsilon of every batch norm of the built-in networks (the default of the framework they come from).
pub const BATCH_NORM_EPS: f64 = 1e-5;

/// A graph under construction.
#[derive(Debug, Clone)]
pub struct GraphBuilder {
    graph: Graph,
}

impl GraphBuilder {
    /// Starts a graph with its input.
    ///
    /// # Errors
    /// A side of 0 or above 8192 pixels, or 0 or more than 4096 channels.
    pub fn new(name: &str, input: FeatureMap) -> Result<Self, NetworkError> {
        let side = 1..=8192;
        let fine = side.contains(&input.height)
            && side.contains(&input.width)
            && (1..=4096).contains(&input.channels);
        if !fine {
            return Err(NetworkError::Input(input));
        }
        let node = Node {
            name: "input".to_owned(),
            op: Op::Input,
            inputs: vec![],
            shape: input,
        };
        Ok(Self {
            graph: Graph {
                name: name.to_owned(),
                nodes: vec![node],
            },
        })
    }

    /// The network's input.
    #[must_use]
    pub fn input(&self) -> NodeId {
        NodeId(0)
    }

    /// Output shape of a node.
    #[must_use]
    pub fn shape(&self, node: NodeId) -> FeatureMap {
        self.graph.nodes[node.0].shape
    }

    fn push(&mut self, name: &str, op: Op, inputs: Vec<NodeId>, shape: FeatureMap) -> NodeId {
        self.graph.nodes.push(Node {
            name: name.to_owned(),
            op,
            inputs,
            shape,
        });
        NodeId(self.graph.nodes.len() - 1)
    }

    /// Adds a convolution.
    ///
    /// # Errors
    /// The window does not fit, or the channels do not divide into the groups.
    pub fn conv(&mut self, name: &str, from: NodeId, conv: Conv) -> Result<NodeId, NetworkError> {
        let input = self.shape(from);
        for channels in [input.channels, conv.out_channels] {
            if conv.groups == 0 || channels == 0 || channels % conv.groups != 0 {
                return Err(NetworkError::Groups {
                    node: name.to_owned(),
                    channels,
                    groups: conv.groups,
                });
            }
        }
        let window = conv.dilation * (conv.kernel - 1) + 1;
        let (height, width) = windows(name, input, window, conv.stride, conv.padding)?;
        let shape = FeatureMap::new(height, width, conv.out_channels);
        Ok(self.push(name, Op::Conv(conv), vec![from], shape))
    }

    /// Adds a batch norm.
    pub fn batch_norm(&mut self, name: &str, from: NodeId) -> NodeId {
        self.push(
            name,
            Op::BatchNorm {
                eps: BATCH_NORM_EPS,
            },
            vec![from],
            self.shape(from),
        )
    }

    /// Adds a ReLU.
    pub fn relu(&mut self, name: &str, from: NodeId) -> NodeId {
        self.push(name, Op::Relu, vec![from], self.shape(from))
    }

    /// Adds a sum.
    ///
    /// # Errors
    /// The operands differ in shape.
    pub fn add(&mut self, name: &str, left: NodeId, right: NodeId) -> Result<NodeId, NetworkError> {
        let (l, r) = (self.shape(left), self.shape(right));
        if l != r {
            return Err(NetworkError::Shapes {
                node: name.to_owned(),
                left: l,
                right: r,
            });
        }
        Ok(self.push(name, Op::Add, vec![left, right], l))
    }

    /// Adds a maximum over a window.
    ///
    /// # Errors
    /// The window does not fit.
    pub fn max_pool(
        &mut self,
        name: &str,
        from: NodeId,
        pool: Pool,
    ) -> Result<NodeId, NetworkError> {
        self.pool(name, from, pool, Op::MaxPool(pool))
    }

    /// Adds a mean over a window.
    ///
    /// # Errors
    /// The window does not fit.
    pub fn avg_pool(
        &mut self,
        name: &str,
        from: NodeId,
        pool: Pool,
    ) -> Result<NodeId, NetworkError> {
        self.pool(name, from, pool, Op::AvgPool(pool))
    }

    fn pool(
        &mut self,
        name: &str,
        from: NodeId,
        pool: Pool,
        op: Op,
    ) -> Result<NodeId, NetworkError> {
        let input = self.shape(from);
        let (height, width) = windows(name, input, pool.kernel, pool.stride, pool.padding)?;
        Ok(self.push(
            name,
            op,
            vec![from],
            FeatureMap::new(height, width, input.channels),
        ))
    }

    /// Adds a mean over all pixels.
    pub fn global_avg_pool(&mut self, name: &str, from: NodeId) -> NodeId {
        let channels = self.shape(from).channels;
        self.push(
            name,
            Op::GlobalAvgPool,
            vec![from],
            FeatureMap::new(1, 1, channels),
        )
    }

    /// Adds a fully connected layer.
    pub fn fully_connected(&mut self, name: &str, from: NodeId, outputs: usize) -> NodeId {
        self.push(
            name,
            Op::FullyConnected { outputs },
            vec![from],
            FeatureMap::new(1, 1, outputs),
        )
    }

    /// The finished graph; its last node is the output.
    #[must_use]
    pub fn finish(self) -> Graph {
        self.graph
    }
}

/// Windows that fit in each direction.
fn windows(
    node: &str,
    input: FeatureMap,
    window: usize,
    stride: usize,
    padding: usize,
) -> Result<(usize, usize), NetworkError> {
    let along = |size: usize| {
        (size + 2 * padding)
            .checked_sub(window)
            .map(|room| room / stride + 1)
    };
    match (along(input.height), along(input.width)) {
        (Some(height), Some(width)) if stride > 0 => Ok((height, width)),
        _ => Err(NetworkError::Vanishes {
            node: node.to_owned(),
            window,
            input,
        }),
    }
}

impl Graph {
    /// Learnable parameters in training form: weights, biases, scale and shift of each batch norm.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.nodes
            .iter()
            .map(|node| self.node_parameters(node))
            .sum()
    }

    fn node_parameters(&self, node: &Node) -> u64 {
        let input = node
            .inputs
            .first()
            .map_or(node.shape, |id| self.nodes[id.0].shape);
        match &node.op {
            Op::Conv(conv) => {
                let bias = if self.has_bias(node) {
                    conv.out_channels
                } else {
                    0
                };
                let each = conv.kernel * conv.kernel * input.channels / conv.groups;
                count(conv.out_channels * each + bias)
            }
            Op::BatchNorm { .. } => 2 * count(node.shape.channels),
            Op::FullyConnected { outputs } => (input.elements().0 + 1) * count(*outputs),
            Op::Input
            | Op::Relu
            | Op::Add
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool => 0,
        }
    }

    /// Whether a convolution has a bias of its own: it has one unless a batch norm follows.
    #[must_use]
    pub fn has_bias(&self, node: &Node) -> bool {
        !self.nodes.iter().any(|other| {
            matches!(other.op, Op::BatchNorm { .. })
                && other
                    .inputs
                    .iter()
                    .any(|id| self.nodes[id.0].name == node.name)
        })
    }

    /// Multiply-accumulates for one image: convolutions and fully connected layers, biases not counted.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.nodes
            .iter()
            .map(|node| {
                let input = node
                    .inputs
                    .first()
                    .map_or(node.shape, |id| self.nodes[id.0].shape);
                match &node.op {
                    Op::Conv(conv) => {
                        let each = conv.kernel * conv.kernel * input.channels / conv.groups;
                        node.shape.elements().0 * count(each)
                    }
                    Op::FullyConnected { outputs } => input.elements().0 * count(*outputs),
                    Op::Input
                    | Op::BatchNorm { .. }
                    | Op::Relu
                    | Op::Add
                    | Op::MaxPool(_)
                    | Op::AvgPool(_)
                    | Op::GlobalAvgPool => 0,
                }
            })
            .sum()
    }
}
