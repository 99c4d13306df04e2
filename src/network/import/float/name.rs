//! Names for nodes: where a file keeps the names of modules and parameters, blocks get them back.

use super::super::onnx::{OnnxGraph, OnnxNode};
use std::collections::BTreeSet;
use std::path::Path;

/// Names taken so far.
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// The input's name is taken.
    pub(super) fn new() -> Self {
        Self(BTreeSet::from(["input".to_owned()]))
    }

    /// The name, with a number behind it if it is taken.
    pub(super) fn unique(&mut self, name: String) -> String {
        let mut free = name.clone();
        let mut number = 2_usize;
        while !self.0.insert(free.clone()) {
            free = format!("{name}_{number}");
            number += 1;
        }
        free
    }
}

/// The network's name: that of the file, without its ending.
pub(super) fn network(onnx: &OnnxGraph) -> String {
    let stem = Path::new(&onnx.path).file_stem();
    stem.map_or_else(
        || onnx.name.clone(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// `stage1.0.rbr_reparam` of a node that reads the parameter `stage1.0.rbr_reparam.weight` as input `place`;
/// otherwise the node's own name.
pub(super) fn of_parameter(node: &OnnxNode, place: usize, ending: &str) -> String {
    let stem = node.input(place).and_then(|name| name.strip_suffix(ending));
    stem.filter(|stem| !stem.is_empty())
        .map_or_else(|| module(node, true), str::to_owned)
}

/// `stage1.0.Relu` of the node `/stage1/stage1.0/Relu`; a name without modules stays.
pub(super) fn of_node(node: &OnnxNode) -> String {
    module(node, false)
}

/// The module path in a node's name. Each part is a name in the module before it, which a list of modules repeats
/// in front (`stage1`, `stage1.0`). The last part is the operator's and is left out of the name of its parameters.
fn module(node: &OnnxNode, parameters: bool) -> String {
    let Some(path) = node.name.strip_prefix('/') else {
        return node.name.clone();
    };
    let mut parts: Vec<&str> = path.split('/').collect();
    if parameters && parts.len() > 1 {
        parts.pop();
    }
    let repeated = |place: usize| {
        let next = parts
            .get(place + 1)
            .and_then(|next| next.strip_prefix(parts[place]));
        next.is_some_and(|rest| rest.starts_with('.'))
    };
    let kept = (0..parts.len())
        .filter(|place| !repeated(*place))
        .map(|place| parts[place]);
    kept.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::super::super::onnx::Attributes;
    use super::*;

    fn node(name: &str, weight: &str) -> OnnxNode {
        OnnxNode {
            name: name.to_owned(),
            op: "Conv".to_owned(),
            domain: String::new(),
            inputs: vec![Some("x".to_owned()), Some(weight.to_owned())],
            outputs: Vec::new(),
            attributes: Attributes::default(),
        }
    }

    #[test]
    fn parameters_name_their_node_and_modules_do_where_they_are_renamed() {
        let path = "/stage1/stage1.0/rbr_dense/conv/Conv";
        let named = |name, weight| of_parameter(&node(name, weight), 1, ".weight");
        assert_eq!(
            named(path, "stages.0.0.reparam_conv.weight"),
            "stages.0.0.reparam_conv"
        );
        assert_eq!(named(path, "onnx::Conv_123"), "stage1.0.rbr_dense.conv");
        assert_eq!(named("node_conv2d_3", "c_4"), "node_conv2d_3");
        assert_eq!(
            of_node(&node("/stage1/stage1.0/Add_1", "")),
            "stage1.0.Add_1"
        );
        assert_eq!(of_node(&node("/Relu", "")), "Relu");
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut names = Names::new();
        let made = ["a", "a", "a_2", "input", "a"].map(|name| names.unique(name.to_owned()));
        assert_eq!(made, ["a", "a_2", "a_2_2", "input_2", "a_3"]);
    }
}
