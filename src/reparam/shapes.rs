//! Tests of the plan on whole graphs: what becomes a layer, under which name, and that the function stays.

use super::witness::{as_folded, as_trained, distance, image, params};
use super::{
    Activation, BlockReport, Branches, LayerGraph, LayerOp, Outcome, Reason, fold, fold_graph,
    report,
};
use crate::network::{
    Conv, Corners, Form, Function, Graph, GraphBuilder, Network, NetworkError, NodeId, Pool,
    Resize, builtin,
};
use crate::tensor::FeatureMap;

type Build = fn(&mut GraphBuilder, NodeId) -> Result<NodeId, NetworkError>;

fn graph(build: Build) -> Graph {
    let mut b = GraphBuilder::new("net", FeatureMap::new(7, 6, 4)).unwrap();
    build(&mut b, GraphBuilder::INPUT).unwrap();
    b.finish().unwrap()
}

/// Both foldings compute what the graph computes; the layers of the fused one.
fn folded(graph: Graph) -> LayerGraph {
    let params = params(&graph, 7, 0.5);
    let network = Network { graph, params };
    let x = image(&network.graph, 8);
    let want = as_trained(&network, &x);
    let both = [Branches::Keep, Branches::Fuse].map(|branches| fold(&network, branches).unwrap());
    for (folded, branches) in both.iter().zip([Branches::Keep, Branches::Fuse]) {
        let error = distance(&as_folded(folded, &x), &want);
        assert!(error <= 5e-6, "{branches:?} {error}");
        assert_eq!(folded.graph, fold_graph(&network.graph, branches).unwrap());
    }
    let [_, fused] = both;
    fused.graph
}

fn names(layers: &LayerGraph) -> Vec<&str> {
    layers
        .layers
        .iter()
        .map(|layer| layer.name.as_str())
        .collect()
}

fn activation(layers: &LayerGraph, place: usize) -> Option<Activation> {
    match layers.layers[place].op {
        LayerOp::Conv { activation, .. }
        | LayerOp::FullyConnected { activation, .. }
        | LayerOp::Add { activation }
        | LayerOp::Multiply { activation } => Some(activation),
        LayerOp::Lookup(_)
        | LayerOp::Concat
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => None,
    }
}

/// Why the only addition of a graph stays.
fn reason(graph: &Graph) -> Reason {
    let reports = report(graph).unwrap();
    let [
        BlockReport {
            outcome: Outcome::Kept(kept),
            block,
        },
    ] = reports.as_slice()
    else {
        panic!("one addition that stays, not {reports:?}");
    };
    assert_eq!(*block, kept.block);
    kept.reason.clone()
}

#[test]
fn the_small_networks_keep_their_function() {
    for (name, form, layers) in [
        ("repvgg-mini", Form::Deploy, 9 + 2),
        ("resnet-mini", Form::Folded, 14 + 5 + 2),
    ] {
        let graph = builtin::graph(name, FeatureMap::new(9, 8, 2)).unwrap();
        let fused = folded(graph);
        assert_eq!(fused.form, form);
        assert_eq!(fused.layers.len(), layers, "{:?}", names(&fused));
    }
}

#[test]
fn a_fused_block_takes_its_name_and_its_relu() {
    let graph = builtin::graph("repvgg-mini", FeatureMap::new(8, 8, 1)).unwrap();
    let fused = fold_graph(&graph, Branches::Fuse).unwrap();
    let want = [
        "stage0", "stage1.0", "stage1.1", "stage2.0", "stage2.1", "stage2.2", "stage2.3",
        "stage3.0", "stage3.1", "gap", "linear",
    ];
    assert_eq!(names(&fused), want);
    for place in 0..9 {
        assert_eq!(activation(&fused, place), Some(Activation::Relu));
    }
    let blocks = report(&graph).unwrap();
    let branches = [
        "stage1.1.rbr_dense.conv",
        "stage1.1.rbr_1x1.conv",
        "stage1.1.rbr_identity",
    ];
    let want = BlockReport {
        block: "stage1.1".to_owned(),
        outcome: Outcome::Fused {
            branches: branches.map(str::to_owned).to_vec(),
        },
    };
    assert_eq!(blocks.len(), 9);
    assert_eq!(blocks[2], want);
}

#[test]
fn kept_branches_are_layers_named_by_their_nodes() {
    let graph = builtin::graph("repvgg-mini", FeatureMap::new(8, 8, 1)).unwrap();
    let kept = fold_graph(&graph, Branches::Keep).unwrap();
    assert_eq!(kept.form, Form::Train);
    let block: Vec<&str> = names(&kept)
        .into_iter()
        .filter(|n| n.starts_with("stage1.1"))
        .collect();
    let want = [
        "stage1.1.rbr_dense.conv",
        "stage1.1.rbr_1x1.conv",
        "stage1.1.rbr_identity",
        "stage1.1.add_1x1",
        "stage1.1.add_identity",
    ];
    assert_eq!(block, want);
    let identity = kept
        .layers
        .iter()
        .find(|layer| layer.name.ends_with("1.1.rbr_identity"))
        .unwrap();
    let LayerOp::Conv { conv, activation } = identity.op else {
        panic!("an identity branch is a convolution");
    };
    assert_eq!(conv, Conv::square(32, 1).with_groups(32));
    assert_eq!(activation, Activation::None);
}

#[test]
fn a_residual_addition_stays_because_of_the_activation_inside() {
    let graph = builtin::graph("resnet-mini", FeatureMap::new(8, 8, 1)).unwrap();
    let blocks = report(&graph).unwrap();
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let Outcome::Kept(kept) = block.outcome else {
            panic!("`{}` cannot fuse", block.block);
        };
        let node = format!("{}.relu1", kept.block.strip_suffix(".add").unwrap());
        assert_eq!(kept.reason, Reason::Activation { node });
    }
}

#[test]
fn a_batch_norm_after_the_sum_goes_into_the_fused_convolution() {
    let fused = folded(graph(|b, x| {
        let dense = b.conv("block.dense", x, Conv::square(4, 3))?;
        let dense = b.batch_norm("block.dense_bn", dense)?;
        let one = b.conv("block.one", x, Conv::square(4, 1))?;
        let sum = b.add("block.add1", dense, one)?;
        let sum = b.add("block.add2", sum, x)?;
        let sum = b.batch_norm("block.bn", sum)?;
        b.relu("block.relu", sum)
    }));
    assert_eq!(names(&fused), ["block"]);
    assert_eq!(activation(&fused, 0), Some(Activation::Relu));
}

#[test]
fn what_no_layer_takes_in_becomes_a_depthwise_convolution() {
    let fused = folded(graph(|b, x| {
        let x = b.batch_norm("first_bn", x)?;
        let x = b.relu("first_relu", x)?;
        let pool = Pool {
            kernel: 3,
            stride: 2,
            padding: 1,
        };
        let x = b.max_pool("pool", x, pool)?;
        let x = b.relu("pool_relu", x)?;
        let x = b.relu("again", x)?;
        let x = b.avg_pool("mean", x, pool)?;
        b.batch_norm("last_bn", x)
    }));
    assert_eq!(
        names(&fused),
        ["first_bn", "pool", "pool_relu", "mean", "last_bn"]
    );
    assert_eq!(fused.form, Form::Folded);
}

#[test]
fn a_convolution_read_twice_keeps_its_batch_norm_and_relu_apart() {
    let fused = folded(graph(|b, x| {
        let conv = b.conv("conv", x, Conv::square(4, 3))?;
        let relu = b.relu("relu", conv)?;
        let norm = b.batch_norm("bn", conv)?;
        b.add("add", relu, norm)
    }));
    assert_eq!(names(&fused), ["conv", "relu", "bn", "add"]);
}

#[test]
fn fully_connected_layers_read_rows_columns_channels() {
    let fused = folded(graph(|b, x| {
        let x = b.conv("conv", x, Conv::square(3, 3).with_stride(2))?;
        let x = b.relu("relu", x)?;
        let x = b.fully_connected("fc1", x, 5)?;
        let x = b.relu("fc1_relu", x)?;
        let x = b.fully_connected("fc2", x, 2)?;
        b.batch_norm("fc2_bn", x)
    }));
    assert_eq!(names(&fused), ["conv", "fc1", "fc2", "fc2_bn"]);
    assert_eq!(activation(&fused, 1), Some(Activation::Relu));
    assert_eq!(
        fused.parameters(),
        3 * 36 + 3 + 5 * 36 + 5 + 2 * 5 + 2 + 2 + 2
    );
}

#[test]
fn a_partly_fusable_tree_fuses_as_far_as_it_goes() {
    let net = graph(|b, x| {
        let skip = b.relu("skip", x)?;
        let dense = b.conv("b.dense", x, Conv::square(4, 3))?;
        let one = b.conv("b.one", x, Conv::square(4, 1))?;
        let sum = b.add("b.inner", dense, one)?;
        b.add("b.outer", sum, skip)
    });
    let blocks = report(&net).unwrap();
    assert!(matches!(&blocks[0].outcome, Outcome::Fused { branches } if branches.len() == 2));
    assert!(matches!(&blocks[1].outcome, Outcome::Kept(kept) if kept.block == "b.outer"));
    let fused = folded(net);
    assert_eq!(names(&fused), ["skip", "b", "b.outer"]);
    assert_eq!(fused.form, Form::Deploy);
}

#[test]
fn two_blocks_of_one_stem_get_two_names() {
    let fused = folded(graph(|b, x| {
        let mut x = x;
        for block in ["first", "second"] {
            let dense = b.conv(format!("stem.{block}_dense"), x, Conv::square(4, 3))?;
            let one = b.conv(format!("stem.{block}_one"), x, Conv::square(4, 1))?;
            x = b.add(format!("{block}_add"), dense, one)?;
            x = b.relu(format!("{block}_relu"), x)?;
        }
        Ok(x)
    }));
    assert_eq!(names(&fused), ["stem", "second_add"]);
}

#[test]
fn every_reason_is_found() {
    let other_reader = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let one = b.conv("one", x, Conv::square(4, 1))?;
        let sum = b.add("sum", dense, one)?;
        let used = b.relu("used", one)?;
        b.add("end", sum, used)
    });
    let kept: Vec<Reason> = (report(&other_reader).unwrap().into_iter())
        .filter_map(|block| match block.outcome {
            Outcome::Kept(kept) => Some(kept.reason),
            Outcome::Fused { .. } => None,
        })
        .collect();
    let named = |node: &str| node.to_owned();
    assert_eq!(
        kept[0],
        Reason::OtherReader {
            node: named("one"),
            reader: named("used")
        }
    );

    let activation = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let one = b.conv("one", x, Conv::square(4, 1))?;
        let one = b.relu("inside", one)?;
        b.add("sum", dense, one)
    });
    assert_eq!(
        reason(&activation),
        Reason::Activation {
            node: named("inside")
        }
    );

    let pooling = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let pool = Pool {
            kernel: 3,
            stride: 1,
            padding: 1,
        };
        let pooled = b.avg_pool("pool", x, pool)?;
        b.add("sum", dense, pooled)
    });
    assert_eq!(
        reason(&pooling),
        Reason::Operator {
            node: named("pool")
        }
    );

    let series = graph(|b, x| {
        let first = b.conv("first", x, Conv::square(4, 3))?;
        let second = b.conv("second", first, Conv::square(4, 3))?;
        b.add("sum", second, x)
    });
    assert_eq!(
        reason(&series),
        Reason::Series {
            node: named("first")
        }
    );

    let inputs = graph(|b, x| {
        let y = b.add("twice", x, x)?;
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let one = b.conv("one", y, Conv::square(4, 1))?;
        b.add("sum", dense, one)
    });
    let last = report(&inputs).unwrap().pop().unwrap();
    let Outcome::Kept(kept) = last.outcome else {
        panic!("the branches read two maps");
    };
    let (left, right) = (named("input"), named("twice"));
    assert_eq!(kept.reason, Reason::DifferentInputs { left, right });
}

#[test]
fn windows_that_differ_are_reported_with_their_numbers() {
    let groups = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let one = b.conv("one", x, Conv::square(4, 1).with_groups(2))?;
        b.add("sum", dense, one)
    });
    assert_eq!(
        reason(&groups).to_string(),
        "branches differ in groups: 2 and 1"
    );
    let padding = graph(|b, x| {
        let conv = Conv::square(4, 3).with_stride(5);
        let dense = b.conv("dense", x, conv)?;
        let one = b.conv("one", x, Conv { kernel: 1, ..conv })?;
        b.add("sum", dense, one)
    });
    assert_eq!(
        reason(&padding).to_string(),
        "the 1x1 branch pads 1, the 3x3 branch 1; they must differ by 1"
    );
    let dilation = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3).with_padding(0))?;
        let shifted = b.conv(
            "shifted",
            x,
            Conv {
                kernel: 2,
                dilation: 2,
                padding: 0,
                ..Conv::square(4, 3)
            },
        )?;
        b.add("sum", dense, shifted)
    });
    assert_eq!(
        reason(&dilation),
        Reason::Attribute {
            what: "dilation",
            left: 2,
            right: 1
        }
    );
}

#[test]
fn operators_without_weights_stay_layers_of_their_own() {
    let fused = folded(graph(|b, x| {
        let conv = b.conv("conv", x, Conv::square(6, 3))?;
        let mean = b.global_avg_pool("mean", conv)?;
        let up = b.conv("up", mean, Conv::square(6, 1))?;
        let scale = b.lookup("sigmoid", up, Function::Sigmoid)?;
        let x = b.multiply("scale", conv, scale)?;
        let x = b.relu("relu", x)?;
        let parts = b.adaptive_avg_pool("parts", x, 4)?;
        let resize = |corners| Resize {
            height: 7,
            width: 6,
            corners,
        };
        let half = b.resize("half", parts, resize(Corners::HalfPixel))?;
        let aligned = b.resize("aligned", parts, resize(Corners::Aligned))?;
        let x = b.multiply("square", x, half)?;
        let x = b.concat("concat", &[x, aligned, conv])?;
        b.batch_norm("bn", x)
    }));
    assert_eq!(
        names(&fused),
        [
            "conv", "mean", "up", "sigmoid", "scale", "parts", "half", "aligned", "square",
            "concat", "bn"
        ]
    );
    assert_eq!(activation(&fused, 4), Some(Activation::Relu));
}

#[test]
fn a_relu6_is_the_clamp_of_what_it_alone_reads_and_else_a_function() {
    let fused = folded(graph(|b, x| {
        let conv = b.conv("conv", x, Conv::square(4, 3))?;
        let clamped = b.lookup("clamped", conv, Function::Relu6)?;
        let other = b.conv("other", clamped, Conv::square(4, 1))?;
        let apart = b.lookup("apart", other, Function::Relu6)?;
        let swish = b.lookup("swish", other, Function::HardSwish)?;
        let sum = b.add("add", apart, swish)?;
        b.lookup("last", sum, Function::Relu6)
    }));
    assert_eq!(names(&fused), ["conv", "other", "apart", "swish", "add"]);
    assert_eq!(activation(&fused, 0), Some(Activation::Relu6));
    assert_eq!(activation(&fused, 1), Some(Activation::None));
    assert_eq!(activation(&fused, 4), Some(Activation::Relu6));
}

#[test]
fn branches_around_a_function_or_a_product_do_not_fuse() {
    let gated = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let dense = b.lookup("swish", dense, Function::Silu)?;
        let one = b.conv("one", x, Conv::square(4, 1))?;
        b.add("add", dense, one)
    });
    let node = "swish".to_owned();
    assert_eq!(reason(&gated), Reason::Activation { node });
    let scaled = graph(|b, x| {
        let dense = b.conv("dense", x, Conv::square(4, 3))?;
        let mean = b.global_avg_pool("mean", dense)?;
        let dense = b.multiply("scale", dense, mean)?;
        let one = b.conv("one", x, Conv::square(4, 1))?;
        b.add("add", dense, one)
    });
    let (left, right) = ("scale".to_owned(), "input".to_owned());
    assert_eq!(reason(&scaled), Reason::DifferentInputs { left, right });
}

#[test]
fn a_squeezed_block_fuses_its_branches_in_front_of_the_gate() {
    let graph = builtin::graph("repvgg-d2se", FeatureMap::new(16, 16, 3)).unwrap();
    let fused = fold_graph(&graph, Branches::Fuse).unwrap();
    let block: Vec<&str> = names(&fused)
        .into_iter()
        .filter(|n| n.starts_with("stage1.1"))
        .collect();
    let want = [
        "stage1.1",
        "stage1.1.se.pool",
        "stage1.1.se.down",
        "stage1.1.se.up",
        "stage1.1.se.sigmoid",
        "stage1.1.se.scale",
    ];
    assert_eq!(block, want);
}
