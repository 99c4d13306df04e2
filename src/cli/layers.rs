//! That every entry of `numerics.layers` finds a layer in some network of the study.

use super::run::marked;
use super::source;
use crate::problem::findings::nearest;
use crate::problem::{Problem, Problems};
use crate::quantise::{LayerWidths, Pattern, residual};
use crate::reparam::LayerGraph;
use crate::study::{NetworkEntry, Study};

/// Checks all entries against the networks as they are mapped.
///
/// # Errors
/// For each entry that no layer of any network takes a width from; and when a network cannot be folded.
pub(super) fn check(study: &Study) -> Result<(), Problems> {
    if study.numerics.layers.is_empty() {
        return Ok(());
    }
    let graphs = (study.networks.iter())
        .map(|entry| mapped(entry, study))
        .collect::<Result<Vec<_>, _>>()?;
    let lost: Vec<Problem> = (study.numerics.layers.iter())
        .filter(|entry| !graphs.iter().any(|graph| entry.reaches(graph)))
        .map(|entry| unreached(entry, &graphs, study))
        .collect();
    if lost.is_empty() {
        Ok(())
    } else {
        Err(Problems(lost))
    }
}

fn mapped(entry: &NetworkEntry, study: &Study) -> Result<LayerGraph, Problems> {
    let folded = source::graph(entry)?;
    Ok(residual::apply(&folded, study.numerics.residual))
}

fn unreached(entry: &LayerWidths, graphs: &[LayerGraph], study: &Study) -> Problem {
    let name = match &entry.layers {
        Pattern::Input => "input",
        Pattern::First => "first",
        Pattern::Last => "last",
        Pattern::Name(name) => name,
    };
    let what = match (entry.activation_bits, entry.weight_bits) {
        (_, None) => "makes integers of its own",
        (None, Some(_)) => "has weights",
        (Some(_), Some(_)) => "has weights and makes integers of its own",
    };
    let message = format!("no layer of this study that {what} is named `{name}`");
    let names = graphs.iter().flat_map(|graph| &graph.layers);
    let help = match nearest(name, names.map(|layer| layer.name.as_str())) {
        Some(near) if near != name => format!("did you mean `{near}`?"),
        Some(_) | None => {
            "`repchip run STUDY --emit graph` shows the names; `*` stands for any characters"
                .to_owned()
        }
    };
    let problem = Problem::new("run::layer_widths", message, help);
    let key = format!("numerics.layers.{name}.name");
    marked(problem, &key, "this name", study.effective().iter())
}
