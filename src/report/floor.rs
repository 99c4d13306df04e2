//! The least DRAM traffic there can be: of a layer alone, and of a network whose tensors all stay on the chip.
//!
//! Drawn beside what moved, never asserted: a layer alone keeps nothing from the layer before, so a mapping that
//! keeps tensors in SRAM lies below the sum of these floors, and never below the floor of the network.

use super::RunResult;
use super::work;
use crate::reparam::{LayerId, TensorId};
use crate::schedule::weights::CHANNEL_PARAMETER_BYTES;
use crate::units::{Bytes, count};

/// Bytes of a layer without residency: each input and the weights read once, the output written once, for the
/// whole batch.
///
/// # Panics
/// When the graph has no layer `index`.
#[must_use]
pub fn alone(run: &RunResult, index: usize) -> Bytes {
    let layer = &run.schedule.graph.layers[index];
    let inputs = layer.inputs.iter().map(|&input| tensor(run, input));
    let output = tensor(run, LayerId(index).output());
    inputs.sum::<Bytes>() + weights(run, index) + output
}

/// Bytes of a network that keeps all its tensors on the chip: all weights, the first input, the last output.
#[must_use]
pub fn network(run: &RunResult) -> Bytes {
    let graph = &run.schedule.graph;
    let weights: Bytes = (0..graph.layers.len()).map(|i| weights(run, i)).sum();
    weights + tensor(run, TensorId::INPUT) + tensor(run, graph.output())
}

/// Weights and parameters of a layer as they lie in DRAM, without the padding of row groups to bursts.
fn weights(run: &RunResult, index: usize) -> Bytes {
    let schedule = &run.schedule;
    let layer = &schedule.graph.layers[index];
    let fan_in = work::fan_in(&schedule.graph, layer);
    if fan_in == 0 {
        return Bytes::ZERO;
    }
    let weight = u64::from(schedule.numerics.weight_bits[index].div_ceil(8));
    Bytes(count(layer.output.channels) * (fan_in * weight + CHANNEL_PARAMETER_BYTES.0))
}

/// A tensor of the whole batch, unpadded.
fn tensor(run: &RunResult, tensor: TensorId) -> Bytes {
    let schedule = &run.schedule;
    let elements = schedule.graph.shape(tensor).elements().0;
    let element = schedule.numerics.activations[tensor.0].bytes();
    Bytes(elements * element.0 * count(schedule.batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn floors_are_what_one_counts_by_hand() {
        let report = sample::report(2);
        let run = &report.chips[0].networks[0];
        // 3x3 from 3 to 48 channels, 224 x 224 to 112 x 112; then fully connected to 1000.
        let first = 48 * (27 + 16);
        let image = 224 * 224 * 3;
        let map = 112 * 112 * 48;
        let second = 1000 * (map + 16);
        assert_eq!(alone(run, 0), Bytes(image + first + map));
        assert_eq!(alone(run, 1), Bytes(map + second + 1000));
        assert_eq!(network(run), Bytes(image + first + second + 1000));
    }

    #[test]
    fn a_shortcut_is_read_too_and_an_addition_has_no_weights() {
        let report = sample::report(22);
        let run = &report.chips[0].networks[1];
        let graph = &run.schedule.graph;
        let add = graph
            .layers
            .iter()
            .position(|layer| layer.inputs.len() == 2);
        let add = add.unwrap();
        let bytes = graph.layers[add].output.elements().0;
        assert_eq!(alone(run, add), Bytes(3 * bytes));
    }
}
