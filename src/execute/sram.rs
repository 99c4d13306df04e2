//! Activation SRAM: buffers as rings of rows, each row knowing what it holds.

use crate::schedule::Buffer;
use crate::tensor::FeatureMap;
use std::ops::Range;

/// Fills a row when it is taken over: a value that no tensor holds.
const POISON: i32 = i32::MIN;

/// One ring row.
#[derive(Debug, Clone, Default)]
struct Slot {
    /// Image and row of the tensor.
    holds: Option<(usize, usize)>,
    /// Which channels are written.
    written: Vec<bool>,
}

/// A buffer: row `y` of image `n` sits in slot `(n mod images) · rows + y mod rows`.
#[derive(Debug)]
pub(super) struct Ring {
    width: usize,
    channels: usize,
    images: usize,
    rows: usize,
    slots: Vec<Slot>,
    data: Vec<i32>,
}

impl Ring {
    /// An empty buffer for a tensor of `shape`.
    pub(super) fn new(buffer: &Buffer, shape: FeatureMap) -> Self {
        let (images, rows) = (buffer.images.max(1), buffer.rows.max(1));
        Self {
            width: shape.width,
            channels: shape.channels,
            images,
            rows,
            slots: vec![Slot::default(); images * rows],
            data: vec![POISON; images * rows * shape.width * shape.channels],
        }
    }

    fn slot(&self, image: usize, y: usize) -> usize {
        image % self.images * self.rows + y % self.rows
    }

    /// The row, or what stands in its place.
    pub(super) fn read(&self, image: usize, y: usize) -> Result<&[i32], String> {
        let slot = self.slot(image, y);
        let missing = self.slots[slot]
            .written
            .iter()
            .filter(|written| !**written)
            .count();
        match self.slots[slot].holds {
            Some(held) if held == (image, y) && missing == 0 => {
                let size = self.width * self.channels;
                Ok(&self.data[slot * size..(slot + 1) * size])
            }
            Some(held) if held == (image, y) => {
                Err(format!("that row without {missing} of its channels"))
            }
            Some((image, y)) => Err(format!("row {y} of image {image}")),
            None => Err("nothing".to_owned()),
        }
    }

    /// Writes `channels` of a whole row: `values` holds them pixel by pixel. Gives the slot taken.
    pub(super) fn write(
        &mut self,
        image: usize,
        y: usize,
        channels: Range<usize>,
        values: &[i32],
    ) -> usize {
        let index = self.slot(image, y);
        let size = self.width * self.channels;
        let row = &mut self.data[index * size..(index + 1) * size];
        let slot = &mut self.slots[index];
        if slot.holds != Some((image, y)) {
            slot.holds = Some((image, y));
            slot.written.clear();
            slot.written.resize(self.channels, false);
            row.fill(POISON);
        }
        slot.written[channels.clone()].fill(true);
        let pixels = row.chunks_exact_mut(self.channels);
        for (pixel, values) in pixels.zip(values.chunks_exact(channels.len())) {
            pixel[channels.clone()].copy_from_slice(values);
        }
        index
    }

    /// Another buffer on the same storage wrote this slot.
    pub(super) fn overwrite(&mut self, slot: usize) {
        self.slots[slot] = Slot::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reparam::TensorId;
    use crate::schedule::OpId;
    use crate::units::Words;

    fn ring(rows: usize) -> Ring {
        let buffer = Buffer {
            tensor: TensorId::INPUT,
            images: 1,
            rows,
            base: Words(0),
            words: Words(0),
            elements: 0,
            live: OpId(0)..OpId(1),
        };
        Ring::new(&buffer, FeatureMap::new(5, 2, 2))
    }

    #[test]
    fn a_row_is_held_until_its_slot_is_taken_over() {
        let mut ring = ring(3);
        ring.write(0, 1, 0..2, &[1, 2, 3, 4]);
        assert_eq!(ring.read(0, 1), Ok(&[1, 2, 3, 4][..]));
        ring.write(0, 4, 0..2, &[5, 6, 7, 8]);
        assert_eq!(ring.read(0, 4), Ok(&[5, 6, 7, 8][..]));
        assert_eq!(ring.read(0, 1), Err("row 4 of image 0".to_owned()));
        assert_eq!(ring.read(0, 0), Err("nothing".to_owned()));
        assert_eq!(ring.read(1, 4), Err("row 4 of image 0".to_owned()));
    }

    #[test]
    fn a_row_counts_when_all_its_channels_are_written() {
        let mut ring = ring(5);
        ring.write(0, 0, 1..2, &[2, 4]);
        assert_eq!(
            ring.read(0, 0),
            Err("that row without 1 of its channels".to_owned())
        );
        ring.write(0, 0, 0..1, &[1, 3]);
        assert_eq!(ring.read(0, 0), Ok(&[1, 2, 3, 4][..]));
    }
}
