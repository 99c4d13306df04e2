//! Where the multipliers of a layer go: the closed form of the steps, and their split by cause.
//!
//! `U0` counts the layer's MACs, `U1` pads taps to the passes run, `U2` channels of a group to the lanes, `U3`
//! outputs of a group to the rows, `U4` pixels to the tiles; each is divided by the array's peak and rounded up.
//! The differences are the causes; `U4` is exactly the number of steps without the residual ones.

use super::{Account, Cause};
use crate::schedule::work::ConvWork;
use crate::units::{Cycles, Macs, count};

/// MACs and padded MACs of a layer for `images` images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Padded {
    macs: Macs,
    taps: Macs,
    lanes: Macs,
    rows: Macs,
    tiles: Macs,
}

impl Padded {
    fn new(work: &ConvWork, images: usize) -> Self {
        let array = &work.array;
        let (inputs, outputs) = (work.group_inputs(), work.group_outputs());
        let kernel = work.conv.kernel;
        let side = if work.packed {
            1
        } else {
            3 * kernel.div_ceil(3)
        };
        let lanes = if work.packed {
            9 * array.pe.lanes
        } else {
            array.pe.lanes
        };
        let inputs_padded = inputs.next_multiple_of(lanes);
        let outputs_padded = outputs.next_multiple_of(array.rows);
        let pixels = work.output.pixels();
        let pixels_padded = work.output.height.next_multiple_of(array.tile_h)
            * work.output.width.next_multiple_of(array.tile_w);
        let product = |taps: usize, inputs: usize, outputs: usize, pixels: usize| {
            Macs(
                [images, work.conv.groups, taps, inputs, outputs, pixels]
                    .map(count)
                    .iter()
                    .product(),
            )
        };
        Self {
            macs: product(kernel * kernel, inputs, outputs, pixels),
            taps: product(side * side, inputs, outputs, pixels),
            lanes: product(side * side, inputs_padded, outputs, pixels),
            rows: product(side * side, inputs_padded, outputs_padded, pixels),
            tiles: product(side * side, inputs_padded, outputs_padded, pixels_padded),
        }
    }
}

/// MACs of a layer for `images` images, without padding.
pub(super) fn macs(work: &ConvWork, images: usize) -> Macs {
    Padded::new(work, images).macs
}

/// Adds the convolution steps of a layer to `account`, split by cause.
pub(super) fn charge_steps(account: &mut Account, work: &ConvWork, images: usize) {
    let padded = Padded::new(work, images);
    let peak = Macs(work.array.peak_macs_per_cycle());
    let parts = [
        padded.macs,
        padded.taps,
        padded.lanes,
        padded.rows,
        padded.tiles,
    ]
    .map(|m| m.at_peak(peak));
    let causes = [
        Cause::Useful,
        Cause::KernelIdle,
        Cause::LaneIdle,
        Cause::RowIdle,
        Cause::TileEdge,
    ];
    let mut before = 0;
    for (cause, part) in causes.into_iter().zip(parts) {
        account.add(cause, Cycles(part.0 - before));
        before = part.0;
    }
}

/// Steps of the convolution passes for `images` images: the closed form of the ideal mode.
pub(super) fn conv_steps(work: &ConvWork, images: usize) -> u64 {
    let array = &work.array;
    let rows = work.conv.groups * work.group_outputs().div_ceil(array.rows);
    let tiles =
        work.output.height.div_ceil(array.tile_h) * work.output.width.div_ceil(array.tile_w);
    [images, rows, tiles, work.conv_pass_count()]
        .map(count)
        .iter()
        .product()
}
