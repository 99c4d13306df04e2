//! A state dict as `torch.save` writes it: a zip archive with a pickle and one file for each storage.
//!
//! In: the file's bytes. Out: its tensors by name, their values in row-major order. The dict may lie inside another
//! one under `state_dict` or `model`. Nothing is taken from outside the archive's bytes, and a tensor never has more
//! elements than its storage.

use super::pickle::{self, Item, ItemId, Pickle};
use super::stored::Stored;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Read};
use std::ops::Range;
use zip::{CompressionMethod, ZipArchive};

/// The most bytes of a pickle; that of a large network has some hundred kilobytes.
const MOST_PICKLE: u64 = 1 << 26;

/// Names under which a checkpoint keeps its state dict.
const WRAPPERS: [&str; 2] = ["state_dict", "model"];

/// Whether bytes are a zip archive, or the older form without one.
pub(super) fn is_pth(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || is_legacy(bytes)
}

/// The form before torch 1.6 starts with a pickle of protocol 2 that holds one long integer.
fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x80\x02\x8a\x0a")
}

/// All tensors of the state dict.
///
/// # Errors
/// What is wrong with the archive, its pickle or a tensor.
pub(super) fn tensors(bytes: &[u8]) -> Result<Vec<Stored<'_>>, String> {
    if is_legacy(bytes) {
        return Err(
            "it is in the format before torch 1.6; load it and save it anew with torch.save"
                .to_owned(),
        );
    }
    let mut archive = Archive::new(bytes)?;
    let pickle = Pickle::load(&archive.pickle()?)?;
    let mut tensors = Vec::new();
    // Names are copied, each text of the pickle at most once.
    let mut names = BTreeSet::new();
    // Views of one storage may be gathered many times over; all of them together stay below the file's own length.
    let mut room = bytes.len();
    for (key, value) in state_dict(&pickle, pickle.root(), 0)? {
        let (Item::Text(name), Item::Tensor(tensor)) = (pickle.get(*key), pickle.get(*value))
        else {
            continue;
        };
        if !names.insert(name) {
            return Err("one of its tensors is there twice".to_owned());
        }
        let stored = archive.tensor(name, tensor);
        let stored = stored.map_err(|cause| format!("tensor `{name}`: {cause}"))?;
        if let Cow::Owned(gathered) = &stored.bytes {
            room = room.checked_sub(gathered.len()).ok_or_else(|| {
                format!("tensor `{name}`: its tensors hold more values than the file, by views of one storage")
            })?;
        }
        tensors.push(stored);
    }
    Ok(tensors)
}

/// The dict that holds tensors, inside others by the names of [`WRAPPERS`].
fn state_dict(pickle: &Pickle, id: ItemId, depth: usize) -> Result<&[(ItemId, ItemId)], String> {
    let Item::Dict(entries) = pickle.get(id) else {
        return Err("it holds no dict of tensors".to_owned());
    };
    let holds_tensors =
        (entries.iter()).any(|(_, value)| matches!(pickle.get(*value), Item::Tensor(_)));
    if holds_tensors {
        return Ok(entries);
    }
    let inner = WRAPPERS.iter().find_map(|wrapper| {
        (entries.iter())
            .find(|(key, _)| matches!(pickle.get(*key), Item::Text(text) if text == wrapper))
    });
    match inner {
        Some((_, value)) if depth < 2 => state_dict(pickle, *value, depth + 1),
        Some(_) | None => {
            Err("it holds no dict of tensors, nor one under `state_dict` or `model`".to_owned())
        }
    }
}

/// A zip archive whose files are stored as they are.
struct Archive<'data> {
    bytes: &'data [u8],
    zip: ZipArchive<Cursor<&'data [u8]>>,
    /// What all names start with.
    folder: String,
}

impl<'data> Archive<'data> {
    fn new(bytes: &'data [u8]) -> Result<Self, String> {
        let length = bytes.len();
        let zip = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| format!("its {length} bytes are not a whole zip archive ({error})"))?;
        let pickle = zip
            .file_names()
            .find_map(|name| name.strip_suffix("data.pkl"));
        let folder = pickle
            .map(str::to_owned)
            .ok_or("its archive has no `data.pkl`")?;
        Ok(Self { bytes, zip, folder })
    }

    fn pickle(&mut self) -> Result<Vec<u8>, String> {
        let order = format!("{}byteorder", self.folder);
        if self.zip.index_for_name(&order).is_some() {
            let place = self.place("byteorder")?;
            if self.bytes.get(place) != Some(b"little") {
                return Err("its numbers are not little-endian".to_owned());
            }
        }
        let name = format!("{}data.pkl", self.folder);
        let file = self
            .zip
            .by_name(&name)
            .map_err(|error| format!("`{name}`: {error}"))?;
        let mut pickle = Vec::new();
        let read = file.take(MOST_PICKLE).read_to_end(&mut pickle);
        read.map_err(|error| format!("`{name}`: {error}"))?;
        Ok(pickle)
    }

    /// Where the bytes of a file of the archive lie.
    fn place(&mut self, name: &str) -> Result<Range<usize>, String> {
        let name = format!("{}{name}", self.folder);
        let file = self
            .zip
            .by_name(&name)
            .map_err(|error| format!("`{name}`: {error}"))?;
        if file.compression() != CompressionMethod::Stored {
            return Err(format!("`{name}` is compressed"));
        }
        let start = file.data_start();
        let range = (start.checked_add(file.size()))
            .and_then(|end| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?));
        range.ok_or_else(|| format!("`{name}` lies outside the archive"))
    }

    fn tensor(&mut self, name: &str, tensor: &pickle::Tensor) -> Result<Stored<'data>, String> {
        let place = self.place(&format!("data/{}", tensor.storage))?;
        let storage = self
            .bytes
            .get(place)
            .ok_or("its storage lies outside the file")?;
        Ok(Stored {
            name: name.to_owned(),
            shape: tensor.shape.clone(),
            dtype: tensor.dtype.name.to_owned(),
            bytes: row_major(tensor, storage)?,
        })
    }
}

/// The tensor's bytes in row-major order: a piece of the storage, or gathered by its strides.
fn row_major<'data>(
    tensor: &pickle::Tensor,
    storage: &'data [u8],
) -> Result<Cow<'data, [u8]>, String> {
    let width = tensor.dtype.bytes;
    let elements = storage.len() / width;
    let product = |count: usize, axis: &usize| count.checked_mul(*axis);
    let count = tensor
        .shape
        .iter()
        .try_fold(1, product)
        .filter(|count| *count <= elements);
    let shape = &tensor.shape;
    let count =
        count.ok_or_else(|| format!("shape {shape:?} is more than its storage of {elements}"))?;
    if count == 0 {
        return Ok(Cow::Borrowed(&[]));
    }
    let reach = (shape.iter().zip(&tensor.strides))
        .try_fold(tensor.offset, |last, (axis, stride)| {
            last.checked_add((axis - 1).checked_mul(*stride)?)
        });
    if reach.is_none_or(|last| last >= elements) {
        return Err(format!(
            "shape {shape:?} with strides {:?} from {} on leaves its storage of {elements}",
            tensor.strides, tensor.offset
        ));
    }
    if contiguous(shape, &tensor.strides) {
        let first = tensor.offset * width;
        return Ok(Cow::Borrowed(&storage[first..first + count * width]));
    }
    let mut bytes = Vec::with_capacity(count * width);
    for place in 0..count {
        let mut rest = place;
        let mut at = tensor.offset;
        for (axis, stride) in shape.iter().zip(&tensor.strides).rev() {
            at += rest % axis * stride;
            rest /= axis;
        }
        bytes.extend_from_slice(&storage[at * width..(at + 1) * width]);
    }
    Ok(Cow::Owned(bytes))
}

fn contiguous(shape: &[usize], strides: &[usize]) -> bool {
    let mut dense = 1;
    for (axis, stride) in shape.iter().zip(strides).rev() {
        if *axis > 1 && *stride != dense {
            return false;
        }
        dense *= axis;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::pickle::{Dtype, Tensor};
    use super::*;
    use std::io::Write;
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    fn tensor(shape: &[usize], strides: &[usize], offset: usize) -> Tensor {
        Tensor {
            storage: "0".to_owned(),
            dtype: Dtype {
                name: "U8",
                bytes: 1,
            },
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        }
    }

    #[test]
    fn strides_are_followed_and_never_leave_the_storage() {
        let storage = [0, 1, 2, 3, 4, 5];
        let read = |t: Tensor| row_major(&t, &storage).map(Cow::into_owned);
        assert_eq!(
            read(tensor(&[2, 3], &[3, 1], 0)),
            Ok(vec![0, 1, 2, 3, 4, 5])
        );
        assert_eq!(
            read(tensor(&[3, 2], &[1, 3], 0)),
            Ok(vec![0, 3, 1, 4, 2, 5])
        );
        assert_eq!(read(tensor(&[2], &[2], 1)), Ok(vec![1, 3]));
        assert_eq!(read(tensor(&[], &[], 5)), Ok(vec![5]));
        assert_eq!(read(tensor(&[0, 9], &[1, 1], 9)), Ok(Vec::new()));
        assert!(read(tensor(&[2], &[5], 1)).is_err());
        assert!(read(tensor(&[], &[], 6)).is_err());
        assert!(read(tensor(&[7], &[0], 0)).is_err());
        assert!(read(tensor(&[2], &[usize::MAX], 1)).is_err());
        assert!(read(tensor(&[usize::MAX, 2], &[0, 0], 0)).is_err());
    }

    /// An archive with a pickle and an entry `byteorder`.
    fn archive(pickle: &[u8], order: Option<(&[u8], CompressionMethod)>) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = |method| SimpleFileOptions::default().compression_method(method);
        zip.start_file("a/data.pkl", options(CompressionMethod::Stored))
            .unwrap();
        zip.write_all(pickle).unwrap();
        if let Some((order, method)) = order {
            zip.start_file("a/byteorder", options(method)).unwrap();
            zip.write_all(order).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_byte_order_may_be_missing_but_not_hidden() {
        let cause = |order| tensors(&archive(b"}.", order)).unwrap_err();
        let no_tensors = "it holds no dict of tensors, nor one under `state_dict` or `model`";
        let (stored, deflated) = (CompressionMethod::Stored, CompressionMethod::Deflated);
        assert_eq!(cause(None), no_tensors);
        assert_eq!(cause(Some((b"little", stored))), no_tensors);
        assert_eq!(
            cause(Some((b"big", stored))),
            "its numbers are not little-endian"
        );
        assert_eq!(
            cause(Some((b"big", deflated))),
            "`a/byteorder` is compressed"
        );
    }

    #[test]
    fn a_name_is_there_once() {
        // {"a": tensor, "a": tensor} with both from the memo; the storage is empty.
        let pickle = b"}(X\x01\x00\x00\x00aq\x00ctorch._utils\n_rebuild_tensor_v2\n(K\x01ctorch\nByteStorage\nX\x01\x00\x00\x000\x87QK\x00K\x00\x85K\x01\x85tRq\x01h\x00h\x01u.";
        let mut zip = ZipWriter::new_append(Cursor::new(archive(pickle, None))).unwrap();
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file("a/data/0", options).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        assert_eq!(
            tensors(&bytes),
            Err("one of its tensors is there twice".to_owned())
        );
    }
}
