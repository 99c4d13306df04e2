//! Signs and zero points.

use super::{Candidates, Family};
use crate::diagnose::datapath::{Datapath, Padding, other_sign};
use crate::tensor::Sign;

pub(super) fn causes(list: &mut Candidates<'_>) {
    let name = |sign: Sign| match sign {
        Sign::Signed => "signed",
        Sign::Unsigned => "unsigned",
    };
    let input = other_sign(list.golden.read.ty);
    let text = format!("reads the input as {}", name(input.sign));
    list.add(Family::Values, "input_sign", text, |d| d.read.ty = input);
    let weight = other_sign(list.golden.weight.ty);
    list.add(
        Family::Values,
        "weights_unsigned",
        "reads the weights as unsigned",
        |d| {
            d.weight.ty = weight;
        },
    );
    let output = other_sign(list.golden.write.ty);
    let text = format!("writes the output as {}", name(output.sign));
    list.add(Family::Values, "output_sign", text, |d| d.write.ty = output);
    zero_points(list);
}

fn zero_points(list: &mut Candidates<'_>) {
    let zero_point = list.golden.read.zero_point;
    let mut add = |key, text: &str, alter: &dyn Fn(&mut Datapath)| {
        list.add(Family::Values, key, text, alter);
    };
    add(
        "input_zero_point_missing",
        "does not subtract the zero point of the input inside the map",
        &|d| d.read.zero_point = 0,
    );
    if zero_point != 0 {
        add(
            "input_zero_point_missing_everywhere",
            "does not subtract the zero point of the input, inside the map and in the padding",
            &|d| {
                d.read.zero_point = 0;
                d.read.padding = Padding::NotSubtracted;
            },
        );
        add(
            "padding_zero_point_missing",
            "does not subtract the zero point of the input in the padding",
            &|d| d.read.padding = Padding::NotSubtracted,
        );
    }
    add(
        "output_zero_point_missing",
        "does not add the zero point of the output",
        &|d| {
            d.requantise.zero_point = 0;
        },
    );
    add(
        "shortcut_zero_point_missing",
        "does not subtract the zero point of the shortcut",
        &|d| d.shortcut.zero_point = 0,
    );
}
