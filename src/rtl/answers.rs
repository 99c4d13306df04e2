//! What the RTL writes: `dump.hex` and `counters.hex`.

use super::RtlError;
use super::words::{WordList, number, words};
use crate::reparam::TensorId;
use crate::schedule::Schedule;
use crate::tensor::{Activations, Sign};
use crate::time::{Cause, Timeline};
use crate::units::{Cycles, Tick, count};
use ndarray::Array4;

/// Words of a layer in `counters.hex`.
const LAYER_WORDS: usize = 16;

/// All bytes of DRAM at the end of a run; `None` where a bit is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dump {
    /// From address 0 on.
    pub bytes: Vec<Option<u8>>,
}

impl Dump {
    /// Reads the text of `dump.hex`.
    ///
    /// # Errors
    /// When a word is no byte.
    pub fn parse(text: &str) -> Result<Self, RtlError> {
        let byte = |(at, word)| {
            let n = number("dump.hex", at, word, 8)?;
            Ok(n.and_then(|n| u8::try_from(n).ok()))
        };
        let bytes = words(text).enumerate().map(byte);
        Ok(Self {
            bytes: bytes.collect::<Result<_, _>>()?,
        })
    }

    /// A tensor that the run left in DRAM: image, row, column, channel.
    ///
    /// # Errors
    /// When the dump ends before the tensor does, or holds an unknown byte of it.
    pub fn tensor(&self, schedule: &Schedule, tensor: TensorId) -> Result<Activations, RtlError> {
        let (shape, ty) = (
            schedule.graph.shape(tensor),
            schedule.numerics.activations[tensor.0],
        );
        let mut at = schedule.dram.tensors[tensor.0].0;
        let dim = (schedule.batch, shape.height, shape.width, shape.channels);
        let mut values = Vec::with_capacity(dim.0 * dim.1 * dim.2 * dim.3);
        for _ in 0..dim.0 * dim.1 * dim.2 * dim.3 {
            let mut value = i32::from(self.byte(at, tensor)?);
            let bytes = ty.bytes().0;
            for place in 1..bytes {
                value |= i32::from(self.byte(at + place, tensor)?) << (8 * place);
            }
            let sign = 1 << (8 * bytes);
            if ty.sign == Sign::Signed && value >= sign / 2 {
                value -= sign;
            }
            values.push(value);
            at += bytes;
        }
        Ok(Array4::from_shape_vec(dim, values).expect("as many values as the shape has"))
    }

    fn byte(&self, at: u64, tensor: TensorId) -> Result<u8, RtlError> {
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        let byte = self.bytes.get(place).copied().ok_or(RtlError::Short {
            file: "dump.hex",
            found: self.bytes.len(),
            wanted: place.saturating_add(1),
        })?;
        byte.ok_or(RtlError::Unknown {
            at,
            tensor: tensor.0,
        })
    }
}

/// What the RTL counts in one layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LayerCounters {
    /// End of the layer before.
    pub start: Tick,
    /// Its last drain; for the last layer, the end of the run.
    pub end: Tick,
    /// Steps of the array.
    pub steps: u64,
    /// Activation words read by the array.
    pub activation_reads: u64,
    /// Activation words written by the array.
    pub activation_writes: u64,
    /// Bytes read over the weight port, idle rows and lanes included.
    pub weight_port_bytes: u64,
    /// Outputs requantised.
    pub requantised: u64,
    /// Cycles without a step, by [`LayerCounters::CAUSES`].
    pub idle: [Cycles; 9],
}

impl LayerCounters {
    /// Why a cycle has no step, in the order of [`LayerCounters::idle`].
    pub const CAUSES: [Cause; 9] = [
        Cause::Setup,
        Cause::OutputsWait,
        Cause::InputsWait,
        Cause::Drain,
        Cause::ActPort,
        Cause::WeightsWait,
        Cause::WeightPort,
        Cause::Fill,
        Cause::Host,
    ];

    /// Every figure with its name, in the order of the file.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let mut figures = vec![
            ("start", self.start.0),
            ("end", self.end.0),
            ("steps", self.steps),
            ("activation_reads", self.activation_reads),
            ("activation_writes", self.activation_writes),
            ("weight_port_bytes", self.weight_port_bytes),
            ("requantised", self.requantised),
        ];
        let idle = Self::CAUSES.iter().zip(self.idle);
        figures.extend(idle.map(|(cause, cycles)| (cause.key(), cycles.0)));
        figures
    }
}

/// What the RTL counts in a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// From the first DRAM request to the last output byte.
    pub total: Cycles,
    /// By layer.
    pub layers: Vec<LayerCounters>,
}

impl Counters {
    /// Reads the text of `counters.hex` of a run of `layers` layers.
    ///
    /// # Errors
    /// When a word is unknown or no number of 64 bits, or words are missing.
    pub fn parse(text: &str, layers: usize) -> Result<Self, RtlError> {
        const FILE: &str = "counters.hex";
        let wanted = 1 + layers * LAYER_WORDS;
        let word = |(at, word): (usize, &str)| {
            number(FILE, at, word, 64)?.ok_or_else(|| RtlError::Word {
                file: FILE,
                word: at,
                text: word.to_owned(),
                bits: 64,
            })
        };
        let all = words(text).enumerate().take(wanted).map(word);
        let all: Vec<u64> = all.collect::<Result<_, _>>()?;
        if all.len() < wanted {
            return Err(RtlError::Short {
                file: FILE,
                found: all.len(),
                wanted,
            });
        }
        let layer = |w: &[u64]| LayerCounters {
            start: Tick(w[0]),
            end: Tick(w[1]),
            steps: w[2],
            activation_reads: w[3],
            activation_writes: w[4],
            weight_port_bytes: w[5],
            requantised: w[6],
            idle: std::array::from_fn(|cause| Cycles(w[7 + cause])),
        };
        Ok(Self {
            total: Cycles(all[0]),
            layers: all[1..].chunks_exact(LAYER_WORDS).map(layer).collect(),
        })
    }

    /// What the model says the RTL should count.
    #[must_use]
    pub fn of(timeline: &Timeline) -> Self {
        let layers = timeline.layers.iter().map(|layer| LayerCounters {
            start: layer.start,
            end: layer.end,
            steps: layer.steps,
            activation_reads: layer.accesses.activation_reads,
            activation_writes: layer.accesses.activation_writes,
            weight_port_bytes: layer.accesses.weight_port_bytes,
            requantised: layer.accesses.requantised,
            idle: LayerCounters::CAUSES.map(|cause| layer.account.get(cause)),
        });
        Self {
            total: timeline.total,
            layers: layers.collect(),
        }
    }

    /// The text of `counters.hex`.
    #[must_use]
    pub fn hex(&self) -> String {
        let mut list = WordList::default();
        for (_, _, value) in self.figures() {
            list.push(value);
        }
        list.hex()
    }

    /// Every figure with the layer it belongs to (none: the whole run) and its name.
    #[must_use]
    pub fn figures(&self) -> Vec<(Option<u64>, &'static str, u64)> {
        let mut figures = vec![(None, "total", self.total.0)];
        for (index, layer) in self.layers.iter().enumerate() {
            let of_layer = layer.figures().into_iter();
            figures.extend(of_layer.map(|(name, value)| (Some(count(index)), name, value)));
        }
        figures
    }
}
