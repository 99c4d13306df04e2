//! One exact product, one rounding: the families `shift` and `multiplier`.

use crate::fixed::{Rounding, shift_round, shift_round_i64};

/// [`scaled`] of an accumulator of 32 bits.
#[inline]
pub(in crate::fixed) fn narrow(acc: i32, multiplier: i32, shift: u32, rounding: Rounding) -> i64 {
    shift_round_i64(i64::from(acc) * i64::from(multiplier), shift, rounding)
}

/// `round(acc · multiplier / 2^shift)`, exact for every `i64`.
///
/// Ties and negatives: see the table of [`shift_round`].
#[inline]
pub(in crate::fixed) fn scaled(acc: i64, multiplier: i32, shift: u32, rounding: Rounding) -> i128 {
    match i32::try_from(acc) {
        Ok(acc) => narrow(acc, multiplier, shift, rounding).into(),
        Err(_) => shift_round(i128::from(acc) * i128::from(multiplier), shift, rounding),
    }
}
