//! The smallest changes with which a network runs after all, found by trying them.
//!
//! A change is made to a copy of the chip and the settings, and the network is mapped again. A second dead end adds
//! its own change, so that what is told is enough.

use super::{MapError, Offload, Settings, attempt};
use crate::chip::{Chip, Host, VectorUnit};
use crate::quantise::Numerics;
use crate::reparam::LayerGraph;
use crate::units::{Bytes, BytesPerCycle, Cycles};
use std::fmt;
use std::num::NonZeroU64;

/// One change of a chip or of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A larger activation SRAM, in KiB.
    ActivationKib {
        /// What there is.
        from: Bytes,
        /// The smallest that does.
        to: u64,
    },
    /// A larger weight SRAM, in KiB.
    WeightKib {
        /// What there is.
        from: Bytes,
        /// The smallest that does.
        to: u64,
    },
    /// `mapping.offload = "host"`.
    OffloadToHost,
    /// A `[host]` table.
    AddHost,
    /// A `[vector]` table.
    AddVector,
}

/// Changes that together let a network run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy(pub Vec<Change>);

/// Largest memory that a chip's file may have, in KiB.
const MAX_KIB: u64 = 1 << 20;

/// Changes that one remedy may take: each kind at most once.
const MOST: usize = 5;

impl Change {
    /// A chip and settings with this change; a table that is added has any figures, as none matters to whether
    /// a network fits.
    pub fn make(self, chip: &mut Chip, settings: &mut Settings) {
        match self {
            Self::ActivationKib { to, .. } => chip.activation_sram.capacity = Bytes(to * 1024),
            Self::WeightKib { to, .. } => chip.weight_sram.capacity = Bytes(to * 1024),
            Self::OffloadToHost => settings.offload = Offload::Host,
            Self::AddHost => {
                chip.host = Some(Host {
                    bytes_per_cycle: BytesPerCycle(NonZeroU64::MIN),
                    call_cycles: Cycles(1),
                    elements_per_cycle: 1,
                    macs_per_cycle: 1,
                });
            }
            Self::AddVector => {
                chip.vector = Some(VectorUnit {
                    lanes: 1,
                    start_cycles: Cycles(1),
                    add_cycles: 1,
                    max_pool_cycles: 1,
                    avg_pool_cycles: 1,
                    table_cycles: 1,
                    multiply_cycles: 1,
                    copy_cycles: 1,
                    resize_cycles: 1,
                });
            }
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let raise = |f: &mut fmt::Formatter<'_>, key: &str, from: &Bytes, to: &u64| {
            write!(f, "raise `{key}` ")?;
            if from.0.is_multiple_of(1024) {
                write!(f, "from {} ", from.0 / 1024)?;
            }
            write!(f, "to {to}")
        };
        match self {
            Self::ActivationKib { from, to } => raise(f, "activation_sram.kib", from, to),
            Self::WeightKib { from, to } => raise(f, "weight_sram.kib", from, to),
            Self::OffloadToHost => f.write_str("set `mapping.offload = \"host\"`"),
            Self::AddHost => f.write_str("add a `[host]` table to the chip"),
            Self::AddVector => f.write_str("add a `[vector]` table to the chip"),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&words.join(" and "))
    }
}

/// The remedies of a dead end, each enough by itself; none when no allowed memory is large enough.
pub(super) fn remedies(
    error: &MapError,
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    settings: &Settings,
) -> Vec<Remedy> {
    ways_out(error, chip, settings)
        .into_iter()
        .filter_map(|first| complete(first, graph, numerics, chip, settings))
        .collect()
}

/// `first` and what else it takes until the network runs.
fn complete(
    first: Vec<Change>,
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    settings: &Settings,
) -> Option<Remedy> {
    let (mut chip, mut settings) = (chip.clone(), *settings);
    let (mut made, mut next) = (Vec::new(), first);
    while made.len() + next.len() <= MOST {
        for change in next.drain(..) {
            change.make(&mut chip, &mut settings);
            made.push(change);
        }
        match attempt(graph, numerics, &chip, &settings) {
            Ok(_) => return Some(Remedy(made)),
            Err(error) => next = ways_out(&error, &chip, &settings).into_iter().next()?,
        }
    }
    None
}

/// What may lead past one dead end, the smallest change first.
fn ways_out(error: &MapError, chip: &Chip, settings: &Settings) -> Vec<Vec<Change>> {
    let kib = |bytes: Bytes| bytes.0.div_ceil(1024);
    match error {
        MapError::Nothing | MapError::Forced { .. } | MapError::NoHost { .. } => Vec::new(),
        MapError::Slots { needed, .. } => {
            let (from, to) = (chip.weight_sram.capacity, kib(*needed));
            let change = Change::WeightKib { from, to };
            possible(change, to)
        }
        MapError::Sram { needed, .. } => {
            let (from, to) = (chip.activation_sram.capacity, kib(*needed));
            let change = Change::ActivationKib { from, to };
            possible(change, to)
        }
        MapError::NoUnit { .. } => {
            let vector = vec![Change::AddVector];
            match (chip.host.is_some(), settings.offload) {
                (true, _) => vec![vec![Change::OffloadToHost], vector],
                (false, Offload::Host) => vec![vec![Change::AddHost], vector],
                (false, Offload::Forbid) => {
                    vec![vector, vec![Change::AddHost, Change::OffloadToHost]]
                }
            }
        }
    }
}

/// A memory that a chip's file may have.
fn possible(change: Change, kib: u64) -> Vec<Vec<Change>> {
    if kib <= MAX_KIB {
        vec![vec![change]]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::map;
    use crate::network::builtin;
    use crate::problem::{OverrideFlag, Problem};
    use crate::quantise::Widths;
    use crate::reparam::{Branches, fold_graph};
    use crate::tensor::FeatureMap;
    use std::path::Path;

    fn chip(name: &str) -> Chip {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips");
        Chip::read(&path.join(name).with_extension("toml")).unwrap()
    }

    fn graph(name: &str, side: usize) -> LayerGraph {
        let channels = if name.ends_with("mini") { 1 } else { 3 };
        let input = FeatureMap::new(side, side, channels);
        fold_graph(&builtin::graph(name, input).unwrap(), Branches::Fuse).unwrap()
    }

    fn widths(weight_bits: u8) -> Widths {
        Widths {
            activation_bits: 8,
            weight_bits,
            output_bits: 16,
        }
    }

    /// Each remedy of a dead end is enough, and a memory of one KiB less is not.
    fn checked(graph: &LayerGraph, bits: u8, chip: &Chip, settings: &Settings) -> Vec<Remedy> {
        let numerics = Numerics::uniform(graph, widths(bits));
        let error = map(graph, &numerics, chip, settings).unwrap_err();
        let tries = |remedy: &[Change]| {
            let (mut chip, mut settings) = (chip.clone(), *settings);
            for change in remedy {
                change.make(&mut chip, &mut settings);
            }
            map(graph, &numerics, &chip, &settings).is_ok()
        };
        for Remedy(changes) in error.remedies() {
            assert!(tries(changes), "{error}: {changes:?} is not enough");
            for (place, change) in changes.iter().enumerate() {
                let mut less = changes.clone();
                match &mut less[place] {
                    Change::ActivationKib { to, .. } | Change::WeightKib { to, .. } => *to -= 1,
                    Change::OffloadToHost | Change::AddHost | Change::AddVector => {
                        less.remove(place);
                    }
                }
                assert!(!tries(&less), "{error}: {change:?} is more than needed");
            }
        }
        error.remedies().to_vec()
    }

    #[test]
    fn the_memory_that_is_asked_for_is_enough_and_one_kib_less_is_not() {
        let mut found = Vec::new();
        for (network, side) in [("repvgg-a0", 224), ("resnet-18", 224), ("resnet-50-v1", 64)] {
            let graph = graph(network, side);
            for name in ["edge", "edge-general", "tiny"] {
                for kib in [1, 2, 5, 12, 24, 50] {
                    let mut chip = chip(name);
                    chip.activation_sram.capacity = Bytes(kib * 1024);
                    let settings = Settings::default();
                    let numerics = Numerics::uniform(&graph, widths(8));
                    if map(&graph, &numerics, &chip, &settings).is_err() {
                        found.extend(checked(&graph, 8, &chip, &settings));
                    }
                }
            }
        }
        assert!(found.len() > 20, "{}", found.len());
    }

    #[test]
    fn two_slots_are_asked_for_and_no_more() {
        let mut chip = chip("edge");
        chip.weight_sram.capacity = Bytes(2048);
        let remedies = checked(&graph("repvgg-a0", 32), 16, &chip, &Settings::default());
        assert_eq!(
            remedies[0].to_string(),
            "raise `weight_sram.kib` from 2 to 3"
        );
    }

    #[test]
    fn what_has_no_unit_gets_one() {
        let told = |chip: &Chip, offload: Offload| {
            let settings = Settings {
                offload,
                ..Settings::default()
            };
            let remedies = checked(&graph("resnet-18", 32), 8, chip, &settings);
            let words: Vec<String> = remedies.iter().map(ToString::to_string).collect();
            words.join("; or ")
        };
        let mut edge = chip("edge");
        insta::assert_snapshot!(told(&edge, Offload::Forbid), @r#"set `mapping.offload = "host"`; or add a `[vector]` table to the chip"#);
        edge.activation_sram.capacity = Bytes(2048);
        insta::assert_snapshot!(told(&edge, Offload::Forbid), @r#"set `mapping.offload = "host"` and raise `activation_sram.kib` from 2 to 10; or add a `[vector]` table to the chip and raise `activation_sram.kib` from 2 to 10"#);
        edge.host = None;
        insta::assert_snapshot!(told(&edge, Offload::Forbid), @r#"add a `[vector]` table to the chip and raise `activation_sram.kib` from 2 to 10; or add a `[host]` table to the chip and set `mapping.offload = "host"` and raise `activation_sram.kib` from 2 to 10"#);
        edge.activation_sram.capacity = Bytes(1 << 20);
        insta::assert_snapshot!(told(&edge, Offload::Host), @"add a `[host]` table to the chip; or add a `[vector]` table to the chip");
    }

    #[test]
    fn no_memory_beyond_the_largest_of_a_file_is_asked_for() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips/edge.toml");
        let with = |kib: u64| {
            let flag = OverrideFlag::new(&format!("activation_sram.kib={kib}"));
            Chip::read_with(&path, &[flag])
        };
        assert!(with(MAX_KIB).is_ok() && with(MAX_KIB + 1).is_err());
        let from = Bytes(1024);
        let change = |to| Change::ActivationKib { from, to };
        assert_eq!(possible(change(MAX_KIB), MAX_KIB).len(), 1);
        assert!(possible(change(MAX_KIB + 1), MAX_KIB + 1).is_empty());
        // A batch whose images fill more than a gibibyte on their way into the classifier.
        let settings = Settings {
            batch: 1 << 21,
            ..Settings::default()
        };
        let graph = graph("repvgg-a0", 32);
        let numerics = Numerics::uniform(&graph, widths(8));
        let error = map(&graph, &numerics, &chip("edge"), &settings).unwrap_err();
        assert!(matches!(error, MapError::Sram { .. }), "{error}");
        assert!(error.remedies().is_empty() && !Problem::from(error).help.is_empty());
    }
}
