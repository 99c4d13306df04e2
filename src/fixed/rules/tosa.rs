//! RESCALE of the TOSA specification, `scale32 = true`.
//!
//! Source: arm/tosa-specification, pseudocode of RESCALE and `apply_scale_32`. There the shift is 2..=62, and a
//! result beyond int32 is unpredictable; here it stays exact, so that the output saturates.

/// `SINGLE_ROUND`: `(acc · multiplier + 2^(shift-1)) >> shift`.
///
/// To nearest; ties up, for negatives too: -2.5 gives -2.
#[inline]
pub(in crate::fixed) fn single(acc: i32, multiplier: i32, shift: u32) -> i64 {
    (product(acc, multiplier) + half(shift)) >> shift
}

/// `DOUBLE_ROUND`: `(acc · multiplier + 2^(shift-1) ± 2^30) >> shift`, plus for `acc >= 0`, minus below; the
/// `2^30` only when `shift > 31`.
///
/// A number up to half a step of bit 31 short of a tie is rounded away from zero as well: 2.5 gives 3, -2.5 gives
/// -3, and so does 2.4999999 when what is missing lies below bit 31.
#[inline]
pub(in crate::fixed) fn double(acc: i32, multiplier: i32, shift: u32) -> i64 {
    let first = match (shift > 31, acc >= 0) {
        (false, _) => 0,
        (true, true) => 1 << 30,
        (true, false) => -(1 << 30),
    };
    (product(acc, multiplier) + half(shift) + first) >> shift
}

fn product(acc: i32, multiplier: i32) -> i64 {
    i64::from(acc) * i64::from(multiplier)
}

fn half(shift: u32) -> i64 {
    1 << (shift - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_worked_by_hand() {
        // 0.5 = 2^30 / 2^31: shifts of 31 and 32 divide by 2 and 4.
        let single = |acc, shift| single(acc, 1 << 30, shift);
        let double = |acc, shift| double(acc, 1 << 30, shift);
        assert_eq!([5, -5, 3, -3].map(|acc| single(acc, 31)), [3, -2, 2, -1]);
        assert_eq!([5, -5, 3, -3].map(|acc| double(acc, 31)), [3, -2, 2, -1]);
        // 10 / 4 and -10 / 4: half a step of bit 31 takes the tie away from zero.
        assert_eq!([10, -10, 6, -6].map(|acc| single(acc, 32)), [3, -2, 2, -1]);
        assert_eq!([10, -10, 6, -6].map(|acc| double(acc, 32)), [3, -3, 2, -2]);
        // 9 / 4 = 2.25, but 9 / 2 = 4.5 rounds to 5 first, and 5 / 2 to 3.
        assert_eq!([9, -9].map(|acc| single(acc, 32)), [2, -2]);
        assert_eq!([9, -9].map(|acc| double(acc, 32)), [3, -2]);
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        for shift in [2, 31, 32, 62] {
            for acc in [i32::MIN, i32::MAX] {
                let exact = i128::from(acc) * i128::from(i32::MAX);
                let half = 1i128 << (shift - 1);
                assert_eq!(
                    i128::from(single(acc, i32::MAX, shift)),
                    (exact + half) >> shift
                );
                let first = i128::from(i8::from(shift > 31)) << 30;
                let first = if acc < 0 { -first } else { first };
                assert_eq!(
                    i128::from(double(acc, i32::MAX, shift)),
                    (exact + half + first) >> shift
                );
            }
        }
    }
}
