//! Images on the way in, classes on the way out.

use super::seeded::{normal, stream};
use super::{narrow, real};
use crate::tensor::FeatureMap;
use ndarray::{Array2, Array4, Axis};
use rand_chacha::ChaCha8Rng;

/// Bytes to floats: `(byte / 255 - mean) / std`, one mean and one deviation per channel, in f64 rounded once.
///
/// # Panics
/// When `mean` or `std` has not one entry per channel.
#[must_use]
pub fn normalise(images: &Array4<u8>, mean: &[f64], std: &[f64]) -> Array4<f32> {
    let channels = images.dim().3;
    assert!(
        mean.len() == channels && std.len() == channels,
        "one mean and one deviation for each of {channels} channels"
    );
    let mut floats = Array4::zeros(images.dim());
    ndarray::Zip::indexed(&mut floats)
        .and(images)
        .for_each(|(_, _, _, c), float, &byte| {
            *float = narrow((f64::from(byte) / 255.0 - mean[c]) / std[c]);
        });
    floats
}

/// The place of the largest element of each image, the first of equals.
#[must_use]
pub fn top1<T: Copy + PartialOrd>(outputs: &Array4<T>) -> Vec<usize> {
    (outputs.axis_iter(Axis(0)))
        .map(|image| {
            let mut best: Option<(usize, T)> = None;
            for (place, &value) in image.iter().enumerate() {
                if best.is_none_or(|(_, most)| value > most) {
                    best = Some((place, value));
                }
            }
            best.map_or(0, |(place, _)| place)
        })
        .collect()
}

/// One image that depends on `seed` alone, mean 0 and deviation 1 over all its elements.
///
/// Random grids from coarse to fine, each half as strong as the one before and stretched over the image, in part
/// shared by all channels; and a little noise. So neighbours are alike, as in photographs.
#[must_use]
pub fn seeded_image(map: FeatureMap, seed: u64) -> Array4<f32> {
    let mut random = stream(seed, u64::MAX);
    let shared = texture(map, &mut random);
    let mut image = Array4::<f64>::zeros((1, map.height, map.width, map.channels));
    for mut plane in image.axis_iter_mut(Axis(3)) {
        let own = texture(map, &mut random);
        plane.assign(&(&shared + &(own * 0.5)));
    }
    image.mapv_inplace(|value| value + 0.1 * normal(&mut random));
    let mean = image.iter().sum::<f64>() / real(image.len());
    image.mapv_inplace(|value| value - mean);
    let square = image.iter().map(|value| value * value).sum::<f64>() / real(image.len());
    image.mapv(|value| narrow(value / square.sqrt().max(1e-6)))
}

/// The sum of stretched random grids of 2, 4, 8, ... points a side.
fn texture(map: FeatureMap, random: &mut ChaCha8Rng) -> Array2<f64> {
    let mut sum = Array2::zeros((map.height, map.width));
    let mut strength = 1.0;
    let mut points = 2;
    while points <= map.height.max(map.width).max(2) {
        let grid = Array2::from_shape_simple_fn((points, points), || normal(random));
        sum += &(stretch(&grid, map.height, map.width) * strength);
        strength *= 0.5;
        points *= 2;
    }
    sum
}

/// Bilinear interpolation of a square grid, its corners on the corners of the map.
fn stretch(grid: &Array2<f64>, height: usize, width: usize) -> Array2<f64> {
    let points = grid.nrows();
    let place = |at: usize, length: usize| {
        let steps = length.saturating_sub(1).max(1);
        let scaled = at * (points - 1);
        let left = (scaled / steps).min(points - 2);
        (left, real(scaled - left * steps) / real(steps))
    };
    Array2::from_shape_fn((height, width), |(y, x)| {
        let ((row, v), (column, u)) = (place(y, height), place(x, width));
        let mix = |row: usize| grid[(row, column)] * (1.0 - u) + grid[(row, column + 1)] * u;
        mix(row) * (1.0 - v) + mix(row + 1) * v
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_wins() {
        let outputs = Array4::from_shape_vec((2, 1, 1, 3), vec![1, 4, 4, -3, -5, -4]);
        assert_eq!(top1(&outputs.expect("six values")), [1, 0]);
    }

    #[test]
    fn a_seeded_image_is_smooth_and_normalised() {
        let map = FeatureMap::new(32, 24, 3);
        let image = seeded_image(map, 1);
        assert_eq!(image, seeded_image(map, 1));
        assert_ne!(image, seeded_image(map, 2));
        let mean = image.iter().copied().map(f64::from).sum::<f64>() / real(image.len());
        let square = image.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / real(image.len());
        assert!(mean.abs() < 1e-6 && (square - 1.0).abs() < 1e-6);
        let steps: f64 = (1..24)
            .map(|x| f64::from(image[(0, 9, x, 0)] - image[(0, 9, x - 1, 0)]).powi(2))
            .sum();
        assert!(steps / 23.0 < 0.5, "unlike noise, whose mean is 2: {steps}");
        assert!(
            seeded_image(FeatureMap::new(1, 1, 2), 3)
                .iter()
                .all(|x| x.is_finite())
        );
    }

    #[test]
    fn bytes_become_what_was_trained_on() {
        let images = Array4::from_elem((1, 1, 1, 1), 255);
        let floats = normalise(&images, &[0.5], &[0.25]);
        assert!((floats[(0, 0, 0, 0)] - 2.0).abs() < 1e-6);
    }
}
