//! Bias, steps, accumulator, shortcut.

use super::{Candidates, Family};
use crate::diagnose::Case;
use crate::diagnose::datapath::{Datapath, Skip, Start, Whose};
use crate::fixed::{Accumulator, Overflow};
use crate::schedule::work::{Pass, PassKind};

pub(super) fn causes(list: &mut Candidates<'_>) {
    starts(list);
    steps(list);
    accumulators(list);
    if list.case.plan.quant.residual.is_some() {
        shortcuts(list);
    }
}

fn starts(list: &mut Candidates<'_>) {
    let starts = [
        (
            "bias_missing",
            "does not add the bias",
            Start::Bias {
                times: 0,
                of: Whose::OWN,
            },
        ),
        (
            "bias_twice",
            "adds the bias twice",
            Start::Bias {
                times: 2,
                of: Whose::OWN,
            },
        ),
        (
            "bias_negated",
            "subtracts the bias",
            Start::Bias {
                times: -1,
                of: Whose::OWN,
            },
        ),
        (
            "accumulator_not_cleared",
            "adds to what the accumulator held before, which was right",
            Start::BeforeAndBias,
        ),
        (
            "accumulator_not_cleared",
            "adds to what the accumulator held before, without the bias",
            Start::Before,
        ),
        (
            "accumulator_not_cleared",
            "adds to what the accumulator held before in the same Sweep, whose first elements alone clear it",
            Start::Sweep,
        ),
        (
            "accumulator_never_cleared",
            "adds to what the accumulator held before, from the first Sweep on",
            Start::Chain,
        ),
    ];
    for (key, text, start) in starts {
        list.add(Family::Sums, key, text, |d| d.sum.start = start);
    }
    for &(of, which) in list.case.neighbours() {
        let text = format!("takes the bias of the {which}");
        list.add(Family::Sums, "bias_of_neighbour", text, |d| {
            d.sum.start = Start::Bias { times: 1, of };
        });
    }
}

fn steps(list: &mut Candidates<'_>) {
    let passes = list.case.passes.iter().map(Vec::len).max().unwrap_or(0);
    list.add(
        Family::Sums,
        "first_step_missing",
        "leaves out the first step",
        |d| {
            d.sum.skip = Skip::First;
        },
    );
    if passes > 1 && !list.case.shortcut_is_one_step() {
        list.add(
            Family::Sums,
            "last_step_missing",
            "leaves out the last step",
            |d| {
                d.sum.skip = Skip::Last;
            },
        );
    }
    let alike = list.case.passes.iter().all(|list| list.len() == passes);
    // The first, and where all row groups have as many the last, is named above.
    for pass in 1..passes - usize::from(alike && passes > 1) {
        let text = format!("leaves out pass {pass}");
        list.add(Family::Sums, "pass_missing", text, |d| {
            d.sum.skip = Skip::Pass(pass)
        });
    }
}

fn accumulators(list: &mut Candidates<'_>) {
    let own = list.golden.sum.accumulator;
    for (overflow, does) in [(Overflow::Wrap, "wraps"), (Overflow::Saturate, "saturates")] {
        let widths = [own.bits, 16, 18, 20, 24, 28, 32];
        for bits in widths.into_iter().filter(|&bits| bits <= own.bits) {
            let accumulator = Accumulator { bits, overflow };
            let text = format!("the accumulator has {bits} bits and {does}");
            list.add(Family::Sums, "accumulator_width", text, |d| {
                d.sum.accumulator = accumulator;
            });
        }
    }
}

fn shortcuts(list: &mut Candidates<'_>) {
    let neighbours = list.case.neighbours();
    let mut add = |key, text: &str, alter: &dyn Fn(&mut Datapath)| {
        list.add(Family::Sums, key, text, alter);
    };
    add("shortcut_missing", "does not add the shortcut", &|d| {
        d.shortcut.times = 0
    });
    add("shortcut_negated", "subtracts the shortcut", &|d| {
        d.shortcut.times = -1
    });
    add(
        "shortcut_shift",
        "the left shift of the shortcut is larger by one, or it is added twice",
        &|d| {
            d.shortcut.shift = 1;
        },
    );
    add(
        "shortcut_shift",
        "the left shift of the shortcut is smaller by one",
        &|d| {
            d.shortcut.shift = -1;
        },
    );
    for &(whose, which) in neighbours {
        let text = format!("takes the factor of the shortcut of the {which}");
        add("shortcut_of_neighbour", &text, &|d| d.shortcut.of = whose);
    }
}

impl Case {
    /// Whether in every row group the last step adds the shortcut and no other does: without either it is the same.
    fn shortcut_is_one_step(&self) -> bool {
        let of_shortcut = |pass: &Pass| pass.kind == PassKind::Residual;
        let one = |passes: &Vec<Pass>| passes.iter().filter(|pass| of_shortcut(pass)).count() == 1;
        self.passes.iter().all(one)
    }
}
