//! Images on the way in, classes on the way out.

use super::narrow;
use super::seeded::{normal, stream};
use crate::tensor::FeatureMap;
use ndarray::{Array4, Axis};

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

/// One image of nearly normal noise, mean 0 and deviation 1: as a normalised photograph spreads.
#[must_use]
pub fn seeded_image(map: FeatureMap, seed: u64) -> Array4<f32> {
    let mut random = stream(seed, u64::MAX);
    let shape = (1, map.height, map.width, map.channels);
    Array4::from_shape_simple_fn(shape, || narrow(normal(&mut random)))
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
    fn bytes_become_what_was_trained_on() {
        let images = Array4::from_elem((1, 1, 1, 1), 255);
        let floats = normalise(&images, &[0.5], &[0.25]);
        assert!((floats[(0, 0, 0, 0)] - 2.0).abs() < 1e-6);
    }
}
