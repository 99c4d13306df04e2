//! The reading layer of ONNX: what a file says, before anything is known of float or quantised networks.
//!
//! In: a file, and files beside it with its weights. Out: an [`OnnxGraph`]: nodes in topological order with their
//! attributes, constants of every type with their values. Constant nodes are constants, and a constant behind
//! Identity nodes is known by both names. The messages of [`message`] serve for writing, too.

mod attribute;
mod external;
mod graph;
#[cfg(test)]
pub(crate) mod made;
pub(crate) mod message;
mod tensor;

pub(crate) use attribute::Attributes;
pub(crate) use graph::{Dimension, OnnxGraph, OnnxNode};
pub(crate) use tensor::{ElementType, OnnxTensor, Values};
