//! What the gates say of a model with one constant changed: a gate that no change fails would prove nothing.

use super::Set;
use super::gates::{gates, statistics};
use super::record::{Row, figures};
use crate::constants::CHANGES;
use rayon::prelude::*;
use repchip::chip::Chip;
use repchip::rtl::Counters;
use repchip::time::{self, Mode};
use serde::Serialize;

/// A model with one constant changed.
#[derive(Debug, Serialize)]
pub(super) struct Changed {
    pub(super) constant: &'static str,
    /// Pairs of both sets that it times otherwise than the RTL.
    pub(super) pairs_that_differ: usize,
    pub(super) mean_absolute_error_percent: f64,
    pub(super) max_absolute_error_percent: f64,
    /// Names of the gates that fail, in either set.
    pub(super) gates_that_fail: Vec<String>,
}

/// Each constant changed, one at a time.
pub(super) fn changed(rows: &[Row]) -> Vec<Changed> {
    let concerns = |row: &Row, change: fn(&mut Chip)| {
        let mut chip = row.pair.chip.clone();
        change(&mut chip);
        chip != row.pair.chip
    };
    CHANGES
        .par_iter()
        // No pair has a host.
        .filter(|(_, change)| rows.iter().any(|row| concerns(row, *change)))
        .map(|(constant, change)| {
            let model = |row| {
                let row: &Row = row;
                let mut chip = row.pair.chip.clone();
                change(&mut chip);
                let timeline = time::run(&row.pair.schedule, &chip, Mode::Real);
                (row, figures(&Counters::of(&timeline)))
            };
            let rows: Vec<_> = rows.iter().map(model).collect();
            let [tuned, held_out] = Set::ALL.map(|set| statistics(set, &rows));
            let equal = tuned.pairs_with_equal_cycles + held_out.pairs_with_equal_cycles;
            let failing = Set::ALL.into_iter().flat_map(|set| gates(set, &rows));
            let mut failing: Vec<String> = failing
                .filter(|gate| !gate.passes)
                .map(|gate| gate.name)
                .collect();
            failing.sort();
            failing.dedup();
            let share = |set: &super::gates::Statistics| {
                f64::from(u32::try_from(set.pairs).expect("few")) * set.mean_absolute_error_percent
            };
            Changed {
                constant,
                pairs_that_differ: rows.len() - equal,
                mean_absolute_error_percent: (share(&tuned) + share(&held_out))
                    / f64::from(u32::try_from(rows.len()).expect("few")),
                max_absolute_error_percent: tuned
                    .max_absolute_error_percent
                    .max(held_out.max_absolute_error_percent),
                gates_that_fail: failing,
            }
        })
        .collect()
}
