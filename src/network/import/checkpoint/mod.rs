//! Float parameters from safetensors files and PyTorch state dicts with the public names of RepVGG, ResNet and VGG.
//!
//! A tensor is named by its node: `stage1.0.rbr_dense.conv.weight`, `layer1.0.bn1.running_var`, `fc.bias`. Files
//! hold convolutions as output, input, row, column (OIHW) and fully connected layers with their inputs flattened
//! channel first; both are permuted to this crate's order (OHWI; row, column, channel) here and nowhere else.

mod keys;
mod pickle;
mod pth;
mod stored;

pub use stored::Checkpoint;

use super::order;
use crate::network::{Form, Graph, NetworkError, Node, NodeParams, Op, Params};
use ndarray::Array1;
use std::path::Path;
use stored::{Stored, Tensors};

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

/// Reads the parameters of `graph` from a safetensors file or a state dict that `torch.save` wrote.
///
/// # Errors
/// As [`Checkpoint::params`], and when the file cannot be read.
pub fn read(graph: &Graph, path: &Path) -> Result<Params, NetworkError> {
    Checkpoint::read(path)?.params(graph)
}

impl Checkpoint {
    /// The parameters of `graph`, 32-bit floats.
    ///
    /// A leading `module.` in front of names is dropped, timm's names are taken for the official ones, and
    /// `num_batches_tracked` is skipped. A convolution's bias must be there exactly when [`Graph::biased`] says so.
    ///
    /// # Errors
    /// When the file is damaged, or any tensor is missing, left over, misshapen, of another type or not finite, or a
    /// variance is negative. All such tensors are listed.
    pub fn params(&self, graph: &Graph) -> Result<Params, NetworkError> {
        let mut reader = Reader::new(self.tensors()?);
        let biased = graph.biased();
        let nodes = (graph.nodes.iter().zip(biased))
            .map(|(node, biased)| reader.node(graph, node, biased))
            .collect();
        let faults = reader.finish();
        if faults.is_empty() {
            return Ok(Params { nodes });
        }
        Err(NetworkError::Tensors {
            origin: format!("`{}`", self.path.display()),
            network: graph.name.clone(),
            faults,
        })
    }

    /// Which form of a RepVGG it holds: a `rbr_reparam` convolution marks the deploy form.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn form(&self) -> Result<Form, NetworkError> {
        let deploy = (self.tensors()?.named.keys()).any(|name| name.contains(".rbr_reparam."));
        Ok(if deploy { Form::Deploy } else { Form::Train })
    }

    /// Whether names and shapes are those of `graph`, all of them.
    ///
    /// # Errors
    /// When the file is damaged.
    pub fn fits(&self, graph: &Graph) -> Result<bool, NetworkError> {
        let tensors = self.tensors()?.named;
        let mut wanted = 0;
        for (node, biased) in graph.nodes.iter().zip(graph.biased()) {
            for (part, shape) in stored_shapes(graph, node, biased) {
                let name = format!("{}.{part}", node.name);
                if tensors
                    .get(&name)
                    .is_none_or(|stored| stored.shape != shape)
                {
                    return Ok(false);
                }
                wanted += 1;
            }
        }
        Ok(wanted == tensors.len())
    }
}

/// Names and shapes in a file of the parameters of a node.
fn stored_shapes(graph: &Graph, node: &Node, biased: bool) -> Vec<(&'static str, Vec<usize>)> {
    match &node.op {
        Op::Conv(conv) => {
            let inputs = graph.source(node).channels / conv.groups;
            let weight = vec![conv.out_channels, inputs, conv.kernel, conv.kernel];
            let mut parts = vec![("weight", weight)];
            parts.extend(biased.then(|| ("bias", vec![conv.out_channels])));
            parts
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
        | Op::Add
        | Op::MaxPool(_)
        | Op::AvgPool(_)
        | Op::GlobalAvgPool
        | Op::Lookup(_)
        | Op::Multiply
        | Op::Concat
        | Op::AdaptiveAvgPool { .. }
        | Op::Resize(_) => Vec::new(),
    }
}

/// Takes tensors out of a file by name and gathers what is wrong.
struct Reader<'data> {
    left: Tensors<'data>,
    faults: Vec<TensorFault>,
}

impl<'data> Reader<'data> {
    fn new(left: Tensors<'data>) -> Self {
        Self {
            left,
            faults: Vec::new(),
        }
    }

    /// Parameters of one node; anything wrong with them is noted, and zeros stand in until the end.
    fn node(&mut self, graph: &Graph, node: &Node, biased: bool) -> NodeParams {
        match &node.op {
            Op::Conv(conv) => {
                let inputs = graph.source(node).channels / conv.groups;
                let shape = [conv.out_channels, inputs, conv.kernel, conv.kernel];
                let oihw = self.array(node, "weight", &shape);
                NodeParams::Conv {
                    weight: order::ohwi(shape, oihw),
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
                NodeParams::FullyConnected {
                    weight: order::pixels_first(map, *outputs, flat),
                    bias: self.vector(node, "bias", *outputs),
                }
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
            | Op::Resize(_) => NodeParams::None,
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
        let Some(stored) = self.left.named.remove(&name) else {
            let shape = want.to_vec();
            return Err(TensorFault::Missing { name, shape });
        };
        if stored.dtype != "F32" {
            let dtype = stored.dtype;
            return Err(TensorFault::Type { name, dtype });
        }
        if stored.shape != want {
            return Err(TensorFault::Shape {
                name,
                got: stored.shape,
                want: want.to_vec(),
            });
        }
        let (words, _) = stored.bytes.as_chunks::<4>();
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
        let left = self.left.named.into_values().chain(self.left.twins);
        let extra = left.map(|Stored { name, shape, .. }| TensorFault::Extra { name, shape });
        self.faults.extend(extra);
        self.faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Conv, GraphBuilder};
    use crate::tensor::FeatureMap;
    use safetensors::tensor::{Dtype, TensorView};
    use std::collections::BTreeMap;

    type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

    /// conv -> bn -> relu -> fc over a 1x2x2 map.
    fn graph() -> Graph {
        let mut b = GraphBuilder::new("net", FeatureMap::new(1, 2, 1)).unwrap();
        let conv = b
            .conv("a.conv", GraphBuilder::INPUT, Conv::square(2, 3))
            .unwrap();
        let norm = b.batch_norm("a.bn", conv).unwrap();
        let relu = b.relu("relu", norm).unwrap();
        b.fully_connected("fc", relu, 1).unwrap();
        b.finish().unwrap()
    }

    fn put(tensors: &mut Tensors, name: &str, shape: &[usize], first: f32) {
        let n: usize = shape.iter().product();
        let values = (0..n).scan(first, |value, _| {
            *value += 1.0;
            Some(*value - 1.0)
        });
        let bytes = values.flat_map(f32::to_le_bytes).collect();
        tensors.insert(name.to_owned(), (Dtype::F32, shape.to_vec(), bytes));
    }

    fn tensors(prefix: &str) -> Tensors {
        let mut tensors = Tensors::new();
        put(
            &mut tensors,
            &format!("{prefix}a.conv.weight"),
            &[2, 1, 3, 3],
            0.0,
        );
        for (first, part) in (1_u8..).zip(["weight", "bias", "running_mean", "running_var"]) {
            put(
                &mut tensors,
                &format!("{prefix}a.bn.{part}"),
                &[2],
                f32::from(first) * 10.0,
            );
        }
        let batches = (Dtype::I64, Vec::new(), vec![0; 8]);
        tensors.insert(format!("{prefix}a.bn.num_batches_tracked"), batches);
        put(&mut tensors, &format!("{prefix}fc.weight"), &[1, 4], 0.0);
        put(&mut tensors, &format!("{prefix}fc.bias"), &[1], 7.0);
        tensors
    }

    fn bytes(tensors: &Tensors) -> Vec<u8> {
        let views = tensors.iter().map(|(name, (dtype, shape, data))| {
            (name, TensorView::new(*dtype, shape.clone(), data).unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Params, NetworkError> {
        Checkpoint::new(Path::new("net.safetensors"), bytes.to_vec()).params(&graph())
    }

    fn faults(tensors: &Tensors) -> Vec<String> {
        match read(&bytes(tensors)) {
            Err(NetworkError::Tensors { faults, .. }) => {
                faults.iter().map(ToString::to_string).collect()
            }
            other => panic!("faults expected, not {other:?}"),
        }
    }

    #[test]
    fn a_whole_file_is_read_with_and_without_prefix_and_permuted() {
        let params = read(&bytes(&tensors(""))).unwrap();
        assert_eq!(read(&bytes(&tensors("module."))).unwrap(), params);
        params.check(&graph()).unwrap();
        let NodeParams::Conv { weight, bias } = &params.nodes[1] else {
            panic!("node 1 is the convolution");
        };
        assert_eq!(weight.dim(), (2, 3, 3, 1));
        assert!((weight[[1, 0, 2, 0]] - 11.0).abs() < f32::EPSILON);
        assert!(bias.is_none());
        // Channel first 0 1 | 2 3 becomes pixel first.
        let NodeParams::FullyConnected { weight, .. } = &params.nodes[4] else {
            panic!("node 4 is the fully connected layer");
        };
        assert_eq!(weight.as_slice().unwrap(), [0.0, 2.0, 1.0, 3.0]);
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut wrong = tensors("");
        wrong.remove("a.conv.weight");
        put(&mut wrong, "a.conv.bias", &[2], 0.0);
        put(&mut wrong, "a.bn.weight", &[3], 0.0);
        put(&mut wrong, "a.bn.running_var", &[2], -1.0);
        put(&mut wrong, "fc.bias", &[1], f32::NAN);
        wrong.insert("a.bn.bias".to_owned(), (Dtype::F16, vec![2], vec![0; 4]));
        let want = [
            "`a.conv.weight` of shape [2, 1, 3, 3] is missing",
            "`a.bn.weight` has shape [3], the network needs [2]",
            "`a.bn.bias` holds F16, only F32 is read",
            "`a.bn.running_var` holds -1 at place 0, a variance is not negative",
            "`fc.bias` holds NaN at place 0, a parameter is a finite number",
            "`a.conv.bias` of shape [2] is not in the network",
        ];
        assert_eq!(faults(&wrong), want);
    }

    #[test]
    fn two_names_for_one_tensor_are_refused() {
        let mut twice = tensors("");
        put(&mut twice, "module.fc.bias", &[1], 1.0);
        assert_eq!(
            faults(&twice),
            ["`module.fc.bias` of shape [1] is not in the network"]
        );
    }

    #[test]
    fn a_cut_or_garbled_file_is_an_error() {
        let whole = bytes(&tensors(""));
        for length in 0..whole.len() {
            let error = read(&whole[..length]).unwrap_err();
            assert!(
                matches!(error, NetworkError::Unreadable { .. }),
                "{length}: {error}"
            );
        }
        for place in 0..whole.len() {
            let mut garbled = whole.clone();
            garbled[place] ^= 0x5a;
            // A flipped bit in a value may pass; nothing may panic.
            let _ = read(&garbled);
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("whole");
        std::fs::write(&file, &whole).unwrap();
        assert_eq!(super::read(&graph(), &file), read(&whole));
        for path in [folder.path(), &folder.path().join("none")] {
            let error = super::read(&graph(), path).unwrap_err();
            assert!(matches!(error, NetworkError::Unreadable { .. }), "{error}");
        }
    }
}
