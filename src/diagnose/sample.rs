//! Which elements a cause is tried on.

use super::Case;

/// The elements that a cause is tried on, each in memory order.
#[derive(Debug, Clone, Default)]
pub(super) struct Sample {
    /// Elements that do not match.
    pub(super) wrong: Vec<[usize; 4]>,
    /// Elements that match.
    pub(super) right: Vec<[usize; 4]>,
}

impl Sample {
    /// At most `wrong` elements that do not match and `right` that do, evenly spread.
    pub(super) fn new(case: &Case, wrong: usize, right: usize) -> Self {
        let total = case.golden.len();
        let mismatches = case.mismatches().count();
        let mut sample = Self::default();
        let (mut wrongs, mut rights) = (0, 0);
        for (at, differs) in case.pairs() {
            let (list, seen, all, cap) = if differs {
                (&mut sample.wrong, &mut wrongs, mismatches, wrong)
            } else {
                (&mut sample.right, &mut rights, total - mismatches, right)
            };
            if taken(*seen, all, cap) {
                list.push(at);
            }
            *seen += 1;
        }
        sample
    }

    /// At most `wrong` and `right` of these elements, evenly spread.
    pub(super) fn part(&self, wrong: usize, right: usize) -> Self {
        let part = |list: &[[usize; 4]], cap: usize| {
            let indexed = list.iter().enumerate();
            indexed
                .filter(|(at, _)| taken(*at, list.len(), cap))
                .map(|(_, element)| *element)
                .collect()
        };
        Self {
            wrong: part(&self.wrong, wrong),
            right: part(&self.right, right),
        }
    }
}

/// Whether number `at` of `all` is one of `cap` evenly spread.
fn taken(at: usize, all: usize, cap: usize) -> bool {
    all <= cap || (at + 1) * cap / all > at * cap / all
}

#[cfg(test)]
mod tests {
    use super::taken;

    #[test]
    fn as_many_as_asked_evenly_spread() {
        for (all, cap) in [(10, 3), (7, 7), (5, 9), (1000, 64), (9, 0)] {
            let chosen: Vec<usize> = (0..all).filter(|&at| taken(at, all, cap)).collect();
            assert_eq!(chosen.len(), all.min(cap), "{cap} of {all}");
        }
    }
}
