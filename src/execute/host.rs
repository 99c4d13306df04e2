//! Layers on the host: whole images, DRAM to DRAM.

use super::exact;
use super::layer::images_are_pixels;
use super::machine::Machine;
use super::operation::At;
use super::view::{Area, Block, flat_view};
use super::{ExecuteError, Path, fast};
use crate::schedule::LayerPlan;

impl<'a> Machine<'a> {
    /// A whole layer for one image, DRAM to DRAM.
    pub(super) fn host(&mut self, at: &At<'a>, image: usize) -> Result<(), ExecuteError> {
        match &self.schedule.layers[at.id.0] {
            LayerPlan::Host => {}
            LayerPlan::Array(_) | LayerPlan::Vector { .. } => {
                return Err(at.fault("the layer is not planned on the host".to_owned()));
            }
        }
        let shape = at.layer.output;
        self.memory.inside(at, image, &(0..shape.height), shape)?;
        let blocks = if self.conv_like(at) {
            if self.conv.as_ref().is_none_or(|conv| conv.id != at.id) {
                self.prepare(at, 1)?;
            }
            at.blocks(self.host_conv(at, image)?)
        } else {
            let views = at.layer.inputs.iter().map(|&tensor| {
                let height = self.network.graph.shape(tensor).height;
                self.memory.dram_view(at, tensor, image, &(0..height))
            });
            let views = views.collect::<Result<Vec<_>, _>>()?;
            vec![self.element_wise(at, image, &views, 0..shape.height)]
        };
        for block in blocks {
            self.observe(at, &block);
            self.memory.write_dram(at.id.output(), &block);
        }
        Ok(())
    }

    /// The host adds in the order of the array, so that it gives the array's integers.
    fn host_conv(&self, at: &At<'_>, image: usize) -> Result<Vec<Block>, ExecuteError> {
        let conv = self.conv.as_ref().expect("prepared by the caller");
        let shape = self.network.graph.shape(at.layer.inputs[0]);
        let mut input = self
            .memory
            .dram_view(at, at.layer.inputs[0], image, &(0..shape.height))?;
        let flat;
        if images_are_pixels(&at.layer.op) {
            flat = input.rows.concat();
            input = flat_view(&flat, 1);
        }
        let rows = 0..conv.work.output.height;
        let shortcut = match at.layer.inputs.get(1) {
            Some(&tensor) => Some(self.memory.dram_view(at, tensor, image, &rows)?),
            None => None,
        };
        let shortcut = shortcut.as_ref();
        match conv.path {
            Path::Fast => {
                let area = Area {
                    image,
                    rows,
                    channels: 0..at.layer.output.channels,
                };
                let keep = self.options.accumulators.contains(&at.id);
                Ok(vec![fast::area(conv, area, &input, shortcut, keep)])
            }
            Path::StepOrder => (0..conv.work.row_groups())
                .map(|row_group| {
                    exact::sweep(conv, image, row_group, &rows, &input, shortcut)
                        .map_err(|trap| at.trap(image, trap))
                })
                .collect(),
        }
    }
}
