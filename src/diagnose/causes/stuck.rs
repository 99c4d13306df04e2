//! Bits that never change, multipliers and PEs that give nothing.

use super::output::most_frequent;
use super::{Candidates, Family};
use crate::diagnose::datapath::{Dead, Gives, Stuck, StuckBit};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// PEs and array rows that are looked at: those with the most elements that do not match.
const PES: usize = 8;
/// Above this many lanes single multipliers and the input bits of single lanes are not tried.
const LANES: usize = 32;

pub(super) fn causes(list: &mut Candidates<'_>) {
    if list.case.layout.elements {
        elements(list);
    }
    multipliers(list);
    bits(list);
}

fn elements(list: &mut Candidates<'_>) {
    let case = list.case;
    let mut places: BTreeMap<(usize, Option<[usize; 2]>), Vec<i32>> = BTreeMap::new();
    let tile = &case.plan.work.array;
    // An array row is worth its own name only where it has several PEs.
    let rows = tile.tile_h * tile.tile_w > 1;
    for at in case.mismatches() {
        let moment = case.moment(at);
        let whole_row = rows.then_some(None);
        for pixel in [Some(moment.pixel)].into_iter().chain(whole_row) {
            let values = places.entry((moment.row, pixel)).or_default();
            values.extend(case.observed[at]);
        }
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|((row, pixel), values)| {
        (Reverse(values.len()), pixel.is_none(), *row, *pixel)
    });
    for ((row, pixel), values) in places.into_iter().take(PES) {
        let value = most_frequent(values.into_iter()).unwrap_or(0);
        broken(list, (row, pixel), value);
    }
}

/// What a PE, or all of an array row, may give.
fn broken(list: &mut Candidates<'_>, (row, pixel): (usize, Option<[usize; 2]>), value: i32) {
    let (what, keys) = match pixel {
        Some([y, x]) => (
            format!("the PE of array row {row}, tile pixel ({y}, {x})"),
            ["pe_dead", "pe_zero", "pe_stuck"],
        ),
        None => (
            format!("array row {row}"),
            ["array_row_dead", "array_row_zero", "array_row_stuck"],
        ),
    };
    let texts = [
        format!("{what} adds nothing to the bias"),
        format!("{what} gives sums of 0, without the bias"),
        format!("{what} always gives {value}"),
    ];
    let gives = [Gives::Bias, Gives::Nothing, Gives::Output(value)];
    let rules = list.golden.requantise;
    let nothing = list.case.requantised(&rules, 0, 0).output;
    let causes = keys.into_iter().zip(texts).zip(gives);
    // A sum of 0 gives one output in every channel, and has a name.
    for ((key, text), gives) in causes.filter(|(_, gives)| *gives != Gives::Output(nothing)) {
        list.add(Family::Stuck, key, text, |d| {
            d.write.pe = Some(Stuck { row, pixel, gives });
        });
    }
}

fn multipliers(list: &mut Candidates<'_>) {
    let lanes = list.case.plan.work.array.pe.lanes;
    let mut add = |key, what: &str, dead| {
        let text = format!("{what} gives no product");
        list.add(Family::Stuck, key, text, |d| d.dead = Some(dead));
    };
    let none = Dead::default();
    for lane in 0..lanes {
        let what = format!("lane {lane}");
        let lane = Some(lane);
        add("dead_lane", &what, Dead { lane, ..none });
    }
    for place in 0..3 {
        let tap_col = Some(place);
        let what = format!("column {place} of the multipliers");
        add("dead_column", &what, Dead { tap_col, ..none });
        let tap_row = Some(place);
        let what = format!("row {place} of the multipliers");
        add("dead_row", &what, Dead { tap_row, ..none });
    }
    for (y, x) in (0..3).flat_map(|y| (0..3).map(move |x| (y, x))) {
        let dead = Dead {
            tap_row: Some(y),
            tap_col: Some(x),
            ..none
        };
        add("dead_tap", &format!("tap ({y}, {x})"), dead);
        for lane in (0..lanes).filter(|_| lanes <= LANES) {
            let what = format!("the multiplier of lane {lane}, tap ({y}, {x})");
            let lane = Some(lane);
            add("dead_multiplier", &what, Dead { lane, ..dead });
        }
    }
}

fn bits(list: &mut Candidates<'_>) {
    let lanes = list.case.plan.work.array.pe.lanes;
    let (output, input, weight) = (
        list.golden.write.ty.bits,
        list.golden.read.ty.bits,
        list.golden.weight.ty.bits,
    );
    let stuck = |bit, high, lane| Some(StuckBit { bit, high, lane });
    for (high, value) in [(false, 0), (true, 1)] {
        for bit in 0..output {
            let text = format!("bit {bit} of the output is always {value}");
            list.add(Family::Stuck, "output_bit", text, |d| {
                d.write.stuck = stuck(bit, high, None);
            });
        }
        for bit in 0..weight {
            let text = format!("bit {bit} of every weight is always {value}");
            list.add(Family::Stuck, "weight_bit", text, |d| {
                d.weight.stuck = stuck(bit, high, None);
            });
        }
        for bit in 0..input {
            let text = format!("bit {bit} of every input is always {value}");
            list.add(Family::Stuck, "input_bit", text, |d| {
                d.read.stuck = stuck(bit, high, None);
            });
        }
        for (lane, bit) in (0..lanes).flat_map(|l| (0..input).map(move |b| (l, b))) {
            if lanes <= LANES {
                let text = format!("bit {bit} of the input of lane {lane} is always {value}");
                list.add(Family::Stuck, "input_lane_bit", text, |d| {
                    d.read.stuck = stuck(bit, high, Some(lane));
                });
            }
        }
    }
}
