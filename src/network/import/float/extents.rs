//! Shapes: flattening, and the small sums of axis lengths by which exporters tell a reshape the size of a batch.

use super::super::onnx::{OnnxNode, OnnxTensor};
use super::{Importer, Value, name};
use crate::network::{NodeId, NodeParams, Op};

/// Length of one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// As many as there are images.
    Images,
    /// This many.
    Of(i64),
}

impl<'g> Importer<'g> {
    pub(super) fn flatten(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let axis = node.attributes.int("axis", 1)?;
        match (self.value(node, 0)?, axis) {
            (Value::Map(id), 1 | -3) | (Value::Flat(id), 1 | -1) => Ok(Value::Flat(id)),
            (_, axis) => Err(format!("it flattens from axis {axis} on, only 1 is run")),
        }
    }

    /// A reshape that flattens, or that gives one pixel its axes back.
    pub(super) fn reshape(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let target = self.extents(node, 1)?;
        let (Value::Map(id) | Value::Flat(id)) = self.value(node, 0)? else {
            return Err("it reads the shape of a map".to_owned());
        };
        let map = self.builder.shape(id);
        let all = map.pixels() * map.channels;
        let is = |extent: &Extent, length: usize| match extent {
            Extent::Images => false,
            Extent::Of(-1) => true,
            Extent::Of(of) => usize::try_from(*of) == Ok(length),
        };
        match target.as_slice() {
            [_, rest] if is(rest, all) => Ok(Value::Flat(id)),
            [_, c, h, w] if is(c, map.channels) && is(h, map.height) && is(w, map.width) => {
                Ok(Value::Map(id))
            }
            target => Err(format!("it gives {map} the axes {}", written(target))),
        }
    }

    pub(super) fn squeeze(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let axes = self.axes(node)?;
        match self.value(node, 0)? {
            Value::Map(id) => {
                let map = self.builder.shape(id);
                let mut places: Vec<i64> = axes.clone().unwrap_or(vec![2, 3]);
                for axis in places.iter_mut().filter(|axis| **axis < 0) {
                    *axis += 4;
                }
                places.sort_unstable();
                if places == [2, 3] && map.pixels() == 1 {
                    return Ok(Value::Flat(id));
                }
                Err(format!(
                    "it takes axes {places:?} off {map}, only those of one pixel are"
                ))
            }
            Value::Extents(list) if list.len() == 1 => Ok(Value::Extents(list)),
            Value::Flat(_) | Value::Gate(..) | Value::Extents(_) | Value::Unknown => {
                Err("it takes an axis off a flattened map".to_owned())
            }
        }
    }

    pub(super) fn unsqueeze(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let axes = self.axes(node)?;
        match (self.value(node, 0)?, axes.as_deref()) {
            (Value::Extents(list), Some([0])) if list.len() == 1 => Ok(Value::Extents(list)),
            (Value::Flat(id), Some([2, 3] | [-2, -1] | [-1, -2])) if self.one_pixel(id) => {
                Ok(Value::Map(id))
            }
            (_, axes) => Err(format!(
                "it adds the axes {:?} to a map",
                axes.unwrap_or(&[])
            )),
        }
    }

    pub(super) fn shape(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let length = |side: usize| Extent::Of(i64::try_from(side).unwrap_or(i64::MAX));
        let list = match self.value(node, 0)? {
            Value::Map(id) => {
                let map = self.builder.shape(id);
                vec![
                    Extent::Images,
                    length(map.channels),
                    length(map.height),
                    length(map.width),
                ]
            }
            Value::Flat(id) => {
                let map = self.builder.shape(id);
                vec![Extent::Images, length(map.pixels() * map.channels)]
            }
            Value::Gate(..) | Value::Extents(_) | Value::Unknown => {
                return Err("it reads the shape of a map".to_owned());
            }
        };
        let count = i64::try_from(list.len()).unwrap_or(0);
        let place = |axis: i64| {
            let axis = if axis < 0 { axis + count } else { axis };
            usize::try_from(axis.clamp(0, count)).unwrap_or(0)
        };
        let start = place(node.attributes.int("start", 0)?);
        let end = place(node.attributes.int("end", count)?);
        let some = list.get(start..end).unwrap_or_default().to_vec();
        Ok(Value::Extents(some))
    }

    /// Some lengths of a list, by their places.
    pub(super) fn gather(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        let Value::Extents(list) = self.value(node, 0)? else {
            return Err("it takes channels or pixels out of a map".to_owned());
        };
        let places = self.integers(node, 1)?;
        let pick = |place: &i64| {
            let count = i64::try_from(list.len()).ok()?;
            let place = if *place < 0 { place + count } else { *place };
            list.get(usize::try_from(place).ok()?).copied()
        };
        let picked: Option<Vec<Extent>> = places.iter().map(pick).collect();
        picked
            .map(Value::Extents)
            .ok_or_else(|| format!("it takes lengths {places:?} of a list of {}", list.len()))
    }

    /// Lists of lengths one after the other, or the channels of maps.
    pub(super) fn concat(&mut self, node: &'g OnnxNode) -> Result<Value, String> {
        if let Ok(maps) = self.maps(node) {
            let axis = node.attributes.int("axis", 0)?;
            if axis != 1 && axis != -3 {
                return Err(format!(
                    "it joins maps along axis {axis}, only channels are joined"
                ));
            }
            let id = self.add(name::of_node(node), Op::Concat, &maps, NodeParams::None)?;
            return Ok(Value::Map(id));
        }
        let lists = (0..node.inputs.len()).map(|place| self.extents(node, place));
        let lists = lists.collect::<Result<Vec<_>, _>>();
        let lists = lists.map_err(|_| "it joins what are not all maps".to_owned())?;
        Ok(Value::Extents(lists.concat()))
    }

    fn maps(&self, node: &OnnxNode) -> Result<Vec<NodeId>, String> {
        (0..node.inputs.len())
            .map(|place| self.map(node, place))
            .collect()
    }

    /// Input `place` as lengths of axes, computed or constant.
    fn extents(&self, node: &OnnxNode, place: usize) -> Result<Vec<Extent>, String> {
        let name = node
            .input(place)
            .ok_or_else(|| format!("it has no input {place}"))?;
        if let Some(Value::Extents(list)) = self.values.get(name) {
            return Ok(list.clone());
        }
        Ok(self
            .integers(node, place)?
            .into_iter()
            .map(Extent::Of)
            .collect())
    }

    /// The whole numbers of constant input `place`.
    fn integers(&self, node: &OnnxNode, place: usize) -> Result<Vec<i64>, String> {
        let name = node.input(place).unwrap_or_default();
        let tensor = self.onnx.tensor(name).and_then(OnnxTensor::integers);
        tensor.ok_or_else(|| format!("its input `{name}` is no constant list of whole numbers"))
    }

    /// Axes as an attribute (up to version 12) or an input.
    fn axes(&self, node: &OnnxNode) -> Result<Option<Vec<i64>>, String> {
        match node.input(1) {
            Some(_) => self.integers(node, 1).map(Some),
            None => Ok(node.attributes.ints("axes")?.map(<[i64]>::to_vec)),
        }
    }

    fn one_pixel(&self, id: NodeId) -> bool {
        self.builder.shape(id).pixels() == 1
    }
}

fn written(extents: &[Extent]) -> String {
    let one = |extent: &Extent| match extent {
        Extent::Images => "images".to_owned(),
        Extent::Of(length) => length.to_string(),
    };
    let list: Vec<String> = extents.iter().map(one).collect();
    format!("[{}]", list.join(", "))
}
