//! Every element of a dump beside the model's, layer by layer as the model makes them.

use super::dumps::{Part, Subject};
use super::judge::{AXES, Counts, Difference, Judged};
use super::masks::Masks;
use super::observed::Element;
use super::place::{Moment, Place, Places};
use super::vacuity::{Side, Vacuity};
use super::{Model, dram, why};
use crate::execute::Finished;
use crate::problem::Problem;
use crate::reparam::{LayerId, TensorId};
use crate::report::work::op_words;
use crate::schedule::LayerPlan;
use crate::units::count;
use std::collections::BTreeSet;

/// Channels of a tensor that get a heat map of their own.
const MAPS: usize = 8;

/// A part, until it is judged.
struct Waiting {
    part: Part,
    judged: Option<Judged>,
    /// Whether the model's own data say anything.
    says: bool,
}

/// A comparison under way.
pub struct Comparison<'a> {
    model: Model<'a>,
    places: Places<'a>,
    masks: &'a mut Masks,
    limit: usize,
    parts: Vec<Waiting>,
    /// Tensors that differ somewhere.
    differ: BTreeSet<TensorId>,
}

impl<'a> Comparison<'a> {
    /// Of `parts` with `model`; at most `limit` differences of each are kept beside the first.
    #[must_use]
    pub fn new(model: Model<'a>, parts: Vec<Part>, masks: &'a mut Masks, limit: usize) -> Self {
        let waiting = |part| Waiting {
            part,
            judged: None,
            says: true,
        };
        Self {
            model,
            places: Places::new(model),
            masks,
            limit,
            parts: parts.into_iter().map(waiting).collect(),
            differ: BTreeSet::new(),
        }
    }

    /// Judges every part of a layer that the model has finished.
    pub fn layer(&mut self, finished: Finished<'_>) {
        let subject = Subject::Layer(finished.layer);
        let Some(golden) = finished.tensor(finished.layer.output()) else {
            return;
        };
        let inputs = &self.model.schedule.graph.layers[finished.layer.0].inputs;
        let clean = !inputs.iter().any(|input| self.differ.contains(input));
        for index in 0..self.parts.len() {
            if self.parts[index].part.subject != subject {
                continue;
            }
            let (mut judged, says) = self.part(index, &mut golden.iter().copied());
            let part = &self.parts[index].part;
            if judged.counts.wrong > 0 && clean {
                let first = judged
                    .in_execution
                    .as_ref()
                    .and_then(|first| first.place.as_ref());
                judged.explained =
                    why::explain(&self.model, finished, part, first.map(|place| place.at));
            }
            if judged.counts.differ() > 0 {
                self.differ.insert(finished.layer.output());
            }
            self.done(index, judged, says);
        }
    }

    /// Judges what is no layer, and tells all.
    ///
    /// # Errors
    /// What the RTL lacks.
    pub fn finish(mut self) -> Result<Vec<Judged>, Problem> {
        for index in 0..self.parts.len() {
            if self.parts[index].part.subject == Subject::Rest {
                let bytes = dram::before(&self.model)?;
                let (judged, says) = self.part(index, &mut bytes.into_iter().map(i32::from));
                self.done(index, judged, says);
            }
        }
        let outputs = || {
            self.parts
                .iter()
                .filter(|waiting| waiting.part.subject != Subject::Rest)
        };
        let silent = outputs().next().is_some() && outputs().all(|waiting| !waiting.says);
        let mut judged: Vec<Judged> = self
            .parts
            .into_iter()
            .filter_map(|waiting| waiting.judged)
            .collect();
        if silent && let Some(first) = judged.first_mut() {
            let reason = "every output that the dump holds is constant or saturated in the model";
            first.vacuous.get_or_insert_with(|| reason.to_owned());
        }
        Ok(judged)
    }

    /// Keeps what was found, and lets the dump's elements go.
    fn done(&mut self, index: usize, judged: Judged, says: bool) {
        let waiting = &mut self.parts[index];
        waiting.part.forget();
        waiting.judged = Some(judged);
        waiting.says = says;
    }

    /// A part beside what is expected, and whether that says anything.
    fn part(&mut self, index: usize, expected: &mut dyn Iterator<Item = i32>) -> (Judged, bool) {
        let (model, part) = (&self.model, &self.parts[index].part);
        let mut judged = empty(model, part);
        let mut vacuity = Vacuity::new(model, part.subject);
        for (index, expected) in expected.enumerate().take(part.observed.len()) {
            let found = part.observed.get(index);
            if found == Element::Outside {
                continue;
            }
            vacuity.add(Side::Expected, expected);
            judged.counts.compared += 1;
            if let Element::Known(value) = found {
                vacuity.add(Side::Observed, value);
                if value == expected {
                    continue;
                }
            }
            if let Subject::Layer(layer) = part.subject
                && self.masks.hide(layer, index)
            {
                judged.counts.hidden += 1;
                continue;
            }
            note(&mut judged.counts, found);
            let difference = difference(model, &self.places, part, index, (expected, found));
            tally(&mut judged, model, &difference);
            keep(&mut judged, difference, self.limit);
        }
        judged.notes.extend(vacuity.note());
        judged.vacuous = vacuity.reason(&judged.name, &part.source);
        (judged, vacuity.says())
    }
}

/// Nothing counted yet.
fn empty(model: &Model<'_>, part: &Part) -> Judged {
    let (name, operator) = match part.subject {
        Subject::Layer(layer) => operator(model, layer),
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
        spread: super::judge::Spread::default(),
        in_memory: None,
        in_execution: None,
        some: Vec::new(),
        notes: part.notes.clone(),
        vacuous: None,
        explained: None,
    }
}

fn operator(model: &Model<'_>, layer: LayerId) -> (String, String) {
    let unit = match &model.schedule.layers[layer.0] {
        LayerPlan::Array(_) => "array",
        LayerPlan::Vector { .. } => "vector unit",
        LayerPlan::Host => "host",
    };
    let layer = &model.schedule.graph.layers[layer.0];
    (
        layer.name.clone(),
        format!("{} on the {unit}", op_words(&layer.op)),
    )
}

const fn note(counts: &mut Counts, found: Element) {
    match found {
        Element::Known(_) => counts.wrong += 1,
        Element::Unknown => counts.unknown += 1,
        Element::Missing | Element::Outside => counts.missing += 1,
    }
}

fn difference(
    model: &Model<'_>,
    places: &Places<'_>,
    part: &Part,
    index: usize,
    (expected, found): (i32, Element),
) -> Difference {
    let whole = part.subject.layer().map(|layer| places.of(layer, index));
    let bytes = part
        .subject
        .layer()
        .map_or(1, |layer| model.output(layer).1.bytes().0);
    Difference {
        dram_byte: whole.as_ref().map_or(count(index), |place| place.dram_byte),
        moment: whole
            .as_ref()
            .map_or((usize::MAX, [usize::MAX; 6]), Place::moment),
        place: whole.map(|place| place.mapped(part.mapping.as_ref())),
        word: part.word(index),
        drained: part.cycle(index),
        expected,
        found,
        bytes,
    }
}

/// Counts a difference where it is.
fn tally(judged: &mut Judged, model: &Model<'_>, difference: &Difference) {
    let (Some(place), Subject::Layer(layer)) = (&difference.place, judged.subject) else {
        return;
    };
    let map = model.schedule.graph.shape(layer.output());
    let [_, y, x, c] = place.at;
    let lane = difference
        .word
        .and_then(|(_, lane)| usize::try_from(lane?).ok());
    let lane = lane.or(place.sram.map(|sram| sram.lane));
    let told = place.told.as_ref();
    let pe_row = place
        .array
        .map(|array| array.row)
        .or(told.and_then(|told| told.pe_row));
    let bank = place
        .sram
        .map(|sram| sram.bank)
        .or(told.and_then(|told| told.bank));
    let here = [Some(c), Some(y), Some(x), lane, pe_row, bank, None];
    let spread = &mut judged.spread;
    let sizes = [map.channels, map.height, map.width, 0, 0, 0, 0];
    for ((counts, at), size) in spread.by.iter_mut().zip(here).zip(sizes) {
        if let Some(at) = at {
            counts.resize(counts.len().max(size).max(at + 1), 0);
            counts[at] += 1;
        }
    }
    if let Element::Known(found) = difference.found {
        let bits = &mut spread.by[AXES.len() - 1];
        let wrong = found ^ difference.expected;
        bits.resize(
            bits.len()
                .max(usize::try_from(8 * difference.bytes).unwrap_or(8)),
            0,
        );
        for (bit, count) in bits.iter_mut().enumerate() {
            *count += u64::from(wrong >> bit.min(31) & 1 == 1);
        }
    }
    if spread.maps.len() < MAPS || spread.maps.contains_key(&c) {
        let map = spread
            .maps
            .entry(c)
            .or_insert_with(|| vec![0; map.pixels()]);
        let width = sizes[2];
        map[y * width + x] += 1;
    }
}

/// Keeps the first differences.
fn keep(judged: &mut Judged, difference: Difference, limit: usize) {
    if judged.some.len() < limit {
        judged.some.push(difference.clone());
    }
    if judged.in_memory.is_none() {
        judged.in_memory = Some(difference.clone());
    }
    let earliest: Option<Moment> = judged.in_execution.as_ref().map(|first| first.moment);
    if earliest.is_none_or(|earliest| difference.moment < earliest) {
        judged.in_execution = Some(difference);
    }
}
