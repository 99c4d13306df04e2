//! One network of both runs: its figures, its causes, its layers.

use super::change::{Amount, Change, Unit};
use super::settings::{WordChange, changed};
use crate::report::charts::palette::words;
use crate::report::figures::traffic_key;
use crate::report::json::read::{AccuracyRun, LayerRun, NetworkRun};
use crate::schedule::Traffic;
use crate::time::{Account, Cause};
use crate::units::Bytes;
use std::collections::BTreeMap;

/// A network that both runs have.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkDiff {
    /// Of the network in both files.
    pub id: String,
    /// Name, form and operators that differ.
    pub words: Vec<WordChange>,
    /// Figures of the whole run; the first is all its cycles.
    pub figures: Vec<Change>,
    /// Cycles by cause, in the order of [`Cause::ALL`].
    pub causes: Vec<(Cause, Change)>,
    /// Layers in A's order, then those only in B in B's order.
    pub layers: Vec<LayerDiff>,
}

/// A layer of both runs, or of one.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerDiff {
    /// Of the layer.
    pub name: String,
    /// Which runs have it.
    pub found: Found,
    /// All its cycles.
    pub total: Change,
    /// Its cycles by cause, in the order of [`Cause::ALL`].
    pub causes: Vec<(Cause, Change)>,
    /// Its DRAM bytes by kind, all kinds last.
    pub dram: Vec<Change>,
}

/// Which runs have a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Both.
    Both,
    /// Only the first.
    OnlyA,
    /// Only the second.
    OnlyB,
}

/// One cause on the way from A's cycles to B's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The cause.
    pub cause: Cause,
    /// Its cycles in A and in B; they differ.
    pub cycles: [u64; 2],
    /// Cycles more than A's before this cause.
    pub start: i128,
    /// Cycles more than A's after this cause.
    pub end: i128,
}

impl NetworkDiff {
    /// Every cause that differs, each from where the one before ended: the first starts at 0 and the last ends
    /// at all cycles of B less all cycles of A.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let mut end = 0;
        let differing = self.causes.iter().filter(|(_, change)| change.differs());
        let step = |(cause, change): &(Cause, Change)| {
            let (cycles, start) = (counts(change), end);
            end += i128::from(cycles[1]) - i128::from(cycles[0]);
            Step {
                cause: *cause,
                cycles,
                start,
                end,
            }
        };
        differing.map(step).collect()
    }

    pub(super) fn of(a: &NetworkRun, b: &NetworkRun) -> Self {
        Self {
            id: a.id.clone(),
            words: network_words(a, b),
            figures: figures(a, b),
            causes: causes(Some(&a.account), Some(&b.account)),
            layers: layers(&a.layers, &b.layers),
        }
    }

    /// All its cycles.
    #[must_use]
    pub fn total(&self) -> &Change {
        &self.figures[0]
    }

    /// Cycles of A and of B.
    #[must_use]
    pub fn cycles(&self) -> [u64; 2] {
        counts(self.total())
    }

    /// How many of its figures differ, those of its layers left out.
    #[must_use]
    pub fn differing(&self) -> usize {
        let causes = self.causes.iter().map(|(_, change)| change);
        let all = self.figures.iter().chain(causes);
        all.filter(|change| change.differs()).count()
    }

    /// Layers of which any figure differs.
    pub fn changed_layers(&self) -> impl Iterator<Item = &LayerDiff> {
        self.layers.iter().filter(|layer| layer.differs())
    }

    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.words.is_empty() || self.differing() > 0 || self.changed_layers().next().is_some()
    }
}

impl LayerDiff {
    fn of(name: &str, a: Option<&LayerRun>, b: Option<&LayerRun>) -> Self {
        let found = match (a, b) {
            (Some(_), None) => Found::OnlyA,
            (None, Some(_)) => Found::OnlyB,
            _ => Found::Both,
        };
        let total = [a, b].map(|side| side.map(|l| Amount::Count(l.account.total().0)));
        Self {
            name: name.to_owned(),
            found,
            total: Change::new("total_cycles", "cycles", Unit::Cycles, total),
            causes: causes(a.map(|l| &l.account), b.map(|l| &l.account)),
            dram: dram(a.map(|l| &l.dram), b.map(|l| &l.dram)),
        }
    }

    /// All its figures.
    pub fn changes(&self) -> impl Iterator<Item = &Change> {
        let causes = self.causes.iter().map(|(_, change)| change);
        std::iter::once(&self.total).chain(causes).chain(&self.dram)
    }

    /// Whether any of its figures differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.found != Found::Both || self.changes().any(Change::differs)
    }
}

/// Both counts of a change, absent ones as 0.
pub(super) fn counts(change: &Change) -> [u64; 2] {
    [change.a, change.b].map(|side| match side {
        Some(Amount::Count(count)) => count,
        _ => 0,
    })
}

fn network_words(a: &NetworkRun, b: &NetworkRun) -> Vec<WordChange> {
    let id = &a.id;
    let own = [("name", &a.name, &b.name), ("form", &a.form, &b.form)];
    let own = own.map(|(what, a, b)| changed(&format!("{id}: {what}"), a, b));
    let in_b = named(&b.layers);
    let operators = a.layers.iter().filter_map(|layer| {
        let other = in_b.get(layer.name.as_str())?;
        changed(&format!("{id}: {}: op", layer.name), &layer.op, &other.op)
    });
    own.into_iter().flatten().chain(operators).collect()
}

fn figures(a: &NetworkRun, b: &NetworkRun) -> Vec<Change> {
    let count = |key, words, unit, of: fn(&NetworkRun) -> u64| {
        Change::counts(key, words, unit, [of(a), of(b)])
    };
    let real = |key, words, unit, of: fn(&NetworkRun) -> f64| {
        Change::reals(key, words, unit, [of(a), of(b)])
    };
    let mut figures = vec![
        count("total_cycles", "cycles", Unit::Cycles, |n| {
            n.account.total().0
        }),
        real("latency_ms", "latency", Unit::Milliseconds, |n| {
            n.latency_ms
        }),
        real("images_per_s", "images/s", Unit::ImagesPerSecond, |n| {
            n.images_per_s
        }),
        real("utilisation", "utilisation", Unit::Fraction, |n| {
            n.utilisation
        }),
        count("peak_activation_bytes", "peak SRAM", Unit::Bytes, |n| {
            n.peak_activation.0
        }),
        count(
            "peak_live_elements",
            "peak live elements",
            Unit::Elements,
            |n| n.peak_live_elements,
        ),
        count("macs", "MACs of an image", Unit::Macs, |n| n.macs),
        count("params", "parameters", Unit::Parameters, |n| n.params),
    ];
    figures.extend(dram(Some(&a.dram), Some(&b.dram)));
    figures.extend(accuracy(a.accuracy, b.accuracy));
    figures
}

fn accuracy(a: Option<AccuracyRun>, b: Option<AccuracyRun>) -> Vec<Change> {
    if a.is_none() && b.is_none() {
        return Vec::new();
    }
    let real = |key: &str, words, of: fn(AccuracyRun) -> f64| {
        let sides = [a, b].map(|side| side.map(|accuracy| Amount::Real(of(accuracy))));
        Change::new(&format!("accuracy.{key}"), words, Unit::Fraction, sides)
    };
    let images = [a, b].map(|side| side.map(|accuracy| Amount::Count(accuracy.images)));
    vec![
        Change::new("accuracy.images", "labelled images", Unit::Images, images),
        real("float_top1", "float top-1", |accuracy| accuracy.float_top1),
        real("integer_top1", "integer top-1", |accuracy| {
            accuracy.integer_top1
        }),
        real("agreement", "agreement", |accuracy| accuracy.agreement),
    ]
}

fn causes(a: Option<&Account>, b: Option<&Account>) -> Vec<(Cause, Change)> {
    let change = |cause: Cause| {
        let sides = [a, b].map(|side| side.map(|account| Amount::Count(account.get(cause).0)));
        let key = format!("cycles.{}", cause.key());
        (cause, Change::new(&key, &words(cause), Unit::Cycles, sides))
    };
    Cause::ALL.map(change).to_vec()
}

fn dram(a: Option<&[Bytes; 6]>, b: Option<&[Bytes; 6]>) -> Vec<Change> {
    let change = |name: &str, of: &dyn Fn(&[Bytes; 6]) -> Bytes| {
        let sides = [a, b].map(|side| side.map(|bytes| Amount::Count(of(bytes).0)));
        let (key, words) = (format!("dram_bytes.{name}"), format!("DRAM {name}"));
        Change::new(&key, &words, Unit::Bytes, sides)
    };
    let kinds = Traffic::ALL.iter().enumerate();
    let mut changes: Vec<Change> = kinds
        .map(|(place, &kind)| change(traffic_key(kind), &|bytes| bytes[place]))
        .collect();
    changes.push(change("total", &|bytes| bytes.iter().copied().sum()));
    changes
}

fn layers(a: &[LayerRun], b: &[LayerRun]) -> Vec<LayerDiff> {
    let (in_a, in_b) = (named(a), named(b));
    let of_a = a.iter().map(|layer| {
        let other = in_b.get(layer.name.as_str()).copied();
        LayerDiff::of(&layer.name, Some(layer), other)
    });
    let of_b = (b
        .iter()
        .filter(|layer| !in_a.contains_key(layer.name.as_str())))
    .map(|layer| LayerDiff::of(&layer.name, None, Some(layer)));
    of_a.chain(of_b).collect()
}

fn named(layers: &[LayerRun]) -> BTreeMap<&str, &LayerRun> {
    layers
        .iter()
        .map(|layer| (layer.name.as_str(), layer))
        .collect()
}
