//! A stretch of a run in even columns of time, and amounts of several kinds in each, all in whole numbers: what is
//! split over columns adds up to what was put in.

use crate::report::figures::real;
use crate::units::{Cycles, Tick};

/// Parts of a cycle or of a byte: what a narrow column holds of a long span is not a whole number.
const PARTS: u64 = 4096;

/// A stretch of time in columns as even as whole cycles allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bins {
    from: u64,
    cycles: u64,
    columns: u64,
}

impl Bins {
    /// `most` columns from `from` to `to`, at least one; fewer where each would have less than a cycle.
    pub(super) fn new(from: Tick, to: Tick, most: u64) -> Self {
        let cycles = to.0.saturating_sub(from.0).max(1);
        Self {
            from: from.0,
            cycles,
            columns: most.clamp(1, cycles),
        }
    }

    /// Columns.
    pub(super) fn len(&self) -> u64 {
        self.columns
    }

    /// Cycles of all columns.
    pub(super) fn cycles(&self) -> Cycles {
        Cycles(self.cycles)
    }

    /// Cycles of the column.
    pub(super) fn width(&self, column: u64) -> Cycles {
        Cycles(self.edge(column + 1) - self.edge(column))
    }

    /// First cycle of the column.
    fn edge(&self, column: u64) -> u64 {
        self.from + proportion(self.cycles, column, self.columns)
    }

    /// The column that a cycle inside the stretch lies in.
    fn column(&self, cycle: u64) -> u64 {
        let ended = u128::from(cycle - self.from + 1) * u128::from(self.columns);
        let column = ended.div_ceil(u128::from(self.cycles)) - 1;
        u64::try_from(column).expect("a column is less than their number")
    }

    /// The columns that a span touches, each with its part of `amount`, spread evenly over the span. What lies outside
    /// the stretch goes to no column; a span of no length lies in the cycle that it ends.
    fn split(&self, span: [Tick; 2], amount: u64, mut put: impl FnMut(u64, u64)) {
        let to = span[1].0;
        let from = span[0].0.min(to.saturating_sub(1));
        let (first, end) = (from.max(self.from), to.min(self.from + self.cycles));
        if first >= end {
            return;
        }
        let until = |cycle: u64| proportion(amount, cycle - from, to - from);
        let mut before = until(first);
        for column in self.column(first)..=self.column(end - 1) {
            let so_far = until(self.edge(column + 1).min(end));
            put(column, so_far - before);
            before = so_far;
        }
    }
}

/// `amount · part / whole`, rounded down.
fn proportion(amount: u64, part: u64, whole: u64) -> u64 {
    let exact = u128::from(amount) * u128::from(part) / u128::from(whole);
    u64::try_from(exact).expect("a part is at most the whole")
}

/// Amounts of `N` kinds in each column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Histogram<const N: usize> {
    /// The columns.
    pub bins: Bins,
    /// By column, then by kind, in [`PARTS`].
    columns: Vec<[u64; N]>,
}

impl<const N: usize> Histogram<N> {
    /// Nothing in any column.
    pub(super) fn new(bins: Bins) -> Self {
        Self {
            bins,
            columns: (0..bins.len()).map(|_| [0; N]).collect(),
        }
    }

    /// Spreads `amount` of a kind evenly over the cycles from `span[0]` to before `span[1]`.
    pub(super) fn add(&mut self, span: [Tick; 2], kind: usize, amount: u64) {
        if amount > 0 {
            let columns = &mut self.columns;
            self.bins.split(span, amount * PARTS, |column, part| {
                let column = usize::try_from(column).expect("columns fit the memory");
                columns[column][kind] += part;
            });
        }
    }

    /// All columns, by kind; exact where all spans lie inside the stretch.
    pub(super) fn sums(&self) -> [u64; N] {
        let mut sums = [0; N];
        for column in &self.columns {
            for (sum, part) in sums.iter_mut().zip(column) {
                *sum += part;
            }
        }
        sums.map(|sum| sum / PARTS)
    }

    /// All kinds in all columns.
    pub(super) fn total(&self) -> u64 {
        self.sums().iter().sum()
    }

    /// Each column with its cycles, and for each kind how much of it and of the kinds before it the column holds.
    pub(super) fn stacks(&self) -> impl Iterator<Item = (Cycles, [f64; N])> {
        (0..self.bins.len())
            .map(|column| self.bins.width(column))
            .zip(&self.columns)
            .map(|(cycles, column)| {
                let mut below = 0;
                let stack = column.map(|part| {
                    below += part;
                    real(below) / real(PARTS)
                });
                (cycles, stack)
            })
    }
}

/// Where a kind stands among all kinds.
pub(super) fn place<T: PartialEq>(all: &[T], kind: &T) -> usize {
    all.iter()
        .position(|other| other == kind)
        .expect("all kinds are listed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(bins: Bins, span: [u64; 2], amount: u64) -> Vec<u64> {
        let mut parts = vec![0; usize::try_from(bins.len()).unwrap()];
        bins.split(span.map(Tick), amount, |column, part| {
            parts[usize::try_from(column).unwrap()] += part;
        });
        parts
    }

    #[test]
    fn a_narrow_column_holds_a_part_of_a_cycle() {
        let mut histogram: Histogram<2> = Histogram::new(Bins::new(Tick(0), Tick(40), 4));
        histogram.add([Tick(0), Tick(40)], 0, 6);
        histogram.add([Tick(0), Tick(20)], 1, 1);
        let stacks: Vec<_> = histogram.stacks().collect();
        assert_eq!(stacks[1], (Cycles(10), [1.5, 2.0]));
        assert_eq!(stacks[2], (Cycles(10), [1.5, 1.5]));
        assert_eq!(histogram.sums(), [6, 1]);
    }

    #[test]
    fn a_span_is_split_by_its_cycles_in_each_column() {
        let bins = Bins::new(Tick(0), Tick(40), 4);
        assert_eq!(split(bins, [3, 5], 64), [64, 0, 0, 0]);
        assert_eq!(split(bins, [5, 25], 100), [25, 50, 25, 0]);
        assert_eq!(split(bins, [5, 25], 3), [0, 2, 1, 0]);
        // Ends on an edge belong to the column before, starts on an edge to the one behind.
        assert_eq!(split(bins, [10, 20], 7), [0, 7, 0, 0]);
        assert_eq!(split(bins, [0, 40], 8), [2, 2, 2, 2]);
        assert_eq!(split(bins, [30, 40], 1), [0, 0, 0, 1]);
    }

    #[test]
    fn a_span_of_no_length_lies_in_the_cycle_that_it_ends() {
        let bins = Bins::new(Tick(0), Tick(40), 4);
        assert_eq!(split(bins, [20, 20], 64), [0, 64, 0, 0]);
        assert_eq!(split(bins, [40, 40], 64), [0, 0, 0, 64]);
    }

    #[test]
    fn a_window_takes_only_its_part() {
        let bins = Bins::new(Tick(10), Tick(30), 2);
        assert_eq!(split(bins, [0, 40], 40), [10, 10]);
        assert_eq!(split(bins, [0, 10], 40), [0, 0]);
        assert_eq!(split(bins, [30, 50], 40), [0, 0]);
    }

    #[test]
    fn a_run_of_few_cycles_has_a_column_a_cycle_and_an_empty_one_has_one() {
        assert_eq!(Bins::new(Tick(0), Tick(3), 100).len(), 3);
        assert_eq!(Bins::new(Tick(0), Tick(0), 100).len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn nothing_is_lost_or_added(
            cycles in 1_u64..5_000, most in 1_u64..300, amount in 0_u64..1_000_000,
            from in 0_u64..5_000, length in 0_u64..5_000,
        ) {
            let bins = Bins::new(Tick(0), Tick(cycles), most);
            let (from, to) = (from.min(cycles), (from + length).clamp(1, cycles));
            let parts = split(bins, [from, to], amount);
            prop_assert_eq!(parts.iter().sum::<u64>(), amount);
            let all: u64 = (0..bins.len()).map(|column| bins.width(column).0).sum();
            prop_assert_eq!(all, cycles);
            for cycle in [from.min(cycles - 1), to - 1] {
                let column = bins.column(cycle);
                prop_assert!(bins.edge(column) <= cycle && cycle < bins.edge(column + 1));
            }
        }
    }
}
