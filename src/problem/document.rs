//! Reads a configuration file with the `--set` flags laid over it; every value keeps its place.

use super::override_flag::{OverrideFlag, overlay};
use super::{Problem, SourceFile, toml_error};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::io::ErrorKind;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use toml::de::{DeTable, Deserializer};

/// A text that values of the document come from: the file, or one flag.
///
/// Spans of the document count bytes over all origins, laid one after another.
#[derive(Debug, Clone)]
struct Origin {
    start: usize,
    source: Arc<SourceFile>,
}

/// Where the values of a document come from: the file first, then each flag.
#[derive(Debug, Clone)]
pub struct Origins(Vec<Origin>);

impl SourceFile {
    /// Reads a text file.
    ///
    /// # Errors
    /// `config::no_file`, `config::directory`, `config::not_utf8`, `config::unreadable`.
    pub fn read(path: &Path) -> Result<Arc<Self>, Problem> {
        let shown = path.display().to_string();
        if path.is_dir() {
            return Err(Problem::new(
                "config::directory",
                format!("`{shown}` is a directory, not a file"),
                "name a TOML file inside it",
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| unreadable(&shown, &error))?;
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Arc::new(Self { path: shown, text })),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..good]
                    .iter()
                    .filter(|&&byte| byte == b'\n')
                    .count();
                Err(Problem::new(
                    "config::not_utf8",
                    format!(
                        "`{shown}` is not UTF-8 text: byte {good}, in line {line}, is 0x{:02x}",
                        error.as_bytes()[good]
                    ),
                    "save the file as UTF-8; a TOML file is always UTF-8",
                ))
            }
        }
    }

    /// SHA-256 of the text, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> String {
        Sha256::digest(self.text.as_bytes())
            .iter()
            .fold(String::new(), |mut hex, byte| {
                write!(hex, "{byte:02x}").expect("writing to a String never fails");
                hex
            })
    }
}

fn unreadable(shown: &str, error: &std::io::Error) -> Problem {
    if error.kind() == ErrorKind::NotFound {
        Problem::new(
            "config::no_file",
            format!("there is no file `{shown}`"),
            "check the path; it is relative to the current directory",
        )
    } else {
        Problem::new(
            "config::unreadable",
            format!("`{shown}` cannot be read: {error}"),
            "check the permissions of the file",
        )
    }
}

/// Parses `source`, lays `flags` over it, the last one on top, and takes the raw mirror `T` of the result.
///
/// # Errors
/// `config::empty_file`, `config::syntax`, `config::bad_set`, `config::unknown_key`, `config::missing_key`,
/// `config::wrong_type`: the first problem found.
pub fn mirror<T: DeserializeOwned>(
    source: &Arc<SourceFile>,
    flags: &[OverrideFlag],
) -> Result<(T, Origins), Problem> {
    let mut origins = Origins(vec![Origin {
        start: 0,
        source: Arc::clone(source),
    }]);
    let mut padded = Vec::with_capacity(flags.len());
    let mut start = source.text.len() + 1;
    for flag in flags {
        let source = flag.source();
        // Leading newlines put the flag's spans behind all texts before it.
        padded.push("\n".repeat(start) + &source.text);
        origins.0.push(Origin { start, source });
        start += flag.source().text.len() + 1;
    }
    let mut root =
        DeTable::parse(&source.text).map_err(|error| toml_error::syntax(&error, &origins))?;
    if root.get_ref().is_empty() {
        return Err(Problem::new(
            "config::empty_file",
            format!("`{}` holds no key", source.path),
            "start from one of the files under `configs/`",
        ));
    }
    for (flag, text) in flags.iter().zip(&padded) {
        let patch = DeTable::parse(text)
            .map_err(|error| toml_error::bad_flag(flag, error.message()))?
            .into_inner();
        if patch.is_empty() {
            return Err(toml_error::bad_flag(flag, "it sets no key"));
        }
        overlay(root.get_mut(), patch).map_err(|why| toml_error::bad_flag(flag, &why))?;
    }
    let raw = T::deserialize(Deserializer::from(root))
        .map_err(|error| toml_error::shape(&error, &origins))?;
    Ok((raw, origins))
}

impl Origins {
    /// The text that holds `span`, and the place in it.
    #[must_use]
    pub fn locate(&self, span: Range<usize>) -> (Arc<SourceFile>, Range<usize>) {
        let origin = self
            .0
            .iter()
            .rev()
            .find(|origin| origin.start <= span.start)
            .expect("the first text starts at byte 0");
        let end = origin.source.text.len();
        let inside = |byte: usize| byte.saturating_sub(origin.start).min(end);
        (
            Arc::clone(&origin.source),
            inside(span.start)..inside(span.end),
        )
    }

    /// The text at `span`.
    #[must_use]
    pub fn text(&self, span: Range<usize>) -> String {
        let (source, place) = self.locate(span);
        source.text.get(place).unwrap_or_default().to_owned()
    }

    /// Whether `span` lies in a `--set` flag.
    #[must_use]
    pub fn is_flag(&self, span: &Range<usize>) -> bool {
        self.0
            .get(1)
            .is_some_and(|first_flag| first_flag.start <= span.start)
    }

    /// The file itself.
    #[must_use]
    pub fn file(&self) -> &Arc<SourceFile> {
        &self.0[0].source
    }
}
