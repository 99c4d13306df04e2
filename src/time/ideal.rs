//! Time when memories, ports and everything but the convolution steps cost nothing: closed forms.

use super::fold::Folded;
use super::{Accesses, Account, DramTraffic, LayerTime, OpSpan, account};
use crate::reparam::LayerId;
use crate::schedule::{LayerPlan, Schedule};
use crate::units::{Cycles, Macs, Tick};

/// Layers one after another, each the closed form of its convolution steps.
pub(super) fn fold(schedule: &Schedule) -> Folded {
    let mut now = Tick::ZERO;
    let mut layers = Vec::with_capacity(schedule.layers.len());
    for (index, plan) in schedule.layers.iter().enumerate() {
        let layer = LayerId(index);
        let (mut split, mut macs, mut steps) = (Account::default(), Macs(0), 0);
        if let LayerPlan::Array(plan) = plan {
            let images = schedule.images_swept(layer);
            account::charge_steps(&mut split, &plan.work, images);
            macs = account::macs(&plan.work, images);
            steps = account::conv_steps(&plan.work, images);
        }
        let start = now;
        now += Cycles(steps);
        layers.push(LayerTime {
            layer,
            start,
            end: now,
            account: split,
            macs,
            steps,
            dram: DramTraffic::default(),
            accesses: Accesses::default(),
        });
    }
    let span = |layer: LayerId| {
        let time = &layers[layer.0];
        OpSpan {
            start: time.start,
            steps_end: time.end,
            end: time.end,
        }
    };
    let ops = schedule.ops.iter().map(|op| span(op.layer)).collect();
    Folded {
        layers,
        ops,
        total: now - Tick::ZERO,
    }
}
