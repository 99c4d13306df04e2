//! What a bench holds, and how a call on it is served.

use crate::model::{Model, c_text};
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
        let opened = catch_unwind(|| match paths {
            Some((network, chip)) => Model::open(Path::new(network), Path::new(chip)),
            None => Err("a path is null or no UTF-8".to_owned()),
        });
        let (model, message) = match opened.unwrap_or_else(|_| Err(DEFECT.to_owned())) {
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
    let done = catch_unwind(AssertUnwindSafe(|| work(model)));
    match done.unwrap_or_else(|_| Err(DEFECT.to_owned())) {
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
