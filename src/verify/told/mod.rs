//! A report in words: terminal, JSON, JUnit XML, HTML. All say the same, the verdict first.

mod html;
mod json;
mod junit;
mod reasons;
mod terminal;

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use terminal::terminal;

use super::dumps::Subject;
use super::judge::{Difference, Judged};
use super::observed::Element;
use super::place::Place;
use super::{Report, Verdict};
use crate::report::human::grouped;

/// The verdict in a sentence.
#[must_use]
pub fn headline(report: &Report) -> String {
    let counts = report.counts();
    let (of, all) = (&report.of, grouped(counts.compared));
    let (held, layers) = (
        report.layers.len() - report.not_compared().len(),
        report.layers.len(),
    );
    let run = format!("{} on {}", of.network, of.chip);
    let of = format!("{held} of {layers} layers of {run}");
    let hidden = match counts.hidden {
        0 => String::new(),
        n => format!("; MASKS HIDE {} elements that differ", grouped(n)),
    };
    match report.verdict() {
        Verdict::Match => format!("MATCH: all {all} elements compared are equal, of {of}{hidden}"),
        Verdict::Mismatch if counts.differ() > 0 => {
            let differ = grouped(counts.differ());
            let parts = report
                .judged
                .iter()
                .filter(|part| part.counts.differ() > 0)
                .count();
            let parts = format!("{parts} of {} tensors", report.judged.len());
            format!(
                "MISMATCH: {differ} of {all} elements compared differ, in {parts}, of {of}{hidden}"
            )
        }
        Verdict::Mismatch => {
            let off = report.cycles.iter().flat_map(|cycles| cycles.off()).count();
            format!(
                "MISMATCH: all {all} elements compared are equal, {off} counters are not, of {of}{hidden}"
            )
        }
        Verdict::Unjudged => format!("CANNOT JUDGE {run}: the data are vacuous{hidden}"),
    }
}

/// Sentences that no reader may miss: layers without data, masks.
fn warnings(report: &Report) -> Vec<String> {
    let mut warnings: Vec<String> = report.vacuous().map(str::to_owned).collect();
    let missing = report.not_compared();
    if !missing.is_empty() {
        let (n, of) = (missing.len(), report.layers.len());
        let names = missing.join(", ");
        warnings.push(format!(
            "not in the dump, and not compared: {n} of {of} layers: {names}"
        ));
    }
    warnings.extend(report.masks.iter().map(|mask| {
        let hidden = grouped(mask.hidden);
        format!(
            "MASK on {}: {hidden} elements that differ are hidden: {}",
            mask.name, mask.reason
        )
    }));
    let noted = report
        .judged
        .iter()
        .flat_map(|part| part.notes.iter().map(move |note| (part, note)));
    warnings.extend(noted.map(|(part, note)| format!("{} in {}: {note}", part.name, part.source)));
    warnings
}

/// Where a difference is, as pairs of a name and a value.
fn place(part: &Judged, difference: &Difference) -> Vec<(&'static str, String)> {
    let mut rows = vec![(
        "layer",
        format!("{}: {}, in {}", part.name, part.operator, part.source),
    )];
    if let Some(place) = &difference.place {
        let [n, y, x, c] = place.at;
        rows.push((
            "element",
            format!(
                "image {n}, row {y}, column {x}, channel {c} (number {})",
                place.index
            ),
        ));
        rows.extend(hardware(place));
        rows.push((
            "written",
            difference.drained.map_or_else(
                || "cycle unknown: the dump does not say".to_owned(),
                |cycle| format!("cycle {cycle}, by {}", part.source),
            ),
        ));
        if let Some((word, lane)) = difference.word {
            let lane = lane.map_or_else(String::new, |lane| format!(", lane {lane}"));
            rows.push(("dump", format!("word {word} (0x{word:x}){lane}")));
        }
    }
    rows.push(("DRAM", format!("byte {0} (0x{0:x})", difference.dram_byte)));
    rows
}

/// Which part of the hardware makes and keeps it, as far as a mapping is known.
fn hardware(place: &Place) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(a) = &place.array {
        let text = format!(
            "tile row {}, tile column {}; PE row {}; pixel {}, {} of the tile",
            a.tile[0], a.tile[1], a.row, a.pixel[0], a.pixel[1]
        );
        rows.push(("array", text));
    }
    if let Some(s) = &place.sram {
        let text = format!("bank {}, word {}, lane {}", s.bank, s.word, s.lane);
        rows.push(("SRAM", text));
    }
    if let (Some(op), Some(span)) = (place.op, place.span) {
        let text = format!(
            "{}, cycles {} to {} of the model",
            op.0, span.start, span.end
        );
        rows.push(("operation", text));
    }
    if let Some(told) = &place.told {
        let number = |name: &str, n: Option<usize>| {
            n.map_or_else(|| format!("{name} unknown"), |n| format!("{name} {n}"))
        };
        let parts = [
            ("PE row", told.pe_row),
            ("PE column", told.pe_column),
            ("bank", told.bank),
        ];
        let text = parts.map(|(name, n)| number(name, n)).join(", ");
        rows.push(("array", format!("{text}, by the dump's description")));
    }
    if rows.is_empty() {
        let text = "PE and bank unknown: no mapping is declared (`[array]` of `--layout`)";
        rows.push(("array", text.to_owned()));
    }
    rows
}

/// Decimal and hexadecimal.
fn both(difference: &Difference, value: i32) -> String {
    format!("{value} ({})", hex(difference, value))
}

/// As wide as the element.
fn hex(difference: &Difference, value: i32) -> String {
    let digits = usize::try_from(2 * difference.bytes).unwrap_or(8);
    let wide = i64::from(value).cast_unsigned();
    // A value too wide for its element keeps all its digits.
    let fits = i64::from(value) < 1 << (8 * difference.bytes)
        && i64::from(value) >= -(1 << (8 * difference.bytes - 1));
    let bits = if fits { 8 * difference.bytes } else { 32 };
    format!("0x{:0digits$x}", wide & ((1 << bits) - 1))
}

/// The found value in decimal and hexadecimal, or why there is none.
fn found(difference: &Difference) -> String {
    match difference.found {
        Element::Known(value) => both(difference, value),
        Element::Unknown => "unknown: a bit is x or z".to_owned(),
        Element::Missing | Element::Outside => "missing".to_owned(),
    }
}

/// The bits that differ, where both are known.
fn xor(difference: &Difference) -> Option<String> {
    match difference.found {
        Element::Known(value) => Some(hex(difference, value ^ difference.expected)),
        Element::Unknown | Element::Missing | Element::Outside => None,
    }
}

/// One difference in one sentence.
#[must_use]
pub fn sentence(part: &Judged, difference: &Difference) -> String {
    let place = match (&difference.place, part.subject) {
        (Some(place), _) => {
            let [n, y, x, c] = place.at;
            format!(
                "layer `{}`, image {n}, row {y}, column {x}, channel {c}",
                part.name
            )
        }
        (None, Subject::Rest | Subject::Layer(_)) => {
            format!("byte {} of DRAM", difference.dram_byte)
        }
    };
    let expected = both(difference, difference.expected);
    format!(
        "{place} of {}: expected {expected}, found {}",
        part.source,
        found(difference)
    )
}

/// Differences to show, part by part, not more than the limit.
fn some(report: &Report) -> Vec<(&Judged, &Difference)> {
    let all = report
        .judged
        .iter()
        .flat_map(|part| part.some.iter().map(move |one| (part, one)));
    all.take(report.limit).collect()
}
