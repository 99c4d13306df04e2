//! A chip and a layer from a point of the hypercube.

use super::Set;
use super::latin::hypercube;
use crate::cases::{Case, Class};
use crate::chips::number;
use crate::networks;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use repchip::chip::{
    ActivationSram, Array, Chip, Control, Dram, FlatDram, Pe, PeKind, Pointwise, RequantiserBank,
    Reuse, WeightSram,
};
use repchip::fixed::{Accumulator, Overflow};
use repchip::map::{Forced, FullyConnected, Halo, ImageLoop, Offload, Settings, map};
use repchip::network::Conv;
use repchip::quantise::QuantNetwork;
use repchip::schedule::{Schedule, WeightMode};
use repchip::tensor::FeatureMap;
use repchip::time::{self, Mode, Timeline};
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles, Hertz, count};

/// Longer runs are left out.
const MOST_CYCLES: u64 = 50_000;
/// Rows and columns of a map at least.
const LEAST_SIDE: usize = 7;
/// So are longer lists of operations.
const MOST_OPERATIONS: usize = 4_096;
/// Points of the hypercube of each set.
const POINTS: u32 = 1_500;
/// Coordinates of a point.
const DIMENSIONS: usize = 21;

/// What the RTL is compiled for.
struct Shape {
    /// Lanes, rows, height and width of the tile.
    array: [usize; 4],
    accumulators: usize,
    bits: u8,
    overflow: Overflow,
    /// Rows, columns and channel words of activation SRAM that are read at once.
    banks: [usize; 3],
}

const fn shape(
    array: [usize; 4],
    accumulators: usize,
    (bits, overflow): (u8, Overflow),
    banks: [usize; 3],
) -> Shape {
    Shape {
        array,
        accumulators,
        bits,
        overflow,
        banks,
    }
}

const SHAPES: [Shape; 10] = [
    shape([4, 2, 1, 1], 16, (32, Overflow::Wrap), [4, 1, 1]),
    shape([8, 8, 1, 1], 16, (32, Overflow::Wrap), [4, 1, 1]),
    shape([16, 16, 1, 1], 16, (32, Overflow::Wrap), [4, 1, 1]),
    shape([4, 4, 2, 2], 4, (32, Overflow::Saturate), [3, 3, 1]),
    shape([3, 5, 1, 3], 2, (24, Overflow::Saturate), [4, 2, 2]),
    shape([8, 4, 2, 2], 8, (32, Overflow::Wrap), [4, 4, 1]),
    shape([2, 3, 3, 2], 1, (32, Overflow::Wrap), [2, 1, 3]),
    shape([5, 6, 4, 1], 2, (28, Overflow::Wrap), [1, 1, 9]),
    shape([16, 8, 2, 2], 16, (32, Overflow::Saturate), [4, 4, 2]),
    shape([32, 16, 1, 2], 16, (32, Overflow::Wrap), [4, 2, 9]),
];

/// Operators, and how many of a hundred pairs have them.
const OPERATORS: [(&str, u32); 11] = [
    ("3x3", 34),
    ("3x3 /2", 14),
    ("3x3 + shortcut", 10),
    ("3x3, 8 to 16 bits", 6),
    ("3x3, 2 or 4 groups", 6),
    ("3x3, dilation 2", 4),
    ("1x1, naive", 8),
    ("1x1, packed", 8),
    ("1x1 /2", 2),
    ("5x5", 5),
    ("7x7 /2", 3),
];

/// A run of one layer on one chip, as the model sees it.
pub(super) struct Pair {
    pub(super) set: Set,
    /// Point of the hypercube.
    pub(super) point: u32,
    /// Of [`SHAPES`].
    pub(super) shape: usize,
    pub(super) operator: &'static str,
    pub(super) chip: Chip,
    pub(super) network: QuantNetwork,
    pub(super) schedule: Schedule,
    pub(super) timeline: Timeline,
}

/// Coordinates, taken one after the other.
struct Taken<'a> {
    point: &'a [f64; DIMENSIONS],
    next: usize,
}

impl Taken<'_> {
    fn next(&mut self) -> f64 {
        self.next += 1;
        self.point[self.next - 1]
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let choice = |index: usize| f64::from(u32::try_from(index).expect("few"));
        let wanted = self.next() * choice(choices.len());
        let index = (1..choices.len()).filter(|index| choice(*index) <= wanted);
        choices[index.count()]
    }

    /// A whole number from `least` to `most`, each octave as likely as the other.
    fn octaves(&mut self, least: u32, most: u32) -> u64 {
        let (start, end) = (f64::from(least).ln(), f64::from(most + 1).ln());
        let wanted = (start + self.next() * (end - start)).exp();
        // The largest whole number not above it.
        let (mut low, mut high) = (least, most);
        while low < high {
            let middle = (low + high).div_ceil(2);
            if f64::from(middle) <= wanted {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        u64::from(low)
    }

    fn size(&mut self, least: u32, most: u32) -> usize {
        usize::try_from(self.octaves(least, most)).expect("small")
    }
}

/// The pairs of a set, in the order of their points, until there are `wanted`; those the chip cannot run, or not
/// within the limits, are left out. How many points it took.
pub(super) fn draw(set: Set, seed: u64, wanted: usize) -> (Vec<Pair>, u32) {
    let cube = Cube::new(set, seed);
    let mut pairs = Vec::new();
    for point in 0..POINTS {
        pairs.extend(cube.pair(point));
        if pairs.len() == wanted {
            return (pairs, point + 1);
        }
    }
    panic!("{POINTS} points give only {} pairs", pairs.len());
}

/// The points of a set.
pub(super) struct Cube {
    pub(super) set: Set,
    seed: u64,
    points: Vec<[f64; DIMENSIONS]>,
}

impl Cube {
    pub(super) fn new(set: Set, seed: u64) -> Self {
        Self {
            set,
            seed,
            points: hypercube(seed, POINTS),
        }
    }

    /// The pair at a point, if it can be run within the limits: the map is halved until it is.
    pub(super) fn pair(&self, point: u32) -> Option<Pair> {
        let mut taken = Taken {
            point: self.points.get(usize::try_from(point).expect("small"))?,
            next: 0,
        };
        let indices: Vec<usize> = (0..SHAPES.len()).collect();
        let shape = taken.one_of(&indices);
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed ^ u64::from(point) << 32);
        let (operator, class, mut conv, pointwise) = layer(&mut taken, &mut rng);
        let array = array(&SHAPES[shape], pointwise);
        let mut input = FeatureMap::new(taken.size(7, 112), taken.size(7, 112), taken.size(1, 512));
        conv.out_channels = taken.size(1, 512);
        if class == Class::Residual {
            conv.out_channels = input.channels;
        }
        input.channels = input.channels.next_multiple_of(conv.groups);
        conv.out_channels = conv.out_channels.next_multiple_of(conv.groups);
        let weight_bits = networks::single(&mut rng.clone(), class, input, conv)
            .numerics
            .widest_weight();
        let chip = chip(&mut taken, array, SHAPES[shape].banks, weight_bits);
        let settings = settings(&mut taken);
        loop {
            if least_steps(&array, input, &conv) <= MOST_CYCLES {
                let network = networks::single(&mut rng.clone(), class, input, conv);
                let schedule = map(&network.graph, &network.numerics, &chip, &settings).ok()?;
                let timeline = time::run(&schedule, &chip, Mode::Real);
                if timeline.total.0 <= MOST_CYCLES && schedule.ops.len() <= MOST_OPERATIONS {
                    return Some(Pair {
                        set: self.set,
                        point,
                        shape,
                        operator,
                        chip,
                        network,
                        schedule,
                        timeline,
                    });
                }
            }
            input = halved(input)?;
        }
    }
}

/// A map of half the height and width, if it is not as small as any already.
fn halved(map: FeatureMap) -> Option<FeatureMap> {
    let smaller = FeatureMap {
        height: (map.height / 2).max(LEAST_SIDE),
        width: (map.width / 2).max(LEAST_SIDE),
        ..map
    };
    (smaller != map).then_some(smaller)
}

impl Pair {
    /// With a random input and all integers.
    pub(super) fn case(&self) -> Case {
        let mut rng = ChaCha8Rng::seed_from_u64(u64::from(self.point));
        let input = networks::input(&mut rng, &self.network, 1);
        Case {
            title: format!("{}:{}", self.set.name(), self.point),
            tensors: Case::tensors(&self.schedule, &self.network, &input),
            chip: self.chip.clone(),
            network: self.network.clone(),
            input,
            schedule: self.schedule.clone(),
            timeline: self.timeline.clone(),
        }
    }
}

/// Steps of the array, shared taps and idle lanes left out: no run is shorter.
fn least_steps(array: &Array, input: FeatureMap, conv: &Conv) -> u64 {
    let outputs = count(input.pixels()) / count(conv.stride * conv.stride);
    let pixels = outputs / count(array.tile_h * array.tile_w);
    let lanes = match (conv.kernel, array.pointwise) {
        (1, Pointwise::Packed) => 9 * array.pe.lanes,
        _ => array.pe.lanes,
    };
    let inputs = (input.channels / conv.groups).div_ceil(lanes);
    let rows = conv.groups * (conv.out_channels / conv.groups).div_ceil(array.rows);
    pixels * count(inputs * rows * conv.kernel.div_ceil(3).pow(2)) / 2
}

fn array(shape: &Shape, pointwise: Pointwise) -> Array {
    let [lanes, rows, tile_h, tile_w] = shape.array;
    let accumulator = Accumulator {
        bits: shape.bits,
        overflow: shape.overflow,
    };
    Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes,
            accumulators: shape.accumulators,
            accumulator,
        },
        rows,
        tile_h,
        tile_w,
        pointwise,
    }
}

/// The operator, without its channels.
fn layer(taken: &mut Taken<'_>, rng: &mut ChaCha8Rng) -> (&'static str, Class, Conv, Pointwise) {
    let all: Vec<usize> = OPERATORS
        .iter()
        .enumerate()
        .flat_map(|(index, (_, times))| {
            std::iter::repeat_n(index, usize::try_from(*times).expect("few"))
        })
        .collect();
    let operator = OPERATORS[taken.one_of(&all)].0;
    let mut conv = Conv {
        out_channels: 1,
        kernel: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups: 1,
    };
    let mut class = Class::Layer;
    let mut pointwise = Pointwise::Naive;
    match operator {
        "3x3" => conv.padding = usize::from(rng.random_bool(0.9)),
        "3x3 /2" => conv.stride = 2,
        "3x3 + shortcut" => class = Class::Residual,
        "3x3, 8 to 16 bits" => class = Class::Wide,
        "3x3, 2 or 4 groups" => conv.groups = if rng.random_bool(0.5) { 2 } else { 4 },
        "3x3, dilation 2" => (conv.dilation, conv.padding) = (2, 2),
        "1x1, naive" => (conv.kernel, conv.padding) = (1, 0),
        "1x1, packed" => {
            (conv.kernel, conv.padding) = (1, 0);
            pointwise = Pointwise::Packed;
        }
        "1x1 /2" => (conv.kernel, conv.padding, conv.stride) = (1, 0, 2),
        "5x5" => (conv.kernel, conv.padding) = (5, 2),
        "7x7 /2" => (conv.kernel, conv.padding, conv.stride) = (7, 3, 2),
        other => unreachable!("`{other}` is not an operator of the list"),
    }
    (operator, class, conv, pointwise)
}

fn chip(taken: &mut Taken<'_>, array: Array, banks: [usize; 3], weight_bits: u8) -> Chip {
    let [bank_rows, bank_cols, bank_channels] = banks;
    let unit = count(bank_rows * bank_cols * array.pe.lanes);
    let least = u32::try_from(16_384_u64.div_ceil(unit)).expect("small");
    let slot = WeightSram::slot(&array, weight_bits).0;
    let port = u32::try_from(slot / 2).expect("small");
    Chip {
        name: "drawn".to_owned(),
        description: None,
        clock: Hertz(number(1_000_000)),
        array,
        control: Control {
            pipeline_cycles: Cycles(taken.one_of(&[0, 2, 4, 6, 8, 12])),
            layer_start_cycles: Cycles(taken.octaves(1, 129) - 1),
        },
        requantise: RequantiserBank {
            units: taken.size(1, 64),
            write_words_per_cycle: taken.one_of(&[1, 1, 2, 4]),
        },
        activation_sram: ActivationSram {
            capacity: Bytes(unit * taken.octaves(least, 64 * least)),
            bank_rows,
            bank_cols,
            bank_channels,
            reuse: taken.one_of(&[Reuse::Window, Reuse::Window, Reuse::Window, Reuse::None]),
        },
        weight_sram: WeightSram {
            capacity: Bytes(slot * taken.octaves(2, 64)),
            port: BytesPerCycle(number(taken.octaves(port.div_ceil(16), port))),
        },
        dram: Dram::Flat(FlatDram {
            bandwidth: Bandwidth {
                numerator: number(taken.octaves(16, 512)),
                denominator: number(taken.one_of(&[3, 4, 5, 7, 8])),
            },
            latency: Cycles(taken.octaves(1, 201) - 1),
            burst: Bytes(taken.one_of(&[8, 16, 32, 64, 64, 128, 256])),
            in_flight: taken.size(2, 64),
        }),
        vector: None,
        host: None,
        sources: Vec::new(),
        settings: Vec::new(),
        digest: String::new(),
    }
}

fn settings(taken: &mut Taken<'_>) -> Settings {
    Settings {
        batch: 1,
        images: ImageLoop::Outermost,
        halo: taken.one_of(&[Halo::Keep, Halo::Refetch]),
        inplace_add: false,
        offload: Offload::Forbid,
        fully_connected: FullyConnected::Array,
        forced: Forced {
            strip_tiles: None,
            order: None,
            weights: taken.one_of(&[
                None,
                None,
                None,
                None,
                Some(WeightMode::Resident),
                Some(WeightMode::Held),
                Some(WeightMode::Streamed),
            ]),
            stay: false,
        },
    }
}
