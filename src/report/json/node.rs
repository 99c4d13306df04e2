//! A value of a JSON text that knows its path and its place, so that every complaint shows the line.
//!
//! The text is checked as a whole once; after that only the objects that are asked for are taken apart, and
//! depth costs no stack.

use crate::problem::{Problem, SourceFile};
use serde::Deserializer;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt::{self, Display};
use std::ops::Range;
use std::sync::Arc;

/// One value.
#[derive(Debug, Clone)]
pub struct Node<'t> {
    file: &'t Arc<SourceFile>,
    raw: &'t str,
    path: String,
}

/// The keys of an object, each there once.
#[derive(Debug, Clone)]
pub struct Object<'t> {
    node: Node<'t>,
    entries: Vec<(String, &'t RawValue)>,
}

/// Keys and values in the order of the text.
struct Entries<'t>(Vec<(String, &'t RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Taken;
        impl<'de> Visitor<'de> for Taken {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Taken)
    }
}

impl<'t> Node<'t> {
    /// The whole text.
    ///
    /// # Errors
    /// `diff::truncated`, `diff::syntax`.
    pub fn root(file: &'t Arc<SourceFile>) -> Result<Self, Problem> {
        let raw: &RawValue =
            serde_json::from_str(&file.text).map_err(|error| malformed(file, &error))?;
        Ok(Self {
            file,
            raw: raw.get(),
            path: String::new(),
        })
    }

    fn below(&self, raw: &'t RawValue, path: String) -> Self {
        Self {
            file: self.file,
            raw: raw.get(),
            path,
        }
    }

    /// Where it stands: `networks[0].total_cycles`; empty for the whole text.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it is, in words: `a list`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.raw.as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b'"') => "a text",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            _ => "a number",
        }
    }

    /// A problem about this value, its place marked with `label`.
    #[must_use]
    pub fn problem(
        &self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
        label: &str,
    ) -> Problem {
        Problem::new(code, message, help).at(self.file, self.span(), label)
    }

    /// Its bytes in the text; of an object or a list the opening bracket.
    fn span(&self) -> Range<usize> {
        let start = self.raw.as_ptr().addr() - self.file.text.as_ptr().addr();
        let long = self.raw.starts_with(['{', '[']);
        start..start + if long { 1 } else { self.raw.len() }
    }

    /// Its keys and values.
    ///
    /// # Errors
    /// `diff::wrong_type`, `diff::duplicate_key`.
    pub fn object(&self) -> Result<Object<'t>, Problem> {
        let Entries(entries) =
            serde_json::from_str(self.raw).map_err(|_| self.wrong_type("an object"))?;
        let object = Object {
            node: self.clone(),
            entries,
        };
        let mut keys: Vec<&str> = object.entries.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(twice) => Err(object.twice(twice[0])),
            None => Ok(object),
        }
    }

    /// Its elements.
    ///
    /// # Errors
    /// `diff::wrong_type`.
    pub fn list(&self) -> Result<Vec<Self>, Problem> {
        let items: Vec<&RawValue> =
            serde_json::from_str(self.raw).map_err(|_| self.wrong_type("a list"))?;
        let node = |(index, raw)| self.below(raw, format!("{}[{index}]", self.path));
        Ok(items.into_iter().enumerate().map(node).collect())
    }

    /// Its text.
    ///
    /// # Errors
    /// `diff::wrong_type`.
    pub fn text(&self) -> Result<String, Problem> {
        serde_json::from_str(self.raw).map_err(|_| self.wrong_type("a text of Unicode letters"))
    }

    /// A whole number from 0 to 2^64 - 1.
    ///
    /// # Errors
    /// `diff::wrong_type`, `diff::out_of_range`.
    pub fn count(&self) -> Result<u64, Problem> {
        let words = format!("a whole number from 0 to {}", u64::MAX);
        self.numeric(&words)?;
        let plain = self.raw.parse();
        plain.map_err(|_| self.out_of_range(&words))
    }

    /// A finite number, 0 or more.
    ///
    /// # Errors
    /// `diff::wrong_type`, `diff::out_of_range`.
    pub fn real(&self) -> Result<f64, Problem> {
        let words = "a finite number, 0 or more";
        self.numeric(words)?;
        let value: Option<f64> = self.raw.parse().ok();
        value
            .filter(|value| value.is_finite() && *value >= 0.0)
            .ok_or_else(|| self.out_of_range(words))
    }

    /// A number from 0 to 1.
    ///
    /// # Errors
    /// `diff::wrong_type`, `diff::out_of_range`.
    pub fn fraction(&self) -> Result<f64, Problem> {
        let value = self.real()?;
        if value <= 1.0 {
            Ok(value)
        } else {
            Err(self.out_of_range("a number from 0 to 1"))
        }
    }

    fn numeric(&self, words: &str) -> Result<(), Problem> {
        if self.kind() == "a number" {
            Ok(())
        } else {
            Err(self.wrong_type(words))
        }
    }

    fn wrong_type(&self, expected: &str) -> Problem {
        let message = format!(
            "{} is {}, it must be {expected}",
            Name(&self.path),
            self.kind()
        );
        let help = format!("write {expected} here, or write the file again with `repchip run`");
        self.problem("diff::wrong_type", message, help, "this value")
    }

    fn out_of_range(&self, words: &str) -> Problem {
        let message = format!("{} is {}, it must be {words}", Name(&self.path), self.raw);
        let help = format!("write {words}, or write the file again with `repchip run`");
        self.problem("diff::out_of_range", message, help, "out of range")
    }
}

impl<'t> Object<'t> {
    /// The value of `key`.
    ///
    /// # Errors
    /// `diff::missing_key`.
    pub fn get(&self, key: &str) -> Result<Node<'t>, Problem> {
        self.find(key).ok_or_else(|| {
            let message = format!("the key `{}` is missing", self.path_of(key));
            let help = "write the file again with `repchip run`; no default stands in for a key";
            (self.node).problem("diff::missing_key", message, help, "in this object")
        })
    }

    /// The value of `key`, when it is there.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Node<'t>> {
        let found = self.entries.iter().find(|(name, _)| name == key);
        found.map(|(name, raw)| self.node.below(raw, self.path_of(name)))
    }

    /// All keys with their values.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Node<'t>)> {
        (self.entries.iter())
            .map(|(key, raw)| (key.as_str(), self.node.below(raw, self.path_of(key))))
    }

    /// The object itself.
    #[must_use]
    pub const fn node(&self) -> &Node<'t> {
        &self.node
    }

    fn path_of(&self, key: &str) -> String {
        if self.node.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.node.path)
        }
    }

    fn twice(&self, key: &str) -> Problem {
        let mut places = self.entries().filter(|(name, _)| *name == key);
        let second = places.nth(1).expect("the key was found twice").1;
        let message = format!("the key `{}` is there twice", second.path);
        let help = "remove one of the two, or write the file again with `repchip run`";
        second.problem("diff::duplicate_key", message, help, "the second value")
    }
}

/// A path in backticks; the empty path in words.
struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            "" => f.write_str("the file"),
            path => write!(f, "`{path}`"),
        }
    }
}

fn malformed(file: &Arc<SourceFile>, error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let before = file.text.split_inclusive('\n').take(line.saturating_sub(1));
    let start: usize = before.map(str::len).sum();
    let place = (start + column.saturating_sub(1)).min(file.text.len());
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or(&text);
    let path = &file.path;
    if error.is_eof() {
        let message = format!("`{path}` ends too early, in line {line}, column {column}: {what}");
        let help = "copy the whole file, or write it again with `repchip run`";
        Problem::new("diff::truncated", message, help).at(file, place..place, "the file ends here")
    } else {
        let message = format!("`{path}` is not JSON, in line {line}, column {column}: {what}");
        let help = "repair the marked place, or write the file again with `repchip run`";
        Problem::new("diff::syntax", message, help).at(file, place..place + 1, "here")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Arc<SourceFile> {
        Arc::new(SourceFile {
            path: "a.json".to_owned(),
            text: text.to_owned(),
        })
    }

    #[test]
    fn a_value_knows_its_path_and_its_place() {
        let file = file(" {\"a\": [{}, {\"b\": 17}]}");
        let root = Node::root(&file).unwrap().object().unwrap();
        let item = root.get("a").unwrap().list().unwrap().remove(1);
        let value = item.object().unwrap().get("b").unwrap();
        assert_eq!(value.path(), "a[1].b");
        assert_eq!(&file.text[value.span()], "17");
        assert_eq!(value.count().unwrap(), 17);
        assert_eq!(value.text().unwrap_err().code, "diff::wrong_type");
    }

    #[test]
    fn numbers_are_judged_by_their_digits() {
        let code = |text: &str| {
            let file = file(text);
            let node = Node::root(&file).unwrap();
            let count = node.count().map_err(|problem| problem.code);
            (count, node.real().map_err(|problem| problem.code))
        };
        let range = Err("diff::out_of_range");
        assert_eq!(code("18446744073709551615").0, Ok(u64::MAX));
        assert_eq!(code("18446744073709551616").0, range);
        assert_eq!(code("-1"), (range, Err("diff::out_of_range")));
        assert_eq!(code("1.5"), (range, Ok(1.5)));
        assert_eq!(code("1e999").1, Err("diff::out_of_range"));
        assert_eq!(code("null").0, Err("diff::wrong_type"));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(200_000) + &"]".repeat(200_000);
        let file = file(&deep);
        assert_eq!(Node::root(&file).unwrap().list().unwrap().len(), 1);
        let cut = self::file(&deep[..300_000]);
        assert_eq!(Node::root(&cut).unwrap_err().code, "diff::truncated");
    }
}
