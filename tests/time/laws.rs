//! What holds for every schedule.

use crate::jobs::{job, non_zero};
use crate::writer::Job;
use proptest::prelude::*;
use repchip::chip::{Dram, Pointwise};
use repchip::schedule::{LayerPlan, OpId, OpKind, Traffic, WeightMode, weights};
use repchip::time::{self, Account, Cause, Mode};
use repchip::units::{Bytes, Cycles, count};

/// The job with `parts` and `whole` times its bandwidth as `parts / whole`, at most one burst a cycle.
fn faster(job: &Job, parts: u64, whole: u64) -> Job {
    let mut chip = job.chip.clone();
    let Dram::Flat(dram) = &mut chip.dram;
    let (numerator, denominator) = (
        dram.bandwidth.numerator.get() * parts,
        dram.bandwidth.denominator.get() * whole,
    );
    let most = dram.burst.0 * denominator;
    dram.bandwidth.numerator = non_zero(numerator.min(most));
    dram.bandwidth.denominator = non_zero(denominator);
    Job {
        chip,
        schedule: job.schedule.clone(),
        fetched_by: job.fetched_by.clone(),
    }
}

fn total(job: &Job) -> u64 {
    time::run(&job.schedule, &job.chip, Mode::Real).total.0
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    #[test]
    fn more_bandwidth_never_costs_cycles(seed: u64, more in 1u64..40) {
        let job = job(seed);
        let slow = time::run(&job.schedule, &job.chip, Mode::Real);
        let job = faster(&job, 8 + more, 8);
        let fast = time::run(&job.schedule, &job.chip, Mode::Real);
        for (fast, slow) in fast.ops.iter().zip(&slow.ops) {
            prop_assert!(fast.end <= slow.end);
        }
        prop_assert!(fast.total <= slow.total);
    }

    #[test]
    fn less_latency_never_costs_cycles(seed: u64) {
        let mut job = job(seed);
        let slow = total(&job);
        let Dram::Flat(dram) = &mut job.chip.dram;
        dram.latency.0 /= 2;
        prop_assert!(total(&job) <= slow);
    }

    #[test]
    fn accounts_close_and_layers_follow_one_another(seed: u64) {
        let job = job(seed);
        for mode in [Mode::Real, Mode::Ideal] {
            let times = time::run(&job.schedule, &job.chip, mode);
            let mut now = 0;
            for layer in &times.layers {
                prop_assert_eq!(layer.start.0, now);
                prop_assert_eq!(layer.account.total(), layer.end - layer.start);
                now = layer.end.0;
            }
            prop_assert_eq!(times.total, Cycles(now));
            prop_assert_eq!(times.account().total(), times.total);
        }
    }

    #[test]
    fn a_record_tiles_the_run_and_adds_up_to_its_accounts(seed: u64) {
        let job = job(seed);
        let (times, record) = time::observed(&job.schedule, &job.chip);
        prop_assert_eq!(&times, &time::run(&job.schedule, &job.chip, Mode::Real));
        let mut now = repchip::units::Tick::ZERO;
        let mut layers = vec![Account::default(); times.layers.len()];
        for span in &record.array {
            prop_assert_eq!(span.from, now);
            prop_assert_eq!(span.account.total(), span.to - span.from);
            layers[span.layer.0].merge(&span.account);
            now = span.to;
        }
        prop_assert_eq!(now - repchip::units::Tick::ZERO, times.total);
        for (sum, layer) in layers.iter().zip(&times.layers) {
            prop_assert_eq!(sum, &layer.account);
        }
        let mut free = repchip::units::Tick::ZERO;
        let mut bytes = Bytes::ZERO;
        for span in &record.bus {
            let op = times.span(span.op);
            prop_assert!(free <= span.from && span.from < span.to);
            prop_assert!(op.start <= span.from && span.to <= op.end);
            free = span.to;
            bytes += span.bytes;
        }
        prop_assert_eq!(bytes, times.dram().bus());
    }

    #[test]
    fn ideal_is_the_closed_form_and_no_slower(seed: u64) {
        let job = job(seed);
        let real = time::run(&job.schedule, &job.chip, Mode::Real);
        let ideal = time::run(&job.schedule, &job.chip, Mode::Ideal);
        for (index, plan) in job.schedule.layers.iter().enumerate() {
            let LayerPlan::Array(plan) = plan else { unreachable!("a chain of convolutions") };
            let (conv, output, array) = (plan.work.conv, plan.work.output, job.chip.array);
            let lanes = array.pe.lanes;
            let inputs = plan.work.input.channels / conv.groups;
            let passes = if conv.kernel == 1 && array.pointwise == Pointwise::Packed {
                inputs.div_ceil(9 * lanes)
            } else {
                conv.kernel.div_ceil(3).pow(2) * inputs.div_ceil(lanes)
            };
            let rows = conv.groups * (output.channels / conv.groups).div_ceil(array.rows);
            let tiles = output.height.div_ceil(array.tile_h) * output.width.div_ceil(array.tile_w);
            let closed = count(job.schedule.batch * rows * tiles * passes);
            prop_assert_eq!(ideal.layers[index].end - ideal.layers[index].start, Cycles(closed));
            let residual = real.layers[index].account.get(Cause::Residual).0;
            prop_assert_eq!(real.layers[index].steps, closed + residual);
        }
        prop_assert!(ideal.total <= real.total);
    }

    #[test]
    fn dram_moves_what_the_operations_say(seed: u64) {
        let job = job(seed);
        let times = time::run(&job.schedule, &job.chip, Mode::Real);
        let Dram::Flat(dram) = &job.chip.dram;
        let mut payload = 0;
        for op in &job.schedule.ops {
            if let OpKind::Load { bytes, .. } | OpKind::Store { bytes, .. } = op.kind {
                payload += bytes.0;
            }
        }
        for (index, plan) in job.schedule.layers.iter().enumerate() {
            let LayerPlan::Array(plan) = plan else { unreachable!("a chain of convolutions") };
            let weight = u64::from(job.schedule.numerics.weight_bits[index].div_ceil(8));
            let taps = plan.work.conv.kernel.pow(2) * plan.work.group_inputs();
            for (fetching, row_group, blocks) in fetchings(&job, index) {
                let rows = count(plan.work.row_group(row_group).channels.len());
                payload += fetching * rows * (16 + count(blocks * taps) * weight);
            }
        }
        prop_assert_eq!(times.dram().payload().0, payload);
        prop_assert_eq!(times.dram().bus().0 % dram.burst.0, 0);
        prop_assert!(times.dram().bus().0 >= payload);
        // A bus never moves more than its bandwidth.
        let moved = u128::from(times.dram().bus().0) * u128::from(dram.bandwidth.denominator.get());
        prop_assert!(u128::from(times.total.0) * u128::from(dram.bandwidth.numerator.get()) >= moved);
    }
}

/// Every fetching of a layer: how often, of which row group, how many times each pass.
fn fetchings(job: &Job, layer: usize) -> Vec<(u64, usize, usize)> {
    let LayerPlan::Array(plan) = &job.schedule.layers[layer] else {
        unreachable!("a chain of convolutions")
    };
    let mut fills: Vec<(usize, usize)> = Vec::new();
    for op in &job.schedule.ops {
        if op.layer.0 == layer
            && let OpKind::Fetch {
                row_group,
                fills: f,
            } = &op.kind
        {
            if f.start == 0 {
                fills.push((*row_group, 0));
            }
            fills.last_mut().expect("fill 0 is first").1 += f.len();
        }
    }
    fills
        .into_iter()
        .map(|(group, fills)| (1, group, fills / plan.work.conv_pass_count()))
        .collect()
}

/// The schedule with the Fetches of each fetching that follow one another joined into one.
fn joined(job: &Job) -> Job {
    let mut schedule = job.schedule.clone();
    let mut places = Vec::new();
    schedule.ops.clear();
    for op in &job.schedule.ops {
        let before = schedule.ops.last_mut();
        if let (Some(before), OpKind::Fetch { row_group, fills }) = (before, &op.kind)
            && before.layer == op.layer
            && let OpKind::Fetch {
                row_group: same,
                fills: so_far,
            } = &mut before.kind
            && same == row_group
            && so_far.end == fills.start
        {
            so_far.end = fills.end;
        } else {
            let mut op = op.clone();
            op.after = op.after.iter().map(|o| OpId(places[o.0])).collect();
            schedule.ops.push(op);
        }
        places.push(schedule.ops.len() - 1);
    }
    for buffer in &mut schedule.buffers {
        buffer.live = OpId(0)..OpId(schedule.ops.len() - 1);
    }
    Job {
        chip: job.chip.clone(),
        schedule,
        fetched_by: std::collections::BTreeMap::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(128) })]

    /// A burst that holds the end of one pass and the begin of the next is read once.
    #[test]
    fn a_longer_fetch_never_costs_cycles(seed: u64) {
        let apart = job(seed);
        let joined = joined(&apart);
        prop_assert!(joined.schedule.ops.len() <= apart.schedule.ops.len());
        let slow = time::run(&apart.schedule, &apart.chip, Mode::Real);
        let fast = time::run(&joined.schedule, &joined.chip, Mode::Real);
        prop_assert!(fast.total <= slow.total);
        prop_assert_eq!(fast.dram().payload(), slow.dram().payload());
        prop_assert!(fast.dram().bus() <= slow.dram().bus());
        prop_assert_eq!(fast.account().total(), fast.total);
        // The bursts of each fetching are those its range touches, unless a block is streamed again.
        let Dram::Flat(dram) = &apart.chip.dram;
        let held = apart.schedule.layers.iter().all(
            |plan| matches!(plan, LayerPlan::Array(plan) if plan.weights != WeightMode::Streamed),
        );
        if held {
            let mut bus = 0;
            for op in &joined.schedule.ops {
                if let OpKind::Fetch { row_group, .. } = op.kind {
                    let LayerPlan::Array(plan) = &joined.schedule.layers[op.layer.0] else {
                        unreachable!("a chain of convolutions")
                    };
                    let bits = joined.schedule.numerics.weight_bits[op.layer.0];
                    let rows = plan.work.row_group(row_group);
                    let weight = Bytes(u64::from(bits.div_ceil(8)));
                    let bytes = weights::row_group_bytes(&plan.work, &rows, weight);
                    bus += bytes.0.next_multiple_of(dram.burst.0);
                }
            }
            prop_assert_eq!(fast.dram().get(Traffic::Weights).bus, Bytes(bus));
        }
    }
}
