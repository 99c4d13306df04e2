//! Convolution in floats, with a fixed order of every sum.
//!
//! Output channels go through the adders side by side, eight at a time, so the order of the products of one
//! output never depends on the width of a vector register or on the number of threads.

use crate::network::Conv;
use ndarray::{Array4, ArrayView1, ArrayView3, ArrayView4, s};
use rayon::prelude::*;

/// Output channels summed side by side.
const WIDTH: usize = 8;
/// Output pixels summed side by side.
const PIXELS: usize = 4;

/// A convolution with its parameters.
pub(super) struct Kernel<'a> {
    conv: Conv,
    /// OHWI, the input channels of one group.
    weight: ArrayView4<'a, f32>,
    bias: Option<ArrayView1<'a, f32>>,
}

impl<'a> Kernel<'a> {
    /// OHWI weights and one bias for each output channel.
    pub(super) fn new(
        conv: Conv,
        weight: ArrayView4<'a, f32>,
        bias: Option<ArrayView1<'a, f32>>,
    ) -> Self {
        Self { conv, weight, bias }
    }

    /// The maps of a batch, `height` x `width` pixels each. A sum starts from the bias and takes the taps in row
    /// order, in each the input channels in order; padding is zero.
    ///
    /// # Panics
    /// When the shapes do not belong together.
    pub(super) fn run(&self, x: &Array4<f32>, height: usize, width: usize) -> Array4<f32> {
        let (images, _, _, channels) = x.dim();
        let conv = &self.conv;
        let layout = Layout {
            conv: *conv,
            height,
            width,
            padded_width: x.dim().2 + 2 * conv.padding,
            channels,
            inputs: channels / conv.groups,
            outputs: conv.out_channels / conv.groups,
        };
        let kernel = (conv.out_channels, conv.kernel, conv.kernel, layout.inputs);
        assert_eq!(self.weight.dim(), kernel, "the kernel belongs to the map");
        let blocks: Vec<Block> = (0..conv.groups * layout.blocks())
            .map(|index| self.block(&layout, index))
            .collect();
        let mut result = Array4::zeros((images, height, width, conv.out_channels));
        for (image, mut target) in x.outer_iter().zip(result.outer_iter_mut()) {
            let padded = pad(&image, conv.padding);
            let sums: Vec<Vec<[f32; WIDTH]>> = blocks
                .par_iter()
                .map(|block| layout.sums(&padded, block))
                .collect();
            target
                .as_slice_mut()
                .expect("one image of a new array lies in one piece")
                .par_chunks_mut(conv.out_channels)
                .enumerate()
                .for_each(|(pixel, channels)| layout.gather(&sums, pixel, channels));
        }
        result
    }

    /// The weights of block `index`; zero in lanes without a channel.
    fn block(&self, layout: &Layout, index: usize) -> Block {
        let (group, block) = (index / layout.blocks(), index % layout.blocks());
        let taps = self.conv.kernel * self.conv.kernel;
        let mut weights = vec![[0.0; WIDTH]; taps * layout.inputs];
        let mut bias = [0.0; WIDTH];
        let lanes = WIDTH.min(layout.outputs - block * WIDTH);
        for (lane, bias) in bias.iter_mut().enumerate().take(lanes) {
            let channel = group * layout.outputs + block * WIDTH + lane;
            let filter = self.weight.slice(s![channel, .., .., ..]);
            for (to, from) in weights.iter_mut().zip(filter) {
                to[lane] = *from;
            }
            *bias = self.bias.map_or(0.0, |biases| biases[channel]);
        }
        Block {
            first_input: group * layout.inputs,
            bias,
            weights,
        }
    }
}

/// Up to [`WIDTH`] output channels of one group.
struct Block {
    /// First input channel of the group.
    first_input: usize,
    bias: [f32; WIDTH],
    /// Axes tap, input channel of the group, lane.
    weights: Vec<[f32; WIDTH]>,
}

/// Sizes of a convolution.
struct Layout {
    conv: Conv,
    /// Output rows.
    height: usize,
    /// Output columns.
    width: usize,
    /// Columns of the padded input.
    padded_width: usize,
    /// Channels of the input.
    channels: usize,
    /// Input channels of a group.
    inputs: usize,
    /// Output channels of a group.
    outputs: usize,
}

impl Layout {
    /// Blocks of a group; the last may be part-filled.
    fn blocks(&self) -> usize {
        self.outputs.div_ceil(WIDTH)
    }

    /// One block at every output pixel.
    fn sums(&self, padded: &[f32], block: &Block) -> Vec<[f32; WIDTH]> {
        let pixels = self.height * self.width;
        let mut sums = Vec::with_capacity(pixels.next_multiple_of(PIXELS));
        for first in (0..pixels).step_by(PIXELS) {
            // The last patch computes the last pixel again where there are no more.
            let starts: [usize; PIXELS] = std::array::from_fn(|i| {
                self.start((first + i).min(pixels - 1)) + block.first_input
            });
            sums.extend(self.patch(padded, block, &starts));
        }
        sums.truncate(pixels);
        sums
    }

    /// Where the window of an output pixel starts in the padded input.
    fn start(&self, pixel: usize) -> usize {
        let (y, x) = (pixel / self.width, pixel % self.width);
        (y * self.padded_width + x) * self.conv.stride * self.channels
    }

    /// The sums of [`PIXELS`] output pixels.
    fn patch(
        &self,
        padded: &[f32],
        block: &Block,
        starts: &[usize; PIXELS],
    ) -> [[f32; WIDTH]; PIXELS] {
        let mut sums = [block.bias; PIXELS];
        let mut weights = block.weights.chunks_exact(self.inputs);
        for ky in 0..self.conv.kernel {
            for kx in 0..self.conv.kernel {
                let offset = (ky * self.padded_width + kx) * self.conv.dilation * self.channels;
                let inputs: [&[f32]; PIXELS] =
                    std::array::from_fn(|i| &padded[starts[i] + offset..][..self.inputs]);
                let tap = weights.next().expect("one chunk a tap");
                for (c, weight) in tap.iter().enumerate() {
                    for (sum, input) in sums.iter_mut().zip(&inputs) {
                        let x = input[c];
                        for (s, w) in sum.iter_mut().zip(weight) {
                            *s += x * w;
                        }
                    }
                }
            }
        }
        sums
    }

    /// Collects the channels of one output pixel from the blocks.
    fn gather(&self, sums: &[Vec<[f32; WIDTH]>], pixel: usize, channels: &mut [f32]) {
        for (channel, value) in channels.iter_mut().enumerate() {
            let (group, inner) = (channel / self.outputs, channel % self.outputs);
            let block = group * self.blocks() + inner / WIDTH;
            *value = sums[block][pixel][inner % WIDTH];
        }
    }
}

/// One image with `padding` pixels of zero on each side, as one slice in row, column, channel order.
fn pad(image: &ArrayView3<'_, f32>, padding: usize) -> Vec<f32> {
    let (height, width, channels) = image.dim();
    let padded_width = width + 2 * padding;
    let mut padded = vec![0.0; (height + 2 * padding) * padded_width * channels];
    for (y, row) in image.outer_iter().enumerate() {
        let start = ((y + padding) * padded_width + padding) * channels;
        for (to, from) in padded[start..].iter_mut().zip(row) {
            *to = *from;
        }
    }
    padded
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "small whole numbers are exact in f32"
)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same sum by its definition, on whole numbers so that it is exact.
    fn by_definition(
        input: &Array4<f32>,
        conv: &Conv,
        weight: &Array4<f32>,
        side: usize,
    ) -> Array4<f32> {
        let (images, height, width, channels) = input.dim();
        let group_in = channels / conv.groups;
        let shape = (images, side, side, conv.out_channels);
        Array4::from_shape_fn(shape, |(n, y, x, o)| {
            let group = o / (conv.out_channels / conv.groups);
            let mut sum = 0.0;
            for ((ky, kx), c) in (0..conv.kernel)
                .flat_map(|ky| (0..conv.kernel).map(move |kx| (ky, kx)))
                .flat_map(|tap| (0..group_in).map(move |c| (tap, c)))
            {
                let row = (y * conv.stride + ky * conv.dilation).checked_sub(conv.padding);
                let column = (x * conv.stride + kx * conv.dilation).checked_sub(conv.padding);
                if let (Some(row), Some(column)) = (row, column)
                    && row < height
                    && column < width
                {
                    sum += input[[n, row, column, group * group_in + c]] * weight[[o, ky, kx, c]];
                }
            }
            sum
        })
    }

    fn whole(seed: usize) -> f32 {
        (seed * 7919 % 11) as f32 - 5.0
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn equals_the_definition(
            side in 3usize..8, kernel in 1usize..4, stride in 1usize..3, padding in 0usize..3,
            dilation in 1usize..3, groups in 1usize..4, group_in in 1usize..4, group_out in 1usize..11, images in 1usize..3,
        ) {
            let reach = dilation * (kernel - 1) + 1;
            prop_assume!(side + 2 * padding >= reach);
            let out = (side + 2 * padding - reach) / stride + 1;
            let conv = Conv { out_channels: groups * group_out, kernel, stride, padding, dilation, groups };
            let input = Array4::from_shape_fn((images, side, side, groups * group_in), |(n, y, x, c)| {
                whole(n * 31 + y * 17 + x * 5 + c)
            });
            let weight = Array4::from_shape_fn((conv.out_channels, kernel, kernel, group_in), |(o, y, x, c)| {
                whole(o * 13 + y * 29 + x * 3 + c * 7 + 1)
            });
            let found = Kernel::new(conv, weight.view(), None).run(&input, out, out);
            prop_assert_eq!(found, by_definition(&input, &conv, &weight, out));
        }
    }

    #[test]
    fn the_order_of_a_sum_is_fixed() {
        // 2^24 + 1 rounds to 2^24, and so does the bias: only the order gives 2.
        let input =
            Array4::from_shape_vec((1, 1, 1, 4), vec![16_777_216.0, 1.0, -16_777_216.0, 2.0])
                .unwrap();
        let conv = Conv {
            out_channels: 1,
            kernel: 1,
            stride: 1,
            padding: 0,
            dilation: 1,
            groups: 1,
        };
        let weight = Array4::ones((1, 1, 1, 4));
        let bias = ndarray::Array1::from(vec![0.5]);
        let sum = Kernel::new(conv, weight.view(), Some(bias.view())).run(&input, 1, 1);
        assert_eq!(sum[[0, 0, 0, 0]], 2.0);
    }
}
