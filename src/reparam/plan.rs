//! Decides, without parameters, which nodes become one layer.
//!
//! One walk over the nodes: a batch norm goes into the convolution it alone reads, an addition (when branches
//! are fused) into the convolution its branches make, a ReLU or ReLU6 into the layer it alone reads.

use super::linear::{Expr, Linear, common_stem, sum};
use super::report::{BlockReport, Outcome, Reason, Unfusable};
use super::{Activation, Branches, ReparamError};
use crate::network::{Form, Function, Graph, NodeId, Op};
use std::collections::BTreeSet;

/// Which node belongs to which layer.
#[derive(Debug)]
pub(super) struct Plan<'g> {
    pub graph: &'g Graph,
    readers: Vec<Vec<NodeId>>,
    linear: Vec<Option<Linear>>,
    absorbed_by: Vec<Option<NodeId>>,
    kept: Vec<Option<Reason>>,
}

/// One layer to be: the last of its nodes and what it does.
#[derive(Debug)]
pub(super) struct Head {
    /// The node whose value the layer gives.
    pub node: NodeId,
    /// The node before the activation.
    pub body: NodeId,
    /// Set when the body is a convolution.
    pub linear: Option<Linear>,
    /// What follows.
    pub activation: Activation,
    /// Unique name.
    pub name: String,
}

impl<'g> Plan<'g> {
    /// Plans the layers of a graph.
    pub(super) fn new(graph: &'g Graph, branches: Branches) -> Result<Self, ReparamError> {
        graph.check()?;
        let count = graph.nodes.len();
        let mut plan = Self {
            graph,
            readers: graph.readers(),
            linear: vec![None; count],
            absorbed_by: vec![None; count],
            kept: vec![None; count],
        };
        for place in 0..count {
            plan.visit(NodeId(place), branches);
        }
        Ok(plan)
    }

    /// Form of the folded network.
    pub(super) fn form(&self, branches: Branches) -> Result<Form, ReparamError> {
        let fusable = match branches {
            Branches::Fuse => self.fuses(),
            Branches::Keep => Self::new(self.graph, Branches::Fuse)?.fuses(),
        };
        Ok(match (fusable, branches) {
            (false, _) => Form::Folded,
            (true, Branches::Fuse) => Form::Deploy,
            (true, Branches::Keep) => Form::Train,
        })
    }

    fn fuses(&self) -> bool {
        (self.graph.nodes.iter().zip(&self.linear))
            .any(|(node, linear)| node.op == Op::Add && linear.is_some())
    }

    fn visit(&mut self, id: NodeId, branches: Branches) {
        let node = &self.graph.nodes[id.0];
        match &node.op {
            Op::Conv(conv) => {
                self.linear[id.0] = Some(Linear {
                    base: node.inputs[0],
                    window: Some(*conv),
                    expr: Expr::Conv(id),
                    name: node.name.clone(),
                });
            }
            Op::BatchNorm { .. } => self.visit_norm(id, node.inputs[0]),
            Op::Add => match branches {
                Branches::Fuse => self.visit_add(id, node.inputs[0], node.inputs[1]),
                Branches::Keep => {}
            },
            Op::Relu | Op::Lookup(Function::Relu6) => self.visit_relu(id, node.inputs[0]),
            Op::Input
            | Op::Lookup(_)
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool
            | Op::AdaptiveAvgPool { .. }
            | Op::Resize(_)
            | Op::FullyConnected { .. } => {}
        }
    }

    fn visit_norm(&mut self, id: NodeId, input: NodeId) {
        let inner = match self.open(input, id) {
            Some(inner) => {
                let inner = inner.clone();
                self.absorbed_by[input.0] = Some(id);
                inner
            }
            None => Linear::identity(input, &self.graph.nodes[id.0].name),
        };
        self.linear[id.0] = Some(Linear {
            expr: Expr::Norm(id, Box::new(inner.expr)),
            ..inner
        });
    }

    fn visit_add(&mut self, id: NodeId, left: NodeId, right: NodeId) {
        match self.fuse(id, left, right) {
            Ok(linear) => {
                for side in [left, right] {
                    if side != linear.base {
                        self.absorbed_by[side.0] = Some(id);
                    }
                }
                self.linear[id.0] = Some(linear);
            }
            Err(reason) => self.kept[id.0] = Some(reason),
        }
    }

    fn visit_relu(&mut self, id: NodeId, input: NodeId) {
        let op = &self.graph.nodes[input.0].op;
        let has_activation = self.linear[input.0].is_some()
            || matches!(op, Op::Add | Op::Multiply | Op::FullyConnected { .. });
        if has_activation && self.readers[input.0] == [id] {
            self.absorbed_by[input.0] = Some(id);
        }
    }

    /// The convolution that `node` is, when `reader` alone reads it.
    fn open(&self, node: NodeId, reader: NodeId) -> Option<&Linear> {
        (self.linear[node.0].as_ref()).filter(|_| self.readers[node.0] == [reader])
    }

    fn fuse(&self, id: NodeId, left: NodeId, right: NodeId) -> Result<Linear, Reason> {
        let (a, b) = (self.open(left, id), self.open(right, id));
        let bare = |node: NodeId| Linear::identity(node, self.name(node));
        let (a, b) = match (a, b) {
            (Some(a), Some(b)) if a.base == b.base => (a.clone(), b.clone()),
            (Some(a), _) if a.base == right => (a.clone(), bare(right)),
            (_, Some(b)) if b.base == left => (bare(left), b.clone()),
            (None, None) if left == right => (bare(left), bare(right)),
            (None | Some(_), None | Some(_)) => return Err(self.why(id, left, right)),
        };
        let mut leaves = Vec::new();
        for branch in [&a, &b] {
            self.leaves(&branch.expr, &mut leaves);
        }
        if leaves.len() == 1 {
            // One name alone would give the stem of the branch, not of the block.
            leaves.push(self.name(id));
        }
        let stem = common_stem(leaves);
        let name = if stem.is_empty() {
            self.name(id).to_owned()
        } else {
            stem
        };
        sum(&a, &b, name)
    }

    /// Names of the convolutions, and of the batch norms of the bare input.
    fn leaves(&self, expr: &Expr, names: &mut Vec<&'g str>) {
        match expr {
            Expr::Identity => {}
            Expr::Conv(node) => names.push(self.name(*node)),
            Expr::Norm(norm, inner) => match &**inner {
                Expr::Identity => names.push(self.name(*norm)),
                Expr::Conv(_) | Expr::Norm(..) | Expr::Sum(_) => self.leaves(inner, names),
            },
            Expr::Sum(branches) => branches.iter().for_each(|b| self.leaves(b, names)),
        }
    }

    fn name(&self, node: NodeId) -> &'g str {
        &self.graph.nodes[node.0].name
    }

    /// Why two branches without a common base do not fuse.
    fn why(&self, id: NodeId, left: NodeId, right: NodeId) -> Reason {
        let base = |node: NodeId| self.linear[node.0].as_ref().map_or(node, |l| l.base);
        for (side, other) in [(left, right), (right, left)] {
            let shares = base(side) == other || base(side) == base(other);
            let elsewhere = self.readers[side.0].iter().find(|&&reader| reader != id);
            if let (Some(_), true, Some(&reader)) = (&self.linear[side.0], shares, elsewhere) {
                return Reason::OtherReader {
                    node: self.name(side).to_owned(),
                    reader: self.name(reader).to_owned(),
                };
            }
        }
        self.obstacle(left, right)
            .unwrap_or_else(|| Reason::DifferentInputs {
                left: self.name(base(left)).to_owned(),
                right: self.name(base(right)).to_owned(),
            })
    }

    /// What stands between the addition's sides and the last map both come from.
    fn obstacle(&self, left: NodeId, right: NodeId) -> Option<Reason> {
        let (a, b) = (self.path(left), self.path(right));
        let common = a.iter().find(|node| b.contains(node))?;
        let mut series = None;
        for path in [&a, &b] {
            let mut convolutions = 0;
            for node in path.iter().take_while(|node| *node != common) {
                let name = self.name(*node).to_owned();
                match &self.graph.nodes[node.0].op {
                    Op::Relu | Op::Lookup(_) => return Some(Reason::Activation { node: name }),
                    Op::MaxPool(_)
                    | Op::AvgPool(_)
                    | Op::GlobalAvgPool
                    | Op::AdaptiveAvgPool { .. }
                    | Op::Resize(_)
                    | Op::FullyConnected { .. } => return Some(Reason::Operator { node: name }),
                    Op::Conv(_) => {
                        convolutions += 1;
                        if convolutions == 2 {
                            series.get_or_insert(Reason::Series { node: name });
                        }
                    }
                    Op::Input | Op::BatchNorm { .. } | Op::Add | Op::Multiply | Op::Concat => {}
                }
            }
        }
        series
    }

    /// The node and those before it, back to the first with no or several inputs.
    fn path(&self, mut node: NodeId) -> Vec<NodeId> {
        let mut path = vec![node];
        while let [input] = self.graph.nodes[node.0].inputs.as_slice() {
            node = *input;
            path.push(node);
        }
        path
    }

    /// The layers in execution order.
    pub(super) fn heads(&self) -> Vec<Head> {
        let mut taken: BTreeSet<&str> = self.graph.nodes.iter().map(|n| n.name.as_str()).collect();
        let mut heads: Vec<Head> = (0..self.graph.nodes.len())
            .filter_map(|place| self.head(NodeId(place)))
            .collect();
        let mut names = Vec::with_capacity(heads.len());
        for head in &heads {
            // A stem is not the name of a node; two blocks that share one keep it for the first.
            names.push(match &head.linear {
                Some(Linear {
                    expr: Expr::Sum(_),
                    name,
                    ..
                }) if !taken.insert(name) => self.name(head.body).to_owned(),
                Some(linear) => linear.name.clone(),
                None => self.name(head.body).to_owned(),
            });
        }
        for (head, name) in heads.iter_mut().zip(names) {
            head.name = name;
        }
        heads
    }

    fn head(&self, node: NodeId) -> Option<Head> {
        let source = &self.graph.nodes[node.0];
        if source.op == Op::Input
            || self.absorbed_by[node.0].is_some()
            || self.alias(node).is_some()
        {
            return None;
        }
        let (body, linear, activation) = match (&source.op, source.inputs.as_slice()) {
            (Op::Relu, &[input]) if self.absorbed_by[input.0] == Some(node) => {
                (input, self.linear[input.0].clone(), Activation::Relu)
            }
            (Op::Lookup(Function::Relu6), &[input]) if self.absorbed_by[input.0] == Some(node) => {
                (input, self.linear[input.0].clone(), Activation::Relu6)
            }
            (Op::Relu, &[input]) => {
                let copy = Linear::identity(input, &source.name);
                (node, Some(copy), Activation::Relu)
            }
            (_, _) => (node, self.linear[node.0].clone(), Activation::None),
        };
        Some(Head {
            node,
            body,
            linear,
            activation,
            name: String::new(),
        })
    }

    /// The ReLU that this ReLU merely repeats.
    pub(super) fn alias(&self, node: NodeId) -> Option<NodeId> {
        let source = &self.graph.nodes[node.0];
        let input = source.inputs.first()?;
        let repeats = source.op == Op::Relu && self.graph.nodes[input.0].op == Op::Relu;
        repeats.then_some(*input)
    }

    /// One entry for each fused block and each addition that stays.
    pub(super) fn report(&self) -> Vec<BlockReport> {
        let heads = self.heads();
        let mut reports = Vec::new();
        for (place, node) in self.graph.nodes.iter().enumerate() {
            if node.op != Op::Add {
                continue;
            }
            let outcome = match (&self.linear[place], &self.kept[place]) {
                (Some(linear), _) if !self.inside_a_sum(NodeId(place)) => Outcome::Fused {
                    branches: self.branch_names(linear),
                },
                (None, Some(reason)) => Outcome::Kept(Unfusable {
                    block: node.name.clone(),
                    reason: reason.clone(),
                }),
                (Some(_) | None, _) => continue,
            };
            let last = self.last(NodeId(place));
            let head = heads.iter().find(|head| head.node == last);
            let block = head.map_or_else(|| node.name.clone(), |head| head.name.clone());
            reports.push(BlockReport { block, outcome });
        }
        reports
    }

    fn branch_names(&self, linear: &Linear) -> Vec<String> {
        let mut names = Vec::new();
        for branch in linear.branches() {
            match branch {
                Expr::Identity => names.push(self.name(linear.base)),
                Expr::Conv(_) | Expr::Norm(..) | Expr::Sum(_) => self.leaves(branch, &mut names),
            }
        }
        names.into_iter().map(str::to_owned).collect()
    }

    fn inside_a_sum(&self, node: NodeId) -> bool {
        std::iter::successors(self.absorbed_by[node.0], |next| self.absorbed_by[next.0])
            .any(|by| self.graph.nodes[by.0].op == Op::Add)
    }

    fn last(&self, node: NodeId) -> NodeId {
        std::iter::successors(Some(node), |next| self.absorbed_by[next.0])
            .last()
            .expect("a node is the first of its own successors")
    }
}
