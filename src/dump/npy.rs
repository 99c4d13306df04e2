//! Integer arrays of NumPy: a header in Python's words, then the elements as [`super::raw`] has them.

use super::error::beginning;
use super::raw::{ByteOrder, Element, Size, elements, more};
use super::window::Window;
use super::{DumpError, Fault, Place, Word};
use crate::units::count;
use std::io::Read;
use std::path::Path;

const MAGIC: &[u8] = b"\x93NUMPY";
/// Bytes of the longest header; one of an integer array has about a hundred.
const LONGEST: usize = 1 << 16;

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Lengths of the axes; the last one runs fastest.
    pub shape: Vec<u64>,
    /// How an element is stored.
    pub element: Element,
    /// Whether elements are in two's complement.
    pub signed: bool,
    /// Elements of the array.
    pub elements: u64,
}

/// An array whose header is read.
#[derive(Debug)]
pub struct Array<'f, R> {
    header: Header,
    window: Window<R>,
    file: &'f Path,
}

impl<'f, R: Read> Array<'f, R> {
    /// Reads the header.
    ///
    /// # Errors
    /// When it is no header of integers in C order, or cannot be read.
    pub fn open(source: R, file: &'f Path) -> Result<Self, DumpError> {
        let mut window = Window::new(source);
        let fault = |text: &str| {
            let fault = Fault::NpyHeader(text.to_owned());
            DumpError::new(file, Place::File, fault)
        };
        let start = ahead(&mut window, file, 12)?;
        if !start.starts_with(MAGIC) {
            return Err(fault("does not begin with \\x93NUMPY"));
        }
        let (front, length) = extent(&start[MAGIC.len()..])
            .ok_or_else(|| fault("is of a version other than 1.0, 2.0 and 3.0, or cut off"))?;
        if length > LONGEST {
            return Err(fault("is longer than any header of an integer array"));
        }
        let bytes = ahead(&mut window, file, front + length)?;
        if bytes.len() < front + length {
            return Err(fault("is cut off"));
        }
        let header = Dictionary::parse(&bytes[front..])
            .and_then(Dictionary::header)
            .map_err(|text| fault(&text))?;
        window.take(front + length);
        Ok(Self {
            header,
            window,
            file,
        })
    }

    /// What the header says.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Reads all elements, the last axis fastest; the first has address 0.
    ///
    /// # Errors
    /// When the file holds more or fewer elements than its shape, cannot be read, or `each` fails.
    pub fn read<E: From<DumpError>>(
        mut self,
        each: impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let wanted = self.header.elements;
        let element = self.header.element;
        let found = elements(&mut self.window, self.file, element, wanted, each)?;
        let found = if found < wanted {
            found.to_string()
        } else if self.window.rest().is_empty() && !more(&mut self.window, self.file)? {
            return Ok(());
        } else {
            "more".to_owned()
        };
        let place = Place::Byte(self.window.offset());
        Err(DumpError::new(self.file, place, Fault::NpyElements { wanted, found }).into())
    }
}

/// Bytes in front of the dictionary and in it, from what follows the magic word.
fn extent(start: &[u8]) -> Option<(usize, usize)> {
    match *start {
        [1, 0, low, high, ..] => Some((10, usize::from(u16::from_le_bytes([low, high])))),
        [2 | 3, 0, a, b, c, d] => {
            let length = usize::try_from(u32::from_le_bytes([a, b, c, d]));
            Some((12, length.unwrap_or(usize::MAX)))
        }
        _ => None,
    }
}

/// The next `bytes` bytes, or all there are.
fn ahead<'w, R: Read>(
    window: &'w mut Window<R>,
    file: &Path,
    bytes: usize,
) -> Result<&'w [u8], DumpError> {
    while window.rest().len() < bytes && more(window, file)? {}
    let rest = window.rest();
    Ok(&rest[..rest.len().min(bytes)])
}

/// The three keys of a header.
#[derive(Default)]
struct Dictionary {
    descr: Option<String>,
    fortran: Option<bool>,
    shape: Option<Vec<u64>>,
}

impl Dictionary {
    /// `{'descr': '<i2', 'fortran_order': False, 'shape': (3, 4), }` and white space.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let damaged = || format!("is no dictionary of Python: {}", beginning(bytes));
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?.trim();
        let inside = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let mut rest = inside.ok_or_else(damaged)?.trim_start();
        let mut found = Self::default();
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(damaged)?;
            let after = after.trim_start().strip_prefix(':').ok_or_else(damaged)?;
            let value = found.value(key, after.trim_start());
            rest = value.ok_or_else(|| format!("has a `{key}` that no array of integers has"))?;
            rest = rest.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        Ok(found)
    }

    /// Takes the value of `key` from the front of `text`; returns what follows.
    fn value<'t>(&mut self, key: &str, text: &'t str) -> Option<&'t str> {
        match key {
            "descr" => {
                let (descr, rest) = quoted(text)?;
                self.descr = Some(descr.to_owned());
                Some(rest)
            }
            "fortran_order" => {
                let no = text.strip_prefix("False");
                self.fortran = Some(no.is_none());
                no.or_else(|| text.strip_prefix("True"))
            }
            "shape" => {
                let (axes, rest) = text.strip_prefix('(')?.split_once(')')?;
                let axes = axes.trim().trim_end_matches(',').trim();
                let axes = axes.split(',').filter(|_| !axes.is_empty());
                self.shape = axes.map(|axis| axis.trim().parse().ok()).collect();
                self.shape.as_ref().map(|_| rest)
            }
            _ => None,
        }
    }

    fn header(self) -> Result<Header, String> {
        let missing = |key: &str| format!("has no `{key}`");
        let descr = self.descr.ok_or_else(|| missing("descr"))?;
        let shape = self.shape.ok_or_else(|| missing("shape"))?;
        if self.fortran.ok_or_else(|| missing("fortran_order"))? {
            return Err("tells Fortran order, only C order is read".to_owned());
        }
        let (element, signed) = element(&descr)
            .ok_or_else(|| format!("tells elements of type `{descr}`, only integers are read"))?;
        let elements = (shape.iter()).try_fold(1_u64, |all, &axis| all.checked_mul(axis));
        let elements = elements
            .filter(|n| n.checked_mul(count(element.size.bytes())).is_some())
            .ok_or_else(|| format!("tells a shape beyond 64 bits: {shape:?}"))?;
        Ok(Header {
            shape,
            element,
            signed,
            elements,
        })
    }
}

/// The text between quotes at the front, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// `<i2`, `|u1`: byte order, kind, bytes.
fn element(descr: &str) -> Option<(Element, bool)> {
    let mut letters = descr.chars();
    let (order, kind) = (letters.next()?, letters.next()?);
    let size = match letters.as_str() {
        "1" => Size::One,
        "2" => Size::Two,
        "4" => Size::Four,
        "8" => Size::Eight,
        _ => return None,
    };
    let order = match order {
        '<' => ByteOrder::Little,
        '>' => ByteOrder::Big,
        '|' if size == Size::One => ByteOrder::Little,
        _ => return None,
    };
    let signed = match kind {
        'i' => true,
        'u' => false,
        _ => return None,
    };
    Some((Element { size, order }, signed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dump::owned::all;
    use ndarray::{Array1, Array2, arr2};
    use ndarray_npy::WriteNpyExt;

    fn written(array: &Array2<i16>) -> Vec<u8> {
        let mut bytes = Vec::new();
        array.write_npy(&mut bytes).unwrap();
        bytes
    }

    fn refusal(bytes: &[u8]) -> String {
        let (_, end) = all(|each| Array::open(bytes, Path::new("a.npy"))?.read(each));
        end.unwrap_err().to_string()
    }

    /// A file of version 2 with this header and two bytes.
    fn made(header: &str) -> Vec<u8> {
        let length = u32::try_from(header.len()).unwrap().to_le_bytes();
        [MAGIC, &[2, 0], &length, header.as_bytes(), &[1, 2]].concat()
    }

    #[test]
    fn what_the_library_writes_is_read() {
        let array = arr2(&[[1_i16, -2, 3], [4, 5, -32768]]);
        let bytes = written(&array);
        let file = Array::open(&bytes[..], Path::new("a.npy")).unwrap();
        assert_eq!(file.header().shape, [2, 3]);
        assert!(file.header().signed);
        let (words, end) = all(|each| file.read(each));
        end.unwrap();
        let read = words.iter().map(|word| [word.value[0], word.value[1]]);
        let read = Array1::from_iter(read.map(i16::from_le_bytes));
        assert_eq!(read, array.flatten());
    }

    #[test]
    fn headers_are_read_as_python_writes_them() {
        let odd = "{\"shape\":( 2 ,),'fortran_order' : False,'descr': '|u1'}   \n";
        let (words, end) = all(|each| Array::open(&made(odd)[..], Path::new("a.npy"))?.read(each));
        end.unwrap();
        assert_eq!(words.len(), 2);
        let scalar = "{'descr': '>u2', 'fortran_order': False, 'shape': (), }\n";
        let file = made(scalar);
        let (words, end) = all(|each| Array::open(&file[..], Path::new("a.npy"))?.read(each));
        end.unwrap();
        assert_eq!(words[0].value, [2, 1]);
    }

    #[test]
    fn other_arrays_are_refused_by_name() {
        let made = |descr: &str, fortran: &str, shape: &str| {
            made(&format!(
                "{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
            ))
        };
        let refusals = [
            refusal(&made("'<f4'", "False", "(1,)")),
            refusal(&made("[('a', '<i2')]", "False", "(1,)")),
            refusal(&made("'|u1'", "True", "(2,)")),
            refusal(&made("'|u1'", "False", "(3,)")),
            refusal(&made("'|u1'", "False", "(1,)")),
            refusal(&made("'<i8'", "False", "(4294967296, 4294967296)")),
            refusal(&made("'|u1'", "False", "(-1,)")),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
a.npy: the npy header tells elements of type `<f4`, only integers are read
a.npy: the npy header has a `descr` that no array of integers has
a.npy: the npy header tells Fortran order, only C order is read
a.npy: byte 72: the npy header tells 3 elements, the file holds 2
a.npy: byte 71: the npy header tells 1 elements, the file holds more
a.npy: the npy header tells a shape beyond 64 bits: [4294967296, 4294967296]
a.npy: the npy header has a `shape` that no array of integers has
");
    }

    #[test]
    fn damaged_files_are_refused() {
        let whole = written(&arr2(&[[1, 2]]));
        for length in 0..whole.len() {
            assert!(!refusal(&whole[..length]).is_empty(), "{length}");
        }
        assert!(refusal(b"PK\x03\x04 a zip file").contains("NUMPY"));
        assert!(refusal(&made("{'descr' '<i2'}")).contains("dictionary"));
        assert!(refusal(&made("{}")).contains("has no `descr`"));
    }
}
