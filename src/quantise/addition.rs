//! The scales of an addition, as the program computes them whose rule it follows.

use super::operators::Site;
use super::{TensorQuant, factor};
use crate::fixed::{AddForm, FixedError};
use crate::tensor::{IntType, Sign};

/// The scales of an addition.
pub(super) struct Operands {
    /// Of each operand.
    pub(super) multipliers: [i32; 2],
    /// How they become one sum.
    pub(super) form: AddForm,
    /// Multiplier and shift of the sum.
    pub(super) sum: (i32, u8),
}

impl Site<'_> {
    /// Both operands against twice the larger scale, shifted left as far as 32 bits allow.
    ///
    /// Source: tensorflow `lite/kernels/add.cc`, `Prepare`; its 16-bit tensors are symmetric.
    pub(super) fn rescaled(&self) -> Result<Operands, FixedError> {
        let scale = |tensor: &TensorQuant| f64::from(super::real::nearest_f32(tensor.scale));
        let inputs = [0, 1].map(|side: usize| scale(self.inputs[side]));
        let twice = 2.0 * inputs[0].max(inputs[1]);
        let left_shift = (self.inputs.iter())
            .map(|tensor| left_shift(tensor.range))
            .fold(20, u8::min);
        let unit = f64::from(1_u32 << left_shift) * scale(self.output);
        let of = |ratio| factor::scale(self.settings.rule, ratio, 31);
        let scales = [of(inputs[0] / twice)?, of(inputs[1] / twice)?];
        Ok(Operands {
            multipliers: scales.map(|(multiplier, _)| multiplier),
            form: AddForm::Rescaled {
                left_shift,
                shifts: scales.map(|(_, shift)| shift),
            },
            sum: of(twice / unit)?,
        })
    }

    /// Both operands in float32 output steps.
    pub(super) fn floats(&self) -> Result<Operands, FixedError> {
        let rule = self.settings.rule;
        let of = |side: usize| {
            let ratio = factor::of_operand(rule, self.inputs[side].scale, self.output.scale);
            factor::scale(rule, ratio, 24)
        };
        let scales = [of(0)?, of(1)?];
        Ok(Operands {
            multipliers: scales.map(|(multiplier, _)| multiplier),
            form: AddForm::Float32 {
                shifts: scales.map(|(_, shift)| shift),
            },
            sum: (1, 0),
        })
    }
}

/// Bits that an operand may go to the left in front of its rescale: 20 for 8 bits, as many as 32 bits hold above.
fn left_shift(range: IntType) -> u8 {
    match (range.bits, range.sign) {
        (..=8, _) => 20,
        (9..=15, _) | (_, Sign::Signed) => 15,
        (_, Sign::Unsigned) => 14,
    }
}
