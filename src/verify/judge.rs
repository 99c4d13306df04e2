//! The verdict: every element of a dump beside the model's, and the first that differs.

use super::Model;
use super::cycles::Cycles;
use super::dumps::{Element, Part, Subject};
use super::masks::{Mask, Masks};
use super::place::{Moment, Place, Places};
use crate::reparam::LayerId;
use crate::report::work::op_words;
use crate::schedule::LayerPlan;
use crate::tensor::IntType;
use crate::units::{Tick, count};

/// Elements that a layer needs before a constant one is suspected.
const FEW: usize = 16;

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

    fn add(&mut self, other: &Self) {
        self.compared += other.compared;
        self.wrong += other.wrong;
        self.unknown += other.unknown;
        self.missing += other.missing;
        self.hidden += other.hidden;
    }
}

/// One element that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where it comes from; `None` for a byte of DRAM that is no output.
    pub place: Option<Place>,
    /// First byte in DRAM.
    pub dram_byte: u64,
    /// The cycle it was drained in, where the dump says.
    pub drained: Option<Tick>,
    /// The model's value.
    pub expected: i32,
    /// The dump's.
    pub found: Element,
    /// Bytes of an element.
    pub bytes: u64,
}

/// What came out of one part of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Differences by channel, by row, by column; empty where nothing differs.
    pub by: [Vec<u64>; 3],
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
    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let late = |cycles: &Cycles| cycles.checked && cycles.off().next().is_some();
        if self.vacuous().next().is_some() {
            Verdict::Unjudged
        } else if self.counts().differ() > 0 || self.cycles.as_ref().is_some_and(late) {
            Verdict::Mismatch
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
        firsts.min_by_key(|(_, difference)| moment(difference))
    }
}

/// Judges every part; at most `limit` differences of each are kept beside the first.
#[must_use]
pub fn judge(model: Model<'_>, parts: &[Part], masks: &mut Masks, limit: usize) -> Vec<Judged> {
    let places = Places::new(model);
    let mut judged: Vec<Judged> = parts
        .iter()
        .map(|part| one(&model, &places, part, masks, limit))
        .collect();
    let says_nothing = |part: &Part| constant(part.expected.iter().copied());
    let outputs = parts.iter().filter(|part| part.subject != Subject::Rest);
    let many = outputs.clone().any(|part| part.expected.len() > FEW);
    if many && outputs.clone().all(says_nothing) {
        let reason = "every output that the dump holds is constant in the model";
        judged[0].vacuous.get_or_insert_with(|| reason.to_owned());
    }
    judged
}

fn one(
    model: &Model<'_>,
    places: &Places<'_>,
    part: &Part,
    masks: &mut Masks,
    limit: usize,
) -> Judged {
    let mut judged = empty(model, part);
    let mut earliest: Option<Moment> = None;
    for (index, (&expected, &found)) in part.expected.iter().zip(&part.elements).enumerate() {
        if found == Element::Outside {
            continue;
        }
        judged.counts.compared += 1;
        if found == Element::Known(expected) {
            continue;
        }
        if let Subject::Layer(layer) = part.subject
            && masks.hide(layer, index)
        {
            judged.counts.hidden += 1;
            continue;
        }
        let counts = &mut judged.counts;
        match found {
            Element::Known(_) => counts.wrong += 1,
            Element::Unknown => counts.unknown += 1,
            Element::Missing | Element::Outside => counts.missing += 1,
        }
        let difference = difference(model, places, part, index);
        if let Some(place) = &difference.place {
            tally(&mut judged.by, model, part.subject, place.at);
        }
        if judged.in_memory.is_none() {
            judged.in_memory = Some(difference.clone());
        }
        if judged.some.len() < limit {
            judged.some.push(difference.clone());
        }
        let moment = moment(&difference);
        if earliest.is_none_or(|earliest| moment < earliest) {
            earliest = Some(moment);
            judged.in_execution = Some(difference);
        }
    }
    judged.notes = notes(part);
    judged.vacuous = vacuous(model, part, &judged.name);
    judged
}

/// Sentences about one part, for every form of the report: here the ranked causes of its differences belong.
fn notes(part: &Part) -> Vec<String> {
    let alike = part.subject != Subject::Rest && part.expected.len() > FEW;
    if alike && constant(part.expected.iter().copied()) {
        return vec!["constant in the model: that it agrees says little".to_owned()];
    }
    Vec::new()
}

/// Nothing counted yet.
fn empty(model: &Model<'_>, part: &Part) -> Judged {
    let (name, operator) = match part.subject {
        Subject::Layer(layer) => {
            let schedule = model.run.schedule;
            let unit = match &schedule.layers[layer.0] {
                LayerPlan::Array(_) => "array",
                LayerPlan::Vector { .. } => "vector unit",
                LayerPlan::Host => "host",
            };
            let layer = &schedule.graph.layers[layer.0];
            let operator = format!("{} on the {unit}", op_words(&layer.op));
            (layer.name.clone(), operator)
        }
        Subject::Rest => (
            "(rest of DRAM)".to_owned(),
            "input, weights and gaps".to_owned(),
        ),
    };
    Judged {
        subject: part.subject,
        name,
        operator,
        source: part.source.clone(),
        counts: Counts::default(),
        by: [const { Vec::new() }; 3],
        in_memory: None,
        in_execution: None,
        some: Vec::new(),
        notes: Vec::new(),
        vacuous: None,
    }
}

fn difference(model: &Model<'_>, places: &Places<'_>, part: &Part, index: usize) -> Difference {
    let (place, bytes) = match part.subject {
        Subject::Layer(layer) => {
            let range = model.run.schedule.numerics.activations[layer.output().0];
            (Some(places.of(layer, index)), range.bytes().0)
        }
        Subject::Rest => (None, 1),
    };
    Difference {
        dram_byte: place.as_ref().map_or(count(index), |place| place.dram_byte),
        place,
        drained: part.drained.get(index).copied().flatten(),
        expected: part.expected[index],
        found: part.elements[index],
        bytes,
    }
}

fn moment(difference: &Difference) -> Moment {
    let never = (usize::MAX, [usize::MAX; 6]);
    difference.place.as_ref().map_or(never, Place::moment)
}

fn tally(by: &mut [Vec<u64>; 3], model: &Model<'_>, subject: Subject, at: [usize; 4]) {
    let Subject::Layer(layer) = subject else {
        return;
    };
    let map = model.run.schedule.graph.shape(layer.output());
    let axes = [
        (map.channels, at[3]),
        (map.height, at[1]),
        (map.width, at[2]),
    ];
    for (counts, (len, at)) in by.iter_mut().zip(axes) {
        counts.resize(len, 0);
        counts[at] += 1;
    }
}

/// Why a part says nothing about the hardware: its data are constant or at their limits, and the model's are not.
fn vacuous(model: &Model<'_>, part: &Part, name: &str) -> Option<String> {
    let Subject::Layer(layer) = part.subject else {
        return None;
    };
    let known = part.elements.iter().filter_map(|element| match element {
        Element::Known(value) => Some(*value),
        Element::Unknown | Element::Missing | Element::Outside => None,
    });
    let len = known.clone().count();
    let mostly = len > FEW && len * 2 > part.elements.len();
    let range = model.run.schedule.numerics.activations[layer.output().0];
    let expected = || part.expected.iter().copied();
    if mostly && constant(known.clone()) && !constant(expected()) {
        let value = known.clone().next().unwrap_or_default();
        let source = &part.source;
        return Some(format!(
            "all {len} known elements of `{name}` in {source} are {value}, those of the model are not"
        ));
    }
    if mostly && at_limits(known, range) && !at_limits(expected(), range) {
        let (min, max) = (range.min(), range.max());
        let source = &part.source;
        return Some(format!(
            "all {len} known elements of `{name}` in {source} are saturated at {min} or {max}, those of the model are not"
        ));
    }
    None
}

fn constant(mut values: impl Iterator<Item = i32>) -> bool {
    let first = values.next();
    values.all(|value| Some(value) == first)
}

fn at_limits(mut values: impl Iterator<Item = i32>, range: IntType) -> bool {
    values.all(|value| value <= range.min() || value >= range.max())
}
