//! Networks as files for other tools: ONNX, and safetensors with the names of public checkpoints.
//!
//! In: a [`super::Network`]. Out: a file's bytes, the same for the same network. Maps and weights are put into the
//! order of those files (channel before row and column) here and nowhere else. What is written is read back as the
//! same network, to the bit.

mod element;
mod onnx;
mod safetensors;

pub use onnx::{OPSET, onnx};
pub use safetensors::safetensors;

use crate::tensor::FeatureMap;
use ndarray::{Array2, Array4};

/// Values of convolution weights in the order output, input, row, column.
fn oihw(ohwi: &Array4<f32>) -> ([usize; 4], Vec<f32>) {
    let view = ohwi.view().permuted_axes([0, 3, 1, 2]);
    let (outputs, inputs, rows, columns) = view.dim();
    (
        [outputs, inputs, rows, columns],
        view.iter().copied().collect(),
    )
}

/// Values of the weights of a fully connected layer over `map`, its inputs channel first.
fn channels_first(map: FeatureMap, weight: &Array2<f32>) -> ([usize; 2], Vec<f32>) {
    let (outputs, inputs) = weight.dim();
    let pixels = (outputs, map.height, map.width, map.channels);
    let view = weight
        .to_shape(pixels)
        .expect("its inputs are those of the map");
    let view = view.view().permuted_axes([0, 3, 1, 2]);
    ([outputs, inputs], view.iter().copied().collect())
}
