//! Opens a JSON file, whatever its name leads to: a text with a known end, or a problem with a remedy.

use crate::problem::{Problem, SourceFile};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

/// No file of a run comes near this size: 256 MiB. A run of 107 layers takes about 130 kB.
pub const LARGEST: u64 = 256 << 20;

const GIVE: &str =
    "give the `<chip>.json` of a report's folder, or what `repchip run --json FILE` wrote";

/// Reads a text file of at most [`LARGEST`] bytes.
///
/// # Errors
/// `diff::no_file`, `diff::directory`, `diff::unreadable`, `diff::too_large`, `diff::not_utf8`,
/// `diff::empty_file`.
pub fn open(path: &Path) -> Result<Arc<SourceFile>, Problem> {
    let shown = path.display().to_string();
    if path.is_dir() {
        let message = format!("`{shown}` is a directory, not a file");
        return Err(Problem::new("diff::directory", message, GIVE));
    }
    let bytes = bytes(path).map_err(|error| unreadable(&shown, &error))?;
    let Some(bytes) = bytes else {
        let message = format!("`{shown}` is larger than {LARGEST} bytes, which no run is");
        return Err(Problem::new("diff::too_large", message, GIVE));
    };
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&shown, &error))?;
    if text.trim().is_empty() {
        let message = format!(
            "`{shown}` holds nothing but {} bytes of white space",
            text.len()
        );
        let help =
            "write it again with `repchip run`; the command that made it may have been stopped";
        return Err(Problem::new("diff::empty_file", message, help));
    }
    Ok(Arc::new(SourceFile { path: shown, text }))
}

/// All bytes, or `None` when there are more than [`LARGEST`]; also of what is no plain file and has no end.
fn bytes(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    if file.metadata()?.len() > LARGEST {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let found = file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((u64::try_from(found).is_ok_and(|found| found <= LARGEST)).then_some(bytes))
}

fn unreadable(shown: &str, error: &io::Error) -> Problem {
    if error.kind() == ErrorKind::NotFound {
        let message = format!("there is no file `{shown}`");
        let help = format!("check the path, it is relative to the current directory; {GIVE}");
        Problem::new("diff::no_file", message, help)
    } else {
        let message = format!("`{shown}` cannot be read: {error}");
        Problem::new(
            "diff::unreadable",
            message,
            "check the permissions of the file",
        )
    }
}

fn not_utf8(shown: &str, error: &std::string::FromUtf8Error) -> Problem {
    let good = error.utf8_error().valid_up_to();
    let byte = error.as_bytes()[good];
    let message = format!("`{shown}` is not UTF-8 text: byte {good} is 0x{byte:02x}");
    Problem::new("diff::not_utf8", message, GIVE)
}
