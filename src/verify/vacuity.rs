//! Whether data say anything: a tensor of one value, or nearly all at its limits, agrees with much.

use super::Model;
use super::dumps::Subject;
use crate::tensor::IntType;

/// Elements that a tensor needs before it is suspected.
pub(super) const FEW: u64 = 16;

/// Above this share, in percent, of elements at a limit a tensor hardly shows what was computed.
const LIMIT_PERCENT: u64 = 95;

/// Whose elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The model's.
    Expected,
    /// The dump's.
    Observed,
}

/// What values there are.
#[derive(Debug, Clone, Copy, Default)]
struct Values {
    elements: u64,
    first: Option<i32>,
    others: bool,
    at_limits: u64,
    /// Of these, at the floor of a ReLU.
    at_floor: u64,
}

impl Values {
    const fn constant(&self) -> bool {
        !self.others
    }

    const fn saturated(&self) -> bool {
        self.at_limits * 100 > self.elements * LIMIT_PERCENT
    }

    /// As [`Self::saturated`], but many zeros behind a ReLU are no saturation.
    const fn cut(&self) -> bool {
        (self.at_limits - self.at_floor) * 100 > self.elements * LIMIT_PERCENT
    }
}

/// The values of one part, on both sides.
#[derive(Debug)]
pub(super) struct Vacuity {
    range: IntType,
    /// Whether the lower limit is the tensor's zero, the floor of a ReLU.
    floor: bool,
    /// Bytes of DRAM that are no output may be anything.
    judged: bool,
    expected: Values,
    observed: Values,
}

impl Vacuity {
    pub(super) fn new(model: &Model<'_>, subject: Subject) -> Self {
        let (range, zero) = match subject {
            Subject::Layer(layer) => {
                let zero = model.network.tensors[layer.output().0].zero_point;
                (model.output(layer).1, zero)
            }
            Subject::Rest => (IntType::unsigned(8), 0),
        };
        Self {
            range,
            floor: zero <= range.min(),
            judged: subject != Subject::Rest,
            expected: Values::default(),
            observed: Values::default(),
        }
    }

    #[inline]
    pub(super) fn add(&mut self, side: Side, value: i32) {
        let (low, high) = (value <= self.range.min(), value >= self.range.max());
        let values = match side {
            Side::Expected => &mut self.expected,
            Side::Observed => &mut self.observed,
        };
        values.elements += 1;
        values.others |= *values.first.get_or_insert(value) != value;
        values.at_limits += u64::from(low || high);
        values.at_floor += u64::from(low && self.floor);
    }

    /// Whether the model's data say anything.
    pub(super) const fn says(&self) -> bool {
        self.expected.elements <= FEW || !(self.expected.constant() || self.expected.cut())
    }

    /// What to know of a part that agrees.
    pub(super) fn note(&self) -> Option<String> {
        let alike = self.judged && self.expected.elements > FEW && self.expected.constant();
        alike.then(|| "constant in the model: that it agrees says little".to_owned())
    }

    /// Why the dump's data say nothing where the model's do.
    pub(super) fn reason(&self, name: &str, source: &str) -> Option<String> {
        let (expected, observed) = (&self.expected, &self.observed);
        let mostly = observed.elements > FEW && observed.elements * 2 > expected.elements;
        if !self.judged || !mostly {
            return None;
        }
        let len = observed.elements;
        if observed.constant() && !expected.constant() {
            let value = observed.first.unwrap_or_default();
            return Some(format!(
                "all {len} known elements of `{name}` in {source} are {value}, those of the model are not"
            ));
        }
        let (min, max) = (self.range.min(), self.range.max());
        (observed.saturated() && !expected.saturated()).then(|| {
            let (n, model, of) = (observed.at_limits, expected.at_limits, expected.elements);
            format!(
                "{n} of {len} known elements of `{name}` in {source} are saturated at {min} or {max}, {model} of {of} of the model are"
            )
        })
    }
}
