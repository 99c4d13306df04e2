//! The arithmetic of folding, in f64: batch norm into a kernel, small kernels into large ones, sums of branches.
//!
//! Kernels are OHWI: output channel, row, column, input channel of the group. All sums run in the order of
//! their arguments.

use ndarray::{Array1, Array4, ArrayView1, s};

/// A convolution's parameters in f64.
#[derive(Debug, Clone, PartialEq)]
pub struct Affine {
    /// OHWI.
    pub weight: Array4<f64>,
    /// One per output channel.
    pub bias: Array1<f64>,
}

/// Running statistics and learnt scale of a batch norm; one value per channel.
#[derive(Debug, Clone, Copy)]
pub struct Norm<'a> {
    /// Scale after normalising.
    pub gamma: ArrayView1<'a, f32>,
    /// Shift after normalising.
    pub beta: ArrayView1<'a, f32>,
    /// Running mean.
    pub mean: ArrayView1<'a, f32>,
    /// Running variance, without eps.
    pub var: ArrayView1<'a, f32>,
    /// Added to the variance.
    pub eps: f64,
}

/// The convolution that does what `conv` and then `norm` do.
///
/// With `t = gamma / sqrt(var + eps)` of an output channel, its weights become `t·w` and its bias
/// `beta + t·(b - mean)`.
///
/// # Panics
/// When the batch norm has another number of channels than the convolution has outputs.
#[must_use]
pub fn fold_batch_norm(mut conv: Affine, norm: Norm<'_>) -> Affine {
    assert_eq!(
        norm.gamma.len(),
        conv.bias.len(),
        "one factor per output channel"
    );
    for (channel, mut weight) in conv.weight.outer_iter_mut().enumerate() {
        let factor =
            f64::from(norm.gamma[channel]) / (f64::from(norm.var[channel]) + norm.eps).sqrt();
        weight *= factor;
        let shifted = conv.bias[channel] - f64::from(norm.mean[channel]);
        conv.bias[channel] = f64::from(norm.beta[channel]) + factor * shifted;
    }
    conv
}

/// A small odd kernel in the centre of a `kernel` x `kernel` one, zero around it: a 1x1 becomes the centre tap.
///
/// The large convolution pads more by half the difference of the sides (times the dilation).
///
/// # Panics
/// When the small kernel is the larger one, or the sides differ by an odd number.
#[must_use]
pub fn embed_pointwise(weight: &Array4<f64>, kernel: usize) -> Array4<f64> {
    let (outputs, side, _, inputs) = weight.dim();
    assert!(
        side <= kernel,
        "a {side}x{side} kernel does not fit in {kernel}x{kernel}"
    );
    assert!(
        (kernel - side).is_multiple_of(2),
        "the small kernel has a place in the centre"
    );
    let first = (kernel - side) / 2;
    let mut large = Array4::zeros((outputs, kernel, kernel, inputs));
    large
        .slice_mut(s![.., first..first + side, first..first + side, ..])
        .assign(weight);
    large
}

/// The kernel that copies its input: output channel `i` reads its own input channel, which is number
/// `i mod (channels / groups)` of its group, at the centre tap.
///
/// # Panics
/// When `groups` does not divide `channels` or `kernel` is even.
#[must_use]
pub fn identity_kernel(channels: usize, groups: usize, kernel: usize) -> Array4<f64> {
    assert!(
        channels.is_multiple_of(groups),
        "groups divide the channels"
    );
    assert!(!kernel.is_multiple_of(2), "an odd kernel has a centre tap");
    let inputs = channels / groups;
    let mut weight = Array4::zeros((channels, kernel, kernel, inputs));
    for channel in 0..channels {
        weight[[channel, kernel / 2, kernel / 2, channel % inputs]] = 1.0;
    }
    weight
}

/// The convolution whose output is the sum of all branches' outputs, added in the order given.
///
/// # Panics
/// When there is no branch or two kernels differ in shape.
#[must_use]
pub fn sum_branches(branches: &[Affine]) -> Affine {
    let (first, rest) = branches.split_first().expect("a block has a branch");
    let mut sum = first.clone();
    for branch in rest {
        assert_eq!(
            sum.weight.dim(),
            branch.weight.dim(),
            "branches have one kernel shape"
        );
        sum.weight += &branch.weight;
        sum.bias += &branch.bias;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{arr1, array};

    #[test]
    fn the_identity_tap_sits_at_the_channels_place_in_its_group() {
        let kernel = identity_kernel(6, 2, 3);
        assert_eq!(kernel.dim(), (6, 3, 3, 3));
        for channel in 0..6 {
            for input in 0..3 {
                let want = if input == channel % 3 { 1.0 } else { 0.0 };
                assert!((kernel[[channel, 1, 1, input]] - want).abs() < f64::EPSILON);
            }
        }
        assert!((kernel.sum() - 6.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_small_kernel_lands_in_the_centre() {
        let weight = array![[[[2.0, 3.0]]]];
        let large = embed_pointwise(&weight, 5);
        assert_eq!(large.dim(), (1, 5, 5, 2));
        assert_eq!(large.slice(s![0, 2, 2, ..]), arr1(&[2.0, 3.0]));
        assert!((large.sum() - 5.0).abs() < f64::EPSILON);
    }

    #[test]
    fn batch_norm_scales_the_weight_and_moves_the_bias() {
        let conv = Affine {
            weight: array![[[[3.0]]]],
            bias: arr1(&[1.0]),
        };
        let (gamma, beta) = (arr1(&[2.0]), arr1(&[0.5]));
        let (mean, var) = (arr1(&[5.0]), arr1(&[15.0]));
        let folded = fold_batch_norm(
            conv,
            Norm {
                gamma: gamma.view(),
                beta: beta.view(),
                mean: mean.view(),
                var: var.view(),
                eps: 1.0,
            },
        );
        // t = 2 / sqrt(16) = 0.5
        assert_eq!(folded.weight, array![[[[1.5]]]]);
        assert_eq!(folded.bias, arr1(&[0.5 + 0.5 * (1.0 - 5.0)]));
    }
}
