//! DRAM: whole tensors, each row known to be there or not.

use super::view::Block;
use crate::tensor::{Activations, FeatureMap};
use std::ops::Range;

/// One tensor of the batch.
#[derive(Debug)]
pub(super) struct Stored {
    data: Activations,
    /// Channels written, by image, then row: a row is there when all are.
    present: Vec<usize>,
}

impl Stored {
    /// Room for a tensor of which no row is there yet.
    pub(super) fn empty(batch: usize, shape: FeatureMap) -> Self {
        Self {
            data: Activations::zeros((batch, shape.height, shape.width, shape.channels)),
            present: vec![0; batch * shape.height],
        }
    }

    /// A whole tensor.
    pub(super) fn whole(data: Activations) -> Self {
        let (images, height, _, channels) = data.dim();
        Self {
            data: data.as_standard_layout().into_owned(),
            present: vec![channels; images * height],
        }
    }

    /// One row, `width · channels` integers, if it is there.
    pub(super) fn row(&self, image: usize, y: usize) -> Option<&[i32]> {
        let (_, height, width, channels) = self.data.dim();
        let size = width * channels;
        let row = image * height + y;
        let data = self.data.as_slice().expect("made in standard layout");
        (self.present[row] >= channels).then(|| &data[row * size..(row + 1) * size])
    }

    /// Writes `part` of the channels of one row, pixel by pixel, each part once.
    pub(super) fn write(&mut self, image: usize, y: usize, part: Range<usize>, values: &[i32]) {
        let (_, height, width, channels) = self.data.dim();
        let size = width * channels;
        let row = image * height + y;
        let data = self.data.as_slice_mut().expect("made in standard layout");
        let pixels = data[row * size..(row + 1) * size].chunks_exact_mut(channels);
        for (pixel, values) in pixels.zip(values.chunks_exact(part.len())) {
            pixel[part.clone()].copy_from_slice(values);
        }
        self.present[row] += part.len();
    }

    /// Image and row of the first row that is not there.
    pub(super) fn first_missing(&self) -> Option<(usize, usize)> {
        let (_, height, _, channels) = self.data.dim();
        let row = self
            .present
            .iter()
            .position(|&present| present < channels)?;
        Some((row / height, row % height))
    }

    /// The tensor.
    pub(super) fn into_data(self) -> Activations {
        self.data
    }
}

/// Copies `values` of a block into a dense array of the layer's output, for those who look on.
pub(super) fn copy_block<T: Copy>(to: &mut ndarray::Array4<T>, block: &Block, values: &[T]) {
    let area = &block.area;
    let part = ndarray::s![area.image, area.rows.clone(), .., area.channels.clone()];
    let mut to = to.slice_mut(part);
    for (to, &from) in to.iter_mut().zip(values) {
        *to = from;
    }
}
