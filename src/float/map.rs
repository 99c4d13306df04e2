//! What is done to maps besides convolution: sums, activations, pooling.

use super::{narrow, real};
use crate::network::Pool;
use crate::tensor::FeatureMap;
use ndarray::{Array4, Axis, s};

/// Adds `other` to every element.
pub(super) fn add(mut map: Array4<f32>, other: &Array4<f32>) -> Array4<f32> {
    map += other;
    map
}

/// `max(x, 0)`.
pub(super) fn relu(map: Array4<f32>) -> Array4<f32> {
    map.mapv_into(|value| value.max(0.0))
}

/// Which reduction of a window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reduce {
    /// The largest element.
    Max,
    /// The sum in row order over the number of pixels inside the map.
    Mean,
}

/// Reduces each window of `pool` to one pixel; pixels outside the map do not count.
pub(super) fn pool(map: &Array4<f32>, pool: Pool, output: FeatureMap, by: Reduce) -> Array4<f32> {
    let (images, height, width, channels) = map.dim();
    let inside = |place: usize, of: usize| {
        let start = place * pool.stride;
        let end = (start + pool.kernel).min(of + pool.padding) - pool.padding;
        start.saturating_sub(pool.padding)..end
    };
    let mut reduced = Array4::zeros((images, output.height, output.width, channels));
    for y in 0..output.height {
        for x in 0..output.width {
            let window = map.slice(s![.., inside(y, height), inside(x, width), ..]);
            let values = reduce(&window.to_owned(), by);
            reduced.slice_mut(s![.., y, x, ..]).assign(&values);
        }
    }
    reduced
}

/// The mean over all pixels, in row order.
pub(super) fn global_mean(map: &Array4<f32>) -> Array4<f32> {
    let means = reduce(map, Reduce::Mean);
    means.insert_axis(Axis(1)).insert_axis(Axis(1))
}

/// One value for each image and channel.
fn reduce(window: &Array4<f32>, by: Reduce) -> ndarray::Array2<f32> {
    let (images, height, width, channels) = window.dim();
    let start = match by {
        Reduce::Max => f32::NEG_INFINITY,
        Reduce::Mean => 0.0,
    };
    let mut result = ndarray::Array2::from_elem((images, channels), start);
    for y in 0..height {
        for x in 0..width {
            result.zip_mut_with(&window.slice(s![.., y, x, ..]), |sum, &value| match by {
                Reduce::Max => *sum = sum.max(value),
                Reduce::Mean => *sum += value,
            });
        }
    }
    match by {
        Reduce::Max => result,
        Reduce::Mean => result / narrow(real(height * width)),
    }
}
