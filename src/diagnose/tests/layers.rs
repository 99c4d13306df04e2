//! Small random layers, and their outputs by plain sums: written apart from the datapath on purpose.

use super::super::{Banks, Case, Layout, OutputBuffer, Plan, SweepAt, Tensors};
use crate::chip::{Array, Pe, PeKind, Pointwise};
use crate::fixed::{Accumulator, Overflow, Requantise, Rounding, Rule, Target};
use crate::network::Conv;
use crate::quantise::{QuantConv, QuantResidual};
use crate::schedule::Strip;
use crate::schedule::work::ConvWork;
use crate::tensor::{Activations, FeatureMap, IntType};
use crate::units::Words;
use ndarray::Array4;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What distinguishes the layers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) groups: usize,
    pub(super) packed: bool,
    pub(super) shortcut: bool,
    pub(super) bits: u8,
    pub(super) relu: bool,
    pub(super) rule: fn(Rounding) -> Rule,
}

pub(super) const SPECS: [Spec; 7] = {
    let plain = Spec {
        kernel: 3,
        stride: 1,
        groups: 1,
        packed: false,
        shortcut: false,
        bits: 8,
        relu: false,
        rule: Rule::Multiplier,
    };
    [
        plain,
        Spec {
            stride: 2,
            relu: true,
            rule: Rule::Shift,
            ..plain
        },
        Spec {
            kernel: 1,
            packed: true,
            ..plain
        },
        Spec { kernel: 5, ..plain },
        Spec { groups: 2, ..plain },
        Spec {
            shortcut: true,
            ..plain
        },
        Spec { bits: 12, ..plain },
    ]
};

/// A layer and its tensors.
pub(super) struct Layer {
    pub(super) plan: Plan,
    pub(super) input: Activations,
    pub(super) shortcut: Activations,
}

fn array(packed: bool) -> Array {
    let accumulator = Accumulator {
        bits: 40,
        overflow: Overflow::Wrap,
    };
    Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes: 4,
            accumulators: 2,
            accumulator,
        },
        rows: 4,
        tile_h: 2,
        tile_w: 2,
        pointwise: if packed {
            Pointwise::Packed
        } else {
            Pointwise::Naive
        },
    }
}

impl Layer {
    pub(super) fn new(spec: Spec, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (inputs, outputs, side) = (8 * spec.groups, 8, 11);
        let conv = Conv {
            out_channels: outputs,
            kernel: spec.kernel,
            stride: spec.stride,
            padding: spec.kernel / 2,
            dilation: 1,
            groups: spec.groups,
        };
        let size = (side - 1) / spec.stride + 1;
        let (from, to) = (
            FeatureMap::new(side, side, inputs),
            FeatureMap::new(size, size, outputs),
        );
        let work = ConvWork::new(from, to, conv, spec.shortcut, array(spec.packed));
        let strips: Vec<Strip> = (0..size)
            .step_by(4)
            .map(|y| y..(y + 4).min(size))
            .map(|rows| Strip {
                in_rows: work.input_rows(&rows),
                out_rows: rows,
            })
            .collect();
        let ty = IntType::signed(spec.bits);
        let mut value = |ty: IntType| rng.random_range(ty.min()..=ty.max());
        let input = Array4::from_shape_simple_fn((2, side, side, inputs), || value(ty));
        let shortcut = Array4::from_shape_simple_fn((2, size, size, outputs), || value(ty));
        let weights = (outputs, spec.kernel, spec.kernel, inputs / spec.groups);
        // Coarse weights and biases in the shift family: their sums often lie halfway between two outputs.
        let grain = match (spec.rule)(Rounding::Floor) {
            Rule::Shift(_) => 32,
            _ => 1,
        };
        let weight =
            Array4::from_shape_simple_fn(weights, || value(IntType::signed(8)) / grain * grain);
        let bias = (0..outputs)
            .map(|_| rng.random_range(-9000..=9000) / i64::from(grain) * i64::from(grain))
            .collect();
        let residual = spec.shortcut.then(|| QuantResidual {
            zero_point: 5,
            k: (0..outputs).map(|_| rng.random_range(20..=120)).collect(),
            e: (0..outputs).map(|_| rng.random_range(2..=4)).collect(),
        });
        let sweeps = (0..2).flat_map(|image| {
            let groups = work.row_groups();
            let strips = strips.len();
            (0..strips).flat_map(move |strip| {
                (0..groups).map(move |row_group| SweepAt {
                    row_group,
                    strip,
                    image,
                })
            })
        });
        let mut layer = Self {
            plan: Plan {
                layer: "layer".to_owned(),
                sweeps: sweeps.collect(),
                strips,
                input_rows: 6,
                output: OutputBuffer {
                    base: Words(3),
                    rows: size,
                    images: 1,
                },
                quant: QuantConv {
                    weight,
                    bias,
                    input_zero_point: 3,
                    residual,
                    requantise: requantise(spec, 0, outputs, ty),
                },
                input_type: ty,
                weight_bits: 8,
                shortcut_type: spec.shortcut.then_some(ty),
                images_are_pixels: false,
                work,
            },
            input,
            shortcut,
        };
        // The widest sums leave the output's range by a little.
        let widest = layer
            .sums(&Rules::of(&layer))
            .iter()
            .map(|s| s.abs())
            .max()
            .unwrap();
        let over = 63 - widest.leading_zeros();
        let shift = u8::try_from(over).unwrap() - spec.bits;
        layer.plan.quant.requantise = requantise(spec, shift, outputs, ty);
        layer
    }

    pub(super) fn case(&self, observed: &Array4<Option<i32>>) -> Case {
        let golden = self.golden();
        let tensors = Tensors {
            input: &self.input,
            shortcut: self.plan.work.residual.then_some(&self.shortcut),
            golden: &golden,
            observed,
        };
        let banks = Some(Banks { rows: 3, cols: 4 });
        Case::new(
            self.plan.clone(),
            tensors,
            Layout {
                elements: true,
                banks,
            },
        )
        .unwrap()
    }

    pub(super) fn golden(&self) -> Activations {
        self.run(&Rules::of(self))
    }

    /// The output under some rules.
    pub(super) fn run(&self, rules: &Rules<'_>) -> Activations {
        let sums = self.sums(rules);
        Array4::from_shape_fn(sums.dim(), |(n, y, x, c)| {
            (rules.finish)(sums[(n, y, x, c)], c)
        })
    }

    /// The sums under some rules: one flat loop for each output.
    pub(super) fn sums(&self, rules: &Rules<'_>) -> Array4<i64> {
        let (work, quant) = (&self.plan.work, &self.plan.quant);
        let (outputs, kernel, _, inputs) = quant.weight.dim();
        let map = work.output;
        Array4::from_shape_fn((2, map.height, map.width, outputs), |(n, y, x, c)| {
            let mut sum = (rules.bias)(c);
            for ky in 0..kernel {
                for kx in 0..kernel {
                    for i in 0..inputs {
                        let channel = c / (outputs / work.conv.groups) * inputs + i;
                        let signed = |n: usize| i64::try_from(n).unwrap();
                        let iy = signed(y * rules.stride + ky) - signed(work.conv.padding);
                        let ix = signed(x * rules.stride + kx) - signed(work.conv.padding);
                        if (rules.keep)([ky, kx, i]) {
                            let activation = (rules.input)([n, y, x], [iy, ix], channel);
                            sum += activation * (rules.weight)([c, ky, kx, i]);
                        }
                    }
                }
            }
            if let Some(residual) = &quant.residual {
                let value = (rules.shortcut)(self.shortcut[(n, y, x, c)]);
                sum += (value * i64::from(residual.k[c])) << residual.e[c];
            }
            sum
        })
    }

    /// An activation inside the map.
    pub(super) fn activation(&self, n: usize, [y, x]: [i64; 2], c: usize) -> Option<i32> {
        let at = [n, usize::try_from(y).ok()?, usize::try_from(x).ok()?, c];
        self.input.get(at).copied()
    }
}

fn requantise(spec: Spec, shift: u8, outputs: usize, ty: IntType) -> Requantise {
    let rule = (spec.rule)(Rounding::HalfEven);
    let (multipliers, shifts): (Vec<i32>, Vec<u8>) = (0..outputs)
        .map(|c| match rule {
            Rule::Shift(_) => (1, shift),
            _ => (190 + 7 * i32::try_from(c).unwrap(), shift + 8),
        })
        .unzip();
    let target = Target::whole(ty, 2);
    let target = if spec.relu { target.relu() } else { target };
    Requantise::new(rule, multipliers, shifts, target).unwrap()
}

/// An activation without its zero point, for an output (image, row, column), from a pixel and a channel.
type Reader<'a> = dyn Fn([usize; 3], [i64; 2], usize) -> i64 + 'a;

/// The rules of the plain sums, each of which a test may replace.
pub(super) struct Rules<'a> {
    pub(super) bias: Box<dyn Fn(usize) -> i64 + 'a>,
    pub(super) stride: usize,
    pub(super) input: Box<Reader<'a>>,
    pub(super) weight: Box<dyn Fn([usize; 4]) -> i64 + 'a>,
    pub(super) keep: Box<dyn Fn([usize; 3]) -> bool + 'a>,
    pub(super) shortcut: Box<dyn Fn(i32) -> i64 + 'a>,
    pub(super) finish: Box<dyn Fn(i64, usize) -> i32 + 'a>,
}

impl<'a> Rules<'a> {
    pub(super) fn of(layer: &'a Layer) -> Self {
        let quant = &layer.plan.quant;
        Self {
            bias: Box::new(|c| quant.bias[c]),
            stride: layer.plan.work.conv.stride,
            input: Box::new(|[n, _, _], at, c| {
                layer.activation(n, at, c).map_or(0, |v| i64::from(v) - 3)
            }),
            weight: Box::new(|at| i64::from(quant.weight[at])),
            keep: Box::new(|_| true),
            shortcut: Box::new(|value| i64::from(value) - 5),
            finish: Box::new(|sum, c| quant.requantise.apply(sum, c)),
        }
    }
}
