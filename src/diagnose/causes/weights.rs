//! Which weight a multiplier gets.

use super::{Candidates, Family};
use crate::diagnose::datapath::{Kernel, Source};

pub(super) fn causes(list: &mut Candidates<'_>) {
    let work = &list.case.plan.work;
    if work.conv.kernel > 1 {
        for (kernel, key, text) in [
            (
                Kernel::Transposed,
                "kernel_transposed",
                "takes the kernel transposed",
            ),
            (
                Kernel::Rotated,
                "kernel_rotated",
                "takes the kernel rotated by 180 degrees",
            ),
            (
                Kernel::MirroredRows,
                "kernel_mirrored",
                "takes the rows of the kernel bottom up",
            ),
            (
                Kernel::MirroredColumns,
                "kernel_mirrored",
                "takes the columns of the kernel right to left",
            ),
        ] {
            list.add(Family::Weights, key, text, |d| d.weight.kernel = kernel);
        }
    }
    for &(whose, which) in list.case.neighbours() {
        let text = format!("takes the weights of the {which}");
        list.add(Family::Weights, "weights_of_neighbour", text, |d| {
            d.weight.source = Source::Of(whose);
        });
    }
    if work.row_groups() > 1 {
        let text = "takes the weights of the row group before";
        list.add(Family::Weights, "weights_of_row_group_before", text, |d| {
            d.weight.source = Source::RowGroupBefore;
        });
    }
    if work.conv_pass_count() > 1 {
        let text = "takes the weights of the pass before";
        list.add(Family::Weights, "weights_of_pass_before", text, |d| {
            d.weight.source = Source::PassBefore;
        });
    }
    if work.row_groups() * work.conv_pass_count() > 1 {
        let text =
            "takes the weights of the fill before, of the row group before in the first pass";
        list.add(Family::Weights, "weights_of_fill_before", text, |d| {
            d.weight.source = Source::FillBefore;
        });
    }
    addresses(list);
}

/// Weights read at other addresses of the stored row group.
fn addresses(list: &mut Candidates<'_>) {
    let text = "takes the weights lane by lane inside each tap, stored tap by tap inside each lane";
    list.add(Family::Weights, "weights_tap_major", text, |d| {
        d.weight.source = Source::Stored {
            start: 0,
            row: 0,
            tap_major: true,
        };
    });
    let signed = |n: usize| isize::try_from(n).unwrap_or(isize::MAX);
    let lanes = list.case.plan.work.array.pe.lanes;
    let word = signed(lanes * list.case.stored.size());
    let mut steps = vec![1, -1, 2, -2, word, -word];
    for nine in [9, -9] {
        steps.push(nine * signed(list.case.stored.size()));
    }
    steps.sort_unstable_by_key(|step| (step.abs(), -step));
    steps.dedup();
    for step in steps {
        let text = format!("the weights of a pass begin {step:+} bytes from their place");
        list.add(Family::Weights, "weights_start", text, |d| {
            d.weight.source = Source::Stored {
                start: step,
                row: 0,
                tap_major: false,
            };
        });
        let text = format!("the weights of each channel begin {step:+} bytes further apart");
        list.add(Family::Weights, "weights_stride", text, |d| {
            d.weight.source = Source::Stored {
                start: 0,
                row: step,
                tap_major: false,
            };
        });
    }
}
