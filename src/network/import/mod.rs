//! Networks from files that training frameworks write.
//!
//! In: an ONNX file, or a checkpoint and the name of a network. Out: a [`super::Network`] in this crate's order
//! (maps NHWC, weights OHWI); nothing behind this room sees another. A file is data of unknown origin: what it
//! promises is checked against its length before memory is taken for it, and nothing in it can cause a panic.

pub mod checkpoint;
mod error;
mod float;
pub(crate) mod onnx;
mod order;
pub(crate) mod window;

pub use error::{ImportError, Refused};
pub(crate) use float::{image, interface, needed, network as float_network};

use super::Network;
use crate::tensor::FeatureMap;
use onnx::OnnxGraph;
use std::path::Path;

/// Reads a float network from an ONNX file, for images of shape `input` or, where there is none, of the file's.
///
/// # Errors
/// A file that is no whole ONNX model, and all of its operators that cannot be run.
pub fn read_onnx(path: &Path, input: Option<FeatureMap>) -> Result<Network, ImportError> {
    float::network(&OnnxGraph::read(path)?, input)
}

/// Shape of the images that an ONNX file is made for.
///
/// # Errors
/// As [`read_onnx`], and when the file leaves the shape open.
pub fn input(path: &Path) -> Result<FeatureMap, ImportError> {
    float::image(&OnnxGraph::read(path)?, None)
}
