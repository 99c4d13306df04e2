//! The work of one convolution on the array: row groups, passes, tiles, blocks, steps.
//!
//! Order of a Sweep, outer to inner: tile row, block, pass, patch. All shapes follow from the layer and the
//! array; nothing here depends on a strip's neighbours, on memories or on a weight's value.

use crate::chip::{Array, Pointwise};
use crate::network::Conv;
use crate::tensor::FeatureMap;
use serde::Serialize;
use std::ops::Range;

/// Output channels computed at once: up to `rows` of one channel group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct RowGroup {
    /// The convolution's channel group.
    pub group: usize,
    /// Its output channels, counted over the whole layer.
    pub channels: Range<usize>,
}

/// What the lanes of a pass take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PassKind {
    /// `lanes` channels under the taps of one 3x3 sub-kernel.
    Window,
    /// Up to nine words of one pixel on the nine taps (packed 1x1).
    Packed,
    /// The shortcut's own channels, one word, added into the accumulator of its row.
    Residual,
}

/// One pass: (lane group, sub-kernel) over a block.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Pass {
    /// What it takes.
    pub kind: PassKind,
    /// Channels of the tensor it reads, counted over the whole tensor: at most `lanes` (window, residual) or
    /// `9·lanes` (packed).
    pub channels: Range<usize>,
    /// Kernel rows used (one row for packed and residual).
    pub tap_rows: Range<usize>,
    /// Kernel columns used.
    pub tap_cols: Range<usize>,
    /// SRAM words of one pixel it reads: 1, or 1..=9 when packed.
    pub words: usize,
    /// Taps stored, fetched and read over the weight port for each lane and row: taps of the sub-kernel, words
    /// when packed, 0 for the shortcut (its factors come with the parameter block).
    pub weight_taps: usize,
}

impl Pass {
    /// Taps of the sub-kernel.
    #[must_use]
    pub fn taps(&self) -> usize {
        self.tap_rows.len() * self.tap_cols.len()
    }
}

/// A convolution (or a fully connected layer) cut for an array.
///
/// A fully connected layer is a 1x1 convolution on a map of `1 x images` pixels: its images are the patches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct ConvWork {
    /// Shape read.
    pub input: FeatureMap,
    /// Shape written.
    pub output: FeatureMap,
    /// Attributes; a fully connected layer is a 1x1.
    pub conv: Conv,
    /// Whether residual passes follow.
    pub residual: bool,
    /// Whether a 1x1 takes nine words of a pixel at once.
    pub packed: bool,
    /// The array.
    pub array: Array,
}

/// One step: a patch in a pass, for all rows of a row group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Step {
    /// Tile row, counted over the whole output.
    pub tile_row: usize,
    /// Block of the tile row.
    pub block: usize,
    /// Index into [`ConvWork::passes`].
    pub pass: usize,
    /// Patch of the block: accumulator `patch` holds it.
    pub patch: usize,
    /// First output row and column of the patch.
    pub origin: [usize; 2],
}

impl ConvWork {
    /// The work of `conv` on `input`; packs a 1x1 when the array does.
    #[must_use]
    pub fn new(
        input: FeatureMap,
        output: FeatureMap,
        conv: Conv,
        residual: bool,
        array: Array,
    ) -> Self {
        let packed = conv.kernel == 1 && array.pointwise == Pointwise::Packed;
        Self {
            input,
            output,
            conv,
            residual,
            packed,
            array,
        }
    }

    /// The work of a fully connected layer: a 1x1 convolution on a map of `1 x images` pixels.
    #[must_use]
    pub fn fully_connected(inputs: usize, outputs: usize, images: usize, array: Array) -> Self {
        let input = FeatureMap::new(1, images, inputs);
        let conv = Conv {
            out_channels: outputs,
            kernel: 1,
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
        };
        Self::new(
            input,
            FeatureMap::new(1, images, outputs),
            conv,
            false,
            array,
        )
    }

    /// Input channels of one channel group.
    #[must_use]
    pub const fn group_inputs(&self) -> usize {
        self.input.channels / self.conv.groups
    }

    /// Output channels of one channel group.
    #[must_use]
    pub const fn group_outputs(&self) -> usize {
        self.output.channels / self.conv.groups
    }

    /// Number of row groups: each stays inside one channel group.
    #[must_use]
    pub const fn row_groups(&self) -> usize {
        self.conv.groups * self.group_outputs().div_ceil(self.array.rows)
    }

    /// Row group `index`, in order of output channels.
    #[must_use]
    pub fn row_group(&self, index: usize) -> RowGroup {
        let per_group = self.group_outputs().div_ceil(self.array.rows);
        let (group, part) = (index / per_group, index % per_group);
        let base = group * self.group_outputs();
        let first = base + part * self.array.rows;
        let last = (first + self.array.rows).min(base + self.group_outputs());
        RowGroup {
            group,
            channels: first..last,
        }
    }

    /// Passes of a row group in step order: lane groups outside, sub-kernels (row-major) inside, residual last.
    #[must_use]
    pub fn passes(&self, row_group: usize) -> Vec<Pass> {
        let rows = self.row_group(row_group);
        let mut passes = self.conv_passes(rows.group);
        if self.residual {
            passes.extend(self.residual_passes(&rows.channels));
        }
        passes
    }

    /// Passes of a row group without building them.
    #[must_use]
    pub fn pass_count(&self, row_group: usize) -> usize {
        let residual = if self.residual {
            self.residual_words(&self.row_group(row_group).channels)
                .len()
        } else {
            0
        };
        self.conv_pass_count() + residual
    }

    /// Convolution passes of every row group.
    #[must_use]
    pub const fn conv_pass_count(&self) -> usize {
        if self.packed {
            self.group_inputs().div_ceil(9 * self.array.pe.lanes)
        } else {
            let sub = self.conv.kernel.div_ceil(3);
            self.group_inputs().div_ceil(self.array.pe.lanes) * sub * sub
        }
    }

    fn conv_passes(&self, group: usize) -> Vec<Pass> {
        let lanes = self.array.pe.lanes;
        let first = group * self.group_inputs();
        let end = first + self.group_inputs();
        if self.packed {
            return (first..end)
                .step_by(9 * lanes)
                .map(|c| {
                    let channels = c..(c + 9 * lanes).min(end);
                    let words = channels.len().div_ceil(lanes);
                    Pass {
                        kind: PassKind::Packed,
                        channels,
                        tap_rows: 0..1,
                        tap_cols: 0..1,
                        words,
                        weight_taps: words,
                    }
                })
                .collect();
        }
        let kernel = self.conv.kernel;
        let cut = |start: usize| start..(start + 3).min(kernel);
        let mut passes = Vec::with_capacity(self.conv_pass_count());
        for c in (first..end).step_by(lanes) {
            for y in (0..kernel).step_by(3) {
                for x in (0..kernel).step_by(3) {
                    let (tap_rows, tap_cols) = (cut(y), cut(x));
                    let weight_taps = tap_rows.len() * tap_cols.len();
                    let channels = c..(c + lanes).min(end);
                    passes.push(Pass {
                        kind: PassKind::Window,
                        channels,
                        tap_rows,
                        tap_cols,
                        words: 1,
                        weight_taps,
                    });
                }
            }
        }
        passes
    }

    fn residual_words(&self, channels: &Range<usize>) -> Range<usize> {
        let lanes = self.array.pe.lanes;
        channels.start / lanes..(channels.end - 1) / lanes + 1
    }

    fn residual_passes(&self, channels: &Range<usize>) -> impl Iterator<Item = Pass> {
        let lanes = self.array.pe.lanes;
        let channels = channels.clone();
        self.residual_words(&channels).map(move |word| Pass {
            kind: PassKind::Residual,
            channels: channels.start.max(word * lanes)..channels.end.min((word + 1) * lanes),
            tap_rows: 0..1,
            tap_cols: 0..1,
            words: 1,
            weight_taps: 0,
        })
    }

    /// Tile rows of a band of output rows; a band starts at a multiple of the tile height.
    #[must_use]
    pub const fn tile_rows(&self, out_rows: &Range<usize>) -> Range<usize> {
        out_rows.start / self.array.tile_h..out_rows.end.div_ceil(self.array.tile_h)
    }

    /// Patches (tiles) of one tile row.
    #[must_use]
    pub const fn tile_cols(&self) -> usize {
        self.output.width.div_ceil(self.array.tile_w)
    }

    /// Blocks of one tile row: the row is cut into accumulators, accumulators, ..., rest.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.tile_cols().div_ceil(self.array.pe.accumulators)
    }

    /// Tile columns of block `block`.
    #[must_use]
    pub fn block(&self, block: usize) -> Range<usize> {
        let accumulators = self.array.pe.accumulators;
        block * accumulators..((block + 1) * accumulators).min(self.tile_cols())
    }

    /// Valid output rows of a tile row.
    #[must_use]
    pub fn valid_rows(&self, tile_row: usize) -> Range<usize> {
        let first = tile_row * self.array.tile_h;
        first..(first + self.array.tile_h).min(self.output.height)
    }

    /// Valid output columns of a tile column.
    #[must_use]
    pub fn valid_cols(&self, tile_col: usize) -> Range<usize> {
        let first = tile_col * self.array.tile_w;
        first..(first + self.array.tile_w).min(self.output.width)
    }

    /// Input rows under the windows of output rows `out_rows`, clipped to the map.
    #[must_use]
    pub fn input_rows(&self, out_rows: &Range<usize>) -> Range<usize> {
        let c = &self.conv;
        let first = (out_rows.start * c.stride).saturating_sub(c.padding);
        let last = (out_rows.end - 1) * c.stride + c.dilation * (c.kernel - 1) + 1;
        let end = last.saturating_sub(c.padding).min(self.input.height);
        first.min(end)..end
    }

    /// Every step of one Sweep (a row group on a strip), in order: the only definition of step order.
    pub fn steps(
        &self,
        row_group: usize,
        out_rows: &Range<usize>,
    ) -> impl Iterator<Item = Step> + '_ {
        let passes = self.pass_count(row_group);
        self.tile_rows(out_rows).flat_map(move |tile_row| {
            (0..self.blocks()).flat_map(move |block| {
                (0..passes).flat_map(move |pass| {
                    self.block(block)
                        .enumerate()
                        .map(move |(patch, tile_col)| Step {
                            tile_row,
                            block,
                            pass,
                            patch,
                            origin: [tile_row * self.array.tile_h, tile_col * self.array.tile_w],
                        })
                })
            })
        })
    }
}
