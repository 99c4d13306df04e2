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

mod axes;
mod constant;
mod emit;
mod integer;
mod node;
mod reader;
mod real;
mod scale;
#[cfg(test)]
mod tests;
mod value;

use super::QuantNetwork;
use crate::network::import::ImportError;
use crate::network::import::onnx::OnnxGraph;
use crate::tensor::FeatureMap;
use std::path::Path;

/// Reads the integers of a quantised ONNX file, for images of shape `input` or, where there is none, of the file's.
///
/// # Errors
/// A file that is no whole ONNX model, and all of its operators that have no integers.
pub fn read(path: &Path, input: Option<FeatureMap>) -> Result<QuantNetwork, ImportError> {
    reader::import(&OnnxGraph::read(path)?, input)
}
