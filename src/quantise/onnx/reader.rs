//! Reads a graph's nodes in order and keeps what is known of their values.

use super::value::{Axes, Map, Seen, Value};
use crate::fixed::Rule;
use crate::network::Form;
use crate::network::import::onnx::{OnnxGraph, OnnxNode};
use crate::network::import::{ImportError, Refused, image, interface, needed};
use crate::quantise::{Numerics, QuantLayer, QuantNetwork, ResidualForm, TensorQuant};
use crate::reparam::{Layer, LayerGraph, TensorId};
use crate::tensor::FeatureMap;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The integers of a quantised graph, for images of shape `input` or, where there is none, of the file's.
///
/// # Errors
/// Inputs and outputs that are not one image and one result, and all nodes that cannot be expressed, with why.
pub(crate) fn import(
    graph: &OnnxGraph,
    input: Option<FeatureMap>,
) -> Result<QuantNetwork, ImportError> {
    let image = image(graph, input)?;
    let [output] = graph.outputs.as_slice() else {
        let outputs = graph.outputs.len();
        return Err(interface(
            graph,
            format!("it has {outputs} outputs, not one"),
        ));
    };
    let mut reader = Reader::new(graph, image);
    let needed = needed(graph, &output.name);
    for (node, _) in graph.nodes.iter().zip(needed).filter(|(_, needed)| *needed) {
        reader.visit(node);
    }
    reader.finish(&output.name)
}

/// What is known while a graph is read.
pub(super) struct Reader<'g> {
    pub(super) graph: &'g OnnxGraph,
    pub(super) layers: Vec<Layer>,
    pub(super) integers: Vec<QuantLayer>,
    pub(super) weight_bits: Vec<u8>,
    /// By tensor; empty until the image is quantised.
    pub(super) tensors: Vec<TensorQuant>,
    image: FeatureMap,
    values: BTreeMap<&'g str, Value>,
    refused: Vec<Refused>,
}

impl<'g> Reader<'g> {
    fn new(graph: &'g OnnxGraph, image: FeatureMap) -> Self {
        let input = graph.inputs.iter();
        Self {
            graph,
            image,
            values: input
                .map(|input| (input.name.as_str(), Value::Image))
                .collect(),
            layers: Vec::new(),
            integers: Vec::new(),
            weight_bits: Vec::new(),
            tensors: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn visit(&mut self, node: &'g OnnxNode) {
        let blameless = (node.inputs.iter().flatten())
            .any(|name| matches!(self.values.get(name.as_str()), Some(Value::Refused)));
        let value = if blameless {
            Value::Refused
        } else {
            self.operator(node).unwrap_or_else(|why| {
                self.refused.push(Refused {
                    node: node.name.clone(),
                    op: node.op.clone(),
                    why,
                });
                Value::Refused
            })
        };
        let mut outputs = node.outputs.iter().flatten();
        if let Some(first) = outputs.next() {
            self.values.insert(first, value);
        }
        let others = outputs.map(|other| (other.as_str(), Value::Refused));
        self.values.extend(others);
    }

    /// The value that input `place` is.
    pub(super) fn value(&self, node: &OnnxNode, place: usize) -> Result<&Value, String> {
        let name = (node.input(place)).ok_or_else(|| format!("it has no input {place}"))?;
        let value = self.values.get(name);
        value.ok_or_else(|| format!("it reads the constant `{name}` as a map"))
    }

    /// The map that input `place` is, as `seen` by the operators of its kind.
    pub(super) fn map(&self, node: &OnnxNode, place: usize, seen: Seen) -> Result<Map, String> {
        let what = match self.value(node, place)? {
            Value::Map(map) if map.seen == seen => return Ok(*map),
            Value::Map(_) => match seen {
                Seen::Integers => "real numbers, where integers belong",
                Seen::Reals => "integers, where real numbers belong",
            },
            Value::Image => "the image, which no QuantizeLinear has rounded",
            Value::Constant(_) => "a constant, where a map belongs",
            Value::Open(_) => "real numbers that no QuantizeLinear has rounded",
            Value::Refused => unreachable!("a reader of a refused value is not looked at"),
        };
        let name = node.input(place).unwrap_or_default();
        Err(format!("its input `{name}` is {what}"))
    }

    /// The map that input `place` is, written with `axes`.
    pub(super) fn written(
        &self,
        node: &OnnxNode,
        place: usize,
        seen: Seen,
        axes: Axes,
    ) -> Result<Map, String> {
        let map = self.map(node, place, seen)?;
        if map.axes == axes {
            return Ok(map);
        }
        let otherwise = match axes {
            Axes::Rows => "flattened, where rows and columns belong",
            Axes::Flat => "not flattened",
        };
        let name = node.input(place).unwrap_or_default();
        Err(format!("its input `{name}` is {otherwise}"))
    }

    /// Shape of a tensor for one image.
    pub(super) fn shape(&self, tensor: TensorId) -> FeatureMap {
        match tensor.producer() {
            None => self.image,
            Some(layer) => self.layers[layer.0].output,
        }
    }

    fn finish(self, output: &str) -> Result<QuantNetwork, ImportError> {
        if !self.refused.is_empty() {
            return Err(ImportError::Unsupported {
                path: self.graph.path.clone(),
                refused: self.refused,
            });
        }
        self.whole(output)
            .map_err(|cause| interface(self.graph, cause))?;
        let stem = Path::new(&self.graph.path).file_stem();
        Ok(QuantNetwork {
            numerics: Numerics {
                activations: self.tensors.iter().map(|tensor| tensor.range).collect(),
                weight_bits: self.weight_bits,
            },
            graph: LayerGraph {
                name: stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()),
                form: Form::Folded,
                input: self.image,
                layers: self.layers,
            },
            tensors: self.tensors,
            residual: ResidualForm::Separate,
            rule: Rule::Float32HalfEven,
            layers: self.integers,
        })
    }

    /// Whether the last layer makes the output and each other layer has a reader.
    fn whole(&self, output: &str) -> Result<(), String> {
        let last = TensorId(self.layers.len());
        match self.values.get(output) {
            Some(Value::Map(map)) if map.tensor == last && last != TensorId::INPUT => {}
            Some(Value::Open(_)) => {
                return Err(format!("no QuantizeLinear rounds its output `{output}`"));
            }
            _ => {
                return Err(format!(
                    "its output `{output}` is not what its last operator makes"
                ));
            }
        }
        let inputs = self.layers.iter().flat_map(|layer| &layer.inputs);
        let read: BTreeSet<TensorId> = inputs.copied().collect();
        let unread = (0..last.0).find(|place| !read.contains(&TensorId(*place)));
        match unread {
            None => Ok(()),
            Some(0) => Err("nothing reads its image".to_owned()),
            Some(place) => Err(format!("nothing reads `{}`", self.layers[place - 1].name)),
        }
    }
}
