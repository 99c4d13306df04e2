//! DRAM addresses: tensors one after another, then the weights of each layer, everything burst-aligned.

use crate::map::engine::Engine;
use crate::map::facts::Facts;
use crate::reparam::TensorId;
use crate::schedule::{DramLayout, weights};
use crate::units::{Addr, Bytes, count};

/// Addresses of all tensors and row groups.
pub(super) fn layout(facts: &Facts<'_>) -> DramLayout {
    let mut next = Addr(0);
    let mut take = |bytes: Bytes| {
        let start = next;
        next = start + Bytes(bytes.0.next_multiple_of(facts.dram.burst.0));
        start
    };
    let tensors = (0..facts.sizes.len())
        .map(|tensor| {
            let shape = facts.graph.shape(TensorId(tensor));
            let element = facts.numerics.activations[tensor].bytes().0;
            take(Bytes(
                count(facts.settings.batch) * shape.elements().0 * element,
            ))
        })
        .collect();
    let weights = facts
        .layers
        .iter()
        .zip(&facts.numerics.weight_bits)
        .map(|(layer, bits)| match &layer.engine {
            Engine::Array(work) => {
                let element = Bytes(u64::from(bits.div_ceil(8)));
                (0..work.row_groups())
                    .map(|rg| take(weights::row_group_bytes(work, &work.row_group(rg), element)))
                    .collect()
            }
            Engine::Vector | Engine::Host => Vec::new(),
        })
        .collect();
    DramLayout { tensors, weights }
}
