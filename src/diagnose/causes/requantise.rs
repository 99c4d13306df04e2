//! Rounding, multiplier, shift, range and clamp.

use super::{Candidates, Family};
use crate::diagnose::datapath::{Datapath, Multiplier};
use crate::fixed::{Overflow, Rounding, Rule};

pub(super) fn causes(list: &mut Candidates<'_>) {
    roundings(list);
    factors(list);
    bounds(list);
}

fn roundings(list: &mut Candidates<'_>) {
    let roundings = [
        (Rounding::Floor, "rounding_floor", "towards minus infinity"),
        (Rounding::TowardZero, "rounding_toward_zero", "towards zero"),
        (Rounding::HalfUp, "rounding_half_up", "to nearest, ties up"),
        (
            Rounding::HalfEven,
            "rounding_half_even",
            "to nearest, ties to even",
        ),
        (
            Rounding::HalfAway,
            "rounding_half_away",
            "to nearest, ties away from zero",
        ),
    ];
    let own = list.golden.requantise.rule;
    for (rounding, key, text) in roundings {
        let (text, rule) = match own {
            Rule::Shift(_) => (format!("rounds {text}"), Rule::Shift(rounding)),
            Rule::Multiplier(_) => (format!("rounds {text}"), Rule::Multiplier(rounding)),
            Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven
            | Rule::Slice => (
                format!("rounds the exact product once, {text}"),
                Rule::Multiplier(rounding),
            ),
        };
        list.add(Family::Requantise, key, text, |d| d.requantise.rule = rule);
    }
    published(list, own);
    if own.rounding().is_none() {
        return;
    }
    let shifts = &list.case.plan.quant.requantise.shift;
    let widest = u32::from(shifts.iter().copied().max().unwrap_or(0));
    for bits in 1..widest.min(32) {
        let text = format!("rounds twice: by {bits} bits, then by the rest of the shift");
        list.add(Family::Requantise, "rounding_twice", text, |d| {
            d.requantise.rounded_before = bits;
        });
    }
}

/// The rules that a program or a specification names, in place of the layer's own.
fn published(list: &mut Candidates<'_>, own: Rule) {
    let rules = [
        (Rule::TosaSingle, "rule_tosa_single"),
        (Rule::TosaDouble, "rule_tosa_double"),
        (Rule::TfliteDouble, "rule_tflite_double"),
        (Rule::TfliteSingle, "rule_tflite_single"),
        (Rule::Ruy, "rule_ruy"),
        (Rule::Float32HalfEven, "rule_float32_half_even"),
    ];
    let scaled = match own {
        Rule::Shift(_) | Rule::Slice => false,
        Rule::Multiplier(_)
        | Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy
        | Rule::Float32HalfEven => true,
    };
    for (rule, key) in rules.into_iter().filter(|_| scaled) {
        let text = format!("requantises by the rule {}", rule.name());
        list.add(Family::Requantise, key, text, |d| d.requantise.rule = rule);
    }
    if !scaled {
        let text = "takes a slice of the accumulator's bits, behind a sign test for the ReLU";
        list.add(Family::Requantise, "rule_slice", text, |d| {
            d.requantise.rule = Rule::Slice;
        });
    }
}

fn factors(list: &mut Candidates<'_>) {
    let mut add = |key, text: &str, alter: &dyn Fn(&mut Datapath)| {
        list.add(Family::Requantise, key, text, alter);
    };
    add("shift_too_large", "the shift is larger by one", &|d| {
        d.requantise.shift = 1;
    });
    add("shift_too_small", "the shift is smaller by one", &|d| {
        d.requantise.shift = -1;
    });
    let multiplies = match list.case.plan.quant.requantise.rule {
        Rule::Shift(_) | Rule::Slice => false,
        Rule::Multiplier(_)
        | Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy
        | Rule::Float32HalfEven => true,
    };
    if multiplies {
        let mut add = |key, text: &str, alter: &dyn Fn(&mut Datapath)| {
            list.add(Family::Requantise, key, text, alter);
        };
        add(
            "multiplier_missing",
            "only shifts, without the multiplier",
            &|d| {
                d.requantise.multiplier = Multiplier::One;
            },
        );
        add(
            "multiplier_power_of_two",
            "takes the nearest power of two for the multiplier",
            &|d| d.requantise.multiplier = Multiplier::PowerOfTwo,
        );
    }
    for &(whose, which) in list.case.neighbours() {
        let text = format!("takes the multiplier of the {which}");
        list.add(Family::Requantise, "multiplier_of_neighbour", text, |d| {
            d.requantise.multiplier = Multiplier::Of(whose);
        });
        let text = format!("takes the shift of the {which}");
        list.add(Family::Requantise, "shift_of_neighbour", text, |d| {
            d.requantise.shift_of = whose;
        });
        let text = format!("takes multiplier and shift of the {which}");
        list.add(Family::Requantise, "scale_of_neighbour", text, |d| {
            d.requantise.multiplier = Multiplier::Of(whose);
            d.requantise.shift_of = whose;
        });
    }
}

fn bounds(list: &mut Candidates<'_>) {
    let output = list.case.plan.quant.requantise.output;
    let zero = list.case.plan.quant.requantise.zero_point;
    let relu = list.golden.requantise.lower == zero;
    let mut add = |key, text: &str, alter: &dyn Fn(&mut Datapath)| {
        list.add(Family::Requantise, key, text, alter);
    };
    add(
        "saturation_missing",
        "wraps at the output instead of saturating",
        &|d| {
            d.requantise.overflow = Overflow::Wrap;
        },
    );
    add(
        "saturates",
        "saturates at the output instead of wrapping",
        &|d| {
            d.requantise.overflow = Overflow::Saturate;
        },
    );
    let lower = if relu {
        "relu_missing"
    } else {
        "clamp_lower_missing"
    };
    let text = if relu {
        "has no ReLU"
    } else {
        "has no lower clamp"
    };
    add(lower, text, &|d| d.requantise.lower = output.min());
    add("clamp_upper_missing", "has no upper clamp", &|d| {
        d.requantise.upper = output.max();
    });
    add("clamp_missing", "has no clamp", &|d| {
        d.requantise.lower = output.min();
        d.requantise.upper = output.max();
    });
    add(
        "clamp_and_saturation_missing",
        "has no clamp and wraps instead of saturating",
        &|d| {
            d.requantise.lower = output.min();
            d.requantise.upper = output.max();
            d.requantise.overflow = Overflow::Wrap;
        },
    );
    if !relu {
        add("relu_added", "has a ReLU though the layer has none", &|d| {
            d.requantise.lower = zero.min(d.requantise.upper);
        });
    }
}
