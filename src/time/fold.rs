//! The fold: in-order engines that meet at the ends of operations, and pass by pass at the weight slots.
//!
//! DMA, array, vector unit and host each take their own operations in the order of the list. An engine goes on
//! until it needs a tick that another has not reached yet; then the other goes on. All times are maxima and sums
//! of earlier times, so the order in which engines are advanced changes nothing.
//!
//! Layers follow one another: an operation of the array, the vector unit or the host starts after the layer before
//! has ended. Only the DMA crosses a layer boundary.

use super::cost::{RowGroupShape, SweepAccess, SweepCost};
use super::dma::Dma;
use super::dram::Channel;
use super::fills::Slots;
use super::record::{ArrayRecord, Record};
use super::sweep::{ArrayState, SweepCursor};
use super::{Accesses, Account, Cause, DramTraffic, LayerTime, OpSpan};
use crate::chip::{Chip, Dram};
use crate::reparam::LayerId;
use crate::schedule::fills::FillPlan;
use crate::schedule::{LayerPlan, Op, OpId, OpKind, Schedule};
use crate::units::{Cycles, Macs, Tick};
use std::collections::BTreeMap;
use std::ops::Range;

/// What the fold leaves behind.
pub(super) struct Folded {
    pub(super) layers: Vec<LayerTime>,
    pub(super) ops: Vec<OpSpan>,
    pub(super) total: Cycles,
}

/// Runs `schedule` on `chip`.
pub(super) fn fold(schedule: &Schedule, chip: &Chip) -> Folded {
    let mut fold = Fold::new(schedule, chip);
    fold.run();
    fold.finish().0
}

/// The same fold, with a record of what array and bus did when.
pub(super) fn observed(schedule: &Schedule, chip: &Chip) -> (Folded, Record) {
    let mut fold = Fold::new(schedule, chip);
    fold.channel.observe();
    fold.record = Some(ArrayRecord::default());
    fold.run();
    let (folded, record) = fold.finish();
    (folded, record.expect("asked for above"))
}

/// The same fold, which tells the cycle of each step of the Sweeps of `layer`.
pub(super) fn steps(schedule: &Schedule, chip: &Chip, layer: LayerId) -> BTreeMap<OpId, Vec<Tick>> {
    let mut fold = Fold::new(schedule, chip);
    fold.watched = Some(layer);
    fold.run();
    fold.steps
}

/// Sweeps of one layer, with the same rows and a row group of the same shape, have the same accesses.
pub(super) type AccessKey = (LayerId, Range<usize>, RowGroupShape);

pub(super) struct Fold<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) chip: &'a Chip,
    pub(super) plan: FillPlan,
    pub(super) slots: Slots,
    /// Fills freed so far: fills are freed in order.
    pub(super) released: usize,
    pub(super) channel: Channel,
    pub(super) dma: Dma,
    pub(super) array: ArrayState,
    pub(super) sweep: Option<SweepCursor>,
    /// Costs of the layers on the array, made when first needed.
    pub(super) costs: Vec<Option<SweepCost>>,
    /// Operations of array, vector unit and host, in order, and the next of them.
    pub(super) work: Vec<usize>,
    pub(super) next: usize,
    pub(super) spans: Vec<Option<OpSpan>>,
    pub(super) layers: Vec<LayerTime>,
    /// Layer under way and where it started.
    pub(super) layer: Option<LayerId>,
    pub(super) layer_start: Tick,
    /// Strip and image of the Sweep before, within the layer.
    pub(super) strip: Option<(usize, usize)>,
    /// What the Sweep before asked of memories, and which Sweep that was.
    pub(super) access: Option<(AccessKey, SweepAccess)>,
    /// First cycle of the Sweep under way.
    pub(super) sweep_start: Tick,
    /// What the array did so far, when somebody looks.
    pub(super) record: Option<ArrayRecord>,
    /// The layer whose steps somebody looks at, and their cycles by Sweep.
    pub(super) watched: Option<LayerId>,
    pub(super) steps: BTreeMap<OpId, Vec<Tick>>,
}

impl<'a> Fold<'a> {
    fn new(schedule: &'a Schedule, chip: &'a Chip) -> Self {
        let Dram::Flat(dram) = &chip.dram;
        let plan = FillPlan::new(schedule);
        let slots = chip.weight_slots(schedule.numerics.widest_weight());
        let is_dma = |op: &Op| match op.kind {
            OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => true,
            OpKind::Sweep { .. } | OpKind::Vector { .. } | OpKind::Host { .. } => false,
        };
        let (dma, work) = (0..schedule.ops.len()).partition(|&i| is_dma(&schedule.ops[i]));
        let layers = (0..schedule.layers.len())
            .map(|layer| LayerTime {
                layer: LayerId(layer),
                start: Tick::ZERO,
                end: Tick::ZERO,
                account: Account::default(),
                macs: Macs(0),
                steps: 0,
                dram: DramTraffic::default(),
                accesses: Accesses::default(),
            })
            .collect();
        Self {
            schedule,
            chip,
            slots: Slots::new(slots, plan.total),
            plan,
            released: 0,
            channel: Channel::new(dram),
            dma: Dma::new(dma),
            array: ArrayState::new(chip.array.pe.accumulators),
            sweep: None,
            costs: vec![None; schedule.layers.len()],
            work,
            next: 0,
            spans: vec![None; schedule.ops.len()],
            layers,
            layer: None,
            layer_start: Tick::ZERO,
            strip: None,
            access: None,
            sweep_start: Tick::ZERO,
            record: None,
            watched: None,
            steps: BTreeMap::new(),
        }
    }

    fn run(&mut self) {
        loop {
            let moved = self.advance_dma() | self.advance_work();
            let done = self.dma.is_done() && self.next == self.work.len();
            if done {
                return;
            }
            assert!(moved, "a checked schedule has no deadlock");
        }
    }

    /// The latest end of the operations that `op` waits for, as `pick` sees their spans; `None` while one is open.
    pub(super) fn after(&self, op: &Op, pick: impl Fn(OpId, &OpSpan) -> Tick) -> Option<Tick> {
        op.after.iter().try_fold(Tick::ZERO, |latest, id| {
            Some(latest.max(pick(*id, self.spans[id.0].as_ref()?)))
        })
    }

    pub(super) fn make_cost(&mut self, layer: LayerId) {
        if self.costs[layer.0].is_some() {
            return;
        }
        if let LayerPlan::Array(plan) = &self.schedule.layers[layer.0] {
            let bits = self.schedule.numerics.weight_bits[layer.0];
            let bytes = u64::from(bits.div_ceil(8));
            self.costs[layer.0] = Some(SweepCost::new(&plan.work, self.chip, bytes));
        }
    }

    /// Takes what `layer` is charged so far as recorded.
    pub(super) fn record_from(&mut self, layer: LayerId) {
        if let Some(record) = &mut self.record {
            record.begin(&self.layers[layer.0].account);
        }
    }

    /// Records the array's time since the last record as that of `op`, or of the layer itself.
    pub(super) fn record(&mut self, layer: LayerId, op: Option<usize>) {
        if let Some(record) = &mut self.record {
            let account = &self.layers[layer.0].account;
            record.note(layer, op.map(OpId), self.array.now, account);
        }
    }

    /// The last layer ends with the last byte of the output in DRAM.
    fn finish(mut self) -> (Folded, Option<Record>) {
        let last = self.layer;
        assert!(self.leave(), "all operations have run");
        let stored = self
            .spans
            .iter()
            .flatten()
            .map(|span| span.end)
            .max()
            .unwrap_or(Tick::ZERO);
        if let Some(last) = last {
            let time = &mut self.layers[last.0];
            self.array
                .wait(&mut time.account, &[(Cause::OutputsWait, stored)]);
            time.end = self.array.now;
            self.record(last, None);
        }
        let ops = self
            .spans
            .into_iter()
            .map(|span| span.expect("all operations have run"))
            .collect();
        let folded = Folded {
            layers: self.layers,
            ops,
            total: self.array.now - Tick::ZERO,
        };
        let bus = self.channel.into_spans();
        let record = self.record.map(|array| Record {
            array: array.finish(&folded.layers),
            bus,
        });
        (folded, record)
    }
}
