//! What can be wrong with a study beyond a single value.

use crate::problem::Problem;
use thiserror::Error;

/// Values that do not go together.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StudyError {
    /// A list that must hold something.
    #[error("`{key}` is an empty list")]
    EmptyList {
        /// `chips` or `networks`.
        key: &'static str,
    },
    /// Two entries of one name.
    #[error("`{key}` names `{value}` a second time")]
    Duplicate {
        /// `networks.id` or `chips`.
        key: &'static str,
        /// The name.
        value: String,
    },
    /// An id that cannot stand in a key or a file name.
    #[error("the id `{id}` has characters other than a-z, A-Z, 0-9, `-`, `_`")]
    BadId {
        /// As written.
        id: String,
    },
    /// No built-in network of that name.
    #[error("there is no network `{name}`")]
    UnknownNetwork {
        /// As written.
        name: String,
        /// The name most like it.
        nearest: Option<String>,
        /// All names.
        known: Vec<String>,
    },
    /// A contrast names no network of the study.
    #[error("no network of this study has the id `{id}`")]
    UnknownId {
        /// As written.
        id: String,
        /// The ids there are.
        known: Vec<String>,
    },
    /// Both sides are one network.
    #[error("the network `{id}` is contrasted with itself")]
    ContrastWithItself {
        /// Of both sides.
        id: String,
    },
    /// An input that is not height, width, channels.
    #[error("`{key}` has {found} numbers, it needs height, width and channels")]
    InputNotHwc {
        /// `networks.a0.input`.
        key: String,
        /// How many there are.
        found: usize,
    },
    /// Not one source of weights.
    #[error("`{key}` has {found}, it needs one of `seed` and `file`")]
    WeightSource {
        /// `networks.a0.weights`.
        key: String,
        /// `neither` or `both`.
        found: &'static str,
    },
    /// Not one source of a network.
    #[error("`{key}` has {found}, it needs one of `name` and `model`")]
    NetworkSource {
        /// `networks.a0`.
        key: String,
        /// `neither` or `both`.
        found: &'static str,
    },
    /// A file that is not there.
    #[error("`{key}` names `{path}`, and there is no such file")]
    NoSuchFile {
        /// The key.
        key: String,
        /// Seen from the current directory.
        path: String,
    },
    /// A key that nothing reads.
    #[error("nothing reads `{key}`: {why}")]
    UnusedKey {
        /// The key.
        key: String,
        /// What is missing for it to matter.
        why: &'static str,
    },
    /// A key that another one asks for.
    #[error("`{key}` is missing: {why}")]
    Needed {
        /// The missing key.
        key: String,
        /// What asks for it.
        why: &'static str,
    },
    /// Scales that no shift can bring about.
    #[error(
        "`numerics.scales` is \"free\", and `numerics.rule` is \"shift\": a shift is a power of two"
    )]
    ScalesOfShift,
    /// Not one number per channel.
    #[error("`{key}` has {found} number(s), the input has {channels} channel(s)")]
    PerChannel {
        /// `networks.mini.mean`.
        key: String,
        /// How many there are.
        found: usize,
        /// Of the input.
        channels: usize,
    },
}

impl StudyError {
    /// Its unique code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyList { .. } => "study::empty_list",
            Self::Duplicate { .. } => "study::duplicate",
            Self::BadId { .. } => "study::bad_id",
            Self::UnknownNetwork { .. } => "study::unknown_network",
            Self::UnknownId { .. } => "study::unknown_id",
            Self::ContrastWithItself { .. } => "study::contrast_with_itself",
            Self::InputNotHwc { .. } => "study::input_not_hwc",
            Self::WeightSource { .. } => "study::weight_source",
            Self::NetworkSource { .. } => "study::network_source",
            Self::NoSuchFile { .. } => "study::no_such_file",
            Self::UnusedKey { .. } => "study::unused_key",
            Self::Needed { .. } => "study::needed_key",
            Self::ScalesOfShift => "study::scales_of_shift",
            Self::PerChannel { .. } => "study::per_channel",
        }
    }

    /// What to do.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::EmptyList { key } => format!("add an entry to `{key}`"),
            Self::Duplicate { .. } => "rename or remove one of the two".to_owned(),
            Self::BadId { .. } => "use letters, digits, `-` and `_`; it names files".to_owned(),
            Self::UnknownNetwork {
                nearest: Some(name),
                ..
            } => format!("did you mean `{name}`?"),
            Self::UnknownNetwork { known, .. } => format!("the networks are: {}", known.join(", ")),
            Self::UnknownId { known, .. } => format!("the ids here are: {}", known.join(", ")),
            Self::ContrastWithItself { .. } => "name two networks".to_owned(),
            Self::InputNotHwc { .. } => "write for example `input = [224, 224, 3]`".to_owned(),
            Self::WeightSource { .. } => {
                "write `{ seed = 1 }` or `{ file = \"net.safetensors\" }`".to_owned()
            }
            Self::NetworkSource { .. } => {
                "name a built-in network, or an ONNX file as its `model`".to_owned()
            }
            Self::NoSuchFile { .. } => {
                "check the path; it is relative to the folder of the study".to_owned()
            }
            Self::UnusedKey { key, .. } => format!("remove `{key}`, or add what it needs"),
            Self::Needed { key, .. } => format!("add `{key}`; no default stands in for it"),
            Self::ScalesOfShift => {
                "remove `numerics.scales`, or choose the rule \"multiplier\"".to_owned()
            }
            Self::PerChannel { channels, .. } => format!("write a list of {channels} number(s)"),
        }
    }
}

impl From<StudyError> for Problem {
    fn from(error: StudyError) -> Self {
        Self::new(error.code(), error.to_string(), error.help())
    }
}
