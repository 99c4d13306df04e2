//! Refusals of quantised graphs, one thing at a time, on models made by hand.

use super::reader::import;
use crate::network::import::ImportError;
use crate::network::import::onnx::OnnxGraph;
use crate::network::import::onnx::made::{int, ints, model, node};
use crate::network::import::onnx::message::{Node, Tensor};
use crate::quantise::{QuantLayer, QuantNetwork};
use prost::Message;
use std::path::Path;

const F32: i32 = 1;
const U8: i32 = 2;
const I8: i32 = 3;
const I32: i32 = 6;

fn integers(name: &str, data_type: i32, dims: &[i64], values: &[i32]) -> Tensor {
    Tensor {
        dims: dims.to_vec(),
        data_type,
        int32_data: values.to_vec(),
        name: name.to_owned(),
        ..Tensor::default()
    }
}

fn reals(name: &str, dims: &[i64], values: &[f32]) -> Tensor {
    Tensor {
        dims: dims.to_vec(),
        data_type: F32,
        float_data: values.to_vec(),
        name: name.to_owned(),
        ..Tensor::default()
    }
}

/// Nodes and constants of image -> convolution (1x1, two outputs) -> output, as QDQ.
fn network() -> (Vec<Node>, Vec<Tensor>) {
    let nodes = vec![
        node("QuantizeLinear", &["x", "s_x", "z_x"], "x_q", &[]),
        node("DequantizeLinear", &["x_q", "s_x", "z_x"], "x_d", &[]),
        node(
            "DequantizeLinear",
            &["w_q", "s_w", "z_w"],
            "w",
            &[int("axis", 0)],
        ),
        node(
            "DequantizeLinear",
            &["b_q", "s_b", "z_b"],
            "b",
            &[int("axis", 0)],
        ),
        node("Conv", &["x_d", "w", "b"], "y", &[]),
        node("QuantizeLinear", &["y", "s_y", "z_y"], "y_q", &[]),
        node("DequantizeLinear", &["y_q", "s_y", "z_y"], "y_d", &[]),
    ];
    let constants = vec![
        reals("s_x", &[], &[0.5]),
        integers("z_x", U8, &[], &[128]),
        integers("w_q", I8, &[2, 2, 1, 1], &[1, -2, 3, -128]),
        reals("s_w", &[2], &[0.25, 0.5]),
        integers("z_w", I8, &[2], &[0, 0]),
        integers("b_q", I32, &[2], &[7, -7]),
        reals("s_b", &[2], &[0.125, 0.25]),
        integers("z_b", I32, &[2], &[0, 0]),
        reals("s_y", &[], &[1.0]),
        integers("z_y", U8, &[], &[0]),
    ];
    (nodes, constants)
}

fn read(nodes: &[Node], constants: &[Tensor]) -> Result<QuantNetwork, ImportError> {
    let bytes = model(nodes, constants).encode_to_vec();
    let graph = OnnxGraph::parse(bytes.into(), Path::new("net.onnx")).expect("a whole graph");
    import(&graph, None)
}

/// Why the network is refused after a change.
fn refused(change: impl Fn(&mut Vec<Node>, &mut Vec<Tensor>)) -> String {
    let (mut nodes, mut constants) = network();
    change(&mut nodes, &mut constants);
    read(&nodes, &constants)
        .expect_err("it is refused")
        .to_string()
}

fn put(constants: &mut [Tensor], tensor: Tensor) {
    let place = constants.iter().position(|old| old.name == tensor.name);
    constants[place.expect("a constant to change")] = tensor;
}

#[test]
fn a_convolution_is_what_the_file_says() {
    let (nodes, constants) = network();
    let network = read(&nodes, &constants).unwrap();
    let QuantLayer::Conv(conv) = &network.layers[0] else {
        panic!("a convolution");
    };
    assert_eq!(
        conv.weight.iter().copied().collect::<Vec<_>>(),
        [1, -2, 3, -128]
    );
    assert_eq!(conv.bias, [7, -7]);
    assert_eq!(conv.input_zero_point, 128);
    assert_eq!(network.graph.layers[0].name, "y_q");
    assert_eq!(network.numerics.weight_bits, [8]);
    // 0.5 · 0.25 / 1: an accumulator of 20 is 2.5, to the even 2; of 28 it is 3.5, to the even 4.
    assert_eq!(
        [20, 28, -8].map(|sum| conv.requantise.apply(sum, 0)),
        [2, 4, 0]
    );
}

#[test]
fn the_operator_form_gives_the_same_integers() {
    let (_, mut constants) = network();
    let inputs = [
        "x_q", "s_x", "z_x", "w_q", "s_w", "z_w", "s_y", "z_y", "b_q",
    ];
    let operators = [
        node("QuantizeLinear", &["x", "s_x", "z_x"], "x_q", &[]),
        node("QLinearConv", &inputs, "y_q", &[]),
    ];
    let (nodes, pairs) = network();
    constants.retain(|tensor| !tensor.name.ends_with("_b"));
    assert_eq!(
        read(&operators, &constants).unwrap(),
        read(&nodes, &pairs).unwrap()
    );
}

#[test]
fn what_has_no_integers_is_named_with_its_reason() {
    let steps = refused(|_, constants| put(constants, reals("s_b", &[2], &[0.125, 0.26])));
    assert!(
        steps.contains("its bias counts steps of 2.6e-1, its accumulator steps of 2.5e-1"),
        "{steps}"
    );
    let wide = refused(|_, constants| {
        put(constants, integers("b_q", I8, &[2], &[7, -7]));
        put(constants, integers("z_b", I8, &[2], &[0, 0]));
    });
    assert!(wide.contains("its bias is I8, not I32"), "{wide}");
    let negative = refused(|_, constants| put(constants, reals("s_x", &[], &[-0.5])));
    assert!(
        negative.contains("its scale `s_x` holds -0.5, a scale is positive"),
        "{negative}"
    );
    let axis = refused(|nodes, _| {
        nodes[2] = node(
            "DequantizeLinear",
            &["w_q", "s_w", "z_w"],
            "w",
            &[int("axis", 1)],
        )
    });
    assert!(
        axis.contains("the scales of its weights are not one for each output"),
        "{axis}"
    );
    let pads = refused(|nodes, _| nodes[4].attribute.push(ints("pads", &[0, 0, 1, 1])));
    assert!(pads.contains("`pads`"), "{pads}");
    let open = refused(|nodes, _| nodes.truncate(5));
    assert!(
        open.contains("no QuantizeLinear rounds its output `y`"),
        "{open}"
    );
    let other = refused(|nodes, constants| {
        nodes[6] = node("DequantizeLinear", &["y_q", "s_x", "z_x"], "y_d", &[]);
        constants.push(reals("unused", &[], &[1.0]));
    });
    assert!(
        other.contains("are not those its input was rounded with"),
        "{other}"
    );
    let raw = refused(|nodes, _| nodes[4] = node("Conv", &["x_d", "s_w", "b"], "y", &[]));
    assert!(raw.contains("no DequantizeLinear scales"), "{raw}");
}

#[test]
fn every_node_is_told_at_once_and_its_readers_are_not_blamed() {
    let (mut nodes, constants) = network();
    nodes.insert(5, node("Softmax", &["y"], "p", &[]));
    nodes[6] = node("QuantizeLinear", &["p", "s_y", "z_y"], "y_q", &[]);
    nodes.insert(1, node("Tanh", &["x_q"], "t", &[]));
    nodes[2] = node("DequantizeLinear", &["t", "s_x", "z_x"], "x_d", &[]);
    let Err(ImportError::Unsupported { refused, .. }) = read(&nodes, &constants) else {
        panic!("two nodes cannot be run");
    };
    let names: Vec<&str> = refused.iter().map(|one| one.node.as_str()).collect();
    assert_eq!(names, ["t"], "what reads a refused value is not looked at");
}

#[test]
fn a_relu_of_a_map_and_a_change_of_scale_become_tables() {
    let (mut nodes, mut constants) = network();
    nodes.push(node("Relu", &["y_d"], "r", &[]));
    nodes.push(node("QuantizeLinear", &["r", "s_r", "z_r"], "r_q", &[]));
    constants.push(reals("s_r", &[], &[4.0]));
    constants.push(integers("z_r", I8, &[], &[-128]));
    let network = read(&nodes, &constants).unwrap();
    let QuantLayer::Table(table) = &network.layers[1] else {
        panic!("a table");
    };
    // 0.25 a step: 2 -> 0.5 -> even 0, 6 -> 1.5 -> even 2.
    assert_eq!(
        [0, 2, 6, 255].map(|x| table.apply(x)),
        [-128, -128, -126, -64]
    );
}

#[test]
fn a_map_is_flattened_before_a_matrix_and_nowhere_else() {
    let (nodes, mut constants) = network();
    let list = |values: &[i64]| Tensor {
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: 7,
        int64_data: values.to_vec(),
        name: "shape".to_owned(),
        ..Tensor::default()
    };
    let reshaped = |target: &[i64], constants: &[Tensor]| {
        let mut nodes = nodes.clone();
        nodes.push(node("Reshape", &["y_d", "shape"], "r", &[]));
        nodes.push(node("GlobalAveragePool", &["r"], "g", &[]));
        nodes.push(node("QuantizeLinear", &["g", "s_y", "z_y"], "g_q", &[]));
        let constants = [constants, &[list(target)]].concat();
        read(&nodes, &constants).map(|network| network.layers.len())
    };
    assert_eq!(reshaped(&[0, 2, 4, 4], &constants), Ok(2));
    let other = reshaped(&[0, 2, 2, 8], &constants).unwrap_err().to_string();
    assert!(
        other.contains("it writes a map of 4x4x2 as [0, 2, 2, 8]"),
        "{other}"
    );
    let flat = reshaped(&[0, -1], &constants).unwrap_err().to_string();
    assert!(
        flat.contains("is flattened, where rows and columns belong"),
        "{flat}"
    );

    constants.push(integers("m_q", I8, &[32, 1], &[1; 32]));
    constants.push(reals("s_m", &[], &[0.5]));
    let product = |flatten: bool| {
        let mut nodes = nodes.clone();
        nodes.push(node("DequantizeLinear", &["m_q", "s_m"], "m", &[]));
        nodes.push(node("Flatten", &["y_d"], "f", &[]));
        let from = if flatten { "f" } else { "y_d" };
        nodes.push(node("MatMul", &[from, "m"], "p", &[]));
        nodes.push(node("QuantizeLinear", &["p", "s_y", "z_y"], "p_q", &[]));
        read(&nodes, &constants).map(|network| network.layers.len())
    };
    assert_eq!(product(true), Ok(2));
    let plain = product(false).unwrap_err().to_string();
    assert!(plain.contains("`y_d` is not flattened"), "{plain}");
}

#[test]
fn nothing_large_is_made_of_a_window_or_a_bias_that_does_not_fit() {
    let window = refused(|nodes, _| {
        nodes.truncate(2);
        let side = [1 << 32, 1 << 32];
        nodes.push(node(
            "AveragePool",
            &["x_d"],
            "p",
            &[ints("kernel_shape", &side)],
        ));
        nodes.push(node("QuantizeLinear", &["p", "s_y", "z_y"], "p_q", &[]));
    });
    assert!(window.contains("kernel"), "{window}");
    let bias = refused(|_, constants| {
        put(constants, integers("b_q", I32, &[2, 2], &[0; 4]));
    });
    assert!(
        bias.contains("its bias has the shape [2, 2], not one axis"),
        "{bias}"
    );
    let empty = refused(|nodes, constants| {
        put(constants, integers("w_q", I8, &[2, 2, 0, 0], &[]));
        nodes[4]
            .attribute
            .push(crate::network::import::onnx::made::text(
                "auto_pad",
                "SAME_UPPER",
            ));
    });
    assert!(empty.contains("its weights are 0x0"), "{empty}");
}
