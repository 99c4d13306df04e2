//! One convolution in f32.

use crate::network::Conv;
use ndarray::{Array4, ArrayView1, ArrayView4};
use rayon::prelude::*;

/// A convolution with its weights packed so that the output channels of one product stand side by side.
pub(super) struct Kernel<'a> {
    conv: Conv,
    /// Input channels of a group.
    inputs: usize,
    /// Axes group, tap, input channel of the group, output channel of the group.
    packed: Vec<f32>,
    bias: Option<ArrayView1<'a, f32>>,
}

impl<'a> Kernel<'a> {
    /// Packs OHWI weights.
    pub(super) fn new(
        conv: Conv,
        weight: &ArrayView4<'_, f32>,
        bias: Option<ArrayView1<'a, f32>>,
    ) -> Self {
        let (outputs, height, width, inputs) = weight.dim();
        let per_group = outputs / conv.groups;
        let mut packed = Vec::with_capacity(weight.len());
        for group in 0..conv.groups {
            for ky in 0..height {
                for kx in 0..width {
                    for input in 0..inputs {
                        let column = (0..per_group)
                            .map(|output| weight[(group * per_group + output, ky, kx, input)]);
                        packed.extend(column);
                    }
                }
            }
        }
        Self {
            conv,
            inputs,
            packed,
            bias,
        }
    }

    /// Bias first, then the taps in row order, in each the input channels in order.
    pub(super) fn run(&self, x: &Array4<f32>, height: usize, width: usize) -> Array4<f32> {
        let images = x.dim().0;
        let channels = self.conv.out_channels;
        let x = x.as_standard_layout();
        let pixels = x.as_slice().expect("standard layout");
        let (_, in_height, in_width, in_channels) = x.dim();
        let source = Source {
            pixels,
            height: in_height,
            width: in_width,
            channels: in_channels,
        };
        let mut output = vec![0.0; images * height * width * channels];
        output
            .par_chunks_mut(width * channels)
            .enumerate()
            .for_each(|(row, values)| {
                for (column, sums) in values.chunks_mut(channels).enumerate() {
                    self.pixel(&source, [row / height, row % height, column], sums);
                }
            });
        Array4::from_shape_vec((images, height, width, channels), output)
            .expect("as many values as asked for")
    }

    fn pixel(&self, source: &Source<'_>, [image, y, x]: [usize; 3], sums: &mut [f32]) {
        if let Some(bias) = &self.bias {
            for (sum, &value) in sums.iter_mut().zip(bias) {
                *sum = value;
            }
        }
        let conv = &self.conv;
        let per_group = conv.out_channels / conv.groups;
        let tap = self.inputs * per_group;
        let taps = conv.kernel * conv.kernel;
        for ky in 0..conv.kernel {
            for kx in 0..conv.kernel {
                let place = (
                    (y * conv.stride + ky * conv.dilation).checked_sub(conv.padding),
                    (x * conv.stride + kx * conv.dilation).checked_sub(conv.padding),
                );
                let (Some(in_y), Some(in_x)) = place else {
                    continue;
                };
                let Some(pixel) = source.pixel(image, in_y, in_x) else {
                    continue;
                };
                let number = ky * conv.kernel + kx;
                for group in 0..conv.groups {
                    let start = (group * taps + number) * tap;
                    let inputs = &pixel[group * self.inputs..][..self.inputs];
                    let weights = self.packed[start..][..tap].chunks_exact(per_group);
                    let sums = &mut sums[group * per_group..][..per_group];
                    for (&value, weights) in inputs.iter().zip(weights) {
                        for (sum, &weight) in sums.iter_mut().zip(weights) {
                            *sum += value * weight;
                        }
                    }
                }
            }
        }
    }
}

/// The input map as a flat list.
struct Source<'a> {
    pixels: &'a [f32],
    height: usize,
    width: usize,
    channels: usize,
}

impl Source<'_> {
    /// The channels of one pixel; none outside the map.
    fn pixel(&self, image: usize, y: usize, x: usize) -> Option<&[f32]> {
        if y >= self.height || x >= self.width {
            return None;
        }
        let start = ((image * self.height + y) * self.width + x) * self.channels;
        Some(&self.pixels[start..][..self.channels])
    }
}
