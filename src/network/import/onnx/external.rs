//! Values that an ONNX file keeps in a file beside it.

use super::message::StringStringEntry;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

/// The folder of an ONNX file; nothing outside it is read.
#[derive(Debug)]
pub(super) struct Folder {
    /// Without one, values in other files are refused.
    path: Option<PathBuf>,
    /// Bytes read so far of each file.
    read: RefCell<BTreeMap<PathBuf, u64>>,
}

/// How often the bytes of a file may be read on average: constants may share values, but within bounds.
const SHARED: u64 = 4;

impl Folder {
    /// The folder that `file` lies in.
    pub(super) fn of(file: &Path) -> Self {
        let parent = file.parent().map(Path::to_owned).unwrap_or_default();
        let parent = if parent.as_os_str().is_empty() {
            PathBuf::from(".")
        } else {
            parent
        };
        Self {
            path: Some(parent),
            read: RefCell::default(),
        }
    }

    /// No folder: values in other files are refused.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self {
            path: None,
            read: RefCell::default(),
        }
    }

    /// The `want` bytes that `entries` (`location`, `offset`, `length`) point to.
    ///
    /// # Errors
    /// A location outside the folder, and any length but `want` or beyond the end of the file; nothing is allocated
    /// before both are checked.
    pub(super) fn read(
        &self,
        entries: &[StringStringEntry],
        want: usize,
    ) -> Result<Vec<u8>, String> {
        let entry = |key: &str| entries.iter().find(|e| e.key == key).map(|e| &*e.value);
        let location = entry("location").ok_or("it names no file with its values")?;
        let number = |key: &str| {
            entry(key).map_or(Ok(None), |text| {
                let number = text.parse::<u64>().map(Some);
                number.map_err(|_| format!("the {key} `{text}` of its values is no number"))
            })
        };
        let offset = number("offset")?.unwrap_or(0);
        let want_bytes = u64::try_from(want).map_err(|_| "it is too large".to_owned())?;
        let length = number("length")?.unwrap_or(want_bytes);
        if length != want_bytes {
            return Err(format!(
                "its shape takes {want} bytes, `{location}` is said to hold {length}"
            ));
        }
        let path = self.place(location)?;
        let read = |error: std::io::Error| format!("`{location}` cannot be read: {error}");
        if !path.metadata().map_err(read)?.is_file() {
            return Err(format!("`{location}` is no regular file"));
        }
        let mut file = File::open(&path).map_err(read)?;
        let held = file.metadata().map_err(read)?.len();
        let mut all = self.read.borrow_mut();
        let so_far = all.entry(path.clone()).or_default();
        *so_far = so_far.saturating_add(length);
        if *so_far > held.saturating_mul(SHARED) {
            return Err(format!(
                "{so_far} bytes of values lie in `{location}`, which holds {held}"
            ));
        }
        if offset.checked_add(length).is_none_or(|end| end > held) {
            return Err(format!(
                "its values are {length} bytes from {offset} on, `{location}` holds {held}"
            ));
        }
        file.seek(SeekFrom::Start(offset)).map_err(read)?;
        let mut bytes = vec![0; want];
        file.read_exact(&mut bytes).map_err(read)?;
        Ok(bytes)
    }

    /// Where `location` is, which must be below the folder, links followed.
    fn place(&self, location: &str) -> Result<PathBuf, String> {
        let plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        let folder = self.path.as_ref().ok_or("its values lie in another file")?;
        let outside = || format!("its file `{location}` lies outside the model's folder");
        if !Path::new(location).components().all(plain) {
            return Err(outside());
        }
        let read = |error: std::io::Error| format!("`{location}` cannot be read: {error}");
        let folder = folder.canonicalize().map_err(read)?;
        let path = folder.join(location).canonicalize().map_err(read)?;
        if path.starts_with(&folder) {
            Ok(path)
        } else {
            Err(outside())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(list: &[(&str, &str)]) -> Vec<StringStringEntry> {
        let entry = |(key, value): &(&str, &str)| StringStringEntry {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        };
        list.iter().map(entry).collect()
    }

    #[test]
    fn values_are_shared_within_bounds_and_lie_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("data"), [7; 8]).unwrap();
        std::fs::create_dir(folder.path().join("inner")).unwrap();
        let folder = Folder::of(&folder.path().join("net.onnx"));
        let read = |location: &str| folder.read(&entries(&[("location", location)]), 8);
        for _ in 0..4 {
            assert_eq!(read("data"), Ok(vec![7; 8]));
        }
        let more = "40 bytes of values lie in `data`, which holds 8";
        assert_eq!(read("data"), Err(more.to_owned()));
        assert_eq!(read("inner"), Err("`inner` is no regular file".to_owned()));
    }

    #[test]
    fn a_range_inside_a_file_beside_the_model_is_read_and_nothing_else() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("model");
        std::fs::create_dir(&inner).unwrap();
        std::fs::write(inner.join("data"), [0, 1, 2, 3, 4, 5]).unwrap();
        std::fs::write(outer.path().join("secret"), [9; 6]).unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret"), inner.join("link")).unwrap();
        let folder = Folder::of(&inner.join("net.onnx"));
        let read = |list: &[(&str, &str)], want| folder.read(&entries(list), want);

        let all = [("location", "data"), ("offset", "2"), ("length", "4")];
        assert_eq!(read(&all, 4), Ok(vec![2, 3, 4, 5]));
        assert_eq!(read(&[("location", "./data")], 1), Ok(vec![0]));
        for (location, offset, length, want) in [
            (
                "data",
                "3",
                "4",
                "its values are 4 bytes from 3 on, `data` holds 6",
            ),
            (
                "data",
                "0",
                "5",
                "its shape takes 4 bytes, `data` is said to hold 5",
            ),
            (
                "data",
                "18446744073709551615",
                "4",
                "its values are 4 bytes from 18446744073709551615 on, `data` holds 6",
            ),
            (
                "data",
                "-1",
                "4",
                "the offset `-1` of its values is no number",
            ),
            (
                "../secret",
                "0",
                "4",
                "its file `../secret` lies outside the model's folder",
            ),
            (
                "/etc/passwd",
                "0",
                "4",
                "its file `/etc/passwd` lies outside the model's folder",
            ),
            (
                "link",
                "0",
                "4",
                "its file `link` lies outside the model's folder",
            ),
        ] {
            let list = [
                ("location", location),
                ("offset", offset),
                ("length", length),
            ];
            assert_eq!(read(&list, 4), Err(want.to_owned()));
        }
        assert!(
            read(&[("location", "none")], 4)
                .unwrap_err()
                .starts_with("`none` cannot")
        );
        assert_eq!(
            read(&[], 4),
            Err("it names no file with its values".to_owned())
        );
    }
}
