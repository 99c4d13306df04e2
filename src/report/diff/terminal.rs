//! A difference on a terminal: first the verdict, then what ran, then the figures.

use super::network::NetworkDiff;
use super::{Diff, grids, verdict};
use crate::report::human::short;
use crate::report::json::read::Run;
use crate::report::table::print;
use crate::report::{Borders, figures, grid::Grid};

/// Layers of a network that are shown unless all are asked for.
const LAYERS: usize = 10;

/// Letters of a source that are shown.
const SOURCE: usize = 32;

/// The whole difference as text of at most `width` columns where cells allow, ending in a newline; no colour.
/// With `all_layers` every layer that differs, else the ten of each network that move most cycles.
#[must_use]
pub fn terminal(diff: &Diff<'_>, all_layers: bool, width: u16, borders: Borders) -> String {
    let mut text = verdict::sentences(diff).join("\n") + "\n\n";
    text += &format!("A: {}\nB: {}\n", run(diff.a), run(diff.b));
    let words = diff.facts.iter();
    let words = words.chain(diff.networks.iter().flat_map(|network| &network.words));
    let mut grids: Vec<Grid> = Vec::new();
    grids.extend(grids::facts(words));
    grids.extend(grids::settings(&diff.settings, SOURCE));
    for grid in &grids {
        text += &titled(grid, width, borders);
    }
    for differing in diff.networks.iter().filter(|network| network.differs()) {
        text += &network(differing, all_layers, width, borders);
    }
    text
}

/// `old.json: chip edge, 1000 MHz, batch 1, repchip 0.1.0, made by repchip run study.toml`.
pub(super) fn run(run: &Run) -> String {
    format!(
        "{}: chip {}, {} MHz, batch {}, repchip {}, made by `{}`",
        run.path,
        run.chip,
        short(figures::real(run.clock_hz) / 1e6, 6),
        run.batch,
        run.version,
        run.command
    )
}

fn network(network: &NetworkDiff, all_layers: bool, width: u16, borders: Borders) -> String {
    let mut text = titled(&grids::figures(network), width, borders);
    text += &titled(&grids::causes(network), width, borders);
    let most = if all_layers { usize::MAX } else { LAYERS };
    if let Some((grid, left_out)) = grids::layers(network, most) {
        text += &titled(&grid, width, borders);
        if let Some(left_out) = left_out {
            text += &format!("{left_out}; `--layers` shows them\n");
        }
    }
    text
}

fn titled(grid: &Grid, width: u16, borders: Borders) -> String {
    format!("\n{}\n{}", grid.title, print(grid, width, borders))
}
