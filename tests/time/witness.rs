//! The fold against the machine, on random jobs; reads, kernels and drains counted here, pixel by pixel.

use crate::channel::{self, Transfer};
use crate::jobs::job;
use crate::machine::{PassIn, run};
use crate::writer::Job;
use proptest::prelude::*;
use repchip::chip::{Chip, Dram, Reuse};
use repchip::reparam::LayerId;
use repchip::schedule::work::{ConvWork, Pass, PassKind};
use repchip::schedule::{ArrayPlan, LayerPlan, Op, OpKind, WeightMode, weights};
use repchip::time::{self, Cause, Mode, Timeline};
use repchip::units::{Bytes, count};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

type Pixels = BTreeSet<(usize, usize)>;

/// Pixels under the used taps of a tile's valid outputs.
fn pixels(work: &ConvWork, pass: &Pass, tile_row: usize, tile_col: usize) -> Pixels {
    let mut pixels = Pixels::new();
    let array = &work.array;
    for y in tile_row * array.tile_h..(tile_row + 1) * array.tile_h {
        for x in tile_col * array.tile_w..(tile_col + 1) * array.tile_w {
            if y >= work.output.height || x >= work.output.width {
                continue;
            }
            if pass.kind == PassKind::Residual {
                pixels.insert((y, x));
                continue;
            }
            let conv = &work.conv;
            for i in pass.tap_rows.clone() {
                for j in pass.tap_cols.clone() {
                    let row = (y * conv.stride + i * conv.dilation).checked_sub(conv.padding);
                    let col = (x * conv.stride + j * conv.dilation).checked_sub(conv.padding);
                    if let (Some(row), Some(col)) = (row, col)
                        && row < work.input.height
                        && col < work.input.width
                    {
                        pixels.insert((row, col));
                    }
                }
            }
        }
    }
    pixels
}

/// Pixels each patch of a block reads.
fn patches(
    work: &ConvWork,
    pass: &Pass,
    tile_row: usize,
    block: usize,
    reuse: Reuse,
) -> Vec<Pixels> {
    let mut before = Pixels::new();
    work.block(block)
        .map(|tile| {
            let all = pixels(work, pass, tile_row, tile);
            let new = match reuse {
                Reuse::Window => all.difference(&before).copied().collect(),
                Reuse::None => all.clone(),
            };
            before = all;
            new
        })
        .collect()
}

fn read_cycles(chip: &Chip, pass: &Pass, pixels: &Pixels) -> u64 {
    let sram = &chip.activation_sram;
    let mut loads: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for (y, x) in pixels {
        *loads
            .entry((y % sram.bank_rows, x % sram.bank_cols))
            .or_default() += pass.words;
    }
    let most = loads.values().copied().max().unwrap_or(0);
    let at_once = if pass.words > 1 {
        sram.bank_channels
    } else {
        1
    };
    count(most.div_ceil(at_once).max(1))
}

fn drain_cycles(
    chip: &Chip,
    work: &ConvWork,
    row_group: usize,
    tile_row: usize,
    tile: usize,
) -> u64 {
    let channels = work.row_group(row_group).channels;
    let pixels = work.valid_rows(tile_row).len() * work.valid_cols(tile).len();
    let words: BTreeSet<usize> = channels.clone().map(|c| c / work.array.pe.lanes).collect();
    let requantise = (pixels * channels.len()).div_ceil(chip.requantise.units);
    let write = (pixels * words.len()).div_ceil(chip.requantise.write_words_per_cycle);
    count(requantise.max(write))
}

/// The passes of one layer as the machine takes them, with the Sweep and the Fetch each belongs to.
fn layer_passes(
    job: &Job,
    times: &Timeline,
    id: LayerId,
    plan: &ArrayPlan,
) -> Vec<(usize, Option<usize>, PassIn)> {
    let mut all = Vec::new();
    let mut strip_before = None;
    let bits = job.schedule.numerics.weight_bits[id.0];
    for (index, op) in job.schedule.ops.iter().enumerate() {
        let OpKind::Sweep {
            row_group,
            strip,
            image,
        } = op.kind
        else {
            continue;
        };
        if op.layer != id {
            continue;
        }
        let mut gates = [0, 0];
        for other in &op.after {
            let gate = match job.schedule.ops[other.0].kind {
                OpKind::Store { .. } => &mut gates[0],
                _ => &mut gates[1],
            };
            *gate = times.span(*other).end.0.max(*gate);
        }
        let work = &plan.work;
        let passes = work.passes(row_group);
        let fetched = &job.fetched_by[&index];
        let mut first = true;
        let (mut block_of_sweep, port) = (0, job.chip.weight_sram.port.0.get());
        for tile_row in work.tile_rows(&plan.strips[strip].out_rows) {
            for block in 0..work.blocks() {
                for (number, pass) in passes.iter().enumerate() {
                    let slot = match plan.weights {
                        WeightMode::Streamed => block_of_sweep * work.conv_pass_count() + number,
                        WeightMode::Held | WeightMode::Resident => number,
                    };
                    let residual = pass.kind == PassKind::Residual;
                    let kernel = work.array.rows * work.array.pe.lanes * pass.weight_taps;
                    let last = number + 1 == passes.len();
                    let reuse = job.chip.activation_sram.reuse;
                    all.push((
                        index,
                        (!residual).then(|| fetched[slot]),
                        PassIn {
                            reads: patches(work, pass, tile_row, block, reuse)
                                .iter()
                                .map(|p| read_cycles(&job.chip, pass, p))
                                .collect(),
                            kernel: (count(kernel) * u64::from(bits.div_ceil(8))).div_ceil(port),
                            ready: if residual {
                                0
                            } else {
                                times.ops[fetched[slot]].end.0
                            },
                            drains: last.then(|| {
                                work.block(block)
                                    .map(|tile| {
                                        drain_cycles(&job.chip, work, row_group, tile_row, tile)
                                    })
                                    .collect()
                            }),
                            gates: if first { gates } else { [0, 0] },
                            pipeline: if first && strip_before != Some((strip, image)) {
                                job.chip.control.pipeline_cycles.0
                            } else {
                                0
                            },
                            first,
                        },
                    ));
                    first = false;
                }
                block_of_sweep += 1;
            }
        }
        strip_before = Some((strip, image));
    }
    all
}

/// Words read and kernel bytes of a layer, counted pixel by pixel and pass by pass.
fn accesses(job: &Job, id: LayerId, plan: &ArrayPlan) -> [u64; 2] {
    let work = &plan.work;
    let bytes = usize::from(job.schedule.numerics.weight_bits[id.0].div_ceil(8));
    let (mut words, mut kernels) = (0, 0);
    for op in &job.schedule.ops {
        let OpKind::Sweep {
            row_group, strip, ..
        } = op.kind
        else {
            continue;
        };
        if op.layer != id {
            continue;
        }
        for tile_row in work.tile_rows(&plan.strips[strip].out_rows) {
            for block in 0..work.blocks() {
                for pass in work.passes(row_group) {
                    let reuse = job.chip.activation_sram.reuse;
                    words += patches(work, &pass, tile_row, block, reuse)
                        .iter()
                        .map(|p| p.len() * pass.words)
                        .sum::<usize>();
                    kernels += work.array.rows * work.array.pe.lanes * pass.weight_taps * bytes;
                }
            }
        }
    }
    [count(words), count(kernels)]
}

const STEPS: [Cause; 6] = [
    Cause::Useful,
    Cause::KernelIdle,
    Cause::LaneIdle,
    Cause::RowIdle,
    Cause::TileEdge,
    Cause::Residual,
];

/// Bytes of one fill of a row group in DRAM; fill 0 begins with the parameter block.
fn fill_bytes(job: &Job, op: &Op, row_group: usize, fill: usize) -> Range<u64> {
    let LayerPlan::Array(plan) = &job.schedule.layers[op.layer.0] else {
        unreachable!("a chain of convolutions")
    };
    let rows = plan.work.row_group(row_group);
    let bytes = u64::from(job.schedule.numerics.weight_bits[op.layer.0].div_ceil(8));
    let pass = fill % plan.work.conv_pass_count();
    let base = job.schedule.dram.weights[op.layer.0][row_group].0;
    let (mut start, mut end) = (base, base + weights::parameter_block_bytes(&rows).0);
    for (index, each) in plan.work.passes(row_group)[..=pass].iter().enumerate() {
        if index > 0 || fill > 0 {
            start = end;
        }
        end += weights::pass_bytes(&rows, each, Bytes(bytes)).0;
    }
    start..end
}

/// Loads, Stores and Fetches against the channel's clock; `freed` says when each Fetch's slot was last used.
fn check_dma(seed: u64, job: &Job, times: &Timeline, freed: &BTreeMap<usize, u64>) {
    let slots = job.chip.weight_slots(job.schedule.numerics.widest_weight());
    let (mut transfers, mut told, mut fetches) = (Vec::new(), Vec::new(), Vec::new());
    for (index, op) in job.schedule.ops.iter().enumerate() {
        let ends = op.after.iter().map(|o| times.span(*o));
        let (from, bytes) = match &op.kind {
            OpKind::Load { start, bytes, .. } => {
                let from = ends.map(|s| s.steps_end.0).max().unwrap_or(0);
                (from, start.0..start.0 + bytes.0)
            }
            OpKind::Store { start, bytes, .. } => {
                let from = ends.map(|s| s.end.0).max().unwrap_or(0);
                (from, start.0..start.0 + bytes.0)
            }
            OpKind::Fetch { row_group, fills } => {
                fetches.push(index);
                let before = fetches.len().checked_sub(slots + 1);
                let from = before.map_or(0, |b| freed[&fetches[b]]);
                (from, fill_bytes(job, op, *row_group, fills.start))
            }
            OpKind::Sweep { .. } | OpKind::Vector { .. } | OpKind::Host { .. } => continue,
        };
        transfers.push(Transfer { from, bytes });
        told.push([times.ops[index].start.0, times.ops[index].end.0]);
    }
    let Dram::Flat(dram) = &job.chip.dram;
    assert_eq!(told, channel::run(&transfers, dram), "seed {seed}: DMA");
}

fn check(seed: u64) {
    let job = job(seed);
    let times = time::run(&job.schedule, &job.chip, Mode::Real);
    let mut now = 0;
    let mut freed: BTreeMap<usize, u64> = BTreeMap::new();
    for (index, layer) in times.layers.iter().enumerate() {
        let LayerPlan::Array(plan) = &job.schedule.layers[index] else {
            unreachable!("a chain of convolutions")
        };
        assert_eq!(layer.start.0, now, "seed {seed}: layers follow one another");
        let passes = layer_passes(&job, &times, LayerId(index), plan);
        let (mut owners, mut fetches, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        for (owner, fetch, pass) in passes {
            owners.push(owner);
            fetches.push(fetch);
            inputs.push(pass);
        }
        let passes = inputs;
        let mut seen = run(&passes, now, job.chip.control.layer_start_cycles.0);
        if index + 1 == times.layers.len() {
            let stored = times
                .ops
                .iter()
                .map(|s| s.end.0)
                .max()
                .expect("there are operations");
            if stored > seen.end {
                *seen.idle.entry(Cause::OutputsWait).or_default() += stored - seen.end;
                seen.end = stored;
            }
        }
        let told: BTreeMap<Cause, u64> = Cause::ALL
            .into_iter()
            .filter(|c| !STEPS.contains(c) && layer.account.get(*c).0 > 0)
            .map(|c| (c, layer.account.get(c).0))
            .collect();
        assert_eq!(
            told, seen.idle,
            "seed {seed} layer {index}: idle cycles by cause"
        );
        assert_eq!(layer.end.0, seen.end, "seed {seed} layer {index}: end");
        assert_eq!(layer.steps, seen.steps, "seed {seed} layer {index}: steps");
        let steps: u64 = STEPS.iter().map(|c| layer.account.get(*c).0).sum();
        assert_eq!(
            steps, seen.steps,
            "seed {seed} layer {index}: steps by cause"
        );
        assert_eq!(
            layer.account.total(),
            layer.end - layer.start,
            "seed {seed}"
        );
        let mut sweeps = owners;
        sweeps.dedup();
        let spans: Vec<[u64; 2]> = sweeps
            .iter()
            .map(|op| [times.ops[*op].start.0, times.ops[*op].steps_end.0])
            .collect();
        assert_eq!(spans, seen.sweeps, "seed {seed} layer {index}: sweeps");
        let drained: Vec<u64> = sweeps.iter().map(|op| times.ops[*op].end.0).collect();
        assert_eq!(drained, seen.drained, "seed {seed} layer {index}: drains");
        for (fetch, end) in fetches.iter().zip(&seen.passes) {
            if let Some(fetch) = fetch {
                freed.insert(*fetch, *end);
            }
        }
        let [words, kernels] = accesses(&job, LayerId(index), plan);
        assert_eq!(
            layer.accesses.activation_reads, words,
            "seed {seed} layer {index}"
        );
        assert_eq!(
            layer.accesses.weight_port_bytes, kernels,
            "seed {seed} layer {index}"
        );
        now = layer.end.0;
    }
    check_dma(seed, &job, &times, &freed);
    assert_eq!(times.total.0, now, "seed {seed}: total");
    assert_eq!(
        times.account().total(),
        times.total,
        "seed {seed}: causes add up"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn the_fold_is_the_machine(seed in 0u64..1_000_000) {
        check(seed);
    }
}
