//! Constants of an ONNX file with their values: element types, the forms in which values are stored, half floats.

use super::external::Folder;
use super::message;
use std::borrow::Cow;

/// A constant: its shape and values in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OnnxTensor {
    /// Empty for one number.
    pub(crate) shape: Vec<usize>,
    /// As many as the shape says.
    pub(crate) values: Values,
}

/// Values by element type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    F32(Vec<f32>),
    F64(Vec<f64>),
    /// IEEE half floats, as their bits.
    F16(Vec<u16>),
    /// The upper half of 32-bit floats.
    BF16(Vec<u16>),
    I8(Vec<i8>),
    U8(Vec<u8>),
    I16(Vec<i16>),
    U16(Vec<u16>),
    I32(Vec<i32>),
    U32(Vec<u32>),
    I64(Vec<i64>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
}

/// Type of a value's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ElementType {
    F32,
    F64,
    F16,
    BF16,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    Bool,
}

impl ElementType {
    /// The type with this number in the format; none for text, complex numbers and types of less than a byte.
    pub(crate) fn of(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::F32,
            2 => Self::U8,
            3 => Self::I8,
            4 => Self::U16,
            5 => Self::I16,
            6 => Self::I32,
            7 => Self::I64,
            9 => Self::Bool,
            10 => Self::F16,
            11 => Self::F64,
            12 => Self::U32,
            13 => Self::U64,
            16 => Self::BF16,
            _ => return None,
        })
    }

    /// Bytes of one element.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F64 | Self::I64 | Self::U64 => 8,
        }
    }
}

impl OnnxTensor {
    /// The tensor of a message; values in another file are read from `folder`.
    ///
    /// # Errors
    /// A type that is not read, a shape that its values do not fill, a value outside its type.
    pub(super) fn new(tensor: message::Tensor, folder: &Folder) -> Result<Self, String> {
        let element = ElementType::of(tensor.data_type)
            .ok_or_else(|| format!("its element type {} is not read", tensor.data_type))?;
        let (shape, count) = shape(&tensor.dims)?;
        let bytes = count
            .checked_mul(element.bytes())
            .ok_or_else(|| format!("its shape {shape:?} is too large"))?;
        let values = if tensor.data_location == 1 {
            values(element, &folder.read(&tensor.external_data, bytes)?)
        } else if let Some(raw) = &tensor.raw_data {
            if raw.len() != bytes {
                let found = raw.len();
                return Err(format!(
                    "shape {shape:?} takes {bytes} bytes, it holds {found}"
                ));
            }
            values(element, raw)
        } else {
            listed(element, tensor)?
        };
        if values.len() != count {
            let found = values.len();
            return Err(format!(
                "shape {shape:?} takes {count} values, it holds {found}"
            ));
        }
        Ok(Self { shape, values })
    }

    /// Its only value, of a floating type.
    pub(crate) fn scalar(&self) -> Option<f32> {
        match *self.floats().ok()? {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Its values as 32-bit floats.
    ///
    /// # Errors
    /// Integers, and 64-bit floats that 32 bits do not hold exactly.
    pub(crate) fn floats(&self) -> Result<Cow<'_, [f32]>, String> {
        match &self.values {
            Values::F32(values) => Ok(Cow::Borrowed(values)),
            Values::F64(values) => values.iter().map(|value| narrow(*value)).collect(),
            Values::F16(bits) => Ok(bits.iter().map(|bits| half(*bits)).collect()),
            Values::BF16(bits) => Ok((bits.iter())
                .map(|bits| f32::from_bits(u32::from(*bits) << 16))
                .collect()),
            other => Err(format!(
                "its elements are {:?}, not floats",
                other.element()
            )),
        }
    }

    /// Its values as integers, of any integer type that 64 signed bits hold.
    pub(crate) fn integers(&self) -> Option<Vec<i64>> {
        match &self.values {
            Values::I8(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::U8(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::I16(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::U16(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::I32(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::U32(values) => Some(values.iter().map(|v| i64::from(*v)).collect()),
            Values::I64(values) => Some(values.clone()),
            Values::U64(values) => values.iter().map(|v| i64::try_from(*v).ok()).collect(),
            Values::F32(_)
            | Values::F64(_)
            | Values::F16(_)
            | Values::BF16(_)
            | Values::Bool(_) => None,
        }
    }
}

impl Values {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::F16(values) | Self::BF16(values) | Self::U16(values) => values.len(),
            Self::I8(values) => values.len(),
            Self::U8(values) => values.len(),
            Self::I16(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Their type.
    pub(crate) fn element(&self) -> ElementType {
        match self {
            Self::F32(_) => ElementType::F32,
            Self::F64(_) => ElementType::F64,
            Self::F16(_) => ElementType::F16,
            Self::BF16(_) => ElementType::BF16,
            Self::I8(_) => ElementType::I8,
            Self::U8(_) => ElementType::U8,
            Self::I16(_) => ElementType::I16,
            Self::U16(_) => ElementType::U16,
            Self::I32(_) => ElementType::I32,
            Self::U32(_) => ElementType::U32,
            Self::I64(_) => ElementType::I64,
            Self::U64(_) => ElementType::U64,
            Self::Bool(_) => ElementType::Bool,
        }
    }
}

fn shape(dims: &[i64]) -> Result<(Vec<usize>, usize), String> {
    let shape = (dims.iter())
        .map(|dim| usize::try_from(*dim).map_err(|_| format!("an axis has {dim} elements")))
        .collect::<Result<Vec<_>, _>>()?;
    let count = (shape.iter()).try_fold(1_usize, |product, axis| product.checked_mul(*axis));
    let count = count.ok_or_else(|| format!("its shape {shape:?} is too large"))?;
    Ok((shape, count))
}

/// Values of little-endian bytes.
fn values(element: ElementType, bytes: &[u8]) -> Values {
    fn words<const N: usize, T>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
        bytes
            .as_chunks::<N>()
            .0
            .iter()
            .map(|word| of(*word))
            .collect()
    }
    match element {
        ElementType::F32 => Values::F32(words(bytes, f32::from_le_bytes)),
        ElementType::F64 => Values::F64(words(bytes, f64::from_le_bytes)),
        ElementType::F16 => Values::F16(words(bytes, u16::from_le_bytes)),
        ElementType::BF16 => Values::BF16(words(bytes, u16::from_le_bytes)),
        ElementType::I8 => Values::I8(words(bytes, i8::from_le_bytes)),
        ElementType::U8 => Values::U8(bytes.to_vec()),
        ElementType::I16 => Values::I16(words(bytes, i16::from_le_bytes)),
        ElementType::U16 => Values::U16(words(bytes, u16::from_le_bytes)),
        ElementType::I32 => Values::I32(words(bytes, i32::from_le_bytes)),
        ElementType::U32 => Values::U32(words(bytes, u32::from_le_bytes)),
        ElementType::I64 => Values::I64(words(bytes, i64::from_le_bytes)),
        ElementType::U64 => Values::U64(words(bytes, u64::from_le_bytes)),
        ElementType::Bool => Values::Bool(words(bytes, |[byte]: [u8; 1]| byte != 0)),
    }
}

/// Values of the typed list that the format names for their type.
fn listed(element: ElementType, tensor: message::Tensor) -> Result<Values, String> {
    fn narrow<F: Copy + std::fmt::Display, T: TryFrom<F>>(list: &[F]) -> Result<Vec<T>, String> {
        (list.iter())
            .map(|value| T::try_from(*value).map_err(|_| format!("{value} is not of its type")))
            .collect()
    }
    let ints = tensor.int32_data;
    Ok(match element {
        ElementType::F32 => Values::F32(tensor.float_data),
        ElementType::F64 => Values::F64(tensor.double_data),
        ElementType::F16 => Values::F16(narrow(&ints)?),
        ElementType::BF16 => Values::BF16(narrow(&ints)?),
        ElementType::I8 => Values::I8(narrow(&ints)?),
        ElementType::U8 => Values::U8(narrow(&ints)?),
        ElementType::I16 => Values::I16(narrow(&ints)?),
        ElementType::U16 => Values::U16(narrow(&ints)?),
        ElementType::I32 => Values::I32(ints),
        ElementType::U32 => Values::U32(narrow(&tensor.uint64_data)?),
        ElementType::I64 => Values::I64(tensor.int64_data),
        ElementType::U64 => Values::U64(tensor.uint64_data),
        ElementType::Bool => Values::Bool(ints.iter().map(|value| *value != 0).collect()),
    })
}

/// The 32-bit float equal to `value`.
fn narrow(value: f64) -> Result<f32, String> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a value that rounding changes is refused"
    )]
    let narrow = value as f32;
    if f64::from(narrow).to_bits() == value.to_bits() || value.is_nan() {
        return Ok(narrow);
    }
    Err(format!("32 bits do not hold its value {value:e} exactly"))
}

/// The value of a half float: sign, 5 bits of exponent, 10 of fraction. Every one is a 32-bit float exactly.
fn half(bits: u16) -> f32 {
    let exponent = (bits >> 10) & 0x1f;
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    let magnitude = match exponent {
        0 => fraction * 2.0_f32.powi(-14),
        31 if bits & 0x3ff == 0 => f32::INFINITY,
        31 => f32::NAN,
        normal => (1.0 + fraction) * 2.0_f32.powi(i32::from(normal) - 15),
    };
    if bits >> 15 == 1 {
        -magnitude
    } else {
        magnitude
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_floats_by_their_bits() {
        for (bits, want) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_6),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0xfc00, f32::NEG_INFINITY),
        ] {
            assert_eq!(half(bits).to_bits(), f32::to_bits(want), "{bits:#06x}");
        }
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn a_double_is_read_where_no_bit_is_lost() {
        assert_eq!(narrow(0.25), Ok(0.25));
        assert_eq!(narrow(-0.0).map(f32::to_bits), Ok((-0.0_f32).to_bits()));
        assert!(narrow(0.1).is_err() && narrow(1e300).is_err());
    }

    fn read(tensor: message::Tensor) -> Result<OnnxTensor, String> {
        OnnxTensor::new(tensor, &Folder::none())
    }

    #[test]
    fn values_come_from_the_list_of_their_type() {
        let tensor = |data_type, int32_data: &[i32]| message::Tensor {
            dims: vec![2],
            data_type,
            int32_data: int32_data.to_vec(),
            ..message::Tensor::default()
        };
        let values = |data_type, list: &[i32]| read(tensor(data_type, list)).map(|t| t.values);
        assert_eq!(values(3, &[-128, 127]), Ok(Values::I8(vec![-128, 127])));
        assert_eq!(values(2, &[0, 255]), Ok(Values::U8(vec![0, 255])));
        assert_eq!(values(9, &[0, 2]), Ok(Values::Bool(vec![false, true])));
        assert_eq!(
            values(2, &[0, 256]),
            Err("256 is not of its type".to_owned())
        );
        assert_eq!(
            values(6, &[1]),
            Err("shape [2] takes 2 values, it holds 1".to_owned())
        );
        assert_eq!(
            values(8, &[]),
            Err("its element type 8 is not read".to_owned())
        );
        let half = read(tensor(10, &[0x3c00, 0xc000])).unwrap();
        assert_eq!(half.floats().unwrap().as_ref(), [1.0, -2.0]);
        let half = read(tensor(16, &[0x3f80, 0xc000])).unwrap();
        assert_eq!(half.floats().unwrap().as_ref(), [1.0, -2.0]);
        assert_eq!(half.integers(), None);
    }

    #[test]
    fn a_shape_and_its_bytes_agree_before_anything_is_copied() {
        let tensor = |dims: &[i64], bytes: usize| {
            read(message::Tensor {
                dims: dims.to_vec(),
                data_type: 7,
                raw_data: Some(vec![1; bytes].into()),
                ..message::Tensor::default()
            })
        };
        assert_eq!(
            tensor(&[], 8).unwrap().integers(),
            Some(vec![0x0101_0101_0101_0101])
        );
        assert_eq!(tensor(&[0, 5], 0).unwrap().integers(), Some(Vec::new()));
        for (dims, bytes, want) in [
            (
                &[2_i64, 3][..],
                40,
                "shape [2, 3] takes 48 bytes, it holds 40",
            ),
            (&[-1], 8, "an axis has -1 elements"),
            (
                &[i64::MAX, i64::MAX],
                8,
                "its shape [9223372036854775807, 9223372036854775807] is too large",
            ),
            (
                &[i64::MAX],
                8,
                "its shape [9223372036854775807] is too large",
            ),
        ] {
            assert_eq!(tensor(dims, bytes), Err(want.to_owned()));
        }
    }
}
