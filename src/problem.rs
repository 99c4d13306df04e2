//! What all errors of a file share: the file's text, a place in it, a code, a cause and a remedy.

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
    /// `room::what`, unique: `chip::slot_too_small`.
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
