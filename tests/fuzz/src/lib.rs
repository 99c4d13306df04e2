//! What the fuzz targets share.

use std::path::PathBuf;

/// A file of this process that holds `data`, in memory where the system has such a folder.
///
/// # Panics
/// When it cannot be written.
#[must_use]
pub fn file(name: &str, data: &[u8]) -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let path = folder.join(format!("repchip-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, data).expect("the folder of temporary files takes a small file");
    path
}
