//! What all errors of a file share: the file's text, a place in it, a code, a cause and a remedy; and how a
//! configuration file is read so that every value keeps its place.
//!
//! In: the path of a TOML file and the `--set` flags of the command. Out: a raw mirror of the file whose values
//! know their place, and [`Findings`], which gathers all problems of the file and the effective settings.
//! A value is never repaired: it is taken as written or it is a [`Problem`]. This room knows no key of any file.

pub mod document;
pub mod findings;
pub mod override_flag;
pub mod schema;
pub mod sourced;
mod toml_error;

pub use document::{Origins, mirror};
pub use findings::Findings;
pub use override_flag::OverrideFlag;
pub use sourced::{Integer, Real, Sourced};

use serde::Serialize;
use std::ops::Range;
use std::sync::Arc;

/// A text file as read, for messages that show the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// Path as the user wrote it.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// One key of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// `dram.latency_cycles`.
    pub key: String,
    /// As written, or the default.
    pub value: String,
    /// The `source` written beside the value; else `file`, `--set` or `default`.
    pub source: String,
    /// Where the value stands; `None` for a default.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The text.
    pub file: Arc<SourceFile>,
    /// Byte range in it.
    pub span: Range<usize>,
}

/// A marked place and what to say about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Byte range in the file's text.
    pub span: Range<usize>,
    /// Short words at the mark; may be empty.
    pub text: String,
}

/// One problem: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `room::what`, unique: `chip::slot_too_small`. What any configuration file can suffer is `config::what`.
    pub code: &'static str,
    /// One sentence with the actual numbers.
    pub message: String,
    /// The file, when the problem has one.
    pub file: Option<Arc<SourceFile>>,
    /// Places in the file, the most important first.
    pub labels: Vec<Label>,
    /// What to do. Never empty.
    pub help: String,
}

/// All problems found, at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(|p| format!("{}: {}", p.code, p.message)).collect::<Vec<_>>().join("; "))]
pub struct Problems(pub Vec<Problem>);

impl Problem {
    /// A problem without a place in a file.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            file: None,
            labels: Vec::new(),
            help: help.into(),
        }
    }

    /// Adds a place.
    #[must_use]
    pub fn at(
        mut self,
        file: &Arc<SourceFile>,
        span: Range<usize>,
        text: impl Into<String>,
    ) -> Self {
        self.file = Some(Arc::clone(file));
        self.labels.push(Label {
            span,
            text: text.into(),
        });
        self
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
