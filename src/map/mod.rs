//! The mapper: layer graph x chip -> [`Schedule`].
//!
//! In: shapes, bit widths, a chip. Out: which tensors stay in activation SRAM, how each layer is cut, and the order
//! of all operations. A closed-form estimate ranks the legal cuts of each layer; dynamic programming chooses which
//! tensors stay; the best few are timed exactly where that is cheap. Layers follow one another, each for the whole
//! batch. Same input, same schedule. This room never looks at a weight's value.

mod choice;
mod emit;
mod engine;
mod error;
mod estimate;
mod facts;
pub mod liveness;
mod place;
mod remedy;
mod residency;
mod settings;
#[cfg(test)]
mod tests;

pub use error::MapError;
pub use remedy::{Change, Remedy};
pub use settings::{Forced, FullyConnected, Halo, ImageLoop, Offload, Settings};

use crate::chip::{Chip, WeightSram};
use crate::quantise::Numerics;
use crate::reparam::{LayerGraph, LayerId};
use crate::schedule::Schedule;
use crate::time::{self, Mode};
use crate::units::Bytes;
use choice::Choice;
use engine::Engine;
use facts::Facts;
use residency::{Breadth, Way};

/// A schedule is timed exactly when it moves no more bursts than this; beyond, the estimate alone decides.
const TIMED_BURSTS: u64 = 4096;

/// Layers up to which more than the best cut of each layer is kept.
const SMALL: usize = 8;

/// Maps `settings.batch` images of `graph` onto `chip`.
///
/// A tensor stays in activation SRAM from its producer to its last reader, or lives in DRAM and passes through rings
/// of rows, strip by strip. The network's input comes from DRAM and its output ends there.
///
/// # Errors
/// No layer or image, a layer that no unit may run, fewer than two weight slots, or a layer whose smallest strip
/// does not fit; with the smallest changes that would do.
pub fn map(
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    settings: &Settings,
) -> Result<Schedule, MapError> {
    attempt(graph, numerics, chip, settings).map_err(|error| {
        let found = remedy::remedies(&error, graph, numerics, chip, settings);
        error.with(found)
    })
}

/// Maps, or says what is in the way without what would do.
fn attempt(
    graph: &LayerGraph,
    numerics: &Numerics,
    chip: &Chip,
    settings: &Settings,
) -> Result<Schedule, MapError> {
    if graph.layers.is_empty() || settings.batch == 0 {
        return Err(MapError::Nothing);
    }
    two_slots(numerics.widest_weight(), chip)?;
    let facts = Facts::new(graph, numerics, chip, settings)?;
    let schedule = best(&facts, candidates(&facts)?);
    debug_assert_eq!(
        schedule.check(chip),
        Ok(()),
        "the mapper keeps its promises"
    );
    Ok(schedule)
}

/// One slot is read while the other is filled.
fn two_slots(bits: u8, chip: &Chip) -> Result<(), MapError> {
    let slots = chip.weight_slots(bits);
    if slots >= 2 {
        return Ok(());
    }
    Err(MapError::Slots {
        slots,
        bits,
        needed: Bytes(2 * WeightSram::slot(&chip.array, bits).0),
        available: chip.weight_sram.capacity,
        remedies: Vec::new(),
    })
}

/// The cheapest ways whose buffers can be placed, with less and less of the memory if they cannot.
fn candidates(facts: &Facts<'_>) -> Result<Vec<place::Placement>, MapError> {
    let small = facts.layers.len() <= SMALL;
    let breadth = Breadth {
        choices: if small { 3 } else { 1 },
        ways: if small { 8 } else { 2 },
        stay: facts.settings.forced.stay,
    };
    for sixteenths in (8..=16).rev() {
        let capacity = facts.capacity * sixteenths / 16;
        match residency::ways(facts, breadth, capacity) {
            Ok(ways) => {
                let placed = placed(facts, &ways);
                if !placed.is_empty() {
                    return Ok(placed);
                }
            }
            Err(layer) if sixteenths == 16 => return Err(dead_end(facts, layer)),
            Err(_) => break,
        }
    }
    let breadth = Breadth {
        stay: false,
        ..breadth
    };
    let ways = residency::ways(facts, breadth, facts.capacity);
    let ways = ways.map_err(|layer| dead_end(facts, layer))?;
    Ok(placed(facts, &ways))
}

fn placed(facts: &Facts<'_>, ways: &[Way]) -> Vec<place::Placement> {
    let most = if facts.bursts(ways) > TIMED_BURSTS {
        1
    } else {
        ways.len()
    };
    ways.iter()
        .filter_map(|way| place::place(facts, way))
        .take(most)
        .collect()
}

/// The cheapest of some placements by exact time, then DRAM bytes, then SRAM bytes, then order.
fn best(facts: &Facts<'_>, placements: Vec<place::Placement>) -> Schedule {
    let mut schedules = placements
        .into_iter()
        .map(|placement| emit::emit(facts, placement));
    let first = schedules.next().expect("nothing staying can be placed");
    let rest: Vec<Schedule> = schedules.collect();
    if rest.is_empty() {
        return first;
    }
    let key = |schedule: &Schedule| {
        let timeline = time::run(schedule, facts.chip, Mode::Real);
        (
            timeline.total,
            timeline.dram().payload(),
            timeline.peak_activation_bytes,
        )
    };
    let mut best = (key(&first), first);
    for schedule in rest {
        let key = key(&schedule);
        if key < best.0 {
            best = (key, schedule);
        }
    }
    best.1
}

/// Why a network does not run even when nothing stays: `stuck` is a layer that does not; told is the one that needs
/// most.
fn dead_end(facts: &Facts<'_>, stuck: LayerId) -> MapError {
    let mut worst: Option<(LayerId, Choice)> = None;
    for index in 0..facts.layers.len() {
        let layer = LayerId(index);
        if matches!(facts.layers[index].engine, Engine::Host) {
            continue;
        }
        match facts.smallest(layer) {
            Some(choice) if worst.is_none_or(|(_, most)| choice.units > most.units) => {
                worst = Some((layer, choice));
            }
            Some(_) => {}
            None => return forced(facts, layer),
        }
    }
    match worst {
        Some((layer, choice)) => too_small(facts, layer, &choice),
        None => forced(facts, stuck),
    }
}

fn forced(facts: &Facts<'_>, layer: LayerId) -> MapError {
    let layer = facts.graph.layers[layer.0].name.clone();
    MapError::Forced { layer }
}

fn too_small(facts: &Facts<'_>, layer: LayerId, choice: &Choice) -> MapError {
    let operands = facts.layers[layer.0].operands.iter().map(|o| o.tensor);
    let buffers = operands
        .zip(choice.rings)
        .chain([(layer.output(), choice.out_rows)]);
    let size = |(tensor, rows)| facts.units(tensor, rows, choice.images);
    let (tensor, rows) = buffers
        .max_by_key(|buffer| size(*buffer))
        .expect("a layer writes an output");
    let maker = match tensor.producer() {
        None => "the network's input".to_owned(),
        Some(producer) => format!("the output of `{}`", facts.graph.layers[producer.0].name),
    };
    MapError::Sram {
        layer: facts.graph.layers[layer.0].name.clone(),
        needed: facts.bytes(choice.units),
        available: facts.chip.activation_sram.capacity,
        largest: format!("{rows} rows of {maker}"),
        taken: facts.bytes(size((tensor, rows))),
        remedies: Vec::new(),
    }
}

impl Facts<'_> {
    /// Bursts of the best of `ways`, roughly.
    fn bursts(&self, ways: &[Way]) -> u64 {
        ways.first()
            .map_or(0, |way| way.cost.dram / self.dram.burst.0)
    }
}
