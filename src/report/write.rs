//! Files appear whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What can go wrong while a report is written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A folder or a file could not be written.
    #[error("cannot write {}: {cause}", path.display())]
    Write {
        /// The file that was to be.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
}

impl ReportError {
    /// What the system said.
    #[must_use]
    pub const fn io(&self) -> &io::Error {
        let Self::Write { cause, .. } = self;
        cause
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> String {
        let Self::Write { path, cause } = self;
        let folder = path.parent().unwrap_or(path).display().to_string();
        match cause.kind() {
            io::ErrorKind::StorageFull => format!("free space on the disk of {folder}"),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!("choose an output folder you may write to, not {folder}")
            }
            _ => format!("check that {folder} is a folder on a disk that works"),
        }
    }
}

/// Writes `bytes` to `path`, folders included: first beside it under another name, then renamed. A reader
/// sees the old file or the new one, never a part.
///
/// # Errors
/// When a folder or the file cannot be written; then `path` is as before.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<(), ReportError> {
    replace(path, bytes).map_err(|cause| ReportError::Write {
        path: path.to_owned(),
        cause,
    })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file: NamedTempFile = builder.prefix(".repchip-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(())
}

/// A name as part of a file name: letters, digits, `.`, `-` and `_` stay, all else becomes `-`. A name
/// never starts with a dot and is never empty.
#[must_use]
pub fn file_stem(name: &str) -> String {
    let stem: String = name
        .chars()
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' => c,
            _ => '-',
        })
        .collect();
    if stem.is_empty() || stem.starts_with('.') {
        format!("-{stem}")
    } else {
        stem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_files_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.txt");
        atomically(&path, b"one").unwrap();
        atomically(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        let left: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_failure_names_the_file_and_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, b"x").unwrap();
        let error = atomically(&file.join("under.txt"), b"y").unwrap_err();
        assert!(error.to_string().contains("under.txt"));
        assert!(!error.help().is_empty());
        assert_ne!(error.io().kind(), io::ErrorKind::Other);
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        assert_eq!(file_stem("../x y"), "-..-x-y");
        assert_eq!(file_stem("resnet-50-v1.5"), "resnet-50-v1.5");
        assert_eq!(file_stem(""), "-");
    }
}
