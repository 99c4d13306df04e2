//! Signals by the end of their names.

use super::Handshake;
use crate::dump::Fault;
use wellen::{Hierarchy, SignalEncoding, SignalRef, Var};

/// Names that an error shows.
const SHOWN: usize = 5;

/// The signals of a handshake.
pub(super) struct Found {
    /// Each once: a clock may be its own valid.
    pub(super) signals: Vec<SignalRef>,
    /// Widths of the signals.
    pub(super) bits: Vec<u32>,
    /// Indices into `signals`.
    pub(super) clock: usize,
    pub(super) reset: Option<usize>,
    pub(super) valid: usize,
    pub(super) ready: Option<usize>,
    pub(super) data: usize,
    pub(super) address: Option<usize>,
}

impl Found {
    pub(super) fn new(names: &Hierarchy, handshake: &Handshake) -> Result<Self, Fault> {
        let mut list = List {
            names,
            signals: Vec::new(),
            bits: Vec::new(),
        };
        let clock = list.bit(&handshake.clock)?;
        let reset = handshake
            .reset
            .as_ref()
            .map(|reset| list.bit(&reset.signal));
        let reset = reset.transpose()?;
        let valid = list.bit(&handshake.valid)?;
        let ready = handshake.ready.as_ref().map(|ready| list.bit(ready));
        let ready = ready.transpose()?;
        let data = list.add(&handshake.data)?;
        let address = handshake.address.as_ref().map(|name| list.add(name));
        let address = address.transpose()?;
        let List { signals, bits, .. } = list;
        Ok(Self {
            signals,
            bits,
            clock,
            reset,
            valid,
            ready,
            data,
            address,
        })
    }
}

struct List<'h> {
    names: &'h Hierarchy,
    signals: Vec<SignalRef>,
    bits: Vec<u32>,
}

impl List<'_> {
    /// A signal of one bit.
    fn bit(&mut self, name: &str) -> Result<usize, Fault> {
        let index = self.add(name)?;
        match self.bits[index] {
            1 => Ok(index),
            bits => Err(Fault::Kind {
                name: name.to_owned(),
                found: format!("{bits} bits wide"),
                wanted: "one bit",
            }),
        }
    }

    fn add(&mut self, name: &str) -> Result<usize, Fault> {
        let var = find(self.names, name)?;
        let bits = match var.signal_encoding(self.names) {
            SignalEncoding::BitVector(bits) if bits > 0 => bits,
            other => {
                return Err(Fault::Kind {
                    name: var.full_name(self.names),
                    found: format!("{other:?}"),
                    wanted: "bits",
                });
            }
        };
        let signal = var.signal_ref();
        let known = self.signals.iter().position(|&known| known == signal);
        Ok(known.unwrap_or_else(|| {
            self.signals.push(signal);
            self.bits.push(bits);
            self.signals.len() - 1
        }))
    }
}

/// The signal whose full name is `name` or ends with it behind a dot; names of one signal count once.
fn find<'h>(names: &'h Hierarchy, name: &str) -> Result<&'h Var, Fault> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let all = || names.all_vars().map(|var| &names[var]);
    let mut found: Vec<(String, &Var)> = all()
        .filter(|var| var.name(names).ends_with(last))
        .map(|var| (var.full_name(names), var))
        .filter(|(full, _)| ends(full, name))
        .collect();
    if let Some(whole) = found.iter().position(|(full, _)| full == name) {
        return Ok(found[whole].1);
    }
    found.sort_by(|a, b| a.0.len().cmp(&b.0.len()).then_with(|| a.0.cmp(&b.0)));
    let mut signals: Vec<SignalRef> = found.iter().map(|(_, var)| var.signal_ref()).collect();
    signals.sort_unstable();
    signals.dedup();
    match signals.len() {
        0 => Err(Fault::NoSignal {
            wanted: name.to_owned(),
            nearest: nearest(name, all().map(|var| var.full_name(names))),
        }),
        1 => Ok(found[0].1),
        _ => Err(Fault::Ambiguous {
            wanted: name.to_owned(),
            count: found.len(),
            found: found
                .into_iter()
                .take(SHOWN)
                .map(|(full, _)| full)
                .collect(),
        }),
    }
}

/// Whether a full name is `end`, or ends with it behind a dot.
fn ends(full: &str, end: &str) -> bool {
    let before = full.strip_suffix(end);
    before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// The names whose ends look most like `wanted`, the most alike first.
fn nearest(wanted: &str, names: impl Iterator<Item = String>) -> Vec<String> {
    let parts = wanted.split('.').count();
    let mut best: Vec<(f64, String)> = Vec::new();
    for name in names {
        let mut dots = name.rmatch_indices('.').skip(parts - 1);
        let end = dots.next().map_or(0, |(dot, _)| dot + 1);
        let alike = strsim::jaro_winkler(wanted, &name[end..]);
        let place = best.partition_point(|(other, _)| *other >= alike);
        if place < SHOWN {
            best.insert(place, (alike, name));
            best.truncate(SHOWN);
        }
    }
    best.into_iter().map(|(_, name)| name).collect()
}
