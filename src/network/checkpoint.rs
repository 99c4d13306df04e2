//! Float parameters from a safetensors file with the public names of RepVGG and ResNet checkpoints.
//!
//! A tensor is named by its node: `stage1.0.rbr_dense.conv.weight`, `layer1.0.bn1.running_var`, `fc.bias`. Files
//! hold convolutions as output, input, row, column (OIHW) and fully connected layers with their inputs flattened
//! channel first; both are permuted to this crate's order (OHWI; row, column, channel) here and nowhere else.

use super::{Graph, NetworkError, Node, NodeParams, Op, Params};
use ndarray::{Array1, Array2, Array4};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::collections::BTreeMap;
use std::path::Path;

/// One tensor that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TensorFault {
    /// The graph needs it and it is not there.
    #[error("`{name}` of shape {shape:?} is missing")]
    Missing {
        /// Its name.
        name: String,
        /// Shape it should have.
        shape: Vec<usize>,
    },
    /// It is there and the graph has no use for it.
    #[error("`{name}` of shape {shape:?} is not in the network")]
    Extra {
        /// Its name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// It has another shape.
    #[error("`{name}` has shape {got:?}, the network needs {want:?}")]
    Shape {
        /// Its name.
        name: String,
        /// Its shape.
        got: Vec<usize>,
        /// Shape it should have.
        want: Vec<usize>,
    },
    /// It does not hold 32-bit floats.
    #[error("`{name}` holds {dtype}, only F32 is read")]
    Type {
        /// Its name.
        name: String,
        /// What it holds.
        dtype: String,
    },
    /// It holds a value that no trained network has.
    #[error("`{name}` holds {value} at place {place}, {rule}")]
    Value {
        /// Its name.
        name: String,
        /// The first such value.
        value: String,
        /// Its place in the flattened tensor.
        place: usize,
        /// What it must be.
        rule: &'static str,
    },
}

/// Reads the parameters of `graph` from a safetensors file of 32-bit floats.
///
/// A leading `module.` in front of names is dropped and `num_batches_tracked` is skipped. A convolution's bias
/// must be there exactly when [`Graph::biased`] says so.
///
/// # Errors
/// When the file cannot be read or is damaged, or any tensor is missing, left over, misshapen, of another type
/// or not finite, or a variance is negative. All such tensors are listed.
pub fn read_safetensors(graph: &Graph, path: &Path) -> Result<Params, NetworkError> {
    let unreadable = |cause: String| NetworkError::Unreadable {
        path: path.display().to_string(),
        cause,
    };
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| {
        unreadable(format!(
            "its {} bytes are not a whole safetensors file ({error})",
            bytes.len()
        ))
    })?;
    let mut reader = Reader::new(file.iter());
    let biased = graph.biased();
    let nodes = (graph.nodes.iter().zip(biased))
        .map(|(node, biased)| reader.node(graph, node, biased))
        .collect();
    let faults = reader.finish();
    if faults.is_empty() {
        return Ok(Params { nodes });
    }
    Err(NetworkError::Tensors {
        origin: format!("`{}`", path.display()),
        network: graph.name.clone(),
        faults,
    })
}

/// Takes tensors out of a file by name and gathers what is wrong.
struct Reader<'data> {
    left: BTreeMap<String, TensorView<'data>>,
    faults: Vec<TensorFault>,
}

impl<'data> Reader<'data> {
    fn new<'n>(tensors: impl Iterator<Item = (&'n str, TensorView<'data>)>) -> Self {
        let mut left = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, view) in tensors.filter(|(name, _)| !name.ends_with("num_batches_tracked")) {
            let plain = name.strip_prefix("module.").unwrap_or(name);
            if let Some(twin) = left.insert(plain.to_owned(), view) {
                faults.push(TensorFault::Extra {
                    name: format!("module.{plain}"),
                    shape: twin.shape().to_vec(),
                });
            }
        }
        Self { left, faults }
    }

    /// Parameters of one node; anything wrong with them is noted, and zeros stand in until the end.
    fn node(&mut self, graph: &Graph, node: &Node, biased: bool) -> NodeParams {
        match &node.op {
            Op::Conv(conv) => {
                let inputs = graph.source(node).channels / conv.groups;
                let shape = [conv.out_channels, inputs, conv.kernel, conv.kernel];
                let oihw = self.array(node, "weight", &shape);
                let oihw = Array4::from_shape_vec(shape, oihw).expect("the shape was checked");
                let ohwi = oihw.permuted_axes([0, 2, 3, 1]);
                NodeParams::Conv {
                    weight: ohwi.as_standard_layout().into_owned(),
                    bias: biased.then(|| self.vector(node, "bias", conv.out_channels)),
                }
            }
            Op::BatchNorm { .. } => {
                let channels = node.shape.channels;
                NodeParams::BatchNorm {
                    gamma: self.vector(node, "weight", channels),
                    beta: self.vector(node, "bias", channels),
                    mean: self.vector(node, "running_mean", channels),
                    var: self.variance(node, channels),
                }
            }
            Op::FullyConnected { outputs } => {
                let map = graph.source(node);
                let inputs = map.pixels() * map.channels;
                let flat = self.array(node, "weight", &[*outputs, inputs]);
                let chw = (*outputs, map.channels, map.height, map.width);
                let chw = Array4::from_shape_vec(chw, flat).expect("the shape was checked");
                let hwc: Vec<f32> = chw.permuted_axes([0, 2, 3, 1]).iter().copied().collect();
                NodeParams::FullyConnected {
                    weight: Array2::from_shape_vec((*outputs, inputs), hwc)
                        .expect("a permutation keeps the number of elements"),
                    bias: self.vector(node, "bias", *outputs),
                }
            }
            Op::Input
            | Op::Relu
            | Op::Add
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool => NodeParams::None,
        }
    }

    fn vector(&mut self, node: &Node, part: &str, length: usize) -> Array1<f32> {
        Array1::from_vec(self.array(node, part, &[length]))
    }

    fn variance(&mut self, node: &Node, channels: usize) -> Array1<f32> {
        let var = self.vector(node, "running_var", channels);
        if let Some(place) = var.iter().position(|&value| value < 0.0) {
            self.faults.push(TensorFault::Value {
                name: format!("{}.running_var", node.name),
                value: var[place].to_string(),
                place,
                rule: "a variance is not negative",
            });
        }
        var
    }

    /// The values of one tensor in file order; as many zeros when it does not fit.
    fn array(&mut self, node: &Node, part: &str, want: &[usize]) -> Vec<f32> {
        let name = format!("{}.{part}", node.name);
        match self.take(name, want) {
            Ok(values) => values,
            Err(fault) => {
                self.faults.push(fault);
                vec![0.0; want.iter().product()]
            }
        }
    }

    fn take(&mut self, name: String, want: &[usize]) -> Result<Vec<f32>, TensorFault> {
        let Some(view) = self.left.remove(&name) else {
            let shape = want.to_vec();
            return Err(TensorFault::Missing { name, shape });
        };
        if view.dtype() != Dtype::F32 {
            let dtype = format!("{:?}", view.dtype());
            return Err(TensorFault::Type { name, dtype });
        }
        if view.shape() != want {
            return Err(TensorFault::Shape {
                name,
                got: view.shape().to_vec(),
                want: want.to_vec(),
            });
        }
        let (words, _) = view.data().as_chunks::<4>();
        let values: Vec<f32> = words.iter().map(|&word| f32::from_le_bytes(word)).collect();
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(values),
            Some(place) => Err(TensorFault::Value {
                name,
                value: values[place].to_string(),
                place,
                rule: "a parameter is a finite number",
            }),
        }
    }

    fn finish(mut self) -> Vec<TensorFault> {
        let extra = (self.left.into_iter()).map(|(name, view)| TensorFault::Extra {
            name,
            shape: view.shape().to_vec(),
        });
        self.faults.extend(extra);
        self.faults
    }
}
