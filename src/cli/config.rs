//! The study that a command is given, and its chips, with `--set` laid over both.

use super::run::each_its_own_name;
use super::{Failure, layers};
use crate::chip::Chip;
use crate::network::builtin;
use crate::problem::{OverrideFlag, Problems};
use crate::study::Study;
use std::path::Path;

/// Flags for the study, and those for its chips, `chip.` taken off.
pub(super) fn flags(sets: &[String]) -> (Vec<OverrideFlag>, Vec<OverrideFlag>) {
    let flags = sets.iter().map(|set| OverrideFlag::new(set));
    let (for_chips, for_study): (Vec<_>, Vec<_>) =
        flags.partition(|flag| flag.below("chip").is_some());
    let for_chips = for_chips.iter().filter_map(|flag| flag.below("chip"));
    (for_study, for_chips.collect())
}

/// The study in `file`, its names of layers checked against its networks.
pub(super) fn study(file: &Path, flags: &[OverrideFlag]) -> Result<Study, Problems> {
    let study = Study::read_with(file, flags, &builtin::names())?;
    layers::check(&study)?;
    Ok(study)
}

/// The study in `file` and all its chips, no two of one name.
pub(super) fn read(file: &Path, sets: &[String]) -> Result<(Study, Vec<Chip>), Failure> {
    let (for_study, for_chips) = flags(sets);
    let study = study(file, &for_study)?;
    let chips = (study.chips.iter())
        .map(|file| Chip::read_with(file, &for_chips))
        .collect::<Result<Vec<_>, _>>()?;
    each_its_own_name(&chips)?;
    Ok((study, chips))
}

/// The flags as they stand on the command line, a space in front of each.
pub(super) fn told(sets: &[String]) -> String {
    sets.iter().map(|set| format!(" --set {set}")).collect()
}
