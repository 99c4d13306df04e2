//! Banks that change places, and rows or columns that were not brought.

use super::{Candidates, Family};
use crate::diagnose::datapath::{Halo, Stale, Swap};

pub(super) fn causes(list: &mut Candidates<'_>) {
    let pairs = [
        (Swap::Rows, "banks of rows 2k and 2k+1 change places"),
        (Swap::Columns, "banks of columns 2k and 2k+1 change places"),
    ];
    for (swap, text) in pairs {
        list.add(Family::Memory, "banks_swapped", text, |d| {
            d.read.swap = Some(swap)
        });
    }
    let halos = [
        (Halo::Above, "halo_above", "the rows above a strip"),
        (Halo::Below, "halo_below", "the rows below a strip"),
        (Halo::Left, "halo_left", "the columns left of a tile"),
        (Halo::Right, "halo_right", "the columns right of a tile"),
    ];
    for (halo, key, which) in halos {
        let stale = [
            (Stale::ZeroPoint, "the zero point"),
            (Stale::Before, "what lay there before"),
        ];
        for (stale, what) in stale {
            list.add(
                Family::Memory,
                key,
                format!("{which} read as {what}"),
                |d| {
                    d.read.stale = Some((halo, stale));
                },
            );
        }
    }
}
