//! Time of work outside the array: one strip on the vector unit, one call of the host.

use crate::chip::{Host, VectorUnit};
use crate::network::sampling::bin;
use crate::quantise::Numerics;
use crate::reparam::{LayerGraph, LayerId, LayerOp};
use crate::schedule::Strip;
use crate::tensor::FeatureMap;
use crate::units::{Bytes, Cycles, Macs, count};

/// Elements that an operator looks at for a strip: those it makes, those of its windows, or those it gathers.
fn elements(op: &LayerOp, input: FeatureMap, output: FeatureMap, strip: &Strip) -> u64 {
    let outputs = count(strip.out_rows.len() * output.width * output.channels);
    match op {
        LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::Resize(_)
        | LayerOp::Conv { .. }
        | LayerOp::FullyConnected { .. } => outputs,
        LayerOp::MaxPool(pool) | LayerOp::AvgPool(pool) => {
            outputs * count(pool.kernel * pool.kernel)
        }
        LayerOp::GlobalAvgPool => count(strip.in_rows.len() * input.width * input.channels),
        LayerOp::AdaptiveAvgPool { bins } => {
            let inside = |place: usize| {
                let rows = bin(place, *bins, input.height);
                let first = rows.start.max(strip.in_rows.start);
                rows.end.min(strip.in_rows.end).saturating_sub(first)
            };
            let rows: usize = (0..*bins).map(inside).sum();
            let columns: usize = (0..*bins).map(|p| bin(p, *bins, input.width).len()).sum();
            count(rows * columns * input.channels)
        }
    }
}

/// `start + ceil(elements · cycles an element / lanes)`.
pub(super) fn vector_cycles(
    graph: &LayerGraph,
    layer: LayerId,
    strip: &Strip,
    unit: &VectorUnit,
) -> Cycles {
    let this = &graph.layers[layer.0];
    let input = graph.shape(this.inputs[0]);
    let elements = elements(&this.op, input, this.output, strip);
    let each = element_cycles(&this.op, unit);
    unit.start_cycles + Cycles((elements * each).div_ceil(count(unit.lanes)))
}

/// Cycles that an element of `op` takes on a lane of `unit`.
#[must_use]
pub const fn element_cycles(op: &LayerOp, unit: &VectorUnit) -> u64 {
    match op {
        LayerOp::Lookup(_) => unit.table_cycles,
        LayerOp::Add { .. } | LayerOp::Conv { .. } | LayerOp::FullyConnected { .. } => {
            unit.add_cycles
        }
        LayerOp::Multiply { .. } => unit.multiply_cycles,
        LayerOp::Concat => unit.copy_cycles,
        LayerOp::MaxPool(_) => unit.max_pool_cycles,
        LayerOp::AvgPool(_) | LayerOp::GlobalAvgPool | LayerOp::AdaptiveAvgPool { .. } => {
            unit.avg_pool_cycles
        }
        LayerOp::Resize(_) => unit.resize_cycles,
    }
}

/// Elements that an operator looks at for one image.
#[must_use]
pub fn layer_elements(graph: &LayerGraph, layer: LayerId) -> u64 {
    let this = &graph.layers[layer.0];
    let input = graph.shape(this.inputs[0]);
    let whole = Strip {
        out_rows: 0..this.output.height,
        in_rows: 0..input.height,
    };
    elements(&this.op, input, this.output, &whole)
}

/// Cycles of the call of `host` that runs `layer` for one image: `call + max(transfer, work)`. The host reads all
/// operands and weights and writes the result over its own port.
#[must_use]
pub fn host_cycles(graph: &LayerGraph, numerics: &Numerics, layer: LayerId, host: &Host) -> Cycles {
    let this = &graph.layers[layer.0];
    let size = |tensor: crate::reparam::TensorId| {
        Bytes(graph.shape(tensor).elements().0 * numerics.activations[tensor.0].bytes().0)
    };
    let mut moved = this.inputs.iter().map(|t| size(*t)).sum::<Bytes>() + size(layer.output());
    let input = graph.shape(this.inputs[0]);
    let weights = |n: u64| Bytes(n * u64::from(numerics.weight_bits[layer.0].div_ceil(8)));
    let multiply = |macs: u64| Macs(macs).at_peak(Macs(host.macs_per_cycle));
    let work = match &this.op {
        LayerOp::Conv { conv, .. } => {
            let each = count(conv.kernel * conv.kernel * input.channels / conv.groups);
            moved += weights(each * count(conv.out_channels));
            multiply(this.output.elements().0 * each)
        }
        LayerOp::FullyConnected { outputs, .. } => {
            let products = input.elements().0 * count(*outputs);
            moved += weights(products);
            multiply(products)
        }
        LayerOp::Lookup(_)
        | LayerOp::Add { .. }
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => {
            Cycles(layer_elements(graph, layer).div_ceil(host.elements_per_cycle))
        }
    };
    host.call_cycles + moved.over(host.bytes_per_cycle).max(work)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::GraphBuilder;
    use crate::quantise::Widths;
    use crate::reparam::{Branches, fold_graph};
    use crate::tensor::FeatureMap;
    use crate::units::BytesPerCycle;
    use std::num::NonZeroU64;

    #[test]
    fn a_fully_connected_layer_moves_its_weights_and_multiplies() {
        let mut builder = GraphBuilder::new("tail", FeatureMap::new(2, 2, 4)).unwrap();
        builder
            .fully_connected("fc", GraphBuilder::INPUT, 10)
            .unwrap();
        let graph = fold_graph(&builder.finish().unwrap(), Branches::Fuse).unwrap();
        let widths = Widths {
            activation_bits: 8,
            weight_bits: 12,
            output_bits: 16,
        };
        let numerics = Numerics::uniform(&graph, widths);
        let cycles = |bytes_per_cycle: u64, macs_per_cycle: u64| {
            let host = Host {
                bytes_per_cycle: BytesPerCycle(NonZeroU64::new(bytes_per_cycle).unwrap()),
                call_cycles: Cycles(50),
                elements_per_cycle: 1,
                macs_per_cycle,
            };
            host_cycles(&graph, &numerics, LayerId(0), &host).0
        };
        // 16 bytes in, 20 out, 160 weights of two bytes.
        assert_eq!(cycles(4, 1000), 50 + 89);
        assert_eq!(cycles(1000, 2), 50 + 80);
    }

    #[test]
    fn a_mean_over_parts_looks_at_a_shared_pixel_twice() {
        let mut builder = GraphBuilder::new("parts", FeatureMap::new(7, 6, 4)).unwrap();
        builder
            .adaptive_avg_pool("parts", GraphBuilder::INPUT, 3)
            .unwrap();
        let graph = fold_graph(&builder.finish().unwrap(), Branches::Fuse).unwrap();
        let strip = |in_rows| Strip {
            out_rows: 0..3,
            in_rows,
        };
        let unit = VectorUnit {
            lanes: 8,
            start_cycles: Cycles(10),
            add_cycles: 1,
            max_pool_cycles: 1,
            avg_pool_cycles: 2,
            table_cycles: 1,
            multiply_cycles: 1,
            copy_cycles: 1,
            resize_cycles: 1,
        };
        let cycles = |rows| vector_cycles(&graph, LayerId(0), &strip(rows), &unit).0;
        // Bins of rows 0..3, 2..5, 4..7: two rows count twice. Columns fall into thirds.
        assert_eq!(cycles(0..7), 10 + 9 * 6 * 4 * 2 / 8);
        assert_eq!(cycles(0..2), 10 + 2 * 6 * 4 * 2 / 8);
        assert_eq!(cycles(2..3), 10 + 2 * 6 * 4 * 2 / 8);
    }
}
