//! The faults of `FAULTS.md`, each with what shows it and the cause that must be found.

use super::stimuli::Stimulus::{self, Plain, Scales, Shortcut, Ties};

/// A fault of the RTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    /// `+fault`.
    pub(crate) number: u32,
    /// `+fault_at`: which lane, row, bit and so on.
    pub(crate) at: u32,
    /// As in `faults.svh`, without `F_`.
    pub(crate) name: &'static str,
    /// The network that it is run on.
    pub(crate) stimulus: Stimulus,
    /// The key of the true cause.
    pub(crate) cause: &'static str,
    /// What the text of the true cause says too: which place, which way.
    pub(crate) says: &'static str,
}

/// The RTL as it should be.
pub(crate) const fn none(stimulus: Stimulus) -> Fault {
    fault(0, 0, "NONE", stimulus, ["", ""])
}

const fn fault(
    number: u32,
    at: u32,
    name: &'static str,
    stimulus: Stimulus,
    [cause, says]: [&'static str; 2],
) -> Fault {
    Fault {
        number,
        at,
        name,
        stimulus,
        cause,
        says,
    }
}

/// Every fault at least once; a rounding is a fault of its own.
#[rustfmt::skip]
pub(crate) const FAULTS: [Fault; 43] = [
    fault(1, 0, "ROUNDING", Ties, ["rounding_floor", ""]),
    fault(1, 1, "ROUNDING", Ties, ["rounding_toward_zero", ""]),
    fault(1, 2, "ROUNDING", Ties, ["rounding_half_up", ""]),
    fault(1, 4, "ROUNDING", Ties, ["rounding_half_away", ""]),
    fault(2, 0, "NEIGHBOUR_MULTIPLIER", Scales, ["multiplier_of_neighbour", "next array row"]),
    fault(3, 0, "SHIFT_MORE", Plain, ["shift_too_large", ""]),
    fault(4, 0, "SHIFT_LESS", Plain, ["shift_too_small", ""]),
    fault(5, 0, "NO_OUTPUT_ZERO", Plain, ["output_zero_point_missing", ""]),
    fault(6, 0, "NO_SATURATION", Plain, ["saturation_missing", ""]),
    fault(7, 0, "NO_LOWER_CLAMP", Ties, ["clamp_lower_missing", ""]),
    fault(8, 0, "NO_UPPER_CLAMP", Ties, ["clamp_upper_missing", ""]),
    fault(9, 0, "NO_INPUT_ZERO", Plain, ["input_zero_point_missing", ""]),
    fault(10, 0, "INPUT_SIGN", Plain, ["input_sign", ""]),
    fault(11, 0, "PADDING_ZERO", Plain, ["padding_zero", ""]),
    fault(12, 0, "PADDING_EDGE", Plain, ["padding_edge", ""]),
    fault(13, 0, "NO_PADDING", Plain, ["input_offset", "one row below and one column to the right"]),
    fault(14, 0, "NEXT_COLUMN", Plain, ["input_offset", "one column to the right"]),
    fault(15, 0, "NEXT_ROW", Plain, ["input_offset", "one row below"]),
    fault(16, 0, "STRIDE_ONE", Plain, ["stride_one", ""]),
    fault(17, 0, "DILATION_ONE", Plain, ["dilation_one", ""]),
    fault(18, 0, "STALE_HALO", Shortcut, ["halo_above", "one further away"]),
    fault(19, 0, "LANES_REVERSED", Plain, ["input_lanes", "reversed"]),
    fault(20, 5, "INPUT_BIT", Plain, ["input_bit", "bit 5"]),
    fault(21, 1, "BANKS_SWAPPED", Plain, ["banks_swapped", "bank rows 1 and 2"]),
    fault(22, 0, "NO_BIAS", Plain, ["bias_missing", ""]),
    fault(23, 0, "BIAS_TWICE", Plain, ["bias_twice", ""]),
    fault(24, 0, "NEIGHBOUR_BIAS", Plain, ["bias_of_neighbour", "next array row"]),
    fault(25, 0, "NOT_CLEARED", Shortcut, ["accumulator_not_cleared", "in the same Sweep"]),
    fault(26, 0, "NO_FIRST_PASS", Plain, ["first_step_missing", ""]),
    fault(27, 0, "NO_LAST_PASS", Plain, ["last_step_missing", ""]),
    fault(28, 0, "SHORT_ACCUMULATOR", Plain, ["accumulator_width", "16 bits and wraps"]),
    fault(29, 0, "KERNEL_TRANSPOSED", Plain, ["kernel_transposed", ""]),
    fault(30, 0, "KERNEL_ROTATED", Plain, ["kernel_rotated", ""]),
    fault(31, 0, "STALE_SLOT", Plain, ["weights_of_fill_before", ""]),
    fault(32, 3, "DEAD_LANE", Plain, ["dead_lane", "lane 3"]),
    fault(33, 7, "DEAD_TAP", Plain, ["dead_tap", "tap (2, 1)"]),
    fault(34, 2, "DEAD_PE", Ties, ["pe_dead", "array row 2, tile pixel (0, 0)"]),
    fault(35, 6, "DEAD_ROW", Ties, ["pe_zero", "array row 6, tile pixel (0, 0)"]),
    fault(36, 4, "OUTPUT_BIT", Plain, ["output_bit", "bit 4"]),
    fault(37, 0, "LANES_ROTATED", Plain, ["output_lanes", "the previous one"]),
    fault(38, 0, "NO_SHORTCUT", Shortcut, ["shortcut_missing", ""]),
    fault(39, 0, "SHORTCUT_SHIFT", Shortcut, ["shortcut_shift", "larger by one"]),
    fault(40, 0, "NO_SHORTCUT_ZERO", Shortcut, ["shortcut_zero_point_missing", ""]),
];
