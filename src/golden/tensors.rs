//! Tensors as files.

use super::File;
use crate::report::write::file_stem;
use crate::rtl::Run;
use ndarray::{Array, Dimension};
use ndarray_npy::{WritableElement, WriteNpyExt};

/// The bytes of a npy file.
///
/// # Panics
/// Never: memory takes any number of bytes.
#[must_use]
pub fn npy<A: WritableElement, D: Dimension>(array: &Array<A, D>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array
        .write_npy(&mut bytes)
        .expect("a vector takes any number of bytes");
    bytes
}

/// Each layer's output: `expected/<layer>.npy`.
pub(super) fn expected(run: &Run<'_>) -> Vec<File> {
    let outputs = run.schedule.graph.layers.iter().zip(&run.tensors[1..]);
    let file = |(layer, tensor): (&crate::reparam::Layer, &crate::tensor::Activations)| {
        let name = format!("expected/{}.npy", file_stem(&layer.name));
        (name, npy(tensor))
    };
    outputs.map(file).collect()
}
