//! Which pixel a tap reads, what lies outside the map, and where an output goes.

use super::{Candidates, Family};
use crate::diagnose::datapath::Padding;

pub(super) fn causes(list: &mut Candidates<'_>) {
    let conv = list.case.plan.work.conv;
    if conv.padding > 0 {
        let key = "padding_zero";
        if list.golden.read.zero_point != 0 {
            let text = "pads with 0 instead of the zero point of the input";
            list.add(Family::Positions, key, text, |d| {
                d.read.padding = Padding::Zero
            });
        }
        let text = "pads with the nearest pixel of the map";
        list.add(Family::Positions, "padding_edge", text, |d| {
            d.read.padding = Padding::Edge
        });
    }
    if conv.padding > 1 {
        let pixels = conv.padding;
        let text = format!(
            "takes the padding as 0: reads the input {pixels} pixels further down and right"
        );
        list.add(Family::Positions, "padding_missing", text, |d| {
            d.read.offset = [isize::try_from(pixels).unwrap_or(isize::MAX); 2];
        });
    }
    for (stride, key) in [(1, "stride_one"), (2, "stride_two")] {
        let text = format!("steps by {stride} instead of {}", conv.stride);
        list.add(Family::Positions, key, text, |d| d.read.stride = stride);
    }
    let text = format!("takes the dilation as 1 instead of {}", conv.dilation);
    list.add(Family::Positions, "dilation_one", text, |d| {
        d.read.dilation = 1
    });
    let offsets = [
        ([-1, 0], "one row above"),
        ([1, 0], "one row below"),
        ([0, -1], "one column to the left"),
        ([0, 1], "one column to the right"),
        ([-1, -1], "one row above and one column to the left"),
        ([1, 1], "one row below and one column to the right"),
    ];
    for (offset, text) in offsets {
        let read = format!("reads the input {text}");
        list.add(Family::Positions, "input_offset", read, |d| {
            d.read.offset = offset
        });
    }
    for (offset, text) in offsets {
        let write = format!("writes the output {text}");
        list.add(Family::Positions, "output_offset", write, |d| {
            d.write.offset = offset
        });
    }
}
