//! The fold: in-order engines that meet at the ends of operations, and pass by pass at the weight slots.
//!
//! DMA, array, vector unit and host each take their own operations in the order of the list. An engine goes on
//! until it needs a tick that another has not reached yet; then the other goes on. All times are maxima and sums
//! of earlier times, so the order in which engines are advanced changes nothing.
//!
//! Layers follow one another: an operation of the array, the vector unit or the host starts after the layer before
//! has ended. Only the DMA crosses a layer boundary.

use super::dram::Channel;
use super::fills::{FillPlan, Slots};
use super::offload::{host_cycles, vector_cycles};
use super::sweep::{ArrayState, Fills, SweepCost, SweepCursor};
use super::{Accesses, Account, Cause, DramTraffic, LayerTime, OpSpan, account};
use crate::chip::{Chip, Dram};
use crate::reparam::LayerId;
use crate::schedule::{ArrayPlan, LayerPlan, Op, OpId, OpKind, Schedule, Traffic, WeightMode};
use crate::units::{Addr, Bytes, Cycles, Macs, Tick, count};
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
    fold.finish()
}

struct Fold<'a> {
    schedule: &'a Schedule,
    chip: &'a Chip,
    plan: FillPlan,
    slots: Slots,
    /// Fills freed so far: fills are freed in order.
    released: usize,
    channel: Channel,
    dma: Dma,
    array: ArrayState,
    sweep: Option<SweepCursor>,
    /// Costs of the layers on the array, made when first needed.
    costs: Vec<Option<SweepCost>>,
    /// Operations of array, vector unit and host, in order, and the next of them.
    work: Vec<usize>,
    next: usize,
    spans: Vec<Option<OpSpan>>,
    layers: Vec<LayerTime>,
    /// Layer under way and where it started.
    layer: Option<LayerId>,
    layer_start: Tick,
    /// Strip and image of the Sweep before, within the layer.
    strip: Option<(usize, usize)>,
    /// First cycle of the Sweep under way.
    sweep_start: Tick,
}

struct Dma {
    ops: Vec<usize>,
    next: usize,
    fetch: Option<FetchCursor>,
}

/// A Fetch under way.
struct FetchCursor {
    fill: usize,
    first: usize,
    /// Bytes of the row group's range that are issued, and where the last burst's data count.
    issued_to: Addr,
    arrived: Tick,
    started: Option<Tick>,
    position: Addr,
    bus: Bytes,
}

/// The slots of one fetching, as a Sweep sees them.
struct SweepFills<'a> {
    slots: &'a mut Slots,
    released: &'a mut usize,
    mode: WeightMode,
    base: usize,
    passes: usize,
    last_use: bool,
}

impl SweepFills<'_> {
    fn fill(&self, block: usize, pass: usize) -> usize {
        match self.mode {
            WeightMode::Resident | WeightMode::Held => self.base + pass,
            WeightMode::Streamed => self.base + block * self.passes + pass,
        }
    }
}

impl Fills for SweepFills<'_> {
    fn ready(&self, block: usize, pass: usize) -> Option<Tick> {
        if pass < self.passes {
            self.slots.ready(self.fill(block, pass))
        } else {
            Some(Tick::ZERO)
        }
    }

    fn ended(&mut self, block: usize, pass: usize, last_block: bool, at: Tick) {
        let frees = match self.mode {
            WeightMode::Resident | WeightMode::Held => last_block && self.last_use,
            WeightMode::Streamed => true,
        };
        if frees && pass < self.passes {
            let fill = self.fill(block, pass);
            self.slots.free(fill, at);
            *self.released = fill + 1;
        }
    }

    fn all_ready(&self, at: Tick) -> bool {
        match self.mode {
            WeightMode::Streamed => false,
            WeightMode::Resident | WeightMode::Held => self
                .slots
                .ready(self.base + self.passes - 1)
                .is_some_and(|ready| ready <= at),
        }
    }
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
            dma: Dma {
                ops: dma,
                next: 0,
                fetch: None,
            },
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
            sweep_start: Tick::ZERO,
        }
    }

    fn run(&mut self) {
        loop {
            let moved = self.advance_dma() | self.advance_work();
            let done = self.dma.next == self.dma.ops.len() && self.next == self.work.len();
            if done {
                return;
            }
            assert!(moved, "a checked schedule has no deadlock");
        }
    }

    /// The latest end of the operations that `op` waits for, as `pick` sees their spans; `None` while one is open.
    fn after(&self, op: &Op, pick: impl Fn(OpId, &OpSpan) -> Tick) -> Option<Tick> {
        op.after.iter().try_fold(Tick::ZERO, |latest, id| {
            Some(latest.max(pick(*id, self.spans[id.0].as_ref()?)))
        })
    }

    // ---- DMA ----

    fn advance_dma(&mut self) -> bool {
        let mut moved = false;
        while let Some(&index) = self.dma.ops.get(self.dma.next) {
            let op = &self.schedule.ops[index];
            let span = match &op.kind {
                OpKind::Load { start, bytes, .. } | OpKind::Store { start, bytes, .. } => {
                    self.transfer(op, *start, *bytes)
                }
                OpKind::Fetch { row_group, .. } => {
                    let (span, progress) = self.fetch(index, op, *row_group);
                    moved |= progress;
                    span
                }
                OpKind::Sweep { .. } | OpKind::Vector { .. } | OpKind::Host { .. } => {
                    unreachable!("not an operation of the DMA engine")
                }
            };
            let Some(span) = span else { return moved };
            self.spans[index] = Some(span);
            self.dma.next += 1;
            moved = true;
        }
        moved
    }

    fn transfer(&mut self, op: &Op, start: Addr, bytes: Bytes) -> Option<OpSpan> {
        let (traffic, is_load) = match &op.kind {
            OpKind::Load { traffic, .. } => (*traffic, true),
            OpKind::Store { traffic, .. } => (*traffic, false),
            OpKind::Fetch { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. }
            | OpKind::Host { .. } => {
                unreachable!("a Fetch is not an address range of a tensor")
            }
        };
        let from = self.after(
            op,
            |_, span| if is_load { span.steps_end } else { span.end },
        )?;
        let (first, end, bus) = self.channel.range(from, start, bytes);
        let words = self.words_moved(op);
        let layer = &mut self.layers[op.layer.0];
        let moved = layer.dram.of(traffic);
        if is_load {
            moved.read += bytes;
        } else {
            moved.written += bytes;
        }
        moved.bus += bus;
        layer.accesses.dma_words += words;
        Some(OpSpan {
            start: first,
            steps_end: end,
            end,
        })
    }

    fn words_moved(&self, op: &Op) -> u64 {
        match &op.kind {
            OpKind::Load { buffer, rows, .. } | OpKind::Store { buffer, rows, .. } => {
                let shape = self
                    .schedule
                    .graph
                    .shape(self.schedule.buffers[buffer.0].tensor);
                let words = shape.channels.div_ceil(self.chip.array.pe.lanes);
                count(rows.len() * shape.width * words)
            }
            OpKind::Fetch { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. }
            | OpKind::Host { .. } => 0,
        }
    }

    /// Goes on with a Fetch until it ends or needs a slot that is not free yet.
    fn fetch(&mut self, index: usize, op: &Op, row_group: usize) -> (Option<OpSpan>, bool) {
        let OpKind::Fetch { fills, .. } = &op.kind else {
            unreachable!("a Fetch")
        };
        let Some(from) = self.after(op, |_, span| span.end) else {
            return (None, false);
        };
        self.make_cost(op.layer);
        let cost = self.costs[op.layer.0].as_ref().expect("just made");
        let base = self.schedule.dram.weights[op.layer.0][row_group];
        let mut cursor = self.dma.fetch.take().unwrap_or_else(|| {
            let position = base + Bytes(cost.fill_bytes(row_group, fills.start).start);
            FetchCursor {
                fill: fills.start,
                first: self.plan.first[index],
                issued_to: position,
                arrived: Tick::ZERO,
                started: None,
                position,
                bus: Bytes::ZERO,
            }
        });
        let burst = self.channel.burst_bytes();
        let (mut moved, mut payload) = (false, Bytes::ZERO);
        while cursor.fill < fills.end {
            let number = cursor.first + (cursor.fill - fills.start);
            let Some(free) = self.slots.free_for(number, self.released) else {
                break;
            };
            let range = cost.fill_bytes(row_group, cursor.fill);
            let (start, end) = (base + Bytes(range.start), base + Bytes(range.end));
            if start != cursor.position {
                // A streamed row group starts again at its first pass.
                cursor.issued_to = start;
            }
            while cursor.issued_to < end {
                let (issue, arrived) = self.channel.burst(from.max(free));
                cursor.started.get_or_insert(issue);
                cursor.arrived = arrived;
                cursor.issued_to = Addr((cursor.issued_to.0 / burst.0 + 1) * burst.0);
                cursor.bus += burst;
            }
            self.slots.fill(cursor.arrived.max(free));
            payload += Bytes(end.0 - start.0);
            cursor.position = end;
            cursor.fill += 1;
            moved = true;
        }
        let layer = &mut self.layers[op.layer.0];
        let weights = layer.dram.of(Traffic::Weights);
        weights.read += payload;
        weights.bus += cursor.bus;
        cursor.bus = Bytes::ZERO;
        layer.accesses.weight_slot_bytes += payload.0;
        if cursor.fill < fills.end {
            self.dma.fetch = Some(cursor);
            return (None, moved);
        }
        let start = cursor.started.unwrap_or(cursor.arrived);
        (
            Some(OpSpan {
                start,
                steps_end: cursor.arrived,
                end: cursor.arrived,
            }),
            true,
        )
    }

    // ---- array, vector unit, host ----

    fn advance_work(&mut self) -> bool {
        let mut moved = false;
        while let Some(&index) = self.work.get(self.next) {
            let op = &self.schedule.ops[index];
            if self.layer != Some(op.layer) && !self.enter(op.layer) {
                return moved;
            }
            let span = match &op.kind {
                OpKind::Sweep {
                    row_group,
                    strip,
                    image,
                } => {
                    let (span, progress) = self.sweep(index, op, *row_group, *strip, *image);
                    moved |= progress;
                    span
                }
                OpKind::Vector { strip, .. } => self.vector(op, *strip),
                OpKind::Host { .. } => self.host(op),
                OpKind::Load { .. } | OpKind::Store { .. } | OpKind::Fetch { .. } => {
                    unreachable!("an operation of the DMA engine")
                }
            };
            let Some(span) = span else { return moved };
            self.spans[index] = Some(span);
            self.next += 1;
            moved = true;
        }
        moved
    }

    /// Ends the layer under way and begins `layer`; false while the end is not known.
    fn enter(&mut self, layer: LayerId) -> bool {
        if !self.leave() {
            return false;
        }
        self.layer = Some(layer);
        self.layer_start = self.array.now;
        self.strip = None;
        self.layers[layer.0].start = self.layer_start;
        if let LayerPlan::Array(plan) = &self.schedule.layers[layer.0] {
            self.make_cost(layer);
            let images = self.schedule.images_swept(layer);
            let time = &mut self.layers[layer.0];
            let mut account = std::mem::take(&mut time.account);
            let setup = self.array.now + self.chip.control.layer_start_cycles;
            self.array.wait(&mut account, &[(Cause::Setup, setup)]);
            self.layers[layer.0].account = account;
            self.layers[layer.0].macs = account::macs(&plan.work, images);
            account::charge_steps(&mut self.layers[layer.0].account, &plan.work, images);
        }
        true
    }

    /// Ends the layer under way: last drain, host's last Load.
    fn leave(&mut self) -> bool {
        let Some(layer) = self.layer else { return true };
        let plan = &self.schedule.layers[layer.0];
        let end = match plan {
            LayerPlan::Array(_) => Some((Cause::Drain, self.array.drained)),
            LayerPlan::Vector { .. } => None,
            LayerPlan::Host => {
                let loads =
                    self.schedule.ops.iter().zip(&self.spans).filter(|(op, _)| {
                        op.layer == layer && matches!(op.kind, OpKind::Load { .. })
                    });
                let mut latest = Tick::ZERO;
                for (_, span) in loads {
                    let Some(span) = span else { return false };
                    latest = latest.max(span.end);
                }
                Some((Cause::Host, latest))
            }
        };
        let time = &mut self.layers[layer.0];
        if let Some(bound) = end {
            self.array.wait(&mut time.account, &[bound]);
        }
        time.end = self.array.now;
        self.layer = None;
        true
    }

    fn make_cost(&mut self, layer: LayerId) {
        if self.costs[layer.0].is_some() {
            return;
        }
        if let LayerPlan::Array(plan) = &self.schedule.layers[layer.0] {
            let bits = self.schedule.numerics.weight_bits[layer.0];
            let bytes = u64::from(bits.div_ceil(8));
            self.costs[layer.0] = Some(SweepCost::new(&plan.work, self.chip, bytes));
        }
    }

    /// Bounds before an operation of array or vector unit: free output rows, then loaded inputs.
    fn bounds(&self, op: &Op) -> Option<[(Cause, Tick); 2]> {
        let (mut outputs, mut inputs) = (Tick::ZERO, Tick::ZERO);
        for id in &op.after {
            let end = self.spans[id.0].as_ref()?.end;
            match self.schedule.ops[id.0].kind {
                OpKind::Store { .. } => outputs = outputs.max(end),
                OpKind::Load { .. } => inputs = inputs.max(end),
                OpKind::Fetch { .. }
                | OpKind::Sweep { .. }
                | OpKind::Vector { .. }
                | OpKind::Host { .. } => {}
            }
        }
        Some([(Cause::OutputsWait, outputs), (Cause::InputsWait, inputs)])
    }

    fn sweep(
        &mut self,
        index: usize,
        op: &Op,
        row_group: usize,
        strip: usize,
        image: usize,
    ) -> (Option<OpSpan>, bool) {
        let LayerPlan::Array(plan) = &self.schedule.layers[op.layer.0] else {
            unreachable!("a Sweep belongs to a layer on the array")
        };
        let cost = self.costs[op.layer.0]
            .take()
            .expect("made on entering the layer");
        let result = self.sweep_with(index, op, plan, &cost, (row_group, strip, image));
        self.costs[op.layer.0] = Some(cost);
        result
    }

    fn sweep_with(
        &mut self,
        index: usize,
        op: &Op,
        plan: &ArrayPlan,
        cost: &SweepCost,
        (row_group, strip, image): (usize, usize, usize),
    ) -> (Option<OpSpan>, bool) {
        let out_rows = &plan.strips[strip].out_rows;
        let passes = cost.work.conv_pass_count();
        let mut account = self.layers[op.layer.0].account;
        let fresh = self.sweep.is_none();
        let bounds = self.bounds(op);
        let mut fills = SweepFills {
            slots: &mut self.slots,
            released: &mut self.released,
            mode: plan.weights,
            base: self.plan.first[index],
            passes,
            last_use: self.plan.last_use[index],
        };
        if fresh {
            let cursor = SweepCursor::new(cost, row_group, out_rows);
            let (Some(bounds), Some(ready)) = (bounds, cursor.ready(cost, &fills)) else {
                return (None, false);
            };
            let first_of_layer = self.strip.is_none();
            let begun = self.array.now;
            self.array.wait(&mut account, &bounds);
            let (read, kernel) = if first_of_layer {
                (begun.max(ready), Cause::Fill)
            } else {
                (self.array.pass_start.max(ready), Cause::WeightPort)
            };
            let read_done = read + cursor.kernel();
            self.array.wait(
                &mut account,
                &[(Cause::WeightsWait, read), (kernel, read_done)],
            );
            if self.strip != Some((strip, image)) {
                let filled = self.array.now + self.chip.control.pipeline_cycles;
                self.array.wait(&mut account, &[(Cause::Fill, filled)]);
                self.strip = Some((strip, image));
            }
            self.sweep = Some(cursor);
            self.sweep_start = self.array.now;
        }
        let mut cursor = self.sweep.take().expect("begun above or before");
        let done = cursor.advance(cost, &mut self.array, &mut fills, &mut account, fresh);
        self.layers[op.layer.0].account = account;
        if !done {
            self.sweep = Some(cursor);
            return (None, fresh);
        }
        self.count_sweep(op.layer, cost, row_group, out_rows);
        let start = self.sweep_start;
        (
            Some(OpSpan {
                start,
                steps_end: self.array.now,
                end: self.array.drained,
            }),
            true,
        )
    }

    fn count_sweep(
        &mut self,
        layer: LayerId,
        cost: &SweepCost,
        row_group: usize,
        out_rows: &Range<usize>,
    ) {
        let access = cost.access(row_group, out_rows);
        let time = &mut self.layers[layer.0];
        time.steps += access.steps;
        time.account
            .add(Cause::Residual, Cycles(access.residual_steps));
        time.accesses.activation_reads += access.activation_reads;
        time.accesses.activation_writes += access.activation_writes;
        time.accesses.weight_port_bytes += access.weight_port_bytes;
        time.accesses.requantised += access.requantised;
    }

    fn vector(&mut self, op: &Op, strip: usize) -> Option<OpSpan> {
        let LayerPlan::Vector { strips, .. } = &self.schedule.layers[op.layer.0] else {
            unreachable!("a vector operation belongs to a layer on the vector unit")
        };
        let bounds = self.bounds(op)?;
        let unit = self
            .chip
            .vector
            .as_ref()
            .expect("the mapper uses a vector unit only where there is one");
        let work = vector_cycles(&self.schedule.graph, op.layer, &strips[strip], unit);
        let account = &mut self.layers[op.layer.0].account;
        self.array.wait(account, &bounds);
        let start = self.array.now;
        self.array.wait(account, &[(Cause::Vector, start + work)]);
        self.array.drained = self.array.now;
        Some(OpSpan {
            start,
            steps_end: self.array.now,
            end: self.array.now,
        })
    }

    fn host(&mut self, op: &Op) -> Option<OpSpan> {
        let stored = self.after(op, |_, span| span.end)?;
        let host = self
            .chip
            .host
            .as_ref()
            .expect("the mapper uses a host only where there is one");
        let work = host_cycles(
            &self.schedule.graph,
            &self.schedule.numerics,
            op.layer,
            host,
        );
        let account = &mut self.layers[op.layer.0].account;
        self.array.wait(account, &[(Cause::Host, stored)]);
        let start = self.array.now;
        self.array.wait(account, &[(Cause::Host, start + work)]);
        self.array.drained = self.array.now;
        Some(OpSpan {
            start,
            steps_end: self.array.now,
            end: self.array.now,
        })
    }

    /// The last layer ends with the last byte of the output in DRAM.
    fn finish(mut self) -> Folded {
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
        }
        let ops = self
            .spans
            .into_iter()
            .map(|span| span.expect("all operations have run"))
            .collect();
        Folded {
            layers: self.layers,
            ops,
            total: self.array.now - Tick::ZERO,
        }
    }
}
