//! The exact path: every step of a Sweep in its order, one addition into an accumulator at a time.

use super::layer::ConvLayer;
use super::view::{Area, Block, View};
use crate::fixed::Trap;
use crate::schedule::work::{Pass, PassKind};
use rayon::prelude::*;
use std::ops::Range;

/// A trap and its place in the map that the layer reads and writes.
#[derive(Debug)]
pub(super) struct TrapAt {
    pub(super) pixel: [usize; 2],
    pub(super) channel: usize,
    pub(super) step: usize,
    pub(super) trap: Trap,
}

/// One Sweep: row group `row_group` on output rows `out_rows`.
///
/// Tile rows are independent; the first trap in step order is the one reported.
pub(super) fn sweep(
    layer: &ConvLayer<'_>,
    image: usize,
    row_group: usize,
    out_rows: &Range<usize>,
    input: &View<'_>,
    shortcut: Option<&View<'_>>,
) -> Result<Block, TrapAt> {
    let sweep = Sweep {
        layer,
        input,
        shortcut,
        passes: layer.work.passes(row_group),
        channels: layer.work.row_group(row_group).channels,
        row_group,
        out_rows,
    };
    let tile_rows: Vec<Result<Band, TrapAt>> = layer
        .work
        .tile_rows(out_rows)
        .into_par_iter()
        .map(|tile_row| sweep.tile_row(tile_row))
        .collect();
    let (mut values, mut accumulators) = (Vec::new(), Vec::new());
    for band in tile_rows {
        let band = band?;
        values.extend(band.values);
        accumulators.extend(band.accumulators);
    }
    Ok(Block {
        area: Area {
            image,
            rows: out_rows.clone(),
            channels: sweep.channels,
        },
        values,
        accumulators: Some(accumulators),
    })
}

/// Outputs of one tile row: row, column, channel of the row group.
struct Band {
    values: Vec<i32>,
    accumulators: Vec<i64>,
}

struct Sweep<'a> {
    layer: &'a ConvLayer<'a>,
    input: &'a View<'a>,
    shortcut: Option<&'a View<'a>>,
    passes: Vec<Pass>,
    channels: Range<usize>,
    row_group: usize,
    out_rows: &'a Range<usize>,
}

impl Sweep<'_> {
    fn tile_row(&self, tile_row: usize) -> Result<Band, TrapAt> {
        let work = &self.layer.work;
        let valid = work.valid_rows(tile_row);
        let rows = valid.start.max(self.out_rows.start)..valid.end.min(self.out_rows.end);
        let width = work.output.width;
        let size = rows.len() * width * self.channels.len();
        let mut band = Band {
            values: vec![0; size],
            accumulators: vec![0; size],
        };
        // One accumulator for each patch of a block, pixel of the tile and row of the array.
        let mut patches: Vec<Vec<i64>> = vec![Vec::new(); work.array.pe.accumulators];
        for step in work.steps(self.row_group, &rows) {
            let cols = work.valid_cols(work.block(step.block).start + step.patch);
            let accs = &mut patches[step.patch];
            if step.pass == 0 {
                self.start(&rows, &cols, accs)?;
            }
            self.step(step.pass, &rows, &cols, accs)?;
            if step.pass + 1 == self.passes.len() {
                self.drain(&rows, &cols, accs, &mut band);
            }
        }
        Ok(band)
    }

    /// Biases into the accumulators of a patch.
    fn start(
        &self,
        rows: &Range<usize>,
        cols: &Range<usize>,
        accs: &mut Vec<i64>,
    ) -> Result<(), TrapAt> {
        let accumulator = self.layer.work.array.pe.accumulator;
        accs.clear();
        for pixel in pixels(rows, cols) {
            for channel in self.channels.clone() {
                let start = accumulator.start(self.layer.quant.bias[channel]);
                accs.push(start.map_err(|trap| TrapAt {
                    pixel,
                    channel,
                    step: 0,
                    trap,
                })?);
            }
        }
        Ok(())
    }

    /// One addition into every accumulator of a patch.
    fn step(
        &self,
        index: usize,
        rows: &Range<usize>,
        cols: &Range<usize>,
        accs: &mut [i64],
    ) -> Result<(), TrapAt> {
        let accumulator = self.layer.work.array.pe.accumulator;
        let pass = &self.passes[index];
        let mut accs = accs.iter_mut();
        for pixel in pixels(rows, cols) {
            for channel in self.channels.clone() {
                let acc = accs
                    .next()
                    .expect("one accumulator for each pixel and channel");
                let addend = match pass.kind {
                    PassKind::Window | PassKind::Packed => self.products(pass, pixel, channel),
                    PassKind::Residual => self.residual(pass, pixel, channel),
                };
                *acc = accumulator.add(*acc, addend).map_err(|trap| TrapAt {
                    pixel,
                    channel,
                    step: index + 1,
                    trap,
                })?;
            }
        }
        Ok(())
    }

    /// What the adder tree of one row gives for one pixel.
    fn products(&self, pass: &Pass, [oy, ox]: [usize; 2], channel: usize) -> i64 {
        let (conv, quant) = (&self.layer.work.conv, self.layer.quant);
        let group_first =
            pass.channels.start / self.layer.work.group_inputs() * self.layer.work.group_inputs();
        let weights = quant.weight.index_axis(ndarray::Axis(0), channel);
        let zero = i64::from(quant.input_zero_point);
        let mut sum = 0;
        for ky in pass.tap_rows.clone() {
            let y = (oy * conv.stride + ky * conv.dilation).checked_sub(conv.padding);
            let Some(y) = y.filter(|&y| y < self.input.height) else {
                continue;
            };
            for kx in pass.tap_cols.clone() {
                let x = (ox * conv.stride + kx * conv.dilation).checked_sub(conv.padding);
                let Some(x) = x.filter(|&x| x < self.input.width) else {
                    continue;
                };
                let activations = &self.input.pixel(y, x)[pass.channels.clone()];
                let weights =
                    weights.slice(ndarray::s![ky, kx, pass.channels.start - group_first..]);
                for (&x, &w) in activations.iter().zip(weights) {
                    sum += (i64::from(x) - zero) * i64::from(w);
                }
            }
        }
        sum
    }

    /// What the shortcut adds to one row.
    fn residual(&self, pass: &Pass, [y, x]: [usize; 2], channel: usize) -> i64 {
        if !pass.channels.contains(&channel) {
            return 0;
        }
        let view = self.shortcut.expect("a residual pass has a shortcut");
        shortcut_addend(self.layer, view, [y, x], channel)
    }

    /// Requantises the accumulators of a patch.
    fn drain(&self, rows: &Range<usize>, cols: &Range<usize>, accs: &[i64], band: &mut Band) {
        let channels = self.channels.len();
        let width = self.layer.work.output.width;
        for ([y, x], accs) in pixels(rows, cols).zip(accs.chunks_exact(channels)) {
            let first = ((y - rows.start) * width + x) * channels;
            for (index, &acc) in accs.iter().enumerate() {
                band.accumulators[first + index] = acc;
                band.values[first + index] =
                    self.layer.requantise[self.channels.start + index].apply(acc);
            }
        }
    }
}

/// `((r - z_r) · k[c]) << e[c]` for one output; 0 in a layer without a shortcut.
pub(super) fn shortcut_addend(
    layer: &ConvLayer<'_>,
    shortcut: &View<'_>,
    [y, x]: [usize; 2],
    channel: usize,
) -> i64 {
    match &layer.quant.residual {
        Some(residual) => {
            let r = shortcut.pixel(y, x)[channel];
            let value = i64::from(r) - i64::from(residual.zero_point);
            (value * i64::from(residual.k[channel])) << residual.e[channel]
        }
        None => 0,
    }
}

fn pixels(rows: &Range<usize>, cols: &Range<usize>) -> impl Iterator<Item = [usize; 2]> {
    let cols = cols.clone();
    rows.clone()
        .flat_map(move |y| cols.clone().map(move |x| [y, x]))
}
