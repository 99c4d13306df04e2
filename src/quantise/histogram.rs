//! Counts of a tensor's values in equal bins, and the range that a calibration takes from them.

use super::real::{bin, number};

/// Bins of a histogram.
const BINS: u32 = 2048;
/// Fractions of the whole range that the search for the smallest error tries.
const FRACTIONS: u32 = 128;

/// Equal bins over a range. Counts are integers, so the order of adding does not matter.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    low: f64,
    high: f64,
    counts: Vec<u64>,
}

impl Histogram {
    /// Empty bins over `low..=high`.
    pub(super) fn new(low: f64, high: f64) -> Self {
        let bins = usize::try_from(BINS).expect("usize has at least 32 bits");
        Self {
            low,
            high,
            counts: vec![0; bins],
        }
    }

    /// Counts one value; outside the range it counts in the outermost bin.
    pub(super) fn add(&mut self, value: f64) {
        let span = self.high - self.low;
        if span > 0.0 {
            self.counts[bin((value - self.low) / span, BINS)] += 1;
        }
    }

    /// Counts what `other`, of the same bins, counted.
    pub(super) fn join(&mut self, other: &Self) {
        for (own, other) in self.counts.iter_mut().zip(&other.counts) {
            *own += other;
        }
    }

    /// The upper end of the range that loses least of the distribution when `levels` integers stand for it; the
    /// histogram starts at zero. See [`super::entropy`].
    pub(super) fn least_divergence(&self, levels: usize) -> f64 {
        let kept = super::entropy::kept(&self.counts, levels);
        self.edge(u32::try_from(kept).expect("at most all bins"))
    }

    fn edge(&self, bins_below: u32) -> f64 {
        self.low + (self.high - self.low) * (f64::from(bins_below) / f64::from(BINS))
    }

    /// The range without at most `above` of the values at the top and `below` at the bottom (shares, 0..1), cut
    /// at edges of bins.
    pub(super) fn without(&self, below: f64, above: f64) -> (f64, f64) {
        let total = number(self.counts.iter().sum());
        let cut = |share: f64, counts: &mut dyn Iterator<Item = &u64>| {
            let mut seen = 0;
            let mut bins = 0;
            for count in counts {
                seen += count;
                if number(seen) > share * total || bins + 1 == BINS {
                    break;
                }
                bins += 1;
            }
            bins
        };
        let bottom = cut(below, &mut self.counts.iter());
        let top = cut(above, &mut self.counts.iter().rev());
        (self.edge(bottom), self.edge(BINS - top))
    }

    /// The fraction of the range, `1/128 ..= 1`, whose square error is smallest; the largest of equals.
    ///
    /// `round_trip` takes a fraction and gives what a real number becomes there and back.
    pub(super) fn best_fraction<F: Fn(f64) -> f64>(&self, round_trip: impl Fn(f64) -> F) -> f64 {
        let mut best = (f64::INFINITY, 1.0);
        for numerator in (1..=FRACTIONS).rev() {
            let fraction = f64::from(numerator) / f64::from(FRACTIONS);
            let back = round_trip(fraction);
            let mut error = 0.0;
            for (place, &count) in (0..BINS).zip(&self.counts) {
                if count > 0 {
                    let centre = 0.5 * (self.edge(place) + self.edge(place + 1));
                    let off = back(centre) - centre;
                    error += number(count) * off * off;
                }
            }
            if error < best.0 {
                best = (error, fraction);
            }
        }
        best.1
    }
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "edges of bins are exact here")]
mod tests {
    use super::*;

    fn filled() -> Histogram {
        let mut histogram = Histogram::new(0.0, 2048.0);
        for value in 0..2048 {
            histogram.add(f64::from(value) + 0.5);
        }
        histogram
    }

    #[test]
    fn a_percentile_keeps_at_least_its_share() {
        assert_eq!(filled().without(0.0, 0.0), (0.0, 2048.0));
        // 1 % of 2048 values is 20.48: 20 may go.
        assert_eq!(filled().without(0.0, 0.01), (0.0, 2028.0));
        assert_eq!(filled().without(0.25, 0.25), (512.0, 1536.0));
    }

    #[test]
    fn one_outlier_is_worth_clipping() {
        let mut histogram = Histogram::new(0.0, 8.0);
        for value in 0..10_000u32 {
            histogram.add(f64::from(value % 100) / 100.0);
        }
        histogram.add(8.0);
        let coarse = |fraction: f64| {
            let scale = fraction * 8.0 / 15.0;
            move |x: f64| scale * (x / scale).round_ties_even().min(15.0)
        };
        let best = histogram.best_fraction(coarse);
        assert!(best < 0.5, "{best}");
        let no_error = |_: f64| |x: f64| x;
        assert_eq!(histogram.best_fraction(no_error), 1.0);
    }
}
