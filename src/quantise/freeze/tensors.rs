//! Named arrays of a frozen file, in order of their names.

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One array: element type, shape, little-endian bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Arrays by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tensors(BTreeMap<String, Tensor>);

/// A number as it is stored.
pub(super) trait Element: Sized {
    /// Its type in the file.
    const DTYPE: Dtype;
    /// Its little-endian bytes.
    fn append(&self, bytes: &mut Vec<u8>);
    /// All numbers of these bytes, whose length is a multiple of the element's.
    fn parse(bytes: &[u8]) -> Vec<Self>;
}

macro_rules! element {
    ($number:ty, $dtype:ident) => {
        impl Element for $number {
            const DTYPE: Dtype = Dtype::$dtype;
            fn append(&self, bytes: &mut Vec<u8>) {
                bytes.extend(self.to_le_bytes());
            }
            fn parse(bytes: &[u8]) -> Vec<Self> {
                let (numbers, _) = bytes.as_chunks();
                numbers.iter().copied().map(Self::from_le_bytes).collect()
            }
        }
    };
}

element!(u8, U8);
element!(i8, I8);
element!(i16, I16);
element!(i32, I32);
element!(i64, I64);
element!(f64, F64);

impl Tensors {
    /// Adds an array in row-major order.
    pub(super) fn put<T: Element>(&mut self, name: String, shape: &[usize], numbers: &[T]) {
        let mut bytes = Vec::with_capacity(std::mem::size_of_val(numbers));
        for number in numbers {
            number.append(&mut bytes);
        }
        let tensor = Tensor {
            dtype: T::DTYPE,
            shape: shape.to_vec(),
            bytes,
        };
        self.0.insert(name, tensor);
    }

    /// Takes an array of this type out, with its shape.
    ///
    /// # Errors
    /// When there is none of this name, or it has another type.
    pub(super) fn take<T: Element>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<T>), String> {
        let tensor = self
            .0
            .remove(name)
            .ok_or_else(|| format!("the tensor `{name}` is missing"))?;
        if tensor.dtype != T::DTYPE {
            let (found, wanted) = (tensor.dtype, T::DTYPE);
            return Err(format!(
                "the tensor `{name}` has the type {found:?}, not {wanted:?}"
            ));
        }
        Ok((tensor.shape, T::parse(&tensor.bytes)))
    }

    /// Takes a list out.
    ///
    /// # Errors
    /// As [`Tensors::take`], or when the array has not one axis.
    pub(super) fn take_list<T: Element>(&mut self, name: &str) -> Result<Vec<T>, String> {
        let (shape, numbers) = self.take(name)?;
        if shape.len() == 1 {
            Ok(numbers)
        } else {
            Err(format!(
                "the tensor `{name}` has the shape {shape:?}, not one axis"
            ))
        }
    }

    /// The name of some array that nobody took.
    pub(super) fn left(&self) -> Option<&str> {
        self.0.keys().next().map(String::as_str)
    }

    /// All arrays of a file.
    ///
    /// # Errors
    /// When the file is cut short or its header does not fit its length.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensor = |(name, view): (String, TensorView<'_>)| {
            let tensor = Tensor {
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
            };
            (name, tensor)
        };
        Ok(Self(file.tensors().into_iter().map(tensor).collect()))
    }

    /// The arrays as the file's writer wants them.
    pub(super) fn views(&self) -> Vec<(&str, TensorView<'_>)> {
        self.0
            .iter()
            .map(|(name, tensor)| {
                let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.bytes);
                (
                    name.as_str(),
                    view.expect("as many bytes as the shape says"),
                )
            })
            .collect()
    }

    /// Feeds name, type, shape and bytes of every array, each with its length before it.
    pub(super) fn hash(&self, hash: &mut Sha256) {
        for (name, tensor) in &self.0 {
            let shape: Vec<u8> = (tensor.shape.iter())
                .flat_map(|&side| crate::units::count(side).to_le_bytes())
                .collect();
            let dtype = format!("{:?}", tensor.dtype);
            for part in [name.as_bytes(), dtype.as_bytes(), &shape, &tensor.bytes] {
                hash.update(crate::units::count(part.len()).to_le_bytes());
                hash.update(part);
            }
        }
    }
}
