//! Where a difference is confined to, for what no cause explains.

use crate::diagnose::Case;
use serde::Serialize;
use std::ops::Range;

/// The smallest box, and the shortest runs from the start, that hold every element that does not match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Elements that do not match.
    pub wrong: u64,
    /// Images.
    pub images: Range<usize>,
    /// Rows.
    pub rows: Range<usize>,
    /// Columns.
    pub columns: Range<usize>,
    /// Channels.
    pub channels: Range<usize>,
    /// Elements of that box.
    pub boxed: u64,
    /// All are among this many first elements of memory.
    pub first_elements: u64,
    /// All are among the elements of memory from this one on.
    pub from_element: u64,
    /// All are among this many first pixels of a map.
    pub first_pixels: u64,
    /// Elements of the whole output.
    pub elements: u64,
    /// Pixels of a map.
    pub pixels: u64,
}

impl Extent {
    /// Of the elements that do not match; `None` when all do.
    pub(super) fn of(case: &Case) -> Option<Self> {
        let (_, height, width, _) = case.golden.dim();
        let mut bounds: Option<[Range<usize>; 4]> = None;
        let (mut wrong, mut first, mut end, mut pixels) = (0, None, 0, 0);
        let all = case.pairs().enumerate();
        for (place, (at, _)) in all.filter(|(_, (_, differs))| *differs) {
            let e = case.outside(at);
            let here = [e.image, e.row, e.column, e.channel];
            let bounds = bounds.get_or_insert_with(|| here.map(|at| at..at + 1));
            for (range, at) in bounds.iter_mut().zip(here) {
                *range = range.start.min(at)..range.end.max(at + 1);
            }
            wrong += 1;
            first.get_or_insert(place);
            end = place + 1;
            pixels = pixels.max(at[1] * width + at[2] + 1);
        }
        let [n, y, x, c] = bounds?;
        let count = crate::units::count;
        Some(Self {
            wrong,
            boxed: [&n, &y, &x, &c]
                .into_iter()
                .map(|r| count(r.len()))
                .product(),
            first_elements: count(end),
            from_element: count(first?),
            first_pixels: count(pixels),
            elements: count(case.golden.len()),
            pixels: count(height * width),
            images: n,
            rows: y,
            columns: x,
            channels: c,
        })
    }
}
