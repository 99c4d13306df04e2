//! One colour a cause, in every chart and on the page.
//!
//! Steps of the array are blue and green, waits and ends warm, work elsewhere purple and grey. The base is
//! the palette of Okabe and Ito, safe for colour-blind readers, on white and on black; legends stand in the
//! order of the stacks.

use crate::time::Cause;

/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Background.
    Paper,
    /// Titles, labels, and limits: capacity, roofs.
    Text,
    /// Secondary words, axes.
    Muted,
    /// Lines behind the data.
    Grid,
    /// Cycles of a cause.
    Cause(Cause),
    /// Tensors on the way from layer to layer.
    Tensor,
    /// Tensors kept for a later addition.
    Shortcut,
}

impl Ink {
    /// Red, green, blue.
    #[must_use]
    pub const fn rgb(self) -> (u8, u8, u8) {
        let hex: u32 = match self {
            Self::Paper => 0xFF_FFFF,
            Self::Text => 0x1F_2328,
            Self::Muted => 0x5B_636D,
            Self::Grid => 0xDF_E3E8,
            Self::Cause(cause) => cause_hex(cause),
            Self::Tensor => 0xB4_C3D3,
            Self::Shortcut => 0x5A_7390,
        };
        let [_, red, green, blue] = hex.to_be_bytes();
        (red, green, blue)
    }

    /// As in a style sheet: `#0072B2`.
    #[must_use]
    pub fn css(self) -> String {
        let (red, green, blue) = self.rgb();
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

const fn cause_hex(cause: Cause) -> u32 {
    match cause {
        Cause::Useful => 0x00_72B2,
        Cause::KernelIdle => 0x56_B4E9,
        Cause::LaneIdle => 0x00_9E73,
        Cause::RowIdle => 0x8F_D3C1,
        Cause::TileEdge => 0xA6_CF5A,
        Cause::Residual => 0x5B_50C8,
        Cause::Halo => 0x4C_7A34,
        Cause::Setup => 0x6E_6E6E,
        Cause::Host => 0xA8_3270,
        Cause::Vector => 0xCC_79A7,
        Cause::OutputsWait => 0x9A_5FB8,
        Cause::InputsWait => 0xD5_5E00,
        Cause::Drain => 0xF0_E442,
        Cause::ActPort => 0xE6_9F00,
        Cause::WeightsWait => 0xB3_202A,
        Cause::WeightPort => 0xF4_A896,
        Cause::Fill => 0x8C_6D31,
    }
}

/// The cause in words: `kernel idle`.
#[must_use]
pub fn words(cause: Cause) -> String {
    cause.key().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_meanings_share_a_colour() {
        let others = [
            Ink::Paper,
            Ink::Text,
            Ink::Muted,
            Ink::Grid,
            Ink::Tensor,
            Ink::Shortcut,
        ];
        let causes = Cause::ALL.map(Ink::Cause);
        let mut colours: Vec<_> = causes.iter().chain(&others).map(|ink| ink.rgb()).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), causes.len() + others.len());
    }
}
