//! Operators that only change how a map's axes are written: what flattens a map, and what does nothing.

use super::reader::Reader;
use super::value::{Axes, Map, Open, Operator, Value};
use crate::network::import::onnx::{OnnxNode, OnnxTensor};
use crate::tensor::FeatureMap;

impl<'g> Reader<'g> {
    /// What does nothing in inference.
    pub(super) fn pass(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.op == "Dropout" && node.input(2).is_some() {
            return Err("it is told whether it trains".to_owned());
        }
        match self.value(node, 0)? {
            Value::Map(map) => Ok(Value::Map(*map)),
            Value::Open(open) => Ok(Value::Open(open.clone())),
            Value::Image => Ok(Value::Image),
            Value::Constant(_) => Err("it reads a constant".to_owned()),
            Value::Refused => unreachable!("a reader of a refused value is not looked at"),
        }
    }

    /// `Flatten`, `Reshape` and `Squeeze` to axes image and all else.
    pub(super) fn flatten(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        match self.value(node, 0)?.clone() {
            Value::Map(map) => Ok(Value::Map(self.flattened(node, map)?)),
            Value::Open(Open {
                operator: Operator::GlobalAvgPool(map, before),
                relu,
            }) => {
                let mean = FeatureMap::new(1, 1, self.shape(map.tensor).channels);
                let axes = self.axes_after(node, mean, before)?;
                let operator = Operator::GlobalAvgPool(map, axes);
                Ok(Value::Open(Open { operator, relu }))
            }
            Value::Image | Value::Open(_) | Value::Constant(_) => {
                Err("it changes the axes of what no QuantizeLinear has rounded".to_owned())
            }
            Value::Refused => unreachable!("a reader of a refused value is not looked at"),
        }
    }

    fn flattened(&self, node: &OnnxNode, map: Map) -> Result<Map, String> {
        let axes = self.axes_after(node, self.shape(map.tensor), map.axes)?;
        Ok(Map { axes, ..map })
    }

    /// How the map is written behind the node; an error where that is neither as before nor flat.
    fn axes_after(&self, node: &OnnxNode, map: FeatureMap, before: Axes) -> Result<Axes, String> {
        match node.op.as_str() {
            "Flatten" => match node.attributes.int("axis", 1)? {
                1 | -3 => Ok(Axes::Flat),
                axis => Err(format!("it flattens from axis {axis} on, not from 1")),
            },
            "Squeeze" => {
                let axes = self.numbers(node, 1, "axes")?;
                let both = axes.iter().all(|axis| [2, 3, -1, -2].contains(axis)) && axes.len() == 2;
                if both && map.pixels() == 1 && before == Axes::Rows {
                    return Ok(Axes::Flat);
                }
                Err(format!("it takes axes {axes:?} out of a map of {map}"))
            }
            _ => {
                let target = self.numbers(node, 1, "shape")?;
                let long = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
                let all = long(map.pixels() * map.channels);
                let same = [map.channels, map.height, map.width].map(long);
                match *target.as_slice() {
                    [_, rest] if rest == all || rest == -1 => Ok(Axes::Flat),
                    [_, ref rest @ ..] if *rest == same && before == Axes::Rows => Ok(Axes::Rows),
                    _ => Err(format!("it writes a map of {map} as {target:?}")),
                }
            }
        }
    }

    /// The whole numbers of input `place`, or in older versions of the attribute `name`.
    fn numbers(&self, node: &OnnxNode, place: usize, name: &str) -> Result<Vec<i64>, String> {
        let stated = match node.input(place) {
            Some(input) => self.graph.tensor(input).and_then(OnnxTensor::integers),
            None => node.attributes.ints(name)?.map(<[i64]>::to_vec),
        };
        stated.ok_or_else(|| format!("its `{name}` is no constant list"))
    }
}
