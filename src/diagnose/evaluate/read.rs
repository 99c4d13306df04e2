//! What a tap reads from the input.

use crate::diagnose::Case;
use crate::diagnose::datapath::{Datapath, Halo, Padding, Stale, Swap, reread, wrapped};
use crate::tensor::IntType;

/// A pixel of the input that a tap reads.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pixel {
    At(usize, usize),
    /// Gives this, zero point subtracted.
    Value(i64),
}

impl Case {
    /// The pixel that a tap of an output reads.
    pub(super) fn pixel(
        &self,
        rules: &Datapath,
        [n, oy, ox, _]: [usize; 4],
        tap: [usize; 2],
    ) -> Pixel {
        let (read, conv, map) = (&rules.read, &self.plan.work.conv, self.plan.work.input);
        let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
        let place = |out: usize, tap: usize, offset: isize| {
            signed(out * read.stride + tap * read.dilation) - signed(conv.padding) + offset
        };
        let mut y = place(oy, tap[0], read.offset[0]);
        let mut x = place(ox, tap[1], read.offset[1]);
        if let Some((halo, stale)) = read.stale
            && self.in_halo(halo, [oy, ox], [y, x])
        {
            match (stale, halo) {
                (Stale::ZeroPoint, _) => return Pixel::Value(0),
                (Stale::Before, Halo::Above | Halo::Below) => y -= signed(self.plan.input_rows),
                (Stale::Before, Halo::Left | Halo::Right) => {
                    x -= signed(self.plan.work.array.tile_w * conv.stride);
                }
                (Stale::Further, Halo::Above) => y -= 1,
                (Stale::Further, Halo::Below) => y += 1,
                (Stale::Further, Halo::Left) => x -= 1,
                (Stale::Further, Halo::Right) => x += 1,
            }
        }
        let inside = |at: isize, size: usize| usize::try_from(at).ok().filter(|&at| at < size);
        let nearest = |at: isize, size: usize| usize::try_from(at).unwrap_or(0).min(size - 1);
        let (y, x) = match (inside(y, map.height), inside(x, map.width)) {
            (Some(y), Some(x)) => (y, x),
            _ => match read.padding {
                Padding::ZeroPoint => return Pixel::Value(0),
                Padding::Zero => return Pixel::Value(-i64::from(read.zero_point)),
                Padding::NotSubtracted => {
                    return Pixel::Value(i64::from(self.plan.quant.input_zero_point));
                }
                Padding::Edge => (nearest(y, map.height), nearest(x, map.width)),
            },
        };
        let inside = |to: usize, at: usize, size: usize| if to < size { to } else { at };
        match read.swap {
            Some(Swap::Rows) => Pixel::At(inside(y ^ 1, y, map.height), x),
            Some(Swap::Columns) => Pixel::At(y, inside(x ^ 1, x, map.width)),
            Some(Swap::BankRows { first, of }) => {
                Pixel::At(inside(exchanged(y, 0, first, of), y, map.height), x)
            }
            Some(Swap::BankColumns { first, of }) => {
                Pixel::At(y, inside(exchanged(x, n, first, of), x, map.width))
            }
            None => Pixel::At(y, x),
        }
    }

    /// Whether an input pixel belongs to the neighbour of the strip or tile that reads it.
    fn in_halo(&self, halo: Halo, [oy, ox]: [usize; 2], [y, x]: [isize; 2]) -> bool {
        let (work, stride) = (&self.plan.work, self.plan.work.conv.stride);
        let rows = &self.plan.strips[self.strip_of(oy)].out_rows;
        let first = ox / work.array.tile_w * work.array.tile_w;
        let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
        match halo {
            Halo::Above => y >= 0 && y < signed(rows.start * stride),
            Halo::Below => y >= signed(rows.end * stride) && y < signed(work.input.height),
            Halo::Left => x >= 0 && x < signed(first * stride),
            Halo::Right => {
                x >= signed((first + work.array.tile_w) * stride) && x < signed(work.input.width)
            }
        }
    }

    /// An activation of the map without its zero point.
    pub(super) fn activation(
        &self,
        rules: &Datapath,
        [n, y, x, channel]: [usize; 4],
        lane: usize,
    ) -> i64 {
        let (read, own) = (&rules.read, self.plan.input_type);
        let (lanes, channels) = (self.plan.work.array.pe.lanes, self.plan.work.input.channels);
        let channel = read.lanes.channel(channel, lanes);
        let shift = read.words * isize::try_from(lanes).unwrap_or(isize::MAX);
        let words = channels.div_ceil(lanes) * lanes;
        let channel = wrapped(channel, shift, words);
        let mut value = if channel < channels {
            self.input[(n, y, x, channel)]
        } else {
            0
        };
        if read.swap_bytes {
            value = reread(value.swap_bytes() >> 16, IntType { bits: 16, ..own });
        }
        if let Some(bit) = read.stuck {
            value = bit.apply(value, own, lane);
        }
        if read.ty != own {
            value = reread(value, read.ty);
        }
        i64::from(value) - i64::from(read.zero_point)
    }
}

/// The line at the same place of the other bank, when banks `first` and the next of `of`, turned by `turn`, change
/// places.
fn exchanged(line: usize, turn: usize, first: usize, of: usize) -> usize {
    let (bank, next) = ((line + turn) % of, (first + 1) % of);
    let other = match bank {
        bank if bank == first => next,
        bank if bank == next => first,
        bank => bank,
    };
    line / of * of + (other + of - turn % of) % of
}
