//! What the TOML reader complains of, as problems with a remedy.

use super::document::Origins;
use super::findings::nearest;
use super::{OverrideFlag, Problem};

/// The text is not TOML.
pub(super) fn syntax(error: &toml::de::Error, origins: &Origins) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let (file, place) = origins.locate(span);
    Problem::new(
        "config::syntax",
        format!("`{}` is not TOML: {}", file.path, error.message()),
        "repair the marked place; a line reads `key = value`, a table starts with `[name]`",
    )
    .at(&file, place, "here")
}

/// A flag that does not fit.
pub(super) fn bad_flag(flag: &OverrideFlag, why: &str) -> Problem {
    let source = flag.source();
    Problem::new(
        "config::bad_set",
        format!("`--set {}` cannot be used: {why}", flag.as_str()),
        "write `--set table.key=value` with a TOML value; text with spaces needs quotes inside",
    )
    .at(&source, 0..source.text.len(), "")
}

/// The document has another shape than the mirror: a key too many or too few, or a value of another type.
pub(super) fn shape(error: &toml::de::Error, origins: &Origins) -> Problem {
    let message = error.message();
    let (file, place) = origins.locate(error.span().unwrap_or(0..0));
    let table = path_of(error);
    if let Some(key) = quoted(message, "unknown field ") {
        let known = names_after(message, "expected ");
        let help = match nearest(key, known.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("the keys here are: {}", known.join(", ")),
        };
        return Problem::new(
            "config::unknown_key",
            format!("there is no key `{key}`{}", inside(table.as_deref())),
            help,
        )
        .at(&file, place, "unknown");
    }
    if let Some(key) = quoted(message, "missing field ") {
        let (help, label) = if table.is_some() {
            (format!("add `{key} = ...`"), "in this table")
        } else {
            (format!("add the key or the table `{key}`"), "in this file")
        };
        let message = format!("the key `{key}` is missing{}", inside(table.as_deref()));
        let help = format!("{help}; no default stands in for it");
        let header = first_line(&file.text, place);
        return Problem::new("config::missing_key", message, help).at(&file, header, label);
    }
    let key = table.map_or_else(String::new, |key| format!("`{key}`: "));
    Problem::new(
        "config::wrong_type",
        format!("{key}{message}"),
        "write a value of the type that is expected",
    )
    .at(&file, place, "this value")
}

/// The dotted path that the reader was in; it tells it only in its text.
fn path_of(error: &toml::de::Error) -> Option<String> {
    let text = error.to_string();
    let line = text.trim_end().lines().last()?;
    Some(line.strip_prefix("in `")?.strip_suffix('`')?.to_owned())
}

fn inside(table: Option<&str>) -> String {
    table.map_or_else(String::new, |table| format!(" in `{table}`"))
}

fn quoted<'m>(message: &'m str, before: &str) -> Option<&'m str> {
    message
        .strip_prefix(before)?
        .strip_prefix('`')?
        .split('`')
        .next()
}

/// The names in backticks after `word`.
fn names_after(message: &str, word: &str) -> Vec<String> {
    message
        .split_once(word)
        .map_or("", |(_, list)| list)
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// A table spans all its keys: its first line is enough to show.
fn first_line(text: &str, place: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let shown = &text[place.clone()];
    let length = shown.find('\n').unwrap_or(shown.len());
    place.start..place.start + length
}
