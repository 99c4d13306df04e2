//! Order of lanes, words and bytes, of the input and of the output.

use super::{Candidates, Family};
use crate::diagnose::datapath::Lanes;

pub(super) fn causes(list: &mut Candidates<'_>) {
    let lanes = list.case.plan.work.array.pe.lanes;
    let orders = [
        (Lanes::Reversed, 2, "in reversed order"),
        (Lanes::Pairs, 4, "with each pair exchanged"),
        (Lanes::Halves, 4, "with the halves exchanged"),
        (Lanes::Fours, 8, "with each four reversed"),
        (Lanes::Rotated(1), 3, "rotated: each takes the next one's"),
        (
            Lanes::Rotated(-1),
            3,
            "rotated: each takes the previous one's",
        ),
    ];
    for (order, least, text) in orders {
        if lanes >= least {
            let read = format!("reads the lanes of a word {text}");
            list.add(Family::Lanes, "input_lanes", read, |d| d.read.lanes = order);
            let write = format!("writes the lanes of a word {text}");
            list.add(Family::Lanes, "output_lanes", write, |d| {
                d.write.lanes = order
            });
        }
    }
    if list.case.plan.work.input.channels > lanes {
        for (by, which) in [(1, "next"), (-1, "previous")] {
            let text = format!("reads the {which} word of the pixel");
            list.add(Family::Lanes, "input_word", text, |d| d.read.words = by);
        }
    }
    if list.golden.read.ty.bytes().0 == 2 {
        let text = "exchanges the bytes of the input";
        list.add(Family::Lanes, "input_bytes", text, |d| {
            d.read.swap_bytes = true
        });
    }
    if list.golden.write.ty.bytes().0 == 2 {
        let text = "exchanges the bytes of the output";
        list.add(Family::Lanes, "output_bytes", text, |d| {
            d.write.swap_bytes = true
        });
    }
}
