//! Sweeps: taken up one by one, computed together.

use super::exact;
use super::layer::{ConvLayer, images_are_pixels};
use super::machine::Machine;
use super::operation::At;
use super::view::{Area, Block, View, flat_view, join};
use super::{ConvRun, ExecuteError, Path, fast};
use crate::schedule::{ArrayPlan, LayerPlan};
use std::ops::Range;

/// A Sweep taken up but not yet computed: Sweeps of one layer in a row are computed together.
pub(super) struct Pending<'a> {
    at: At<'a>,
    row_group: usize,
    image: usize,
    out_rows: Range<usize>,
}

impl<'a> Machine<'a> {
    /// Checks a Sweep and puts it with those to be computed.
    pub(super) fn take_up(
        &mut self,
        at: &At<'a>,
        row_group: usize,
        strip: usize,
        image: usize,
    ) -> Result<(), ExecuteError> {
        if self.conv.as_ref().is_none_or(|conv| conv.id != at.id) {
            self.finish_sweeps()?;
            self.memory.release(at.op.0);
            self.prepare(at, self.schedule.batch)?;
        }
        let plan = self.array_plan(at)?;
        let conv = self.conv.as_ref().expect("prepared above");
        if plan.work != conv.work {
            return Err(at.fault("its work is not that of the layer on this array".to_owned()));
        }
        if row_group >= plan.work.row_groups() {
            return Err(at.fault(format!("there is no row group {row_group}")));
        }
        let Some(strip) = plan.strips.get(strip) else {
            return Err(at.fault(format!("there is no strip {strip}")));
        };
        self.memory
            .inside(at, image, &strip.out_rows, plan.work.output)?;
        if strip.out_rows.start % self.schedule.array.tile_h != 0 {
            return Err(at.fault("a strip starts inside a tile".to_owned()));
        }
        self.memory
            .touch(at, plan.input, Some(at.layer.inputs[0]))?;
        self.memory.touch(at, plan.output, Some(at.id.output()))?;
        match (plan.residual, at.layer.inputs.get(1)) {
            (Some(buffer), Some(&tensor)) => self.memory.touch(at, buffer, Some(tensor))?,
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                return Err(
                    at.fault("the shortcut has no buffer, or the buffer no shortcut".to_owned())
                );
            }
        }
        self.pending.push(Pending {
            at: *at,
            row_group,
            image,
            out_rows: strip.out_rows.clone(),
        });
        Ok(())
    }

    fn array_plan(&self, at: &At<'_>) -> Result<&'a ArrayPlan, ExecuteError> {
        match &self.schedule.layers[at.id.0] {
            LayerPlan::Array(plan) => Ok(plan),
            LayerPlan::Vector { .. } | LayerPlan::Host => {
                Err(at.fault("the layer is not planned on the array".to_owned()))
            }
        }
    }

    /// Packs the weights of the layer, once.
    pub(super) fn prepare(&mut self, at: &At<'_>, batch: usize) -> Result<(), ExecuteError> {
        let array = self.schedule.array;
        let conv = ConvLayer::new(self.network, array, batch, at.id, self.options.kernel)
            .ok_or_else(|| at.fault("the layer is no convolution".to_owned()))?;
        self.layers[at.id.0] = Some(ConvRun {
            path: conv.path,
            accumulator_bits: conv.proof.bits(),
            proven: conv.proof.holds(array.pe.accumulator),
        });
        self.conv = Some(conv);
        Ok(())
    }

    /// Computes the Sweeps taken up: nothing but Fetches came between them.
    pub(super) fn finish_sweeps(&mut self) -> Result<(), ExecuteError> {
        let pending = std::mem::take(&mut self.pending);
        let Some((conv, at)) = self.conv.as_ref().zip(pending.last().map(|sweep| sweep.at)) else {
            return Ok(());
        };
        let plan = self.array_plan(&at)?;
        let blocks = match conv.path {
            Path::Fast => {
                let areas = pending.into_iter().map(|sweep| Area {
                    image: sweep.image,
                    channels: plan.work.row_group(sweep.row_group).channels,
                    rows: sweep.out_rows,
                });
                let keep = self.options.accumulators.contains(&conv.id);
                let shape = &plan.work.conv;
                let strips = shape.stride <= shape.dilation * (shape.kernel - 1) + 1;
                let areas = join(areas, strips).into_iter();
                let block = |area: Area| {
                    self.with_views(&at, plan, area.image, &area.rows, |input, shortcut| {
                        Ok(fast::area(conv, area.clone(), input, shortcut, keep))
                    })
                };
                areas.map(block).collect::<Result<Vec<_>, _>>()?
            }
            Path::StepOrder => {
                let block = |sweep: Pending<'_>| {
                    let Pending {
                        row_group,
                        image,
                        out_rows,
                        at: _,
                    } = sweep;
                    self.with_views(&at, plan, image, &out_rows, |input, shortcut| {
                        exact::sweep(conv, image, row_group, &out_rows, input, shortcut)
                            .map_err(|trap| at.trap(image, trap))
                    })
                };
                pending
                    .into_iter()
                    .map(block)
                    .collect::<Result<Vec<_>, _>>()?
            }
        };
        for block in at.blocks(blocks) {
            self.observe(&at, &block);
            self.memory.write_sram(plan.output, &block);
        }
        Ok(())
    }

    /// Gives `compute` the rows that output rows `out_rows` of `image` need, from SRAM.
    fn with_views(
        &self,
        at: &At<'_>,
        plan: &ArrayPlan,
        image: usize,
        out_rows: &Range<usize>,
        compute: impl FnOnce(&View<'_>, Option<&View<'_>>) -> Result<Block, ExecuteError>,
    ) -> Result<Block, ExecuteError> {
        if images_are_pixels(&at.layer.op) {
            let flat = self.memory.flat(at, plan.input)?;
            return compute(&flat_view(&flat, self.schedule.batch), None);
        }
        let rows = plan.work.input_rows(out_rows);
        let input = self.memory.sram_view(at, plan.input, image, &rows)?;
        match plan.residual {
            Some(buffer) => {
                let shortcut = self.memory.sram_view(at, buffer, image, out_rows)?;
                compute(&input, Some(&shortcut))
            }
            None => compute(&input, None),
        }
    }
}
