//! `--set key=value`: a value of the command line in place of the file's.

use super::SourceFile;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One `--set key=value`.
///
/// The key is dotted; an element of an array is named by its place or by its `id`: `networks.a0.form=train`.
/// The value is TOML; a plain word needs no quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideFlag {
    text: String,
}

impl OverrideFlag {
    /// Takes the argument of the flag; whether it is well formed shows when it is laid over a file.
    #[must_use]
    pub fn new(argument: &str) -> Self {
        let quoted = argument.split_once('=').and_then(|(key, value)| {
            let value = value.trim();
            let word = value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '.' || c == '/')
                && !matches!(value, "true" | "false" | "inf" | "nan")
                && value
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._-/+".contains(c));
            word.then(|| format!("{}=\"{value}\"", key.trim()))
        });
        Self {
            text: quoted.unwrap_or_else(|| argument.to_owned()),
        }
    }

    /// The argument as TOML.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The flag without `prefix` and a dot in front of its key, when it has them.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Option<Self> {
        let text = self.text.strip_prefix(prefix)?.strip_prefix('.')?;
        Some(Self {
            text: text.to_owned(),
        })
    }

    /// The flag as a text that problems can point into.
    #[must_use]
    pub fn source(&self) -> Arc<SourceFile> {
        Arc::new(SourceFile {
            path: "--set".to_owned(),
            text: self.text.clone(),
        })
    }
}

/// Puts the values of `patch` into `base`: tables key by key, anything else as a whole.
///
/// # Errors
/// A sentence, when the patch names an element that an array does not have.
pub(super) fn overlay<'i>(base: &mut DeTable<'i>, patch: DeTable<'i>) -> Result<(), String> {
    for (key, new) in patch {
        match base.get_mut(key.get_ref().as_ref()) {
            Some(old) => replace(old, new)?,
            None => {
                base.insert(key, new);
            }
        }
    }
    Ok(())
}

fn replace<'i>(old: &mut Spanned<DeValue<'i>>, new: Spanned<DeValue<'i>>) -> Result<(), String> {
    let span = new.span();
    match (old.get_mut(), new.into_inner()) {
        (DeValue::Table(base), DeValue::Table(patch)) => overlay(base, patch),
        (DeValue::Array(items), DeValue::Table(patch)) => {
            for (key, value) in patch {
                let name = key.get_ref().as_ref();
                let item = items
                    .iter()
                    .position(|item| has_id(item.get_ref(), name))
                    .or_else(|| {
                        name.parse()
                            .ok()
                            .filter(|&index: &usize| index < items.len())
                    })
                    .ok_or_else(|| format!("no element `{name}` in an array of {}", items.len()))?;
                replace(&mut items.as_mut()[item], value)?;
            }
            Ok(())
        }
        (_, value) => {
            *old = Spanned::new(span, value);
            Ok(())
        }
    }
}

fn has_id(item: &DeValue<'_>, id: &str) -> bool {
    item.as_table()
        .and_then(|table| table.get("id"))
        .and_then(|value| value.get_ref().as_str())
        == Some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(base: &str, flag: &str) -> Result<String, String> {
        let flag = OverrideFlag::new(flag);
        let mut root = DeTable::parse(base).unwrap().into_inner();
        let patch = DeTable::parse(flag.as_str()).unwrap().into_inner();
        overlay(&mut root, patch)?;
        Ok(format!("{root:?}"))
    }

    #[test]
    fn a_plain_word_needs_no_quotes() {
        assert_eq!(OverrideFlag::new("a.b=train").as_str(), "a.b=\"train\"");
        assert_eq!(OverrideFlag::new("a.b=true").as_str(), "a.b=true");
        assert_eq!(OverrideFlag::new("a.b=[1, 2]").as_str(), "a.b=[1, 2]");
    }

    #[test]
    fn an_element_is_found_by_id_or_by_place() {
        let base = "[[n]]\nid='x'\nv=1\n[[n]]\nid='y'\nv=2\n";
        let by_id = set(base, "n.y.v=7").unwrap();
        let by_place = set(base, "n.1.v=7").unwrap();
        assert_eq!(by_id, by_place);
        assert!(by_id.contains('7') && !by_id.contains("\"2\""), "{by_id}");
        assert_eq!(
            set(base, "n.z.v=7").unwrap_err(),
            "no element `z` in an array of 2"
        );
    }

    #[test]
    fn a_prefix_selects_flags() {
        let flag = OverrideFlag::new("chip.array.rows=4");
        assert_eq!(flag.below("chip"), Some(OverrideFlag::new("array.rows=4")));
        assert_eq!(flag.below("ch"), None);
    }
}
