//! The random cases reach what the comparison is about.

use crate::generator::cases;
use repchip::reparam::LayerOp;
use repchip::rtl::{Counters, LayerCounters};
use repchip::schedule::{LayerPlan, LoopOrder, OpKind, Strip, WeightMode};
use repchip::time::Cause;
use std::collections::BTreeSet;

/// What is worth a comparison in one layer.
fn features(plan: &LayerPlan) -> Vec<&'static str> {
    let LayerPlan::Array(plan) = plan else {
        return vec!["host"];
    };
    let work = &plan.work;
    let halo = |strips: &[Strip]| strips[0].in_rows.end > strips[1].in_rows.start;
    let mut features = vec![
        match plan.weights {
            WeightMode::Resident => "resident",
            WeightMode::Held => "held",
            WeightMode::Streamed => "streamed",
        },
        match plan.order {
            LoopOrder::StripOuter => "strips outside",
            LoopOrder::RowGroupOuter => "row groups outside",
        },
    ];
    let found = [
        (plan.strips.windows(2).any(halo), "halo"),
        (work.residual, "residual"),
        (work.row_groups() > 1, "row groups"),
        (
            work.packed && work.conv_pass_count() > 1,
            "passes of packed words",
        ),
        (work.conv.groups > 1, "groups"),
    ];
    features.extend(found.iter().filter(|(is, _)| *is).map(|(_, what)| what));
    features
}

/// The generator reaches what the comparison is about.
#[test]
fn the_cases_cover_what_they_should() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let mut see = |what: &str| {
            let class = case.title.split(':').next().unwrap_or_default();
            seen.insert(format!("{class} {what}"));
        };
        for plan in &case.schedule.layers {
            features(plan).into_iter().for_each(&mut see);
        }
        for layer in &case.schedule.graph.layers {
            if let LayerOp::FullyConnected { .. } = layer.op
                && case.schedule.batch > 1
            {
                see("fully connected");
            }
        }
        for layer in Counters::of(&case.timeline).layers {
            for (cause, cycles) in LayerCounters::CAUSES.iter().zip(layer.idle) {
                if cycles.0 > 0 {
                    see(cause.key());
                }
            }
        }
        if case.schedule.batch > 1 {
            see("batch");
        }
        let reads = |op: &OpKind| matches!(op, OpKind::Load { .. });
        let loads = case.schedule.ops.iter().filter(|op| reads(&op.kind));
        let last = case.schedule.layers.len() - 1;
        if last > 0 && loads.into_iter().all(|op| op.layer.0 == 0) {
            see("stays");
        }
    }
    for want in [
        "layer resident",
        "layer held",
        "layer streamed",
        "layer halo",
        "layer row groups",
        "chain stays",
        "chain streamed",
        "chain groups",
        "packed passes of packed words",
        "residual residual",
        "arithmetic residual",
        "wide residual",
        "layer strips outside",
        "layer row groups outside",
        "batch fully connected",
        "residual halo",
        "batch batch",
        "host host",
        "host inputs_wait",
        "host batch",
    ] {
        assert!(seen.contains(want), "{want} in {seen:?}");
    }
    for cause in LayerCounters::CAUSES {
        let class = if cause == Cause::Host {
            "host"
        } else {
            "layer"
        };
        let want = format!("{class} {}", cause.key());
        assert!(seen.contains(&want), "{want} in {seen:?}");
    }
}
