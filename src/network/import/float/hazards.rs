//! What exporters do to a graph, one thing at a time, on models made by hand; and damaged files.

use super::super::ImportError;
use super::super::onnx::OnnxGraph;
use super::super::onnx::made::{float, floats, int, ints, list, model, node, text};
use super::super::onnx::message::{Attribute, Node, Tensor};
use crate::network::{Function, Network, NodeParams, Op};
use crate::tensor::FeatureMap;
use prost::Message;
use std::path::Path;

fn read_bytes(bytes: Vec<u8>) -> Result<Network, ImportError> {
    let graph = OnnxGraph::parse(bytes.into(), Path::new("net.onnx"))?;
    super::network(&graph, None)
}

fn read(nodes: &[Node], constants: &[Tensor]) -> Result<Network, ImportError> {
    read_bytes(model(nodes, constants).encode_to_vec())
}

/// The one reason why the nodes are refused.
fn refused(nodes: &[Node], constants: &[Tensor]) -> String {
    match read(nodes, constants) {
        Err(ImportError::Unsupported { refused, .. }) if refused.len() == 1 => {
            refused[0].to_string()
        }
        other => panic!("one refusal expected, not {other:?}"),
    }
}

/// Names and operators but the input's.
fn operators(network: &Network) -> Vec<(&str, &Op)> {
    let nodes = network.graph.nodes.iter().skip(1);
    nodes.map(|node| (node.name.as_str(), &node.op)).collect()
}

fn conv(weight: &str, output: &str) -> Node {
    node(
        "Conv",
        &["x", weight],
        output,
        &[ints("pads", &[1, 1, 1, 1])],
    )
}

/// Weights of the only fully connected layer.
fn matrix(network: &Network) -> (&ndarray::Array2<f32>, &ndarray::Array1<f32>) {
    let found = network.params.nodes.iter().find_map(|params| match params {
        NodeParams::FullyConnected { weight, bias } => Some((weight, bias)),
        NodeParams::None | NodeParams::Conv { .. } | NodeParams::BatchNorm { .. } => None,
    });
    found.expect("a fully connected layer")
}

#[test]
fn constants_behind_identities_are_shared_and_a_bias_may_be_left_out() {
    let nodes = [
        node("Identity", &["first.weight"], "i", &[]),
        node("Identity", &["i"], "second.weight", &[]),
        conv("first.weight", "a"),
        conv("second.weight", "b"),
        node("Add", &["b", "a"], "y", &[]),
    ];
    let network = read(&nodes, &[floats("first.weight", &[2, 2, 3, 3])]).unwrap();
    let names: Vec<&str> = operators(&network).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["first", "second", "y"]);
    assert_eq!(network.params.nodes[1], network.params.nodes[2]);
    let NodeParams::Conv { weight, bias: None } = &network.params.nodes[1] else {
        panic!("a convolution without a bias");
    };
    // Output 1, input 0, row 2, column 1 is number 18 + 2·3 + 1 of the file.
    assert!((weight[[1, 2, 1, 0]] - 2.5).abs() < 1e-6);
    network.params.check(&network.graph).unwrap();
}

#[test]
fn every_tail_is_one_mean_and_one_product() {
    let shape_of_the_batch = [
        node("GlobalAveragePool", &["x"], "p", &[]),
        node("Shape", &["p"], "s", &[]),
        node("Gather", &["s", "zero"], "g", &[int("axis", 0)]),
        node("Unsqueeze", &["g", "zeros"], "u", &[]),
        node("Concat", &["u", "minus_one"], "c", &[int("axis", 0)]),
        node("Reshape", &["p", "c"], "f", &[]),
    ];
    let mean = |attributes: &[Attribute]| node("ReduceMean", &["x"], "p", attributes);
    let tails: [&[Node]; 9] = [
        &[
            node("GlobalAveragePool", &["x"], "p", &[]),
            node("Flatten", &["p"], "f", &[int("axis", 1)]),
        ],
        &[
            mean(&[ints("axes", &[2, 3]), int("keepdims", 1)]),
            node("Reshape", &["p", "shape"], "f", &[]),
        ],
        &[
            mean(&[ints("axes", &[-1, -2]), int("keepdims", 0)]),
            node("Identity", &["p"], "f", &[]),
        ],
        &[
            node("ReduceMean", &["x", "last_two"], "p", &[]),
            node("Squeeze", &["p", "last_two"], "f", &[]),
        ],
        &[
            node("AveragePool", &["x"], "p", &[ints("kernel_shape", &[4, 4])]),
            node("Squeeze", &["p"], "f", &[ints("axes", &[3, 2])]),
        ],
        &[
            node("GlobalAveragePool", &["x"], "p", &[]),
            node("Reshape", &["p", "zero_and_rest"], "f", &[]),
        ],
        &[
            node("GlobalAveragePool", &["x"], "p", &[]),
            node("Dropout", &["p"], "d", &[]),
            node("Flatten", &["d"], "f", &[]),
        ],
        &[
            node("GlobalAveragePool", &["x"], "p", &[]),
            node("Constant", &[], "k", &[ints("value_ints", &[-1, 2])]),
            node("Reshape", &["p", "k"], "f", &[]),
        ],
        &shape_of_the_batch,
    ];
    let constants = [
        floats("fc.weight", &[3, 2]),
        floats("fc.bias", &[3]),
        list("shape", &[1, 2]),
        list("last_two", &[-1, -2]),
        list("zero_and_rest", &[0, -1]),
        list("zeros", &[0]),
        list("minus_one", &[-1]),
        Tensor {
            dims: Vec::new(),
            ..list("zero", &[0])
        },
    ];
    for tail in tails {
        let gemm = node(
            "Gemm",
            &["f", "fc.weight", "fc.bias"],
            "y",
            &[int("transB", 1)],
        );
        let nodes = [tail, &[gemm]].concat();
        let network = read(&nodes, &constants).unwrap_or_else(|error| panic!("{error}: {tail:?}"));
        let operators: Vec<&Op> = operators(&network).iter().map(|(_, op)| *op).collect();
        assert_eq!(
            operators,
            [&Op::GlobalAvgPool, &Op::FullyConnected { outputs: 3 }]
        );
        network.params.check(&network.graph).unwrap();
    }
    let rows = [
        mean(&[ints("axes", &[2])]),
        node("Flatten", &["p"], "f", &[]),
    ];
    assert_eq!(
        refused(&rows, &[]),
        "ReduceMean `p`: its mean is over axes [2], only rows and columns are run"
    );
}

#[test]
fn one_product_is_written_in_four_ways() {
    let flat = node("Flatten", &["x"], "f", &[]);
    let constants = [
        floats("w", &[2, 32]),
        Tensor {
            name: "t".to_owned(),
            dims: vec![32, 2],
            float_data: (0..32_u8)
                .flat_map(|i| [i, i + 32].map(|v| f32::from(v) / 10.0))
                .collect(),
            ..floats("w", &[1])
        },
        floats("b", &[2]),
        floats("b1", &[1, 2]),
    ];
    let of =
        |nodes: &[Node]| read(&[std::slice::from_ref(&flat), nodes].concat(), &constants).unwrap();
    let whole = of(&[node("Gemm", &["f", "w", "b"], "y", &[int("transB", 1)])]);
    for other in [
        of(&[node("Gemm", &["f", "t", "b1"], "y", &[])]),
        of(&[
            node("MatMul", &["f", "t"], "m", &[]),
            node("Add", &["b", "m"], "y", &[]),
        ]),
        of(&[
            node("MatMul", &["f", "t"], "m", &[]),
            node("Add", &["m", "b1"], "y", &[]),
        ]),
    ] {
        assert_eq!(matrix(&whole), matrix(&other));
    }
    let (weight, bias) = matrix(&whole);
    // Channel 1, row 2, column 3 is number 16 + 8 + 3 of a file's row and number (2·4 + 3)·2 + 1 here.
    assert!((weight[[0, 23]] - 2.7).abs() < 1e-6);
    let scaled = [int("transB", 1), float("alpha", 2.0), float("beta", 0.5)];
    let scaled = of(&[node("Gemm", &["f", "w", "b"], "y", &scaled)]);
    assert_eq!(matrix(&scaled), (&(weight * 2.0), &(bias * 0.5)));
}

#[test]
fn padding_is_taken_where_it_is_the_same_on_all_sides() {
    let weight = floats("w", &[2, 2, 3, 3]);
    let with = |attributes: &[Attribute]| [node("Conv", &["x", "w"], "y", attributes)];
    let side = |attributes: &[Attribute]| {
        let network = read(&with(attributes), std::slice::from_ref(&weight)).unwrap();
        network.graph.nodes[1].shape.height
    };
    assert_eq!(side(&[]), 2);
    assert_eq!(side(&[text("auto_pad", "VALID")]), 2);
    assert_eq!(side(&[text("auto_pad", "SAME_UPPER")]), 4);
    assert_eq!(
        side(&[text("auto_pad", "SAME_LOWER"), ints("strides", &[3, 3])]),
        2
    );
    let why = |attributes: &[Attribute]| refused(&with(attributes), std::slice::from_ref(&weight));
    for (attributes, want) in [
        (
            vec![text("auto_pad", "SAME_UPPER"), ints("strides", &[2, 2])],
            "Conv `y`: `auto_pad` SAME_UPPER pads 4x4x2 by 1 rows and 1 columns, only the same on all four sides is run",
        ),
        (
            vec![ints("pads", &[0, 0, 1, 1])],
            "Conv `y`: its `pads` are [0, 0, 1, 1], only the same on all four sides is run",
        ),
        (
            vec![ints("strides", &[1, 2])],
            "Conv `y`: its stride is 1x2, only a square one is run",
        ),
        (
            vec![ints("kernel_shape", &[5, 5])],
            "Conv `y`: its `kernel_shape` is 5x5, its weights are 3x3",
        ),
        (
            vec![int("group", 2)],
            "Conv `y`: its weight reads 2 channels in each of 2 groups, its map has 2",
        ),
        (
            vec![ints("pads", &[-1, -1, -1, -1])],
            "Conv `y`: it pads by -1 pixels",
        ),
    ] {
        assert_eq!(why(&attributes), want);
    }
}

#[test]
fn means_that_count_padding_and_windows_over_the_edge_are_refused() {
    let pool = |op: &str, attributes: &[Attribute]| {
        let window = [ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
        [node(op, &["x"], "y", &[&window[..], attributes].concat())]
    };
    let pads = ints("pads", &[1, 1, 1, 1]);
    let counted = pool("AveragePool", &[pads.clone(), int("count_include_pad", 1)]);
    assert_eq!(
        refused(&counted, &[]),
        "AveragePool `y`: its mean counts 1 pixels of padding (`count_include_pad`), only means of pixels of the map are run"
    );
    assert!(read(&pool("AveragePool", &[pads]), &[]).is_ok());
    assert!(read(&pool("AveragePool", &[int("count_include_pad", 1)]), &[]).is_ok());
    assert!(read(&pool("MaxPool", &[int("ceil_mode", 1)]), &[]).is_ok());
    let over = [node(
        "MaxPool",
        &["x"],
        "y",
        &[
            ints("kernel_shape", &[3, 3]),
            ints("strides", &[2, 2]),
            int("ceil_mode", 1),
        ],
    )];
    assert_eq!(
        refused(&over, &[]),
        "MaxPool `y`: `ceil_mode` lets its last window hang over the edge of 4x4x2"
    );
}

#[test]
fn functions_and_products() {
    let op = |nodes: &[Node]| {
        let constants = [
            floats("zero", &[]),
            Tensor {
                float_data: vec![6.0],
                ..floats("six", &[])
            },
        ];
        let network = read(nodes, &constants)?;
        Ok::<Op, ImportError>(network.graph.nodes.last().expect("a node").op.clone())
    };
    let lookup = |function| Ok(Op::Lookup(function));
    assert_eq!(op(&[node("Clip", &["x", "zero"], "y", &[])]), Ok(Op::Relu));
    let relu6 = [node("Clip", &["x", "zero", "six"], "y", &[])];
    assert_eq!(op(&relu6), lookup(Function::Relu6));
    let silu = [
        node("Sigmoid", &["x"], "s", &[]),
        node("Mul", &["x", "s"], "y", &[]),
    ];
    assert_eq!(op(&silu), lookup(Function::Silu));
    let sixth = float("alpha", 1.0 / 6.0);
    let swish = [
        node("HardSigmoid", &["x"], "s", &[sixth]),
        node("Mul", &["s", "x"], "y", &[]),
    ];
    assert_eq!(op(&swish), lookup(Function::HardSwish));
    assert!(op(&[node("HardSigmoid", &["x"], "y", &[])]).is_err());
    let squeezed = [
        node("GlobalAveragePool", &["x"], "p", &[]),
        node("Sigmoid", &["p"], "s", &[]),
        node("Mul", &["s", "x"], "y", &[]),
    ];
    let network = read(&squeezed, &[]).unwrap();
    let product = network.graph.nodes.last().unwrap();
    assert_eq!(
        (&product.op, product.shape),
        (&Op::Multiply, FeatureMap::new(4, 4, 2))
    );
    let joined = [node("Concat", &["x", "x"], "y", &[int("axis", 1)])];
    assert_eq!(op(&joined), Ok(Op::Concat));
    let rows = [node("Concat", &["x", "x"], "y", &[int("axis", 2)])];
    assert_eq!(
        refused(&rows, &[]),
        "Concat `y`: it joins maps along axis 2, only channels are joined"
    );
}

#[test]
fn all_that_cannot_be_run_is_told_at_once_and_dead_ends_do_not_matter() {
    let nodes = [
        node("Softmax", &["x"], "unread", &[]),
        node("LeakyRelu", &["x"], "a", &[]),
        node("Conv", &["a", "w"], "b", &[]),
        node("Conv", &["x", "w"], "c", &[ints("pads", &[1, 0, 1, 0])]),
        node("Add", &["b", "c"], "d", &[]),
        Node {
            domain: "com.acme".to_owned(),
            ..node("Relu", &["d"], "e", &[])
        },
        node("Elu", &["e"], "y", &[]),
    ];
    let Err(ImportError::Unsupported { refused, .. }) = read(&nodes, &[floats("w", &[2, 2, 3, 3])])
    else {
        panic!("operators are refused");
    };
    let told: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "LeakyRelu `a`: the operator is not run",
            "Conv `c`: its `pads` are [1, 0, 1, 0], only the same on all four sides is run",
            "Relu `e`: operators of domain `com.acme` are not run",
            "Elu `y`: the operator is not run",
        ]
    );
}

#[test]
fn parameters_are_finite_floats_of_any_width() {
    let nodes = [conv("w", "y")];
    let half = Tensor {
        data_type: 10,
        float_data: Vec::new(),
        int32_data: vec![0x3c00; 36],
        ..floats("w", &[2, 2, 3, 3])
    };
    let network = read(&nodes, &[half]).unwrap();
    let NodeParams::Conv { weight, .. } = &network.params.nodes[1] else {
        panic!("a convolution");
    };
    assert!(
        weight
            .iter()
            .all(|value| value.to_bits() == 1.0_f32.to_bits())
    );
    let mut infinite = floats("w", &[2, 2, 3, 3]);
    infinite.float_data[7] = f32::INFINITY;
    assert_eq!(
        refused(&nodes, &[infinite]),
        "Conv `y`: its weight `w` holds inf at place 7"
    );
    let integers = Tensor {
        data_type: 6,
        float_data: Vec::new(),
        int32_data: vec![1; 36],
        ..floats("w", &[2, 2, 3, 3])
    };
    assert_eq!(
        refused(&nodes, &[integers]),
        "Conv `y`: its weight `w`: its elements are I32, not floats"
    );
}

#[test]
fn a_batch_norm_has_a_variance_and_is_not_in_training() {
    let norm = |attributes: &[Attribute]| {
        [node(
            "BatchNormalization",
            &["x", "one", "one", "one", "var"],
            "y",
            attributes,
        )]
    };
    let constants = [
        floats("one", &[2]),
        Tensor {
            float_data: vec![1.0, -1.0],
            ..floats("var", &[2])
        },
    ];
    assert_eq!(
        refused(&norm(&[]), &constants),
        "BatchNormalization `y`: its variance is -1 at place 1"
    );
    assert_eq!(
        refused(&norm(&[int("training_mode", 1)]), &constants),
        "BatchNormalization `y`: it is in training mode, whose statistics are those of a batch"
    );
}

#[test]
fn a_graph_that_breaks_the_format_is_told_where() {
    let relu = node("Relu", &["x"], "y", &[]);
    let cause = |nodes: &[Node]| match read(nodes, &[]) {
        Err(ImportError::Graph { cause, .. }) => cause,
        other => panic!("a broken graph, not {other:?}"),
    };
    assert_eq!(
        cause(&[node("Relu", &["z"], "y", &[])]),
        "nothing before node `y` makes the value `z`"
    );
    assert_eq!(
        cause(&[relu.clone(), relu.clone()]),
        "the value `y` is made twice"
    );
    let mut old = model(&[relu], &[]);
    for (version, good) in [
        (10, false),
        (11, true),
        (21, true),
        (22, false),
        (i64::MAX, false),
    ] {
        old.opset_import[0].version = version;
        assert_eq!(read_bytes(old.encode_to_vec()).is_ok(), good, "{version}");
    }
}

/// A model that has some of everything.
fn rich() -> Vec<u8> {
    let nodes = [
        node("Identity", &["w"], "w2", &[]),
        conv("w2", "a"),
        node("Clip", &["a", "zero"], "r", &[]),
        node(
            "MaxPool",
            &["r"],
            "m",
            &[ints("kernel_shape", &[2, 2]), text("auto_pad", "VALID")],
        ),
        node("Flatten", &["m"], "f", &[]),
        node(
            "Gemm",
            &["f", "fc", ""],
            "y",
            &[int("transB", 1), float("alpha", 0.5)],
        ),
    ];
    let constants = [
        floats("w", &[2, 2, 3, 3]),
        floats("zero", &[]),
        floats("fc", &[3, 18]),
    ];
    model(&nodes, &constants).encode_to_vec()
}

#[test]
fn a_damaged_file_is_refused_or_read_and_never_a_panic() {
    let whole = rich();
    assert!(read_bytes(whole.clone()).is_ok());
    for length in 0..whole.len() {
        // A cut between two fields leaves a file that may still be whole.
        let _ = read_bytes(whole[..length].to_vec());
    }
    for place in 0..whole.len() {
        for bit in 0..8 {
            let mut damaged = whole.clone();
            damaged[place] ^= 1 << bit;
            let _ = read_bytes(damaged);
        }
        for byte in [0x00, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[place] = byte;
            let _ = read_bytes(damaged);
        }
    }
}
