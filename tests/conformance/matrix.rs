//! How many values differ when two rules requantise the same accumulators by the same real scales.

use crate::vectors::{Kind, Set, read};
use repchip::fixed::{Requantise, Rounding, Rule, float32_scale};
use std::path::PathBuf;

/// Rules that are compared: all that take any scale.
pub(crate) const RULES: [(&str, Rule); 11] = [
    ("multiplier floor", Rule::Multiplier(Rounding::Floor)),
    (
        "multiplier toward_zero",
        Rule::Multiplier(Rounding::TowardZero),
    ),
    ("multiplier half_up", Rule::Multiplier(Rounding::HalfUp)),
    ("multiplier half_even", Rule::Multiplier(Rounding::HalfEven)),
    ("multiplier half_away", Rule::Multiplier(Rounding::HalfAway)),
    ("tosa_single", Rule::TosaSingle),
    ("tflite_single", Rule::TfliteSingle),
    ("tosa_double", Rule::TosaDouble),
    ("tflite_double", Rule::TfliteDouble),
    ("ruy", Rule::Ruy),
    ("float32_half_even", Rule::Float32HalfEven),
];

/// Rules that are one function while nothing leaves 32 bits.
pub(crate) const SAME: [&[&str]; 2] = [
    &["multiplier half_up", "tosa_single", "tflite_single"],
    &["tosa_double", "tflite_double"],
];

/// Which layers are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scales {
    /// Powers of two and small multiples of them.
    Exact,
    /// Real numbers without a pattern.
    General,
    Any,
}

/// Counts of differing values, by row and column of [`RULES`].
pub(crate) struct Matrix {
    pub(crate) values: u64,
    pub(crate) differing: Vec<Vec<u64>>,
}

impl Matrix {
    /// Over the accumulators of the file by LiteRT's reference kernels.
    pub(crate) fn of(files: &[PathBuf], scales: Scales) -> Self {
        let mut matrix = Self {
            values: 0,
            differing: vec![vec![0; RULES.len()]; RULES.len()],
        };
        let vectors = files.iter().map(|path| read(path));
        let reference =
            vectors.filter(|file| file.kind == Kind::Requantise && file.rule == Rule::TfliteDouble);
        for file in reference {
            for (index, set) in file.sets.iter().enumerate() {
                let exact = index % 2 == 0;
                match (scales, exact) {
                    (Scales::Exact, false) | (Scales::General, true) => {}
                    (Scales::Exact | Scales::Any, true)
                    | (Scales::General | Scales::Any, false) => {
                        matrix.add(set);
                    }
                }
            }
        }
        matrix
    }

    fn add(&mut self, set: &Set) {
        let rules: Vec<Requantise> = RULES.iter().map(|(_, rule)| by(*rule, set)).collect();
        let base = set.list("base");
        for offset in set.list("offset") {
            for (channel, base) in base.iter().enumerate() {
                let acc = base + offset;
                let outputs: Vec<i32> = rules.iter().map(|r| r.apply(acc, channel)).collect();
                self.values += 1;
                for (row, a) in outputs.iter().enumerate() {
                    for (column, b) in outputs.iter().enumerate() {
                        self.differing[row][column] += u64::from(a != b);
                    }
                }
            }
        }
    }

    /// Every two rules and how many values differ.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let pairs = (0..RULES.len()).flat_map(|row| (0..row).map(move |column| (row, column)));
        pairs.map(|(row, column)| (RULES[row].0, RULES[column].0, self.differing[row][column]))
    }
}

/// The requantisation of a layer by another rule.
fn by(rule: Rule, set: &Set) -> Requantise {
    let mut requantise = set.requantise(Rule::TfliteDouble);
    requantise.rule = rule;
    if rule == Rule::Float32HalfEven {
        let ratio = set.ratio.as_ref().expect("these vectors have real scales");
        for (channel, &ratio) in ratio.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "the nearest float32")]
            let (multiplier, shift) = float32_scale(ratio as f32).expect("an ordinary scale");
            requantise.multiplier[channel] = multiplier;
            requantise.shift[channel] = shift;
        }
    }
    requantise.check().expect("valid for every rule");
    requantise
}
