//! Loads and Stores, and what a buffer's place held before.

use super::List;
use super::track::Room;
use super::turns::Turn;
use crate::reparam::{LayerId, TensorId};
use crate::schedule::{BufferId, OpId, OpKind, Traffic};
use crate::units::{Addr, Bytes, count};
use std::ops::Range;

/// A Store that is not in the list yet.
pub(super) struct Pending {
    pub(super) layer: LayerId,
    pub(super) buffer: BufferId,
    pub(super) image: usize,
    pub(super) rows: Range<usize>,
    pub(super) made: OpId,
}

impl List<'_> {
    /// Loads what a turn reads and SRAM does not hold; ahead of time only where nothing in use is overwritten.
    pub(super) fn load(&mut self, layer: LayerId, turn: &Turn, needed: bool) {
        for place in 0..self.facts.layers[layer.0].operands.len() {
            let operand = self.facts.layers[layer.0].operands[place];
            if self.placement.stays[operand.tensor.0] {
                continue;
            }
            let buffer = self.placement.layers[layer.0].operands[place]
                .expect("an operand in DRAM has a ring");
            self.succeed(buffer);
            let rows = self.rows(layer, place, turn);
            let ring = self.placement.buffers[buffer.0].rows;
            let whole = ring >= self.facts.sizes[operand.tensor.0].height;
            let refetch = !whole && !self.facts.keeps(operand);
            if refetch && !needed {
                continue;
            }
            for image in self.images(layer, turn) {
                let mut again = refetch;
                while let Some(part) = self.tracks[buffer.0].missing(image, &rows, again) {
                    again = false;
                    match self.tracks[buffer.0].room(image, &part, &self.turns) {
                        Room::After(after) => {
                            let stored = self.put_into_dram(operand.tensor, image, &part);
                            let (start, bytes) = self.range(operand.tensor, image, &part);
                            let kind = OpKind::Load {
                                buffer,
                                image,
                                rows: part.clone(),
                                start,
                                bytes,
                                traffic: operand.traffic,
                            };
                            let op = self.push(layer, [after, stored], kind);
                            self.tracks[buffer.0].load(op, image, &part);
                            self.touch(buffer, op);
                        }
                        Room::Blocked => {
                            assert!(!needed, "a ring holds the rows of one strip");
                            return;
                        }
                    }
                }
            }
        }
    }

    /// What put rows of a tensor into DRAM.
    pub(super) fn put_into_dram(
        &self,
        tensor: TensorId,
        image: usize,
        rows: &Range<usize>,
    ) -> Option<OpId> {
        self.in_dram[tensor.0]
            .iter()
            .filter(|(of, band, _)| *of == image && band.start < rows.end && rows.start < band.end)
            .map(|(_, _, op)| *op)
            .max()
    }

    /// DRAM range of rows of a tensor.
    pub(super) fn range(
        &self,
        tensor: TensorId,
        image: usize,
        rows: &Range<usize>,
    ) -> (Addr, Bytes) {
        let size = &self.facts.sizes[tensor.0];
        let first = count(image * size.height + rows.start);
        (
            self.tensors[tensor.0] + Bytes(first * size.row_bytes),
            Bytes(count(rows.len()) * size.row_bytes),
        )
    }

    /// Puts the Stores held back into the list.
    pub(super) fn flush(&mut self) {
        for store in std::mem::take(&mut self.pending) {
            let tensor = store.layer.output();
            let traffic = if tensor == self.facts.graph.output() {
                Traffic::Outputs
            } else {
                self.facts.leaves_as(tensor)
            };
            self.store(&store, tensor, traffic);
        }
    }

    pub(super) fn store(&mut self, store: &Pending, tensor: TensorId, traffic: Traffic) {
        let (start, bytes) = self.range(tensor, store.image, &store.rows);
        let loaded = self.tracks[store.buffer.0]
            .dma
            .filter(|_| traffic == Traffic::Host);
        let kind = OpKind::Store {
            buffer: store.buffer,
            image: store.image,
            rows: store.rows.clone(),
            start,
            bytes,
            traffic,
        };
        let op = self.push(store.layer, [Some(store.made), loaded], kind);
        self.tracks[store.buffer.0].store(op, store.image, &store.rows);
        self.touch(store.buffer, op);
        self.in_dram[tensor.0].push((store.image, store.rows.clone(), op));
    }

    pub(super) fn touch(&mut self, buffer: BufferId, op: OpId) {
        let live = &mut self.placement.buffers[buffer.0].live;
        live.start = live.start.min(op);
        live.end = live.end.max(op);
    }

    /// On its first use a buffer learns what was done in its place before.
    pub(super) fn succeed(&mut self, buffer: BufferId) {
        if std::mem::replace(&mut self.tracks[buffer.0].touched, true) {
            return;
        }
        let place = self.place_of(buffer);
        let (mut work, mut dma) = (None, None);
        for (other, track) in self.tracks.iter().enumerate() {
            let taken = self.place_of(BufferId(other));
            if other != buffer.0 && taken.start < place.end && place.start < taken.end {
                work = work.max(track.work);
                dma = dma.max(track.dma);
            }
        }
        let track = &mut self.tracks[buffer.0];
        (track.work_before, track.dma_before) = (work, dma);
    }

    /// Bytes a lane of each bank where a buffer lies.
    pub(super) fn place_of(&self, buffer: BufferId) -> Range<u64> {
        let buffer = &self.placement.buffers[buffer.0];
        let units = self.facts.units(buffer.tensor, buffer.rows, buffer.images);
        buffer.base.0..buffer.base.0 + units
    }
}
