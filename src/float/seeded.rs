//! Parameters from a seed, for networks without a checkpoint: maps keep a spread near 1 all through.

use super::train::Maps;
use super::{narrow, real, seeded_image};
use crate::network::{Graph, Node, NodeId, NodeParams, Op, Params};
use ndarray::{Array1, Array2, Array4, Axis};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Parameters of `graph` from `seed`: the same bits on every machine.
///
/// Weights are nearly normal with variance `2 / fan in`. Gamma lies in 0.8..1.2, less before an addition. Beta
/// lies in -0.1..0.5: most of a map passes the ReLU, so noise grows slowly from layer to layer. Biases lie in
/// -0.05..0.05. The running statistics of each batch norm are those of one seeded image that passes through the
/// graph; a variance is at least half the mean square of its map, so that other images keep their spread too.
#[must_use]
pub fn seeded(graph: &Graph, seed: u64) -> Params {
    let image = seeded_image(graph.input(), seed);
    let (biased, readers) = (graph.biased(), graph.readers());
    let mut maps = Maps::new(graph);
    let mut nodes = Vec::with_capacity(graph.nodes.len());
    for (place, node) in graph.nodes.iter().enumerate() {
        let mut random = stream(seed, crate::units::count(place));
        let params = match node.op {
            Op::BatchNorm { .. } => {
                let gamma = gamma(graph, place, &readers[place]);
                batch_norm(&mut random, maps.source(place), gamma)
            }
            Op::Conv(_) | Op::FullyConnected { .. } => {
                weights(&mut random, graph, node, biased[place])
            }
            Op::Input
            | Op::Relu
            | Op::Lookup(_)
            | Op::Add
            | Op::Multiply
            | Op::Concat
            | Op::MaxPool(_)
            | Op::AvgPool(_)
            | Op::GlobalAvgPool
            | Op::AdaptiveAvgPool { .. }
            | Op::Resize(_) => NodeParams::None,
        };
        maps.step(place, &params, &image);
        nodes.push(params);
    }
    Params { nodes }
}

/// An independent stream of random words for each node.
pub(super) fn stream(seed: u64, number: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    random
}

/// Uniform in 0..1.
fn uniform(random: &mut ChaCha8Rng) -> f64 {
    f64::from(random.next_u32()) / 4_294_967_296.0
}

/// Nearly normal, mean 0 and variance 1: the sum of twelve 16-bit uniforms less its mean. No libm is used.
pub(super) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let mut sum = 0_u32;
    for _ in 0..3 {
        let word = random.next_u64().to_le_bytes();
        let (halves, _) = word.as_chunks();
        sum += halves
            .iter()
            .map(|half| u32::from(u16::from_le_bytes(*half)))
            .sum::<u32>();
    }
    (f64::from(sum) - 6.0 * 65_535.0) / 65_536.0
}

/// `length` values uniform in `low..high`.
fn between(random: &mut ChaCha8Rng, length: usize, low: f64, high: f64) -> Array1<f32> {
    let value = || narrow(low + (high - low) * uniform(random));
    Array1::from_shape_simple_fn(length, value)
}

fn weights(random: &mut ChaCha8Rng, graph: &Graph, node: &Node, biased: bool) -> NodeParams {
    let source = graph.source(node);
    match node.op {
        Op::Conv(conv) => {
            let inputs = source.channels / conv.groups;
            let spread = (2.0 / real(conv.kernel * conv.kernel * inputs)).sqrt();
            let shape = (conv.out_channels, conv.kernel, conv.kernel, inputs);
            NodeParams::Conv {
                weight: Array4::from_shape_simple_fn(shape, || narrow(spread * normal(random))),
                bias: biased.then(|| between(random, conv.out_channels, -0.05, 0.05)),
            }
        }
        Op::FullyConnected { outputs } => {
            let inputs = source.pixels() * source.channels;
            let spread = (2.0 / real(inputs)).sqrt();
            let weight = || narrow(spread * normal(random));
            NodeParams::FullyConnected {
                weight: Array2::from_shape_simple_fn((outputs, inputs), weight),
                bias: between(random, outputs, -0.05, 0.05),
            }
        }
        Op::Input
        | Op::BatchNorm { .. }
        | Op::Relu
        | Op::Lookup(_)
        | Op::Add
        | Op::Multiply
        | Op::Concat
        | Op::MaxPool(_)
        | Op::AvgPool(_)
        | Op::GlobalAvgPool
        | Op::AdaptiveAvgPool { .. }
        | Op::Resize(_) => NodeParams::None,
    }
}

/// The range of a batch norm's gamma: 0.8..1.2; 0.5..0.7 where an addition reads it, so that sums of branches stay
/// near 1; 0.2..0.4 on an identity branch, whose one tap would else hide the taps it is fused with.
fn gamma(graph: &Graph, place: usize, readers: &[NodeId]) -> (f64, f64) {
    let is_sum = |id: &NodeId| matches!(graph.nodes[id.0].op, Op::Add);
    let source = graph.nodes[place].inputs[0];
    let after_conv = matches!(graph.nodes[source.0].op, Op::Conv(_));
    match (readers.iter().any(is_sum), after_conv) {
        (false, _) => (0.8, 1.2),
        (true, true) => (0.5, 0.7),
        (true, false) => (0.2, 0.4),
    }
}

fn batch_norm(random: &mut ChaCha8Rng, map: &Array4<f32>, gamma: (f64, f64)) -> NodeParams {
    let channels = map.dim().3;
    let pixels = real(map.len() / channels);
    let moments: Vec<(f64, f64)> = (map.axis_iter(Axis(3)))
        .map(|channel| {
            let mean = channel.iter().copied().map(f64::from).sum::<f64>() / pixels;
            let square = |&value: &f32| (f64::from(value) - mean) * (f64::from(value) - mean);
            (mean, channel.iter().map(square).sum::<f64>() / pixels)
        })
        .collect();
    let typical = moments.iter().map(|(_, var)| var).sum::<f64>() / real(channels);
    // A small map has little spread of its own: that between its channels stands in for that between images.
    let across = moments.iter().map(|(mean, _)| mean * mean).sum::<f64>() / real(channels);
    let floor = ((typical + across) / 2.0).max(1e-4);
    NodeParams::BatchNorm {
        gamma: between(random, channels, gamma.0, gamma.1),
        beta: between(random, channels, -0.1, 0.5),
        mean: moments.iter().map(|(mean, _)| narrow(*mean)).collect(),
        var: (moments.iter())
            .map(|(_, var)| narrow(var.max(floor)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::{forward, forward_train};
    use crate::network::{Network, builtin};
    use crate::reparam::{Branches, fold};
    use crate::tensor::FeatureMap;

    #[test]
    fn the_numbers_are_normal_enough() {
        let mut random = stream(1, 0);
        let numbers: Vec<f64> = (0..5000).map(|_| normal(&mut random)).collect();
        let mean = numbers.iter().sum::<f64>() / 5000.0;
        let square = numbers.iter().map(|x| x * x).sum::<f64>() / 5000.0;
        assert!(
            mean.abs() < 0.05 && (square - 1.0).abs() < 0.06,
            "{mean} {square}"
        );
        assert!(numbers.iter().any(|x| x.abs() > 3.0));
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        let graph = builtin::graph("resnet-mini", FeatureMap::new(20, 20, 1)).expect("built in");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        let alone = pool.expect("one thread").install(|| seeded(&graph, 5));
        assert_eq!(alone, seeded(&graph, 5));
        assert_ne!(alone, seeded(&graph, 6));
    }

    #[test]
    fn a_seeded_network_keeps_its_spread_and_folds_to_the_same_outputs() {
        for name in ["repvgg-mini", "resnet-mini"] {
            let graph = builtin::graph(name, FeatureMap::new(28, 28, 1)).expect("built in");
            let params = seeded(&graph, 7);
            params.check(&graph).expect("the parameters fit");
            let network = Network { graph, params };
            let image = seeded_image(network.graph.input(), 8);
            let train = forward_train(&network, &image);
            let folded = fold(&network, Branches::Fuse).expect("it folds");
            let mut widest = 0.0_f32;
            let fused = forward(&folded, &image, &mut |_, map| {
                widest = map.iter().fold(widest, |most, value| most.max(value.abs()));
            });
            let largest = train.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            let apart = (&train - &fused)
                .iter()
                .fold(0.0_f32, |m, v| m.max(v.abs()));
            assert!(largest > 0.05 && widest < 1000.0, "{largest} {widest}");
            assert!(apart < largest * 1e-4, "{name}: {apart} of {largest}");
        }
    }
}
