//! What a dump says of a tensor, packed: a byte or few an element, and two bits of what is known of it.

use crate::tensor::{IntType, Sign};

/// What a dump says of one element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Its value.
    Known(i32),
    /// A bit of it is `x` or `z`.
    Unknown,
    /// The dump ends before it, or it was never written.
    Missing,
    /// Such a dump does not hold it, and does not need to.
    Outside,
}

const MISSING: u8 = 0;
const KNOWN: u8 = 1;
const UNKNOWN: u8 = 2;
const OUTSIDE: u8 = 3;

/// All elements of a tensor, by number in memory order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    len: usize,
    range: Range,
    /// Little endian.
    values: Vec<u8>,
    /// Four a byte.
    states: Vec<u8>,
}

/// What a stored value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    bytes: usize,
    signed: bool,
}

impl Observed {
    /// `len` elements of `range`, all missing. A value outside the range can still be set.
    #[must_use]
    pub fn missing(len: usize, range: IntType) -> Self {
        let range = Range {
            bytes: match range.bits {
                0..=8 => 1,
                9..=16 => 2,
                _ => 4,
            },
            signed: range.sign == Sign::Signed,
        };
        Self {
            len,
            range,
            values: vec![0; len * range.bytes],
            states: vec![0; len.div_ceil(4)],
        }
    }

    /// How many elements there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is known of element `at`.
    ///
    /// # Panics
    /// When there is no such element.
    #[must_use]
    #[inline]
    pub fn get(&self, at: usize) -> Element {
        match self.states[at / 4] >> (at % 4 * 2) & 3 {
            MISSING => Element::Missing,
            KNOWN => Element::Known(self.value(at)),
            UNKNOWN => Element::Unknown,
            _ => Element::Outside,
        }
    }

    /// All elements.
    pub fn iter(&self) -> impl Iterator<Item = Element> {
        (0..self.len).map(|at| self.get(at))
    }

    /// Sets what is known of element `at`; `false` when there is no such element.
    #[inline]
    pub fn set(&mut self, at: usize, element: Element) -> bool {
        if at >= self.len {
            return false;
        }
        let state = match element {
            Element::Missing => MISSING,
            Element::Known(value) => {
                self.put(at, value);
                KNOWN
            }
            Element::Unknown => UNKNOWN,
            Element::Outside => OUTSIDE,
        };
        let shift = at % 4 * 2;
        let four = &mut self.states[at / 4];
        *four = *four & !(3 << shift) | state << shift;
        true
    }

    /// Sets elements from `at` on to the integers that `bytes` are, little endian and as wide as [`Self::missing`] made
    /// them; `false` when there are not so many elements, or they are no longer so wide.
    pub(super) fn copy(&mut self, at: usize, bytes: &[u8]) -> bool {
        let size = self.range.bytes;
        let count = bytes.len() / size;
        if at.checked_add(count).is_none_or(|end| end > self.len) {
            return false;
        }
        self.values[at * size..(at + count) * size].copy_from_slice(&bytes[..count * size]);
        let end = at + count;
        let (head, tail) = (at.next_multiple_of(4).min(end), (end / 4 * 4).max(at));
        for at in (at..head).chain(tail.max(head)..end) {
            let shift = at % 4 * 2;
            self.states[at / 4] = self.states[at / 4] & !(3 << shift) | KNOWN << shift;
        }
        if head < tail {
            self.states[head / 4..tail / 4].fill(KNOWN * 0b0101_0101);
        }
        true
    }

    #[inline]
    fn value(&self, at: usize) -> i32 {
        let bytes = self.range.bytes;
        let stored = &self.values[at * bytes..(at + 1) * bytes];
        match (stored, self.range.signed) {
            ([a], true) => i32::from(a.cast_signed()),
            ([a], false) => i32::from(*a),
            ([a, b], true) => i32::from(i16::from_le_bytes([*a, *b])),
            ([a, b], false) => i32::from(u16::from_le_bytes([*a, *b])),
            ([a, b, c, d], _) => i32::from_le_bytes([*a, *b, *c, *d]),
            _ => 0,
        }
    }

    #[inline]
    fn put(&mut self, at: usize, value: i32) {
        let bytes = self.range.bytes;
        let stored = value.to_le_bytes();
        self.values[at * bytes..(at + 1) * bytes].copy_from_slice(&stored[..bytes]);
        if bytes < 4 && self.value(at) != value {
            self.widen();
            self.put(at, value);
        }
    }

    /// Makes room for any value, after the first that has no place.
    #[cold]
    fn widen(&mut self) {
        let wide = (0..self.len).flat_map(|at| self.value(at).to_le_bytes());
        self.values = wide.collect();
        self.range = Range {
            bytes: 4,
            signed: true,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_element() -> impl Strategy<Value = Element> {
        prop_oneof![
            4 => (-40_000..70_000_i32).prop_map(Element::Known),
            4 => (-128..256_i32).prop_map(Element::Known),
            1 => Just(Element::Unknown),
            1 => Just(Element::Missing),
            1 => Just(Element::Outside),
        ]
    }

    proptest! {
        #[test]
        fn a_copy_is_as_many_single_ones(at in 0..30_usize, values: Vec<i16>, wide: bool) {
            let bits = if wide { 16 } else { 8 };
            let bytes: Vec<u8> = if wide {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            } else {
                values.iter().map(|value| value.to_le_bytes()[0]).collect()
            };
            let mut copied = Observed::missing(40, IntType::signed(bits));
            let mut single = copied.clone();
            let fits = at + values.len() <= 40;
            prop_assert_eq!(copied.copy(at, &bytes), fits);
            if fits {
                for (place, value) in values.iter().enumerate() {
                    let value = if wide { i32::from(*value) } else { i32::from(value.to_le_bytes()[0].cast_signed()) };
                    single.set(at + place, Element::Known(value));
                }
            }
            prop_assert_eq!(copied, single);
        }

        #[test]
        fn what_is_set_last_is_there(
            writes in prop::collection::vec((0..23_usize, any_element()), 0..60),
            bits in 1..17_u8,
            signed: bool,
        ) {
            let range = if signed { IntType::signed(bits) } else { IntType::unsigned(bits) };
            let mut observed = Observed::missing(21, range);
            let mut plain = vec![Element::Missing; 21];
            for (at, element) in writes {
                prop_assert_eq!(observed.set(at, element), at < 21);
                if at < 21 {
                    plain[at] = element;
                }
            }
            prop_assert_eq!(observed.iter().collect::<Vec<_>>(), plain);
        }
    }
}
