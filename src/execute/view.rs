//! Rows of one image, wherever they lie.

use std::ops::Range;

/// Some rows of a map, each `width · channels` integers.
pub(super) struct View<'a> {
    /// Rows of the whole map.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    /// Number of the first row.
    pub(super) first: usize,
    /// The rows, top to bottom.
    pub(super) rows: Vec<&'a [i32]>,
}

impl<'a> View<'a> {
    /// Channels of one pixel. The row is among those the view was made for.
    pub(super) fn pixel(&self, y: usize, x: usize) -> &'a [i32] {
        let row = self.rows[y - self.first];
        &row[x * self.channels..(x + 1) * self.channels]
    }
}

/// Whole images as the pixels of one row.
pub(super) fn flat_view(flat: &[i32], images: usize) -> View<'_> {
    View {
        height: 1,
        width: images,
        channels: flat.len() / images,
        first: 0,
        rows: vec![flat],
    }
}

/// A rectangle of a layer's output: whole rows of some channels of one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Area {
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
    pub(super) channels: Range<usize>,
}

/// The integers of an [`Area`]: row, column, channel.
pub(super) struct Block {
    pub(super) area: Area,
    pub(super) values: Vec<i32>,
    /// The accumulators behind them, when asked for.
    pub(super) accumulators: Option<Vec<i64>>,
}

/// Joins areas that meet, without changing which integers they cover.
///
/// Sweeps of all row groups on one strip become one area, and with `strips` so do strips one below the other: not
/// where the strips leave out input rows between them, which need not be in SRAM.
pub(super) fn join(areas: impl IntoIterator<Item = Area>, strips: bool) -> Vec<Area> {
    let mut joined: Vec<Area> = Vec::new();
    for mut area in areas {
        while let Some(last) = joined.last() {
            if last.image != area.image {
                break;
            }
            if last.rows == area.rows && last.channels.end == area.channels.start {
                area.channels.start = last.channels.start;
            } else if strips && last.channels == area.channels && last.rows.end == area.rows.start {
                area.rows.start = last.rows.start;
            } else {
                break;
            }
            joined.pop();
        }
        joined.push(area);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(image: usize, rows: Range<usize>, channels: Range<usize>) -> Area {
        Area {
            image,
            rows,
            channels,
        }
    }

    #[test]
    fn both_loop_orders_join_to_the_whole_map() {
        let strip_outer = [(0..4, 0..2), (0..4, 2..4), (4..6, 0..2), (4..6, 2..4)];
        let row_group_outer = [(0..4, 0..2), (4..6, 0..2), (0..4, 2..4), (4..6, 2..4)];
        for order in [strip_outer, row_group_outer] {
            let areas = order.map(|(rows, channels)| area(0, rows, channels));
            assert_eq!(join(areas, true), [area(0, 0..6, 0..4)]);
        }
    }

    #[test]
    fn images_and_gaps_stay_apart() {
        let apart = [
            area(0, 0..2, 0..2),
            area(1, 0..2, 2..4),
            area(1, 3..4, 2..4),
        ];
        assert_eq!(join(apart.clone(), true), apart);
    }
}
