//! The time of one Sweep, pass by pass.
//!
//! Patch `j` takes `max(1, R_j)` cycles and its step runs in the last of them. The kernel of the next pass is
//! read from the later of this pass's start and its slot's fill, for `W` cycles, into the second kernel bank; the
//! next pass starts when the last step and that read are both done. In the last pass the step of patch `j` also
//! waits until drain register `j` is empty; drains run one at a time in step order.

use super::reads::{RowReads, Window};
use super::{Account, Cause};
use crate::chip::Chip;
use crate::schedule::weights;
use crate::schedule::work::{ConvWork, Pass, PassKind};
use crate::units::{BytesPerCycle, Cycles, Tick, count};
use std::ops::Range;

/// Passes of one kind in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Index into [`SweepCost::kinds`].
    pub(super) kind: usize,
    /// Passes.
    pub(super) passes: usize,
    /// Cycles to read the kernel of one of them.
    pub(super) kernel: Cycles,
    /// Bytes of that read.
    kernel_bytes: u64,
}

/// One kind of pass: where it reads, and how long each block takes.
#[derive(Debug, Clone)]
struct Kind {
    window: Window,
    words: u32,
    /// By worst row load: filled where a tile row has it.
    reads: Vec<Option<RowReads>>,
}

/// Costs that all Sweeps of a layer share.
#[derive(Debug, Clone)]
pub(super) struct SweepCost {
    pub(super) work: ConvWork,
    kinds: Vec<Kind>,
    conv: Vec<Run>,
    residual: Option<usize>,
    requantisers: u64,
    write_words: u64,
    weight_bytes: u64,
    /// Weights of one output channel in front of each convolution pass, in step order; last the sum.
    weights_before: Vec<u64>,
}

/// What one Sweep asks of memories and requantisers, whatever the stalls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SweepAccess {
    pub(super) steps: u64,
    pub(super) residual_steps: u64,
    pub(super) activation_reads: u64,
    pub(super) activation_writes: u64,
    pub(super) weight_port_bytes: u64,
    pub(super) requantised: u64,
}

impl SweepCost {
    pub(super) fn new(work: &ConvWork, chip: &Chip, weight_bytes: u64) -> Self {
        let mut cost = Self {
            work: work.clone(),
            kinds: Vec::new(),
            conv: Vec::new(),
            residual: None,
            requantisers: count(chip.requantise.units),
            write_words: count(chip.requantise.write_words_per_cycle),
            weight_bytes,
            weights_before: vec![0],
        };
        let mut seen: Vec<(PassKind, Range<usize>, Range<usize>, usize)> = Vec::new();
        for pass in work.passes(0) {
            let key = (
                pass.kind,
                pass.tap_rows.clone(),
                pass.tap_cols.clone(),
                pass.words,
            );
            let kind = seen.iter().position(|k| *k == key).unwrap_or_else(|| {
                seen.push(key);
                cost.kinds.push(Kind::new(work, &pass, chip));
                seen.len() - 1
            });
            if pass.kind == PassKind::Residual {
                cost.residual = Some(kind);
                continue;
            }
            let before = *cost.weights_before.last().expect("starts with one entry");
            let own = match pass.kind {
                PassKind::Window => pass.channels.len() * pass.weight_taps,
                PassKind::Packed => pass.channels.len(),
                PassKind::Residual => 0,
            };
            cost.weights_before.push(before + count(own));
            let kernel_bytes =
                count(work.array.rows * work.array.pe.lanes * pass.weight_taps) * weight_bytes;
            let kernel = kernel_cycles(kernel_bytes, chip.weight_sram.port);
            match cost.conv.last_mut() {
                Some(run) if run.kind == kind => run.passes += 1,
                Some(_) | None => cost.conv.push(Run {
                    kind,
                    passes: 1,
                    kernel,
                    kernel_bytes,
                }),
            }
        }
        cost
    }

    /// Passes of row group `row_group` in order, as runs of one kind.
    pub(super) fn runs(&self, row_group: usize) -> Vec<Run> {
        let mut runs = self.conv.clone();
        if let Some(kind) = self.residual {
            let passes = self.work.pass_count(row_group) - self.work.conv_pass_count();
            runs.push(Run {
                kind,
                passes,
                kernel: Cycles::ZERO,
                kernel_bytes: 0,
            });
        }
        runs
    }

    /// Byte range of fill `fill` within its row group's DRAM range; fill 0 begins with the parameter block.
    pub(super) fn fill_bytes(&self, row_group: usize, fill: usize) -> Range<u64> {
        let rows = self.work.row_group(row_group);
        let block = weights::parameter_block_bytes(&rows).0;
        let pass = fill % self.work.conv_pass_count();
        let weights = |pass: usize| {
            block + count(rows.channels.len()) * self.weights_before[pass] * self.weight_bytes
        };
        let start = if fill == 0 { 0 } else { weights(pass) };
        start..weights(pass + 1)
    }

    /// Read times of `tile_row` in a pass of `kind`.
    fn reads(&self, kind: usize, tile_row: usize) -> &RowReads {
        let kind = &self.kinds[kind];
        let worst = kind.window.rows[tile_row].worst;
        kind.reads[worst as usize]
            .as_ref()
            .expect("made for every worst row load that occurs")
    }

    /// Drain cycles of each patch of a tile row: of a full tile and of the last tile column.
    fn drain_times(&self, channels: &Range<usize>, tile_row: usize) -> [u64; 2] {
        let rows = self.work.valid_rows(tile_row).len();
        let last = self.work.tile_cols() - 1;
        [0, last].map(|tile| {
            let pixels = count(rows * self.work.valid_cols(tile).len());
            let outputs = pixels * count(channels.len());
            let words = pixels * self.output_words(channels);
            outputs
                .div_ceil(self.requantisers)
                .max(words.div_ceil(self.write_words))
        })
    }

    /// Words of one pixel that a row group's channels touch.
    fn output_words(&self, channels: &Range<usize>) -> u64 {
        let lanes = self.work.array.pe.lanes;
        count((channels.end - 1) / lanes - channels.start / lanes + 1)
    }

    /// Accesses of one Sweep.
    pub(super) fn access(&self, row_group: usize, out_rows: &Range<usize>) -> SweepAccess {
        let rows = self.work.row_group(row_group);
        let tiles = self.work.tile_rows(out_rows);
        let patches = count(tiles.len() * self.work.tile_cols());
        let blocks = count(tiles.len() * self.work.blocks());
        let pixels = count(out_rows.len() * self.work.output.width);
        let mut access = SweepAccess {
            activation_writes: pixels * self.output_words(&rows.channels),
            requantised: pixels * count(rows.channels.len()),
            ..SweepAccess::default()
        };
        for run in self.runs(row_group) {
            let kind = &self.kinds[run.kind];
            let passes = count(run.passes);
            let lines: u64 = tiles
                .clone()
                .map(|tile| u64::from(kind.window.rows[tile].count))
                .sum();
            access.activation_reads +=
                passes * lines * kind.columns(&self.work) * u64::from(kind.words);
            access.weight_port_bytes += passes * blocks * run.kernel_bytes;
            access.steps += passes * patches;
            if Some(run.kind) == self.residual {
                access.residual_steps += passes * patches;
            }
        }
        access
    }
}

fn kernel_cycles(bytes: u64, port: BytesPerCycle) -> Cycles {
    crate::units::Bytes(bytes).over(port)
}

impl Kind {
    fn new(work: &ConvWork, pass: &Pass, chip: &Chip) -> Self {
        let sram = &chip.activation_sram;
        let window = Window::new(work, pass, sram);
        let small = |n: usize| u32::try_from(n).expect("at most nine words a pixel");
        let words = small(pass.words);
        let bank_words = if words > 1 {
            small(sram.bank_channels)
        } else {
            1
        };
        let most = window.rows.iter().map(|r| r.worst).max().unwrap_or(0);
        let mut reads = vec![None; most as usize + 1];
        for row in &window.rows {
            reads[row.worst as usize].get_or_insert_with(|| {
                RowReads::new(work, &window.columns, row.worst, words, bank_words)
            });
        }
        Self {
            window,
            words,
            reads,
        }
    }

    /// Columns read in one tile row of a pass.
    fn columns(&self, work: &ConvWork) -> u64 {
        (0..work.tile_cols())
            .map(|tile| {
                let first = tile % work.array.pe.accumulators == 0;
                let columns = &self.window.columns;
                u64::from(if first {
                    columns.fresh[tile].count
                } else {
                    columns.reused[tile].count
                })
            })
            .sum()
    }
}

/// The array between two passes.
#[derive(Debug, Clone)]
pub(super) struct ArrayState {
    /// After the last step.
    pub(super) now: Tick,
    /// Start of the pass that ran last: the read of the next kernel may start here.
    pub(super) pass_start: Tick,
    /// First cycle in which each drain register is empty.
    registers: Vec<Tick>,
    /// End of the drain that runs last.
    pub(super) drained: Tick,
}

/// A Sweep under way.
#[derive(Debug, Clone)]
pub(super) struct SweepCursor {
    runs: Vec<Run>,
    passes: usize,
    channels: Range<usize>,
    tiles: Range<usize>,
    tile: usize,
    block: usize,
    run: usize,
    in_run: usize,
    pass: usize,
}

/// Slot of the next pass, as the cursor sees it.
pub(super) trait Fills {
    /// When the slot of pass `pass` in block `block` (counted over the Sweep) is filled, if known.
    fn ready(&self, block: usize, pass: usize) -> Option<Tick>;
    /// Tells that the pass ended.
    fn ended(&mut self, block: usize, pass: usize, last_block: bool, at: Tick);
    /// Whether all slots of the Sweep were filled by `at`, and none is freed before its last block.
    fn all_ready(&self, at: Tick) -> bool;
}

impl ArrayState {
    pub(super) fn new(accumulators: usize) -> Self {
        Self {
            now: Tick::ZERO,
            pass_start: Tick::ZERO,
            registers: vec![Tick::ZERO; accumulators],
            drained: Tick::ZERO,
        }
    }

    /// Lets time pass until the later of `now` and each bound, charging each wait to the first unmet bound.
    pub(super) fn wait(&mut self, account: &mut Account, bounds: &[(Cause, Tick)]) {
        for (cause, until) in bounds {
            if *until > self.now {
                account.add(*cause, *until - self.now);
                self.now = *until;
            }
        }
    }
}

impl SweepCursor {
    pub(super) fn new(cost: &SweepCost, row_group: usize, out_rows: &Range<usize>) -> Self {
        let tiles = cost.work.tile_rows(out_rows);
        Self {
            runs: cost.runs(row_group),
            passes: cost.work.pass_count(row_group),
            channels: cost.work.row_group(row_group).channels,
            tile: tiles.start,
            tiles,
            block: 0,
            run: 0,
            in_run: 0,
            pass: 0,
        }
    }

    fn block_of_sweep(&self, cost: &SweepCost) -> usize {
        (self.tile - self.tiles.start) * cost.work.blocks() + self.block
    }

    fn last_block(&self, cost: &SweepCost) -> bool {
        self.tile + 1 == self.tiles.end && self.block + 1 == cost.work.blocks()
    }

    /// Cycles to read the kernel of the next pass.
    pub(super) fn kernel(&self) -> Cycles {
        self.runs[self.run].kernel
    }

    /// When the slot of the next pass is filled, if known.
    pub(super) fn ready(&self, cost: &SweepCost, fills: &impl Fills) -> Option<Tick> {
        fills.ready(self.block_of_sweep(cost), self.pass)
    }

    /// Runs passes until the Sweep ends (true) or a slot's fill is not known yet (false). The first pass must have
    /// been started by the caller: `started` says that `array.now` is its first cycle.
    pub(super) fn advance(
        &mut self,
        cost: &SweepCost,
        array: &mut ArrayState,
        fills: &mut impl Fills,
        account: &mut Account,
        mut started: bool,
    ) -> bool {
        loop {
            if !started {
                let Some(ready) = self.ready(cost, fills) else {
                    return false;
                };
                let read = array.pass_start.max(ready);
                array.wait(
                    account,
                    &[
                        (Cause::WeightsWait, read),
                        (Cause::WeightPort, read + self.kernel()),
                    ],
                );
            }
            started = false;
            array.pass_start = array.now;
            if self.pass + 1 == self.passes {
                self.last_pass(cost, array, fills, account);
                if self.next_block(cost) {
                    return true;
                }
                continue;
            }
            let bulk = self.bulk(cost, array, fills);
            if bulk > 1 {
                self.run_bulk(cost, array, account, bulk);
            } else {
                self.one_pass(cost, array, fills, account);
            }
        }
    }

    /// Passes from here on that the closed form may run at once: one kind, all slots filled, none freed, no drain.
    fn bulk(&self, cost: &SweepCost, array: &ArrayState, fills: &impl Fills) -> usize {
        let rest = self.runs[self.run].passes - self.in_run;
        let before_last = self.passes - 1 - self.pass;
        let rest = rest.min(before_last);
        if rest > 1 && !self.last_block(cost) && fills.all_ready(array.pass_start) {
            rest
        } else {
            0
        }
    }

    /// `n` passes of one kind: each takes the longer of its reads and the next one's kernel.
    fn run_bulk(
        &mut self,
        cost: &SweepCost,
        array: &mut ArrayState,
        account: &mut Account,
        n: usize,
    ) {
        let run = &self.runs[self.run];
        let patches = count(cost.work.block(self.block).len());
        let reads = cost.reads(run.kind, self.tile).block[self.block];
        let each = reads.max(run.kernel.0);
        let (n64, last) = (count(n), array.now + Cycles((count(n) - 1) * each));
        account.add(Cause::ActPort, Cycles(n64 * (reads - patches)));
        account.add(Cause::WeightPort, Cycles((n64 - 1) * (each - reads)));
        array.pass_start = last;
        array.now = last + Cycles(reads);
        self.skip(n);
    }

    fn one_pass(
        &mut self,
        cost: &SweepCost,
        array: &mut ArrayState,
        fills: &mut impl Fills,
        account: &mut Account,
    ) {
        let patches = count(cost.work.block(self.block).len());
        let reads = cost.reads(self.runs[self.run].kind, self.tile).block[self.block];
        account.add(Cause::ActPort, Cycles(reads - patches));
        array.now += Cycles(reads);
        fills.ended(
            self.block_of_sweep(cost),
            self.pass,
            self.last_block(cost),
            array.now,
        );
        self.skip(1);
    }

    /// The pass whose steps end the outputs: each waits for its drain register.
    fn last_pass(
        &mut self,
        cost: &SweepCost,
        array: &mut ArrayState,
        fills: &mut impl Fills,
        account: &mut Account,
    ) {
        let reads = cost.reads(self.runs[self.run].kind, self.tile);
        let [drain, edge_drain] = cost.drain_times(&self.channels, self.tile);
        let tiles = cost.work.block(self.block);
        let last_tile = cost.work.tile_cols() - 1;
        let (mut drain_wait, mut port_wait) = (0, 0);
        let (mut now, mut drained) = (array.now.0, array.drained.0);
        for (register, tile) in array.registers.iter_mut().zip(tiles) {
            let read_done = now + u64::from(reads.patch[tile]) - 1;
            let empty = register.0.max(now);
            drain_wait += empty - now;
            let step = empty.max(read_done);
            port_wait += step - empty;
            now = step + 1;
            drained = drained.max(now) + if tile == last_tile { edge_drain } else { drain };
            *register = Tick(drained);
        }
        account.add(Cause::Drain, Cycles(drain_wait));
        account.add(Cause::ActPort, Cycles(port_wait));
        array.now = Tick(now);
        array.drained = Tick(drained);
        fills.ended(
            self.block_of_sweep(cost),
            self.pass,
            self.last_block(cost),
            array.now,
        );
    }

    fn skip(&mut self, passes: usize) {
        self.pass += passes;
        self.in_run += passes;
        if self.in_run == self.runs[self.run].passes {
            self.run += 1;
            self.in_run = 0;
        }
    }

    /// Moves to the next block; true when the Sweep is done.
    fn next_block(&mut self, cost: &SweepCost) -> bool {
        (self.run, self.in_run, self.pass) = (0, 0, 0);
        self.block += 1;
        if self.block == cost.work.blocks() {
            self.block = 0;
            self.tile += 1;
        }
        self.tile == self.tiles.end
    }
}
