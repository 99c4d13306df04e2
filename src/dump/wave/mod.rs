//! Beats of a handshake in a VCD or FST waveform.
//!
//! A beat passes at a clock edge at which valid and ready are 1. All signals are sampled just before the edge: what
//! changes in the same instant as the clock comes too late, as in a flip-flop. Edges are counted from the beginning of
//! the waveform, those in reset too. In reset nothing is looked at, nor before valid and ready have once been known;
//! after that an `x` in them is an error, as no hardware can be compared with it. An edge goes from 0 to 1 or from 1
//! to 0; one from or to `x` is none.
//!
//! The names of all signals are in memory, their changes are not: they are looked at one after the other.

mod beats;
mod find;
mod fst;
mod value;

use super::{DumpError, Fault, Place, Word};
use beats::Sampler;
use find::Found;
use std::cell::Cell;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;
use wellen::stream::{Filter, StreamError, StreamingWaveform};
use wellen::{FileFormat, LoadOptions, WellenError, stream, viewers};

/// Bytes of the file held at once.
const BUFFER: usize = 1 << 18;

/// Which edge of a clock samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// 0 to 1.
    Rising,
    /// 1 to 0.
    Falling,
}

/// A signal that holds a design in its first state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reset {
    /// End of its full name.
    pub signal: String,
    /// Whether 0 means reset.
    pub active_low: bool,
}

/// A handshake and when it is sampled. Signals are told by the end of their full names: `dut.out_valid`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The sampling clock.
    pub clock: String,
    /// Its edge.
    pub edge: Edge,
    /// Without one, everything counts.
    pub reset: Option<Reset>,
    /// The sender has data.
    pub valid: String,
    /// The receiver takes it; without this signal it always does.
    pub ready: Option<String>,
    /// The data.
    pub data: String,
    /// The address of the data, in words; without it beats have none.
    pub address: Option<String>,
}

/// A waveform whose names are read.
#[derive(Debug)]
pub struct Wave {
    file: PathBuf,
    wave: StreamingWaveform<BufReader<File>>,
}

impl Wave {
    /// Opens a waveform and reads the names of its signals.
    ///
    /// # Errors
    /// When the file cannot be read, or is neither VCD nor FST.
    pub fn open(file: &Path) -> Result<Self, DumpError> {
        let error = |fault: Fault| DumpError::new(file, Place::File, fault);
        let source = File::open(file).map_err(|cause| error(cause.into()))?;
        let mut source = BufReader::with_capacity(BUFFER, source);
        let options = LoadOptions {
            multi_thread: false,
            ..LoadOptions::default()
        };
        let format = guarded(|| viewers::detect_file_format(&mut source)).map_err(error)?;
        source.rewind().map_err(|cause| error(cause.into()))?;
        if matches!(format, FileFormat::Fst) {
            fst::check(&mut source).map_err(error)?;
        }
        let opened = guarded(|| match format {
            FileFormat::Vcd | FileFormat::Fst => stream::read(source, &options),
            _ => Err(WellenError::UnknownFileFormat),
        });
        let wave = opened.and_then(|wave| wave.map_err(fault)).map_err(error)?;
        let file = file.to_owned();
        Ok(Self { file, wave })
    }

    /// Gives the beats of a handshake to `each`, in the order of time.
    ///
    /// # Errors
    /// When a signal is not there, is there several times or has another width, a handshake is unknown, the file is
    /// damaged, or `each` fails.
    pub fn beats<E: From<DumpError>>(
        &mut self,
        handshake: &Handshake,
        each: impl FnMut(Word<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let found = Found::new(self.wave.hierarchy(), handshake);
        let found = found.map_err(|fault| DumpError::new(&self.file, Place::File, fault))?;
        let signals = found.signals.clone();
        let mut sampler = Sampler::new(&self.file, handshake, found, each);
        let streamed = guarded(|| {
            let filter = Filter::include_signals(&signals);
            self.wave.stream_changes(filter, |time, signal, value| {
                sampler.change(time, signal, value)
            })
        });
        let error = |fault| DumpError::new(&self.file, Place::File, fault);
        match streamed.map_err(error)? {
            Ok(()) => sampler.finish(),
            Err(StreamError::Callback(end)) => Err(end),
            Err(StreamError::Wellen(cause)) => Err(error(fault(cause)).into()),
        }
    }
}

fn fault(cause: WellenError) -> Fault {
    match cause {
        WellenError::Io(cause) => Fault::Io(cause),
        other => Fault::Wave(other.to_string()),
    }
}

thread_local! {
    /// Whether a panic of this thread is caught by [`guarded`], and needs no words on standard error.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` gives; the reader of waveforms panics on some damaged files.
fn guarded<T>(read: impl FnOnce() -> T) -> Result<T, Fault> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
    GUARDED.set(true);
    let read = panic::catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(false);
    read.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|&text| text.to_owned()));
        Fault::Wave(format!("it is damaged: {}", text.unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests;
