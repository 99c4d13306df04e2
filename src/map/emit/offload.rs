//! Layers of the host: DRAM to DRAM.

use super::List;
use super::transfers::Pending;
use crate::map::facts::OPERANDS;
use crate::reparam::LayerId;
use crate::schedule::{OpKind, Traffic};

impl List<'_> {
    /// For each image: Stores of operands that are only in SRAM, the call, a Load of an output that stays.
    pub(super) fn on_host(&mut self, layer: LayerId) {
        let facts = self.facts;
        let next_end = self.fetches.end_of(layer.0 + 1);
        let tensor = layer.output();
        for image in 0..self.loops[layer.0].images {
            self.turns.push(None);
            let mut after = [None; OPERANDS];
            let operands = facts.layers[layer.0].operands.iter().enumerate();
            for (place, operand) in operands {
                let operand = operand.tensor;
                let rows = 0..self.facts.sizes[operand.0].height;
                if self.placement.stays[operand.0]
                    && self.put_into_dram(operand, image, &rows).is_none()
                {
                    let buffer = self.placement.layers[layer.0].operands[place]
                        .expect("a tensor that stays has a buffer");
                    let made = self.tracks[buffer.0].work.expect("it was made on the chip");
                    let store = Pending {
                        layer: operand.producer().expect("the input never stays"),
                        buffer,
                        image,
                        rows: rows.clone(),
                        made,
                    };
                    self.store(&store, operand, Traffic::Host);
                }
                after[place] = self.put_into_dram(operand, image, &rows);
            }
            let op = self.push(layer, after, OpKind::Host { image });
            *self.turns.last_mut().expect("the turn under way") = Some(op);
            self.place += 1;
            let rows = 0..self.facts.sizes[tensor.0].height;
            self.in_dram[tensor.0].push((image, rows.clone(), op));
            self.fetch(next_end, self.place);
            if let Some(buffer) = self.placement.layers[layer.0].output {
                self.succeed(buffer);
                let before = self.tracks[buffer.0].work_before;
                let (start, bytes) = self.range(tensor, image, &rows);
                let kind = OpKind::Load {
                    buffer,
                    image,
                    rows: rows.clone(),
                    start,
                    bytes,
                    traffic: Traffic::Host,
                };
                let load = self.push(layer, [Some(op), before], kind);
                self.tracks[buffer.0].load(load, image, &rows);
                self.touch(buffer, load);
            }
        }
    }
}
