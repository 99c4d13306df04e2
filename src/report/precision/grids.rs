//! The tables of the terminal and the page.

use super::{PrecisionReport, float_top1, granularity_words, scales_words, top1};
use crate::precision::{Found, Outcome, Point};
use crate::quantise::{Granularity, ScaleSet};
use crate::report::grid::Grid;
use crate::report::human::short;

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
        let found: Vec<Option<&Result<Outcome, String>>> = (bits.iter())
            .map(|&bits| {
                let point = Point {
                    granularity,
                    scales,
                    bits,
                    method,
                };
                let found = network.points.iter().find(|(tried, _)| *tried == point);
                found.map(|(_, outcome)| outcome)
            })
            .collect();
        if found.iter().all(Option::is_none) {
            continue;
        }
        row.extend(found.iter().map(|outcome| match outcome {
            Some(Ok(outcome)) => format!("{:.1}", top1(network, *outcome)),
            Some(Err(_)) => "refused".to_owned(),
            None => "-".to_owned(),
        }));
        grid.rows.push(row);
    }
    grid
}

/// A row a layer: what its weights and values are like, and its noise under every variant.
pub(super) fn layers(network: &Found) -> Vec<Grid> {
    let tables = network.variants.iter().filter_map(|variant| {
        let rows = variant.layers.as_ref().ok()?;
        let title = format!(
            "Layers of {}, {}, {} bits",
            network.id,
            variant.variant.words(),
            variant.bits
        );
        let head = [
            "layer",
            "SQNR dB",
            "alone dB",
            "outputs clipped %",
            "dead channels",
            "largest weight",
            "channel spread x",
            "tail share %",
            "centre / ring",
            "weights clipped %",
        ];
        let mut grid = Grid::new(&title, &head, 1);
        for row in rows {
            let db =
                |db: Option<f64>| db.map_or_else(|| "exact".to_owned(), |db| format!("{db:.1}"));
            let mut cells = vec![
                row.name.clone(),
                db(row.sqnr_db),
                db(row.sqnr_alone_db),
                short(100.0 * row.clip_rate, 2),
                row.dead_channels.to_string(),
            ];
            match row.weights {
                Some(weights) => cells.extend([
                    short(weights.range.high.max(-weights.range.low), 3),
                    short(weights.channel_spread, 3),
                    short(100.0 * weights.tail_share, 3),
                    weights
                        .centre_to_ring
                        .map_or_else(|| "-".to_owned(), |ratio| short(ratio, 3)),
                    short(100.0 * weights.clip_rate, 2),
                ]),
                None => cells.resize(head.len(), "-".to_owned()),
            }
            grid.rows.push(cells);
        }
        Some(grid)
    });
    tables.collect()
}
