//! One exact product, one rounding: the families `shift` and `multiplier`.

use crate::fixed::{Rounding, shift_round, shift_round_i64};

/// `round(acc · multiplier / 2^shift)`, exact for every `i64`.
///
/// Ties and negatives: see the table of [`shift_round`].
#[inline]
pub(in crate::fixed) fn scaled(acc: i64, multiplier: i32, shift: u32, rounding: Rounding) -> i128 {
    match i32::try_from(acc) {
        Ok(acc) => {
            let product = i64::from(acc) * i64::from(multiplier);
            i128::from(shift_round_i64(product, shift, rounding))
        }
        Err(_) => shift_round(i128::from(acc) * i128::from(multiplier), shift, rounding),
    }
}
