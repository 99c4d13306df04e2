//! What the array and the DRAM bus did when: the record of one fold, for pictures over time and traces.
//!
//! The array's spans tile the run without a gap: from each operation's end to the next one's, waits included. A
//! span says how many of its cycles each cause took, not which; over all spans of a layer the causes add up to the
//! layer's account.

use super::{Account, Cause, LayerTime};
use crate::reparam::LayerId;
use crate::schedule::OpId;
use crate::units::{Bytes, Cycles, Tick};

/// What array and bus did when, each in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// From the first tick to the last, without a gap.
    pub array: Vec<ArraySpan>,
    /// Times of the data bus that is busy without a break for one operation; no two overlap.
    pub bus: Vec<BusSpan>,
}

/// Cycles of array, vector unit and host up to the end of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArraySpan {
    /// The layer that the cycles are charged to.
    pub layer: LayerId,
    /// The operation; `None` for the start and the end of a layer.
    pub op: Option<OpId>,
    /// End of the span before.
    pub from: Tick,
    /// End of the operation's last step.
    pub to: Tick,
    /// Its cycles by cause. Steps are split as in the whole layer, rounded so that the layer's sums are exact.
    pub account: Account,
}

/// Bursts of one operation, one behind the other on the data bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusSpan {
    /// Whose bursts.
    pub op: OpId,
    /// First cycle, rounded up as [`BusSpan::to`].
    pub from: Tick,
    /// First cycle in which the last burst's data count.
    pub to: Tick,
    /// Whole bursts.
    pub bytes: Bytes,
}

/// The causes that steps of a convolution are split into, in the order of every report.
const STEPS: [Cause; 5] = [
    Cause::Useful,
    Cause::KernelIdle,
    Cause::LaneIdle,
    Cause::RowIdle,
    Cause::TileEdge,
];

/// The array's record under way: spans without their convolution steps, which only the whole layer can split.
#[derive(Debug, Clone, Default)]
pub(super) struct ArrayRecord {
    spans: Vec<ArraySpan>,
    /// End of the last span.
    mark: Tick,
    /// The layer's account at that time.
    before: Account,
}

impl ArrayRecord {
    /// What `account`, a layer's, holds so far is not of the spans to come.
    pub(super) fn begin(&mut self, account: &Account) {
        self.before = *account;
    }

    /// The time since the last note was `op`'s; `account` is the layer's so far.
    pub(super) fn note(&mut self, layer: LayerId, op: Option<OpId>, now: Tick, account: &Account) {
        if now > self.mark {
            self.spans.push(ArraySpan {
                layer,
                op,
                from: self.mark,
                to: now,
                account: since(&self.before, account),
            });
        }
        self.mark = now;
        self.before = *account;
    }

    /// Adds to each span its share of its layer's steps.
    pub(super) fn finish(mut self, layers: &[LayerTime]) -> Vec<ArraySpan> {
        let mut left: Vec<[u64; 5]> = layers
            .iter()
            .map(|layer| STEPS.map(|cause| layer.account.get(cause).0))
            .collect();
        for span in &mut self.spans {
            let steps = (span.to - span.from).0 - span.account.total().0;
            let shares = take(&mut left[span.layer.0], steps);
            for (cause, share) in STEPS.into_iter().zip(shares) {
                span.account.add(cause, Cycles(share));
            }
        }
        self.spans
    }
}

/// Cycles charged between two states of one account.
fn since(before: &Account, after: &Account) -> Account {
    let mut account = Account::default();
    for cause in Cause::ALL {
        account.add(cause, Cycles(after.get(cause).0 - before.get(cause).0));
    }
    account
}

/// Takes `steps` out of what is left, in proportion, the rest from the causes in order; never more than is left.
fn take(left: &mut [u64; 5], steps: u64) -> [u64; 5] {
    let all: u64 = left.iter().sum();
    let part = |n: u64| {
        let exact = u128::from(n) * u128::from(steps) / u128::from(all.max(1));
        u64::try_from(exact).expect("a part is at most the whole")
    };
    let mut shares = left.map(part);
    let mut rest = steps - shares.iter().sum::<u64>();
    for (share, left) in shares.iter_mut().zip(left.iter_mut()) {
        let more = rest.min(*left - *share);
        *share += more;
        rest -= more;
        *left -= *share;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]
        #[test]
        fn shares_of_all_parts_add_up_to_the_whole(
            whole in proptest::array::uniform5(0_u64..1000),
            cuts in proptest::collection::vec(1_u64..400, 0..20),
        ) {
            let mut left = whole;
            let mut sums = [0; 5];
            let mut total: u64 = whole.iter().sum();
            for cut in cuts.into_iter().chain([u64::MAX]) {
                let steps = cut.min(total);
                total -= steps;
                let shares = take(&mut left, steps);
                prop_assert_eq!(shares.iter().sum::<u64>(), steps);
                for (sum, share) in sums.iter_mut().zip(shares) {
                    *sum += share;
                }
            }
            prop_assert_eq!(sums, whole);
        }
    }

    #[test]
    fn the_rest_goes_to_the_first_causes() {
        let mut left = [3, 0, 3, 0, 0];
        assert_eq!(take(&mut left, 1), [1, 0, 0, 0, 0]);
        assert_eq!(left, [2, 0, 3, 0, 0]);
    }
}
