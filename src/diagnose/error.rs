//! What cannot be compared.

/// Why there is no [`super::Case`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiagnoseError {
    /// The layer is not on the array, or is no layer of the schedule.
    #[error("layer {layer} is not a convolution or fully connected layer on the array")]
    NotOnArray {
        /// Its number.
        layer: usize,
    },
    /// A tensor has another shape than the layer gives it.
    #[error("the {tensor} has the shape {found:?} (image, row, column, channel), not {wanted:?}")]
    Shape {
        /// Which tensor.
        tensor: &'static str,
        /// Shape given.
        found: [usize; 4],
        /// Shape needed.
        wanted: [usize; 4],
    },
    /// The integers do not fit the layer.
    #[error("the {what} of the layer do not fit its shape")]
    Integers {
        /// Which integers.
        what: &'static str,
    },
    /// The golden output does not follow from the golden input and the integers.
    #[error(
        "the golden output at {at:?} (image, row, column, channel) is {given}, its input gives {computed}"
    )]
    NotGolden {
        /// Which element.
        at: [usize; 4],
        /// In the golden output.
        given: i32,
        /// From input and integers.
        computed: i32,
    },
    /// There is no such element.
    #[error("there is no element {at:?} (image, row, column, channel)")]
    NoElement {
        /// Which element.
        at: [usize; 4],
    },
}
