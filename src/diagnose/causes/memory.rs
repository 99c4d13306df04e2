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
    banks(list);
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
            (Stale::Further, "those one further away"),
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

/// Each bank row or column and the next, where there are more than the two that lines 2k and 2k + 1 lie in.
fn banks(list: &mut Candidates<'_>) {
    let Some(banks) = list.case.layout.banks else {
        return;
    };
    let key = "banks_swapped";
    for first in (0..banks.rows).filter(|_| banks.rows > 2) {
        let of = banks.rows;
        let text = format!("bank rows {first} and {} change places", (first + 1) % of);
        let swap = Some(Swap::BankRows { first, of });
        list.add(Family::Memory, key, text, |d| d.read.swap = swap);
    }
    for first in (0..banks.cols).filter(|_| banks.cols > 2) {
        let of = banks.cols;
        let text = format!(
            "bank columns {first} and {} change places",
            (first + 1) % of
        );
        let swap = Some(Swap::BankColumns { first, of });
        list.add(Family::Memory, key, text, |d| d.read.swap = swap);
    }
}
