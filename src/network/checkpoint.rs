//! Parameters from a safetensors file with the names of the official checkpoints.
//!
//! Convolution weights are stored OIHW and become OHWI. `num_batches_tracked` is skipped, a leading `module.` is
//! dropped. A fully connected layer's inputs are stored channel first; they become row, column, channel.

use super::{Graph, NetworkError, Node, NodeParams, Op, Params};
use ndarray::{Array1, Array2, Array4};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;
use std::path::Path;

/// Reads the parameters of `graph` from the safetensors file at `path`.
///
/// # Errors
/// The file cannot be read or is damaged, or its tensors are not those of the graph: all of them are named at once.
pub fn read(graph: &Graph, path: &Path) -> Result<Params, NetworkError> {
    let shown = path.display().to_string();
    let damaged = |cause: String| NetworkError::Checkpoint {
        path: shown.clone(),
        cause,
    };
    let bytes = std::fs::read(path).map_err(|e| damaged(e.to_string()))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
    let mut tensors = Tensors::new(&file);
    let nodes = graph
        .nodes
        .iter()
        .map(|node| tensors.node(graph, node))
        .collect();
    let problems = tensors.problems();
    if problems.is_empty() {
        Ok(Params { nodes })
    } else {
        Err(NetworkError::Tensors {
            path: shown,
            network: graph.name.clone(),
            problems,
        })
    }
}

/// The tensors of a file that nobody has asked for yet, and what was wrong so far.
struct Tensors<'a> {
    left: BTreeMap<String, safetensors::tensor::TensorView<'a>>,
    problems: Vec<String>,
}

impl<'a> Tensors<'a> {
    fn new(file: &SafeTensors<'a>) -> Self {
        let left = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                (
                    name.strip_prefix("module.").unwrap_or(&name).to_owned(),
                    view,
                )
            })
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .collect();
        Self {
            left,
            problems: Vec::new(),
        }
    }

    /// Values of tensor `name`, which must have `shape`; zeros after a problem, which is kept.
    fn take(&mut self, name: &str, shape: &[usize]) -> Vec<f32> {
        let wanted = shape.iter().product();
        let Some(view) = self.left.remove(name) else {
            self.problems
                .push(format!("`{name}` is missing, {shape:?}"));
            return vec![0.0; wanted];
        };
        if view.dtype() != Dtype::F32 || view.shape() != shape {
            self.problems.push(format!(
                "`{name}` is {:?} {:?}, not F32 {shape:?}",
                view.dtype(),
                view.shape()
            ));
            return vec![0.0; wanted];
        }
        let (values, _) = view.data().as_chunks::<4>();
        values
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect()
    }

    fn vector(&mut self, name: &str, len: usize) -> Array1<f32> {
        let values = self.take(name, &[len]);
        if values.iter().any(|v| !v.is_finite()) {
            self.problems
                .push(format!("`{name}` holds a value that is not finite"));
        }
        Array1::from(values)
    }

    fn node(&mut self, graph: &Graph, node: &Node) -> NodeParams {
        let input = node
            .inputs
            .first()
            .map_or(node.shape, |id| graph.nodes[id.0].shape);
        let name = &node.name;
        match &node.op {
            Op::Conv(conv) => {
                let shape = [
                    conv.out_channels,
                    input.channels / conv.groups,
                    conv.kernel,
                    conv.kernel,
                ];
                let values = self.take(&format!("{name}.weight"), &shape);
                let oihw =
                    Array4::from_shape_vec(shape, values).expect("as many values as the shape");
                let weight = oihw
                    .permuted_axes([0, 2, 3, 1])
                    .as_standard_layout()
                    .into_owned();
                let bias = graph
                    .has_bias(node)
                    .then(|| self.vector(&format!("{name}.bias"), conv.out_channels));
                NodeParams::Conv { weight, bias }
            }
            Op::BatchNorm { .. } => {
                let mut part =
                    |what: &str| self.vector(&format!("{name}.{what}"), node.shape.channels);
                NodeParams::BatchNorm {
                    gamma: part("weight"),
                    beta: part("bias"),
                    mean: part("running_mean"),
                    var: part("running_var"),
                }
            }
            Op::FullyConnected { outputs } => {
                let (h, w, c) = (input.height, input.width, input.channels);
                let values = self.take(&format!("{name}.weight"), &[*outputs, h * w * c]);
                let ochw = Array4::from_shape_vec([*outputs, c, h, w], values)
                    .expect("as many values as the shape");
                let ohwc = ochw
                    .permuted_axes([0, 2, 3, 1])
                    .as_standard_layout()
                    .into_owned();
                let weight =
                    Array2::from_shape_vec([*outputs, h * w * c], ohwc.into_raw_vec_and_offset().0)
                        .expect("as many values as the shape");
                NodeParams::FullyConnected {
                    weight,
                    bias: self.vector(&format!("{name}.bias"), *outputs),
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

    fn problems(mut self) -> Vec<String> {
        for name in self.left.keys() {
            self.problems
                .push(format!("`{name}` is not a parameter of this network"));
        }
        self.problems
    }
}
