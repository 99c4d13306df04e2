//! A run as a trace for <https://ui.perfetto.dev>: one row a resource, time in cycles.
//!
//! A process is a network on a chip, its rows are the array, the vector unit, the host, and the DRAM bus in both
//! directions; counters show the bus and the activation SRAM. One microsecond of the viewer is one cycle. An
//! operation's slice holds a slice for each cause of its cycles: over a whole run these add up to the account. Within an
//! operation the causes stand in a fixed order, not in the order in which they came.

mod event;
mod run;

use super::Report;
use event::{Event, Row};
use std::ops::Range;

/// Most bytes of a trace: what a browser still opens with ease.
pub const LIMIT: usize = 50_000_000;

/// Bytes kept free for what a run's rows and the file itself are called.
const NAMES: usize = 2_500;

/// A trace file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// JSON in the trace event format.
    pub text: String,
    /// One sentence for each run that is not shown whole because of [`LIMIT`].
    pub cut: Vec<String>,
}

/// The trace of all runs of a report; with a window only what overlaps its cycles, slices whole.
///
/// Runs share `limit` bytes evenly; one that needs more is shown from its start for as long as its share lasts.
#[must_use]
pub fn trace(report: &Report, window: Option<&Range<u64>>, limit: usize) -> Trace {
    let runs: Vec<_> = (report.chips.iter())
        .flat_map(|chip| chip.networks.iter().map(move |network| (chip, network)))
        .collect();
    let share = (limit / runs.len().max(1)).saturating_sub(NAMES);
    let mut trace = Trace {
        text: head(report),
        cut: Vec::new(),
    };
    let mut lines: Vec<String> = Vec::new();
    for (pid, (chip, network)) in runs.into_iter().enumerate() {
        let name = format!("{} on {}", network.id, chip.chip.name);
        let mut events = run::events(network, &chip.chip);
        if let Some(window) = window {
            events.retain(|event| event.overlaps(window));
        }
        events.sort_by_key(Event::order);
        let (written, end) = write(&events, pid, share);
        let shown = match end {
            Some(end) => {
                let total = network.timeline.total.0;
                let sentence = format!(
                    "{name}: shown are cycles 0 to {end} of {total}; choose others with --trace-window"
                );
                trace.cut.push(sentence);
                format!("{name} (1 us = 1 cycle; cycles up to {end} only)")
            }
            None => format!("{name} (1 us = 1 cycle)"),
        };
        lines.extend(Row::names(pid, &shown));
        lines.extend(written);
    }
    trace.text.push_str(&lines.join(",\n"));
    trace.text.push_str("\n]}\n");
    trace
}

/// Everything before the first event.
fn head(report: &Report) -> String {
    let about = serde_json::json!({
        "time_unit": "1 us of the viewer is 1 cycle",
        "slices": "slices of category `cause` add up to the cycle account; within an operation their order is fixed",
        "command": report.provenance.command,
        "version": report.provenance.version,
    });
    format!("{{\"displayTimeUnit\": \"ns\",\n\"otherData\": {about},\n\"traceEvents\": [\n")
}

/// Events as lines for as long as they fit, and the cycle from which on they did not.
fn write(events: &[Event<'_>], pid: usize, share: usize) -> (Vec<String>, Option<u64>) {
    let mut lines = Vec::with_capacity(events.len());
    let mut bytes = 0;
    for event in events {
        let line = event.json(pid);
        bytes += line.len() + 2;
        if bytes > share && event.begins_a_slice() {
            return (lines, Some(event.at()));
        }
        lines.push(line);
    }
    (lines, None)
}

#[cfg(test)]
mod tests;
