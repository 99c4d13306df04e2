//! Read cycles of patches: the most words that one bank of activation SRAM must give.
//!
//! The pixels a patch needs are a set of rows times a set of columns, and bank = (y mod bank rows, x mod bank
//! columns), so the most words on one bank is the product of the most rows on one bank row and the most columns
//! on one bank column. Rows depend on the tile row alone, columns on the tile column alone.
//!
//! A group whose channels begin inside a word reads that word in one access, not two: each lane of a bank has an
//! address of its own.
//!
//! The images of a fully connected layer are the columns of one map: image `i` starts on bank column `i mod bank
//! columns`, so that they lie on different banks. Its words are its own in every bank, so turning them costs no room.

use crate::chip::{ActivationSram, Reuse};
use crate::schedule::work::{ConvWork, Pass, PassKind};
use std::ops::Range;

/// Lines (rows or columns) that a tile needs: how many, and the most on one bank.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) count: u32,
    pub(super) worst: u32,
}

/// One direction of a window: output lines to input lines.
struct Axis {
    stride: usize,
    padding: usize,
    dilation: usize,
    size: usize,
    banks: usize,
}

impl Axis {
    /// Input lines under `taps` of the outputs `valid`, inside the map, as a bit per line from `base` on.
    fn lines(&self, valid: &Range<usize>, taps: &Range<usize>, marks: &mut Vec<usize>) {
        marks.clear();
        for out in valid.clone() {
            for tap in taps.clone() {
                let line = out * self.stride + tap * self.dilation;
                if line >= self.padding && line - self.padding < self.size {
                    marks.push(line - self.padding);
                }
            }
        }
        marks.sort_unstable();
        marks.dedup();
    }

    fn tally(&self, lines: &[usize], loads: &mut [u32]) -> Lines {
        loads.fill(0);
        for line in lines {
            loads[line % self.banks] += 1;
        }
        let worst = loads.iter().copied().max().unwrap_or(0);
        Lines {
            count: loads.iter().sum(),
            worst,
        }
    }
}

/// Columns of one kind of pass: what each tile column needs alone, and what its predecessor left to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) fresh: Vec<Lines>,
    pub(super) reused: Vec<Lines>,
}

/// Rows and columns of one kind of pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// By tile row.
    pub(super) rows: Vec<Lines>,
    /// By tile column.
    pub(super) columns: Columns,
}

impl Window {
    /// The window of `pass` over all tiles of `work`.
    pub(super) fn new(work: &ConvWork, pass: &Pass, sram: &ActivationSram) -> Self {
        let axis = |size: usize, banks: usize| {
            let conv = &work.conv;
            match pass.kind {
                PassKind::Window | PassKind::Packed => Axis {
                    stride: conv.stride,
                    padding: conv.padding,
                    dilation: conv.dilation,
                    size,
                    banks,
                },
                PassKind::Residual => Axis {
                    stride: 1,
                    padding: 0,
                    dilation: 1,
                    size,
                    banks,
                },
            }
        };
        let (height, width) = match pass.kind {
            PassKind::Window | PassKind::Packed => (work.input.height, work.input.width),
            PassKind::Residual => (work.output.height, work.output.width),
        };
        let y = axis(height, sram.bank_rows);
        let x = axis(width, sram.bank_cols);
        Self {
            rows: rows(work, &y, &pass.tap_rows),
            columns: columns(work, &x, &pass.tap_cols, sram.reuse),
        }
    }
}

fn rows(work: &ConvWork, axis: &Axis, taps: &Range<usize>) -> Vec<Lines> {
    let (mut lines, mut loads) = (Vec::new(), vec![0; axis.banks]);
    work.tile_rows(&(0..work.output.height))
        .map(|tile| {
            axis.lines(&work.valid_rows(tile), taps, &mut lines);
            axis.tally(&lines, &mut loads)
        })
        .collect()
}

fn columns(work: &ConvWork, axis: &Axis, taps: &Range<usize>, reuse: Reuse) -> Columns {
    let (mut lines, mut before, mut loads) = (Vec::new(), Vec::new(), vec![0; axis.banks]);
    let (mut fresh, mut reused) = (Vec::new(), Vec::new());
    for tile in 0..work.tile_cols() {
        axis.lines(&work.valid_cols(tile), taps, &mut lines);
        let alone = axis.tally(&lines, &mut loads);
        fresh.push(alone);
        reused.push(match reuse {
            Reuse::None => alone,
            Reuse::Window => {
                let new: Vec<usize> = lines
                    .iter()
                    .copied()
                    .filter(|l| before.binary_search(l).is_err())
                    .collect();
                axis.tally(&new, &mut loads)
            }
        });
        std::mem::swap(&mut lines, &mut before);
    }
    Columns { fresh, reused }
}

/// Read time of each patch of a tile row's blocks, for one kind of pass and one worst row load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowReads {
    /// Cycles of each tile column's patch, at least 1.
    pub(super) patch: Vec<u32>,
    /// Cycles of each block: the sum over its patches.
    pub(super) block: Vec<u64>,
}

impl RowReads {
    pub(super) fn new(
        work: &ConvWork,
        columns: &Columns,
        worst_row: u32,
        words: u32,
        bank_words: u32,
    ) -> Self {
        let mut patch = Vec::with_capacity(work.tile_cols());
        let mut block = Vec::with_capacity(work.blocks());
        for index in 0..work.blocks() {
            let mut sum = 0;
            for (place, tile) in work.block(index).enumerate() {
                let lines = if place == 0 {
                    columns.fresh[tile]
                } else {
                    columns.reused[tile]
                };
                let cycles = (worst_row * lines.worst * words)
                    .div_ceil(bank_words)
                    .max(1);
                patch.push(cycles);
                sum += u64::from(cycles);
            }
            block.push(sum);
        }
        Self { patch, block }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{Array, Pe, PeKind, Pointwise};
    use crate::fixed::{Accumulator, Overflow};
    use crate::network::Conv;
    use crate::tensor::FeatureMap;
    use crate::units::Bytes;

    fn work(stride: usize, tile: usize) -> ConvWork {
        let accumulator = Accumulator {
            bits: 32,
            overflow: Overflow::Wrap,
        };
        let array = Array {
            pe: Pe {
                kind: PeKind::Direct,
                lanes: 4,
                accumulators: 4,
                accumulator,
            },
            rows: 4,
            tile_h: tile,
            tile_w: tile,
            pointwise: Pointwise::Naive,
        };
        let conv = Conv {
            out_channels: 4,
            kernel: 3,
            stride,
            padding: 1,
            dilation: 1,
            groups: 1,
        };
        let out = 8 / stride;
        ConvWork::new(
            FeatureMap::new(8, 8, 4),
            FeatureMap::new(out, out, 4),
            conv,
            false,
            array,
        )
    }

    fn sram(bank_rows: usize, bank_cols: usize) -> ActivationSram {
        ActivationSram {
            capacity: Bytes(1 << 16),
            bank_rows,
            bank_cols,
            bank_channels: 1,
            reuse: Reuse::Window,
        }
    }

    fn patches(work: &ConvWork, sram: &ActivationSram, tile_row: usize) -> Vec<u32> {
        let window = Window::new(work, &work.passes(0)[0], sram);
        RowReads::new(work, &window.columns, window.rows[tile_row].worst, 1, 1).patch
    }

    #[test]
    fn a_window_reads_only_what_its_predecessor_did_not() {
        // One pixel, 3x3, stride 1, row and column banks of 4: the first patch of a block reads up to three
        // columns, one on each bank column; every later one reads one new column.
        assert_eq!(patches(&work(1, 1), &sram(4, 4), 3), [1; 8]);
        // One bank: interior rows are three deep; the corner patch starts on two columns, the next adds one.
        assert_eq!(
            patches(&work(1, 1), &sram(1, 1), 3),
            [6, 3, 3, 3, 9, 3, 3, 1]
        );
        assert_eq!(
            patches(&work(1, 1), &sram(1, 1), 0),
            [4, 2, 2, 2, 6, 2, 2, 1]
        );
    }

    #[test]
    fn stride_two_reads_two_new_columns() {
        assert_eq!(patches(&work(2, 1), &sram(1, 1), 1), [6, 6, 6, 6]);
        assert_eq!(patches(&work(2, 1), &sram(3, 2), 1), [1, 1, 1, 1]);
    }
}
