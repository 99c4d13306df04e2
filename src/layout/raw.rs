//! A dump's description as written: one field a key. The comments are what an editor shows beside a key.

use super::Term;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::num::NonZeroU32;
use std::path::PathBuf;
use toml::Spanned;

/// What a dump is, as far as its files do not tell: how words hold tensors, which signals or columns hold words.
#[derive(Deserialize, JsonSchema)]
#[schemars(title = "repchip layout")]
#[serde(deny_unknown_fields)]
pub(super) struct RawDescription {
    /// How words hold a tensor.
    #[schemars(with = "Option<RawLayout>")]
    pub(super) layout: Option<Spanned<RawLayout>>,
    /// How the array makes elements; without this table their PE and bank are unknown.
    #[schemars(with = "Option<RawArray>")]
    pub(super) array: Option<Spanned<RawArray>>,
    /// Signals of a waveform that hold the words.
    pub(super) signals: Option<RawSignals>,
    /// Columns of a text table that hold the words.
    pub(super) columns: Option<RawColumns>,
    /// Tensors by name; without them each file is named after its layer.
    #[serde(default)]
    pub(super) tensors: Vec<RawTensor>,
}

#[derive(Deserialize, JsonSchema, Clone, Default)]
#[schemars(rename = "layout")]
#[serde(deny_unknown_fields)]
pub(super) struct RawLayout {
    /// Loops over image n, row y, column x and channel c, outermost first; default n, y, x, c.
    pub(super) order: Option<Vec<Told>>,
    /// Elements between two counts of each loop, where something is padded.
    #[schemars(with = "Option<Vec<u64>>")]
    pub(super) strides: Option<Spanned<Vec<u64>>>,
    /// Elements of a word; default 1.
    pub(super) lanes: Option<NonZeroU32>,
    /// Width of a word; default the lanes in whole bytes each.
    #[schemars(with = "Option<NonZeroU32>")]
    pub(super) word_bits: Option<Spanned<NonZeroU32>>,
    /// Which end of a word has lane 0; default `low`.
    pub(super) first_lane: Option<End>,
    /// Address of the first word; default 0.
    pub(super) first_word: Option<u64>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Low,
    High,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "array")]
#[serde(deny_unknown_fields)]
pub(super) struct RawArray {
    /// `schedule`: as the model's schedule has it; then nothing else is told.
    pub(super) mapping: Option<Whose>,
    /// Row of processing elements, as a count of an axis.
    pub(super) pe_row: Option<Told>,
    /// Column of processing elements.
    pub(super) pe_column: Option<Told>,
    /// Memory bank.
    pub(super) bank: Option<Told>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub(super) enum Whose {
    Schedule,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "signals")]
#[serde(deny_unknown_fields)]
pub(super) struct RawSignals {
    /// The sampling clock; a signal is told by the end of its full name.
    pub(super) clock: String,
    /// Its edge; default `rising`.
    pub(super) edge: Option<Edge>,
    /// A signal that is active in reset: then nothing is looked at.
    pub(super) reset: Option<String>,
    /// Default `low`.
    pub(super) reset_active: Option<Level>,
    /// The sender has data.
    pub(super) valid: String,
    /// The receiver takes it; without this signal it always does.
    pub(super) ready: Option<String>,
    /// The data: a word.
    pub(super) data: String,
    /// Its address, in words; without it words come in their order.
    pub(super) address: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub(super) enum Edge {
    Rising,
    Falling,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    Low,
    High,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "columns")]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumns {
    /// The words: the name of a column, or its number from 1.
    pub(super) words: Column,
    /// Their addresses; without them lines are counted from 0.
    pub(super) addresses: Option<Column>,
    /// Base of the numbers, 10 or 16; default 10.
    #[schemars(with = "Option<u8>")]
    pub(super) base: Option<Spanned<u8>>,
    /// Whether the first line names the columns; default: when `words` is a name.
    pub(super) header: Option<bool>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub(super) enum Column {
    Number(std::num::NonZeroUsize),
    Name(String),
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "tensor")]
#[serde(deny_unknown_fields)]
pub(super) struct RawTensor {
    /// Name of the layer whose output it is.
    #[schemars(with = "String")]
    pub(super) layer: Spanned<String>,
    /// The file, from the folder of the dump; default the one that is named after the layer.
    #[schemars(with = "Option<String>")]
    pub(super) file: Option<PathBuf>,
    /// Address of its first word, instead of the layout's.
    pub(super) first_word: Option<u64>,
    /// What is other than in the layout of all.
    #[schemars(with = "Option<RawLayout>")]
    pub(super) layout: Option<Spanned<RawLayout>>,
}

/// A term as written: `c/8%4`.
#[derive(Clone, Copy)]
pub(super) struct Told(pub(super) Term);

impl JsonSchema for Told {
    fn schema_name() -> Cow<'static, str> {
        "term".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An axis, or a part of it: `c/8%4` counts floor(c / 8) mod 4.",
            "type": "string",
            "pattern": "^[nyxc](/[1-9][0-9]*)?(%[1-9][0-9]*)?$",
        })
    }
}

impl<'de> Deserialize<'de> for Told {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let term = text.parse().map_err(|()| {
            let form = "an axis n, y, x or c, as `c`, with parts as `c/8`, `c%8`, `c/8%4`";
            serde::de::Error::custom(format!("`{text}` is not {form}"))
        });
        term.map(Self)
    }
}
