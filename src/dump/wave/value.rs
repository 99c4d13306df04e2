//! The value of a signal, as the waveform has it until somebody looks.

use crate::dump::{bytes_of, number};
use wellen::{BitVecRef, SignalValueRef, States};

/// Bits of a signal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Value {
    bits: u32,
    states: States,
    /// As [`BitVecRef`] has it.
    raw: Vec<u8>,
    /// The lowest bit, if it is known.
    bit: Option<bool>,
}

impl Value {
    /// `bits` unknown bits.
    pub(super) fn unknown(bits: u32) -> Self {
        let each = 2 * bits;
        // Each of two bits: 2 is x.
        let mut raw = vec![0b1010_1010; bytes_of(each)];
        if let Some(top) = raw.first_mut() {
            *top >>= each.wrapping_neg() % 8;
        }
        Self {
            bits,
            states: States::Four,
            raw,
            bit: None,
        }
    }

    /// Becomes `new`, a value of the same signal.
    #[inline]
    pub(super) fn set(&mut self, new: SignalValueRef<'_>) {
        if let SignalValueRef::BitVec(bits) = new {
            self.states = bits.states();
            self.raw.clear();
            bits.append_to_vec(&mut self.raw);
            self.bit = match u8::from(bits.get_bit(0)) {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            };
        }
    }

    fn vector(&self) -> BitVecRef<'_> {
        BitVecRef::new(self.states, self.bits, &self.raw)
    }

    /// The value of a signal of one bit; `None` when it is unknown.
    pub(super) const fn bit(&self) -> Option<bool> {
        self.bit
    }

    /// The bits as a [`crate::dump::Word`] has them, into `value` and `unknown`; whether all are known.
    pub(super) fn read(&self, value: &mut Vec<u8>, unknown: &mut Vec<u8>) -> bool {
        let vector = self.vector();
        value.clear();
        if let Some(bytes) = vector.be_bytes() {
            value.extend(bytes.iter().rev());
            return true;
        }
        value.resize(bytes_of(self.bits), 0);
        unknown.clear();
        unknown.resize(bytes_of(self.bits), 0);
        let mut known = true;
        for (place, bit) in vector.iter_lsb_to_msb().enumerate() {
            let mask = 1 << (place % 8);
            match u8::from(bit) {
                0 => {}
                1 => value[place / 8] |= mask,
                _ => {
                    unknown[place / 8] |= mask;
                    known = false;
                }
            }
        }
        known
    }

    /// As a number; `None` when it is unknown or beyond 64 bits.
    pub(super) fn number(&self) -> Option<u64> {
        let (mut value, mut unknown) = (Vec::new(), Vec::new());
        let known = self.read(&mut value, &mut unknown);
        known.then(|| number(&value)).flatten()
    }
}
