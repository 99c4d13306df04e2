//! Laws of equalisation: the function stays, the ranges meet.

use super::*;
use crate::float::{forward, seeded, seeded_image};
use crate::network::{Network, builtin};
use crate::reparam::{Branches, fold};
use crate::tensor::FeatureMap;
use proptest::prelude::*;

fn folded(name: &str, side: usize, seed: u64) -> FoldedNetwork {
    let channels = builtin::default_input(name).expect("built in").channels;
    let graph = builtin::graph(name, FeatureMap::new(side, side, channels)).expect("built in");
    let params = seeded(&graph, seed);
    fold(&Network { graph, params }, Branches::Fuse).expect("it folds")
}

/// Largest difference of two networks' outputs, as a share of the largest output.
fn off(a: &FoldedNetwork, b: &FoldedNetwork, seed: u64) -> f64 {
    let image = seeded_image(a.graph.input, seed);
    let [a, b] = [a, b].map(|network| forward(network, &image, &mut |_, _| {}));
    let largest = a.iter().fold(0.0_f32, |most, x| most.max(x.abs()));
    let off = (a.iter().zip(&b)).fold(0.0_f32, |most, (x, y)| most.max((x - y).abs()));
    f64::from(off) / f64::from(largest)
}

fn conv(network: &mut FoldedNetwork, layer: usize) -> &mut Array4<f32> {
    match &mut network.params.layers[layer] {
        LayerParams::Conv { weight, .. } => weight,
        LayerParams::None => panic!("layer {layer} has weights"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    /// Even where channels are a thousand times apart, and one is dead.
    #[test]
    fn the_function_is_kept(
        name in prop::sample::select(vec!["repvgg-mini", "resnet-mini"]), seed in 0u64..1000, spread in 0.0f32..5.0,
    ) {
        let mut network = folded(name, 28, seed);
        for index in 0..network.graph.layers.len() {
            if let LayerParams::Conv { weight, bias } = &mut network.params.layers[index] {
                for (channel, mut filter) in weight.axis_iter_mut(Axis(0)).enumerate() {
                    let factor = match channel % 7 { 0 => 0.0, 1 => (2.0_f32).powf(spread), 2 => (2.0_f32).powf(-spread), _ => 1.0 };
                    filter.mapv_inplace(|w| w * factor);
                    bias[channel] *= factor;
                }
            }
        }
        let equalised = equalise(&network);
        prop_assert!(!equalised.pairs.is_empty());
        prop_assert_eq!(&equalised.network.graph, &network.graph);
        prop_assert!(off(&network, &equalised.network, seed) < 1e-4);
    }
}

#[test]
fn both_sides_of_a_channel_end_with_one_range() {
    let mut network = folded("repvgg-mini", 28, 1);
    conv(&mut network, 0)
        .index_axis_mut(Axis(0), 3)
        .mapv_inplace(|w| w * 1000.0);
    let equalised = equalise(&network);
    assert!(
        equalised.last_change <= SETTLED,
        "{}",
        equalised.last_change
    );
    assert!(equalised.rounds < MOST_ROUNDS, "{}", equalised.rounds);
    assert_eq!(equalised.pairs.len(), 9);
    let mut after = equalised.network;
    for pair in &equalised.pairs {
        let one = |_: usize, _: usize, _: usize| 1.0;
        let ranges = made(conv(&mut after, pair.first.0), &one);
        let second = conv(&mut after, pair.second.0);
        let readers = read(second, Reads::of(second, ranges.len()), ranges.len(), &one);
        for (made, read) in ranges.iter().zip(&readers) {
            assert!((made / read - 1.0).abs() < 4.0 * SETTLED, "{made} {read}");
        }
    }
}

#[test]
fn dead_channels_keep_their_scale_and_everything_stays_finite() {
    let mut network = folded("repvgg-mini", 28, 1);
    conv(&mut network, 1).index_axis_mut(Axis(0), 5).fill(0.0);
    conv(&mut network, 3).index_axis_mut(Axis(3), 2).fill(1e-30);
    let equalised = equalise(&network);
    assert_eq!(equalised.pairs[1].factors[5].to_bits(), 1.0_f64.to_bits());
    assert_eq!(equalised.pairs[2].factors[2].to_bits(), 1.0_f64.to_bits());
    for pair in &equalised.pairs {
        let within = 1.0 / MOST_FACTOR..=MOST_FACTOR;
        assert!(pair.factors.iter().all(|factor| within.contains(factor)));
    }
    assert!(off(&network, &equalised.network, 2) < 1e-4);
}

#[test]
fn groups_and_flattened_maps_read_the_right_channel() {
    // Four channels in two groups: output 2 or 3 reads channels 2 and 3.
    let grouped = Reads::of(&Array4::zeros((4, 3, 3, 2)), 4);
    assert_eq!([0, 1, 2, 3].map(|o| grouped.channel(o, 1)), [1, 1, 3, 3]);
    // Two pixels of three channels, flattened: input 4 is channel 1 of the second pixel.
    let flat = Reads::of(&Array4::zeros((5, 1, 1, 6)), 3);
    assert_eq!([0, 2, 4].map(|i| flat.channel(4, i)), [0, 2, 1]);
}
