//! Resizing and cutting pictures as Pillow and torchvision do: bilinear with a triangle as wide as the scale.
//!
//! Each side is resampled for itself, rows of pixels first, with factors of 22 fractional bits and a result rounded to
//! 8 bits after each. Source of the method: Pillow, `Image.resize` with `BILINEAR` (antialiased when it shrinks).

use crate::units::count;
use ndarray::{Array3, ArrayView3, Axis, s};

/// Fractional bits of the factors.
const BITS: u32 = 22;

/// The picture with its shorter side of `side` pixels and the longer in proportion, rounded down; the number of bytes
/// it would take where that is more than `most`.
pub(super) fn shorter_side(picture: Array3<u8>, side: u32, most: u64) -> Result<Array3<u8>, u64> {
    let (height, width, channels) = picture.dim();
    let side = usize::try_from(side).expect("a side has fewer than 2^32 pixels");
    let longer = side * height.max(width) / height.min(width);
    let (rows, columns) = if height <= width {
        (side, longer)
    } else {
        (longer, side)
    };
    // The pass over columns comes first, and has the picture's own rows.
    let bytes = [rows, height].map(|rows| {
        count(rows)
            .saturating_mul(count(columns))
            .saturating_mul(count(channels))
    });
    let bytes = bytes[0].max(bytes[1]);
    if bytes > most {
        return Err(bytes);
    }
    Ok(resize(picture, rows, columns))
}

/// The picture with other numbers of rows and columns.
fn resize(picture: Array3<u8>, rows: usize, columns: usize) -> Array3<u8> {
    let picture = along(picture, Axis(1), columns);
    along(picture, Axis(0), rows)
}

/// The `height` x `width` pixels in the middle; half a pixel is rounded to the even one. None of a smaller picture.
pub(super) fn centre(
    picture: &Array3<u8>,
    height: usize,
    width: usize,
) -> Option<ArrayView3<'_, u8>> {
    let (rows, columns, _) = picture.dim();
    let first = |spare: usize| spare / 2 + usize::from(spare % 4 == 3);
    let top = first(rows.checked_sub(height)?);
    let left = first(columns.checked_sub(width)?);
    Some(picture.slice(s![top..top + height, left..left + width, ..]))
}

/// Which pixels make one, and how much each counts.
struct Taps {
    first: usize,
    factors: Vec<i64>,
}

fn along(picture: Array3<u8>, axis: Axis, length: usize) -> Array3<u8> {
    if picture.len_of(axis) == length {
        return picture;
    }
    let taps = taps(picture.len_of(axis), length);
    let mut shape = picture.raw_dim();
    shape[axis.index()] = length;
    let mut made = Array3::zeros(shape);
    for (from, mut into) in picture.lanes(axis).into_iter().zip(made.lanes_mut(axis)) {
        for (taps, pixel) in taps.iter().zip(&mut into) {
            let products = taps.factors.iter().enumerate();
            let sum: i64 = products
                .map(|(place, f)| f * i64::from(from[taps.first + place]))
                .sum();
            let rounded = (sum + (1 << (BITS - 1))) >> BITS;
            *pixel = u8::try_from(rounded.clamp(0, 255)).expect("it was clamped");
        }
    }
    made
}

/// The triangle around the centre of each new pixel, cut at the edges and normalised.
fn taps(from: usize, to: usize) -> Vec<Taps> {
    let real =
        |count: usize| f64::from(u32::try_from(count).expect("a side has fewer than 2^32 pixels"));
    let scale = real(from) / real(to);
    let width = scale.max(1.0);
    (0..to)
        .map(|place| {
            let centre = (real(place) + 0.5) * scale;
            let first = floor((centre - width + 0.5).max(0.0));
            let last = floor(centre + width + 0.5).min(from);
            let weight = |pixel: usize| {
                let away = ((real(pixel) - centre + 0.5) / width).abs();
                (1.0 - away).max(0.0)
            };
            let weights: Vec<f64> = (first..last).map(weight).collect();
            let total: f64 = weights.iter().sum();
            let factors = weights.iter().map(|weight| fixed(weight / total)).collect();
            Taps { first, factors }
        })
        .collect()
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a place in a picture, not negative"
)]
fn floor(place: f64) -> usize {
    place as usize
}

/// With 22 fractional bits, halves away from zero.
#[allow(
    clippy::cast_possible_truncation,
    reason = "a share of at most 1 has 23 bits"
)]
fn fixed(share: f64) -> i64 {
    (share * f64::from(1 << BITS)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn picture() -> Array3<u8> {
        Array3::from_shape_fn((5, 7, 1), |(row, column, _)| {
            u8::try_from((row * 37 + column * 91 + row * column * 13) % 256).unwrap()
        })
    }

    fn resized(rows: usize, columns: usize) -> Array2<u8> {
        resize(picture(), rows, columns).index_axis_move(Axis(2), 0)
    }

    #[test]
    fn pixels_are_those_of_pillow() {
        // Image.fromarray(picture).resize((columns, rows), Image.BILINEAR), Pillow 13.0.
        let smaller = ndarray::array![[111, 125, 110], [135, 147, 148]];
        assert_eq!(resized(2, 3), smaller);
        let taller = ndarray::array![
            [48, 118, 101, 108],
            [62, 139, 113, 108],
            [86, 175, 133, 107],
            [105, 151, 117, 90],
            [123, 113, 92, 69],
            [147, 149, 141, 129],
            [160, 170, 176, 177],
            [123, 138, 157, 176],
            [101, 118, 145, 175]
        ];
        assert_eq!(resized(9, 4), taller);
        let flatter = ndarray::array![
            [16, 112, 209, 50, 146, 133, 83],
            [74, 191, 109, 169, 87, 147, 65],
            [132, 123, 151, 142, 170, 161, 189]
        ];
        assert_eq!(resized(3, 7), flatter);
    }

    #[test]
    fn the_shorter_side_is_as_asked_and_the_centre_rounds_to_even() {
        let shape = |side| shorter_side(picture(), side, 1 << 20).unwrap().dim();
        assert_eq!(shape(10), (10, 14, 1));
        assert_eq!(shape(3), (3, 4, 1));
        let long = Array3::zeros((1, 1000, 1));
        assert_eq!(shorter_side(long, 1000, 1 << 20), Err(1_000_000_000));
        let first = |height, width| centre(&picture(), height, width).map(|cut| cut[[0, 0, 0]]);
        // Spare rows and columns: 1 and 3, of which a half is 0 and 2.
        assert_eq!(first(4, 4), Some(picture()[[0, 2, 0]]));
        assert_eq!(first(2, 2), Some(picture()[[2, 2, 0]]));
        assert_eq!(first(6, 2), None);
    }
}
