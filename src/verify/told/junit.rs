//! The report as JUnit XML: a test case a tensor, one for the counters, one a mask.

use super::super::Report;
use super::super::cycles::Cycles;
use super::super::judge::Judged;
use super::super::why;
use super::{sentence, terminal};
use crate::report::html::escape;
use std::fmt::Write;

enum Outcome {
    Passed,
    Failed(String),
    /// It cannot be judged.
    Erred(String),
    Skipped(String),
}

/// The XML text.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut cases: Vec<(String, Outcome)> = report.judged.iter().map(tensor).collect();
    let absent = report.not_compared().into_iter();
    cases.extend(absent.map(|name| {
        (
            name.to_owned(),
            Outcome::Skipped("not in the dump".to_owned()),
        )
    }));
    cases.extend(report.masks.iter().map(|mask| {
        let told = format!(
            "{} elements that differ are hidden: {}",
            mask.hidden, mask.reason
        );
        (format!("{} (mask)", mask.name), Outcome::Skipped(told))
    }));
    cases.extend(
        report
            .cycles
            .as_ref()
            .map(|cycles| ("counters".to_owned(), counters(cycles))),
    );
    let number = |of: fn(&Outcome) -> bool| cases.iter().filter(|(_, outcome)| of(outcome)).count();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" \
         errors=\"{}\" skipped=\"{}\">\n",
        escape(&format!("{} on {}", report.of.network, report.of.chip)),
        cases.len(),
        number(|outcome| matches!(outcome, Outcome::Failed(_))),
        number(|outcome| matches!(outcome, Outcome::Erred(_))),
        number(|outcome| matches!(outcome, Outcome::Skipped(_))),
    );
    let class = escape(&format!("{}.{}", report.of.chip, report.of.network));
    for (name, outcome) in &cases {
        let _ = write!(
            xml,
            "<testcase classname=\"{class}\" name=\"{}\"",
            escape(name)
        );
        xml.push_str(&match outcome {
            Outcome::Passed => "/>\n".to_owned(),
            Outcome::Failed(why) => inner("failure", why),
            Outcome::Erred(why) => inner("error", why),
            Outcome::Skipped(why) => inner("skipped", why),
        });
    }
    xml + "</testsuite>\n</testsuites>\n"
}

fn inner(tag: &str, why: &str) -> String {
    format!("><{tag} message=\"{}\"/></testcase>\n", escape(why))
}

fn tensor(part: &Judged) -> (String, Outcome) {
    let name = format!("{} ({})", part.name, part.source);
    let counts = &part.counts;
    let outcome = match (&part.vacuous, &part.in_execution) {
        (Some(why), _) => Outcome::Erred(why.clone()),
        (None, Some(first)) => Outcome::Failed(format!(
            "{} of {} elements differ; first made: {}{}",
            counts.differ(),
            counts.compared,
            sentence(part, first),
            cause(part)
        )),
        (None, None) => Outcome::Passed,
    };
    (name, outcome)
}

fn cause(part: &Judged) -> String {
    let causes = part.explained.as_ref().map(|explained| &explained.causes);
    causes.map_or_else(String::new, |causes| format!("; {}", why::sentence(causes)))
}

fn counters(cycles: &Cycles) -> Outcome {
    let line = terminal::cycles_line(cycles);
    match cycles.off().next() {
        Some(_) if cycles.checked => Outcome::Failed(line),
        Some(_) => Outcome::Skipped(line),
        None => Outcome::Passed,
    }
}
