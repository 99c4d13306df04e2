//! What a bench holds, and how a call on it is served.

use super::model::{Model, c_text};
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

const DEFECT: &str = "the golden model stopped; this is a defect of it";

/// A golden model, or why there is none.
pub struct Golden {
    model: Option<Model>,
    message: CString,
}

impl Golden {
    /// A handle on the two files, if there are paths.
    pub(crate) fn open(paths: Option<(&str, &str)>) -> Self {
        let opened = guarded(|| match paths {
            Some((network, chip)) => Model::open(Path::new(network), Path::new(chip)),
            None => Err("a path is null or no UTF-8".to_owned()),
        });
        let (model, message) = match opened {
            Ok(model) => (Some(model), CString::default()),
            Err(message) => (None, c_text(&message)),
        };
        Self { model, message }
    }

    /// Why the last call that failed could not be served.
    pub(crate) fn message(&self) -> &CStr {
        &self.message
    }
}

/// Does `work`; a panic in it becomes an error and never reaches C.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(DEFECT.to_owned()))
}

/// Does `work` on the handle, and keeps the reason when it cannot be done.
///
/// # Safety
/// `golden` is null or a handle that no other call uses meanwhile.
pub(crate) unsafe fn with<T>(
    golden: *mut Golden,
    otherwise: T,
    work: impl FnOnce(&mut Model) -> Result<T, String>,
) -> T {
    // SAFETY: the caller's promise.
    let Some(golden) = (unsafe { golden.as_mut() }) else {
        return otherwise;
    };
    // Without a model the message says why since `golden_open`.
    let Some(model) = &mut golden.model else {
        return otherwise;
    };
    match guarded(|| work(model)) {
        Ok(value) => value,
        Err(message) => {
            golden.message = c_text(&message);
            otherwise
        }
    }
}

/// The text behind a pointer, if it is one in UTF-8.
///
/// # Safety
/// `text` is null or ends with a zero byte.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(guarded(|| Ok(7)), Ok(7));
        assert_eq!(
            guarded::<i32>(|| Err("no".to_owned())),
            Err("no".to_owned())
        );
        let empty: [i32; 0] = [];
        let places = std::hint::black_box(0..1);
        let stopped = guarded(|| Ok(places.map(|n| empty[n]).sum::<i32>()));
        assert_eq!(stopped, Err(DEFECT.to_owned()));
    }
}
