//! One value everywhere.

use super::{Candidates, Family};
use std::collections::BTreeMap;

pub(super) fn causes(list: &mut Candidates<'_>) {
    list.add(Family::Output, "output_zero", "every output is 0", |d| {
        d.write.constant = Some(0);
    });
    let case = list.case;
    let known = case.mismatches().filter_map(|at| case.observed[at]);
    if let Some(value) = most_frequent(known).filter(|&value| value != 0) {
        let text = format!("every output is {value}");
        list.add(Family::Output, "output_constant", text, |d| {
            d.write.constant = Some(value);
        });
    }
}

/// The value that occurs most often, the smallest of several.
pub(super) fn most_frequent(values: impl Iterator<Item = i32>) -> Option<i32> {
    let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let best = counts
        .into_iter()
        .max_by_key(|&(value, count)| (count, std::cmp::Reverse(value)));
    best.map(|(value, _)| value)
}
