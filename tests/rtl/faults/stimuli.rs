//! Small networks on chip `edge` that show every fault of the RTL.

use crate::cases::{Case, Class};
use crate::networks;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use repchip::chip::Chip;
use repchip::fixed::{Requantise, Rounding, Rule, Target};
use repchip::map::{Forced, Settings, map};
use repchip::network::Conv;
use repchip::quantise::{QuantLayer, QuantNetwork};
use repchip::tensor::FeatureMap;
use repchip::time::{self, Mode};
use std::path::Path;
use std::sync::LazyLock;

const SEED: u64 = 3;

/// A network and its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stimulus {
    /// Padding, two passes, stride 2, two row groups and more, dilation 2; no strips.
    Plain,
    /// Rows of two blocks, strips, a shortcut.
    Shortcut,
    /// Small sums, of which many lie halfway between two outputs; both clamps bite.
    Ties,
    /// Small sums, scaled a little otherwise in each channel.
    Scales,
}

impl Stimulus {
    pub(crate) const ALL: [Self; 4] = [Self::Plain, Self::Shortcut, Self::Ties, Self::Scales];

    /// The mapped network, made once.
    pub(crate) fn case(self) -> &'static Case {
        static CASES: LazyLock<[Case; 4]> = LazyLock::new(|| Stimulus::ALL.map(Stimulus::make));
        let place = Self::ALL.iter().position(|one| *one == self);
        &CASES[place.expect("all are listed")]
    }

    fn make(self) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let network = match self {
            Self::Plain => plain(&mut rng),
            Self::Shortcut => shortcut(&mut rng),
            Self::Ties => small(&mut rng, |_| (1, 2)),
            Self::Scales => small(&mut rng, |c| {
                ((64 + 5 * i32::from(c)) << (c % 2), 8 + c % 2)
            }),
        };
        let chip = edge();
        let strips = self == Self::Shortcut;
        // One strip of all rows, or strips of two.
        let tiles = if strips { 2 } else { 16 };
        let settings = Settings {
            forced: Forced {
                strip_tiles: Some(tiles),
                stay: !strips,
                ..Forced::default()
            },
            ..Settings::default()
        };
        let schedule = map(&network.graph, &network.numerics, &chip, &settings).expect("it fits");
        let input = networks::input(&mut rng, &network, 1);
        Case {
            title: format!("{self:?}"),
            tensors: Case::tensors(&schedule, &network, &input),
            timeline: time::run(&schedule, &chip, Mode::Real),
            chip,
            network,
            input,
            schedule,
        }
    }
}

/// The chip whose shape of the RTL is compiled for a trained network too.
pub(crate) fn edge() -> Chip {
    Chip::read(Path::new("configs/chips/edge.toml")).expect("it is shipped")
}

/// A 3x3 to `out_channels` that keeps its map.
const fn same(out_channels: usize) -> Conv {
    Conv {
        out_channels,
        kernel: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups: 1,
    }
}

fn plain(rng: &mut ChaCha8Rng) -> QuantNetwork {
    let mut network = networks::single(rng, Class::Layer, FeatureMap::new(7, 9, 16), same(16));
    let halved = Conv {
        stride: 2,
        ..same(24)
    };
    networks::push(rng, &mut network, Class::Layer, halved);
    let spread = Conv {
        dilation: 2,
        padding: 2,
        ..same(8)
    };
    networks::push(rng, &mut network, Class::Layer, spread);
    network
}

fn shortcut(rng: &mut ChaCha8Rng) -> QuantNetwork {
    let mut network = networks::single(rng, Class::Layer, FeatureMap::new(6, 18, 8), same(16));
    networks::push(rng, &mut network, Class::Residual, same(16));
    network
}

/// Weights of 0 and 1 to either side, outputs between two bounds around the zero point, two row groups; multiplier
/// and shift of each channel by `scale`.
fn small(rng: &mut ChaCha8Rng, scale: fn(u8) -> (i32, u8)) -> QuantNetwork {
    let channels = 16;
    let (multipliers, shifts) = (0..16).map(scale).unzip();
    let map = FeatureMap::new(6, 6, 8);
    let mut network = networks::single(rng, Class::Layer, map, same(channels));
    let range = network.numerics.activations[1];
    let zero = range.min() + 50;
    network.tensors[1].zero_point = zero;
    let QuantLayer::Conv(conv) = &mut network.layers[0] else {
        unreachable!("it is a convolution");
    };
    conv.weight.mapv_inplace(|weight| weight % 2);
    conv.bias.iter_mut().for_each(|bias| *bias %= 512);
    let mut target = Target::whole(range, zero);
    target.lower = zero - 40;
    target.upper = zero + 150;
    let rule = Rule::Multiplier(Rounding::HalfEven);
    conv.requantise =
        Requantise::new(rule, multipliers, shifts, target).expect("these numbers are valid");
    network
}
