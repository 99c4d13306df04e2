//! From the words of a dump to the elements of tensors.

use super::observed::{Element, Observed};
use crate::dump::{DumpError, Place, Word};
use crate::layout::{Layout, Placed};
use crate::reparam::LayerId;
use crate::tensor::{IntType, Sign};

/// Words of a tensor whose cycles are kept; of larger ones they are unknown.
const MOST_CYCLES: u64 = 1 << 26;

/// Why the reading of a dump stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// It cannot be read.
    Dump(DumpError),
    /// A word that belongs to no tensor.
    Beyond {
        /// Where the file has it.
        place: Place,
        /// Its address, or its number.
        word: u64,
    },
    /// A word of another width than described.
    Width(u32),
}

impl From<DumpError> for Stop {
    fn from(error: DumpError) -> Self {
        Self::Dump(error)
    }
}

/// The cycles in which words passed; `u32::MAX` where it is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Passed(pub(super) Vec<u32>);

/// A tensor that words fill.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) layer: LayerId,
    pub(super) placed: Placed,
    pub(super) observed: Observed,
    /// By word, where the dump tells cycles.
    pub(super) passed: Passed,
    range: IntType,
    lanes: u32,
    lane_bits: u32,
    first_lane_low: bool,
    /// Whether words lie as the model's elements do, an integer of their width each.
    direct: bool,
}

impl Target {
    pub(super) fn new(
        layer: LayerId,
        layout: &Layout,
        placed: Placed,
        range: IntType,
        len: usize,
    ) -> Self {
        let lane_bits = layout.lane_bits(range);
        let whole = u32::from(range.bits) == lane_bits && lane_bits.is_multiple_of(8);
        Self {
            layer,
            observed: Observed::missing(len, range),
            passed: Passed::default(),
            range,
            lanes: layout.lanes.get(),
            lane_bits,
            first_lane_low: layout.first_lane_low,
            direct: placed.is_plain() && whole && lane_bits <= 16,
            placed,
        }
    }

    /// Whether a word of this address is of this tensor.
    fn holds(&self, address: u64) -> bool {
        let first = self.placed.first_word();
        address
            .checked_sub(first)
            .is_some_and(|word| word < self.placed.words())
    }

    /// Takes the word with this number; `false` when the tensor has no such word.
    #[inline]
    fn take(&mut self, number: u64, word: &Word<'_>) -> bool {
        if self.placed.is_plain() && word.is_known() && word.bits <= 64 {
            let raw = word
                .value
                .iter()
                .rev()
                .fold(0, |raw, byte| raw << 8 | u64::from(*byte));
            let value = value(raw, word.bits, self.range);
            let at = usize::try_from(number).unwrap_or(usize::MAX);
            return self.observed.set(at, Element::Known(value)) && self.pass(number, word.place);
        }
        number < self.placed.words() && {
            self.lanes(number, word);
            self.pass(number, word.place)
        }
    }

    fn lanes(&mut self, number: u64, word: &Word<'_>) {
        for lane in 0..self.lanes {
            let position = number * u64::from(self.lanes) + u64::from(lane);
            let Some(at) = self.placed.element(position) else {
                continue;
            };
            let slot = if self.first_lane_low {
                lane
            } else {
                self.lanes - 1 - lane
            };
            let from = slot * self.lane_bits;
            let element = if bits(word.unknown, from, self.lane_bits) == 0 {
                let raw = bits(word.value, from, self.lane_bits);
                Element::Known(value(raw, self.lane_bits, self.range))
            } else {
                Element::Unknown
            };
            self.observed.set(at, element);
        }
    }

    /// How many words there are from address 0 on, where they lie as the model's elements do.
    fn plain_words(&self) -> Option<u64> {
        let all = self.direct && self.placed.first_word() == 0;
        all.then(|| self.placed.words())
    }

    /// Takes an integer as it is.
    fn integer(&mut self, number: u64, value: i64) -> bool {
        let clamped = value.clamp(i32::MIN.into(), i32::MAX.into());
        let element = i32::try_from(clamped).map_or(Element::Unknown, Element::Known);
        match self.placed.element(number) {
            Some(at) => self.observed.set(at, element),
            None => number < self.placed.positions(),
        }
    }

    /// Notes the cycle of a beat.
    fn pass(&mut self, number: u64, place: Place) -> bool {
        if let Place::Edge { cycle, .. } = place
            && self.placed.words() <= MOST_CYCLES
        {
            let words = usize::try_from(self.placed.words()).unwrap_or(usize::MAX);
            self.passed.0.resize(words, u32::MAX);
            let at = usize::try_from(number)
                .ok()
                .and_then(|at| self.passed.0.get_mut(at));
            if let Some(at) = at {
                *at = u32::try_from(cycle).unwrap_or(u32::MAX);
            }
        }
        true
    }
}

/// The tensors of one file, and which of them took the last word.
pub(super) struct Targets<'t> {
    targets: &'t mut [Target],
    at: usize,
    /// Words without an address so far.
    next: u64,
    /// Whether words of no tensor are passed over.
    others: bool,
    /// How many of them there were.
    pub(super) passed_over: u64,
}

impl<'t> Targets<'t> {
    /// `others`: whether the file may hold words of no tensor.
    pub(super) const fn new(targets: &'t mut [Target], others: bool) -> Self {
        Self {
            targets,
            at: 0,
            next: 0,
            others,
            passed_over: 0,
        }
    }

    /// Takes a word: by its address, or as the next one of the tensors in their order.
    #[inline]
    pub(super) fn word(&mut self, word: &Word<'_>) -> Result<(), Stop> {
        match word.address {
            Some(address) => self.addressed(address, word),
            None => self.in_turn(word),
        }
    }

    #[inline]
    fn addressed(&mut self, address: u64, word: &Word<'_>) -> Result<(), Stop> {
        let last = self.targets.get_mut(self.at);
        let taken = last.is_some_and(|target| {
            let number = address.wrapping_sub(target.placed.first_word());
            number < target.placed.words() && target.take(number, word)
        });
        if taken {
            Ok(())
        } else {
            self.elsewhere(address, word)
        }
    }

    /// A word that is not of the tensor that took the one before.
    #[cold]
    fn elsewhere(&mut self, address: u64, word: &Word<'_>) -> Result<(), Stop> {
        match self.targets.iter().position(|target| target.holds(address)) {
            Some(found) => {
                self.at = found;
                let target = &mut self.targets[found];
                target.take(address - target.placed.first_word(), word);
                Ok(())
            }
            None if self.others => {
                self.passed_over += 1;
                Ok(())
            }
            None => Err(beyond(word, address)),
        }
    }

    fn in_turn(&mut self, word: &Word<'_>) -> Result<(), Stop> {
        while let Some(target) = self.targets.get_mut(self.at) {
            if target.take(self.next, word) {
                self.next += 1;
                return Ok(());
            }
            self.next = 0;
            self.at += 1;
        }
        if self.others {
            self.passed_over += 1;
            return Ok(());
        }
        Err(beyond(word, self.next))
    }

    /// How many words there are, where one tensor lies as the model's does: then [`Self::piece`] takes them.
    pub(super) fn plain_words(&self) -> Option<u64> {
        match &self.targets {
            [target] => target.plain_words(),
            _ => None,
        }
    }

    /// Takes the bytes of words from `first` on; `false` when there are not so many.
    pub(super) fn piece(&mut self, first: u64, bytes: &[u8]) -> bool {
        let first = usize::try_from(first).unwrap_or(usize::MAX);
        let target = self.targets.first_mut();
        target.is_some_and(|target| target.observed.copy(first, bytes))
    }

    /// Takes an integer of an array by its number.
    pub(super) fn integer(&mut self, word: &Word<'_>, signed: bool) -> Result<(), Stop> {
        let raw = word.number().unwrap_or(u64::MAX);
        let value = if signed {
            extended(raw, word.bits)
        } else {
            i64::try_from(raw).unwrap_or(i64::MAX)
        };
        let number = word.address.unwrap_or(0);
        let taken = self
            .targets
            .first_mut()
            .is_some_and(|target| target.integer(number, value));
        if taken {
            Ok(())
        } else {
            Err(beyond(word, number))
        }
    }
}

fn beyond(word: &Word<'_>, number: u64) -> Stop {
    Stop::Beyond {
        place: word.place,
        word: number,
    }
}

/// `count` bits from bit `from` on, 64 at most; what lies above the bytes is 0.
fn bits(bytes: &[u8], from: u32, count: u32) -> u64 {
    let (first, shift) = (from as usize / 8, from % 8);
    let window = bytes.iter().skip(first).take(9).enumerate();
    let all = window.fold(0_u128, |all, (place, byte)| {
        all | u128::from(*byte) << (8 * place)
    });
    let kept = (all >> shift) & ((1_u128 << count.min(64)) - 1);
    u64::try_from(kept).unwrap_or(u64::MAX)
}

/// A number of `bits` bits in two's complement.
const fn extended(raw: u64, bits: u32) -> i64 {
    let unused = 64 - if bits > 64 { 64 } else { bits };
    (raw << unused).cast_signed() >> unused
}

/// The number that `bits` bits are as an element of `range`. Signed elements may be extended to the width of the word
/// by their sign or by zeros: `3f`, `ff` and `0000003f` are -1 in six bits.
pub(super) fn value(raw: u64, bits: u32, range: IntType) -> i32 {
    let whole = match range.sign {
        Sign::Signed => extended(raw, bits),
        Sign::Unsigned => i64::try_from(raw).unwrap_or(i64::MAX),
    };
    let inside = |value: &i64| i64::from(range.min()) <= *value && *value <= i64::from(range.max());
    let own = |width: u32| {
        (raw >> width == 0)
            .then(|| extended(raw, width))
            .filter(inside)
    };
    let zeros_above =
        || own(u32::from(range.bits)).or_else(|| own(8 * u32::from(range.bits.div_ceil(8))));
    let folded = match range.sign {
        Sign::Signed if !inside(&whole) => zeros_above(),
        Sign::Signed | Sign::Unsigned => None,
    };
    let value = folded
        .unwrap_or(whole)
        .clamp(i32::MIN.into(), i32::MAX.into());
    i32::try_from(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_as_wide_as_their_type_or_their_word() {
        let six = IntType::signed(6);
        let cases = [
            (0x3f, 8, six, -1),
            (0xff, 8, six, -1),
            (0x1f, 8, six, 31),
            (0x20, 8, six, -32),
            (0x80, 8, six, -128),
            (0x3f, 32, six, -1),
            (0xffff_ffff, 32, six, -1),
            (0xff, 8, IntType::unsigned(8), 255),
            (0xff, 32, IntType::signed(8), -1),
            (0x100, 32, IntType::signed(8), 256),
            (0xfffe, 16, IntType::signed(16), -2),
            (0xffff_ffff_ffff_ffff, 64, IntType::signed(8), -1),
            (0xffff_ffff, 32, IntType::unsigned(8), i32::MAX),
        ];
        for (raw, bits, range, number) in cases {
            assert_eq!(value(raw, bits, range), number, "{raw:x} in {bits}");
        }
    }

    #[test]
    fn lanes_may_lie_across_bytes() {
        let bytes = [0b1010_1100, 0b0101_0011, 0xff];
        assert_eq!(bits(&bytes, 0, 6), 0b10_1100);
        assert_eq!(bits(&bytes, 6, 6), 0b00_1110);
        assert_eq!(bits(&bytes, 12, 12), 0b1111_1111_0101);
        assert_eq!(bits(&bytes, 20, 12), 0b1111);
        assert_eq!(bits(&bytes, 64, 8), 0);
        assert_eq!(bits(&[0xff; 16], 3, 64), u64::MAX);
    }
}
