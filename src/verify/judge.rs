//! The verdict, and what it rests on.

use super::cycles::Cycles;
use super::dumps::Subject;
use super::masks::Mask;
use super::observed::Element;
use super::place::{Moment, Place};
use super::vacuity::FEW;
use super::why::Explained;
use crate::reparam::LayerId;
use crate::units::Tick;
use std::collections::BTreeMap;

/// What comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// All that was compared is equal.
    Match,
    /// Something differs.
    Mismatch,
    /// The data say nothing: they are constant, or at their limits.
    Unjudged,
}

/// How many elements are what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Set beside the model's, hidden ones included.
    pub compared: u64,
    /// With another value.
    pub wrong: u64,
    /// With an unknown bit.
    pub unknown: u64,
    /// Not there.
    pub missing: u64,
    /// That differ in any way, and a mask hides.
    pub hidden: u64,
}

impl Counts {
    /// Elements that differ in any way and are not hidden.
    #[must_use]
    pub const fn differ(&self) -> u64 {
        self.wrong + self.unknown + self.missing
    }

    pub(super) const fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.wrong += other.wrong;
        self.unknown += other.unknown;
        self.missing += other.missing;
        self.hidden += other.hidden;
    }
}

/// What differences are counted by.
pub const AXES: [&str; 7] = ["channel", "row", "column", "lane", "PE row", "bank", "bit"];

/// How many elements differ, by where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spread {
    /// By each of [`AXES`]; empty where nothing differs, or nobody says what is where.
    pub by: [Vec<u64>; AXES.len()],
    /// Rows times columns, for the first channels that differ.
    pub maps: BTreeMap<usize, Vec<u32>>,
}

/// One element that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it comes from; `None` for a byte of DRAM that is no output.
    pub place: Option<Place>,
    /// When the model's schedule makes it.
    pub(super) moment: Moment,
    /// First byte in DRAM, in the model's layout.
    pub dram_byte: u64,
    /// Word and lane of the file, where it has words.
    pub word: Option<(u64, Option<u64>)>,
    /// The cycle it was written in, where the dump says.
    pub drained: Option<Tick>,
    /// The model's value.
    pub expected: i32,
    /// The dump's.
    pub found: Element,
    /// Bytes of an element.
    pub bytes: u64,
}

/// What came out of one part of a dump.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What it is of.
    pub subject: Subject,
    /// The layer's name.
    pub name: String,
    /// Operator and unit: `conv 3x3 on the array`.
    pub operator: String,
    /// Name of the file.
    pub source: String,
    /// How many elements are what.
    pub counts: Counts,
    /// Where the differences are.
    pub spread: Spread,
    /// The first in memory.
    pub in_memory: Option<Difference>,
    /// The first to be made.
    pub in_execution: Option<Difference>,
    /// The first in memory order, not more than asked for.
    pub some: Vec<Difference>,
    /// Sentences about the data.
    pub notes: Vec<String>,
    /// Why it says nothing.
    pub vacuous: Option<String>,
    /// Why it differs; none where nothing differs, or an input does.
    pub explained: Option<Explained>,
}

/// What was compared with what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Of {
    /// The command that was given.
    pub command: String,
    /// Name of the study.
    pub study: String,
    /// Name of the chip.
    pub chip: String,
    /// The network's id.
    pub network: String,
    /// The first image of the batch.
    pub image: usize,
    /// Images of the batch.
    pub batch: usize,
    /// The dump as it was named.
    pub dump: String,
}

/// All that was found.
#[derive(Debug, Clone)]
pub struct Report {
    /// What was compared.
    pub of: Of,
    /// Layers by number, in network order.
    pub layers: Vec<String>,
    /// One for each part of the dump.
    pub judged: Vec<Judged>,
    /// Masks with what they hid.
    pub masks: Vec<Mask>,
    /// Present when asked for.
    pub cycles: Option<Cycles>,
    /// Differences to show beside the first.
    pub limit: usize,
}

impl Report {
    /// The verdict: data that say nothing are never a match, and no mismatch either where there are no others.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let late = |cycles: &Cycles| cycles.checked && cycles.off().next().is_some();
        let speaks = |part: &&Judged| part.subject != Subject::Rest && part.counts.compared > FEW;
        let mut outputs = self.judged.iter().filter(speaks).peekable();
        let nothing = outputs.peek().is_some() && outputs.all(|part| part.vacuous.is_some());
        if nothing {
            Verdict::Unjudged
        } else if self.counts().differ() > 0 || self.cycles.as_ref().is_some_and(late) {
            Verdict::Mismatch
        } else if self.vacuous().next().is_some() {
            Verdict::Unjudged
        } else {
            Verdict::Match
        }
    }

    /// Why data say nothing, part by part.
    pub fn vacuous(&self) -> impl Iterator<Item = &str> {
        self.judged
            .iter()
            .filter_map(|part| part.vacuous.as_deref())
    }

    /// The sum over all parts.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.judged.iter().fold(Counts::default(), |mut sum, part| {
            sum.add(&part.counts);
            sum
        })
    }

    /// Layers that the dump does not hold.
    #[must_use]
    pub fn not_compared(&self) -> Vec<&str> {
        let held = |layer: usize| {
            let subject = Subject::Layer(LayerId(layer));
            self.judged.iter().any(|part| part.subject == subject)
        };
        let layers = self.layers.iter().enumerate();
        layers
            .filter(|(layer, _)| !held(*layer))
            .map(|(_, name)| name.as_str())
            .collect()
    }

    /// The part and the difference that lies first in DRAM.
    #[must_use]
    pub fn first_in_memory(&self) -> Option<(&Judged, &Difference)> {
        let firsts = self
            .judged
            .iter()
            .filter_map(|part| Some((part, part.in_memory.as_ref()?)));
        firsts.min_by_key(|(_, difference)| difference.dram_byte)
    }

    /// The part and the difference that is made first; bytes that no operation makes come last.
    #[must_use]
    pub fn first_in_execution(&self) -> Option<(&Judged, &Difference)> {
        let firsts =
            (self.judged.iter()).filter_map(|part| Some((part, part.in_execution.as_ref()?)));
        firsts.min_by_key(|(_, difference)| difference.moment)
    }
}
