//! What is asked: networks, how their integers are made, which pairs to contrast, on which chips.
//!
//! In: a study's TOML file. Out: a [`Study`], valid: every file it names exists, every id has a network, no key
//! is there that nothing reads. Paths are taken from the folder of the study. A key may be absent only where
//! the field here is an `Option`, a list that may be empty, or [`NetworkEntry::execute`].
//! Of the files it names, this room opens only models, for the size of their images and what they compute with; it
//! knows nothing of how a study is run.

mod bounds;
mod error;
mod network;
mod precision;
mod raw;
mod read;

pub use error::StudyError;

use crate::fixed::Rule;
use crate::network::Form;
use crate::network::import::Numbers;
use crate::problem::{Setting, schema};
use crate::quantise::{
    BiasCorrection, Equalisation, LayerWidths, ResidualForm, ScaleSet, WeightCalibration, Widths,
};
use crate::tensor::FeatureMap;
use serde::Serialize;
use std::path::PathBuf;

/// Where the parameters of a network come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightSource {
    /// Random, from this seed.
    Seed(u64),
    /// A safetensors file, or a state dict that `torch.save` wrote.
    File(PathBuf),
}

/// Where a network comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// It is built in.
    Builtin {
        /// Its name.
        name: String,
        /// Absent: only mapped and timed.
        weights: Option<WeightSource>,
    },
    /// An ONNX file, which holds its weights.
    Model {
        /// The file.
        path: PathBuf,
        /// Integers stay what they are: the study's numerics do not apply.
        numbers: Numbers,
    },
}

/// Images in one of the forms that are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageFiles {
    /// A npy or npz file, a PNG or JPEG image, a folder of such images, or a text file that lists them.
    pub path: PathBuf,
    /// Name of the array in a npz file.
    pub array: Option<String>,
}

impl ImageFiles {
    /// The files that a text names; behind a npz file may stand `:` and the name of an array.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let (path, array) = match text.split_once(".npz:") {
            Some((stem, array)) => (format!("{stem}.npz"), Some(array.to_owned())),
            None => (text.to_owned(), None),
        };
        Self {
            path: path.into(),
            array,
        }
    }

    /// Whether they are pictures, which a study may resize, and not arrays.
    #[must_use]
    pub fn are_pictures(&self) -> bool {
        self.path.is_dir()
            || ["png", "jpg", "jpeg", "txt"]
                .iter()
                .any(|ending| self.ends_in(ending))
    }

    /// Whether the path has this ending, in small or capital letters.
    #[must_use]
    pub fn ends_in(&self, ending: &str) -> bool {
        self.path
            .extension()
            .is_some_and(|found| found.eq_ignore_ascii_case(ending))
    }
}

/// How 8-bit pixels become real inputs: `x = (u8 / 255 - mean[c]) / std[c]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Normalisation {
    /// One per channel.
    pub mean: Vec<f64>,
    /// One per channel, above 0.
    pub std: Vec<f64>,
}

/// Images and what belongs to them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Images {
    /// What the network is executed on.
    pub test: Option<ImageFiles>,
    /// Classes of the test images.
    pub labels: Option<PathBuf>,
    /// Float outputs on the test images, to compare the float executor with.
    pub logits: Option<PathBuf>,
    /// What scales are chosen on; absent where a model holds integers.
    pub calibration: Option<ImageFiles>,
    /// Pixels of a picture's shorter side before its centre is cut out; absent: pictures are not resized.
    pub resize: Option<u32>,
    /// From pixels to inputs.
    pub normalisation: Normalisation,
}

/// One network of a study.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkEntry {
    /// Unique in the study.
    pub id: String,
    /// Graph and weights.
    pub source: Source,
    /// Which form runs.
    pub form: Form,
    /// Shape of one image.
    pub input: FeatureMap,
    /// Executed to the bit. Default: whether it has weights.
    pub execute: bool,
    /// Absent: calibrated and executed on one seeded image.
    pub images: Option<Images>,
}

impl NetworkEntry {
    /// Whether it has parameters: those of a model, or of a built-in network that the study gives some.
    #[must_use]
    pub const fn has_weights(&self) -> bool {
        match &self.source {
            Source::Builtin { weights, .. } => weights.is_some(),
            Source::Model { .. } => true,
        }
    }

    /// The built-in network's name, or that of the model's file without its ending.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.source {
            Source::Builtin { name, .. } => name.clone(),
            Source::Model { path, .. } => path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
        }
    }
}

/// Two networks side by side, by their places in [`Study::networks`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Contrast {
    /// The one whose advantage is asked for.
    pub left: usize,
    /// What it is measured against.
    pub right: usize,
}

/// How many scales the weights of a layer have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WeightScales {
    /// One for each output channel.
    PerChannel,
    /// One.
    PerTensor,
}

/// How the range of an activation is chosen.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// All values seen.
    MinMax,
    /// This share of the values seen, in percent, 50..=100.
    Percentile(f64),
    /// Smallest mean square error.
    Mse,
    /// Smallest relative entropy.
    Entropy,
}

/// How integers are made.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NumericsEntry {
    /// Bits of activations, weights and the output.
    pub widths: Widths,
    /// Scales of the weights.
    pub weights: WeightScales,
    /// Ranges of the activations.
    pub calibration: Calibration,
    /// Requantisation.
    pub rule: Rule,
    /// How a sum of two branches is computed.
    pub residual: ResidualForm,
    /// Ranges of the weights.
    pub weight_calibration: WeightCalibration,
    /// What becomes of mean errors.
    pub bias_correction: BiasCorrection,
    /// Whether the float network is equalised first.
    pub equalisation: Equalisation,
    /// Which scales there are.
    pub scales: ScaleSet,
    /// Widths of single layers, a later entry before an earlier one.
    pub layers: Vec<LayerWidths>,
}

/// What happens to the rows that two strips share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Halo {
    /// They stay in the ring.
    Keep,
    /// They are fetched again.
    Refetch,
}

/// Where the loop over images stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageLoop {
    /// One image after the other.
    Outermost,
    /// A row group's weights serve all images.
    InsideWeights,
}

/// What happens to an operator that the chip does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Offload {
    /// The host does it.
    Host,
    /// An error.
    Forbid,
}

/// The unit that runs fully connected layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FullyConnected {
    /// The array, as centre taps.
    Array,
    /// The host.
    Host,
}

/// What the mapper may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MappingEntry {
    /// The sum takes the shortcut's storage when the addition is its last reader.
    pub inplace_add: bool,
    /// Rows shared by strips.
    pub halo: Halo,
    /// Images of a batch.
    pub images: ImageLoop,
    /// Operators the chip lacks.
    pub offload: Offload,
    /// Fully connected layers.
    pub fully_connected: FullyConnected,
}

/// A study, valid: built by [`Study::read`] and then only read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// What it asks, in a sentence.
    pub description: Option<String>,
    /// Chip files, at least one.
    pub chips: Vec<PathBuf>,
    /// Networks, at least one.
    pub networks: Vec<NetworkEntry>,
    /// Pairs of them.
    pub contrasts: Vec<Contrast>,
    /// How integers are made.
    pub numerics: NumericsEntry,
    /// Images of a batch.
    pub batch: usize,
    /// What the mapper may do.
    pub mapping: MappingEntry,
    /// The effective configuration, key by key.
    pub settings: Vec<Setting>,
    /// SHA-256 of the file's text, in hexadecimal.
    pub digest: String,
}

impl Study {
    /// The JSON Schema of a study's file (draft 2020-12), as text that ends in a newline.
    #[must_use]
    pub fn schema() -> String {
        schema::document::<raw::RawStudy>()
    }

    /// The effective configuration, key by key, defaults included.
    #[must_use]
    pub fn effective(&self) -> &[Setting] {
        &self.settings
    }
}
