//! The tensors of a checkpoint by name, whatever kind of file holds them.

use super::{keys, pth};
use crate::network::NetworkError;
use safetensors::tensor::{Dtype, SafeTensors};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

/// One tensor: little-endian values in row-major order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stored<'data> {
    /// Its name in the file.
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// As the file writes it: `F32`, `I64`.
    pub(super) dtype: String,
    pub(super) bytes: Cow<'data, [u8]>,
}

/// A checkpoint's file as bytes.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    pub(super) path: PathBuf,
    bytes: Vec<u8>,
}

impl Checkpoint {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(path: &Path) -> Result<Self, NetworkError> {
        match std::fs::read(path) {
            Ok(bytes) => Ok(Self::new(path, bytes)),
            Err(error) => Err(unreadable(path, error.to_string())),
        }
    }

    pub(super) fn new(path: &Path, bytes: Vec<u8>) -> Self {
        Self {
            path: path.to_owned(),
            bytes,
        }
    }

    /// The tensors by the names that the built-in networks have for them.
    ///
    /// # Errors
    /// A file that is neither a whole safetensors file nor a state dict as torch writes it.
    pub(super) fn tensors(&self) -> Result<Tensors<'_>, NetworkError> {
        let stored = if pth::is_pth(&self.bytes) {
            pth::tensors(&self.bytes).map_err(|cause| unreadable(&self.path, cause))?
        } else {
            self.safetensors()?
        };
        Ok(Tensors::new(stored))
    }

    fn safetensors(&self) -> Result<Vec<Stored<'_>>, NetworkError> {
        let file = SafeTensors::deserialize(&self.bytes).map_err(|error| {
            let length = self.bytes.len();
            let cause = format!("its {length} bytes are not a whole safetensors file ({error})");
            unreadable(&self.path, cause)
        })?;
        let stored = file.iter().map(|(name, view)| Stored {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            dtype: dtype(view.dtype()),
            bytes: Cow::Borrowed(view.data()),
        });
        Ok(stored.collect())
    }
}

fn dtype(dtype: Dtype) -> String {
    format!("{dtype:?}")
}

fn unreadable(path: &Path, cause: String) -> NetworkError {
    NetworkError::Unreadable {
        path: path.display().to_string(),
        cause,
    }
}

/// Tensors by the names of this crate; of two with one name, the second is left over.
pub(super) struct Tensors<'data> {
    pub(super) named: BTreeMap<String, Stored<'data>>,
    pub(super) twins: Vec<Stored<'data>>,
}

impl<'data> Tensors<'data> {
    fn new(mut stored: Vec<Stored<'data>>) -> Self {
        // Of two names for one tensor, the plain one comes first.
        stored.sort_by_key(|tensor| tensor.name.starts_with(keys::PREFIX));
        let mut tensors = Self {
            named: BTreeMap::new(),
            twins: Vec::new(),
        };
        let timm = keys::is_timm(stored.iter().map(|tensor| tensor.name.as_str()));
        for tensor in stored {
            if tensor.name.ends_with("num_batches_tracked") {
                continue;
            }
            let name = keys::plain(&tensor.name, timm);
            match tensors.named.entry(name) {
                Entry::Vacant(place) => {
                    place.insert(tensor);
                }
                Entry::Occupied(_) => tensors.twins.push(tensor),
            }
        }
        tensors
    }
}
