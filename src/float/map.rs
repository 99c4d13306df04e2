//! What is done to maps besides convolution: sums, products, activations, pooling, interpolation.

use super::{narrow, real};
use crate::network::sampling::bin;
use crate::network::{Function, Pool, Resize};
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

/// `min(max(x, 0), 6)`.
pub(super) fn relu6(map: Array4<f32>) -> Array4<f32> {
    map.mapv_into(|value| value.clamp(0.0, 6.0))
}

/// A function of each element, computed in f64 and rounded once.
pub(super) fn lookup(map: Array4<f32>, function: Function) -> Array4<f32> {
    map.mapv_into(|value| narrow(function.value(f64::from(value))))
}

/// Multiplies every element by that of `by`, or by that of its channel.
pub(super) fn multiply(mut map: Array4<f32>, by: &Array4<f32>) -> Array4<f32> {
    map *= by;
    map
}

/// The channels of all maps, one map after another.
pub(super) fn concat(maps: &[&Array4<f32>]) -> Array4<f32> {
    let views: Vec<_> = maps.iter().map(|map| map.view()).collect();
    ndarray::concatenate(Axis(3), &views).expect("maps of one height and width")
}

/// The means over `bins` x `bins` parts, each in row order.
pub(super) fn adaptive(map: &Array4<f32>, bins: usize) -> Array4<f32> {
    let (images, height, width, channels) = map.dim();
    let mut means = Array4::zeros((images, bins, bins, channels));
    for y in 0..bins {
        for x in 0..bins {
            let part = map.slice(s![.., bin(y, bins, height), bin(x, bins, width), ..]);
            let values = reduce(&part.to_owned(), Reduce::Mean);
            means.slice_mut(s![.., y, x, ..]).assign(&values);
        }
    }
    means
}

/// Bilinear interpolation, along the columns first.
pub(super) fn resize(map: &Array4<f32>, resize: Resize) -> Array4<f32> {
    let (images, height, width, channels) = map.dim();
    let mut resized = Array4::zeros((images, resize.height, resize.width, channels));
    for y in 0..resize.height {
        let row = resize.corners.tap(y, height, resize.height);
        for x in 0..resize.width {
            let column = resize.corners.tap(x, width, resize.width);
            let (down, right) = (narrow(row.real()), narrow(column.real()));
            let pixel = |y: usize, x: usize| map.slice(s![.., y, x, ..]);
            let along =
                |y: usize| &pixel(y, column.low) * (1.0 - right) + &pixel(y, column.high) * right;
            let value = along(row.low) * (1.0 - down) + along(row.high) * down;
            resized.slice_mut(s![.., y, x, ..]).assign(&value);
        }
    }
    resized
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Corners;

    /// The squares of 0 to 11 on three rows of four pixels.
    fn squares() -> Array4<f32> {
        Array4::from_shape_fn((1, 3, 4, 1), |(_, y, x, _)| {
            narrow(real((4 * y + x) * (4 * y + x)))
        })
    }

    fn close(map: &Array4<f32>, want: &[f32]) {
        assert_eq!(map.len(), want.len());
        for (got, want) in map.iter().zip(want) {
            assert!((got - want).abs() < 1e-4, "{got} {want}");
        }
    }

    /// Values of PyTorch 2 (`interpolate` and `adaptive_avg_pool2d`).
    #[test]
    fn interpolation_and_adaptive_means_are_those_of_the_framework() {
        let to = |corners| Resize {
            height: 5,
            width: 3,
            corners,
        };
        #[rustfmt::skip]
        close(&resize(&squares(), to(Corners::Aligned)), &[
            0.0, 2.5, 9.0, 8.0, 16.5, 29.0, 16.0, 30.5, 49.0, 40.0, 60.5, 85.0, 64.0, 90.5, 121.0,
        ]);
        #[rustfmt::skip]
        close(&resize(&squares(), to(Corners::HalfPixel)), &[
            0.166_667, 2.5, 8.166_667, 7.1, 13.7, 23.633_333, 17.5, 30.5, 46.833_333, 47.1, 66.5, 89.233_33,
            66.833_333, 90.5, 117.5,
        ]);
        close(&adaptive(&squares(), 2), &[10.5, 24.5, 46.5, 76.5]);
        let thirds = [0.5, 2.5, 6.5, 20.5, 30.5, 42.5, 72.5, 90.5, 110.5];
        close(&adaptive(&squares(), 3), &thirds);
    }
}
