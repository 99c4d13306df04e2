//! The range of weights that errs least: some are clipped so that the others get finer steps.

use super::Granularity;
use ndarray::{Array4, ArrayView1, Axis};

/// Fractions of the whole range that are tried.
const FRACTIONS: u32 = 128;

/// By output channel: the range with the smallest sum of squares of rounding and clipping, among [`FRACTIONS`] equal
/// fractions of the largest weight; the widest of equals. With one scale a layer all channels get one range.
///
/// * `weight`: OHWI; `most`: by channel, its largest weight
/// * `grid`: for a range, the step it leads to and the largest integer
pub(super) fn ranges(
    weight: &Array4<f32>,
    most: &[f64],
    granularity: Granularity,
    grid: &dyn Fn(f64) -> (f64, f64),
) -> Vec<f64> {
    let rows = weight
        .to_shape((most.len(), weight.len() / most.len().max(1)))
        .expect("a filter is a row");
    match granularity {
        Granularity::PerChannel => (rows.axis_iter(Axis(0)).zip(most))
            .map(|(row, &most)| best(&[row], most, grid))
            .collect(),
        Granularity::PerTensor => {
            let all: Vec<ArrayView1<'_, f32>> = rows.axis_iter(Axis(0)).collect();
            let most_of_all = most.iter().copied().fold(0.0, f64::max);
            vec![best(&all, most_of_all, grid); most.len()]
        }
    }
}

fn best(rows: &[ArrayView1<'_, f32>], most: f64, grid: &dyn Fn(f64) -> (f64, f64)) -> f64 {
    let mut best = (f64::INFINITY, most);
    let mut tried = f64::NAN;
    for numerator in (1..=FRACTIONS).rev() {
        let range = most * f64::from(numerator) / f64::from(FRACTIONS);
        let (step, whole) = grid(range);
        // Where scales are powers of two, many ranges lead to one step.
        if step.to_bits() == tried.to_bits() || step <= 0.0 {
            continue;
        }
        tried = step;
        let error: f64 = rows.iter().map(|row| error(row, step, whole)).sum();
        if error < best.0 {
            best = (error, range);
        }
    }
    best.1
}

/// Sum of squares of what rounding to `step` and clipping to `whole` steps take away.
fn error(row: &ArrayView1<'_, f32>, step: f64, whole: f64) -> f64 {
    let one = |w: &f32| {
        let w = f64::from(*w);
        let off = step * (w / step).round_ties_even().clamp(-whole, whole) - w;
        off * off
    };
    row.iter().map(one).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(range: f64) -> (f64, f64) {
        (range / 7.0, 7.0)
    }

    /// A thousand weights up to 1, and one of 8.
    fn weights() -> Array4<f32> {
        let mut values: Vec<f32> = (0..1000u16)
            .map(|i| f32::from(i % 201) / 100.0 - 1.0)
            .collect();
        values.push(8.0);
        Array4::from_shape_vec((1, 1, 1, 1001), values).expect("1001 values")
    }

    #[test]
    fn an_outlier_is_clipped_and_without_one_nothing_is() {
        let weight = weights();
        let clipped = ranges(&weight, &[8.0], Granularity::PerChannel, &grid)[0];
        assert!(clipped < 4.0, "{clipped}");
        let row = weight.to_shape(1001).expect("one row");
        let of = |range: f64| error(&row.view(), range / 7.0, 7.0);
        assert!(of(clipped) < of(8.0));
        // Weights that are whole steps lose nothing with the whole range.
        let whole = Array4::from_shape_vec((1, 1, 1, 3), vec![7.0, -3.0, 0.0]).expect("three");
        let kept = ranges(&whole, &[7.0], Granularity::PerChannel, &grid)[0];
        assert_eq!(kept.to_bits(), 7.0_f64.to_bits());
    }

    #[test]
    fn one_scale_a_layer_is_one_range() {
        let weight = Array4::from_shape_vec((2, 1, 1, 2), vec![0.5, -0.25, 8.0, 0.1]).expect("4");
        let found = ranges(&weight, &[0.5, 8.0], Granularity::PerTensor, &grid);
        assert_eq!(found[0].to_bits(), found[1].to_bits());
        let none = Array4::zeros((1, 1, 1, 2));
        let range = ranges(&none, &[0.0], Granularity::PerTensor, &grid)[0];
        assert_eq!(range.to_bits(), 0.0_f64.to_bits());
    }
}
