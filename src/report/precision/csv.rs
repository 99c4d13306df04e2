//! The figures as CSV: units in the column names, empty cells where there is no figure.

use super::{PrecisionReport, float_top1, granularity_key, percent, scales_key, top1};
use crate::precision::{Branch, Found, OCTAVES, Outcome, Point, VariantLayers};

/// `points.csv`: a row a network and point.
pub(super) fn points(report: &PrecisionReport) -> Vec<u8> {
    let head = [
        "network",
        "weight_scales",
        "scales",
        "bits",
        "method",
        "images",
        "float_top1_percent",
        "top1_percent",
        "agreement_percent",
        "output_sqnr_db",
        "refused",
    ];
    let rows = report.networks.iter().flat_map(|network| {
        let points = network.points.iter();
        points.map(move |(point, outcome)| point_row(network, *point, outcome))
    });
    written(&head.map(str::to_owned), rows)
}

fn point_row(network: &Found, point: Point, outcome: &Result<Outcome, String>) -> Vec<String> {
    let mut row = vec![
        network.id.clone(),
        granularity_key(point.granularity).to_owned(),
        scales_key(point.scales).to_owned(),
        point.bits.to_string(),
        point.method.key().to_owned(),
        network.images.to_string(),
        format!("{:.2}", float_top1(network)),
    ];
    match outcome {
        Ok(outcome) => row.extend([
            format!("{:.2}", top1(network, *outcome)),
            format!("{:.2}", percent(outcome.agreed, network.images)),
            decibels(outcome.output_sqnr_db),
            String::new(),
        ]),
        Err(why) => row.extend([String::new(), String::new(), String::new(), why.clone()]),
    }
    row
}

/// `layers.csv`: a row a network, variant and layer.
pub(super) fn layers(report: &PrecisionReport) -> Vec<u8> {
    let head = [
        "network",
        "variant",
        "bits",
        "layer",
        "output_low",
        "output_high",
        "output_clipped_fraction",
        "dead_channels",
        "output_scale",
        "sqnr_alone_db",
        "sqnr_db",
        "weight_low",
        "weight_high",
        "channel_spread",
        "tail_share_fraction",
        "centre_to_ring",
        "weights_clipped_fraction",
        "smallest_weight_scale",
        "largest_weight_scale",
        "accumulator_bits",
    ];
    let rows = report.networks.iter().flat_map(|network| {
        let variants = network.variants.iter();
        variants.flat_map(move |variant| layer_rows(network, variant))
    });
    written(&head.map(str::to_owned), rows)
}

fn layer_rows(network: &Found, variant: &VariantLayers) -> Vec<Vec<String>> {
    let layers = variant.layers.as_deref().unwrap_or_default();
    layers
        .iter()
        .map(|layer| {
            let mut row = vec![
                network.id.clone(),
                variant.variant.key().to_owned(),
                variant.bits.to_string(),
                layer.name.clone(),
                figure(layer.range.low),
                figure(layer.range.high),
                figure(layer.clip_rate),
                layer.dead_channels.to_string(),
                figure(layer.scale),
                decibels(layer.sqnr_alone_db),
                decibels(layer.sqnr_db),
            ];
            match layer.weights {
                Some(weights) => row.extend([
                    figure(weights.range.low),
                    figure(weights.range.high),
                    figure(weights.channel_spread),
                    figure(weights.tail_share),
                    weights.centre_to_ring.map_or_else(String::new, figure),
                    figure(weights.clip_rate),
                    figure(weights.smallest_scale),
                    figure(weights.largest_scale),
                    weights.accumulator_bits.to_string(),
                ]),
                None => row.resize(20, String::new()),
            }
            row
        })
        .collect()
}

/// `weights.csv`: a row a block and branch, a column a power of two below the largest weight.
pub(super) fn weights(report: &PrecisionReport) -> Vec<u8> {
    let mut head = ["network", "block", "weights", "largest", "centre_to_ring"]
        .map(str::to_owned)
        .to_vec();
    head.extend((0..OCTAVES).map(|octave| format!("weights_at_2^-{octave}")));
    let rows = report.networks.iter().flat_map(|network| {
        network.branches.iter().flat_map(move |block| {
            block.branches.iter().map(move |(branch, magnitudes)| {
                let ratio = match branch {
                    Branch::Fused => block.centre_to_ring.map_or_else(String::new, figure),
                    Branch::ThreeByThree
                    | Branch::OneByOne
                    | Branch::Identity
                    | Branch::Equalised => String::new(),
                };
                let mut row = vec![
                    network.id.clone(),
                    block.block.clone(),
                    branch.words().to_owned(),
                    figure(magnitudes.largest),
                    ratio,
                ];
                row.extend(magnitudes.counts.iter().map(u64::to_string));
                row
            })
        })
    });
    written(&head, rows)
}

fn written(head: &[String], rows: impl Iterator<Item = Vec<String>>) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new().from_writer(Vec::new());
    for row in std::iter::once(head.to_vec()).chain(rows) {
        writer
            .write_record(&row)
            .expect("memory takes every record, and all rows are as wide as the header");
    }
    writer
        .into_inner()
        .expect("memory takes the last record as well")
}

/// Six significant digits; the last bits of a sum of logarithms are no result.
fn figure(value: f64) -> String {
    format!("{value:.5e}")
}

fn decibels(value: Option<f64>) -> String {
    value.map_or_else(String::new, |db| format!("{db:.2}"))
}
