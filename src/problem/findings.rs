//! Judges values one by one and gathers what is wrong, so that one run names all problems of a file.

use super::document::Origins;
use super::{Integer, Place, Problem, Problems, Real, Setting, Sourced};
use std::fmt::Display;
use std::num::NonZeroU64;
use std::ops::{Range, RangeInclusive};

/// The problems of one document so far, and the settings that were read.
#[derive(Debug)]
pub struct Findings {
    origins: Origins,
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

/// A decimal number as an exact fraction: `scaled / 10^decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// The digits without the point.
    pub scaled: u64,
    /// Digits behind the point.
    pub decimals: u32,
}

impl Findings {
    /// None so far.
    #[must_use]
    pub const fn new(origins: Origins) -> Self {
        Self {
            origins,
            problems: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Adds a problem with its place; `label` are short words at the mark.
    pub fn report(&mut self, problem: Problem, span: Range<usize>, label: impl Into<String>) {
        let (file, place) = self.origins.locate(span);
        self.problems.push(problem.at(&file, place, label));
    }

    /// Notes a key that is not in the file, and what stands for it.
    pub fn default(&mut self, key: &str, value: impl Into<String>) {
        self.settings.push(Setting {
            key: key.to_owned(),
            value: value.into(),
            source: "default".to_owned(),
            place: None,
        });
    }

    /// Notes a key that is in the file, as written.
    pub fn setting(&mut self, key: &str, span: Range<usize>) {
        let source = if self.origins.is_flag(&span) {
            "--set"
        } else {
            "file"
        };
        let (file, place) = self.origins.locate(span.clone());
        self.settings.push(Setting {
            key: key.to_owned(),
            value: self.origins.text(span),
            source: source.to_owned(),
            place: Some(Place { file, span: place }),
        });
    }

    /// The settings, or all problems.
    ///
    /// # Errors
    /// All problems reported, in the order of the calls.
    pub fn finish(self) -> Result<Vec<Setting>, Problems> {
        if self.problems.is_empty() {
            Ok(self.settings)
        } else {
            Err(Problems(self.problems))
        }
    }

    /// A whole number in `range`.
    pub fn integer<T>(
        &mut self,
        key: &str,
        raw: &Sourced<Integer>,
        range: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: Copy + Display + TryFrom<i128> + PartialOrd,
    {
        self.note(key, raw);
        let value = T::try_from(raw.value.0)
            .ok()
            .filter(|value| range.contains(value));
        if value.is_none() {
            let words = format!("a whole number from {} to {}", range.start(), range.end());
            self.out_of_range(key, raw.value.0, &words, raw.span.clone());
        }
        value
    }

    /// A whole number in `range`, which starts at 1 or above.
    pub fn positive(
        &mut self,
        key: &str,
        raw: &Sourced<Integer>,
        range: RangeInclusive<u64>,
    ) -> Option<NonZeroU64> {
        self.integer(key, raw, range).and_then(NonZeroU64::new)
    }

    /// A finite number in `range`.
    pub fn real(
        &mut self,
        key: &str,
        raw: &Sourced<Real>,
        range: RangeInclusive<f64>,
    ) -> Option<f64> {
        self.note(key, raw);
        let value = raw.value.0;
        if range.contains(&value) {
            return Some(value);
        }
        let words = format!("a number from {} to {}", range.start(), range.end());
        self.out_of_range(key, value, &words, raw.span.clone());
        None
    }

    /// A number above 0 and up to `high` with at most `decimals` digits behind the point, exact.
    pub fn decimal(
        &mut self,
        key: &str,
        raw: &Sourced<Real>,
        high: u32,
        decimals: u32,
    ) -> Option<Decimal> {
        self.note(key, raw);
        let value = raw.value.0;
        // Also false for `nan`.
        if !(value > 0.0 && value <= f64::from(high)) {
            let words = format!("a number above 0 and up to {high}");
            self.out_of_range(key, value, &words, raw.span.clone());
            return None;
        }
        let exact = Decimal::exact(value, decimals);
        if exact.is_none() {
            let problem = Problem::new(
                "config::too_many_digits",
                format!("`{key}` is {value}, it may have {decimals} digits behind the point"),
                format!("round it to {decimals} digits behind the point"),
            );
            self.report(problem, raw.span.clone(), "this number");
        }
        exact
    }

    /// A value that is not `words`; `nan` and `inf` are in no range.
    fn out_of_range(&mut self, key: &str, value: impl Display, words: &str, span: Range<usize>) {
        let problem = Problem::new(
            "config::out_of_range",
            format!("`{key}` is {value}, it must be {words}"),
            format!("write {words}"),
        );
        self.report(problem, span, "out of range");
    }

    /// One of the named choices.
    pub fn choice<T: Copy>(
        &mut self,
        key: &str,
        raw: &Sourced<String>,
        choices: &[(&str, T)],
    ) -> Option<T> {
        self.note(key, raw);
        let found = choices.iter().find(|(name, _)| *name == raw.value);
        if found.is_none() {
            let names = choices.iter().map(|(name, _)| *name);
            let list = names.clone().map(|name| format!("\"{name}\""));
            let list = list.collect::<Vec<_>>().join(", ");
            let help = match nearest(&raw.value, names) {
                Some(name) => format!("did you mean \"{name}\"? The choices are {list}"),
                None => format!("write one of {list}"),
            };
            let problem = Problem::new(
                "config::unknown_choice",
                format!("`{key}` is \"{}\", which is none of its choices", raw.value),
                help,
            );
            self.report(problem, raw.span.clone(), "unknown");
        }
        found.map(|(_, choice)| *choice)
    }

    /// A text that is not blank.
    pub fn text(&mut self, key: &str, raw: &str, span: Range<usize>) -> Option<String> {
        self.setting(key, span.clone());
        if raw.trim().is_empty() {
            let problem = Problem::new(
                "config::empty_text",
                format!("`{key}` is an empty text"),
                format!("write some words between the quotes of `{key}`"),
            );
            self.report(problem, span, "empty");
            return None;
        }
        Some(raw.to_owned())
    }

    /// Notes a value that is in the file, with its source.
    fn note<T>(&mut self, key: &str, raw: &Sourced<T>) {
        self.setting(key, raw.span.clone());
        let Some(source) = &raw.source else { return };
        if source.get_ref().trim().is_empty() {
            let problem = Problem::new(
                "config::empty_source",
                format!("the source of `{key}` is an empty text"),
                "name where the figure comes from, or write `assumed: ` and why",
            );
            self.report(problem, source.span(), "empty");
        } else if let Some(last) = self.settings.last_mut() {
            last.source.clone_from(source.get_ref());
        }
    }
}

impl Decimal {
    /// The number whose shortest decimal form is that of `value`, when it has few enough digits.
    #[must_use]
    pub fn exact(value: f64, decimals: u32) -> Option<Self> {
        let text = value.to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let found = u32::try_from(fraction.len()).ok()?;
        let scaled = format!("{whole}{fraction}").parse().ok()?;
        (found <= decimals).then_some(Self {
            scaled,
            decimals: found,
        })
    }

    /// The number times `10^power`, when that is whole and fits.
    #[must_use]
    pub fn times_ten_to(self, power: u32) -> Option<u64> {
        let shift = power.checked_sub(self.decimals)?;
        self.scaled.checked_mul(10_u64.checked_pow(shift)?)
    }
}

/// The known name that looks most like `name`, when one does.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact() {
        let exact = Decimal::exact(12.8, 6).unwrap();
        assert_eq!((exact.scaled, exact.decimals), (128, 1));
        assert_eq!(exact.times_ten_to(9), Some(12_800_000_000));
        assert_eq!(Decimal::exact(0.000_000_1, 6), None);
        assert_eq!(
            Decimal::exact(1000.0, 6).unwrap().times_ten_to(6),
            Some(1_000_000_000)
        );
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_near() {
        let known = ["rows", "tile_h", "tile_w"];
        assert_eq!(nearest("row", known.into_iter()), Some("rows"));
        assert_eq!(nearest("tile_height", known.into_iter()), Some("tile_h"));
        assert_eq!(nearest("frequency", known.into_iter()), None);
    }
}
