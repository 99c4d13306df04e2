//! Sampling: from changes of signals to beats.

use super::find::Found;
use super::value::Value;
use super::{Edge, Handshake};
use crate::dump::{DumpError, Fault, Place, Word};
use std::path::Path;
use wellen::{SignalRef, SignalValueRef, Time};

/// A signal before the instant that is looked at, and in it.
struct Signal {
    /// The value before the instant is `values[before]`; a change goes into the other.
    values: [Value; 2],
    before: usize,
    changed: bool,
}

impl Signal {
    fn before(&self) -> &Value {
        &self.values[self.before]
    }

    fn now(&self) -> &Value {
        &self.values[self.before ^ usize::from(self.changed)]
    }
}

/// The signals of a handshake up to some instant.
pub(super) struct Sampler<'f, F> {
    file: &'f Path,
    handshake: &'f Handshake,
    found: Found,
    signals: Vec<Signal>,
    /// The instant whose changes come in.
    time: Time,
    /// Edges so far.
    cycle: u64,
    /// Whether valid and ready have been known at an edge.
    started: bool,
    /// The word of a beat.
    value: Vec<u8>,
    unknown: Vec<u8>,
    each: F,
}

impl<'f, F> Sampler<'f, F> {
    pub(super) fn new(file: &'f Path, handshake: &'f Handshake, found: Found, each: F) -> Self {
        let signals = found.bits.iter().map(|&bits| Signal {
            values: [Value::unknown(bits), Value::unknown(bits)],
            before: 0,
            changed: false,
        });
        Self {
            file,
            handshake,
            signals: signals.collect(),
            found,
            time: 0,
            cycle: 0,
            started: false,
            value: Vec::new(),
            unknown: Vec::new(),
            each,
        }
    }

    /// Takes a change; the instants before it are over.
    pub(super) fn change<E: From<DumpError>>(
        &mut self,
        time: Time,
        signal: SignalRef,
        value: SignalValueRef<'_>,
    ) -> Result<(), E>
    where
        F: FnMut(Word<'_>) -> Result<(), E>,
    {
        if time != self.time {
            self.finish()?;
            self.time = time;
        }
        let index = self.found.signals.iter().position(|&known| known == signal);
        if let Some(index) = index {
            let signal = &mut self.signals[index];
            signal.values[signal.before ^ 1].set(value);
            signal.changed = true;
        }
        Ok(())
    }

    /// Ends the instant: samples if the clock has its edge in it.
    pub(super) fn finish<E: From<DumpError>>(&mut self) -> Result<(), E>
    where
        F: FnMut(Word<'_>) -> Result<(), E>,
    {
        let clock = &self.signals[self.found.clock];
        let edge = (clock.before().bit(), clock.now().bit());
        let wanted = match self.handshake.edge {
            Edge::Rising => (Some(false), Some(true)),
            Edge::Falling => (Some(true), Some(false)),
        };
        if edge == wanted {
            self.sample()?;
            self.cycle += 1;
        }
        for signal in self.signals.iter_mut().filter(|signal| signal.changed) {
            signal.before ^= 1;
            signal.changed = false;
        }
        Ok(())
    }

    fn sample<E: From<DumpError>>(&mut self) -> Result<(), E>
    where
        F: FnMut(Word<'_>) -> Result<(), E>,
    {
        if self.in_reset() || !self.passes()? {
            return Ok(());
        }
        let place = self.place();
        let address = self.address()?;
        let data = self.signals[self.found.data].before();
        let known = data.read(&mut self.value, &mut self.unknown);
        (self.each)(Word {
            address,
            bits: self.found.bits[self.found.data],
            value: &self.value,
            unknown: if known { &[] } else { &self.unknown },
            place,
        })
    }

    /// The address of the beat, where the handshake has one.
    fn address(&self) -> Result<Option<u64>, DumpError> {
        let Some((index, name)) = self.found.address.zip(self.handshake.address.as_ref()) else {
            return Ok(None);
        };
        let number = self.signals[index].before().number();
        let unknown = || {
            let fault = Fault::UnknownControl { name: name.clone() };
            DumpError::new(self.file, self.place(), fault)
        };
        number.map(Some).ok_or_else(unknown)
    }

    fn place(&self) -> Place {
        Place::Edge {
            time: self.time,
            cycle: self.cycle,
        }
    }

    /// Whether the reset is active, or unknown.
    fn in_reset(&self) -> bool {
        let signal = self.found.reset.map(|reset| &self.signals[reset]);
        let active_low = self.handshake.reset.as_ref().map(|reset| reset.active_low);
        match (signal, active_low) {
            (Some(signal), Some(active_low)) => signal.before().bit() != Some(active_low),
            _ => false,
        }
    }

    /// Whether valid and ready are 1.
    fn passes(&mut self) -> Result<bool, DumpError> {
        let (valid, ready) = (Some(self.found.valid), self.found.ready);
        let bits = [valid, ready].map(|signal| match signal {
            Some(signal) => self.signals[signal].before().bit(),
            None => Some(true),
        });
        if let [Some(valid), Some(ready)] = bits {
            self.started = true;
            return Ok(valid && ready);
        }
        let names = [Some(&self.handshake.valid), self.handshake.ready.as_ref()];
        let unknown = bits.iter().zip(names).find(|(bit, _)| bit.is_none());
        match unknown {
            // Without data to pass, nobody looks at ready.
            Some((_, Some(name))) if self.started && bits[0] != Some(false) => {
                let name = name.clone();
                let fault = Fault::UnknownControl { name };
                Err(DumpError::new(self.file, self.place(), fault))
            }
            Some(_) | None => Ok(false),
        }
    }
}
