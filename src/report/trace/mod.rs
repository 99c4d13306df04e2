//! A run as a trace for <https://ui.perfetto.dev>: one row a resource, time in cycles.
//!
//! A process is a network on a chip, its rows are the array, the vector unit, the host, and the DRAM bus in both
//! directions; counters show the bus and the activation SRAM. One microsecond of the viewer is one cycle. An
//! operation's slice holds a slice for each cause of its cycles: over a whole run these add up to the account. Within an
//! operation the causes stand in a fixed order, not in the order in which they came.

mod event;
mod run;

use super::{ChipFacts, Report, RunResult};
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
/// Runs share `limit` bytes; one that needs more than its share is shown from its start for as long as that lasts.
#[must_use]
pub fn trace(report: &Report, window: Option<&Range<u64>>, limit: usize) -> Trace {
    let runs: Vec<Lines> = (report.chips.iter())
        .flat_map(|chip| chip.networks.iter().map(move |network| (chip, network)))
        .enumerate()
        .map(|(pid, (chip, network))| lines(pid, network, &chip.chip, window))
        .collect();
    let shares = shares(runs.iter().map(|run| run.bytes).collect(), limit);
    let mut trace = Trace {
        text: head(report),
        cut: Vec::new(),
    };
    let mut lines: Vec<String> = Vec::new();
    for ((pid, run), share) in runs.into_iter().enumerate().zip(shares) {
        let (shown, kept) = match run.fits(share) {
            None => (format!("{} (1 us = 1 cycle)", run.name), run.lines.len()),
            Some((kept, end)) => {
                let (name, total) = (&run.name, run.total);
                trace.cut.push(format!(
                    "{name}: shown are cycles up to {end} of {total}; choose others with --trace-window"
                ));
                (
                    format!("{name} (1 us = 1 cycle; cycles up to {end} only)"),
                    kept,
                )
            }
        };
        lines.extend(Row::names(pid, &shown));
        lines.extend(run.lines.into_iter().take(kept).map(|line| line.json));
    }
    trace.text.push_str(&lines.join(",\n"));
    trace.text.push_str("\n]}\n");
    trace
}

/// The events of one run as lines.
struct Lines {
    name: String,
    /// Cycles of the run.
    total: u64,
    /// Of all lines, with their separators.
    bytes: usize,
    lines: Vec<Line>,
}

struct Line {
    at: u64,
    /// The file may end before it.
    begins: bool,
    json: String,
}

impl Lines {
    /// Lines that fit into `share` and the cycle before which they end; `None` when all fit.
    fn fits(&self, share: usize) -> Option<(usize, u64)> {
        if self.bytes <= share {
            return None;
        }
        let mut bytes = 0;
        let over = self.lines.iter().position(|line| {
            bytes += line.json.len() + 2;
            bytes > share
        })?;
        // Back to the last place where no slice is without what is inside it.
        let end = (0..=over).rev().find(|&place| self.lines[place].begins)?;
        Some((end, self.lines[end].at))
    }
}

fn lines(pid: usize, network: &RunResult, chip: &ChipFacts, window: Option<&Range<u64>>) -> Lines {
    let mut events = run::events(network, chip);
    if let Some(window) = window {
        events.retain(|event| event.overlaps(window));
    }
    events.sort_by_key(Event::order);
    let lines: Vec<Line> = (events.iter())
        .map(|event| Line {
            at: event.at(),
            begins: event.begins_a_slice(),
            json: event.json(pid),
        })
        .collect();
    Lines {
        name: format!("{} on {}", network.id, chip.name),
        total: network.timeline.total.0,
        bytes: lines.iter().map(|line| line.json.len() + 2).sum(),
        lines,
    }
}

/// Divides `limit`: who needs less than an even share leaves the rest to the others.
fn shares(needs: Vec<usize>, limit: usize) -> Vec<usize> {
    let mut left = limit.saturating_sub(NAMES * needs.len());
    let mut order: Vec<usize> = (0..needs.len()).collect();
    order.sort_by_key(|&run| needs[run]);
    let mut shares = vec![0; needs.len()];
    for (served, run) in order.into_iter().enumerate() {
        let share = left / (needs.len() - served);
        shares[run] = share;
        left -= share.min(needs[run]);
    }
    shares
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

#[cfg(test)]
mod tests;
