//! A network as an ONNX model, with one node for each node of the graph and those that change axes.

use super::{channels_first, oihw};
use crate::network::import::onnx::message::{
    Attribute, Dimension, Graph, Model, Node, OperatorSetId, Tensor, TensorShape, TensorType, Type,
    ValueInfo, attribute_kind,
};
use crate::network::{self, Network, NodeId, NodeParams, Op, Pool};
use crate::tensor::FeatureMap;
use prost::Message;

/// Version of ONNX's operators in what is written; version 8 of the file format.
pub const OPSET: i64 = 18;

/// Number of the element type of 32-bit floats and of 64-bit integers.
pub(super) const F32: i32 = 1;
pub(super) const I64: i32 = 7;

/// The network as an ONNX model: one input of axes image, channel, row, column, and one output.
///
/// Batch size is the symbol `batch`. Nodes keep their names, parameters those of a checkpoint.
#[must_use]
pub fn onnx(network: &Network) -> Vec<u8> {
    let mut writer = Writer {
        network,
        graph: Graph {
            name: network.graph.name.clone(),
            ..Graph::default()
        },
        flat: vec![false; network.graph.nodes.len()],
    };
    for place in 0..network.graph.nodes.len() {
        writer.node(place);
    }
    writer.interface();
    let model = Model {
        ir_version: 8,
        producer_name: "repchip".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(writer.graph),
        opset_import: vec![OperatorSetId {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: Vec::new(),
    };
    model.encode_to_vec()
}

pub(super) struct Writer<'n> {
    network: &'n Network,
    pub(super) graph: Graph,
    /// Whether the value of a node has the two axes image and channel.
    flat: Vec<bool>,
}

impl Writer<'_> {
    fn node(&mut self, place: usize) {
        let node = &self.network.graph.nodes[place];
        let name = node.name.clone();
        self.flat[place] = match node.op {
            Op::FullyConnected { .. } => true,
            Op::Relu | Op::BatchNorm { .. } | Op::Add => {
                node.inputs.iter().all(|input| self.flat[input.0])
            }
            Op::Lookup(_) | Op::Multiply | Op::Concat => {
                node.inputs.iter().all(|input| self.flat[input.0])
            }
            Op::Input
            | Op::Conv(_)
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool
            | Op::AdaptiveAvgPool { .. }
            | Op::Resize(_) => false,
        };
        let flat = self.flat[place];
        let mut inputs: Vec<String> = node.inputs.iter().map(|id| self.value(*id, flat)).collect();
        if matches!(node.op, Op::FullyConnected { .. }) {
            inputs = node.inputs.iter().map(|id| self.value(*id, true)).collect();
        }
        inputs.extend(self.parameters(place));
        let first = inputs.first().cloned().unwrap_or_default();
        match node.op {
            Op::Lookup(function) => self.function(&name, function, first),
            Op::AdaptiveAvgPool { bins } => {
                self.adaptive(&name, bins, self.network.graph.source(node), first);
            }
            Op::Resize(resize) => self.resize(&name, resize, first),
            _ => {
                if let Some((op, attributes)) = operator(&node.op) {
                    self.push(op, &name, inputs, attributes);
                }
            }
        }
    }

    pub(super) fn push(
        &mut self,
        op: &str,
        name: &str,
        input: Vec<String>,
        attribute: Vec<Attribute>,
    ) {
        self.graph.node.push(Node {
            input,
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op.to_owned(),
            attribute,
            domain: String::new(),
        });
    }

    /// Name of a node's value with two axes or with four.
    fn value(&mut self, id: NodeId, flat: bool) -> String {
        let name = self.network.graph.nodes[id.0].name.clone();
        match (self.flat[id.0], flat) {
            (true, true) | (false, false) => name,
            (false, true) => self.with_axes(name, "Flatten", "flat"),
            (true, false) => self.with_axes(name, "Unsqueeze", "map"),
        }
    }

    /// The value with other axes, made once.
    fn with_axes(&mut self, name: String, op: &str, ending: &str) -> String {
        let changed = format!("{name}:{ending}");
        if self.graph.node.iter().all(|node| node.name != changed) {
            let mut inputs = vec![name];
            if op == "Unsqueeze" {
                let axes = format!("{changed}:axes");
                self.graph.initializer.push(Tensor {
                    dims: vec![2],
                    data_type: I64,
                    int64_data: vec![2, 3],
                    name: axes.clone(),
                    ..Tensor::default()
                });
                inputs.push(axes);
            }
            self.push(op, &changed, inputs, Vec::new());
        }
        changed
    }

    /// Names of a node's parameters, which become constants.
    fn parameters(&mut self, place: usize) -> Vec<String> {
        let network = self.network;
        let node = &network.graph.nodes[place];
        let mut names = Vec::new();
        let mut put = |part: &str, shape: &[usize], values: &[f32]| {
            names.push(self.floats(format!("{}.{part}", node.name), shape, values));
        };
        match &network.params.nodes[place] {
            NodeParams::None => {}
            NodeParams::Conv { weight, bias } => {
                let (shape, values) = oihw(weight);
                put("weight", &shape, &values);
                if let Some(bias) = bias {
                    put("bias", &[bias.len()], &bias.to_vec());
                }
            }
            NodeParams::BatchNorm {
                gamma,
                beta,
                mean,
                var,
            } => {
                let parts = ["weight", "bias", "running_mean", "running_var"];
                for (part, values) in parts.into_iter().zip([gamma, beta, mean, var]) {
                    put(part, &[values.len()], &values.to_vec());
                }
            }
            NodeParams::FullyConnected { weight, bias } => {
                let (shape, values) = channels_first(network.graph.source(node), weight);
                put("weight", &shape, &values);
                put("bias", &[bias.len()], &bias.to_vec());
            }
        }
        names
    }

    fn interface(&mut self) {
        let graph = &self.network.graph;
        let (first, last) = (&graph.nodes[0], graph.nodes.len() - 1);
        let image = value_info(&first.name, first.shape, false);
        self.graph.input.push(image);
        let output = &graph.nodes[last];
        let result = value_info(&output.name, output.shape, self.flat[last]);
        self.graph.output.push(result);
    }
}

/// ONNX's name and attributes of an operator that is one node there; none of the others, and of the input.
fn operator(op: &Op) -> Option<(&'static str, Vec<Attribute>)> {
    Some(match op {
        Op::Input | Op::Lookup(_) | Op::AdaptiveAvgPool { .. } | Op::Resize(_) => return None,
        Op::Conv(conv) => ("Conv", convolution(*conv)),
        Op::BatchNorm { eps } => ("BatchNormalization", vec![float("epsilon", *eps)]),
        Op::Relu => ("Relu", Vec::new()),
        Op::Add => ("Add", Vec::new()),
        Op::MaxPool(pool) => ("MaxPool", window(*pool)),
        Op::AvgPool(pool) => ("AveragePool", window(*pool)),
        Op::GlobalAvgPool => ("GlobalAveragePool", Vec::new()),
        Op::FullyConnected { .. } => ("Gemm", vec![ints("transB", None, 1)]),
        Op::Multiply => ("Mul", Vec::new()),
        Op::Concat => ("Concat", vec![ints("axis", None, 1)]),
    })
}

fn convolution(conv: network::Conv) -> Vec<Attribute> {
    vec![
        ints("dilations", Some(2), signed(conv.dilation)),
        ints("group", None, signed(conv.groups)),
        ints("kernel_shape", Some(2), signed(conv.kernel)),
        ints("pads", Some(4), signed(conv.padding)),
        ints("strides", Some(2), signed(conv.stride)),
    ]
}

fn window(pool: Pool) -> Vec<Attribute> {
    vec![
        ints("kernel_shape", Some(2), signed(pool.kernel)),
        ints("pads", Some(4), signed(pool.padding)),
        ints("strides", Some(2), signed(pool.stride)),
    ]
}

/// A whole number, or a list of so many times the same.
fn ints(name: &str, times: Option<usize>, value: i64) -> Attribute {
    let attribute = Attribute {
        name: name.to_owned(),
        ..Attribute::default()
    };
    match times {
        None => Attribute {
            i: Some(value),
            kind: attribute_kind::INT,
            ..attribute
        },
        Some(times) => Attribute {
            ints: vec![value; times],
            kind: attribute_kind::INTS,
            ..attribute
        },
    }
}

pub(super) fn float(name: &str, value: f64) -> Attribute {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "an attribute of ONNX has 32 bits"
    )]
    let value = value as f32;
    Attribute {
        name: name.to_owned(),
        f: Some(value),
        kind: attribute_kind::FLOAT,
        ..Attribute::default()
    }
}

fn value_info(name: &str, shape: FeatureMap, flat: bool) -> ValueInfo {
    let fixed = |length: usize| Dimension {
        dim_value: Some(signed(length)),
        dim_param: None,
    };
    let batch = Dimension {
        dim_value: None,
        dim_param: Some("batch".to_owned()),
    };
    let mut dim = vec![batch, fixed(shape.channels)];
    if !flat {
        dim.extend([fixed(shape.height), fixed(shape.width)]);
    }
    let tensor = TensorType {
        elem_type: F32,
        shape: Some(TensorShape { dim }),
    };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type {
            tensor_type: Some(tensor),
        }),
    }
}

pub(super) fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("a map and a kernel have fewer than 2^48 elements")
}
