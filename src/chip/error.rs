//! What can be wrong with a chip beyond a single value.

use crate::problem::Problem;
use crate::units::Bytes;
use thiserror::Error;

/// Values that do not go together.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum ChipError {
    /// The weight SRAM cannot be double-buffered.
    #[error(
        "a pass of weights takes {slot} B at 8 bits, the weight SRAM of {capacity} B has {slots} slot(s), two are needed"
    )]
    SlotTooSmall {
        /// rows · lanes · 9 bytes.
        slot: Bytes,
        /// Of the weight SRAM.
        capacity: Bytes,
        /// Whole slots in it.
        slots: u64,
    },
    /// The activation SRAM has banks without a word.
    #[error(
        "{banks} banks of one {word} B word need {needed} B, the activation SRAM holds {capacity} B"
    )]
    ActivationSramTooSmall {
        /// bank_rows · bank_cols · bank_channels.
        banks: u64,
        /// `lanes` channels of one byte.
        word: Bytes,
        /// One word in each bank.
        needed: Bytes,
        /// Of the activation SRAM.
        capacity: Bytes,
    },
    /// More than a burst each cycle.
    #[error(
        "the DRAM moves {per_cycle:.3} B a cycle, but at most one burst of {burst} B is issued a cycle"
    )]
    BandwidthAboveBurst {
        /// Rounded, for the message.
        per_cycle: f64,
        /// Of one burst.
        burst: Bytes,
    },
    /// Addresses are cut at multiples of a burst.
    #[error("a burst of {burst} B is not a power of two")]
    BurstNotPowerOfTwo {
        /// As written.
        burst: u64,
    },
}

impl ChipError {
    /// Its unique code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::SlotTooSmall { .. } => "chip::slot_too_small",
            Self::ActivationSramTooSmall { .. } => "chip::activation_sram_too_small",
            Self::BandwidthAboveBurst { .. } => "chip::bandwidth_above_burst",
            Self::BurstNotPowerOfTwo { .. } => "chip::burst_not_power_of_two",
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::SlotTooSmall { slot, .. } => format!(
                "raise `weight_sram.kib` to {} or more, or lower `array.rows` or `pe.lanes`",
                (2 * slot.0).div_ceil(1024)
            ),
            Self::ActivationSramTooSmall { needed, .. } => format!(
                "raise `activation_sram.kib` to {} or more, or lower `bank_rows`, `bank_cols` or `bank_channels`",
                needed.0.div_ceil(1024)
            ),
            Self::BandwidthAboveBurst { .. } => {
                "raise `dram.burst_bytes` or `clock.frequency_mhz`, or lower `dram.gigabytes_per_second`"
                    .to_owned()
            }
            Self::BurstNotPowerOfTwo { burst } => format!(
                "write {} or {}",
                burst.next_power_of_two() / 2,
                burst.next_power_of_two()
            ),
        }
    }
}

impl From<ChipError> for Problem {
    fn from(error: ChipError) -> Self {
        Self::new(error.code(), error.to_string(), error.help())
    }
}
