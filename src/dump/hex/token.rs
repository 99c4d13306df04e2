//! One token of any kind: white space, comment, address, word.

use super::{BETWEEN, Reader, SPACE, UNKNOWN, kind};
use crate::dump::error::shown;
use crate::dump::{DumpError, Fault, Place, Word};
use std::io::Read;

/// Digits of an address.
const ADDRESS_DIGITS: usize = 16;
/// Digits of a word that an error shows.
const SHOWN_DIGITS: usize = 32;

impl<R: Read> Reader<'_, R> {
    /// Reads the token that begins with `first`.
    pub(super) fn token<E: From<DumpError>>(
        &mut self,
        first: u8,
        each: &mut impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match first {
            b'/' => self.comment()?,
            b'@' => self.address()?,
            _ if kind(first) == SPACE => drop(self.next()?),
            _ if kind(first) <= BETWEEN => self.word(each)?,
            _ => Err(self.stray(first))?,
        }
        Ok(())
    }

    /// That `found`, the next byte, has no business here.
    fn stray(&self, found: u8) -> DumpError {
        let found = shown(found);
        self.error(self.here(), Fault::NotHex { found })
    }

    fn comment(&mut self) -> Result<(), DumpError> {
        let start = self.here();
        self.next()?;
        match self.peek()? {
            Some(b'/') => {
                while self.peek()?.is_some_and(|byte| byte != b'\n') {
                    self.next()?;
                }
                Ok(())
            }
            Some(b'*') => {
                self.next()?;
                let mut before = 0;
                while let Some(byte) = self.next()? {
                    if (before, byte) == (b'*', b'/') {
                        return Ok(());
                    }
                    before = byte;
                }
                Err(self.error(start, Fault::OpenComment))
            }
            _ => {
                let found = shown(b'/');
                Err(self.error(start, Fault::NotHex { found }))
            }
        }
    }

    fn address(&mut self) -> Result<(), DumpError> {
        let start = self.here();
        self.next()?;
        let any = self.digits(start, ADDRESS_DIGITS, |_| Fault::AddressRange)?;
        if !any || self.digits.iter().any(|&digit| digit >= UNKNOWN) {
            return Err(self.error(start, Fault::Address));
        }
        let digits = self.digits.iter();
        self.address = Some(digits.fold(0, |value, &digit| value << 4 | u64::from(digit)));
        Ok(())
    }

    fn word<E: From<DumpError>>(
        &mut self,
        each: &mut impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (place, bits) = (self.here(), self.bits);
        let most = self.digits_of_a_word();
        if !self.digits(place, most, |found| Fault::TooWide { found, bits })? {
            Err(self.error(place, Fault::NoDigit))?;
        }
        let above = if self.digits.len() == most {
            u8::MAX << (4 - (bits.wrapping_neg() % 4))
        } else {
            0
        };
        if let Some(&top) = self.digits.first()
            && top < UNKNOWN
            && top & above != 0
        {
            let found = text(&self.digits);
            Err(self.error(place, Fault::TooWide { found, bits }))?;
        }
        let Some(address) = self.address else {
            return Err(self.error(place, Fault::AddressRange).into());
        };
        let known = self.fill(above);
        self.address = address.checked_add(1);
        each(Word {
            address: Some(address),
            bits,
            value: &self.value,
            unknown: if known { &[] } else { &self.unknown },
            place,
        })
    }

    /// Reads the digits of a number, at most `most` behind zeros, into `self.digits`. Whether there are any, zeros included.
    fn digits(
        &mut self,
        start: Place,
        most: usize,
        too_many: impl FnOnce(String) -> Fault,
    ) -> Result<bool, DumpError> {
        self.digits.clear();
        let mut any = false;
        loop {
            let mut taken = 0;
            for &byte in self.window.rest() {
                let kind = kind(byte);
                if kind > BETWEEN || self.digits.len() > most {
                    break;
                }
                taken += 1;
                if kind < BETWEEN {
                    any = true;
                    if kind > 0 || !self.digits.is_empty() {
                        self.digits.push(kind);
                    }
                }
            }
            self.window.take(taken);
            if self.digits.len() > most {
                let found = text(&self.digits);
                return Err(self.error(start, too_many(found)));
            }
            match self.peek()? {
                Some(byte) if kind(byte) <= BETWEEN => {}
                Some(byte) if kind(byte) == SPACE || matches!(byte, b'/' | b'@') => return Ok(any),
                Some(byte) => return Err(self.stray(byte)),
                None => return Ok(any),
            }
        }
    }

    /// Packs the digits into bytes; bits `above` the width of the top digit are dropped. Whether all are known.
    fn fill(&mut self, above: u8) -> bool {
        self.value.fill(0);
        self.unknown.fill(0);
        let (mut known, top) = (true, self.digits.len().wrapping_sub(1));
        for (place, &digit) in self.digits.iter().rev().enumerate() {
            let mask = if place == top { 0xf & !above } else { 0xf };
            let shift = 4 * (place % 2);
            if digit < UNKNOWN {
                self.value[place / 2] |= digit << shift;
            } else {
                known = false;
                self.unknown[place / 2] |= mask << shift;
            }
        }
        known
    }
}

/// Digits as they were written, the first ones of many.
fn text(digits: &[u8]) -> String {
    let dots = if digits.len() > SHOWN_DIGITS {
        "..."
    } else {
        ""
    };
    let digits = digits.iter().take(SHOWN_DIGITS);
    let text: String = digits
        .map(|&digit| char::from_digit(digit.into(), 16).unwrap_or('x'))
        .collect();
    text + dots
}
