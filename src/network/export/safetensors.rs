//! A checkpoint: one tensor for each parameter, named after its node.

use super::{channels_first, oihw};
use crate::network::{Network, NodeParams};
use safetensors::tensor::{Dtype, TensorView};

/// The parameters of a network as a safetensors file.
#[must_use]
pub fn safetensors(network: &Network) -> Vec<u8> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    let nodes = network.graph.nodes.iter().zip(&network.params.nodes);
    for (node, params) in nodes {
        let mut put = |part: &str, shape: &[usize], values: &[f32]| {
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            tensors.push((format!("{}.{part}", node.name), shape.to_vec(), bytes));
        };
        match params {
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
    }
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
        (
            name.as_str(),
            view.expect("as many values as the shape says"),
        )
    });
    ::safetensors::serialize(views, None).expect("names and sizes are those of a network")
}
