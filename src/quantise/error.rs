//! Why a network cannot be quantised as asked.

use crate::fixed::FixedError;
use crate::problem::{Problem, Problems};

/// Numbers that do not fit the integers asked for.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// A width is outside 2..=16.
    #[error("{what} of {bits} bits are outside 2..=16")]
    Bits {
        /// Which numbers.
        what: &'static str,
        /// Their width.
        bits: u8,
    },
    /// A percentile is outside its range.
    #[error("a percentile of {percent} is not above 50 and at most 100")]
    Percentile {
        /// As given.
        percent: f64,
    },
    /// The calibration images do not fit the network.
    #[error("calibration images of shape {found:?} were given, the network reads {wanted:?}")]
    Images {
        /// Images, rows, columns, channels.
        found: [usize; 4],
        /// Rows, columns, channels.
        wanted: [usize; 3],
    },
    /// A tensor took a value that is not finite.
    #[error("tensor {tensor} takes the value {value} on the calibration images")]
    NotFinite {
        /// The tensor's name: that of its layer, or `input`.
        tensor: String,
        /// The value.
        value: f32,
    },
    /// A shortcut does not fit the accumulator of its convolution.
    #[error(
        "the shortcut of layer `{layer}` is {q} accumulator steps in channel {channel}; the form `accumulate` takes 1 to {most}"
    )]
    Shortcut {
        /// The convolution.
        layer: String,
        /// Its output channel.
        channel: usize,
        /// `s_r / (s_x · s_w)`.
        q: f64,
        /// The largest weight shifted by 15.
        most: f64,
    },
    /// A bias does not fit 64 bits.
    #[error("the bias of layer `{layer}` is {value} accumulator steps in channel {channel}")]
    Bias {
        /// The layer.
        layer: String,
        /// Its output channel.
        channel: usize,
        /// The bias before rounding.
        value: f64,
    },
    /// A requantisation has no integers.
    #[error("layer `{layer}`: {error}")]
    Scale {
        /// The layer.
        layer: String,
        /// What is wrong with its scales.
        error: FixedError,
    },
}

impl From<QuantiseError> for Problem {
    fn from(error: QuantiseError) -> Self {
        let (code, help) = match &error {
            QuantiseError::Bits { .. } => ("quantise::bits", "choose 2 to 16 bits"),
            QuantiseError::Percentile { .. } => (
                "quantise::percentile",
                "choose a percentile above 50 and at most 100, such as 99.99",
            ),
            QuantiseError::Images { .. } => (
                "quantise::images",
                "give at least one image of the network's input shape",
            ),
            QuantiseError::NotFinite { .. } => (
                "quantise::not_finite",
                "check the parameters of the network and the normalisation of the images",
            ),
            QuantiseError::Shortcut { .. } => (
                "quantise::shortcut",
                "set residual = \"separate\", or give the weights more bits",
            ),
            QuantiseError::Bias { .. } => (
                "quantise::bias",
                "look for a channel whose weights are almost zero beside its bias",
            ),
            QuantiseError::Scale { .. } => (
                "quantise::scale",
                "check the calibration images: a tensor's range is far from what its layer computes",
            ),
        };
        Self::new(code, error.to_string(), help)
    }
}

impl From<QuantiseError> for Problems {
    fn from(error: QuantiseError) -> Self {
        Problem::from(error).into()
    }
}
