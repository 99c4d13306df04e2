//! A file's graph: nodes in order, constants resolved, and the rules of the format checked.

use super::super::ImportError;
use super::attribute::{AttributeValue, Attributes};
use super::external::Folder;
use super::message;
use super::tensor::{ElementType, OnnxTensor, Values};
use prost::Message;
use prost::bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What an ONNX file says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnnxGraph {
    /// The file, for messages.
    pub(crate) path: String,
    /// Name of the graph; may be empty.
    pub(crate) name: String,
    /// Version of ONNX's own operators.
    pub(crate) opset: i64,
    /// Inputs that are no constants, in order.
    pub(crate) inputs: Vec<OnnxValue>,
    /// Outputs, in order.
    pub(crate) outputs: Vec<OnnxValue>,
    /// Operators in topological order, without Constant nodes and Identity nodes over constants.
    pub(crate) nodes: Vec<OnnxNode>,
    tensors: BTreeMap<String, OnnxTensor>,
    /// Other names of constants.
    aliases: BTreeMap<String, String>,
}

/// Name and type of an input or output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnnxValue {
    pub(crate) name: String,
    /// Absent where the file does not say, or says a type that is not read.
    pub(crate) element: Option<ElementType>,
    /// Absent where the file does not say.
    pub(crate) shape: Option<Vec<Dimension>>,
}

/// Length of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Dimension {
    Fixed(usize),
    /// Any length, by a name such as `batch`; the name may be empty.
    Symbol(String),
}

/// One operator.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnnxNode {
    /// As in the file; where the file gives none, the name of its first output. Not always unique.
    pub(crate) name: String,
    /// `Conv`, `QLinearConv`.
    pub(crate) op: String,
    /// Empty for ONNX's own operators.
    pub(crate) domain: String,
    /// Values it reads; none where an optional input is left out.
    pub(crate) inputs: Vec<Option<String>>,
    /// Values it makes; none where an optional output is left out.
    pub(crate) outputs: Vec<Option<String>>,
    pub(crate) attributes: Attributes,
}

impl OnnxNode {
    /// Name of input number `place`, where it is there.
    pub(crate) fn input(&self, place: usize) -> Option<&str> {
        self.inputs.get(place)?.as_deref()
    }
}

impl OnnxGraph {
    /// The oldest version of ONNX's operators that is read.
    pub(crate) const LEAST_OPSET: i64 = 11;
    /// The newest.
    pub(crate) const MOST_OPSET: i64 = 21;

    /// Reads a file; values it keeps elsewhere are looked for in its folder.
    ///
    /// # Errors
    /// A file that is no ONNX model, operators of a version that is not read, a constant whose values cannot be
    /// had, or a graph that breaks a rule of the format.
    pub(crate) fn read(path: &Path) -> Result<Self, ImportError> {
        let bytes = std::fs::read(path).map_err(|error| ImportError::Unreadable {
            path: path.display().to_string(),
            cause: error.to_string(),
        })?;
        Self::parse(bytes.into(), path)
    }

    /// The graph in a file's bytes; `path` is where it lies.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn parse(bytes: Bytes, path: &Path) -> Result<Self, ImportError> {
        let shown = path.display().to_string();
        let unreadable = |cause: String| ImportError::Unreadable {
            path: shown.clone(),
            cause,
        };
        let length = bytes.len();
        let model = message::Model::decode(bytes).map_err(|error| {
            unreadable(format!("its {length} bytes end or change course ({error})"))
        })?;
        let graph = model
            .graph
            .ok_or_else(|| unreadable("it holds no graph".to_owned()))?;
        let opset = opset(&shown, &model.opset_import)?;
        let mut reader = Reader::new(shown, Folder::of(path));
        reader.constants(graph.initializer, graph.sparse_initializer.len())?;
        let inputs = reader.inputs(graph.input)?;
        let nodes = reader.nodes(graph.node)?;
        let outputs: Vec<_> = graph.output.into_iter().map(value).collect();
        for output in &outputs {
            reader.known(&output.name, "the graph's output")?;
        }
        Ok(Self {
            path: reader.path,
            name: graph.name,
            opset,
            inputs,
            outputs,
            nodes,
            tensors: reader.tensors,
            aliases: reader.aliases,
        })
    }

    /// The constant `name`.
    pub(crate) fn tensor(&self, name: &str) -> Option<&OnnxTensor> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        self.tensors.get(name)
    }
}

fn opset(path: &str, imports: &[message::OperatorSetId]) -> Result<i64, ImportError> {
    let own = |id: &&message::OperatorSetId| id.domain.is_empty() || id.domain == "ai.onnx";
    let found = imports.iter().find(own).map_or(0, |id| id.version);
    let (least, most) = (OnnxGraph::LEAST_OPSET, OnnxGraph::MOST_OPSET);
    if (least..=most).contains(&found) {
        return Ok(found);
    }
    Err(ImportError::Opset {
        path: path.to_owned(),
        found,
        least,
        most,
    })
}

/// Takes a graph's parts in and knows which values there are so far.
struct Reader {
    path: String,
    folder: Folder,
    tensors: BTreeMap<String, OnnxTensor>,
    aliases: BTreeMap<String, String>,
    values: BTreeSet<String>,
}

impl Reader {
    fn new(path: String, folder: Folder) -> Self {
        Self {
            path,
            folder,
            tensors: BTreeMap::new(),
            aliases: BTreeMap::new(),
            values: BTreeSet::new(),
        }
    }

    fn broken(&self, cause: String) -> ImportError {
        ImportError::Graph {
            path: self.path.clone(),
            cause,
        }
    }

    fn bad_tensor(&self, tensor: &str, cause: String) -> ImportError {
        ImportError::Tensor {
            path: self.path.clone(),
            tensor: tensor.to_owned(),
            cause,
        }
    }

    fn known(&self, name: &str, reader: &str) -> Result<(), ImportError> {
        if self.values.contains(name) {
            return Ok(());
        }
        Err(self.broken(format!("nothing before {reader} makes the value `{name}`")))
    }

    fn define(&mut self, name: &str) -> Result<(), ImportError> {
        if self.values.insert(name.to_owned()) {
            return Ok(());
        }
        Err(self.broken(format!("the value `{name}` is made twice")))
    }

    fn constants(&mut self, list: Vec<message::Tensor>, sparse: usize) -> Result<(), ImportError> {
        if sparse > 0 {
            return Err(self.broken(format!("{sparse} of its constants are sparse")));
        }
        for tensor in list {
            self.constant(tensor.name.clone(), tensor)?;
        }
        Ok(())
    }

    fn constant(&mut self, name: String, tensor: message::Tensor) -> Result<(), ImportError> {
        self.define(&name)?;
        let tensor = OnnxTensor::new(tensor, &self.folder);
        let tensor = tensor.map_err(|cause| self.bad_tensor(&name, cause))?;
        self.tensors.insert(name, tensor);
        Ok(())
    }

    /// The inputs that are no constants; older files list those among the inputs, too.
    fn inputs(&mut self, list: Vec<message::ValueInfo>) -> Result<Vec<OnnxValue>, ImportError> {
        let mut inputs = Vec::new();
        for info in list {
            if !self.tensors.contains_key(&info.name) {
                self.define(&info.name)?;
                inputs.push(value(info));
            }
        }
        Ok(inputs)
    }

    fn nodes(&mut self, list: Vec<message::Node>) -> Result<Vec<OnnxNode>, ImportError> {
        let mut nodes = Vec::new();
        for raw in list {
            let node = self.node(raw)?;
            for input in node.inputs.iter().flatten() {
                self.known(input, &format!("node `{}`", node.name))?;
            }
            for output in node.outputs.iter().flatten() {
                self.define(output)?;
            }
            if !self.fold(&node)? {
                nodes.push(node);
            }
        }
        Ok(nodes)
    }

    fn node(&self, raw: message::Node) -> Result<OnnxNode, ImportError> {
        let named = |name: String| Some(name).filter(|name| !name.is_empty());
        let outputs: Vec<_> = raw.output.into_iter().map(named).collect();
        let first = outputs.iter().flatten().next().cloned();
        let name = named(raw.name).or(first).unwrap_or_default();
        let attributes = Attributes::new(raw.attribute, &self.folder)
            .map_err(|cause| self.broken(format!("node `{name}`: {cause}")))?;
        Ok(OnnxNode {
            name,
            op: raw.op_type,
            domain: Some(raw.domain)
                .filter(|d| d != "ai.onnx")
                .unwrap_or_default(),
            inputs: raw.input.into_iter().map(named).collect(),
            outputs,
            attributes,
        })
    }

    /// Whether the node is a constant, whose value is noted.
    fn fold(&mut self, node: &OnnxNode) -> Result<bool, ImportError> {
        let [Some(output)] = node.outputs.as_slice() else {
            return Ok(false);
        };
        match (&*node.domain, &*node.op, node.inputs.as_slice()) {
            ("", "Constant", []) => {
                let value = stated(&node.attributes);
                let value = value.map_err(|cause| self.bad_tensor(output, cause))?;
                self.tensors.insert(output.clone(), value);
                Ok(true)
            }
            ("", "Identity", [Some(input)]) => {
                let origin = self.aliases.get(input).unwrap_or(input).clone();
                let constant = self.tensors.contains_key(&origin);
                if constant {
                    self.aliases.insert(output.clone(), origin);
                }
                Ok(constant)
            }
            _ => Ok(false),
        }
    }
}

/// The value of a Constant node.
fn stated(attributes: &Attributes) -> Result<OnnxTensor, String> {
    let names: Vec<&str> = attributes.names().collect();
    let [name] = names.as_slice() else {
        return Err(format!("its node has {} values", names.len()));
    };
    let list = |count: usize, values: Values| OnnxTensor {
        shape: vec![count],
        values,
    };
    let one = |values: Values| OnnxTensor {
        shape: Vec::new(),
        values,
    };
    match (*name, attributes.get(name)) {
        ("value", Some(AttributeValue::Tensor(tensor))) => Ok(tensor.clone()),
        ("value_float", Some(AttributeValue::Float(value))) => Ok(one(Values::F32(vec![*value]))),
        ("value_int", Some(AttributeValue::Int(value))) => Ok(one(Values::I64(vec![*value]))),
        ("value_floats", Some(AttributeValue::Floats(values))) => {
            Ok(list(values.len(), Values::F32(values.clone())))
        }
        ("value_ints", Some(AttributeValue::Ints(values))) => {
            Ok(list(values.len(), Values::I64(values.clone())))
        }
        (name, _) => Err(format!("its node states it as `{name}`, which is not read")),
    }
}

fn value(info: message::ValueInfo) -> OnnxValue {
    let tensor = info.r#type.and_then(|kind| kind.tensor_type);
    let element = tensor.as_ref().and_then(|t| ElementType::of(t.elem_type));
    let axes = tensor
        .and_then(|tensor| tensor.shape)
        .map(|shape| shape.dim);
    let axis = |dim: message::Dimension| {
        let fixed = dim.dim_value.and_then(|value| usize::try_from(value).ok());
        let symbol = dim.dim_param.unwrap_or_default();
        fixed.map_or(Dimension::Symbol(symbol), Dimension::Fixed)
    };
    OnnxValue {
        name: info.name,
        element,
        shape: axes.map(|axes| axes.into_iter().map(axis).collect()),
    }
}
