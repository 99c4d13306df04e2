//! What each ring row holds and who touched it last, so that every operation waits for what it must.
//!
//! Engines take their operations in order, so the latest operation of an engine stands for all before it.

use crate::schedule::{Buffer, OpId};
use std::ops::Range;

/// One row of a buffer.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// Image and row.
    holds: Option<(usize, usize)>,
    /// The Load that brought it.
    loaded: Option<OpId>,
    /// The Store that takes it away.
    stored: Option<OpId>,
    /// Turn that reads it last, counted from 1 over the whole list; 0 if none.
    read_in: usize,
}

/// One buffer.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    images: usize,
    rows: usize,
    /// Empty until a Load or Store touches the buffer.
    slots: Vec<Slot>,
    /// Last operation of the array or the vector unit on it.
    pub(super) work: Option<OpId>,
    /// Last Load or Store on it.
    pub(super) dma: Option<OpId>,
    /// Last operation of array or vector unit, and of DMA, on buffers that lay in its place before.
    pub(super) work_before: Option<OpId>,
    pub(super) dma_before: Option<OpId>,
    pub(super) touched: bool,
}

/// Rows that may be loaded now, or why not.
pub(super) enum Room {
    /// After this operation.
    After(Option<OpId>),
    /// Not before this turn, which reads rows in the way, has ended.
    Blocked,
}

impl Track {
    pub(super) fn new(buffer: &Buffer) -> Self {
        Self {
            images: buffer.images,
            rows: buffer.rows,
            ..Self::default()
        }
    }

    fn index(&self, image: usize, row: usize) -> usize {
        image % self.images * self.rows + row % self.rows
    }

    fn open(&mut self) {
        if self.slots.is_empty() {
            self.slots = vec![Slot::default(); self.images * self.rows];
        }
    }

    /// The first run of `rows` that the buffer does not hold; with `again` all of them.
    pub(super) fn missing(
        &self,
        image: usize,
        rows: &Range<usize>,
        again: bool,
    ) -> Option<Range<usize>> {
        if again || self.slots.is_empty() {
            return Some(rows.clone()).filter(|rows| !rows.is_empty());
        }
        let held = |row: &usize| self.slots[self.index(image, *row)].holds == Some((image, *row));
        let start = rows.clone().find(|row| !held(row))?;
        let end = (start..rows.end).find(held).unwrap_or(rows.end);
        Some(start..end)
    }

    /// Whether rows may be overwritten by a Load, given the last operation of each turn (from 1) so far.
    pub(super) fn room(&self, image: usize, rows: &Range<usize>, turns: &[Option<OpId>]) -> Room {
        let mut after = self.work_before;
        if !self.slots.is_empty() {
            let latest = rows
                .clone()
                .map(|row| self.slots[self.index(image, row)].read_in)
                .max()
                .unwrap_or(0);
            if latest > 0 {
                match turns[latest] {
                    Some(op) => after = after.max(Some(op)),
                    None => return Room::Blocked,
                }
            }
        }
        Room::After(after)
    }

    pub(super) fn load(&mut self, op: OpId, image: usize, rows: &Range<usize>) {
        self.open();
        self.dma = Some(op);
        for row in rows.clone() {
            let index = self.index(image, row);
            let slot = &mut self.slots[index];
            slot.holds = Some((image, row));
            slot.loaded = Some(op);
        }
    }

    pub(super) fn store(&mut self, op: OpId, image: usize, rows: &Range<usize>) {
        self.open();
        self.dma = Some(op);
        for row in rows.clone() {
            let index = self.index(image, row);
            self.slots[index].stored = Some(op);
        }
    }

    /// Marks rows as read in `turn`; the Load to wait for.
    pub(super) fn read(&mut self, turn: usize, image: usize, rows: &Range<usize>) -> Option<OpId> {
        if self.slots.is_empty() {
            return None;
        }
        let mut after = None;
        for row in rows.clone() {
            let index = self.index(image, row);
            let slot = &mut self.slots[index];
            slot.read_in = turn;
            after = after.max(slot.loaded);
        }
        after
    }

    /// The Store (or what lay here before) to wait for when rows are written.
    pub(super) fn write(&self, image: usize, rows: &Range<usize>) -> Option<OpId> {
        if self.slots.is_empty() {
            return self.dma_before;
        }
        rows.clone()
            .map(|row| self.slots[self.index(image, row)].stored)
            .max()
            .flatten()
            .max(self.dma_before)
    }

    /// Whether two bands of rows share a slot.
    pub(super) fn meet(
        &self,
        (image, rows): (usize, &Range<usize>),
        (other, others): (usize, &Range<usize>),
    ) -> bool {
        if image % self.images != other % self.images {
            return false;
        }
        rows.clone().any(|row| {
            others
                .clone()
                .any(|other| row % self.rows == other % self.rows)
        })
    }
}
