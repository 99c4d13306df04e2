//! Models made by hand, for tests.

use super::message::{
    Attribute, Dimension, Graph, Model, Node, OperatorSetId, Tensor, TensorShape, TensorType, Type,
    ValueInfo, attribute_kind,
};

/// A model of opset 13 with an input `x` of 2 channels, 4 rows and 4 columns.
pub(crate) fn model(nodes: &[Node], constants: &[Tensor]) -> Model {
    let axes = [None, Some(2), Some(4), Some(4)];
    let dim = |dim_value| Dimension {
        dim_value,
        dim_param: None,
    };
    let shape = TensorShape {
        dim: axes.map(dim).to_vec(),
    };
    let tensor = TensorType {
        elem_type: 1,
        shape: Some(shape),
    };
    let value = |name: &str, tensor_type| ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type { tensor_type }),
    };
    let last = nodes.last().expect("a node").output[0].clone();
    Model {
        ir_version: 7,
        opset_import: vec![OperatorSetId {
            domain: String::new(),
            version: 13,
        }],
        graph: Some(Graph {
            node: nodes.to_vec(),
            initializer: constants.to_vec(),
            input: vec![value("x", Some(tensor))],
            output: vec![value(&last, None)],
            ..Graph::default()
        }),
        ..Model::default()
    }
}

pub(crate) fn node(op: &str, inputs: &[&str], output: &str, attribute: &[Attribute]) -> Node {
    Node {
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        name: output.to_owned(),
        op_type: op.to_owned(),
        attribute: attribute.to_vec(),
        domain: String::new(),
    }
}

pub(crate) fn ints(name: &str, values: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: values.to_vec(),
        kind: attribute_kind::INTS,
        ..Attribute::default()
    }
}

pub(crate) fn int(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: Some(value),
        kind: attribute_kind::INT,
        ..Attribute::default()
    }
}

pub(crate) fn float(name: &str, value: f32) -> Attribute {
    Attribute {
        name: name.to_owned(),
        f: Some(value),
        kind: attribute_kind::FLOAT,
        ..Attribute::default()
    }
}

pub(crate) fn text(name: &str, value: &'static str) -> Attribute {
    Attribute {
        name: name.to_owned(),
        s: Some(value.as_bytes().into()),
        kind: attribute_kind::STRING,
        ..Attribute::default()
    }
}

/// Numbers 0, 1, 2 and so on, a tenth of them.
pub(crate) fn floats(name: &str, dims: &[i64]) -> Tensor {
    let count = u8::try_from(dims.iter().product::<i64>()).unwrap();
    Tensor {
        dims: dims.to_vec(),
        data_type: 1,
        float_data: (0..count).map(|value| f32::from(value) / 10.0).collect(),
        name: name.to_owned(),
        ..Tensor::default()
    }
}

pub(crate) fn list(name: &str, values: &[i64]) -> Tensor {
    Tensor {
        dims: vec![i64::try_from(values.len()).unwrap()],
        data_type: 7,
        int64_data: values.to_vec(),
        name: name.to_owned(),
        ..Tensor::default()
    }
}
