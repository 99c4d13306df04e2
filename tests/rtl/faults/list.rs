//! The faults of `FAULTS.md`, each with where it sits and what shows it.

use super::stimuli::Stimulus::{self, Plain, Shortcut, Ties};

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
}

/// The RTL as it should be.
pub(crate) const fn none(stimulus: Stimulus) -> Fault {
    fault(0, 0, "NONE", stimulus)
}

const fn fault(number: u32, at: u32, name: &'static str, stimulus: Stimulus) -> Fault {
    Fault {
        number,
        at,
        name,
        stimulus,
    }
}

/// Every fault at least once; a rounding is a fault of its own.
pub(crate) const FAULTS: [Fault; 43] = [
    fault(1, 0, "ROUNDING", Plain),
    fault(1, 1, "ROUNDING", Plain),
    fault(1, 2, "ROUNDING", Ties),
    fault(1, 4, "ROUNDING", Ties),
    fault(2, 0, "NEIGHBOUR_MULTIPLIER", Plain),
    fault(3, 0, "SHIFT_MORE", Plain),
    fault(4, 0, "SHIFT_LESS", Plain),
    fault(5, 0, "NO_OUTPUT_ZERO", Plain),
    fault(6, 0, "NO_SATURATION", Plain),
    fault(7, 0, "NO_LOWER_CLAMP", Ties),
    fault(8, 0, "NO_UPPER_CLAMP", Ties),
    fault(9, 0, "NO_INPUT_ZERO", Plain),
    fault(10, 0, "INPUT_SIGN", Plain),
    fault(11, 0, "PADDING_ZERO", Plain),
    fault(12, 0, "PADDING_EDGE", Plain),
    fault(13, 0, "NO_PADDING", Plain),
    fault(14, 0, "NEXT_COLUMN", Plain),
    fault(15, 0, "NEXT_ROW", Plain),
    fault(16, 0, "STRIDE_ONE", Plain),
    fault(17, 0, "DILATION_ONE", Plain),
    fault(18, 0, "STALE_HALO", Shortcut),
    fault(19, 0, "LANES_REVERSED", Plain),
    fault(20, 5, "INPUT_BIT", Plain),
    fault(21, 1, "BANKS_SWAPPED", Plain),
    fault(22, 0, "NO_BIAS", Plain),
    fault(23, 0, "BIAS_TWICE", Plain),
    fault(24, 0, "NEIGHBOUR_BIAS", Plain),
    fault(25, 0, "NOT_CLEARED", Shortcut),
    fault(26, 0, "NO_FIRST_PASS", Plain),
    fault(27, 0, "NO_LAST_PASS", Plain),
    fault(28, 0, "SHORT_ACCUMULATOR", Plain),
    fault(29, 0, "KERNEL_TRANSPOSED", Plain),
    fault(30, 0, "KERNEL_ROTATED", Plain),
    fault(31, 0, "STALE_SLOT", Plain),
    fault(32, 3, "DEAD_LANE", Plain),
    fault(33, 7, "DEAD_TAP", Plain),
    fault(34, 2, "DEAD_PE", Plain),
    fault(35, 6, "DEAD_ROW", Plain),
    fault(36, 4, "OUTPUT_BIT", Plain),
    fault(37, 0, "LANES_ROTATED", Plain),
    fault(38, 0, "NO_SHORTCUT", Shortcut),
    fault(39, 0, "SHORTCUT_SHIFT", Shortcut),
    fault(40, 0, "NO_SHORTCUT_ZERO", Shortcut),
];
