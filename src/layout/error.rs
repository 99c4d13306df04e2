//! Layouts that cannot be.

/// Why a layout does not fit a tensor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The loops of an axis leave elements out, or count one twice.
    #[error("the loops of axis `{axis}` make up {counted} of its {size} elements")]
    Axis {
        /// Its letter.
        axis: char,
        /// Elements that the loops count without a gap.
        counted: usize,
        /// Elements of the axis.
        size: usize,
    },
    /// Two elements would have one position.
    #[error(
        "a stride of {stride} positions is too short: what lies inside that loop needs {needed}"
    )]
    Overlap {
        /// The stride.
        stride: u64,
        /// The least that it could be.
        needed: u64,
    },
    /// Positions beyond those that any dump has.
    #[error("first word and strides reach beyond {most} positions, padding included")]
    TooLarge {
        /// The most that are taken.
        most: u64,
    },
}

impl LayoutError {
    /// What to do about it.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Axis { .. } => {
                "write each axis whole, as `c`, or in parts that make it up, as `c/8` with `c%8`"
            }
            Self::Overlap { .. } => {
                "give each loop a stride of at least the extent of what lies inside it"
            }
            Self::TooLarge { .. } => "check the strides, which count elements, and the first word",
        }
    }
}
