//! Where buffers lie in activation SRAM: first fit over lifetimes.
//!
//! A tensor that stays lives from its producer to its last reader, a ring for one layer; a sum in place shares
//! the storage of its operand. Bases count bytes a lane of each bank.

use super::choice::Choice;
use super::facts::Facts;
use super::residency::Way;
use crate::reparam::{LayerId, TensorId};
use crate::schedule::{Buffer, BufferId, OpId, Strip};
use crate::units::{Words, count};
use std::ops::Range;

/// One layer with its strips and buffers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) choice: Choice,
    pub(super) strips: Vec<Strip>,
    /// One for each operand; for a layer of the host only those that stay.
    pub(super) operands: Vec<Option<BufferId>>,
    /// None for a layer of the host whose output goes to DRAM.
    pub(super) output: Option<BufferId>,
    pub(super) ranked: usize,
}

/// Everything the emitter needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placement {
    pub(super) layers: Vec<Placed>,
    pub(super) buffers: Vec<Buffer>,
    /// Whether a tensor is whole in SRAM from its producer to its last reader.
    pub(super) stays: Vec<bool>,
}

/// Storage before it has an address.
struct Storage {
    units: u64,
    /// Multiple of which the base must be: bytes of an element.
    align: u64,
    layers: Range<usize>,
}

/// Places the buffers of `way`; `None` when the holes between them are too small.
pub(super) fn place(facts: &Facts<'_>, way: &Way) -> Option<Placement> {
    let mut placer = Placer {
        facts,
        storages: Vec::new(),
        buffers: Vec::new(),
        homes: Vec::new(),
        of: vec![None; facts.sizes.len()],
        stays: vec![false; facts.sizes.len()],
    };
    let layers = (0..way.layers.len())
        .map(|index| placer.layer(way, LayerId(index)))
        .collect();
    let bases = addresses(&placer.storages, facts.capacity)?;
    for (buffer, home) in placer.buffers.iter_mut().zip(&placer.homes) {
        buffer.base = Words(bases[*home]);
    }
    Some(Placement {
        layers,
        buffers: placer.buffers,
        stays: placer.stays,
    })
}

struct Placer<'a> {
    facts: &'a Facts<'a>,
    storages: Vec<Storage>,
    buffers: Vec<Buffer>,
    /// Storage of each buffer.
    homes: Vec<usize>,
    /// Buffer of each tensor that stays.
    of: Vec<Option<BufferId>>,
    stays: Vec<bool>,
}

impl Placer<'_> {
    fn layer(&mut self, way: &Way, layer: LayerId) -> Placed {
        let chosen = &way.layers[layer.0];
        let choice = chosen.choice;
        let facts = &self.facts.layers[layer.0];
        let operands: Vec<Option<BufferId>> = facts
            .operands
            .iter()
            .enumerate()
            .map(|(place, operand)| match self.of[operand.tensor.0] {
                Some(buffer) => Some(buffer),
                None if choice.rings[place] > 0 => {
                    Some(self.ring(operand.tensor, choice.rings[place], choice.images, layer))
                }
                None => None,
            })
            .collect();
        let tensor = layer.output();
        let output = if chosen.stays {
            Some(self.home(tensor, chosen.in_place.then_some(facts.in_place).flatten()))
        } else if let Some(operand) = choice.shares.and_then(|place| operands[place]) {
            let (home, images) = (self.homes[operand.0], self.buffers[operand.0].images);
            Some(self.buffer(tensor, choice.out_rows, images, home))
        } else if choice.out_rows > 0 {
            Some(self.ring(tensor, choice.out_rows, choice.images, layer))
        } else {
            None
        };
        Placed {
            choice,
            strips: self.strips(layer, choice.strip_rows),
            operands,
            output,
            ranked: chosen.ranked,
        }
    }

    /// The buffer of a tensor that stays, in the storage of `shared` if given.
    fn home(&mut self, tensor: TensorId, shared: Option<TensorId>) -> BufferId {
        let height = self.facts.sizes[tensor.0].height;
        let first = tensor.producer().map_or(0, |layer| layer.0);
        let end = self.facts.last[tensor.0].0 + 1;
        let shared = shared.and_then(|operand| self.of[operand.0]);
        let storage = match shared {
            Some(operand) => {
                let storage = self.homes[operand.0];
                let layers = &mut self.storages[storage].layers;
                layers.end = layers.end.max(end);
                storage
            }
            None => self.storage(tensor, height, self.facts.images(), first..end),
        };
        let id = self.buffer(tensor, height, self.facts.images(), storage);
        self.of[tensor.0] = Some(id);
        self.stays[tensor.0] = true;
        id
    }

    fn ring(&mut self, tensor: TensorId, rows: usize, images: usize, layer: LayerId) -> BufferId {
        let storage = self.storage(tensor, rows, images, layer.0..layer.0 + 1);
        self.buffer(tensor, rows, images, storage)
    }

    fn storage(
        &mut self,
        tensor: TensorId,
        rows: usize,
        images: usize,
        layers: Range<usize>,
    ) -> usize {
        self.storages.push(Storage {
            units: self.facts.units(tensor, rows, images),
            align: self.facts.numerics.activations[tensor.0].bytes().0,
            layers,
        });
        self.storages.len() - 1
    }

    fn buffer(&mut self, tensor: TensorId, rows: usize, images: usize, storage: usize) -> BufferId {
        let facts = self.facts;
        let shape = facts.graph.shape(tensor);
        let sram = &facts.chip.activation_sram;
        let element = facts.numerics.activations[tensor.0].bytes().0;
        let banks = count(sram.bank_rows * sram.bank_cols);
        self.buffers.push(Buffer {
            tensor,
            images,
            rows,
            base: Words(0),
            words: Words(facts.units(tensor, rows, images) / element * banks),
            elements: count(images * rows * shape.width * shape.channels),
            live: OpId(usize::MAX)..OpId(0),
        });
        self.homes.push(storage);
        BufferId(self.buffers.len() - 1)
    }

    fn strips(&self, layer: LayerId, rows: usize) -> Vec<Strip> {
        let height = self.facts.sizes[layer.output().0].height;
        let operand = &self.facts.layers[layer.0].operands[0];
        let input = self.facts.sizes[operand.tensor.0].height;
        if self.facts.gathers(layer) {
            let bands = (0..input).step_by(rows);
            return bands
                .map(|first| Strip {
                    out_rows: 0..height,
                    in_rows: first..(first + rows).min(input),
                })
                .collect();
        }
        (0..height)
            .step_by(rows)
            .map(|first| {
                let out_rows = first..(first + rows).min(height);
                let in_rows = operand.reach.rows(&out_rows, input);
                Strip { out_rows, in_rows }
            })
            .collect()
    }
}

/// Bases of all storages, by the first of four orders that fits: as they come, the largest first, the longest
/// lives first, the widest elements first. The last leaves no gap between rings of one layer, so it always fits
/// when nothing stays.
fn addresses(storages: &[Storage], capacity: u64) -> Option<Vec<u64>> {
    let mut order: Vec<usize> = (0..storages.len()).collect();
    let keys: [fn(&Storage) -> u64; 4] = [
        |_| 0,
        |storage| u64::MAX - storage.units,
        |storage| u64::MAX - count(storage.layers.len()),
        |storage| u64::MAX - storage.align,
    ];
    keys.into_iter().find_map(|key| {
        order.sort_by_key(|index| (key(&storages[*index]), *index));
        first_fit(storages, &order, capacity)
    })
}

/// Each storage at the lowest base that is free for its whole life.
fn first_fit(storages: &[Storage], order: &[usize], capacity: u64) -> Option<Vec<u64>> {
    let mut bases = vec![0; storages.len()];
    let mut taken: Vec<Range<u64>> = Vec::new();
    for (rank, &index) in order.iter().enumerate() {
        let this = &storages[index];
        taken.clear();
        taken.extend(order[..rank].iter().filter_map(|&other| {
            let that = &storages[other];
            let meet = that.layers.start < this.layers.end && this.layers.start < that.layers.end;
            meet.then(|| bases[other]..bases[other] + that.units)
        }));
        taken.sort_unstable_by_key(|range| (range.start, range.end));
        let mut base = 0;
        for range in &taken {
            if range.start >= base + this.units {
                break;
            }
            base = base.max(range.end.next_multiple_of(this.align));
        }
        if base + this.units > capacity {
            return None;
        }
        bases[index] = base;
    }
    Some(bases)
}
