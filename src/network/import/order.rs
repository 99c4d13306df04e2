//! From the order of files (channel before row and column) to this crate's (channel last).

use crate::tensor::FeatureMap;
use ndarray::{Array2, Array4};

/// Convolution weights from axes output, input, row, column to OHWI.
///
/// # Panics
/// When there are not as many values as `shape` says.
pub(super) fn ohwi(shape: [usize; 4], oihw: Vec<f32>) -> Array4<f32> {
    let oihw = Array4::from_shape_vec(shape, oihw).expect("the shape was checked");
    let ohwi = oihw.permuted_axes([0, 2, 3, 1]);
    ohwi.as_standard_layout().into_owned()
}

/// Weights of a fully connected layer over `map`, from inputs channel first to inputs channel last.
///
/// # Panics
/// When there are not as many values as `outputs` and the map say.
pub(super) fn pixels_first(map: FeatureMap, outputs: usize, chw: Vec<f32>) -> Array2<f32> {
    let shape = (outputs, map.channels, map.height, map.width);
    let chw = Array4::from_shape_vec(shape, chw).expect("the shape was checked");
    let hwc: Vec<f32> = chw.permuted_axes([0, 2, 3, 1]).iter().copied().collect();
    Array2::from_shape_vec((outputs, map.pixels() * map.channels), hwc)
        .expect("a permutation keeps the number of elements")
}
