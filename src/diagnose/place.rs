//! Where on the array and in its memories an element is made and kept.

use super::Case;
use serde::Serialize;

/// An element of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Element {
    /// Image.
    pub image: usize,
    /// Row.
    pub row: usize,
    /// Column.
    pub column: usize,
    /// Channel.
    pub channel: usize,
}

/// The bank grid of activation SRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Banks {
    /// Banks over rows, at least 1.
    pub rows: usize,
    /// Banks over columns, at least 1.
    pub cols: usize,
}

/// What of the array's own layout the RTL shares, so that it is worth telling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The RTL has the array's rows and tile: an element belongs to a PE.
    pub elements: bool,
    /// The RTL keeps activations in banks like these.
    pub banks: Option<Banks>,
}

/// The PE that makes an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Pe {
    /// Array row: the channel's place in its row group.
    pub row: usize,
    /// Row and column inside the tile.
    pub pixel: [usize; 2],
}

/// Where an element of the output is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Bank {
    /// Ring row mod the bank rows.
    pub row: usize,
    /// Column, turned by the image, mod the bank columns.
    pub col: usize,
    /// Word within the bank.
    pub word: u64,
}

/// Everything about where and when an element is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Which layer.
    pub layer: String,
    /// What the layer does.
    pub operator: String,
    /// Which element.
    pub element: Element,
    /// Its Sweep, counted over the layer; `None` when no Sweep computes it.
    pub sweep: Option<usize>,
    /// Strip of its row.
    pub strip: usize,
    /// Row group of its channel.
    pub row_group: usize,
    /// Tile row and column.
    pub tile: [usize; 2],
    /// Block of the tile row.
    pub block: usize,
    /// Patch of the block: the accumulator that held it.
    pub patch: usize,
    /// Its PE, where the layout has PEs.
    pub pe: Option<Pe>,
    /// Where it is kept, where the layout has banks.
    pub bank: Option<Bank>,
    /// Lane of its word.
    pub lane: usize,
}

impl Case {
    /// The PE of an element, where the layout has PEs.
    pub(super) fn pe(&self, at: [usize; 4]) -> Option<Pe> {
        let moment = self.moment(at);
        self.layout.elements.then_some(Pe {
            row: moment.row,
            pixel: moment.pixel,
        })
    }

    /// The bank of an element, where the layout has banks.
    pub(super) fn bank(&self, [n, y, x, c]: [usize; 4]) -> Option<Bank> {
        let banks = self.layout.banks.filter(|b| b.rows > 0 && b.cols > 0)?;
        let (buffer, map) = (self.plan.output, self.plan.work.output);
        let channel_words = map.channels.div_ceil(self.plan.work.array.pe.lanes);
        let columns = map.width.div_ceil(banks.cols);
        let image_words = buffer.rows.div_ceil(banks.rows) * columns * channel_words;
        let ring = y % buffer.rows;
        let word = (n % buffer.images) * image_words
            + ((ring / banks.rows) * columns + x / banks.cols) * channel_words
            + c / self.plan.work.array.pe.lanes;
        Some(Bank {
            row: y % banks.rows,
            col: (x + n) % banks.cols,
            word: buffer.base.0 + crate::units::count(word),
        })
    }

    /// Where and when an element is made.
    pub(super) fn place(&self, at: [usize; 4]) -> Place {
        let (array, moment) = (&self.plan.work.array, self.moment(at));
        let [_, y, x, c] = at;
        Place {
            layer: self.plan.layer.clone(),
            operator: self.plan.operator(),
            element: self.outside(at),
            sweep: (moment.sweep != usize::MAX).then_some(moment.sweep),
            strip: self.strip_of(y),
            row_group: self.row_group_of(c),
            tile: [y / array.tile_h, x / array.tile_w],
            block: moment.block,
            patch: moment.patch,
            pe: self.pe(at),
            bank: self.bank(at),
            lane: c % array.pe.lanes,
        }
    }
}
