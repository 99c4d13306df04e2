//! The tables of the terminal and the page.

use super::{PrecisionReport, at, float_top1, granularity_words, methods_at, scales_words, top1};
use crate::precision::{Found, Point};
use crate::quantise::{Granularity, ScaleSet};
use crate::report::grid::Grid;

/// Top-1 by remedy and width: free scales per tensor and per channel, then powers of two.
pub(super) fn of(report: &PrecisionReport, network: &Found) -> Vec<Grid> {
    if network.points.is_empty() {
        return Vec::new();
    }
    let mut grids = Vec::new();
    for scales in [ScaleSet::Free, ScaleSet::PowerOfTwo] {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            grids.push(accuracy(report, network, granularity, scales));
        }
    }
    grids
}

fn accuracy(
    report: &PrecisionReport,
    network: &Found,
    granularity: Granularity,
    scales: ScaleSet,
) -> Grid {
    let title = format!(
        "{}, weights {}, {}: top-1 in % by bits of weights and activations (float {:.1} %)",
        network.id,
        granularity_words(granularity),
        scales_words(scales),
        float_top1(network)
    );
    let bits = &report.grid.bits;
    let mut grid = Grid::new(&title, &["remedy"], 1);
    grid.head
        .extend(bits.iter().map(|bits| format!("{bits} bits")));
    for &method in &report.grid.methods {
        let mut row = vec![method.words().to_owned()];
        row.extend(bits.iter().map(|&bits| {
            let point = Point {
                granularity,
                scales,
                bits,
                method,
            };
            if !methods_at(report, bits).contains(&method) {
                return "-".to_owned();
            }
            at(network, point).map_or_else(
                || "refused".to_owned(),
                |outcome| format!("{:.1}", top1(network, outcome)),
            )
        }));
        grid.rows.push(row);
    }
    grid
}
