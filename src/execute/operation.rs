//! The operation at hand, and what it says when something is wrong.

use super::ExecuteError;
use super::exact::TrapAt;
use super::layer::images_are_pixels;
use super::view::{Area, Block};
use crate::reparam::{Layer, LayerId};
use crate::schedule::OpId;

/// An operation and its layer.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) op: OpId,
    pub(super) id: LayerId,
    pub(super) layer: &'a Layer,
}

impl At<'_> {
    /// The operation does not fit the plan of its layer.
    pub(super) fn fault(&self, what: String) -> ExecuteError {
        ExecuteError::Operation {
            op: self.op,
            layer: self.layer.name.clone(),
            what,
        }
    }

    /// A trap in terms of the layer: the pixels of a fully connected layer are images.
    pub(super) fn trap(&self, image: usize, at: TrapAt) -> ExecuteError {
        let (image, pixel) = if images_are_pixels(&self.layer.op) {
            (image + at.pixel[1], [0, 0])
        } else {
            (image, at.pixel)
        };
        ExecuteError::Trap {
            layer: self.layer.name.clone(),
            image,
            pixel,
            channel: at.channel,
            step: at.step,
            trap: at.trap,
        }
    }

    /// Blocks in terms of the layer: those of a fully connected layer are cut into images.
    pub(super) fn blocks(&self, blocks: Vec<Block>) -> Vec<Block> {
        if !images_are_pixels(&self.layer.op) {
            return blocks;
        }
        let mut cut = Vec::new();
        for block in blocks {
            let size = block.area.channels.len();
            for (image, values) in block.values.chunks_exact(size).enumerate() {
                let pixel = image * size..(image + 1) * size;
                cut.push(Block {
                    area: Area {
                        image: block.area.image + image,
                        ..block.area.clone()
                    },
                    values: values.to_vec(),
                    accumulators: block.accumulators.as_ref().map(|a| a[pixel].to_vec()),
                });
            }
        }
        cut
    }
}
