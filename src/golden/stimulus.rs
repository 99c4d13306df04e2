//! What the network is given: images of the study, or integers made for what they reach.

use super::rounding::{End, Parts};
use super::search::{First, Worth};
use crate::quantise::QuantNetwork;
use crate::tensor::{Activations, IntType};
use ndarray::Axis;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// Where the integers of the network's input come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stimulus {
    /// Test images of the study.
    Image,
    /// Uniform over the range of the input, from a seed.
    Random(u64),
    /// Smallest and largest values only: areas of one, checkers, stripes.
    Extremes,
    /// Random, then each pixel so that most outputs of the first convolution over it are ties of the rounding, or stand
    /// beside one; of a large image as many pixels as a second or two allow.
    Ties,
    /// Each pixel so that the outputs of the first convolution over it come nearest to their ends, or past them.
    Saturation,
    /// The zero point everywhere but in one element, in the middle, which is as far from it as can be.
    HotTap,
}

/// Seed of the numbers that the search for ties begins with.
const TIES_SEED: u64 = 1;

impl Stimulus {
    /// The integers of `batch` images; `None` where images of the study are asked for.
    #[must_use]
    pub fn generate(self, network: &QuantNetwork, batch: usize) -> Option<Activations> {
        let map = network.graph.input;
        let dim = (batch, map.height, map.width, map.channels);
        let range = network.numerics.activations[0];
        let zero = network.tensors[0].zero_point;
        Some(match self {
            Self::Image => return None,
            Self::Random(seed) => random(dim, range, seed),
            Self::Extremes => extremes(dim, range),
            Self::HotTap => hot_tap(dim, range, zero),
            Self::Ties => {
                // Every value, of a wide range 256 of them.
                let step = 1 << range.bits.saturating_sub(8);
                let values: Vec<i32> = (range.min()..=range.max()).step_by(step).collect();
                driven(network, random(dim, range, TIES_SEED), &values, tie_worth)
            }
            Self::Saturation => {
                let ends = [range.min(), zero, range.max()];
                driven(network, extremes(dim, range), &ends, end_worth)
            }
        })
    }

    /// As in a manifest: `{"kind": "random", "seed": 7}`.
    #[must_use]
    pub fn json(self) -> Value {
        match self {
            Self::Random(seed) => json!({ "kind": self.kind(), "seed": seed }),
            Self::Image | Self::Extremes | Self::Ties | Self::Saturation | Self::HotTap => {
                json!({ "kind": self.kind() })
            }
        }
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Random(_) => "random",
            Self::Extremes => "extremes",
            Self::Ties => "ties",
            Self::Saturation => "saturation",
            Self::HotTap => "hot-tap",
        }
    }
}

impl fmt::Display for Stimulus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Random(seed) => write!(f, "{}:{seed}", self.kind()),
            Self::Image | Self::Extremes | Self::Ties | Self::Saturation | Self::HotTap => {
                f.write_str(self.kind())
            }
        }
    }
}

impl FromStr for Stimulus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(seed) = text.strip_prefix("random:") {
            let no_seed = |_| {
                format!(
                    "`{seed}` is no seed: write a number from 0 to {}, as in random:7",
                    u64::MAX
                )
            };
            return seed.parse().map(Self::Random).map_err(no_seed);
        }
        let plain = [
            Self::Image,
            Self::Extremes,
            Self::Ties,
            Self::Saturation,
            Self::HotTap,
        ];
        let found = plain.into_iter().find(|stimulus| stimulus.kind() == text);
        found.ok_or_else(|| {
            "write image, random:SEED, extremes, ties, saturation or hot-tap".to_owned()
        })
    }
}

type Dim = (usize, usize, usize, usize);

fn random(dim: Dim, range: IntType, seed: u64) -> Activations {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    // A range has a power of two of values: the high bits of a word are uniform over it.
    let unused = 32 - u32::from(range.bits);
    let value = || {
        let above = i32::try_from(random.next_u32() >> unused).unwrap_or(0);
        range.min() + above
    };
    Activations::from_shape_simple_fn(dim, value)
}

/// The smallest value above left, the largest above right, checkers below left, stripes below right; of every second
/// image the other way round.
fn extremes(dim: Dim, range: IntType) -> Activations {
    Activations::from_shape_fn(dim, |(n, y, x, c)| {
        let high = match (2 * y < dim.1, 2 * x < dim.2) {
            (true, left) => !left,
            (false, true) => (y + x + c) % 2 == 1,
            (false, false) => x % 2 == 1,
        };
        if high == (n % 2 == 0) {
            range.max()
        } else {
            range.min()
        }
    })
}

fn hot_tap(dim: Dim, range: IntType, zero: i32) -> Activations {
    let hot = if zero - range.min() > range.max() - zero {
        range.min()
    } else {
        range.max()
    };
    let mut images = Activations::from_elem(dim, zero);
    for n in 0..dim.0 {
        images[[n, dim.1 / 2, dim.2 / 2, n % dim.3]] = hot;
    }
    images
}

/// `start`, driven towards what `worth` counts; as it is where no convolution reads the input.
fn driven(
    network: &QuantNetwork,
    mut start: Activations,
    candidates: &[i32],
    worth: Worth,
) -> Activations {
    if let Some(first) = First::of(network) {
        let batch = start.dim().0;
        for image in start.axis_iter_mut(Axis(0)) {
            first.climb(image, candidates, worth, batch);
        }
    }
    start
}

/// A tie that shows in the output is worth most, then one that does not, then a number beside a tie.
fn tie_worth(_: &First<'_>, parts: &Parts) -> u64 {
    match (parts.tie, parts.visible, parts.beside_tie) {
        (true, true, _) => 64,
        (true, false, _) => 8,
        (false, true, true) => 1,
        (false, _, _) => 0,
    }
}

/// How far an output is from its zero point, until an end is passed; nothing for one that a ReLU clips.
fn end_worth(first: &First<'_>, parts: &Parts) -> u64 {
    let rule = &first.quant.requantise;
    let reach = i128::from(rule.upper) - i128::from(rule.lower);
    let far = match parts.end {
        End::ReluClipped => 0,
        End::SaturatedLow | End::SaturatedHigh => 2 * reach,
        End::Kept => (parts.rounded - i128::from(rule.zero_point)).abs(),
    };
    u64::try_from(far).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stimulus_is_written_as_it_is_read() {
        for text in [
            "image",
            "random:7",
            "extremes",
            "ties",
            "saturation",
            "hot-tap",
        ] {
            let stimulus: Stimulus = text.parse().unwrap();
            assert_eq!(stimulus.to_string(), text);
        }
        for bad in ["", "random", "random:", "random:-1", "Image", "random:1.5"] {
            assert!(bad.parse::<Stimulus>().is_err(), "{bad}");
        }
    }

    #[test]
    fn random_numbers_fill_the_range_and_extremes_are_its_ends() {
        let range = IntType::signed(3);
        let dim = (2, 8, 8, 1);
        let counts = random(dim, range, 7)
            .iter()
            .fold([0; 8], |mut counts, value| {
                counts[usize::try_from(value + 4).unwrap()] += 1;
                counts
            });
        assert!(counts.iter().all(|count| *count > 4), "{counts:?}");
        assert_ne!(random(dim, range, 7), random(dim, range, 8));
        let images = extremes(dim, range);
        assert!(images.iter().all(|value| [-4, 3].contains(value)));
        assert_eq!((images[[0, 0, 0, 0]], images[[0, 0, 7, 0]]), (-4, 3));
        assert_eq!((images[[1, 0, 0, 0]], images[[1, 0, 7, 0]]), (3, -4));
    }

    #[test]
    fn one_tap_is_hot() {
        let images = hot_tap((3, 5, 5, 2), IntType::unsigned(4), 9);
        let hot: Vec<_> = (images.indexed_iter().filter(|(_, value)| **value != 9)).collect();
        assert_eq!(
            hot,
            [((0, 2, 2, 0), &0), ((1, 2, 2, 1), &0), ((2, 2, 2, 0), &0)]
        );
    }
}
