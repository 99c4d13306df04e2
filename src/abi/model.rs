//! A frozen network on the array of a chip, layer by layer: what `libgolden` computes, without a pointer.

use ndarray::Array4;
use repchip::chip::{Array, Chip};
use repchip::cli::problem::render;
use repchip::execute::naive;
use repchip::problem::Problems;
use repchip::quantise::{QuantNetwork, freeze};
use repchip::reparam::{Layer, LayerId, TensorId};
use repchip::tensor::{Activations, FeatureMap, IntType};
use std::ffi::CString;
use std::path::Path;

/// A network on an array; of each layer the operands put so far and their output, once it was computed.
pub(crate) struct Model {
    network: QuantNetwork,
    array: Array,
    names: Vec<CString>,
    operands: Vec<Vec<Activations>>,
    outputs: Vec<Option<Activations>>,
}

impl Model {
    /// Reads a frozen network and a chip's file.
    pub(crate) fn open(network: &Path, chip: &Path) -> Result<Self, String> {
        let network =
            freeze::read(network).map_err(|error| render(&Problems::from(error), false))?;
        let chip = Chip::read(chip).map_err(|problems| render(&problems, false))?;
        let layers = &network.graph.layers;
        let zeros = |tensor: &TensorId| {
            let map = network.graph.shape(*tensor);
            Array4::zeros((1, map.height, map.width, map.channels))
        };
        let operands = |layer: &Layer| layer.inputs.iter().map(zeros).collect();
        Ok(Self {
            names: layers.iter().map(|layer| c_text(&layer.name)).collect(),
            operands: layers.iter().map(operands).collect(),
            outputs: vec![None; layers.len()],
            network,
            array: chip.array,
        })
    }

    /// The layers' names in order.
    pub(crate) fn names(&self) -> &[CString] {
        &self.names
    }

    /// The name of a layer.
    pub(crate) fn name(&self, layer: i32) -> Result<&CString, String> {
        Ok(&self.names[self.layer(layer)?.0])
    }

    /// The layer of that name.
    pub(crate) fn find(&self, name: &str) -> Result<usize, String> {
        let mut names = self.names.iter();
        let found = names.position(|other| other.to_bytes() == name.as_bytes());
        found.ok_or_else(|| format!("there is no layer `{name}`"))
    }

    /// The tensors that a layer reads, in order.
    pub(crate) fn inputs(&self, layer: i32) -> Result<&[TensorId], String> {
        let id = self.layer(layer)?;
        Ok(&self.network.graph.layers[id.0].inputs)
    }

    /// The tensor that an operand of a layer is.
    pub(crate) fn input(&self, layer: i32, operand: i32) -> Result<TensorId, String> {
        let inputs = self.inputs(layer)?;
        let input = usize::try_from(operand).ok().and_then(|n| inputs.get(n));
        let count = inputs.len();
        (input.copied())
            .ok_or_else(|| format!("layer {layer} has no operand {operand}: it has {count}"))
    }

    /// Shape and range of a tensor.
    pub(crate) fn about(&self, tensor: TensorId) -> (FeatureMap, IntType) {
        (
            self.network.graph.shape(tensor),
            self.network.numerics.activations[tensor.0],
        )
    }

    /// A layer's output, or the network's input for `-1`.
    pub(crate) fn tensor(&self, layer: i32) -> Result<TensorId, String> {
        match layer {
            -1 => Ok(TensorId(0)),
            _ => self.layer(layer).map(LayerId::output),
        }
    }

    /// The values of an operand of a layer, to be changed: the output is forgotten.
    pub(crate) fn operand(&mut self, layer: i32, operand: i32) -> Result<&mut [i32], String> {
        self.input(layer, operand)?;
        let id = self.layer(layer)?;
        self.outputs[id.0] = None;
        let place = usize::try_from(operand).map_err(|error| error.to_string())?;
        let values = self.operands[id.0][place].as_slice_mut();
        values.ok_or_else(|| "the operand is not in one piece".to_owned())
    }

    /// Computes a layer from its operands.
    pub(crate) fn compute(&mut self, layer: i32) -> Result<(), String> {
        let id = self.layer(layer)?;
        self.outputs[id.0] = None;
        let operands: Vec<&Activations> = self.operands[id.0].iter().collect();
        let output = naive::layer(&self.network, &self.array, id, &operands);
        self.outputs[id.0] = Some(output.map_err(|error| error.to_string())?);
        Ok(())
    }

    /// The output of a layer that was computed.
    pub(crate) fn output(&self, layer: i32) -> Result<&[i32], String> {
        let id = self.layer(layer)?;
        let output = self.outputs[id.0].as_ref();
        let values = output.and_then(|output| output.as_slice());
        values.ok_or_else(|| format!("layer {layer} was not computed from its operands"))
    }

    fn layer(&self, layer: i32) -> Result<LayerId, String> {
        let count = self.names.len();
        match usize::try_from(layer) {
            Ok(index) if index < count => Ok(LayerId(index)),
            _ => Err(format!(
                "there is no layer {layer}: there are {count}, the first is 0"
            )),
        }
    }
}

/// A text for C; it ends at its first zero byte.
pub(crate) fn c_text(text: &str) -> CString {
    let bytes: Vec<u8> = text.bytes().take_while(|byte| *byte != 0).collect();
    CString::new(bytes).unwrap_or_default()
}

/// A count for C.
pub(crate) fn number(count: usize) -> Result<i32, String> {
    i32::try_from(count).map_err(|error| error.to_string())
}

/// The place of value `index` among `count`.
pub(crate) fn place(index: u64, count: usize) -> Result<usize, String> {
    let place = usize::try_from(index).ok().filter(|index| *index < count);
    place.ok_or_else(|| format!("there is no value {index}: there are {count}, the first is 0"))
}
