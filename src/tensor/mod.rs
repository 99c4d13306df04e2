//! Shapes with named axes and the range of an integer tensor.
//!
//! Activations are dense `Array4<i32>` in NHWC, weights dense `Array4<i32>` in OHWI. The range (bits and
//! sign) belongs to the tensor's [`IntType`], never to the array. This room knows nothing of layers.

use crate::units::{Bytes, Elements};
use serde::{Deserialize, Serialize};

/// Activations of a batch: axes image, row, column, channel (NHWC).
pub type Activations = ndarray::Array4<i32>;

/// Weights of a convolution: axes output channel, kernel row, kernel column, input channel of the group (OHWI).
pub type Weights = ndarray::Array4<i32>;

/// The shape of one image's feature map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FeatureMap {
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// Channels of a pixel.
    pub channels: usize,
}

impl FeatureMap {
    /// A map of `height` x `width` pixels of `channels` channels.
    #[must_use]
    pub const fn new(height: usize, width: usize, channels: usize) -> Self {
        Self {
            height,
            width,
            channels,
        }
    }

    /// Pixels of one image.
    #[must_use]
    pub const fn pixels(self) -> usize {
        self.height * self.width
    }

    /// Unpadded elements of one image.
    #[must_use]
    pub const fn elements(self) -> Elements {
        Elements((self.height * self.width * self.channels) as u64)
    }
}

impl std::fmt::Display for FeatureMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.height, self.width, self.channels)
    }
}

/// Whether a number can be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    /// `0 ..= 2^bits - 1`.
    Unsigned,
    /// Two's complement, `-2^(bits-1) ..= 2^(bits-1) - 1`.
    Signed,
}

/// The range of an integer tensor: 2 to 16 bits for activations and weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IntType {
    /// Width in bits, 2..=16.
    pub bits: u8,
    /// Signed or unsigned.
    pub sign: Sign,
}

impl IntType {
    /// Unsigned, `bits` wide.
    #[must_use]
    pub const fn unsigned(bits: u8) -> Self {
        Self {
            bits,
            sign: Sign::Unsigned,
        }
    }

    /// Two's complement, `bits` wide.
    #[must_use]
    pub const fn signed(bits: u8) -> Self {
        Self {
            bits,
            sign: Sign::Signed,
        }
    }

    /// The smallest value.
    #[must_use]
    pub const fn min(self) -> i32 {
        match self.sign {
            Sign::Unsigned => 0,
            Sign::Signed => -(1 << (self.bits - 1)),
        }
    }

    /// The largest value.
    #[must_use]
    pub const fn max(self) -> i32 {
        match self.sign {
            Sign::Unsigned => (1 << self.bits) - 1,
            Sign::Signed => (1 << (self.bits - 1)) - 1,
        }
    }

    /// Storage of one element in SRAM and DRAM: whole bytes.
    #[must_use]
    pub const fn bytes(self) -> Bytes {
        Bytes(self.bits.div_ceil(8) as u64)
    }
}

impl std::fmt::Display for IntType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = match self.sign {
            Sign::Unsigned => 'u',
            Sign::Signed => 'i',
        };
        write!(f, "{sign}{}", self.bits)
    }
}
