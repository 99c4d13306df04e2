//! The DMA engine of the fold: Loads, Stores and Fetches, strictly in the order of the list.

use super::OpSpan;
use super::dram::Channel;
use super::fold::Fold;
use crate::schedule::{Op, OpId, OpKind, Traffic};
use crate::units::{Addr, Bytes, Tick, count};

/// Operations of the DMA engine, in order.
pub(super) struct Dma {
    ops: Vec<usize>,
    next: usize,
    fetch: Option<FetchCursor>,
}

impl Dma {
    pub(super) fn new(ops: Vec<usize>) -> Self {
        Self {
            ops,
            next: 0,
            fetch: None,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.next == self.ops.len()
    }
}

/// A Fetch under way.
struct FetchCursor {
    /// Next fill, and its pass.
    fill: usize,
    pass: usize,
    /// Number of the Fetch's first fill.
    first: usize,
    /// Bytes before this address are issued; data of the last burst count from `arrived`.
    issued_to: Addr,
    arrived: Tick,
    started: Option<Tick>,
}

impl Fold<'_> {
    pub(super) fn advance_dma(&mut self) -> bool {
        let mut moved = false;
        while let Some(&index) = self.dma.ops.get(self.dma.next) {
            let op = &self.schedule.ops[index];
            self.channel.serve(OpId(index));
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
        let passes = cost.work.conv_pass_count();
        let bytes = cost.pass_bytes(&cost.work.row_group(row_group).channels);
        let base = self.schedule.dram.weights[op.layer.0][row_group];
        let mut cursor = self.dma.fetch.take().unwrap_or_else(|| {
            let pass = fills.start % passes;
            let start = base + Bytes(bytes.range(pass, fills.start == 0).start);
            FetchCursor::new(fills.start, pass, self.plan.first[index], start)
        });
        let before = cursor.fill;
        let (mut payload, mut bus) = (Bytes::ZERO, Bytes::ZERO);
        while cursor.fill < fills.end {
            let number = cursor.first + (cursor.fill - fills.start);
            let Some(free) = self.slots.free_for(number, self.released) else {
                break;
            };
            let range = bytes.range(cursor.pass, cursor.fill == 0);
            if cursor.pass == 0 {
                // A streamed row group starts again at its first pass.
                cursor.issued_to = base + Bytes(range.start);
            }
            bus += cursor.bursts(base + Bytes(range.end), from.max(free), &mut self.channel);
            self.slots.fill(cursor.arrived.max(free));
            payload += Bytes(range.end - range.start);
            cursor.fill += 1;
            cursor.pass += 1;
            if cursor.pass == passes {
                cursor.pass = 0;
            }
        }
        let layer = &mut self.layers[op.layer.0];
        let weights = layer.dram.of(Traffic::Weights);
        weights.read += payload;
        weights.bus += bus;
        layer.accesses.weight_slot_bytes += payload.0;
        let moved = cursor.fill > before;
        if cursor.fill < fills.end {
            self.dma.fetch = Some(cursor);
            return (None, moved);
        }
        let span = OpSpan {
            start: cursor.started.unwrap_or(cursor.arrived),
            steps_end: cursor.arrived,
            end: cursor.arrived,
        };
        (Some(span), true)
    }
}

impl FetchCursor {
    fn new(fill: usize, pass: usize, first: usize, start: Addr) -> Self {
        Self {
            fill,
            pass,
            first,
            issued_to: start,
            arrived: Tick::ZERO,
            started: None,
        }
    }

    /// Issues the bursts up to `end` that are not issued yet: their bytes on the bus.
    fn bursts(&mut self, end: Addr, from: Tick, channel: &mut Channel) -> Bytes {
        let burst = channel.burst_bytes();
        let mut bus = Bytes::ZERO;
        while self.issued_to < end {
            let (issue, arrived) = channel.burst(from);
            self.started.get_or_insert(issue);
            self.arrived = arrived;
            // Bursts are aligned, and their size is a power of two.
            self.issued_to = Addr((self.issued_to.0 | (burst.0 - 1)) + 1);
            bus += burst;
        }
        bus
    }
}
