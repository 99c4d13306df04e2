//! All figures as one JSON object; a figure's unit stands in its key.

use super::{PrecisionReport, float_top1, granularity_key, percent, scales_key, top1, words};
use crate::precision::{Found, Outcome, Point, VariantLayers};
use serde_json::{Value, json};

/// The text, which ends in a newline.
pub(super) fn text(report: &PrecisionReport) -> String {
    let networks: Vec<Value> = (report.networks.iter())
        .map(|network| self::network(report, network))
        .collect();
    let config = report.config.rows.iter();
    let object = json!({
        "version": report.provenance.version,
        "command": report.provenance.command,
        "study": { "name": report.title, "digest": report.provenance.digests.first().map(|d| &d.1) },
        "bits": report.grid.bits,
        "methods": report.grid.methods.iter().map(|method| method.key()).collect::<Vec<_>>(),
        "percentile_percent": report.grid.percentile,
        "spread_octaves": report.spread_octaves,
        "networks": networks,
        "config": config.map(|(key, value, source)| json!({ "key": key, "value": value, "source": source }))
            .collect::<Vec<_>>(),
    });
    format!("{object:#}\n")
}

fn network(report: &PrecisionReport, network: &Found) -> Value {
    let points = network.points.iter();
    json!({
        "id": network.id,
        "test_images": network.images,
        "calibration_images": network.calibration_images,
        "float_top1_percent": rounded(float_top1(network)),
        "equalisation": {
            "pairs": network.equalised.1,
            "rounds": network.equalised.0,
            "last_change_fraction": network.equalisation_left,
        },
        "sentences": words::of(report, network),
        "points": points.map(|(point, outcome)| self::point(network, *point, outcome)).collect::<Vec<_>>(),
        "layers": network.variants.iter().map(variant).collect::<Vec<_>>(),
        "blocks": network.branches.iter().map(|block| json!({
            "name": block.block,
            "centre_to_ring": block.centre_to_ring,
            "weights": block.branches.iter().map(|(branch, found)| json!({
                "of": branch.words(),
                "largest": found.largest,
                "counts_by_octave_below_largest": found.counts,
            })).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
    })
}

fn point(network: &Found, point: Point, outcome: &Result<Outcome, String>) -> Value {
    let mut object = json!({
        "weight_scales": granularity_key(point.granularity),
        "scales": scales_key(point.scales),
        "bits": point.bits,
        "method": point.method.key(),
    });
    let more = match outcome {
        Ok(outcome) => json!({
            "top1_percent": rounded(top1(network, *outcome)),
            "agreement_percent": rounded(percent(outcome.agreed, network.images)),
            "output_sqnr_db": outcome.output_sqnr_db.map(rounded),
        }),
        Err(why) => json!({ "refused": why }),
    };
    if let (Some(object), Some(more)) = (object.as_object_mut(), more.as_object()) {
        object.extend(more.clone());
    }
    object
}

fn variant(variant: &VariantLayers) -> Value {
    match &variant.layers {
        Ok(layers) => json!({
            "variant": variant.variant.key(),
            "bits": variant.bits,
            "layers": layers,
        }),
        Err(why) => {
            json!({ "variant": variant.variant.key(), "bits": variant.bits, "refused": why })
        }
    }
}

/// Two decimals: the last bits of a logarithm are no result.
fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
