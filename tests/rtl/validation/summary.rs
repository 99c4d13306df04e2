//! `validation.json`: all that the page says, as figures.

use super::gates::{Gate, Statistics, gates, statistics, with_model};
use super::record::Row;
use super::sensitivity::{Changed, changed};
use super::{Set, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What identifies a measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// SHA-256 of the sources of the model.
    pub(super) model_digest: String,
    /// SHA-256 of the sources of the RTL.
    pub(super) rtl_digest: String,
    pub(super) simulator: String,
    /// By set.
    pub(super) seeds: BTreeMap<String, u64>,
    /// Points of the hypercubes that it took to find the pairs.
    pub(super) points_drawn: BTreeMap<String, u32>,
}

impl Identity {
    pub(super) fn new(seeds: [u64; 2], points: [u32; 2], simulator: String) -> Self {
        let names = Set::ALL.map(|set| set.name().to_owned());
        Self {
            model_digest: digest::of(&digest::MODEL),
            rtl_digest: digest::of(&digest::RTL),
            simulator,
            seeds: names.iter().cloned().zip(seeds).collect(),
            points_drawn: names.into_iter().zip(points).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct OfSet {
    #[serde(flatten)]
    pub(super) statistics: Statistics,
    pub(super) gates: Vec<Gate>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) scope: &'static str,
    pub(super) identity: Identity,
    pub(super) sets: BTreeMap<&'static str, OfSet>,
    pub(super) changed_constants: Vec<Changed>,
}

/// What the figures do and do not say.
pub(super) const SCOPE: &str = "Agreement of the cycle model with the RTL under tests/rtl/hw, simulated by Verilator; \
not with silicon. The vector unit has no RTL and the host is only a script, so their cycles are not validated.";

impl Summary {
    pub(super) fn new(rows: &[Row], identity: Identity) -> Self {
        let with_model = with_model(rows);
        let of_set = |set: Set| {
            let of_set = OfSet {
                statistics: statistics(set, &with_model),
                gates: gates(set, &with_model),
            };
            (set.name(), of_set)
        };
        Self {
            scope: SCOPE,
            identity,
            sets: Set::ALL.into_iter().map(of_set).collect(),
            changed_constants: changed(rows),
        }
    }

    pub(super) fn passes(&self) -> bool {
        self.sets
            .values()
            .all(|set| set.gates.iter().all(|gate| gate.passes))
    }

    pub(super) fn json(&self) -> Vec<u8> {
        let mut json = serde_json::to_vec_pretty(self).expect("plain figures");
        json.push(b'\n');
        json
    }
}
