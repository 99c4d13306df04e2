//! What can go wrong while integers are made, and with a frozen file.

use crate::fixed::FixedError;
use crate::problem::{Problem, Problems};

/// Why there is no integer network.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum QuantiseError {
    /// A width is outside 2..=16.
    #[error("{bits} bits for the {what} are outside 2..=16")]
    Bits {
        /// Whose width.
        what: &'static str,
        /// The width.
        bits: u8,
    },
    /// A percentile is outside 50..=100.
    #[error("the percentile {percent} is outside 50..=100")]
    Percentile {
        /// The percentile.
        percent: f64,
    },
    /// The width of a multiplier is outside 1..=31.
    #[error("a multiplier of {bits} bits is outside 1..=31")]
    MultiplierBits {
        /// The width.
        bits: u8,
    },
    /// An output cannot trap.
    #[error("the output of a layer cannot trap")]
    OutputTrap,
    /// The images do not fit the network.
    #[error("images of shape {found:?} were given, the network reads {wanted:?}")]
    Images {
        /// Images, rows, columns, channels.
        found: [usize; 4],
        /// Rows, columns, channels.
        wanted: [usize; 3],
    },
    /// A tensor or a weight is infinite or not a number.
    #[error("layer `{layer}`: {what} holds a value that is infinite or not a number")]
    NotFinite {
        /// Which layer; `input` for the network's input.
        layer: String,
        /// `its output`, `its weight`.
        what: &'static str,
    },
    /// A requantisation cannot be expressed.
    #[error("layer `{layer}`: {error}")]
    Requantise {
        /// Which layer.
        layer: String,
        /// Why.
        error: FixedError,
    },
    /// A shortcut cannot be added into an accumulator.
    #[error(
        "layer `{layer}`, channel {channel}: a step of the shortcut is {q:.4} accumulator steps, outside 1..={most}"
    )]
    Shortcut {
        /// Which layer.
        layer: String,
        /// Which output channel.
        channel: usize,
        /// `s_r / (s_x · s_w[channel])`.
        q: f64,
        /// Largest factor, `w_max · 2^15`.
        most: f64,
    },
    /// Integer tensors do not belong to the network.
    #[error("tensor {tensor}: the integers have the shape {found:?}, not {wanted:?}")]
    Integers {
        /// Which tensor.
        tensor: usize,
        /// Shape given.
        found: Vec<usize>,
        /// Shape of the network's tensor.
        wanted: Vec<usize>,
    },
    /// A frozen file cannot be read.
    #[error("`{path}` cannot be read: {error}")]
    File {
        /// Path of the file.
        path: String,
        /// What the system said.
        error: String,
    },
    /// A file is no frozen network.
    #[error("`{path}` is no frozen network: {what}")]
    Format {
        /// Path of the file.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// A frozen file was made by another version of the format.
    #[error("`{path}` has format version {found}, this program reads version {wanted}")]
    Version {
        /// Path of the file.
        path: String,
        /// Version of the file.
        found: u32,
        /// Version read here.
        wanted: u32,
    },
    /// A frozen file was changed after it was written.
    #[error("`{path}`: its content has the digest {found}, it was written with {wanted}")]
    Digest {
        /// Path of the file.
        path: String,
        /// Digest of the content.
        found: String,
        /// Digest in the file.
        wanted: String,
    },
}

impl From<QuantiseError> for Problem {
    fn from(error: QuantiseError) -> Self {
        let message = error.to_string();
        let (code, help) = match error {
            QuantiseError::Bits { .. } => ("quantise::bits", "give a width of 2 to 16 bits"),
            QuantiseError::Percentile { .. } => (
                "quantise::percentile",
                "give a percentile of 50 to 100, such as 99.99",
            ),
            QuantiseError::MultiplierBits { .. } => (
                "quantise::multiplier_bits",
                "choose a multiplier of 1 to 31 bits",
            ),
            QuantiseError::OutputTrap => (
                "quantise::output_trap",
                "choose `wrap` or `saturate` at the output",
            ),
            QuantiseError::Images { .. } => (
                "quantise::images",
                "give at least one image of the network's input shape",
            ),
            QuantiseError::NotFinite { .. } => (
                "quantise::not_finite",
                "check the weights and the images: all values must be finite",
            ),
            QuantiseError::Requantise { .. } => (
                "quantise::requantise",
                "use the `multiplier` family with more multiplier bits, or wider activations",
            ),
            QuantiseError::Shortcut { .. } => (
                "quantise::shortcut",
                "set `numerics.residual = \"separate\"`: the addition then rescales both operands",
            ),
            QuantiseError::Integers { .. } => (
                "quantise::integers",
                "give every tensor of one run of this network on these images",
            ),
            QuantiseError::File { .. } => (
                "quantise::file",
                "check that the file exists and that you may read it",
            ),
            QuantiseError::Format { .. } => (
                "quantise::format",
                "give a file that `repchip quantise` wrote, whole",
            ),
            QuantiseError::Version { .. } => (
                "quantise::version",
                "freeze the network again with this version of the program",
            ),
            QuantiseError::Digest { .. } => (
                "quantise::digest",
                "the file was changed or damaged: freeze the network again",
            ),
        };
        Self::new(code, message, help)
    }
}

impl From<QuantiseError> for Problems {
    fn from(error: QuantiseError) -> Self {
        Problem::from(error).into()
    }
}
