//! `writes.log` as far as it goes: also with lanes that are unknown, and elements that were never written.

use super::Model;
use super::dumps::{Part, Subject, unreadable};
use super::observed::{Element, Observed};
use crate::problem::Problem;
use crate::rtl::{RtlError, Write, WriteLog};
use crate::units::Tick;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Every array layer's output, with the cycle of each element's drain.
///
/// # Errors
/// `verify::unreadable`, and those of [`WriteLog`].
pub(super) fn parts(model: &Model<'_>, path: &Path) -> Result<Vec<Part>, Problem> {
    let (known, unknown) = logs(path)?;
    let (schedule, chip) = (model.schedule, model.chip);
    let known = known.elements(schedule, chip)?;
    let unknown = unknown.elements(schedule, chip)?;
    let parts = known.into_iter().map(|(layer, values)| {
        let (_, range) = model.output(layer);
        let mut observed = Observed::missing(values.len(), range);
        let mut cycles = vec![None; values.len()];
        for (at, pair) in values.iter().zip(&unknown[&layer]).enumerate() {
            let (element, cycle) = joined(pair);
            observed.set(at, element);
            cycles[at] = cycle;
        }
        Part::scheduled(Subject::Layer(layer), path, observed).drained(cycles)
    });
    Ok(parts.collect())
}

type Drain = Option<(i32, Tick)>;

/// An element by its writes with all bits known, and with unknown ones.
fn joined((known, unknown): (&Drain, &Drain)) -> (Element, Option<Tick>) {
    match (known, unknown) {
        (_, Some((_, cycle))) => (Element::Unknown, Some(*cycle)),
        (Some((value, cycle)), None) => (Element::Known(*value), Some(*cycle)),
        (None, None) => (Element::Missing, None),
    }
}

/// The lanes whose bits are known, and those that have an unknown one.
fn logs(path: &Path) -> Result<(WriteLog, WriteLog), Problem> {
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let (mut known, mut unknown) = (WriteLog::default(), WriteLog::default());
    let mut digits = None;
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| unreadable(path, &error))?;
        // All words are of one width: a shorter one was cut.
        let data = line.split_whitespace().last().map_or(0, str::len);
        let whole = *digits.get_or_insert(data) == data;
        let read = whole.then(|| write(&line).ok()).flatten();
        let (write, lanes) = read.ok_or_else(|| RtlError::Log {
            line: index + 1,
            text: line.clone(),
        })?;
        let keep = |wanted: bool| Write {
            lanes: (write.lanes.iter().enumerate())
                .map(|(lane, raw)| raw.filter(|_| lanes.contains(&lane) == wanted))
                .collect(),
            ..write.clone()
        };
        known.writes.push(keep(false));
        unknown.writes.push(keep(true));
    }
    Ok((known, unknown))
}

/// A line, unknown digits taken as 0, and the lanes that have one.
fn write(line: &str) -> Result<(Write, Vec<usize>), RtlError> {
    let (head, data) = line
        .trim_end()
        .rsplit_once(char::is_whitespace)
        .unwrap_or((line, ""));
    let is_unknown = |c: char| matches!(c, 'x' | 'X' | 'z' | 'Z');
    let digits = data.chars().rev().enumerate();
    let lanes = digits.filter(|(_, c)| is_unknown(*c)).map(|(at, _)| at / 4);
    let plain = format!("{head} {}", data.replace(is_unknown, "0"));
    let mut log = WriteLog::parse(&plain)?;
    let write = log.writes.pop().ok_or(RtlError::Log {
        line: 1,
        text: plain,
    })?;
    Ok((write, lanes.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_with_an_unknown_digit_is_known_by_its_place() {
        let (write, lanes) = write("12 3 1 40 7 0001x00200ff").unwrap();
        assert_eq!(lanes, [1]);
        assert_eq!(write.lanes, [Some(0xff), Some(2), Some(1)]);
        assert!(super::write("12 3").is_err() && super::write("").is_err());
    }
}
