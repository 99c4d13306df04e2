//! A network of float operators from an ONNX graph.
//!
//! In: an [`OnnxGraph`] of maps in channel, row, column order. Out: a [`Network`], in whichever form the file has
//! it. Exporters fold batch norms, share equal constants, drop biases of zero and write one tail in several ways;
//! all of that is read. Nodes that the output does not need are left out. Whatever cannot be run is told at once,
//! with the names of its nodes.

mod conv;
mod extents;
mod function;
#[cfg(test)]
mod hazards;
mod linear;
mod name;
mod pool;

use super::onnx::{Dimension, ElementType, OnnxGraph, OnnxNode};
use super::{ImportError, Refused};
use crate::network::{Function, Graph, GraphBuilder, Network, NodeId, NodeParams, Op, Params};
use crate::tensor::FeatureMap;
use extents::Extent;
use name::Names;
use std::collections::{BTreeMap, BTreeSet};

/// What a value of the file is here.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    /// Axes image, channel, row, column.
    Map(NodeId),
    /// Axes image, then all else, channel first.
    Flat(NodeId),
    /// A function of a map by which alone the map itself is multiplied; the product is one function.
    Gate(NodeId, Function),
    /// Lengths of axes, of which a reshape is told.
    Extents(Vec<Extent>),
    /// Made by a refused node.
    Unknown,
}

/// The network of an ONNX graph, for images of shape `input` or, where there is none, of the file's.
///
/// # Errors
/// Inputs and outputs that are not one image and one result, and all operators that cannot be run.
pub(super) fn network(onnx: &OnnxGraph, input: Option<FeatureMap>) -> Result<Network, ImportError> {
    let image = image(onnx, input)?;
    let output = match onnx.outputs.as_slice() {
        [output] => output.name.as_str(),
        outputs => {
            let names: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
            let cause = format!(
                "it has {} outputs ({}), not one",
                names.len(),
                names.join(", ")
            );
            return Err(interface(onnx, cause));
        }
    };
    let builder = GraphBuilder::new(name::network(onnx), image)
        .map_err(|error| interface(onnx, error.to_string()))?;
    let mut importer = Importer::new(onnx, builder);
    let needed = needed(onnx, output);
    for node in onnx
        .nodes
        .iter()
        .zip(needed)
        .filter_map(|(node, needed)| needed.then_some(node))
    {
        importer.visit(node);
    }
    importer.finish(output)
}

pub(crate) fn interface(onnx: &OnnxGraph, cause: String) -> ImportError {
    ImportError::Interface {
        path: onnx.path.clone(),
        cause,
    }
}

/// The shape of an image: the file's, where no other is asked for.
///
/// # Errors
/// An input that is not one map of floats, or whose shape is not known; other channels than asked for.
pub(crate) fn image(
    onnx: &OnnxGraph,
    asked: Option<FeatureMap>,
) -> Result<FeatureMap, ImportError> {
    let [input] = onnx.inputs.as_slice() else {
        let names: Vec<&str> = onnx
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        let cause = format!(
            "it has {} inputs ({}), not one",
            names.len(),
            names.join(", ")
        );
        return Err(interface(onnx, cause));
    };
    let float = matches!(
        input.element,
        None | Some(ElementType::F32 | ElementType::F16 | ElementType::BF16 | ElementType::F64)
    );
    if !float {
        let cause = format!("its input `{}` is not of floats", input.name);
        return Err(interface(onnx, cause));
    }
    let fixed = |dimension: &Dimension| match dimension {
        Dimension::Fixed(length) => Some(*length),
        Dimension::Symbol(_) => None,
    };
    let [_, channels, height, width] = match input.shape.as_deref() {
        None => [None; 4],
        Some([n, c, h, w]) => [fixed(n), fixed(c), fixed(h), fixed(w)],
        Some(axes) => {
            let cause = format!(
                "its input `{}` has {} axes, not image, channel, row and column",
                input.name,
                axes.len()
            );
            return Err(interface(onnx, cause));
        }
    };
    let Some(asked) = asked else {
        if let (Some(height), Some(width), Some(channels)) = (height, width, channels) {
            return Ok(FeatureMap::new(height, width, channels));
        }
        let cause = format!(
            "its input `{}` has no fixed size, and none is given",
            input.name
        );
        return Err(interface(onnx, cause));
    };
    match channels {
        Some(channels) if channels != asked.channels => {
            let cause = format!("its images have {channels} channels, {asked} is asked for");
            Err(interface(onnx, cause))
        }
        Some(_) | None => Ok(asked),
    }
}

/// For each node, whether the output depends on it.
pub(crate) fn needed(onnx: &OnnxGraph, output: &str) -> Vec<bool> {
    let mut wanted = BTreeSet::from([output]);
    let mut needed = vec![false; onnx.nodes.len()];
    for (node, needed) in onnx.nodes.iter().zip(&mut needed).rev() {
        *needed = node
            .outputs
            .iter()
            .flatten()
            .any(|name| wanted.contains(name.as_str()));
        if *needed {
            wanted.extend(node.inputs.iter().flatten().map(String::as_str));
        }
    }
    needed
}

/// Builds the graph node by node and gathers what is refused.
struct Importer<'g> {
    onnx: &'g OnnxGraph,
    builder: GraphBuilder,
    params: Vec<NodeParams>,
    values: BTreeMap<&'g str, Value>,
    readers: BTreeMap<&'g str, usize>,
    names: Names,
    refused: Vec<Refused>,
}

impl<'g> Importer<'g> {
    fn new(onnx: &'g OnnxGraph, builder: GraphBuilder) -> Self {
        let mut readers = BTreeMap::new();
        let read = onnx
            .nodes
            .iter()
            .flat_map(|node| node.inputs.iter().flatten());
        for name in read.chain(onnx.outputs.iter().map(|output| &output.name)) {
            *readers.entry(name.as_str()).or_default() += 1;
        }
        let input = onnx.inputs[0].name.as_str();
        Self {
            onnx,
            builder,
            params: vec![NodeParams::None],
            values: BTreeMap::from([(input, Value::Map(GraphBuilder::INPUT))]),
            readers,
            names: Names::new(),
            refused: Vec::new(),
        }
    }

    fn visit(&mut self, node: &'g OnnxNode) {
        let value = match self.operator(node) {
            Ok(value) => value,
            Err(why) => {
                self.refused.push(Refused {
                    node: node.name.clone(),
                    op: node.op.clone(),
                    why,
                });
                Value::Unknown
            }
        };
        let mut outputs = node.outputs.iter().flatten();
        if let Some(first) = outputs.next() {
            self.values.insert(first, value);
        }
        self.values
            .extend(outputs.map(|other| (other.as_str(), Value::Unknown)));
    }

    /// What the node's first output is; all that is wrong with an operator is a sentence without its name.
    fn operator(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if !node.domain.is_empty() {
            return Err(format!("operators of domain `{}` are not run", node.domain));
        }
        let build: fn(&mut Self, &'g OnnxNode) -> Result<Value, String> = match node.op.as_str() {
            "Conv" => Self::conv,
            "BatchNormalization" => Self::batch_norm,
            "Relu" => Self::relu,
            "Clip" => Self::clip,
            "Sigmoid" => Self::sigmoid,
            "HardSigmoid" => Self::hard_sigmoid,
            "HardSwish" => Self::hard_swish,
            "Add" | "Sum" => Self::sum,
            "Mul" => Self::product,
            "MaxPool" => Self::max_pool,
            "AveragePool" => Self::average_pool,
            "GlobalAveragePool" => Self::global_average_pool,
            "ReduceMean" => Self::reduce_mean,
            "Gemm" => Self::gemm,
            "MatMul" => Self::matrix_product,
            "Flatten" => Self::flatten,
            "Reshape" => Self::reshape,
            "Squeeze" => Self::squeeze,
            "Unsqueeze" => Self::unsqueeze,
            "Shape" => Self::shape,
            "Gather" => Self::gather,
            "Concat" => Self::concat,
            "Cast" | "Identity" | "Dropout" => Self::pass,
            _ => return Err("the operator is not run".to_owned()),
        };
        let constant = |name: &str| self.onnx.tensor(name).is_some();
        let unknown = |name: &String| match self.values.get(name.as_str()) {
            Some(Value::Unknown) => true,
            None => !constant(name),
            Some(Value::Map(_) | Value::Flat(_) | Value::Gate(..) | Value::Extents(_)) => false,
        };
        if node.inputs.iter().flatten().any(unknown) {
            return Ok(Value::Unknown);
        }
        build(self, node)
    }

    /// The map or flattened map that input `place` is.
    fn value(&self, node: &OnnxNode, place: usize) -> Result<Value, String> {
        let name = node
            .input(place)
            .ok_or_else(|| format!("it has no input {place}"))?;
        (self.values.get(name).cloned())
            .ok_or_else(|| format!("its input `{name}` is a constant, not a map"))
    }

    /// The map that input `place` is; a flattened one will not do.
    fn map(&self, node: &OnnxNode, place: usize) -> Result<NodeId, String> {
        match self.value(node, place)? {
            Value::Map(id) => Ok(id),
            Value::Flat(_) => Err("it reads a flattened map".to_owned()),
            Value::Gate(..) | Value::Extents(_) | Value::Unknown => {
                Err("it reads the shape of a map".to_owned())
            }
        }
    }

    /// Adds a node after `inputs` with its parameters.
    fn add(
        &mut self,
        name: String,
        op: Op,
        inputs: &[NodeId],
        params: NodeParams,
    ) -> Result<NodeId, String> {
        let name = self.names.unique(name);
        let made = self.builder.node(name, op, inputs);
        let id = made.map_err(|error| error.to_string())?;
        self.params.push(params);
        Ok(id)
    }

    /// Adds an operator without parameters that works on each value alone.
    fn elementwise(&mut self, node: &OnnxNode, op: Op) -> Result<Value, String> {
        let name = name::of_node(node);
        match self.value(node, 0)? {
            Value::Map(id) => Ok(Value::Map(self.add(name, op, &[id], NodeParams::None)?)),
            Value::Flat(id) => Ok(Value::Flat(self.add(name, op, &[id], NodeParams::None)?)),
            Value::Gate(..) | Value::Extents(_) | Value::Unknown => {
                Err("it reads the shape of a map".to_owned())
            }
        }
    }

    fn relu(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        self.elementwise(node, Op::Relu)
    }

    /// What does nothing to real numbers in inference.
    fn pass(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if let Some(training) = node.input(2).filter(|_| node.op == "Dropout") {
            let tensor = self.onnx.tensor(training);
            let off = tensor.is_some_and(|t| t.values == super::onnx::Values::Bool(vec![false]));
            if !off {
                return Err("it drops values in inference, too".to_owned());
            }
        }
        self.value(node, 0)
    }

    /// A sum of maps, or of a result and a constant that is its bias.
    fn sum(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let constant = |name: &&String| self.onnx.tensor(name).is_some();
        let names: Vec<&String> = node.inputs.iter().flatten().collect();
        if let [left, right] = names.as_slice()
            && names.iter().filter(|name| constant(name)).count() == 1
        {
            let (value, bias) = if constant(left) {
                (right, left)
            } else {
                (left, right)
            };
            return self.bias(value, bias);
        }
        let mut sum: Option<Value> = None;
        for place in 0..names.len() {
            let next = self.value(node, place)?;
            sum = Some(match (sum, next) {
                (None, first) => first,
                (Some(Value::Map(left)), Value::Map(right)) => {
                    let name = name::of_node(node);
                    Value::Map(self.add(name, Op::Add, &[left, right], NodeParams::None)?)
                }
                (Some(Value::Flat(left)), Value::Flat(right)) => {
                    let name = name::of_node(node);
                    Value::Flat(self.add(name, Op::Add, &[left, right], NodeParams::None)?)
                }
                (Some(_), _) => return Err("it adds maps of different axes".to_owned()),
            });
        }
        sum.ok_or_else(|| "it adds nothing".to_owned())
    }

    fn finish(self, output: &str) -> Result<Network, ImportError> {
        if !self.refused.is_empty() {
            return Err(ImportError::Unsupported {
                path: self.onnx.path.clone(),
                refused: self.refused,
            });
        }
        let result = match self.values.get(output) {
            Some(Value::Map(id) | Value::Flat(id)) if *id != GraphBuilder::INPUT => Ok(()),
            Some(_) | None => Err(format!("its output `{output}` is not made of its input")),
        };
        let graph = result.and_then(|()| self.builder.finish().map_err(|e| e.to_string()));
        let graph: Graph = graph.map_err(|cause| interface(self.onnx, cause))?;
        let params = Params { nodes: self.params };
        Ok(Network { graph, params })
    }
}
