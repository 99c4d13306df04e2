//! A network's integers by themselves: whole maps on the fast kernels, without a chip, a schedule or a step order.
//!
//! Accumulators have 64 bits, which no sum of operands of up to 16 bits leaves, so the result is that of every chip
//! whose accumulators a range proof holds for. It is what a comparison of many quantisations runs on.

use super::layer::{ConvLayer, images_are_pixels};
use super::view::{Area, View, flat_view};
use super::{ExecuteError, Kernel, check, fast, vector};
use crate::chip::{Array, Pe, PeKind, Pointwise};
use crate::fixed::{Accumulator, Overflow};
use crate::quantise::QuantNetwork;
use crate::reparam::LayerId;
use crate::tensor::{Activations, FeatureMap};
use ndarray::{Array4, ArrayView3, Axis};
use rayon::prelude::*;

/// Only its accumulator matters here: the order of additions changes no sum.
const ARRAY: Array = Array {
    pe: Pe {
        kind: PeKind::Direct,
        lanes: 1,
        accumulators: 1,
        accumulator: Accumulator {
            bits: 64,
            overflow: Overflow::Wrap,
        },
    },
    rows: 1,
    tile_h: 1,
    tile_w: 1,
    pointwise: Pointwise::Naive,
};

/// A network made ready: its weights are packed once for any number of images.
pub struct Plain<'a> {
    network: &'a QuantNetwork,
    /// By layer; `None` for layers without weights.
    convolutions: Vec<Option<ConvLayer<'a>>>,
}

impl<'a> Plain<'a> {
    /// Packs the weights of `network`.
    ///
    /// # Errors
    /// When its integers do not fit its graph; see [`ExecuteError`].
    pub fn new(network: &'a QuantNetwork) -> Result<Self, ExecuteError> {
        check::network(network)?;
        let convolution =
            |id| ConvLayer::new(network, ARRAY, 1, LayerId(id), Kernel::FastWhereProven);
        Ok(Self {
            network,
            convolutions: (0..network.graph.layers.len()).map(convolution).collect(),
        })
    }

    /// The network's output on `input`: image, row, column, channel.
    ///
    /// # Errors
    /// When the input does not fit the network.
    pub fn output(&self, input: &Activations) -> Result<Activations, ExecuteError> {
        let last = |mut tensors: Vec<Vec<i32>>| tensors.pop().expect("at least the input");
        let outputs = self.each_image(input, last)?;
        Ok(stack(
            &outputs,
            self.network.graph.shape(self.network.graph.output()),
        ))
    }

    /// Every tensor on `input`, by [`crate::reparam::TensorId`].
    ///
    /// # Errors
    /// When the input does not fit the network.
    pub fn tensors(&self, input: &Activations) -> Result<Vec<Activations>, ExecuteError> {
        let graph = &self.network.graph;
        let images = self.each_image(input, |tensors| tensors)?;
        let tensor = |index: usize| {
            let maps: Vec<&[i32]> = images.iter().map(|image| image[index].as_slice()).collect();
            stack(&maps, graph.shape(crate::reparam::TensorId(index)))
        };
        Ok((0..=graph.layers.len()).map(tensor).collect())
    }

    /// Runs the images side by side; `keep` takes what it wants of all tensors of one.
    fn each_image<T: Send>(
        &self,
        input: &Activations,
        keep: impl Fn(Vec<Vec<i32>>) -> T + Sync,
    ) -> Result<Vec<T>, ExecuteError> {
        check::input(self.network, input.dim().0, input)?;
        let images: Vec<ArrayView3<'_, i32>> = input.axis_iter(Axis(0)).collect();
        Ok((images.into_par_iter())
            .map(|image| keep(self.image(image.iter().copied().collect())))
            .collect())
    }

    /// All tensors of one image: row, column, channel.
    fn image(&self, input: Vec<i32>) -> Vec<Vec<i32>> {
        let graph = &self.network.graph;
        let mut tensors = vec![input];
        for (index, layer) in graph.layers.iter().enumerate() {
            let views: Vec<View<'_>> = (layer.inputs.iter())
                .map(|input| view(&tensors[input.0], graph.shape(*input)))
                .collect();
            let rows = 0..layer.output.height;
            let made = match &self.convolutions[index] {
                Some(convolution) => {
                    let area = Area {
                        image: 0,
                        rows,
                        channels: 0..layer.output.channels,
                    };
                    let flat = images_are_pixels(&layer.op)
                        .then(|| flat_view(&tensors[layer.inputs[0].0], 1));
                    let input = flat.as_ref().unwrap_or(&views[0]);
                    fast::area(convolution, area, input, views.get(1), false).values
                }
                None => {
                    let quant = &self.network.layers[index];
                    vector::rows(&layer.op, quant, &views, layer.output, &rows)
                }
            };
            tensors.push(made);
        }
        tensors
    }
}

fn view(map: &[i32], shape: FeatureMap) -> View<'_> {
    View {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        first: 0,
        rows: map.chunks_exact(shape.width * shape.channels).collect(),
    }
}

fn stack<T: AsRef<[i32]>>(images: &[T], shape: FeatureMap) -> Activations {
    let values = images
        .iter()
        .flat_map(|map| map.as_ref())
        .copied()
        .collect();
    let shape = (images.len(), shape.height, shape.width, shape.channels);
    Array4::from_shape_vec(shape, values).expect("a layer makes maps of its shape")
}
