//! Makes the layers a plan describes: their shapes, and their parameters in f64, rounded once to f32.

use super::kernel::{
    Affine, Norm, embed_pointwise, fold_batch_norm, identity_kernel, sum_branches,
};
use super::linear::Expr;
use super::plan::{Head, Plan};
use super::{
    Branches, FoldedNetwork, FoldedParams, Layer, LayerGraph, LayerOp, LayerParams, ReparamError,
    TensorId,
};
use crate::network::{Conv, Graph, Network, NodeId, NodeParams, Op, Params};
use ndarray::{Array, Array1, Dimension};

/// The layers of a graph, without parameters.
///
/// With [`Branches::Fuse`] each block of parallel convolutions, with or without an identity branch, becomes one
/// convolution named after the block (`stage1.0`); additions whose branches cannot fuse stay. The form is
/// `deploy` if any block fused and `folded` if none could. With [`Branches::Keep`] nothing fuses, and the form is
/// `train` if anything could have. A batch norm or ReLU that no earlier layer can take in becomes a depthwise
/// 1x1 convolution named after its node.
///
/// # Errors
/// When the graph breaks a rule of the network room.
pub fn fold_graph(graph: &Graph, branches: Branches) -> Result<LayerGraph, ReparamError> {
    let plan = Plan::new(graph, branches)?;
    layer_graph(&plan, &plan.heads(), branches)
}

/// The layers of a network with their parameters.
///
/// # Errors
/// When the graph breaks a rule, the parameters do not fit it, or a folded value is not finite in f32.
pub fn fold(network: &Network, branches: Branches) -> Result<FoldedNetwork, ReparamError> {
    let plan = Plan::new(&network.graph, branches)?;
    network.params.check(&network.graph)?;
    let heads = plan.heads();
    let graph = layer_graph(&plan, &heads, branches)?;
    let layers = (heads.iter())
        .map(|head| layer_params(&network.graph, &network.params, head))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(FoldedNetwork {
        graph,
        params: FoldedParams { layers },
    })
}

fn layer_graph(
    plan: &Plan<'_>,
    heads: &[Head],
    branches: Branches,
) -> Result<LayerGraph, ReparamError> {
    let graph = plan.graph;
    let mut tensors = vec![None; graph.nodes.len()];
    tensors[0] = Some(TensorId::INPUT);
    for (place, head) in heads.iter().enumerate() {
        tensors[head.node.0] = Some(TensorId(place + 1));
    }
    for place in 0..tensors.len() {
        if let Some(original) = plan.alias(NodeId(place)) {
            tensors[place] = tensors[original.0];
        }
    }
    let layers = heads.iter().map(|head| layer(graph, head, &tensors));
    Ok(LayerGraph {
        name: graph.name.clone(),
        form: plan.form(branches)?,
        input: graph.input(),
        layers: layers.collect(),
    })
}

fn layer(graph: &Graph, head: &Head, tensors: &[Option<TensorId>]) -> Layer {
    let node = &graph.nodes[head.body.0];
    let activation = head.activation;
    let (op, reads) = match &head.linear {
        Some(linear) => {
            let conv = linear.conv(node.shape.channels);
            (LayerOp::Conv { conv, activation }, vec![linear.base])
        }
        None => (plain_op(&node.op, head), node.inputs.clone()),
    };
    let tensor = |read: &NodeId| tensors[read.0].expect("what another layer reads is a layer");
    Layer {
        name: head.name.clone(),
        op,
        inputs: reads.iter().map(tensor).collect(),
        output: node.shape,
    }
}

fn plain_op(op: &Op, head: &Head) -> LayerOp {
    let activation = head.activation;
    match op {
        Op::Add => LayerOp::Add { activation },
        Op::FullyConnected { outputs } => LayerOp::FullyConnected {
            outputs: *outputs,
            activation,
        },
        Op::Lookup(function) => LayerOp::Lookup(*function),
        Op::Multiply => LayerOp::Multiply { activation },
        Op::Concat => LayerOp::Concat,
        Op::MaxPool(pool) => LayerOp::MaxPool(*pool),
        Op::AvgPool(pool) => LayerOp::AvgPool(*pool),
        Op::GlobalAvgPool => LayerOp::GlobalAvgPool,
        Op::AdaptiveAvgPool { bins } => LayerOp::AdaptiveAvgPool { bins: *bins },
        Op::Resize(resize) => LayerOp::Resize(*resize),
        Op::Input | Op::Conv(_) | Op::BatchNorm { .. } | Op::Relu => {
            unreachable!("the plan gives a convolution for `{}`", head.name)
        }
    }
}

fn layer_params(graph: &Graph, params: &Params, head: &Head) -> Result<LayerParams, ReparamError> {
    let Some(exact) = affine(graph, params, head) else {
        return plain_params(&params.nodes[head.body.0], head);
    };
    Ok(LayerParams::Conv {
        weight: round(&exact.weight, &head.name, "weight")?,
        bias: round(&exact.bias, &head.name, "bias")?,
    })
}

/// The parameters of a layer that is a convolution, before they are rounded.
fn affine(graph: &Graph, params: &Params, head: &Head) -> Option<Affine> {
    let linear = head.linear.as_ref()?;
    let window = Window {
        conv: linear.conv(graph.nodes[head.body.0].shape.channels),
        in_channels: graph.nodes[linear.base.0].shape.channels,
    };
    Some(evaluate(graph, params, &linear.expr, window))
}

/// The parameters of each layer that is a convolution, before they are rounded to f32; none for other layers.
///
/// # Errors
/// When the graph breaks a rule or the parameters do not fit it.
pub fn exact(network: &Network, branches: Branches) -> Result<Vec<Option<Affine>>, ReparamError> {
    let plan = Plan::new(&network.graph, branches)?;
    network.params.check(&network.graph)?;
    let heads = plan.heads();
    Ok((heads.iter())
        .map(|head| affine(&network.graph, &network.params, head))
        .collect())
}

/// For each layer, the node whose value it gives.
///
/// # Errors
/// When the graph breaks a rule.
pub fn places(graph: &Graph, branches: Branches) -> Result<Vec<NodeId>, ReparamError> {
    let heads = Plan::new(graph, branches)?.heads();
    Ok(heads.iter().map(|head| head.node).collect())
}

fn plain_params(params: &NodeParams, head: &Head) -> Result<LayerParams, ReparamError> {
    let NodeParams::FullyConnected { weight, bias } = params else {
        return Ok(LayerParams::None);
    };
    let (outputs, inputs) = weight.dim();
    let kernel = (weight.to_shape((outputs, 1, 1, inputs))).expect("the same number of elements");
    Ok(LayerParams::Conv {
        weight: finite(kernel.into_owned(), &head.name, "weight")?,
        bias: finite(bias.clone(), &head.name, "bias")?,
    })
}

/// The convolution a layer becomes and the channels it reads.
#[derive(Debug, Clone, Copy)]
struct Window {
    conv: Conv,
    in_channels: usize,
}

fn evaluate(graph: &Graph, params: &Params, expr: &Expr, window: Window) -> Affine {
    let Conv {
        out_channels,
        kernel,
        groups,
        ..
    } = window.conv;
    match expr {
        Expr::Identity => Affine {
            weight: identity_kernel(window.in_channels, groups, kernel),
            bias: Array1::zeros(out_channels),
        },
        Expr::Conv(node) => {
            let NodeParams::Conv { weight, bias } = &params.nodes[node.0] else {
                unreachable!("the parameters were checked against the graph")
            };
            let bias = bias.as_ref().map(|bias| bias.mapv(f64::from));
            Affine {
                weight: embed_pointwise(&weight.mapv(f64::from), kernel),
                bias: bias.unwrap_or_else(|| Array1::zeros(out_channels)),
            }
        }
        Expr::Norm(node, inner) => {
            let inner = evaluate(graph, params, inner, window);
            fold_batch_norm(inner, norm(graph, params, *node))
        }
        Expr::Sum(branches) => {
            let branches: Vec<Affine> = (branches.iter())
                .map(|branch| evaluate(graph, params, branch, window))
                .collect();
            sum_branches(&branches)
        }
    }
}

fn norm<'p>(graph: &Graph, params: &'p Params, node: NodeId) -> Norm<'p> {
    match (&graph.nodes[node.0].op, &params.nodes[node.0]) {
        (
            Op::BatchNorm { eps },
            NodeParams::BatchNorm {
                gamma,
                beta,
                mean,
                var,
            },
        ) => Norm {
            gamma: gamma.view(),
            beta: beta.view(),
            mean: mean.view(),
            var: var.view(),
            eps: *eps,
        },
        (_, _) => unreachable!("the parameters were checked against the graph"),
    }
}

/// Rounds to f32, to nearest with ties to even.
fn round<D: Dimension>(
    exact: &Array<f64, D>,
    layer: &str,
    what: &'static str,
) -> Result<Array<f32, D>, ReparamError> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "rounding to the nearest f32 is what is wanted; overflow becomes infinite and is refused"
    )]
    let rounded = exact.mapv(|value| value as f32);
    finite(rounded, layer, what)
}

fn finite<D: Dimension>(
    values: Array<f32, D>,
    layer: &str,
    what: &'static str,
) -> Result<Array<f32, D>, ReparamError> {
    if values.iter().all(|value| value.is_finite()) {
        return Ok(values);
    }
    Err(ReparamError::NotFinite {
        layer: layer.to_owned(),
        what,
    })
}
