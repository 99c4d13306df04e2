//! Whether a comparison says anything: two tensors of zeros agree, and prove nothing.

use super::Case;
use serde::Serialize;

/// Above this share (in percent) of clamped or zero elements a tensor hardly shows what was computed.
pub const LIMIT_PERCENT: u64 = 95;

/// Whose elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The golden output.
    Expected,
    /// What was observed.
    Observed,
}

/// Why a comparison means little; each with its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum Vacuity {
    /// Every known element has one value.
    Constant {
        /// Whose.
        side: Side,
        /// The value.
        value: i32,
        /// How many elements have it.
        elements: u64,
    },
    /// More than [`LIMIT_PERCENT`] lie at a bound of the clamp.
    Saturated {
        /// Whose.
        side: Side,
        /// How many.
        saturated: u64,
        /// Of how many.
        elements: u64,
    },
    /// More than [`LIMIT_PERCENT`] are the output's zero point.
    Zero {
        /// Whose.
        side: Side,
        /// How many.
        zero: u64,
        /// Of how many.
        elements: u64,
    },
    /// Elements that are unknown or missing.
    Unknown {
        /// How many.
        unknown: u64,
        /// Of how many.
        elements: u64,
    },
    /// The last elements in memory order are missing: fewer came than expected.
    Short {
        /// How many came.
        found: u64,
        /// How many were expected.
        wanted: u64,
    },
}

impl Case {
    /// What takes meaning from the comparison; empty when nothing does.
    #[must_use]
    pub fn vacuity(&self) -> Vec<Vacuity> {
        let mut found = self.of_side(Side::Expected, self.golden.iter().copied());
        found.extend(self.of_side(Side::Observed, self.observed.iter().copied().flatten()));
        let elements = crate::units::count(self.observed.len());
        let unknown = self.observed.iter().filter(|value| value.is_none());
        let unknown = crate::units::count(unknown.count());
        if unknown > 0 {
            found.push(Vacuity::Unknown { unknown, elements });
        }
        let known = self.observed.iter().enumerate();
        let known = known.filter(|(_, value)| value.is_some());
        let came = known.last().map_or(0, |(place, _)| place + 1);
        let missing = elements - crate::units::count(came);
        if missing > 0 {
            found.push(Vacuity::Short {
                found: elements - missing,
                wanted: elements,
            });
        }
        found
    }

    fn of_side(&self, side: Side, values: impl Iterator<Item = i32>) -> Vec<Vacuity> {
        let requantise = &self.plan.quant.requantise;
        let (mut elements, mut saturated, mut zero) = (0, 0, 0);
        let mut only: Option<i32> = None;
        let mut constant = true;
        for value in values {
            elements += 1;
            // The lower bound of a ReLU is its zero, not the end of the range.
            let at_end = value == requantise.upper
                || (value == requantise.lower && requantise.lower != requantise.zero_point);
            saturated += u64::from(at_end);
            zero += u64::from(value == requantise.zero_point);
            constant &= *only.get_or_insert(value) == value;
        }
        let mut found = Vec::new();
        if let Some(value) = only.filter(|_| constant && elements > 1) {
            found.push(Vacuity::Constant {
                side,
                value,
                elements,
            });
        }
        let nearly_all = |part: u64| part * 100 > elements * LIMIT_PERCENT;
        if nearly_all(saturated) {
            found.push(Vacuity::Saturated {
                side,
                saturated,
                elements,
            });
        }
        if nearly_all(zero) {
            found.push(Vacuity::Zero {
                side,
                zero,
                elements,
            });
        }
        found
    }
}
