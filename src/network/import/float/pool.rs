//! Pooling: over windows, and over a whole map in each of the ways exporters write it.

use super::super::onnx::OnnxNode;
use super::super::window;
use super::{Importer, Value, name};
use crate::network::{NodeId, NodeParams, Op, Pool};

impl<'g> Importer<'g> {
    pub(super) fn max_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if node.outputs.len() > 1 {
            return Err("its second output, places of the maxima, is not run".to_owned());
        }
        let from = self.map(node, 0)?;
        let pool = self.pool(node, from)?;
        self.pooled(node, Op::MaxPool(pool), from)
    }

    pub(super) fn average_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let from = self.map(node, 0)?;
        let map = self.builder.shape(from);
        let whole = [map.height, map.width].map(|side| i64::try_from(side).unwrap_or(i64::MAX));
        let unpadded = node
            .attributes
            .ints("pads")?
            .is_none_or(|pads| pads == [0; 4]);
        let sides = node.attributes.ints("kernel_shape")?;
        if sides == Some(&whole)
            && unpadded
            && node.attributes.text("auto_pad", "NOTSET")? == "NOTSET"
        {
            return self.pooled(node, Op::GlobalAvgPool, from);
        }
        let pool = self.pool(node, from)?;
        if pool.padding > 0 && node.attributes.int("count_include_pad", 0)? != 0 {
            return Err(format!(
                "its mean counts {} pixels of padding (`count_include_pad`), only means of pixels of the map are run",
                pool.padding
            ));
        }
        self.pooled(node, Op::AvgPool(pool), from)
    }

    pub(super) fn global_average_pool(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let from = self.map(node, 0)?;
        self.pooled(node, Op::GlobalAvgPool, from)
    }

    /// A mean over rows and columns; the axes are an attribute up to version 17, an input from 18 on.
    pub(super) fn reduce_mean(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let from = self.map(node, 0)?;
        let axes = match node.input(1) {
            Some(name) => {
                let tensor = self.onnx.tensor(name);
                let axes = tensor.and_then(super::super::onnx::OnnxTensor::integers);
                Some(axes.ok_or_else(|| format!("its axes `{name}` are no constant"))?)
            }
            None => node.attributes.ints("axes")?.map(<[i64]>::to_vec),
        };
        let mut places = axes.clone().unwrap_or_default();
        for axis in places.iter_mut().filter(|axis| **axis < 0) {
            *axis += 4;
        }
        places.sort_unstable();
        if places != [2, 3] {
            let axes = axes.map_or_else(|| "all".to_owned(), |axes| format!("{axes:?}"));
            return Err(format!(
                "its mean is over axes {axes}, only rows and columns are run"
            ));
        }
        let keep = node.attributes.int("keepdims", 1)? != 0;
        let name = name::of_node(node);
        let id = self.add(name, Op::GlobalAvgPool, &[from], NodeParams::None)?;
        Ok(if keep {
            Value::Map(id)
        } else {
            Value::Flat(id)
        })
    }

    fn pooled(&mut self, node: &OnnxNode, op: Op, from: NodeId) -> Result<Value, String> {
        let name = name::of_node(node);
        Ok(Value::Map(self.add(name, op, &[from], NodeParams::None)?))
    }

    fn pool(&self, node: &OnnxNode, from: NodeId) -> Result<Pool, String> {
        window::pool(node, self.builder.shape(from))
    }
}
