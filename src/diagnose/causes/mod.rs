//! Ranked causes: each altered rule tried on the elements that do not match, and on some that do.
//!
//! One file for each family of causes lists what may be altered; here they are tried and ranked. A cause explains an
//! element when the altered rule gives exactly what was observed, and breaks one that matches when it gives anything
//! else. Rank: more explained first, then fewer broken, then the simpler one, which stands earlier in the list.

mod extent;
mod lanes;
mod memory;
mod output;
mod positions;
mod requantise;
mod stuck;
mod sums;
mod values;
mod weights;

pub use extent::Extent;

use super::datapath::Datapath;
use super::sample::Sample;
use super::{Case, DiagnoseError};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;

/// Elements that do not match which a cause is tried on at most.
pub const WRONG: usize = 4096;
/// Elements that match which a cause is tried on at most.
pub const RIGHT: usize = 1024;
/// Causes that are told at most; fewer when fewer explain anything.
pub const TOLD: usize = 16;
/// Causes that survive the first look.
const FINALISTS: usize = 64;
/// A cause is dropped at the first look when another explains more than this many times as much.
const SHARE: usize = 4;
/// Products that the first look at one cause takes at most.
const FIRST_LOOK: usize = 1 << 18;

/// What part of the datapath a cause alters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Rounding, multiplier, shift, clamp.
    Requantise,
    /// Signs and zero points.
    Values,
    /// Order of lanes, words and bytes.
    Lanes,
    /// Which pixel is read or written, and what lies outside the map.
    Positions,
    /// Which weight is read.
    Weights,
    /// Bias, steps, accumulator, shortcut.
    Sums,
    /// Banks and rings.
    Memory,
    /// Bits, multipliers and PEs that are stuck or give nothing.
    Stuck,
    /// The whole output.
    Output,
}

/// An altered rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// What it alters.
    pub family: Family,
    /// A stable name: `rounding_floor`, `dead_lane`.
    pub key: &'static str,
    /// In a sentence, with its parameter: `lane 3 gives no product`.
    pub text: String,
}

/// How well a cause agrees with what was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ranked {
    /// The cause.
    pub cause: Cause,
    /// 1 is the best; causes that explain and break equally many have the same rank.
    pub rank: usize,
    /// Elements that do not match and that it gives to the bit.
    pub explained: usize,
    /// Elements that match and that it would change.
    pub broken: usize,
    /// The first cause of the list that gives the same value at every element tried: no bit tells them apart.
    pub same_as: Option<usize>,
}

/// The causes of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Causes {
    /// Elements tried that do not match.
    pub wrong: usize,
    /// Elements tried that match.
    pub right: usize,
    /// Causes tried.
    pub tried: usize,
    /// The best, best first; empty when no cause explains an element.
    pub ranked: Vec<Ranked>,
    /// Where the difference is, for whatever no cause explains.
    pub extent: Option<Extent>,
}

/// A cause and its rules.
struct Candidate {
    cause: Cause,
    rules: Datapath,
}

/// The list of causes while it is made.
struct Candidates<'a> {
    case: &'a Case,
    golden: Datapath,
    list: Vec<Candidate>,
}

impl Candidates<'_> {
    /// Adds a cause that alters the golden rules; one that changes nothing is left out.
    fn add(
        &mut self,
        family: Family,
        key: &'static str,
        text: impl Into<String>,
        alter: impl FnOnce(&mut Datapath),
    ) {
        let mut rules = self.golden;
        alter(&mut rules);
        if rules != self.golden {
            let text = text.into();
            let cause = Cause { family, key, text };
            self.list.push(Candidate { cause, rules });
        }
    }
}

/// A cause and what it gave on a sample.
struct Trial {
    candidate: usize,
    explained: usize,
    broken: usize,
    values: Vec<Option<i32>>,
}

impl Case {
    /// Which altered rules explain what was observed.
    ///
    /// # Errors
    /// When the golden output does not follow from the golden input and the integers.
    pub fn causes(&self) -> Result<Causes, DiagnoseError> {
        let sample = Sample::new(self, WRONG, RIGHT);
        self.golden_holds(&sample)?;
        let (wrong, right) = (sample.wrong.len(), sample.right.len());
        if wrong == 0 {
            return Ok(Causes {
                wrong,
                right,
                tried: 0,
                ranked: Vec::new(),
                extent: None,
            });
        }
        let candidates = self.candidates();
        let all: Vec<usize> = (0..candidates.len()).collect();
        let conv = &self.plan.work.conv;
        let products = (conv.kernel * conv.kernel * self.plan.work.group_inputs()).max(1);
        let look = (FIRST_LOOK / products).clamp(16, 128);
        let mut trials = self.trials(&candidates, &all, &sample.part(look, look / 2));
        let best = trials.first().map_or(0, |trial| trial.explained);
        trials.retain(|trial| trial.explained * SHARE >= best);
        trials.truncate(FINALISTS);
        let mut finalists: Vec<usize> = trials.iter().map(|trial| trial.candidate).collect();
        finalists.sort_unstable();
        let mut trials = self.trials(&candidates, &finalists, &sample);
        trials.truncate(TOLD);
        Ok(Causes {
            wrong,
            right,
            tried: candidates.len(),
            ranked: ranked(&candidates, &trials),
            extent: Extent::of(self),
        })
    }

    /// Every cause that may be altered in this layer, the simplest first.
    fn candidates(&self) -> Vec<Candidate> {
        let mut candidates = Candidates {
            case: self,
            golden: self.golden_datapath(),
            list: Vec::new(),
        };
        requantise::causes(&mut candidates);
        values::causes(&mut candidates);
        positions::causes(&mut candidates);
        sums::causes(&mut candidates);
        lanes::causes(&mut candidates);
        weights::causes(&mut candidates);
        memory::causes(&mut candidates);
        output::causes(&mut candidates);
        stuck::causes(&mut candidates);
        candidates.list
    }

    /// The golden rules give the golden output.
    fn golden_holds(&self, sample: &Sample) -> Result<(), DiagnoseError> {
        let rules = self.golden_datapath();
        let first = |list: &[[usize; 4]]| list.iter().copied().take(64).collect::<Vec<_>>();
        for at in [first(&sample.wrong), first(&sample.right)].concat() {
            let (given, computed) = (self.golden[at], self.output(&rules, at));
            if let Some(computed) = computed.filter(|&computed| computed != given) {
                let e = self.outside(at);
                return Err(DiagnoseError::NotGolden {
                    at: [e.image, e.row, e.column, e.channel],
                    given,
                    computed,
                });
            }
        }
        Ok(())
    }

    /// Tries causes on a sample; those that explain anything, best first.
    fn trials(&self, candidates: &[Candidate], chosen: &[usize], sample: &Sample) -> Vec<Trial> {
        let trial = |&candidate: &usize| {
            let rules = &candidates[candidate].rules;
            let elements = sample.wrong.iter().chain(&sample.right);
            let values: Vec<Option<i32>> = elements.map(|&at| self.output(rules, at)).collect();
            let (wrong, right) = values.split_at(sample.wrong.len());
            let explained = wrong.iter().zip(&sample.wrong);
            let explained = explained.filter(|&(&value, &at)| value == self.observed[at]);
            let broken = right.iter().zip(&sample.right);
            let broken = broken.filter(|&(&value, &at)| value != Some(self.golden[at]));
            Trial {
                candidate,
                explained: explained.count(),
                broken: broken.count(),
                values,
            }
        };
        let trials = chosen.par_iter().map(trial);
        let mut trials: Vec<Trial> = trials.filter(|trial| trial.explained > 0).collect();
        trials.sort_by_key(|t| (std::cmp::Reverse(t.explained), t.broken, t.candidate));
        trials
    }
}

/// Ranks and ties of trials, best first.
fn ranked(candidates: &[Candidate], trials: &[Trial]) -> Vec<Ranked> {
    let mut seen: BTreeMap<&[Option<i32>], usize> = BTreeMap::new();
    let mut list: Vec<Ranked> = Vec::with_capacity(trials.len());
    for (index, trial) in trials.iter().enumerate() {
        let first = *seen.entry(&trial.values).or_insert(index);
        let equal = list
            .last()
            .filter(|before| (before.explained, before.broken) == (trial.explained, trial.broken));
        let rank = equal.map_or(index + 1, |before| before.rank);
        list.push(Ranked {
            cause: candidates[trial.candidate].cause.clone(),
            rank,
            explained: trial.explained,
            broken: trial.broken,
            same_as: (first != index).then_some(first),
        });
    }
    list
}
