//! The value of a signal.

use crate::dump::{bytes_of, number};
use wellen::SignalValueRef;

/// Bits of a signal as a [`crate::dump::Word`] has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) value: Vec<u8>,
    pub(super) unknown: Vec<u8>,
    /// Whether no bit is unknown.
    pub(super) known: bool,
}

impl Value {
    /// `bits` unknown bits.
    pub(super) fn unknown(bits: u32) -> Self {
        let mut unknown = vec![u8::MAX; bytes_of(bits)];
        if let Some(top) = unknown.last_mut() {
            *top >>= bits.wrapping_neg() % 8;
        }
        Self {
            value: vec![0; bytes_of(bits)],
            unknown,
            known: false,
        }
    }

    /// Becomes `new`, a value of the same signal.
    pub(super) fn set(&mut self, new: SignalValueRef<'_>) {
        let SignalValueRef::BitVec(bits) = new else {
            return;
        };
        if let Some(bytes) = bits.be_bytes() {
            for (byte, new) in self.value.iter_mut().zip(bytes.iter().rev()) {
                *byte = *new;
            }
            if let Some(top) = self.value.last_mut() {
                *top &= u8::MAX >> (bits.width().wrapping_neg() % 8);
            }
            self.known = true;
            return;
        }
        self.value.fill(0);
        self.unknown.fill(0);
        self.known = true;
        for (place, bit) in bits.iter_lsb_to_msb().enumerate() {
            let mask = 1 << (place % 8);
            match u8::from(bit) {
                0 => {}
                1 => self.value[place / 8] |= mask,
                _ => {
                    self.unknown[place / 8] |= mask;
                    self.known = false;
                }
            }
        }
    }

    /// The value of a signal of one bit; `None` when it is unknown.
    pub(super) fn bit(&self) -> Option<bool> {
        self.known.then(|| self.value[0] == 1)
    }

    /// As a number; `None` when it is unknown or beyond 64 bits.
    pub(super) fn number(&self) -> Option<u64> {
        self.known.then(|| number(&self.value)).flatten()
    }
}
