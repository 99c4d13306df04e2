//! The turns of a layer: runs of operations on one strip of one image, in order.

use crate::map::choice::Choice;
use crate::schedule::LoopOrder;
use std::ops::Range;

/// Row groups of one strip of one image, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) image: usize,
    pub(super) strip: usize,
    pub(super) row_groups: Range<usize>,
    /// Whether the strip's output is whole after this turn.
    pub(super) ends: bool,
}

/// Loop bounds of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Loops {
    pub(super) images: usize,
    pub(super) strips: usize,
    pub(super) row_groups: usize,
    pub(super) order: LoopOrder,
    /// Whether images stand inside the row groups.
    pub(super) inside: bool,
}

impl Loops {
    pub(super) const fn new(
        choice: &Choice,
        images: usize,
        strips: usize,
        row_groups: usize,
    ) -> Self {
        Self {
            images,
            strips,
            row_groups,
            order: choice.order,
            inside: choice.inside,
        }
    }

    /// Number of turns.
    pub(super) const fn turns(&self) -> usize {
        let once = self.images * self.strips;
        match self.order {
            LoopOrder::StripOuter => once,
            LoopOrder::RowGroupOuter => once * self.row_groups,
        }
    }

    /// Number of operations: one for each row group, strip and image.
    pub(super) const fn operations(&self) -> usize {
        self.images * self.strips * self.row_groups
    }

    /// Turn `index` in order.
    pub(super) const fn turn(&self, index: usize) -> Turn {
        let strip = index % self.strips;
        match (self.order, self.inside) {
            (LoopOrder::StripOuter, _) => Turn {
                image: index / self.strips,
                strip,
                row_groups: 0..self.row_groups,
                ends: true,
            },
            (LoopOrder::RowGroupOuter, true) => {
                let row_group = index / (self.strips * self.images);
                Turn {
                    image: index / self.strips % self.images,
                    strip,
                    row_groups: row_group..row_group + 1,
                    ends: row_group + 1 == self.row_groups,
                }
            }
            (LoopOrder::RowGroupOuter, false) => {
                let row_group = index / self.strips % self.row_groups;
                Turn {
                    image: index / (self.strips * self.row_groups),
                    strip,
                    row_groups: row_group..row_group + 1,
                    ends: row_group + 1 == self.row_groups,
                }
            }
        }
    }
}
