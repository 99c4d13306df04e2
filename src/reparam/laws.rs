//! The law of the room: a fused block computes what its branches compute, for any shape and any statistics.

use super::fold::exact;
use super::witness::{Image, as_folded, as_trained, convolve, distance, image, params};
use super::{Branches, LayerOp, fold};
use crate::network::{Conv, Form, Graph, GraphBuilder, Network, NetworkError, NodeId};
use crate::tensor::FeatureMap;
use proptest::prelude::*;

/// The identity branch of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Identity {
    Absent,
    Bare,
    Normed,
}

/// A block with at least two branches, at least one of them a convolution.
#[derive(Debug, Clone)]
struct Block {
    input: FeatureMap,
    dense: Conv,
    /// The 1x1 branch, with or without its own batch norm.
    pointwise: Option<bool>,
    identity: Identity,
    /// Left to right, or right to left.
    tree: [usize; 3],
    nested_right: bool,
    var: f32,
    seed: u64,
}

impl Block {
    fn new(side: usize, channels: usize, dense: Conv) -> Self {
        Self {
            input: FeatureMap::new(side, side, channels),
            dense,
            pointwise: Some(true),
            identity: Identity::Absent,
            tree: [0, 1, 2],
            nested_right: false,
            var: 0.5,
            seed: 1,
        }
    }

    fn network(&self) -> Network {
        let graph = self.graph().unwrap();
        let params = params(&graph, self.seed, self.var);
        Network { graph, params }
    }

    fn graph(&self) -> Result<Graph, NetworkError> {
        let mut b = GraphBuilder::new("block", self.input)?;
        let x = GraphBuilder::INPUT;
        let dense = b.conv("b.dense.conv", x, self.dense)?;
        let mut branches = vec![b.batch_norm("b.dense.bn", dense)?];
        if let Some(normed) = self.pointwise {
            let ring = self.dense.dilation * (self.dense.kernel - 1) / 2;
            let conv = Conv {
                kernel: 1,
                dilation: 1,
                padding: self.dense.padding - ring,
                ..self.dense
            };
            let one = b.conv("b.one.conv", x, conv)?;
            branches.push(if normed {
                b.batch_norm("b.one.bn", one)?
            } else {
                one
            });
        }
        match self.identity {
            Identity::Absent => {}
            Identity::Bare => branches.push(x),
            Identity::Normed => branches.push(b.batch_norm("b.identity", x)?),
        }
        let order: Vec<NodeId> = (self.tree.iter())
            .filter_map(|&place| branches.get(place).copied())
            .collect();
        match (order.as_slice(), self.nested_right) {
            (&[p, q], _) => b.add("b.add", p, q)?,
            (&[p, q, r], false) => {
                let sum = b.add("b.add1", p, q)?;
                b.add("b.add2", sum, r)?
            }
            (&[p, q, r], true) => {
                let sum = b.add("b.add1", q, r)?;
                b.add("b.add2", p, sum)?
            }
            (other, _) => panic!("{} branches", other.len()),
        };
        b.finish()
    }

    /// The block fused into one convolution of the large kernel, compared with its branches.
    fn check(&self) {
        let network = self.network();
        let x = image(&network.graph, self.seed + 1);
        let want = as_trained(&network, &x);

        let folded = fold(&network, Branches::Fuse).unwrap();
        assert_eq!(folded.graph.form, Form::Deploy);
        assert_eq!(folded.graph.layers.len(), 1, "{:?}", folded.graph);
        assert_eq!(folded.graph.layers[0].name, "b");
        let LayerOp::Conv { conv, .. } = folded.graph.layers[0].op else {
            panic!("a block fuses into a convolution");
        };
        assert_eq!(conv, self.dense);

        let affine = exact(&network, Branches::Fuse).unwrap().remove(0).unwrap();
        let in_f64 = convolve(&x, &affine.weight, &affine.bias, conv);
        assert!(
            distance(&in_f64, &want) <= 1e-12,
            "{}",
            distance(&in_f64, &want)
        );

        let in_f32 = run_in_f32(&folded, &x, conv);
        assert!(
            distance(&in_f32, &want) <= 5e-6,
            "{}",
            distance(&in_f32, &want)
        );

        let kept = fold(&network, Branches::Keep).unwrap();
        assert_eq!(kept.graph.form, Form::Train);
        let apart = as_folded(&kept, &x);
        assert!(
            distance(&apart, &want) <= 5e-6,
            "{}",
            distance(&apart, &want)
        );
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the image holds values that were made as f32"
)]
fn run_in_f32(folded: &super::FoldedNetwork, x: &Image<f64>, conv: Conv) -> Image<f64> {
    let super::LayerParams::Conv { weight, bias } = &folded.params.layers[0] else {
        panic!("a convolution has parameters");
    };
    convolve(&x.mapv(|v| v as f32), weight, bias, conv).mapv(f64::from)
}

fn any_block() -> impl Strategy<Value = Block> {
    let shape = (1..8_usize, 1..8_usize, 1..4_usize, 1..5_usize, 1..5_usize);
    let window = (1..3_usize, 1..3_usize, 1..3_usize, 0..2_usize);
    let branches = (
        prop_oneof![Just(None), Just(Some(false)), Just(Some(true))],
        prop_oneof![
            Just(Identity::Absent),
            Just(Identity::Bare),
            Just(Identity::Normed)
        ],
        Just([0, 1, 2]).prop_shuffle(),
        any::<bool>(),
    );
    let var = prop_oneof![Just(1e-8_f32), Just(1e-3), Just(1.0), Just(1e3)];
    (shape, window, branches, var, any::<u32>()).prop_map(
        |(
            (height, width, groups, ins, outs),
            (half, dilation, stride, extra),
            branches,
            var,
            seed,
        )| {
            let (pointwise, identity, tree, nested_right) = branches;
            let ring = dilation * half;
            let keeps_shape = identity != Identity::Absent;
            let pointwise = if keeps_shape {
                pointwise
            } else {
                pointwise.or(Some(true))
            };
            let dense = Conv {
                out_channels: groups * if keeps_shape { ins } else { outs },
                kernel: 2 * half + 1,
                stride: if keeps_shape { 1 } else { stride },
                padding: ring + if keeps_shape { 0 } else { extra },
                dilation,
                groups,
            };
            Block {
                input: FeatureMap::new(height, width, groups * ins),
                dense,
                pointwise,
                identity,
                tree,
                nested_right,
                var,
                seed: u64::from(seed),
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn a_fused_block_computes_what_its_branches_compute(block in any_block()) {
        block.check();
    }
}

#[test]
fn groups_with_an_identity() {
    for groups in [2, 4, 8] {
        Block {
            identity: Identity::Normed,
            ..Block::new(6, 8, Conv::square(8, 3).with_groups(groups))
        }
        .check();
    }
}

#[test]
fn stride_two_without_an_identity() {
    for side in [1, 2, 5, 6] {
        Block::new(side, 3, Conv::square(5, 3).with_stride(2)).check();
    }
}

#[test]
fn one_channel_of_one_pixel() {
    Block {
        identity: Identity::Normed,
        ..Block::new(1, 1, Conv::square(1, 3))
    }
    .check();
}

#[test]
fn tiny_variances() {
    Block {
        identity: Identity::Normed,
        var: 1e-8,
        ..Block::new(5, 4, Conv::square(4, 3))
    }
    .check();
}
