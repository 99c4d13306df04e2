//! Charts with their captions, and where on the page each kind stands.

use super::super::charts::{Chart, Kind};
use super::escape;

/// Where on the page a chart stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// With the answer.
    Answer,
    /// In the section of its chip.
    Chip,
    /// Among the charts of its network; a chart of all chips stands in the section of all chips.
    Network,
}

/// The place of a kind, and its turn among the charts there.
pub(super) const fn place(kind: Kind) -> (Place, u8) {
    match kind {
        Kind::Contrast => (Place::Answer, 0),
        Kind::Block => (Place::Chip, 5),
        Kind::Occupancy => (Place::Chip, 10),
        Kind::Waterfall => (Place::Network, 15),
        Kind::Latency => (Place::Network, 20),
        Kind::LatencySorted => (Place::Network, 25),
        Kind::Roofline => (Place::Network, 30),
        Kind::Traffic => (Place::Network, 35),
        Kind::HeatMap => (Place::Network, 40),
        Kind::Gantt => (Place::Network, 50),
        Kind::Bandwidth => (Place::Network, 60),
        Kind::Difference => (Place::Network, 70),
        Kind::Precision => (Place::Network, 80),
    }
}

/// The charts of one chip at one place, in their order.
pub(super) fn of_chip<'a>(charts: &'a [Chart], chip: &str, wanted: Place) -> Vec<&'a Chart> {
    ordered(charts, |chart| {
        chart.chip.as_deref() == Some(chip) && place(chart.kind).0 == wanted
    })
}

/// The charts of all chips together, in their order.
pub(super) fn shared(charts: &[Chart]) -> Vec<&Chart> {
    ordered(charts, |chart| chart.chip.is_none())
}

fn ordered(charts: &[Chart], wanted: impl Fn(&Chart) -> bool) -> Vec<&Chart> {
    let mut found: Vec<&Chart> = charts.iter().filter(|&chart| wanted(chart)).collect();
    found.sort_by_key(|chart| place(chart.kind));
    found
}

/// A chart, with what it shows, the command that made it and the file it is in.
pub(in crate::report) fn figure(chart: &Chart, command: &str) -> String {
    format!(
        "<figure>\n<div class=\"scroll\" tabindex=\"0\" role=\"group\" aria-label=\"{words}\">\n{}</div>\n\
         <figcaption>{words}: <code>charts/{}.svg</code> of <code>{} --out DIR</code></figcaption>\n</figure>\n",
        chart.svg(),
        escape(&chart.stem),
        escape(command),
        words = escape(&chart.description),
    )
}
