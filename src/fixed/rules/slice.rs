//! A bit slice: what plain Q-format RTL does, `y = acc[shift + bits - 1 : shift]`.

/// The accumulator without its low `shift` bits; below zero it is 0 first where there is a ReLU.
///
/// * `relu`: a test of the accumulator's sign, in front of the slice
///
/// Nothing is rounded: the low bits are dropped, towards minus infinity, so there are no ties. The output then
/// keeps the low bits of the result (`wrap`) or saturates. What wraps: with an unsigned output every result of
/// `2^bits` or more; with a signed one results of `2^(bits-1)` or more too, which become negative even behind a
/// ReLU, because no clamp follows. Without the ReLU negatives wrap alike.
#[inline]
pub(in crate::fixed) const fn scaled(acc: i64, shift: u32, relu: bool) -> i64 {
    let acc = if relu && acc < 0 { 0 } else { acc };
    acc >> shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_bits_and_tests_the_sign_first() {
        assert_eq!([7, 8, 15].map(|acc| scaled(acc, 3, true)), [0, 1, 1]);
        assert_eq!([-1, -8, -9].map(|acc| scaled(acc, 3, true)), [0; 3]);
        assert_eq!([-1, -8, -9].map(|acc| scaled(acc, 3, false)), [-1, -1, -2]);
        assert_eq!(scaled(i64::MIN, 62, false), -2);
    }
}
