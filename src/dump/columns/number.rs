//! A cell as a number.

use super::{Line, Radix};
use crate::dump::error::beginning;
use crate::dump::{DumpError, Fault, Place};
use crate::units::count;

/// A number of up to 128 bits, and where it stands.
pub(super) struct Number<'l> {
    cell: &'l [u8],
    /// Two's complement, its sign in all bits above.
    value: u128,
    /// Bits that are not known.
    pub(super) unknown: u128,
    pub(super) place: Place,
    column: usize,
}

impl<'l> Number<'l> {
    /// The number that `cell` of `line` is.
    pub(super) fn parse(
        cell: &'l [u8],
        radix: Radix,
        line: &Line<'_>,
        column: usize,
    ) -> Result<Self, DumpError> {
        let text = std::str::from_utf8(cell).ok();
        let parsed = text.and_then(|text| match radix {
            Radix::Decimal => decimal(text),
            Radix::Hexadecimal => hexadecimal(text),
        });
        let Some((value, unknown)) = parsed else {
            let fault = Fault::NotNumber {
                found: beginning(cell),
                radix: match radix {
                    Radix::Decimal => "decimal",
                    Radix::Hexadecimal => "hexadecimal",
                },
            };
            return Err(line.error(column, fault));
        };
        Ok(Self {
            cell,
            value,
            unknown,
            place: Place::Text {
                line: line.line,
                column: count(column) + 1,
            },
            column,
        })
    }

    /// The number as an address.
    pub(super) fn address(&self, line: &Line<'_>) -> Result<u64, DumpError> {
        let address = u64::try_from(self.value).ok();
        address
            .filter(|_| self.unknown == 0)
            .ok_or_else(|| line.error(self.column, Fault::AddressRange))
    }

    /// Writes the lowest `bits` bits as bytes.
    pub(super) fn fill(
        &self,
        bits: u32,
        value: &mut [u8],
        unknown: &mut [u8],
        line: &Line<'_>,
    ) -> Result<(), DumpError> {
        let negative = self.cell.starts_with(b"-");
        let used = if negative {
            u128::BITS - self.value.leading_ones() + 1
        } else {
            u128::BITS - (self.value | self.unknown).leading_zeros()
        };
        if used > bits {
            let found = beginning(self.cell);
            return Err(line.error(self.column, Fault::TooWide { found, bits }));
        }
        let sign = if negative { u8::MAX } else { 0 };
        extend(self.value, sign, bits, value);
        extend(self.unknown, 0, bits, unknown);
        Ok(())
    }
}

/// The bytes of a number, the lowest first, then `above`; bits above the width are 0.
fn extend(number: u128, above: u8, bits: u32, bytes: &mut [u8]) {
    let own = number.to_le_bytes().into_iter();
    for (byte, own) in bytes.iter_mut().zip(own.chain(std::iter::repeat(above))) {
        *byte = own;
    }
    if let Some(top) = bytes.last_mut() {
        *top &= u8::MAX >> (bits.wrapping_neg() % 8);
    }
}

fn decimal(text: &str) -> Option<(u128, u128)> {
    let number: i128 = text.parse().ok()?;
    Some((number.cast_unsigned(), 0))
}

fn hexadecimal(text: &str) -> Option<(u128, u128)> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    let (mut value, mut unknown) = (0_u128, 0_u128);
    let mut any = false;
    for digit in digits.chars().filter(|&c| c != '_') {
        if (value | unknown) >> (u128::BITS - 4) != 0 {
            return None;
        }
        let (bits, mask) = match digit {
            'x' | 'X' | 'z' | 'Z' => (0, 0xf),
            _ => (digit.to_digit(16)?, 0),
        };
        value = value << 4 | u128::from(bits);
        unknown = unknown << 4 | mask;
        any = true;
    }
    any.then_some((value, unknown))
}
