//! What is known of a value of the graph while its nodes are read.

use super::constant::{Constant, Filters};
use crate::network::{Conv, Pool};
use crate::quantise::TensorQuant;
use crate::reparam::TensorId;

/// A value of the graph.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// The network's input as real numbers.
    Image,
    /// A tensor of the network.
    Map(Map),
    /// A constant behind `DequantizeLinear`.
    Constant(Constant),
    /// What a float operator gives, before `QuantizeLinear` rounds it.
    Open(Open),
    /// Made by a node that was refused; its readers are not blamed.
    Refused,
}

/// A tensor of the network, as integers or seen through `DequantizeLinear`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Map {
    pub(super) tensor: TensorId,
    pub(super) quant: TensorQuant,
    pub(super) seen: Seen,
    pub(super) axes: Axes,
}

/// How the file writes a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axes {
    /// Image, channel, row, column.
    Rows,
    /// Image, then all else, channel first.
    Flat,
}

/// As what a map is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// As its integers.
    Integers,
    /// As the real numbers that they stand for.
    Reals,
}

/// A float operator that no `QuantizeLinear` has rounded yet.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) operator: Operator,
    /// Whether a ReLU follows.
    pub(super) relu: bool,
}

/// An operator with what it reads.
#[derive(Debug, Clone)]
pub(super) enum Operator {
    /// A convolution.
    Conv {
        input: Map,
        filters: Filters,
        bias: Option<Bias>,
        conv: Conv,
    },
    /// A matrix product over the flattened map.
    FullyConnected {
        input: Map,
        filters: Filters,
        bias: Option<Bias>,
    },
    /// A sum of two maps.
    Add([Map; 2]),
    /// A maximum over a window.
    MaxPool(Map, Pool),
    /// A mean over a window.
    AvgPool(Map, Pool),
    /// A mean over all pixels, and how it is written.
    GlobalAvgPool(Map, Axes),
    /// The map itself: a ReLU or a change of scale alone.
    Same(Map),
}

/// Biases in steps of the accumulator.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bias {
    pub(super) values: Vec<i64>,
    /// Steps that the file states for them, which must be those of the accumulator; a `QLinearConv` states none.
    pub(super) steps: Option<Vec<f32>>,
}
