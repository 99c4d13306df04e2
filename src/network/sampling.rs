//! Where a pixel of a resized or adaptively pooled map comes from.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Bits behind the point of an interpolation weight.
pub const WEIGHT_BITS: u32 = 11;

/// How the pixels of two maps of different size lie over one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Corners {
    /// The centres of the corner pixels coincide: `align_corners = true`.
    Aligned,
    /// The corners of the maps coincide: `align_corners = false`, half-pixel centres.
    HalfPixel,
}

impl Corners {
    /// Its name in files.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Aligned => "aligned",
            Self::HalfPixel => "half_pixel",
        }
    }
}

/// A bilinear resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resize {
    /// Rows of the output.
    pub height: usize,
    /// Columns of the output.
    pub width: usize,
    /// Where its pixels lie on the input.
    pub corners: Corners,
}

/// Two neighbours along one axis and how far the pixel lies from the first to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// The neighbour before.
    pub low: usize,
    /// The neighbour behind; the same one at the end of the axis.
    pub high: usize,
    /// Distance from `low` as a fraction, below 1.
    pub fraction: (u64, u64),
}

impl Corners {
    /// The neighbours of pixel `place` of an axis of `output` pixels on one of `input` pixels.
    ///
    /// Aligned: `place · (input - 1) / (output - 1)`, 0 where there is one output pixel. Half-pixel:
    /// `(place + 1/2) · input / output - 1/2`, not below 0 and not above the last pixel.
    #[must_use]
    pub fn tap(self, place: usize, input: usize, output: usize) -> Tap {
        let (top, bottom) = match self {
            Self::Aligned => (place * (input - 1), (output - 1).max(1)),
            Self::HalfPixel => (((2 * place + 1) * input).saturating_sub(output), 2 * output),
        };
        let low = (top / bottom).min(input - 1);
        let high = (low + 1).min(input - 1);
        let rest = if high == low { 0 } else { top - low * bottom };
        Tap {
            low,
            high,
            fraction: (crate::units::count(rest), crate::units::count(bottom)),
        }
    }
}

impl Tap {
    /// Weights of the two neighbours with [`WEIGHT_BITS`] bits behind the point: the second to nearest, ties up, the
    /// first what is left of 1.
    #[must_use]
    pub fn weights(self) -> [i64; 2] {
        let (rest, of) = self.fraction;
        let one = 1_u64 << WEIGHT_BITS;
        let second = (2 * rest * one + of) / (2 * of);
        [one - second, second].map(|w| i64::try_from(w).expect("at most one"))
    }

    /// The distance as a real number.
    #[must_use]
    pub fn real(self) -> f64 {
        let number = |n: u64| f64::from(u32::try_from(n).expect("a side is below 2^28"));
        number(self.fraction.0) / number(self.fraction.1)
    }
}

impl Resize {
    /// Input rows that output rows need, on a map of `height` rows.
    #[must_use]
    pub fn rows(self, out_rows: &Range<usize>, height: usize) -> Range<usize> {
        let tap = |row| self.corners.tap(row, height, self.height);
        tap(out_rows.start).low..tap(out_rows.end - 1).high + 1
    }
}

/// Pixels of bin `place` of `bins` over an axis of `length` pixels: from `floor(place · length / bins)` up to
/// `ceil((place + 1) · length / bins)`. Bins overlap by a pixel where `bins` does not divide `length`.
#[must_use]
pub const fn bin(place: usize, bins: usize, length: usize) -> Range<usize> {
    place * length / bins..((place + 1) * length).div_ceil(bins)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn taps_by_hand() {
        let tap = |corners: Corners, place, input, output| {
            let tap = corners.tap(place, input, output);
            (tap.low, tap.high, tap.weights()[1])
        };
        // Two pixels drawn out to five: 0, 1/4, 1/2, 3/4, 1.
        let aligned: Vec<_> = (0..5).map(|i| tap(Corners::Aligned, i, 2, 5)).collect();
        assert_eq!(
            aligned,
            [
                (0, 1, 0),
                (0, 1, 512),
                (0, 1, 1024),
                (0, 1, 1536),
                (1, 1, 0)
            ]
        );
        // To four: -1/4 (held at 0), 1/4, 3/4, 5/4 (held at 1).
        let half: Vec<_> = (0..4).map(|i| tap(Corners::HalfPixel, i, 2, 4)).collect();
        assert_eq!(half, [(0, 1, 0), (0, 1, 512), (0, 1, 1536), (1, 1, 0)]);
        assert_eq!(tap(Corners::Aligned, 0, 9, 1), (0, 1, 0));
        assert_eq!(tap(Corners::Aligned, 3, 1, 9), (0, 0, 0));
        // A third of 2048 is 682.67.
        assert_eq!(tap(Corners::Aligned, 1, 2, 4), (0, 1, 683));
    }

    #[test]
    fn bins_by_hand() {
        let bins = |bins, length| (0..bins).map(|i| bin(i, bins, length)).collect::<Vec<_>>();
        assert_eq!(bins(3, 90), [0..30, 30..60, 60..90]);
        assert_eq!(bins(3, 7), [0..3, 2..5, 4..7]);
        assert_eq!(bins(4, 2), [0..1, 0..1, 1..2, 1..2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn taps_lie_on_the_map_in_order(input in 1usize..40, output in 1usize..80, aligned in any::<bool>()) {
            let corners = if aligned { Corners::Aligned } else { Corners::HalfPixel };
            let mut before = (0, 0.0);
            for place in 0..output {
                let tap = corners.tap(place, input, output);
                prop_assert!(tap.low <= tap.high && tap.high < input && tap.high <= tap.low + 1);
                prop_assert!((0.0..1.0).contains(&tap.real()));
                prop_assert!((tap.low, tap.real()) >= before);
                let [low, high] = tap.weights();
                prop_assert_eq!(low + high, 1 << WEIGHT_BITS);
                prop_assert!(low >= 0 && high >= 0);
                before = (tap.low, tap.real());
            }
            let resize = Resize { height: output, width: 1, corners };
            let rows = resize.rows(&(0..output), input);
            prop_assert!(rows.start == 0 || corners == Corners::HalfPixel);
            prop_assert!(rows.end <= input);
        }

        #[test]
        fn a_map_of_its_own_size_stays(side in 1usize..50, aligned in any::<bool>()) {
            let corners = if aligned { Corners::Aligned } else { Corners::HalfPixel };
            for place in 0..side {
                let tap = corners.tap(place, side, side);
                prop_assert_eq!((tap.low, tap.weights()[1]), (place, 0));
            }
        }

        #[test]
        fn bins_cover_the_axis(bins in 1usize..20, length in 1usize..50) {
            let mut reached = 0;
            for place in 0..bins {
                let pixels = bin(place, bins, length);
                prop_assert!(!pixels.is_empty() && pixels.start <= reached && pixels.end >= reached);
                reached = pixels.end;
            }
            prop_assert_eq!(reached, length);
        }
    }
}
