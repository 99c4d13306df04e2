//! `repchip run`: every network of a study on each of its chips.

use crate::chip::Chip;
use crate::map::{self, Offload, map};
use crate::network::{Form, builtin};
use crate::problem::{OverrideFlag, Problem, Problems};
use crate::quantise::{Numerics, residual};
use crate::reparam::{Branches, LayerGraph, fold_graph};
use crate::schedule::Traffic;
use crate::study::{self, NetworkEntry, Study};
use crate::time::{self, Cause, Mode, Timeline};
use comfy_table::{CellAlignment, Table, presets};
use std::fmt::Write;
use std::path::Path;

/// Runs the study at `path` and tells what came out.
pub(super) fn run(path: &Path, sets: &[String]) -> Result<String, Problems> {
    let flags: Vec<OverrideFlag> = sets.iter().map(|s| OverrideFlag::new(s)).collect();
    let (for_chips, for_study): (Vec<_>, Vec<_>) = flags
        .into_iter()
        .partition(|flag| flag.below("chip").is_some());
    let for_chips: Vec<OverrideFlag> = for_chips.iter().filter_map(|f| f.below("chip")).collect();
    let study = Study::read_with(path, &for_study, &builtin::names())?;
    if study.batch != 1 {
        return Err(Problem::new(
            "run::batch",
            format!(
                "the study asks for a batch of {}, only single images can be mapped",
                study.batch
            ),
            "set `input.batch = 1`",
        )
        .into());
    }
    let graphs = study
        .networks
        .iter()
        .map(|entry| graph(entry, &study))
        .collect::<Result<Vec<_>, _>>()?;
    let mut text = String::new();
    for file in &study.chips {
        let chip = Chip::read_with(file, &for_chips)?;
        let timelines = graphs
            .iter()
            .map(|graph| timeline(graph, &chip, &study))
            .collect::<Result<Vec<_>, _>>()?;
        report(&mut text, &study, &chip, &graphs, &timelines);
    }
    Ok(text.trim_end().to_owned())
}

fn graph(entry: &NetworkEntry, study: &Study) -> Result<LayerGraph, Problems> {
    let graph = builtin::graph(&entry.name, entry.input).map_err(Problem::from)?;
    let branches = match entry.form {
        Form::Train => Branches::Keep,
        Form::Deploy | Form::Folded => Branches::Fuse,
    };
    let folded = fold_graph(&graph, branches).map_err(Problem::from)?;
    Ok(residual::apply(&folded, study.numerics.residual))
}

fn timeline(graph: &LayerGraph, chip: &Chip, study: &Study) -> Result<Timeline, Problems> {
    let numerics = Numerics::uniform(graph, study.numerics.widths);
    let offload = match study.mapping.offload {
        study::Offload::Host => Offload::Host,
        study::Offload::Forbid => Offload::Forbid,
    };
    let schedule =
        map(graph, &numerics, chip, &map::Settings { offload }).map_err(Problem::from)?;
    Ok(time::run(&schedule, chip, Mode::Real))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "figures for reading, below 2^53"
)]
fn real(n: u64) -> f64 {
    n as f64
}

fn milliseconds(timeline: &Timeline, chip: &Chip) -> f64 {
    real(timeline.total.0) / real(chip.clock.0.get()) * 1e3
}

fn report(
    text: &mut String,
    study: &Study,
    chip: &Chip,
    graphs: &[LayerGraph],
    timelines: &[Timeline],
) {
    let peak = chip.array.peak_macs_per_cycle();
    let mhz = real(chip.clock.0.get()) / 1e6;
    let _ = writeln!(text, "{} ({peak} MAC/cycle, {mhz} MHz), batch 1", chip.name);
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_header([
        "network",
        "cycles",
        "latency ms",
        "utilisation %",
        "host %",
        "DRAM kB",
        "weights kB",
        "peak SRAM KiB",
    ]);
    for ((entry, graph), timeline) in study.networks.iter().zip(graphs).zip(timelines) {
        let total = real(timeline.total.0);
        let macs: u64 = timeline.layers.iter().map(|layer| layer.macs.0).sum();
        let dram = timeline.dram();
        table.add_row([
            format!("{} ({})", entry.id, graph.form),
            timeline.total.to_string(),
            format!("{:.3}", milliseconds(timeline, chip)),
            format!("{:.1}", real(macs) / (real(peak) * total) * 100.0),
            format!(
                "{:.1}",
                real(timeline.account().get(Cause::Host).0) / total * 100.0
            ),
            format!("{:.0}", real(dram.payload().0) / 1e3),
            format!("{:.0}", real(dram.get(Traffic::Weights).read.0) / 1e3),
            format!("{:.0}", real(timeline.peak_activation_bytes.0) / 1024.0),
        ]);
    }
    for index in 1..8 {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let _ = writeln!(text, "{table}");
    for contrast in &study.contrasts {
        let [left, right] = [contrast.left, contrast.right];
        let ratio = real(timelines[right].total.0) / real(timelines[left].total.0);
        let _ = writeln!(
            text,
            "{} takes {:.3} ms and {} {:.3} ms: {ratio:.2}x the speed",
            study.networks[left].id,
            milliseconds(&timelines[left], chip),
            study.networks[right].id,
            milliseconds(&timelines[right], chip),
        );
    }
    text.push('\n');
}
