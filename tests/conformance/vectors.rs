//! Reads a file of vectors; `tests/oracles/vectors.py` tells what it holds.

use repchip::fixed::{Overflow, Requantise, Rounding, Rule, Target};
use repchip::tensor::IntType;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::path::Path;

/// What the vectors of a file are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Requantise,
    Addition,
    Average,
}

/// A file.
pub(crate) struct Vectors {
    pub(crate) kind: Kind,
    pub(crate) rule: Rule,
    pub(crate) oracle: String,
    pub(crate) version: String,
    pub(crate) sets: Vec<Set>,
}

/// Numbers of one layer.
pub(crate) struct Set {
    pub(crate) meta: Meta,
    tensors: Vec<(String, Vec<i64>)>,
    /// Real scales, where the oracle took such.
    pub(crate) ratio: Option<Vec<f64>>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Meta {
    pub(crate) zero_point: i32,
    bits: u8,
    signed: bool,
    overflow: Overflow,
    pub(crate) lower: i32,
    pub(crate) upper: i32,
    #[serde(default)]
    pub(crate) form: String,
    #[serde(default)]
    pub(crate) left_shift: u8,
    #[serde(default)]
    pub(crate) zero_points: [i32; 2],
    #[serde(default)]
    pub(crate) zero_in: i32,
    #[serde(default)]
    pub(crate) multiplier: i32,
    #[serde(default)]
    pub(crate) shift: u8,
    #[serde(default)]
    pub(crate) multipliers: [i32; 2],
    #[serde(default)]
    pub(crate) shifts: [u8; 2],
}

impl Meta {
    pub(crate) fn target(&self) -> Target {
        let output = if self.signed {
            IntType::signed(self.bits)
        } else {
            IntType::unsigned(self.bits)
        };
        Target {
            output,
            zero_point: self.zero_point,
            overflow: self.overflow,
            lower: self.lower,
            upper: self.upper,
        }
    }

    /// The requantisation of a sum or a mean: one scale.
    pub(crate) fn requantise(&self, rule: Rule) -> Requantise {
        let (multiplier, shift) = (vec![self.multiplier], vec![self.shift]);
        Requantise::new(rule, multiplier, shift, self.target()).expect("valid vectors")
    }
}

impl Set {
    /// The tensor of this name, row by row.
    pub(crate) fn list(&self, name: &str) -> &[i64] {
        let found = self.tensors.iter().find(|(own, _)| own == name);
        &found.unwrap_or_else(|| panic!("a set without `{name}`")).1
    }

    /// The same as a narrower number.
    pub(crate) fn narrow<T: TryFrom<i64>>(&self, name: &str) -> Vec<T> {
        let fits = |&value: &i64| T::try_from(value).ok().expect("the vectors are in range");
        self.list(name).iter().map(fits).collect()
    }

    /// The requantisation of a layer: one scale a channel.
    pub(crate) fn requantise(&self, rule: Rule) -> Requantise {
        let (multiplier, shift) = (self.narrow("multiplier"), self.narrow("shift"));
        Requantise::new(rule, multiplier, shift, self.meta.target()).expect("valid vectors")
    }
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Vectors {
    let bytes = std::fs::read(path).expect("the file is readable");
    let (_, metadata) = SafeTensors::read_metadata(&bytes).expect("a safetensors file");
    let words = metadata.metadata().clone().expect("it has metadata");
    let word = |key: &str| words.get(key).cloned().unwrap_or_default();
    let file = SafeTensors::deserialize(&bytes).expect("a whole file");
    let metas: Vec<Meta> = serde_json::from_str(&word("sets")).expect("a list of sets");
    let mut sets: Vec<Set> = (metas.into_iter())
        .map(|meta| Set {
            meta,
            tensors: Vec::new(),
            ratio: None,
        })
        .collect();
    for (name, view) in file.tensors() {
        let (index, name) = name.split_once('.').expect("`set.name`");
        let set = &mut sets[index.parse::<usize>().expect("a number")];
        match integers(view.dtype(), view.data()) {
            Some(list) => set.tensors.push((name.to_owned(), list)),
            None => set.ratio = Some(each(view.data(), f64::from_le_bytes)),
        }
    }
    let kind = match word("kind").as_str() {
        "requantise" => Kind::Requantise,
        "addition" => Kind::Addition,
        "average" => Kind::Average,
        other => panic!("vectors of `{other}`"),
    };
    Vectors {
        kind,
        rule: rule(&word("rule"), &word("rounding")),
        oracle: word("oracle"),
        version: word("version"),
        sets,
    }
}

fn rule(name: &str, rounding: &str) -> Rule {
    match (name, rounding) {
        // A quotient rounds in its form alone.
        ("half_away", _) => Rule::Shift(Rounding::HalfAway),
        (family @ ("shift" | "multiplier"), rounding) => {
            let json = format!(r#"{{"family":"{family}","rounding":"{rounding}"}}"#);
            serde_json::from_str(&json).expect("a rule")
        }
        (name, _) => serde_json::from_str(&format!(r#"{{"family":"{name}"}}"#)).expect("a rule"),
    }
}

fn each<T, const N: usize>(bytes: &[u8], of: fn([u8; N]) -> T) -> Vec<T> {
    let (numbers, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "whole numbers");
    numbers.iter().copied().map(of).collect()
}

fn integers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<i64>> {
    let list = match dtype {
        Dtype::I8 => each(bytes, |b| i8::from_le_bytes(b).into()),
        Dtype::U8 => each(bytes, |b| u8::from_le_bytes(b).into()),
        Dtype::I16 => each(bytes, |b| i16::from_le_bytes(b).into()),
        Dtype::I32 => each(bytes, |b| i32::from_le_bytes(b).into()),
        Dtype::I64 => each(bytes, i64::from_le_bytes),
        Dtype::F64 => return None,
        other => panic!("vectors of {other:?}"),
    };
    Some(list)
}
