//! A folded network on a batch of images.

use super::conv::Kernel;
use super::map::{
    Reduce, adaptive, add, concat, global_mean, lookup, multiply, pool, relu, relu6, resize,
};
use crate::network::Conv;
use crate::reparam::{Activation, FoldedNetwork, Layer, LayerOp, LayerParams, TensorId};
use ndarray::Array4;

/// The output of `network` for `images` (image, row, column, channel); `observe` sees every tensor once, the
/// input first, in order.
///
/// A tensor is freed after its last reader. A convolution with two inputs adds the second before its activation.
///
/// # Panics
/// When images or parameters do not have the shapes the graph says.
pub fn forward(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    observe: &mut dyn FnMut(TensorId, &Array4<f32>),
) -> Array4<f32> {
    let layers = &network.graph.layers;
    let mut last_reader = vec![0; layers.len() + 1];
    for (place, layer) in layers.iter().enumerate() {
        for input in &layer.inputs {
            last_reader[input.0] = place;
        }
    }
    observe(TensorId::INPUT, images);
    let mut tensors: Vec<Option<Array4<f32>>> = vec![Some(images.clone())];
    for (place, layer) in layers.iter().enumerate() {
        let inputs: Vec<&Array4<f32>> = (layer.inputs.iter())
            .map(|input| tensors[input.0].as_ref().expect("it is still to be read"))
            .collect();
        let output = self::layer(layer, &network.params.layers[place], &inputs);
        observe(TensorId(place + 1), &output);
        for input in &layer.inputs {
            if last_reader[input.0] == place {
                tensors[input.0] = None;
            }
        }
        tensors.push(Some(output));
    }
    let output = tensors.pop().flatten();
    output.expect("the last tensor has no reader")
}

/// The output of one layer for the maps it reads.
///
/// # Panics
/// When the maps or the parameters do not have the shapes of the layer.
#[must_use]
pub fn layer(layer: &Layer, params: &LayerParams, inputs: &[&Array4<f32>]) -> Array4<f32> {
    let x = inputs[0];
    match layer.op {
        LayerOp::Conv { conv, activation } => {
            let sums = products(conv, params, x, layer);
            let sums = match inputs.get(1) {
                Some(shortcut) => add(sums, shortcut),
                None => sums,
            };
            activate(sums, activation)
        }
        LayerOp::FullyConnected {
            outputs,
            activation,
        } => {
            let images = x.dim().0;
            let flat = (images, 1, 1, x.len() / images);
            let flat = x.to_shape(flat).expect("as many elements").into_owned();
            let conv = Conv::square(outputs, 1);
            activate(products(conv, params, &flat, layer), activation)
        }
        LayerOp::Lookup(function) => lookup(x.clone(), function),
        LayerOp::Add { activation } => activate(add(x.clone(), inputs[1]), activation),
        LayerOp::Multiply { activation } => activate(multiply(x.clone(), inputs[1]), activation),
        LayerOp::Concat => concat(inputs),
        LayerOp::MaxPool(window) => pool(x, window, layer.output, Reduce::Max),
        LayerOp::AvgPool(window) => pool(x, window, layer.output, Reduce::Mean),
        LayerOp::GlobalAvgPool => global_mean(x),
        LayerOp::AdaptiveAvgPool { bins } => adaptive(x, bins),
        LayerOp::Resize(target) => resize(x, target),
    }
}

fn products(conv: Conv, params: &LayerParams, x: &Array4<f32>, layer: &Layer) -> Array4<f32> {
    let LayerParams::Conv { weight, bias } = params else {
        panic!("layer `{}` has no weights", layer.name)
    };
    let kernel = Kernel::new(conv, weight.view(), Some(bias.view()));
    kernel.run(x, layer.output.height, layer.output.width)
}

fn activate(map: Array4<f32>, activation: Activation) -> Array4<f32> {
    match activation {
        Activation::None => map,
        Activation::Relu => relu(map),
        Activation::Relu6 => relu6(map),
    }
}
