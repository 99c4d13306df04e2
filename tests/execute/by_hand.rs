//! Small layers whose integers were worked out on paper, by both witnesses.

use crate::legal_cuts::{self, cut};
use ndarray::{Array4, array};
use repchip::chip::{Array, Pe, PeKind, Pointwise};
use repchip::execute::{ExecuteError, Kernel, Options, Path, Run, naive, run};
use repchip::fixed::{Accumulator, Overflow, Requantise, Rounding, Rule, Target, Trap};
use repchip::network::{Conv, Form};
use repchip::problem::Problem;
use repchip::quantise::{
    Numerics, QuantConv, QuantLayer, QuantNetwork, QuantResidual, ResidualForm, TensorQuant,
};
use repchip::reparam::{Activation, Layer, LayerGraph, LayerId, LayerOp, TensorId};
use repchip::schedule::{OpKind, Schedule};
use repchip::tensor::{Activations, FeatureMap, IntType};

const CONV: Conv = Conv {
    out_channels: 1,
    kernel: 3,
    stride: 1,
    padding: 1,
    dilation: 1,
    groups: 1,
};

fn lanes(lanes: usize, bits: u8, overflow: Overflow) -> Array {
    Array {
        pe: Pe {
            kind: PeKind::Direct,
            lanes,
            accumulators: 2,
            accumulator: Accumulator { bits, overflow },
        },
        rows: 2,
        tile_h: 1,
        tile_w: 2,
        pointwise: Pointwise::Naive,
    }
}

/// Layers one after the other; each reads the tensors it names.
struct Chain {
    network: QuantNetwork,
}

impl Chain {
    fn of(input: FeatureMap, range: IntType, zero_point: i32) -> Self {
        let tensor = TensorQuant {
            range,
            scale: 1.0,
            zero_point,
        };
        Self {
            network: QuantNetwork {
                graph: LayerGraph {
                    name: "by-hand".to_owned(),
                    form: Form::Deploy,
                    input,
                    layers: Vec::new(),
                },
                numerics: Numerics {
                    activations: vec![range],
                    weight_bits: Vec::new(),
                },
                tensors: vec![tensor],
                residual: ResidualForm::Accumulate,
                rule: Rule::Shift(Rounding::HalfEven),
                layers: Vec::new(),
            },
        }
    }

    /// A convolution of the last tensor; `shift` and `target` say how it leaves the accumulator.
    fn conv(
        mut self,
        conv: Conv,
        weight: Array4<i32>,
        bias: Vec<i64>,
        shift: u8,
        target: Target,
        shortcut: Option<(usize, QuantResidual)>,
    ) -> Self {
        let network = &mut self.network;
        let from = network.graph.output();
        let map = network.graph.shape(from);
        let side = |n: usize| {
            (n + 2 * conv.padding - conv.dilation * (conv.kernel - 1) - 1) / conv.stride + 1
        };
        let mut inputs = vec![from];
        let mut residual = None;
        if let Some((tensor, integers)) = shortcut {
            inputs.push(TensorId(tensor));
            residual = Some(integers);
        }
        let channels = bias.len();
        network.graph.layers.push(Layer {
            name: format!("conv{}", network.layers.len()),
            op: LayerOp::Conv {
                conv,
                activation: Activation::Relu,
            },
            inputs,
            output: FeatureMap::new(side(map.height), side(map.width), channels),
        });
        let rule = network.rule;
        let requantise = Requantise::new(rule, vec![1; channels], vec![shift; channels], target);
        network.layers.push(QuantLayer::Conv(QuantConv {
            weight,
            bias,
            input_zero_point: network.tensors[from.0].zero_point,
            residual,
            requantise: requantise.expect("these numbers are valid"),
        }));
        network.numerics.activations.push(target.output);
        network.numerics.weight_bits.push(8);
        network.tensors.push(TensorQuant {
            range: target.output,
            scale: 1.0,
            zero_point: target.zero_point,
        });
        self
    }

    /// By both witnesses, over twenty schedules and both kernels.
    fn run(&self, array: Array, input: &Activations) -> Result<Run, ExecuteError> {
        let plain = naive::run(&self.network, &array, input);
        let mut first = None;
        for seed in 0..20 {
            let schedule = self.schedule(array, input, seed);
            for kernel in [Kernel::StepOrder, Kernel::FastWhereProven] {
                let options = Options {
                    keep_tensors: true,
                    accumulators: [LayerId(0)].into(),
                    kernel,
                };
                let run = run(&schedule, &self.network, input, &options, &mut |_| {});
                if let (Ok(run), Ok(plain)) = (&run, &plain) {
                    assert_eq!(&run.tensors, plain);
                    let sums = naive::accumulators(&self.network, &array, LayerId(0), plain);
                    assert_eq!(Ok(run.accumulators[&LayerId(0)].clone()), sums);
                } else {
                    assert_eq!(run.as_ref().err(), plain.as_ref().err());
                }
                first = Some(run);
            }
        }
        first.expect("twenty schedules ran")
    }

    fn schedule(&self, array: Array, input: &Activations, seed: u64) -> Schedule {
        let mut rng = legal_cuts::seeded(seed);
        cut::schedule(&mut rng, &self.network, array, input.dim().0)
    }
}

fn row(values: &[i32]) -> Activations {
    Activations::from_shape_vec((1, 1, values.len(), 1), values.to_vec())
        .expect("as many values as pixels")
}

#[test]
fn a_3x3_window_with_a_zero_point_and_padding() {
    // x - 2 = [[1, 2], [3, 4]]; the kernel counts 1..9; every output sees all four pixels.
    let input = array![[[[3], [4]], [[5], [6]]]];
    let weight = Array4::from_shape_vec((1, 3, 3, 1), (1..=9).collect()).unwrap();
    let target = Target::whole(IntType::unsigned(8), 7).relu();
    let chain = Chain::of(FeatureMap::new(2, 2, 1), IntType::unsigned(4), 2).conv(
        CONV,
        weight,
        vec![-60],
        1,
        target,
        None,
    );
    let run = chain.run(lanes(1, 16, Overflow::Trap), &input).unwrap();
    // (0,0): 1·5 + 2·6 + 3·8 + 4·9 = 77; (0,1): 1·4 + 2·5 + 3·7 + 4·8 = 67
    // (1,0): 1·2 + 2·3 + 3·5 + 4·6 = 47; (1,1): 1·1 + 2·2 + 3·4 + 4·5 = 37
    assert_eq!(
        run.accumulators[&LayerId(0)],
        array![[[[17i64], [7]], [[-13], [-23]]]]
    );
    // 8.5 -> 8, 3.5 -> 4, below zero -> the zero point
    assert_eq!(run.output, array![[[[15], [11]], [[7], [7]]]]);
    let conv = run.layers[0].unwrap();
    // x - z in -2..=13, weights sum to 45: -60 - 90 ..= -60 + 585
    assert_eq!(
        (conv.path, conv.accumulator_bits, conv.proven),
        (Path::Fast, 11, true)
    );
}

#[test]
fn lanes_change_the_integers_only_when_an_accumulator_saturates() {
    // bias 32 000, then + 1 000, then - 2 000 with one lane; - 1 000 at once with two.
    let input = Activations::from_shape_vec((1, 1, 1, 2), vec![10, 20]).unwrap();
    let conv = Conv {
        kernel: 1,
        padding: 0,
        ..CONV
    };
    let weight = Array4::from_shape_vec((1, 1, 1, 2), vec![100, -100]).unwrap();
    let target = Target::whole(IntType::signed(16), 0);
    let chain = Chain::of(FeatureMap::new(1, 1, 2), IntType::unsigned(8), 0).conv(
        conv,
        weight,
        vec![32_000],
        0,
        target,
        None,
    );
    let sum = |count, bits, overflow| {
        chain
            .run(lanes(count, bits, overflow), &input)
            .map(|run| run.output[[0, 0, 0, 0]])
    };
    assert_eq!(sum(1, 16, Overflow::Saturate), Ok(30_767));
    assert_eq!(sum(2, 16, Overflow::Saturate), Ok(31_000));
    assert_eq!(sum(1, 16, Overflow::Wrap), Ok(31_000));
    assert_eq!(sum(2, 16, Overflow::Trap), Ok(31_000));
    assert_eq!(sum(1, 17, Overflow::Saturate), Ok(31_000));
    let trap = Trap {
        value: 33_000,
        bits: 16,
    };
    let (layer, pixel) = ("conv0".to_owned(), [0, 0]);
    let want = ExecuteError::Trap {
        layer,
        image: 0,
        pixel,
        channel: 0,
        step: 1,
        trap,
    };
    assert_eq!(sum(1, 16, Overflow::Trap), Err(want.clone()));
    let problem = Problem::from(want);
    assert_eq!(problem.code, "execute::trap");
    assert_eq!(
        problem.message,
        "layer `conv0`, image 0, pixel (0, 0), channel 0, step 1: 33000 does not fit 16 bits"
    );
}

#[test]
fn the_shortcut_is_added_last_with_its_own_zero_point() {
    // conv0 doubles the input and halves it again: y = x. conv1 adds ((x - 1) · 3) << 2 to y · 5.
    let pointwise = Conv {
        kernel: 1,
        padding: 0,
        ..CONV
    };
    let one = |w: i32| Array4::from_elem((1, 1, 1, 1), w);
    let i8 = Target::whole(IntType::signed(8), 0);
    let i16 = Target::whole(IntType::signed(16), 0);
    let residual = QuantResidual {
        zero_point: 1,
        k: vec![3],
        e: vec![2],
    };
    let chain = Chain::of(FeatureMap::new(1, 4, 1), IntType::signed(8), 1)
        .conv(pointwise, one(2), vec![2], 1, i8, None)
        .conv(pointwise, one(5), vec![0], 0, i16, Some((0, residual)));
    let run = chain
        .run(lanes(1, 16, Overflow::Saturate), &row(&[1, 2, -3, 10]))
        .unwrap();
    assert_eq!(run.tensors[1], row(&[1, 2, -3, 10]));
    assert_eq!(run.output, row(&[5, 10 + 12, -15 - 48, 50 + 108]));
}

#[test]
fn a_missing_row_is_named() {
    let weight = Array4::from_elem((1, 3, 3, 1), 1);
    let target = Target::whole(IntType::signed(8), 0);
    let chain = Chain::of(FeatureMap::new(6, 1, 1), IntType::signed(8), 0).conv(
        CONV,
        weight,
        vec![0],
        0,
        target,
        None,
    );
    let array = lanes(1, 32, Overflow::Trap);
    let input = Activations::from_shape_fn((1, 6, 1, 1), |(_, y, _, _)| i32::try_from(y).unwrap());
    let mut schedule = chain.schedule(array, &input, 3);
    for op in &mut schedule.ops {
        if let OpKind::Load { rows, .. } = &mut op.kind
            && rows.contains(&1)
        {
            *rows = rows.start.max(2)..rows.end.max(3);
        }
    }
    let error = run(
        &schedule,
        &chain.network,
        &input,
        &Options::default(),
        &mut |_| {},
    );
    let Err(ExecuteError::StaleRow {
        layer, image, row, ..
    }) = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((layer.as_str(), image, row <= 1), ("conv0", 0, true));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let weight = Array4::from_elem((1, 1, 1, 1), 1);
    let conv = Conv {
        kernel: 1,
        padding: 0,
        ..CONV
    };
    let target = Target::whole(IntType::signed(8), 0);
    let chain = Chain::of(FeatureMap::new(1, 2, 1), IntType::signed(4), 0).conv(
        conv,
        weight,
        vec![0],
        0,
        target,
        None,
    );
    let array = lanes(1, 32, Overflow::Wrap);
    let input = row(&[7, -8]);
    let schedule = chain.schedule(array, &input, 0);
    let code = |network: &QuantNetwork, input: &Activations, options: &Options| match run(
        &schedule,
        network,
        input,
        options,
        &mut |_| {},
    ) {
        Ok(_) => "good",
        Err(error) => {
            let problem = Problem::from(error);
            assert!(!problem.help.is_empty());
            problem.code
        }
    };
    let none = Options::default();
    assert_eq!(code(&chain.network, &input, &none), "good");
    assert_eq!(
        code(&chain.network, &row(&[7, 8]), &none),
        "execute::input_range"
    );
    assert_eq!(
        code(&chain.network, &row(&[7, 8, 9]), &none),
        "execute::input_shape"
    );
    let absent = Options {
        accumulators: [LayerId(1)].into(),
        ..Options::default()
    };
    assert_eq!(
        code(&chain.network, &input, &absent),
        "execute::no_accumulators"
    );

    let mut other = chain.network.clone();
    other.numerics.activations[1] = IntType::signed(9);
    assert_eq!(code(&other, &input, &none), "execute::network");
    let mut other = chain.network.clone();
    other.graph.name.push('x');
    assert_eq!(code(&other, &input, &none), "execute::other_network");
    let mut other = chain.network.clone();
    if let QuantLayer::Conv(conv) = &mut other.layers[0] {
        conv.bias.push(0);
    }
    assert_eq!(code(&other, &input, &none), "execute::network");
    let mut other = chain.network.clone();
    if let QuantLayer::Conv(conv) = &mut other.layers[0] {
        conv.requantise.shift[0] = 63;
    }
    assert_eq!(code(&other, &input, &none), "execute::requantise");
}
