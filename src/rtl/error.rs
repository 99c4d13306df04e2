//! Why there are no files, or no answer in them.

use crate::problem::Problem;

/// What the RTL lacks most often.
pub(super) const VECTOR: &str = "vector unit";

/// Why a run cannot be given to the RTL, or its answer cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RtlError {
    /// A layer needs what the RTL does not have.
    #[error("layer `{layer}`: the RTL has no {what}")]
    Layer {
        /// Which layer.
        layer: String,
        /// What is missing.
        what: &'static str,
    },
    /// A layer is requantised by a rule that the RTL does not have.
    #[error("layer `{layer}`: the RTL has no requantisation by the rule `{rule}`")]
    Rule {
        /// Which layer.
        layer: String,
        /// Name of the rule.
        rule: &'static str,
    },
    /// The chip has what the RTL does not.
    #[error("the RTL has no {what}")]
    Chip {
        /// What is missing.
        what: &'static str,
        /// The chip's key that asks for it.
        key: &'static str,
    },
    /// An operation comes after more operations than it has places for.
    #[error("operation {op} comes after {found} operations, the RTL has places for {most}")]
    After {
        /// Which operation.
        op: usize,
        /// How many it comes after.
        found: usize,
        /// Places there are.
        most: usize,
    },
    /// The run needs a larger memory.
    #[error("the run needs larger memories than the bounds it was given")]
    Bounds,
    /// Schedule, chip, network and input do not belong together.
    #[error("the schedule was made for another {what}")]
    Other {
        /// What differs.
        what: &'static str,
    },
    /// A file of the RTL is no list of hexadecimal numbers.
    #[error("word {word} of {file} is `{text}`, not a hexadecimal number of {bits} bits")]
    Word {
        /// Which file.
        file: &'static str,
        /// Which word, from 0.
        word: usize,
        /// As written.
        text: String,
        /// Bits it should have.
        bits: u32,
    },
    /// A file of the RTL is shorter than it must be.
    #[error("{file} holds {found} words, not {wanted}")]
    Short {
        /// Which file.
        file: &'static str,
        /// Words found.
        found: usize,
        /// Words needed.
        wanted: usize,
    },
    /// A line of the write log is no word.
    #[error(
        "line {line} of writes.log is `{text}`, not cycle, operation, bank, word, lanes and data"
    )]
    Log {
        /// Which line, from 1.
        line: usize,
        /// As written.
        text: String,
    },
    /// A word was written that is not of its Sweep, or was written before.
    #[error("line {line} of writes.log is no new word of operation {op}")]
    Stray {
        /// Which line, from 1.
        line: usize,
        /// The operation.
        op: usize,
    },
    /// The write log lacks an element.
    #[error("layer `{layer}`: image {}, row {}, column {}, channel {} is not in writes.log", at[0], at[1], at[2], at[3])]
    Missing {
        /// Which layer.
        layer: String,
        /// Image, row, column, channel.
        at: [usize; 4],
    },
    /// A tensor was not written whole.
    #[error("byte {at} of DRAM, in tensor {tensor}, was never written")]
    Unknown {
        /// Address of the byte.
        at: u64,
        /// The tensor it belongs to.
        tensor: usize,
    },
}

impl RtlError {
    /// The key of a chip that stands in the way, and words to mark it with.
    #[must_use]
    pub fn key(&self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Chip { key, .. } => Some((key, "has no RTL")),
            Self::Layer { what, .. } if *what == VECTOR => Some(("vector.lanes", "has no RTL")),
            Self::Layer { .. }
            | Self::Rule { .. }
            | Self::After { .. }
            | Self::Bounds
            | Self::Other { .. }
            | Self::Word { .. }
            | Self::Short { .. }
            | Self::Log { .. }
            | Self::Stray { .. }
            | Self::Missing { .. }
            | Self::Unknown { .. } => None,
        }
    }

    const fn help(&self) -> &'static str {
        match self {
            Self::Layer { .. } => {
                "choose networks and chips whose layers all run on array and host: a chip without `[vector]` sends other \
                 layers to its host"
            }
            Self::Rule { .. } => {
                "choose the rule `multiplier` or `shift` and one of the five roundings"
            }
            Self::Chip { .. } => "choose another value: accumulators that wrap or saturate",
            Self::After { .. } => {
                "choose a mapping with fewer dependencies, such as a smaller batch"
            }
            Self::Bounds => "join the bounds of all runs that share a compiled RTL",
            Self::Other { .. } => "give schedule, chip, network, input and execution of one run",
            Self::Word { .. } | Self::Short { .. } | Self::Log { .. } => {
                "give the whole file of a simulation that ended, and of the same run"
            }
            Self::Stray { .. } | Self::Missing { .. } | Self::Unknown { .. } => {
                "check that the answer belongs to this run; if it does, RTL and model differ here"
            }
        }
    }
}

impl From<RtlError> for Problem {
    fn from(error: RtlError) -> Self {
        let code = match &error {
            RtlError::Layer { .. } => "rtl::layer",
            RtlError::Rule { .. } => "rtl::rule",
            RtlError::Chip { .. } => "rtl::chip",
            RtlError::After { .. } => "rtl::after",
            RtlError::Bounds => "rtl::bounds",
            RtlError::Other { .. } => "rtl::other_run",
            RtlError::Word { .. } => "rtl::word",
            RtlError::Short { .. } => "rtl::short_file",
            RtlError::Log { .. } => "rtl::log_line",
            RtlError::Stray { .. } => "rtl::stray_word",
            RtlError::Missing { .. } => "rtl::missing_element",
            RtlError::Unknown { .. } => "rtl::unknown_byte",
        };
        Self::new(code, error.to_string(), error.help())
    }
}
