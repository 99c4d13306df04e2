//! Array, vector unit and host of the fold: one layer after the other.

use super::cost::SweepCost;
use super::fills::SweepFills;
use super::fold::Fold;
use super::offload::{host_cycles, vector_cycles};
use super::sweep::SweepCursor;
use super::{Cause, OpSpan, account};
use crate::reparam::LayerId;
use crate::schedule::{ArrayPlan, LayerPlan, Op, OpId, OpKind};
use crate::units::{Cycles, Tick};
use std::ops::Range;

impl Fold<'_> {
    pub(super) fn advance_work(&mut self) -> bool {
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
            self.record(op.layer, Some(index));
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
        self.record_from(layer);
        if let LayerPlan::Array(plan) = &self.schedule.layers[layer.0] {
            self.make_cost(layer);
            let images = self.schedule.images_swept(layer);
            let time = &mut self.layers[layer.0];
            let mut account = std::mem::take(&mut time.account);
            let setup = self.array.now + self.chip.control.layer_start_cycles;
            self.array.wait(&mut account, &[(Cause::Setup, setup)]);
            self.layers[layer.0].account = account;
            self.record(layer, None);
            self.layers[layer.0].macs = account::macs(&plan.work, images);
            account::charge_steps(&mut self.layers[layer.0].account, &plan.work, images);
        }
        self.record_from(layer);
        true
    }

    /// Ends the layer under way: last drain, host's last Load.
    pub(super) fn leave(&mut self) -> bool {
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
        self.record(layer, None);
        self.layer = None;
        true
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
            let (Some(bounds), Some(ready)) = (bounds, cursor.ready(&fills)) else {
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
            self.array.steps = (self.watched == Some(op.layer)).then(Vec::new);
        }
        let mut cursor = self.sweep.take().expect("begun above or before");
        let done = cursor.advance(cost, &mut self.array, &mut fills, &mut account, fresh);
        self.layers[op.layer.0].account = account;
        if !done {
            self.sweep = Some(cursor);
            return (None, fresh);
        }
        self.count_sweep(op.layer, cost, row_group, out_rows);
        if let Some(steps) = self.array.steps.take() {
            self.steps.insert(OpId(index), steps);
        }
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
        let key = (layer, out_rows.clone(), cost.shape(row_group));
        let access = match &self.access {
            Some((before, access)) if *before == key => *access,
            Some(_) | None => cost.access(row_group, out_rows),
        };
        self.access = Some((key, access));
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
}
