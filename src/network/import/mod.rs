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
pub(crate) use float::{image, interface, needed};

use super::Network;
use crate::tensor::FeatureMap;
use onnx::OnnxGraph;
use serde::Serialize;
use std::path::Path;

/// Reads a float network from an ONNX file, for images of shape `input` or, where there is none, of the file's.
///
/// # Errors
/// A file that is no whole ONNX model, and all of its operators that cannot be run.
pub fn read_onnx(path: &Path, input: Option<FeatureMap>) -> Result<Network, ImportError> {
    float::network(&OnnxGraph::read(path)?, input)
}

/// What a model's file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stated {
    /// Shape of one image; an error where the file leaves it open.
    pub input: Result<FeatureMap, ImportError>,
    /// What it computes with.
    pub numbers: Numbers,
}

/// What a model computes with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Numbers {
    /// Real numbers.
    Reals,
    /// Integers: some operator quantises.
    Integers,
}

/// What an ONNX file says of itself.
///
/// # Errors
/// A file that is no whole ONNX model.
pub fn stated(path: &Path) -> Result<Stated, ImportError> {
    let graph = OnnxGraph::read(path)?;
    let quantises = |op: &str| op == "QuantizeLinear" || op.starts_with("QLinear") || op == "QGemm";
    let quantised = graph.nodes.iter().any(|node| quantises(&node.op));
    Ok(Stated {
        input: float::image(&graph, None),
        numbers: if quantised {
            Numbers::Integers
        } else {
            Numbers::Reals
        },
    })
}
