//! Division by a power of two, rounded by name.

use super::Rounding;
use std::cmp::Ordering;

/// `value / 2^shift`, rounded. Exact for every `value`; a shift of 0 gives `value` back.
///
/// | rounding | -2.5 | -1.5 | -0.5 | 0.5 | 1.5 | 2.5 | -1.75 | 1.75 |
/// |---|---|---|---|---|---|---|---|---|
/// | `Floor` | -3 | -2 | -1 | 0 | 1 | 2 | -2 | 1 |
/// | `TowardZero` | -2 | -1 | 0 | 0 | 1 | 2 | -1 | 1 |
/// | `HalfUp` | -2 | -1 | 0 | 1 | 2 | 3 | -2 | 2 |
/// | `HalfEven` | -2 | -2 | 0 | 0 | 2 | 2 | -2 | 2 |
/// | `HalfAway` | -3 | -2 | -1 | 1 | 2 | 3 | -2 | 2 |
///
/// # Panics
/// When `shift` is above 126.
#[must_use]
pub const fn shift_round(value: i128, shift: u32, rounding: Rounding) -> i128 {
    assert!(shift <= 126, "a shift is at most 126");
    if shift == 0 {
        return value;
    }
    let floor = value >> shift;
    let rest = value - (floor << shift);
    let half = 1i128 << (shift - 1);
    let rest = if rest == 0 {
        Rest::None
    } else if rest < half {
        Rest::BelowHalf
    } else if rest == half {
        Rest::Half
    } else {
        Rest::AboveHalf
    };
    floor + rest.carry(rounding, value < 0, floor & 1 == 1) as i128
}

/// [`shift_round`] in 64 bits: equal for every `value`.
///
/// # Panics
/// When `shift` is above 62.
#[must_use]
#[inline]
pub fn shift_round_i64(value: i64, shift: u32, rounding: Rounding) -> i64 {
    assert!(shift <= 62, "a shift is at most 62");
    if shift == 0 {
        return value;
    }
    let floor = value >> shift;
    let rest = value - (floor << shift);
    let half = 1i64 << (shift - 1);
    let carry = match rounding {
        Rounding::Floor => false,
        Rounding::TowardZero => value < 0 && rest != 0,
        Rounding::HalfUp => rest >= half,
        Rounding::HalfEven => match rest.cmp(&half) {
            Ordering::Less => false,
            Ordering::Equal => floor & 1 == 1,
            Ordering::Greater => true,
        },
        Rounding::HalfAway => rest > half || (rest == half && value >= 0),
    };
    floor + i64::from(carry)
}

/// What a floor leaves over, as a part of one step.
#[derive(Clone, Copy)]
enum Rest {
    None,
    BelowHalf,
    Half,
    AboveHalf,
}

impl Rest {
    /// Whether the rounding takes the integer above the floor.
    const fn carry(self, rounding: Rounding, negative: bool, floor_is_odd: bool) -> bool {
        match rounding {
            Rounding::Floor => false,
            Rounding::TowardZero => negative && !matches!(self, Self::None),
            Rounding::HalfUp => matches!(self, Self::Half | Self::AboveHalf),
            Rounding::HalfEven => match self {
                Self::None | Self::BelowHalf => false,
                Self::Half => floor_is_odd,
                Self::AboveHalf => true,
            },
            Rounding::HalfAway => match self {
                Self::None | Self::BelowHalf => false,
                Self::Half => !negative,
                Self::AboveHalf => true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) const ALL: [Rounding; 5] = [
        Rounding::Floor,
        Rounding::TowardZero,
        Rounding::HalfUp,
        Rounding::HalfEven,
        Rounding::HalfAway,
    ];

    #[test]
    fn the_documented_table_holds() {
        let quarters = [-10, -6, -2, 2, 6, 10, -7, 7];
        let table = [
            (Rounding::Floor, [-3, -2, -1, 0, 1, 2, -2, 1]),
            (Rounding::TowardZero, [-2, -1, 0, 0, 1, 2, -1, 1]),
            (Rounding::HalfUp, [-2, -1, 0, 1, 2, 3, -2, 2]),
            (Rounding::HalfEven, [-2, -2, 0, 0, 2, 2, -2, 2]),
            (Rounding::HalfAway, [-3, -2, -1, 1, 2, 3, -2, 2]),
        ];
        for (rounding, want) in table {
            for (value, want) in quarters.into_iter().zip(want) {
                assert_eq!(
                    shift_round(value.into(), 2, rounding),
                    want,
                    "{rounding:?} {value}/4"
                );
                assert_eq!(
                    shift_round_i64(value, 2, rounding),
                    i64::try_from(want).unwrap()
                );
            }
        }
    }

    #[test]
    fn the_ends_of_the_range_do_not_overflow() {
        for rounding in ALL {
            for value in [i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX] {
                for shift in [0, 1, 31, 61, 62] {
                    assert_eq!(
                        i128::from(shift_round_i64(value, shift, rounding)),
                        shift_round(i128::from(value), shift, rounding)
                    );
                }
            }
            let _ = shift_round(i128::MIN, 126, rounding);
            let _ = shift_round(i128::MAX, 1, rounding);
        }
    }

    /// The formulas hardware uses, with their additions before the shift.
    fn by_addition(a: i128, s: u32, rounding: Rounding) -> i128 {
        if s == 0 {
            return a;
        }
        let h = 1i128 << (s - 1);
        let negative = i128::from(a < 0);
        match rounding {
            Rounding::Floor => a >> s,
            Rounding::TowardZero => (a + negative * ((1 << s) - 1)) >> s,
            Rounding::HalfUp => (a + h) >> s,
            Rounding::HalfEven => (a + h - 1 + ((a >> s) & 1)) >> s,
            Rounding::HalfAway => (a + h - negative) >> s,
        }
    }

    /// Values on a tie and beside it, and any others.
    fn near_a_tie() -> impl Strategy<Value = (i64, u32)> {
        (0u32..=62, any::<i32>(), -1i64..=1).prop_flat_map(|(shift, steps, off)| {
            let half = if shift == 0 { 0 } else { 1i128 << (shift - 1) };
            let wide = (i128::from(steps) << shift) + half + i128::from(off);
            let tie = i64::try_from(wide).unwrap_or(off);
            (prop_oneof![3 => Just(tie), 1 => any::<i64>()], Just(shift))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn both_widths_equal_the_formulas_with_additions((value, shift) in near_a_tie(), r in 0usize..5) {
            let rounding = ALL[r];
            let want = by_addition(i128::from(value), shift, rounding);
            prop_assert_eq!(shift_round(i128::from(value), shift, rounding), want);
            prop_assert_eq!(i128::from(shift_round_i64(value, shift, rounding)), want);
        }

        #[test]
        fn nearest_is_nearest_and_a_tie_goes_where_its_name_says((value, shift) in near_a_tie()) {
            let (v, one) = (i128::from(value), 1i128 << shift);
            for rounding in ALL {
                let q = shift_round(v, shift, rounding);
                let error = q * one - v;
                let ok = match rounding {
                    Rounding::Floor => -one < error && error <= 0,
                    Rounding::TowardZero => error.abs() < one && (q * one).abs() <= v.abs(),
                    Rounding::HalfUp => 2 * error.abs() < one || (2 * error == one),
                    Rounding::HalfEven => 2 * error.abs() < one || (2 * error.abs() == one && q % 2 == 0),
                    Rounding::HalfAway => 2 * error.abs() < one
                        || (2 * error.abs() == one && (q * one).abs() > v.abs()),
                };
                prop_assert!(ok, "{:?}: {} / 2^{} gave {}", rounding, v, shift, q);
            }
        }
    }
}
