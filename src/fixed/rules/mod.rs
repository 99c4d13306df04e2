//! One definition a rule: from an accumulator to the scaled integer, before zero point and clamp.
//!
//! In: an accumulator, a multiplier and a shift (scale = `multiplier / 2^shift`), as [`super::Requantise::check`]
//! accepts them. Out: an integer that may leave the output type. The families:
//!
//! | file | rules | rounds | ties |
//! |---|---|---|---|
//! | `once` | `shift`, `multiplier` | the exact product, once | as its rounding says |
//! | `tosa` | `tosa_single`, `tosa_double` | once; or at bit 31 and at `shift`, in one addition | up; away from zero |
//! | `gemmlowp` | `tflite_double`, `tflite_single`, `ruy` | at bit 31, then at `shift`; or once | see there |
//! | `float32` | `float32_half_even` | the float32 product, after the clamp | to even |
//! | `slice` | `slice` | never: bits below the slice are dropped | none |
//!
//! The published rules of TOSA, gemmlowp and ruy read an int32. A wider accumulator saturates to it first
//! ([`int32`]), as in front of a 32-bit requantiser port; below 2^31 this changes nothing.

pub(super) mod float32;
pub(super) mod gemmlowp;
mod last;
pub(super) mod once;
pub(super) mod slice;
pub(super) mod tosa;

pub use last::LastRounding;

use super::Rule;

/// An accumulator times `multiplier / 2^shift` by `rule`: before zero point, output type and clamp.
///
/// * `multiplier`, `shift`: inside [`Rule::limits`]
/// * `around`: the clamp without the zero point, `lower - z ..= upper - z`: a float32 product is clamped to it
///   before the rounding, and a slice has a sign test where it starts at 0
#[must_use]
pub fn scaled(rule: Rule, acc: i64, multiplier: i32, shift: u32, around: [i32; 2]) -> i128 {
    let narrow = |of: fn(i32, i32, u32) -> i64| i128::from(of(int32(acc), multiplier, shift));
    match rule {
        Rule::Shift(rounding) | Rule::Multiplier(rounding) => {
            once::scaled(acc, multiplier, shift, rounding)
        }
        Rule::TosaSingle => narrow(tosa::single),
        Rule::TosaDouble => narrow(tosa::double),
        Rule::TfliteDouble => narrow(gemmlowp::double),
        Rule::TfliteSingle => narrow(gemmlowp::single),
        Rule::Ruy => narrow(gemmlowp::ruy),
        Rule::Float32HalfEven => float32::Float32::new(multiplier, shift, around)
            .scaled(acc)
            .into(),
        Rule::Slice => slice::scaled(acc, shift, around[0] == 0).into(),
    }
}

/// An accumulator as the int32 that a published rule reads: saturated when it has more bits.
#[inline]
pub(super) fn int32(acc: i64) -> i32 {
    let inside = acc.clamp(i64::from(i32::MIN), i64::from(i32::MAX));
    i32::try_from(inside).expect("clamped to 32 bits")
}
