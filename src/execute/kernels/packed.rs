//! Weights packed for the kernel, and the patches laid out beside them.

use super::dot::{ALIGN, Operand};
use crate::execute::view::View;
use crate::fixed::Span;
use crate::network::Conv;
use crate::quantise::QuantConv;
use std::ops::Range;

/// The smallest chunk of a sum in 32 bits that is worth its widening.
const SMALLEST_CHUNK: i64 = 32;

/// Rows of weights, one for each output channel, padded with zeros to `length`.
struct Rows<T> {
    weights: Vec<T>,
    /// Operands of a padded row.
    length: usize,
    /// Operands summed before widening.
    chunk: usize,
}

enum Form {
    Narrow(Rows<i16>),
    Wide(Rows<i32>),
}

/// The weights of a layer, packed once.
pub(crate) struct Packed {
    form: Form,
    group_outputs: usize,
    group_inputs: usize,
    zero_point: i32,
}

impl Packed {
    /// Packs the weights of `quant`; operands `x - z` stay within `span`.
    pub(crate) fn new(quant: &QuantConv, groups: usize, span: Span) -> Self {
        let (outputs, kernel, _, group_inputs) = quant.weight.dim();
        let taps = kernel * kernel * group_inputs;
        let largest = quant.weight.iter().map(|&w| i64::from(w).abs()).max();
        let product = span.magnitude() * largest.unwrap_or(0);
        let chunk = i64::from(i32::MAX) / product.max(1);
        let sixteen = |v: i64| i16::try_from(v).is_ok();
        let narrow = sixteen(span.lowest) && sixteen(span.highest) && chunk >= SMALLEST_CHUNK;
        let form = if narrow {
            let chunk = usize::try_from(chunk).expect("at least the smallest chunk");
            Form::Narrow(Rows::new(quant, taps, chunk / ALIGN * ALIGN))
        } else {
            Form::Wide(Rows::new(quant, taps, usize::MAX / 2))
        };
        Self {
            form,
            group_outputs: outputs / groups,
            group_inputs,
            zero_point: quant.input_zero_point,
        }
    }

    /// Operands of one patch, for the choice of how many to lay out at once.
    pub(crate) const fn patch_length(&self) -> usize {
        match &self.form {
            Form::Narrow(rows) => rows.length,
            Form::Wide(rows) => rows.length,
        }
    }

    /// Reads the rows of `view` once, as operands of the kernel.
    pub(crate) fn patches(&self, view: &View<'_>) -> Patches {
        let z = self.zero_point;
        Patches {
            first: view.first,
            height: view.height,
            width: view.width,
            channels: view.channels,
            rows: match &self.form {
                Form::Narrow(_) => Operands::Narrow(operands(view, z)),
                Form::Wide(_) => Operands::Wide(operands(view, z)),
            },
        }
    }

    /// The sums of output pixels `pixels` (row by row, `width` columns a row) and channels `channels`.
    ///
    /// `out[p · channels.len() + c]`; bias and shortcut are not in it.
    pub(crate) fn sums(
        &self,
        patches: &Patches,
        conv: &Conv,
        width: usize,
        pixels: Range<usize>,
        channels: Range<usize>,
        out: &mut [i64],
    ) {
        match (&self.form, &patches.rows) {
            (Form::Narrow(rows), Operands::Narrow(operands)) => {
                self.group_sums(rows, operands, patches, conv, width, pixels, channels, out);
            }
            (Form::Wide(rows), Operands::Wide(operands)) => {
                self.group_sums(rows, operands, patches, conv, width, pixels, channels, out);
            }
            (Form::Narrow(_), Operands::Wide(_)) | (Form::Wide(_), Operands::Narrow(_)) => {
                unreachable!("the patches were made by these weights")
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one loop nest with its bounds")]
    fn group_sums<T: Operand>(
        &self,
        rows: &Rows<T>,
        operands: &[Vec<T>],
        patches: &Patches,
        conv: &Conv,
        width: usize,
        pixels: Range<usize>,
        channels: Range<usize>,
        out: &mut [i64],
    ) {
        let mut panel = vec![T::default(); pixels.len() * rows.length];
        let mut sums = Vec::new();
        let groups = channels.start / self.group_outputs..=(channels.end - 1) / self.group_outputs;
        for group in groups {
            let base = group * self.group_outputs;
            let part = base.max(channels.start)..channels.end.min(base + self.group_outputs);
            let inputs = group * self.group_inputs..(group + 1) * self.group_inputs;
            for (pixel, patch) in pixels.clone().zip(panel.chunks_exact_mut(rows.length)) {
                patches.lay_out(
                    operands,
                    conv,
                    [pixel / width, pixel % width],
                    &inputs,
                    patch,
                );
            }
            sums.clear();
            sums.resize(pixels.len() * part.len(), 0);
            let weights = &rows.weights[part.start * rows.length..part.end * rows.length];
            T::products(&panel, weights, rows.length, rows.chunk, &mut sums);
            let to = part.start - channels.start..part.end - channels.start;
            for (from, out) in sums
                .chunks_exact(part.len())
                .zip(out.chunks_exact_mut(channels.len()))
            {
                out[to.clone()].copy_from_slice(from);
            }
        }
    }
}

impl<T: Operand> Rows<T> {
    fn new(quant: &QuantConv, taps: usize, chunk: usize) -> Self {
        let length = taps.next_multiple_of(ALIGN);
        let mut weights = vec![T::default(); quant.bias.len() * length];
        for (row, kernel) in weights
            .chunks_exact_mut(length)
            .zip(quant.weight.outer_iter())
        {
            for (to, &from) in row.iter_mut().zip(kernel.iter()) {
                *to = T::of(from);
            }
        }
        Self {
            weights,
            length,
            chunk: chunk.min(length),
        }
    }
}

enum Operands {
    Narrow(Vec<Vec<i16>>),
    Wide(Vec<Vec<i32>>),
}

fn operands<T: Operand>(view: &View<'_>, zero_point: i32) -> Vec<Vec<T>> {
    let row = |row: &&[i32]| row.iter().map(|&x| T::of(x - zero_point)).collect();
    view.rows.iter().map(row).collect()
}

/// Input rows as operands `x - z`.
pub(crate) struct Patches {
    first: usize,
    height: usize,
    width: usize,
    channels: usize,
    rows: Operands,
}

impl Patches {
    /// Lays out the taps under one output pixel: kernel row, kernel column, channel; 0 outside the map.
    fn lay_out<T: Operand>(
        &self,
        rows: &[Vec<T>],
        conv: &Conv,
        [oy, ox]: [usize; 2],
        inputs: &Range<usize>,
        patch: &mut [T],
    ) {
        let taps = patch.chunks_exact_mut(inputs.len());
        let places = (0..conv.kernel).flat_map(|ky| (0..conv.kernel).map(move |kx| (ky, kx)));
        for ((ky, kx), tap) in places.zip(taps) {
            let y = (oy * conv.stride + ky * conv.dilation).checked_sub(conv.padding);
            let x = (ox * conv.stride + kx * conv.dilation).checked_sub(conv.padding);
            if let (Some(y), Some(x)) = (y, x)
                && y < self.height
                && x < self.width
            {
                let pixel = x * self.channels;
                tap.copy_from_slice(
                    &rows[y - self.first][pixel + inputs.start..pixel + inputs.end],
                );
            } else {
                tap.fill(T::default());
            }
        }
    }
}
