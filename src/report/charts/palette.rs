//! One colour a cause, in every chart and on the page.
//!
//! Steps of the array are blue and green, waits and ends warm, work elsewhere purple and grey. The base is
//! the palette of Okabe and Ito, safe for colour-blind readers, on white and on black; legends stand in the
//! order of the stacks. Kinds of DRAM traffic have muted colours of their own, and the heat scale is one hue,
//! evenly darker from 0 to 100 %.

use crate::schedule::Traffic;
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
    /// Every other one of them, so that neighbours differ.
    TensorShade,
    /// Tensors kept for a later addition.
    Shortcut,
    /// Every other one of them.
    ShortcutShade,
    /// DRAM bytes of a kind.
    Traffic(Traffic),
    /// A figure from 0 to 100 percent; above, as 100.
    Heat(u8),
    /// Words on a light fill, whatever the page's scheme.
    OnLight,
    /// Words on a dark fill, whatever the page's scheme.
    OnDark,
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
            Self::TensorShade => 0xCC_D7E2,
            Self::Shortcut => 0x5A_7390,
            Self::ShortcutShade => 0x46_5D78,
            Self::Traffic(kind) => traffic_hex(kind),
            Self::Heat(percent) => return heat(percent),
            Self::OnLight => 0x0F_1216,
            Self::OnDark => 0xFD_FDFD,
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

const fn traffic_hex(kind: Traffic) -> u32 {
    match kind {
        Traffic::Weights => 0x99_9933,
        Traffic::Inputs => 0x88_CCEE,
        Traffic::Outputs => 0x44_AA99,
        Traffic::Shortcuts => 0xDD_CC77,
        Traffic::Spills => 0xCC_6677,
        Traffic::Host => 0xAA_4499,
    }
}

/// Blues at every 25 percent; between them the mean by distance.
const HEAT: [[u32; 3]; 5] = [
    [0xEC, 0xF3, 0xFB],
    [0xB5, 0xD1, 0xE9],
    [0x67, 0xA5, 0xD3],
    [0x23, 0x6F, 0xB0],
    [0x08, 0x30, 0x6B],
];

const fn heat(percent: u8) -> (u8, u8, u8) {
    let percent = if percent < 100 { percent } else { 99 };
    let below = (percent / 25) as usize;
    let part = (percent % 25) as u32;
    let (from, to) = (HEAT[below], HEAT[below + 1]);
    (
        mean(from[0], to[0], part),
        mean(from[1], to[1], part),
        mean(from[2], to[2], part),
    )
}

/// `part` of 25 on the way from one byte to another.
const fn mean(from: u32, to: u32, part: u32) -> u8 {
    let [.., byte] = ((from * (25 - part) + to * part) / 25).to_be_bytes();
    byte
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
            Ink::TensorShade,
            Ink::Shortcut,
            Ink::ShortcutShade,
            Ink::OnLight,
            Ink::OnDark,
        ];
        let inks: Vec<Ink> = Cause::ALL
            .map(Ink::Cause)
            .into_iter()
            .chain(Traffic::ALL.map(Ink::Traffic))
            .chain(others)
            .chain((0..=99).map(Ink::Heat))
            .collect();
        let mut colours: Vec<_> = inks.iter().map(|ink| ink.rgb()).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), inks.len());
    }

    #[test]
    fn heat_only_gets_darker() {
        let light = |percent| {
            let (red, green, blue) = Ink::Heat(percent).rgb();
            u32::from(red) * 2 + u32::from(green) * 5 + u32::from(blue)
        };
        assert!((1..100).all(|percent| light(percent) < light(percent - 1)));
    }
}
