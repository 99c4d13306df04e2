//! The time of one Sweep, pass by pass.
//!
//! Patch `j` takes `max(1, R_j)` cycles and its step runs in the last of them. The kernel of the next pass is
//! read from the later of this pass's start and its slot's fill, for `W` cycles, into the second kernel bank; the
//! next pass starts when the last step and that read are both done. In the last pass the step of patch `j` also
//! waits until drain register `j` is empty; drains run one at a time in step order.

use super::cost::{Run, SweepCost};
use super::{Account, Cause};
use crate::units::{Cycles, Tick, count};
use std::ops::Range;

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
    /// The cycle of each step of the Sweep under way, in step order, when somebody looks.
    pub(super) steps: Option<Vec<Tick>>,
}

/// A Sweep under way.
#[derive(Debug, Clone)]
pub(super) struct SweepCursor {
    runs: Vec<Run>,
    passes: usize,
    tiles: Range<usize>,
    /// Blocks of a tile row.
    blocks: usize,
    /// Drain cycles of a patch in a full tile row and in the last one: of a full tile and of the last tile column.
    drains: [[u64; 2]; 2],
    tile: usize,
    block: usize,
    /// Block counted over the Sweep, its tile columns, and whether it is the Sweep's last.
    place: usize,
    columns: Range<usize>,
    last_block: bool,
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
            steps: None,
        }
    }

    /// Notes the steps of a pass that starts now: each is in the last cycle of its patch's reads.
    fn note_steps(&mut self, reads: &[u32]) {
        if let Some(steps) = &mut self.steps {
            let mut end = self.now;
            for cycles in reads {
                end += Cycles(u64::from(*cycles));
                steps.push(Tick(end.0 - 1));
            }
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
        let channels = cost.work.row_group(row_group).channels;
        let blocks = cost.work.blocks();
        Self {
            runs: cost.runs(row_group),
            passes: cost.work.pass_count(row_group),
            blocks,
            drains: [tiles.start, tiles.end - 1].map(|tile| cost.drain_times(&channels, tile)),
            tile: tiles.start,
            block: 0,
            place: 0,
            columns: cost.work.block(0),
            last_block: tiles.len() == 1 && blocks == 1,
            tiles,
            run: 0,
            in_run: 0,
            pass: 0,
        }
    }

    /// Cycles to read the kernel of the next pass.
    pub(super) fn kernel(&self) -> Cycles {
        self.runs[self.run].kernel
    }

    /// When the slot of the next pass is filled, if known.
    pub(super) fn ready(&self, fills: &impl Fills) -> Option<Tick> {
        fills.ready(self.place, self.pass)
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
                let Some(ready) = self.ready(fills) else {
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
            let bulk = self.bulk(array, fills);
            if bulk > 1 {
                self.run_bulk(cost, array, account, bulk);
            } else {
                self.one_pass(cost, array, fills, account);
            }
        }
    }

    /// Passes from here on that the closed form may run at once: one kind, all slots filled, none freed, no drain.
    fn bulk(&self, array: &ArrayState, fills: &impl Fills) -> usize {
        let rest = self.runs[self.run].passes - self.in_run;
        let before_last = self.passes - 1 - self.pass;
        let rest = rest.min(before_last);
        if rest > 1 && !self.last_block && fills.all_ready(array.pass_start) {
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
        let patches = count(self.columns.len());
        let row = cost.reads(run.kind, self.tile);
        let reads = row.block[self.block];
        let each = reads.max(run.kernel.0);
        let begun = array.now;
        for pass in 0..array.steps.as_ref().map_or(0, |_| count(n)) {
            array.now = begun + Cycles(pass * each);
            array.note_steps(&row.patch[self.columns.clone()]);
        }
        array.now = begun;
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
        let patches = count(self.columns.len());
        let row = cost.reads(self.runs[self.run].kind, self.tile);
        let reads = row.block[self.block];
        array.note_steps(&row.patch[self.columns.clone()]);
        account.add(Cause::ActPort, Cycles(reads - patches));
        array.now += Cycles(reads);
        fills.ended(self.place, self.pass, self.last_block, array.now);
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
        // Only the last tile row of a map has fewer valid rows than the others.
        let [drain, edge_drain] = self.drains[usize::from(self.tile + 1 == self.tiles.end)];
        let last_tile = cost.work.tile_cols() - 1;
        let (mut drain_wait, mut port_wait) = (0, 0);
        let (mut now, mut drained) = (array.now.0, array.drained.0);
        for (register, tile) in array.registers.iter_mut().zip(self.columns.clone()) {
            let read_done = now + u64::from(reads.patch[tile]) - 1;
            let empty = register.0.max(now);
            drain_wait += empty - now;
            let step = empty.max(read_done);
            port_wait += step - empty;
            now = step + 1;
            if let Some(steps) = &mut array.steps {
                steps.push(Tick(step));
            }
            drained = drained.max(now) + if tile == last_tile { edge_drain } else { drain };
            *register = Tick(drained);
        }
        account.add(Cause::Drain, Cycles(drain_wait));
        account.add(Cause::ActPort, Cycles(port_wait));
        array.now = Tick(now);
        array.drained = Tick(drained);
        fills.ended(self.place, self.pass, self.last_block, array.now);
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
        self.place += 1;
        self.block += 1;
        if self.block == self.blocks {
            self.block = 0;
            self.tile += 1;
            if self.tile == self.tiles.end {
                return true;
            }
        }
        self.columns = cost.work.block(self.block);
        self.last_block = self.tile + 1 == self.tiles.end && self.block + 1 == self.blocks;
        false
    }
}
