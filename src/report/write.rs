//! Files appear whole or not at all, and those of one report together.

use std::fs::{File, OpenOptions};
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
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let folder = folder.display().to_string();
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                format!("free space on the disk of {folder}, or choose another output folder")
            }
            io::ErrorKind::FileTooLarge => {
                format!(
                    "raise the limit on the size of a file (`ulimit -f`), or write to another disk than that of {folder}"
                )
            }
            io::ErrorKind::IsADirectory => {
                format!(
                    "{} is a folder: name a file, or remove the folder",
                    path.display()
                )
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                let file = (path.ancestors().skip(1)).find(|outer| outer.is_file());
                let file = file.map_or(folder, |file| file.display().to_string());
                format!(
                    "a file stands where the folder {file} should be: choose another output folder"
                )
            }
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
    all(&[(path, bytes)])
}

/// Writes many files, folders included, all or none: each is written whole beside its place, `.repchip-` in
/// front of its name, and only when the last byte of the last file is on the disk they are renamed.
///
/// A reader sees the old file or the new one, never a part. Only a failure while files are renamed, which
/// takes no space, can leave some old and some new ones.
///
/// # Errors
/// When a folder or a file cannot be written; then all is as before, and no other file stays behind.
pub fn all<P: AsRef<Path>, B: AsRef<[u8]>>(files: &[(P, B)]) -> Result<(), ReportError> {
    let mut folders = Folders::default();
    let staged = (files.iter())
        .map(|(path, bytes)| {
            let path = path.as_ref();
            let stage = stage(path, bytes.as_ref(), &mut folders);
            stage.map_err(|cause| failed(path, cause))
        })
        .collect::<Result<Vec<Stage>, _>>()?;
    let (devices, files): (Vec<_>, Vec<_>) =
        (staged.into_iter().zip(files)).partition(|(stage, _)| matches!(stage, Stage::Device(_)));
    for (stage, (path, bytes)) in devices.into_iter().chain(files) {
        let done = match stage {
            Stage::File(file, place) => file
                .persist(place)
                .map_err(|refused| refused.error)
                .map(drop),
            Stage::Device(mut device) => device.write_all(bytes.as_ref()),
        };
        done.map_err(|cause| failed(path.as_ref(), cause))?;
        folders.made.clear();
    }
    Ok(())
}

/// Tries whether files could be written to `paths` by now, before the work that fills them; leaves nothing behind.
///
/// # Errors
/// For the first place where no file can be made: a folder stands there, or its folder cannot be written.
pub fn probe<P: AsRef<Path>>(paths: &[P]) -> Result<(), ReportError> {
    for path in paths {
        let path = path.as_ref();
        let place = followed(path);
        let outer = place.ancestors().skip(1);
        let folder = (outer.map(|outer| {
            if outer.as_os_str().is_empty() {
                Path::new(".")
            } else {
                outer
            }
        }))
        .find(|outer| outer.symlink_metadata().is_ok());
        let tried = match (place.metadata(), folder) {
            (Ok(found), _) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            (Ok(found), _) if !found.is_file() => Ok(()),
            (_, Some(folder)) => temporary(folder).map(drop),
            (_, None) => Ok(()),
        };
        tried.map_err(|cause| failed(path, cause))?;
    }
    Ok(())
}

fn failed(path: &Path, cause: io::Error) -> ReportError {
    let path = path.to_owned();
    ReportError::Write { path, cause }
}

/// Folders made for files; those still listed go again, when they are empty.
#[derive(Default)]
struct Folders {
    /// The outer ones first.
    made: Vec<PathBuf>,
}

impl Folders {
    /// Makes `folder` and those around it.
    fn make(&mut self, folder: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = folder
            .ancestors()
            .take_while(|outer| !outer.as_os_str().is_empty() && !outer.exists())
            .collect();
        std::fs::create_dir_all(folder)?;
        self.made.extend(missing.iter().rev().map(PathBuf::from));
        Ok(())
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        for folder in self.made.iter().rev() {
            // One that another program has filled since stays.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

/// Ready to appear.
enum Stage {
    /// Whole beside its place.
    File(NamedTempFile, PathBuf),
    /// A device or a pipe, open: it takes the bytes as they come.
    Device(File),
}

/// Where the file is that `path` names: the end of a symbolic link, there or not.
fn followed(path: &Path) -> PathBuf {
    match path.read_link() {
        Ok(target) => {
            let folder = path.parent().unwrap_or_else(|| Path::new(""));
            path.canonicalize().unwrap_or_else(|_| folder.join(target))
        }
        Err(_) => path.to_owned(),
    }
}

/// An empty file with a name of chance in `folder`; it goes again unless it is renamed.
fn temporary(folder: &Path) -> io::Result<NamedTempFile> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    // `make_in` leaves the system's error as it is, without the name of chance.
    let mut builder = tempfile::Builder::new();
    builder
        .prefix(".repchip-")
        .make_in(folder, |path| new.open(path))
}

/// The file under another name beside its place, whole and on the disk; what is no file stays what it is.
fn stage(path: &Path, bytes: &[u8], folders: &mut Folders) -> io::Result<Stage> {
    let place = followed(path);
    if place
        .metadata()
        .is_ok_and(|found| !found.is_file() && !found.is_dir())
    {
        return OpenOptions::new()
            .write(true)
            .open(place)
            .map(Stage::Device);
    }
    let path = place.as_path();
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    folders.make(folder)?;
    let mut file = temporary(folder)?;
    file.as_file_mut().write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(Stage::File(file, place))
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

    /// Names of all files and folders under `folder`, with the bytes of the files.
    fn tree(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push((path.clone(), std::fs::read(&path).ok()));
            if path.is_dir() {
                found.extend(tree(&path));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn of_many_files_all_are_written_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("old"), b"old").unwrap();
        std::fs::create_dir(at("a-folder")).unwrap();
        let before = tree(folder.path());
        for bad in ["a-folder", "old/under", "old/deeper/under"] {
            let files = [(at("new/deep/x"), "x"), (at("old"), "new"), (at(bad), "y")];
            let error = all(&files).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
            assert!(!error.help().contains("disk"), "{}", error.help());
            assert_eq!(tree(folder.path()), before, "{bad}");
        }
        all(&[(at("new/deep/x"), "x"), (at("old"), "new")]).unwrap();
        assert_eq!(std::fs::read(at("old")).unwrap(), b"new");
        assert_eq!(tree(folder.path()).len(), 5);
    }

    #[test]
    fn links_are_followed_and_devices_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("real"), b"old").unwrap();
        std::os::unix::fs::symlink("real", at("link")).unwrap();
        std::os::unix::fs::symlink("later", at("dangling")).unwrap();
        all(&[(at("link"), "new"), (at("dangling"), "made")]).unwrap();
        assert_eq!(std::fs::read(at("real")).unwrap(), b"new");
        assert_eq!(std::fs::read(at("later")).unwrap(), b"made");
        assert!(at("link").is_symlink() && at("dangling").is_symlink());
        atomically(&at("null"), b"x").unwrap();
        std::fs::remove_file(at("null")).unwrap();
        std::os::unix::fs::symlink("/dev/null", at("null")).unwrap();
        atomically(&at("null"), b"x").unwrap();
        assert!(!Path::new("/dev/null").metadata().unwrap().is_file());
        std::os::unix::fs::symlink("/dev/full", at("full")).unwrap();
        let error = atomically(&at("full"), b"x").unwrap_err();
        assert_eq!(error.io().kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn each_cause_has_its_remedy() {
        use io::ErrorKind::{
            FileTooLarge, Other, PermissionDenied, ReadOnlyFilesystem, StorageFull,
        };
        let help = |kind: io::ErrorKind| failed(Path::new("out/x"), kind.into()).help();
        assert!(help(StorageFull).starts_with("free space on the disk of out"));
        assert!(help(FileTooLarge).contains("ulimit -f"));
        assert!(help(PermissionDenied).contains("not out"));
        assert_eq!(help(PermissionDenied), help(ReadOnlyFilesystem));
        assert!(help(Other).contains("out"));
        assert!(
            failed(Path::new("x"), PermissionDenied.into())
                .help()
                .ends_with("not .")
        );
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        assert_eq!(file_stem("../x y"), "-..-x-y");
        assert_eq!(file_stem("resnet-50-v1.5"), "resnet-50-v1.5");
        assert_eq!(file_stem(""), "-");
    }
}
