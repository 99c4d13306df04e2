//! Where an element of a buffer lies in activation SRAM: bank, word, lane, and turn of the ring.

use super::Buffer;
use crate::chip::Chip;
use crate::tensor::FeatureMap;

/// The banks of activation SRAM and the lanes of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// Banks over rows.
    pub bank_rows: usize,
    /// Banks over columns.
    pub bank_cols: usize,
    /// Elements of a word: channels of one pixel.
    pub lanes: usize,
}

/// Place in activation SRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InSram {
    /// Bank row times bank columns, and bank column.
    pub bank: usize,
    /// Word in the bank.
    pub word: usize,
    /// Lane of the word.
    pub lane: usize,
}

impl Grid {
    /// The grid of `chip`.
    #[must_use]
    pub const fn of(chip: &Chip) -> Self {
        Self {
            bank_rows: chip.activation_sram.bank_rows,
            bank_cols: chip.activation_sram.bank_cols,
            lanes: chip.array.pe.lanes,
        }
    }

    /// All banks.
    #[must_use]
    pub const fn banks(&self) -> usize {
        self.bank_rows * self.bank_cols
    }

    /// Where element `[image, row, column, channel]` of the map of shape `map` in `buffer` lies: rows and columns lie
    /// round about the banks, columns turned by the image.
    #[must_use]
    pub fn place(&self, buffer: &Buffer, map: FeatureMap, [image, y, x, c]: [usize; 4]) -> InSram {
        let words = map.channels.div_ceil(self.lanes);
        let columns = map.width.div_ceil(self.bank_cols);
        let image_words = buffer.rows.div_ceil(self.bank_rows) * columns * words;
        let band = y % buffer.rows / self.bank_rows;
        let base = usize::try_from(buffer.base.0).unwrap_or(usize::MAX);
        let inner = image % buffer.images * image_words
            + (band * columns + x / self.bank_cols) * words
            + c / self.lanes;
        InSram {
            bank: y % self.bank_rows * self.bank_cols + (x + image) % self.bank_cols,
            word: base.saturating_add(inner),
            lane: c % self.lanes,
        }
    }
}

impl Buffer {
    /// How many rows have lain at the place of row `y` of `image` before it, counted over the whole batch. Within one
    /// turn no two elements share a place.
    #[must_use]
    pub const fn turn(&self, map: FeatureMap, image: usize, y: usize) -> usize {
        image / self.images * map.height.div_ceil(self.rows) + y / self.rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reparam::TensorId;
    use crate::schedule::OpId;
    use crate::units::Words;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn within_a_turn_no_two_elements_share_a_place(
            bank_rows in 1_usize..4, bank_cols in 1_usize..4, lanes in 1_usize..4, rows in 1_usize..9,
            height in 1_usize..9, width in 1_usize..6, channels in 1_usize..6, images in 1_usize..3,
        ) {
            let grid = Grid { bank_rows, bank_cols, lanes };
            let map = FeatureMap::new(height, width, channels);
            let buffer = Buffer {
                tensor: TensorId::INPUT,
                images,
                rows: rows.min(height),
                base: Words(5),
                words: Words(0),
                elements: 0,
                live: OpId(0)..OpId(1),
            };
            let mut taken = BTreeSet::new();
            for (image, y, x, c) in ndarray::indices((3, height, width, channels)) {
                let place = grid.place(&buffer, map, [image, y, x, c]);
                prop_assert!(place.bank < grid.banks() && place.word >= 5);
                let turn = buffer.turn(map, image, y);
                prop_assert!(taken.insert((turn, place.bank, place.word, place.lane)));
            }
        }
    }
}
