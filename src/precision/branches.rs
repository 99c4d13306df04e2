//! How the weights of parallel branches lie in the range of the kernel that they became.
//!
//! A 3x3 branch reaches all nine taps, a 1x1 and an identity branch the centre alone. Where they bring larger weights
//! than the 3x3 branch has, a few of them set the range of the fused kernel, and the ring is left with few steps.

use crate::quantise::quality::centre_to_ring;
use crate::reparam::{FoldedNetwork, Layer, LayerOp, LayerParams};
use crate::units::count;
use ndarray::Array4;

/// Powers of two below the largest weight that are told apart; smaller magnitudes count in the last.
pub const OCTAVES: usize = 16;

/// Part of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Branch {
    /// The 3x3 convolution and its batch norm.
    ThreeByThree,
    /// The 1x1 convolution and its batch norm.
    OneByOne,
    /// The batch norm of the block's input alone.
    Identity,
    /// The one kernel that they became.
    Fused,
    /// The same after equalisation.
    Equalised,
}

impl Branch {
    /// In the order of every table.
    pub const ALL: [Self; 5] = [
        Self::ThreeByThree,
        Self::OneByOne,
        Self::Identity,
        Self::Fused,
        Self::Equalised,
    ];

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::ThreeByThree => "3x3 branch",
            Self::OneByOne => "1x1 branch",
            Self::Identity => "identity branch",
            Self::Fused => "fused kernel",
            Self::Equalised => "fused, equalised",
        }
    }
}

/// Magnitudes of some weights, in powers of two below the largest of a kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Magnitudes {
    /// Largest magnitude.
    pub largest: f64,
    /// `counts[i]`: weights with a magnitude of at least `2^-(i + 1)` and below `2^-i` of the kernel's largest; the
    /// first takes the largest itself, the last all that are smaller. Zeros are not counted.
    pub counts: [u64; OCTAVES],
}

/// The weights of one block.
#[derive(Debug, Clone, PartialEq)]
pub struct BranchWeights {
    /// Name of the fused layer.
    pub block: String,
    /// Largest magnitude under the centre tap over the largest under the ring, of the fused kernel.
    pub centre_to_ring: Option<f64>,
    /// Of each branch that there is. The equalised kernel is measured in its own largest, the others in that of the
    /// fused one.
    pub branches: Vec<(Branch, Magnitudes)>,
}

/// The blocks of `fused` that were several convolutions in `kept`: those of which `kept` has layers named after the
/// block and a dot. `equalised` has the layers of `fused`.
pub(super) fn branches(
    fused: &FoldedNetwork,
    kept: &FoldedNetwork,
    equalised: &FoldedNetwork,
) -> Vec<BranchWeights> {
    let layers = fused.graph.layers.iter().enumerate();
    layers
        .filter_map(|(place, layer)| {
            let weight = weight_of(fused, place)?;
            let parts = parts(kept, &layer.name);
            (parts.len() > 1).then(|| {
                let largest = largest(weight);
                let mut branches: Vec<(Branch, Magnitudes)> = (parts.into_iter())
                    .map(|(branch, weight)| (branch, magnitudes(weight, largest)))
                    .collect();
                branches.push((Branch::Fused, magnitudes(weight, largest)));
                if let Some(weight) = weight_of(equalised, place) {
                    let own = self::largest(weight);
                    branches.push((Branch::Equalised, magnitudes(weight, own)));
                }
                BranchWeights {
                    block: layer.name.clone(),
                    centre_to_ring: centre_to_ring(weight),
                    branches,
                }
            })
        })
        .collect()
}

fn weight_of(network: &FoldedNetwork, place: usize) -> Option<&Array4<f32>> {
    match network.params.layers.get(place)? {
        LayerParams::Conv { weight, .. } => Some(weight),
        LayerParams::None => None,
    }
}

/// The convolutions of a block by their kind.
fn parts<'a>(kept: &'a FoldedNetwork, block: &str) -> Vec<(Branch, &'a Array4<f32>)> {
    let below = |layer: &Layer| {
        let rest = layer.name.strip_prefix(block);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    let layers = kept.graph.layers.iter().enumerate();
    let mut parts: Vec<_> = layers
        .filter(|(_, layer)| below(layer))
        .filter_map(|(place, layer)| Some((kind(layer)?, weight_of(kept, place)?)))
        .collect();
    parts.sort_by_key(|(branch, _)| *branch);
    parts
}

fn kind(layer: &Layer) -> Option<Branch> {
    match layer.op {
        LayerOp::Conv { conv, .. } => match conv.kernel {
            3 => Some(Branch::ThreeByThree),
            1 if conv.groups > 1 && conv.groups == conv.out_channels => Some(Branch::Identity),
            1 => Some(Branch::OneByOne),
            _ => None,
        },
        LayerOp::FullyConnected { .. }
        | LayerOp::Add { .. }
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::Lookup(_)
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => None,
    }
}

fn largest(weight: &Array4<f32>) -> f64 {
    f64::from(weight.iter().fold(0.0_f32, |most, w| most.max(w.abs())))
}

fn magnitudes(weight: &Array4<f32>, of: f64) -> Magnitudes {
    let mut found = Magnitudes {
        largest: largest(weight),
        counts: [0; OCTAVES],
    };
    for w in weight {
        let share = f64::from(w.abs()) / of;
        if share > 0.0 {
            found.counts[octave(share)] += 1;
        }
    }
    // Counts are of weights; a batch norm of the input alone has one a channel.
    debug_assert!(
        found.counts.iter().sum::<u64>() <= count(weight.len()),
        "each once"
    );
    found
}

/// How many times a share can be doubled and stay below 1; larger ones count as 1.
fn octave(share: f64) -> usize {
    let mut bound = 0.5;
    let mut octave = 0;
    while share < bound && octave + 1 < OCTAVES {
        bound *= 0.5;
        octave += 1;
    }
    octave
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::seeded;
    use crate::network::{Network, builtin};
    use crate::quantise::equalise;
    use crate::reparam::{Branches, fold};

    #[test]
    fn every_block_of_a_repvgg_has_its_branches() {
        let input = builtin::default_input("repvgg-mini").expect("built in");
        let graph = builtin::graph("repvgg-mini", input).expect("built in");
        let params = seeded(&graph, 1);
        let network = Network { graph, params };
        let [fused, kept] = [Branches::Fuse, Branches::Keep]
            .map(|branches| fold(&network, branches).expect("it folds"));
        let found = branches(&fused, &kept, &equalise(&fused).network);
        assert_eq!(found.len(), 9);
        let kinds = |block: &BranchWeights| block.branches.iter().map(|b| b.0).collect::<Vec<_>>();
        assert_eq!(kinds(&found[2]), Branch::ALL);
        assert_eq!(kinds(&found[0]).len(), 4);
        for block in &found {
            // The fused kernel has as many weights as the 3x3 branch, give or take a zero.
            let total = |place: usize| block.branches[place].1.counts.iter().sum::<u64>();
            let fused = total(block.branches.len() - 2);
            assert!(total(0).abs_diff(fused) < 3, "{block:?}");
            assert!(block.branches[block.branches.len() - 2].1.counts[0] > 0);
        }
    }

    #[test]
    fn octaves_start_at_the_largest() {
        assert_eq!(
            [1.5, 1.0, 0.5, 0.49, 0.25, 1e-9].map(octave),
            [0, 0, 0, 1, 1, 15]
        );
    }
}
