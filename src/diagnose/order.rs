//! When an element is drained: Sweep, tile row, block, patch, array row, pixel of the tile.

use super::{Plan, SweepAt};
use std::collections::BTreeMap;

/// When an element is drained; elements compare in the order of their drains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Moment {
    /// Place of the Sweep in the plan's list; behind all others when no Sweep computes the element.
    pub(super) sweep: usize,
    pub(super) tile_row: usize,
    pub(super) block: usize,
    pub(super) patch: usize,
    pub(super) row: usize,
    pub(super) pixel: [usize; 2],
}

/// The Sweeps of a plan, to be found by what they compute.
#[derive(Debug, Clone)]
pub(super) struct Order {
    sweeps: BTreeMap<SweepAt, usize>,
}

impl Order {
    pub(super) fn new(plan: &Plan) -> Self {
        let sweeps = plan.sweeps.iter().enumerate();
        Self {
            sweeps: sweeps.map(|(index, &sweep)| (sweep, index)).collect(),
        }
    }

    /// The Sweep with these numbers.
    pub(super) fn sweep(&self, at: SweepAt) -> Option<usize> {
        self.sweeps.get(&at).copied()
    }
}

impl super::Case {
    /// Strip of output row `y`.
    pub(super) fn strip_of(&self, y: usize) -> usize {
        let strips = &self.plan.strips;
        strips.partition_point(|strip| strip.out_rows.end <= y)
    }

    /// When element `at` is drained.
    pub(super) fn moment(&self, [n, y, x, c]: [usize; 4]) -> Moment {
        let array = &self.plan.work.array;
        let sweep = SweepAt {
            row_group: self.row_group_of(c),
            strip: self.strip_of(y),
            image: n,
        };
        let tile_col = x / array.tile_w;
        Moment {
            sweep: self.order.sweep(sweep).unwrap_or(usize::MAX),
            tile_row: y / array.tile_h,
            block: tile_col / array.pe.accumulators,
            patch: tile_col % array.pe.accumulators,
            row: self.array_row_of(c),
            pixel: [y % array.tile_h, x % array.tile_w],
        }
    }

    /// The element that the accumulator of `at` held before it: the last one with the same patch, array row and pixel.
    /// Where a tile or a row group was not full, the one before that.
    pub(super) fn accumulator_before(&self, at: [usize; 4]) -> Option<[usize; 4]> {
        let (work, moment) = (&self.plan.work, self.moment(at));
        let array = &work.array;
        let column = |block: usize| {
            let tile = block * array.pe.accumulators + moment.patch;
            let x = tile * array.tile_w + moment.pixel[1];
            (x < work.output.width).then_some(x)
        };
        let [n, y, _, c] = at;
        if let Some(x) = (0..moment.block).rev().find_map(column) {
            return Some([n, y, x, c]);
        }
        let last_x = (0..work.blocks()).rev().find_map(column)?;
        let strip = &self.plan.strips[self.strip_of(y)].out_rows;
        if moment.tile_row > strip.start / array.tile_h {
            return Some([n, y - array.tile_h, last_x, c]);
        }
        let earlier = self.plan.sweeps.get(..moment.sweep)?.iter().rev();
        earlier
            .filter_map(|sweep| {
                let channel = work.row_group(sweep.row_group).channels.nth(moment.row)?;
                let rows = &self.plan.strips.get(sweep.strip)?.out_rows;
                let tiles = work.tile_rows(rows).rev();
                let y = tiles
                    .map(|tile| tile * array.tile_h + moment.pixel[0])
                    .find(|y| rows.contains(y))?;
                Some([sweep.image, y, last_x, channel])
            })
            .next()
    }
}
