//! Bare integers, one behind the other.

use super::window::Window;
use super::{DumpError, Fault, Place, Word};
use crate::units::count;
use std::io::Read;
use std::path::Path;

/// Which byte of an integer comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The lowest.
    Little,
    /// The highest.
    Big,
}

/// Bytes of an integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 8 bits.
    One,
    /// 16 bits.
    Two,
    /// 32 bits.
    Four,
    /// 64 bits.
    Eight,
}

impl Size {
    /// As a number.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Four => 4,
            Self::Eight => 8,
        }
    }

    const fn bits(self) -> u32 {
        match self {
            Self::One => 8,
            Self::Two => 16,
            Self::Four => 32,
            Self::Eight => 64,
        }
    }
}

/// How an integer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    /// How large it is.
    pub size: Size,
    /// Which byte comes first.
    pub order: ByteOrder,
}

/// Reads all integers of a file; the first has address 0.
///
/// # Errors
/// When the file cannot be read or ends inside an integer, or `each` fails.
pub fn read<R: Read, E: From<DumpError>>(
    source: R,
    file: &Path,
    element: Element,
    each: impl FnMut(Word<'_>) -> Result<(), E>,
) -> Result<(), E> {
    elements(&mut Window::new(source), file, element, u64::MAX, each).map(drop)
}

/// Reads all integers of a file in pieces of as many as are in memory, in the file's own byte order: the number of the
/// first, their bytes, where they stand.
///
/// # Errors
/// As [`read`].
pub fn pieces<R: Read, E: From<DumpError>>(
    source: R,
    file: &Path,
    size: Size,
    mut each: impl FnMut(u64, &[u8], Place) -> Result<(), E>,
) -> Result<(), E> {
    let mut window = Window::new(source);
    let bytes = size.bytes();
    loop {
        let whole = window.rest().len() / bytes * bytes;
        if whole > 0 {
            let start = window.offset();
            let first = start / count(bytes);
            each(first, &window.rest()[..whole], Place::Byte(start))?;
            window.take(whole);
        }
        if !more(&mut window, file)? {
            break;
        }
    }
    let (found, wanted) = (window.rest().len(), bytes);
    if found == 0 {
        return Ok(());
    }
    let fault = Fault::PartElement { found, wanted };
    Err(DumpError::new(file, Place::Byte(window.offset()), fault).into())
}

/// Reads at most `most` integers; returns how many there were.
pub(super) fn elements<R: Read, E: From<DumpError>>(
    window: &mut Window<R>,
    file: &Path,
    element: Element,
    most: u64,
    mut each: impl FnMut(Word<'_>) -> Result<(), E>,
) -> Result<u64, E> {
    let (bytes, bits) = (element.size.bytes(), element.size.bits());
    let mut read = 0;
    while read < most {
        let start = window.offset();
        let whole = window.rest().chunks_exact(bytes);
        let mut taken = 0;
        for chunk in whole.take(usize::try_from(most - read).unwrap_or(usize::MAX)) {
            let mut turned = [0; 8];
            each(Word {
                address: Some(read),
                bits,
                value: lowest_first(chunk, element.order, &mut turned),
                unknown: &[],
                place: Place::Byte(start + count(taken)),
            })?;
            read += 1;
            taken += bytes;
        }
        window.take(taken);
        if read < most && !more(window, file)? {
            break;
        }
    }
    match window.rest().len() {
        found if read < most && found > 0 => {
            let wanted = bytes;
            let fault = Fault::PartElement { found, wanted };
            Err(DumpError::new(file, Place::Byte(window.offset()), fault).into())
        }
        _ => Ok(read),
    }
}

/// The bytes of an integer from the lowest on.
#[inline]
fn lowest_first<'b>(bytes: &'b [u8], order: ByteOrder, turned: &'b mut [u8; 8]) -> &'b [u8] {
    match order {
        ByteOrder::Little => bytes,
        ByteOrder::Big => {
            let turned = &mut turned[..bytes.len()];
            turned.copy_from_slice(bytes);
            turned.reverse();
            turned
        }
    }
}

/// As [`Window::more`], with the file in its error.
pub(super) fn more<R: Read>(window: &mut Window<R>, file: &Path) -> Result<bool, DumpError> {
    let place = Place::Byte(window.offset());
    window
        .more()
        .map_err(|cause| DumpError::new(file, place, cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::owned::all;

    fn numbers(bytes: &[u8], size: Size, order: ByteOrder) -> Vec<(u64, u64)> {
        let element = Element { size, order };
        let (words, end) = all(|each| read(bytes, Path::new("a.bin"), element, each));
        end.unwrap();
        (words.iter())
            .map(|word| {
                let mut value = word.value.clone();
                value.resize(8, 0);
                let number = u64::from_le_bytes(value.try_into().unwrap());
                (word.address.unwrap(), number)
            })
            .collect()
    }

    #[test]
    fn both_orders_give_the_same_numbers() {
        let bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        assert_eq!(
            numbers(&bytes, Size::Two, ByteOrder::Little)[..2],
            [(0, 0x201), (1, 0x403)]
        );
        assert_eq!(
            numbers(&bytes, Size::Four, ByteOrder::Big),
            [(0, 0x0102_0304), (1, 0x0506_0708)]
        );
        assert_eq!(numbers(&bytes, Size::One, ByteOrder::Big)[7], (7, 8));
        assert_eq!(numbers(&[], Size::Eight, ByteOrder::Big), []);
    }

    #[test]
    fn a_file_longer_than_the_window_is_read_whole() {
        let bytes: Vec<u8> = (0..400_000_u32).flat_map(u32::to_le_bytes).collect();
        let read = numbers(&bytes, Size::Four, ByteOrder::Little);
        assert!(read.iter().all(|(address, number)| address == number));
        assert_eq!(read.len(), 400_000);
    }

    #[test]
    fn pieces_are_the_bytes_of_the_file() {
        let bytes: Vec<u8> = (0..200_003_u32).flat_map(u32::to_le_bytes).collect();
        let mut found = Vec::new();
        let mut read = |bytes: &[u8]| {
            found.clear();
            pieces(
                bytes,
                Path::new("a.bin"),
                Size::Four,
                |first, piece, place| {
                    assert_eq!(first * 4, count(found.len()));
                    assert_eq!(place, Place::Byte(first * 4));
                    found.extend_from_slice(piece);
                    Ok::<(), DumpError>(())
                },
            )
        };
        read(&bytes).unwrap();
        let cut = read(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
        assert_eq!(
            cut,
            "a.bin: byte 800008: 3 byte(s) are left at the end, an element has 4"
        );
        assert_eq!(found, bytes[..bytes.len() - 4]);
    }

    #[test]
    fn a_part_of_an_element_is_refused() {
        let element = Element {
            size: Size::Four,
            order: ByteOrder::Big,
        };
        let (words, end) = all(|each| read(&[0; 7][..], Path::new("a.bin"), element, each));
        assert_eq!(words.len(), 1);
        assert_eq!(
            end.unwrap_err().to_string(),
            "a.bin: byte 4: 3 byte(s) are left at the end, an element has 4"
        );
    }
}
