//! A Latin hypercube: in each dimension, each of as many equal parts as there are points holds one point.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// `points` points of `DIMENSIONS` coordinates in 0..1.
pub(super) fn hypercube<const DIMENSIONS: usize>(seed: u64, points: u32) -> Vec<[f64; DIMENSIONS]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut cube = vec![[0.0; DIMENSIONS]; usize::try_from(points).expect("small")];
    for dimension in 0..DIMENSIONS {
        let mut parts: Vec<u32> = (0..points).collect();
        parts.shuffle(&mut rng);
        for (point, part) in cube.iter_mut().zip(parts) {
            point[dimension] = (f64::from(part) + rng.random::<f64>()) / f64::from(points);
        }
    }
    cube
}

#[test]
fn every_part_of_every_dimension_holds_one_point() {
    let cube = hypercube::<3>(5, 40);
    for dimension in 0..3 {
        let mut sorted: Vec<f64> = cube.iter().map(|point| point[dimension]).collect();
        sorted.sort_by(f64::total_cmp);
        for (part, value) in (0..40).zip(sorted) {
            let part = f64::from(part);
            assert!((part / 40.0..(part + 1.0) / 40.0).contains(&value));
        }
    }
    assert_ne!(cube, hypercube::<3>(6, 40));
}
