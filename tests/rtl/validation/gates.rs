//! What the pairs must show, and whether they do.

use super::Set;
use super::record::{Figures, Row};
use serde::Serialize;

/// Figures that must be equal in every pair: steps, then what memories and ports count.
const EXACT: [(&str, &[&str]); 2] = [
    ("compute cycles", &["steps"]),
    (
        "access counts",
        &[
            "activation_reads",
            "activation_writes",
            "weight_port_bytes",
            "requantised",
        ],
    ),
];

/// The model's figures of each pair beside the RTL's.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Statistics {
    pub(super) pairs: usize,
    /// Pairs with a byte of DRAM that differs.
    pub(super) pairs_with_other_integers: usize,
    /// Pairs that take as many cycles in both, and as many of each cause.
    pub(super) pairs_with_equal_cycles: usize,
    /// Of the model's cycles, against the RTL's.
    pub(super) mean_absolute_error_percent: f64,
    pub(super) mean_signed_error_percent: f64,
    pub(super) p95_absolute_error_percent: f64,
    pub(super) max_absolute_error_percent: f64,
}

/// A condition, what it allows and what was found.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Gate {
    pub(super) name: String,
    pub(super) limit: String,
    pub(super) found: String,
    pub(super) passes: bool,
}

/// Statistics of the pairs of `set`, each with what a model says of it.
pub(super) fn statistics(set: Set, rows: &[(&Row, Figures)]) -> Statistics {
    let rows: Vec<_> = rows.iter().filter(|(row, _)| row.pair.set == set).collect();
    let errors: Vec<f64> = rows
        .iter()
        .map(|(row, model)| row.error(model["total"]))
        .collect();
    let mut sizes: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    sizes.sort_by(f64::total_cmp);
    Statistics {
        pairs: rows.len(),
        pairs_with_other_integers: rows.iter().filter(|(row, _)| row.bytes_differ > 0).count(),
        pairs_with_equal_cycles: rows.iter().filter(|(row, model)| row.rtl == *model).count(),
        mean_absolute_error_percent: mean(&sizes),
        mean_signed_error_percent: mean(&errors),
        // The least error that 95 of a hundred pairs do not exceed.
        p95_absolute_error_percent: sizes[(sizes.len() * 95).div_ceil(100) - 1],
        max_absolute_error_percent: sizes[sizes.len() - 1],
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).expect("few"))
}

/// The gates of `set`.
pub(super) fn gates(set: Set, rows: &[(&Row, Figures)]) -> Vec<Gate> {
    let found = statistics(set, rows);
    let of_set = || rows.iter().filter(|(row, _)| row.pair.set == set);
    let all = |name: &str, equal: usize| Gate {
        name: format!("{name} equal"),
        limit: "every pair".to_owned(),
        found: format!("{equal} of {}", found.pairs),
        passes: equal == found.pairs,
    };
    let mut gates = vec![all(
        "integers",
        found.pairs - found.pairs_with_other_integers,
    )];
    for (name, figures) in EXACT {
        let equal =
            |(row, model): &&(&Row, Figures)| figures.iter().all(|f| row.rtl[f] == model[f]);
        gates.push(all(name, of_set().filter(equal).count()));
    }
    let limits = [
        ("mean |error|", found.mean_absolute_error_percent, 1.0),
        ("|mean error|", found.mean_signed_error_percent.abs(), 0.3),
        ("p95 |error|", found.p95_absolute_error_percent, 3.0),
        ("max |error|", found.max_absolute_error_percent, 5.0),
    ];
    gates.extend(limits.map(|(name, value, limit)| Gate {
        name: name.to_owned(),
        limit: format!("≤ {limit} %"),
        found: format!("{value:.4} %"),
        passes: value <= limit,
    }));
    gates.push(all("cycles and each cause", found.pairs_with_equal_cycles));
    gates
}

/// The rows with what the model says of each.
pub(super) fn with_model(rows: &[Row]) -> Vec<(&Row, Figures)> {
    rows.iter().map(|row| (row, row.model())).collect()
}
