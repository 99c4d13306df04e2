//! A twin with the same float function and channels of very different size: the published illness of fused networks,
//! in a dose that is known.
//!
//! The channels between a convolution and the only layer that reads them are divided by random powers of two in the
//! first and multiplied with them in the second, as equalisation does with better factors. Powers of two change no
//! bit of a float result, so the twin has the outputs of its original to the bit, and any loss beyond that of the
//! original comes from the range of the weights alone. Networks that grew such channels in training (RepVGG with its
//! identity branches, MobileNetV2) lose most of their classes with one scale a layer.

use crate::quantise::equalise::rescale;
use crate::reparam::FoldedNetwork;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The twin of `network` whose channels lie up to `octaves` powers of two apart; `seed` chooses them, each equally
/// likely. A network without such pairs of layers is its own twin.
#[must_use]
pub fn spread(network: &FoldedNetwork, octaves: u8, seed: u64) -> FoldedNetwork {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let low = -i32::from(octaves / 2);
    rescale(network, &mut || {
        let steps = random.next_u32() % (u32::from(octaves) + 1);
        2f64.powi(low + i32::try_from(steps).expect("at most 255"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::{forward, seeded, seeded_image};
    use crate::network::{Network, builtin};
    use crate::reparam::{Branches, LayerParams, fold};

    #[test]
    fn the_twin_has_the_same_outputs_and_other_weights() {
        for name in ["repvgg-mini", "resnet-mini"] {
            let input = builtin::default_input(name).expect("built in");
            let graph = builtin::graph(name, input).expect("built in");
            let params = seeded(&graph, 1);
            let network = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
            let twin = spread(&network, 6, 7);
            assert_eq!(twin, spread(&network, 6, 7));
            assert_eq!(spread(&network, 0, 7), network);
            let image = seeded_image(input, 2);
            let [one, two] = [&network, &twin].map(|n| forward(n, &image, &mut |_, _| {}));
            assert_eq!(one, two);
            let (LayerParams::Conv { weight: a, .. }, LayerParams::Conv { weight: b, .. }) =
                (&network.params.layers[1], &twin.params.layers[1])
            else {
                panic!("the second layer has weights")
            };
            assert_ne!(a, b);
        }
    }
}
