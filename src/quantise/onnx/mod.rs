//! The integers of a quantised ONNX network, as the file has them.
//!
//! In: an ONNX graph whose operators stand between `DequantizeLinear` and `QuantizeLinear` (QDQ), or are
//! `QLinearConv` and its relatives (QOperator). Out: a [`QuantNetwork`] with the weights, biases, scales and zero
//! points of the file. Its arithmetic is the one ONNX Runtime runs such a file with: exact sums, then
//! [`crate::fixed::Rule::Float32HalfEven`]. Nothing is calibrated and nothing rounded anew; what cannot be
//! expressed so is refused, all of it at once. A layer has the name of the tensor it makes.
//!
//! A weight with a zero point becomes the difference, which may need nine bits. The images that a network takes
//! are integers of its first `QuantizeLinear`.

mod constant;
mod emit;
mod integer;
mod node;
mod reader;
mod real;
mod scale;
mod value;

use super::QuantNetwork;
use crate::network::Network;
use crate::network::import::onnx::OnnxGraph;
use crate::network::import::{ImportError, float_network};
use crate::tensor::FeatureMap;
use std::path::Path;

/// What an ONNX file holds.
#[derive(Debug, Clone, PartialEq)]
pub enum OnnxNetwork {
    /// Real weights, which are quantised here.
    Float(Network),
    /// Integers, which are taken as they are.
    Integer(QuantNetwork),
}

/// Reads a network from an ONNX file, for images of shape `input` or, where there is none, of the file's. It is one of
/// integers if any of its operators quantises.
///
/// # Errors
/// A file that is no whole ONNX model, and all of its operators that cannot be run.
pub fn read(path: &Path, input: Option<FeatureMap>) -> Result<OnnxNetwork, ImportError> {
    let graph = OnnxGraph::read(path)?;
    if is_quantised(&graph) {
        return reader::import(&graph, input).map(OnnxNetwork::Integer);
    }
    float_network(&graph, input).map(OnnxNetwork::Float)
}

fn is_quantised(graph: &OnnxGraph) -> bool {
    let quantises = |op: &str| op == "QuantizeLinear" || op.starts_with("QLinear") || op == "QGemm";
    graph.nodes.iter().any(|node| quantises(&node.op))
}
