//! What a difference says in one sentence a network, and whether a network grew by more than is allowed.

use super::change::{percent_of, percent_shown, signed};
use super::network::{NetworkDiff, counts};
use super::{Diff, change::Change};
use crate::problem::findings::Decimal;
use crate::problem::{Problem, SourceFile};
use crate::report::charts::palette::words;
use crate::report::human::grouped;
use crate::report::json::read::Run;
use crate::time::Cause;
use std::sync::Arc;

/// The growth that is still allowed, in percent of the time that an image takes in A; exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit(Decimal);

/// Digits behind the point that a limit may have.
const DIGITS: u32 = 6;

impl Limit {
    /// Reads the words of `--fail-over`.
    ///
    /// # Errors
    /// `diff::bad_limit`: no number, negative, not finite, or more than six digits behind the point.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let value: Option<f64> = text.trim().parse().ok();
        let value = value.filter(|value| value.is_finite() && !value.is_sign_negative());
        (value
            .and_then(|value| Decimal::exact(value, DIGITS))
            .map(Self))
        .ok_or_else(|| {
            let message = format!("`--fail-over {text}` is no percentage that can be allowed");
            let help = "write a number, 0 or more, with at most 6 digits behind the point, as 2.5";
            let flag = Arc::new(SourceFile {
                path: "--fail-over".to_owned(),
                text: text.to_owned(),
            });
            Problem::new("diff::bad_limit", message, help).at(&flag, 0..text.len(), "percent")
        })
    }

    /// Whether the way from `a` to `b` grows by more; exact. From 0, every growth is more.
    #[must_use]
    pub fn exceeded(self, [a, b]: [u128; 2]) -> bool {
        let Some(grown) = b.checked_sub(a) else {
            return false;
        };
        let Decimal { scaled, decimals } = self.0;
        let scale = 10_u128.pow(decimals) * 100;
        grown.saturating_mul(scale) > u128::from(scaled).saturating_mul(a)
    }
}

/// The time that an image of `network` takes in A and in B, in one unit of both: cycles over clock and batch.
fn times_of_an_image(diff: &Diff<'_>, network: &NetworkDiff) -> [u128; 2] {
    let [a, b] = network.cycles().map(u128::from);
    let rate = |run: &Run| u128::from(run.clock_hz) * u128::from(run.batch);
    // A file may hold any count.
    [
        a.saturating_mul(rate(diff.b)),
        b.saturating_mul(rate(diff.a)),
    ]
}

/// A problem for each network of both runs of which an image takes longer by more than `limit`.
#[must_use]
pub fn slower(diff: &Diff<'_>, limit: Limit) -> Vec<Problem> {
    let over =
        (diff.networks.iter()).filter(|network| limit.exceeded(times_of_an_image(diff, network)));
    over.map(|network| {
        let message = grown(diff, network);
        let help = match leading(network) {
            Some((cause, change)) => format!(
                "look at {} ({} cycles) first; if the growth is meant, raise `--fail-over`",
                words(cause),
                way(change)
            ),
            None => "if the growth is meant, raise `--fail-over`".to_owned(),
        };
        Problem::new("diff::slower", message, help)
    })
    .collect()
}

/// Cycles of both runs; where clock or batch differ, these too.
fn grown(diff: &Diff<'_>, network: &NetworkDiff) -> String {
    let id = &network.id;
    let [a, b] = network.cycles().map(grouped);
    let (before, after) = (diff.a, diff.b);
    if (before.clock_hz, before.batch) == (after.clock_hz, after.batch) {
        let percent = percent_shown(network.total().percent());
        return format!(
            "`{id}` takes {b} cycles, {percent} over {a}: more than `--fail-over` allows"
        );
    }
    let how = |run: &Run| format!("{} Hz, batch {}", grouped(run.clock_hz), run.batch);
    format!(
        "an image of `{id}` takes longer by more than `--fail-over` allows: {b} cycles at {}, before {a} cycles at {}",
        how(after),
        how(before)
    )
}

/// A sentence for each network, in the order of A, then those of B alone; one sentence where nothing differs.
#[must_use]
pub fn sentences(diff: &Diff<'_>) -> Vec<String> {
    if !diff.differs() {
        return vec!["no difference".to_owned()];
    }
    let mut sentences: Vec<String> = diff.networks.iter().map(sentence).collect();
    sentences.extend(diff.only_a.iter().map(|id| format!("{id}: only in A")));
    sentences.extend(diff.only_b.iter().map(|id| format!("{id}: only in B")));
    sentences
}

/// `resnet-18: 3.2 % fewer cycles, mostly in inputs wait (-41,000 cycles)`.
#[must_use]
pub fn sentence(network: &NetworkDiff) -> String {
    let id = &network.id;
    if !network.differs() {
        return format!("{id}: no difference");
    }
    let [a, b] = network.cycles();
    let Some((cause, change)) = leading(network) else {
        return format!("{id}: as many cycles, but {}", others(network));
    };
    let grown = if b > a { "more" } else { "fewer" };
    let how_much = match network.total().percent() {
        Some(percent) => format!("{} {grown} cycles", percent_of(percent.abs())),
        None => format!("{} cycles after none", grouped(b)),
    };
    let [before, after] = counts(change);
    let half = u128::from(before.abs_diff(after)) * 2 >= u128::from(a.abs_diff(b));
    let weight = if half {
        "mostly in"
    } else {
        "the largest part in"
    };
    format!(
        "{id}: {how_much}, {weight} {} ({} cycles)",
        words(cause),
        way(change)
    )
}

/// What differs where the cycles do not.
fn others(network: &NetworkDiff) -> String {
    let layers = network.changed_layers().count();
    match (network.differing(), layers) {
        (0, 0) => "names or operators differ".to_owned(),
        (0, layers) => format!("they moved within {layers} layers"),
        (1, _) => "1 other figure differs".to_owned(),
        (figures, _) => format!("{figures} other figures differ"),
    }
}

/// The cause that moves most cycles in the direction of the whole network; the first of equals. `None` where
/// the whole does not move.
fn leading(network: &NetworkDiff) -> Option<(Cause, &Change)> {
    let [a, b] = network.cycles();
    let along = network.causes.iter().filter(|(_, change)| {
        let [before, after] = counts(change);
        after.cmp(&before) == b.cmp(&a) && after != before
    });
    let largest = along.rev().max_by_key(|(_, change)| {
        let [before, after] = counts(change);
        before.abs_diff(after)
    });
    largest.map(|(cause, change)| (*cause, change))
}

fn way(change: &Change) -> String {
    let [a, b] = counts(change);
    signed(a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_exact() {
        let over = |limit: &str, a, b| Limit::parse(limit).unwrap().exceeded([a, b]);
        assert!(!over("3.2", 1000, 1032) && over("3.2", 1000, 1033));
        assert!(!over("0", 7, 7) && over("0", 7, 8) && !over("0", 7, 6));
        assert!(!over("0.1", 30_000, 30_030) && over("0.1", 30_000, 30_031));
        assert!(over("1000000", 0, 1));
        assert!(!over(
            "100",
            u128::from(u64::MAX) / 2,
            u128::from(u64::MAX) - 1
        ));
    }

    #[test]
    fn what_is_no_percentage_is_refused() {
        for text in [
            "-1",
            "nan",
            "inf",
            "",
            "3 %",
            "-0.0",
            "0.1234567",
            "1e300",
            "three",
        ] {
            assert_eq!(
                Limit::parse(text).unwrap_err().code,
                "diff::bad_limit",
                "{text}"
            );
        }
        assert_eq!(Limit::parse("2.50").unwrap(), Limit::parse("2.5").unwrap());
    }
}
