//! What a run says: tables on the terminal, JSON, CSV, pictures, one HTML page.
//!
//! In: a [`Report`] of finished runs, chip by chip. Out: files, the same bytes for the same report on every
//! machine. Cycles become seconds only here, and every printed figure carries its unit. Causes of cycles keep
//! one colour in all pictures. No clock of the computer, no host name and no path of the machine is ever
//! written. This room computes nothing but quotients: it knows nothing of how a schedule was found or timed.

pub mod charts;
pub mod contrasted;
pub mod csv;
pub mod diff;
pub mod engine;
pub mod figures;
pub mod floor;
pub mod grid;
pub mod html;
pub mod human;
pub mod json;
pub mod manifest;
pub mod precision;
pub mod table;
pub mod trace;
pub mod validated;
pub mod work;
pub mod write;

pub use table::{Borders, terminal};
pub use write::ReportError;

use crate::chip::{Chip, Dram};
use crate::contrast::{Contrast, Figures};
use crate::schedule::Schedule;
use crate::time::{Record, Timeline};
use crate::units::{Bytes, Hertz, count};
use std::path::{Path, PathBuf};

/// Everything a study found, ready to be told.
#[derive(Debug, Clone)]
pub struct Report {
    /// Title of the study: `RepVGG against ResNet`.
    pub title: String,
    /// What made it.
    pub provenance: Provenance,
    /// Chips in the order of the study, at least one.
    pub chips: Vec<ChipRun>,
    /// The effective configuration, defaults included: the study and each chip.
    pub configs: Vec<ConfigTable>,
    /// Sentences about what the figures do not show: `Host operators are not RTL-validated.`
    pub notes: Vec<String>,
}

/// The command, the version and the inputs: what is needed to make the report again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// `repchip run study.toml`.
    pub command: String,
    /// Version of the crate.
    pub version: String,
    /// Name and digest of each input file.
    pub digests: Vec<(String, String)>,
}

/// One configuration file as it took effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigTable {
    /// `chip edge`, `study`.
    pub title: String,
    /// Key, value, and source of the value: `file`, `default`, `assumed`, or the words of the file.
    pub rows: Vec<(String, String, String)>,
}

impl ConfigTable {
    /// Figures without a known source: their source starts with `assumed`.
    pub fn assumed(&self) -> impl Iterator<Item = &(String, String, String)> {
        self.rows
            .iter()
            .filter(|(_, _, source)| source.starts_with("assumed"))
    }
}

/// All runs on one chip.
#[derive(Debug, Clone)]
pub struct ChipRun {
    /// What the report says of the chip.
    pub chip: ChipFacts,
    /// The runs in the order of the study; all of the same batch.
    pub networks: Vec<RunResult>,
    /// Which of them are set against each other: indices into `networks`, the plain net first.
    pub pairs: Vec<(usize, usize)>,
}

/// What the report says of a chip.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipFacts {
    /// Its name; unique in a report.
    pub name: String,
    /// Turns cycles into seconds.
    pub clock: Hertz,
    /// Activation SRAM.
    pub activation_capacity: Bytes,
    /// Upper bounds of the roofline.
    pub roofs: Roofs,
    /// Bytes of an activation between two layers.
    pub activation: Bytes,
    /// The chip itself, as its configuration says.
    pub design: Chip,
}

/// Upper bounds of a roofline, exact rates as floats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roofs {
    /// Multiply-accumulates a cycle when every multiplier works.
    pub peak_macs_per_cycle: f64,
    /// DRAM bytes a cycle.
    pub dram_bytes_per_cycle: f64,
    /// Bytes a cycle that the array can read from SRAM: all activation banks and the weight port.
    pub sram_bytes_per_cycle: f64,
}

impl ChipFacts {
    /// The facts of a chip whose activations take `activation` bytes each.
    #[must_use]
    pub fn of(chip: &Chip, activation: Bytes) -> Self {
        let Dram::Flat(dram) = chip.dram;
        let sram = chip.activation_sram;
        let words = count(sram.bank_rows * sram.bank_cols * sram.bank_channels);
        let activations = words * count(chip.array.pe.lanes) * activation.0;
        Self {
            name: chip.name.clone(),
            clock: chip.clock,
            activation_capacity: sram.capacity,
            roofs: Roofs {
                peak_macs_per_cycle: figures::real(chip.array.peak_macs_per_cycle()),
                dram_bytes_per_cycle: figures::real(dram.bandwidth.numerator.get())
                    / figures::real(dram.bandwidth.denominator.get()),
                sram_bytes_per_cycle: figures::real(activations + chip.weight_sram.port.0.get()),
            },
            activation,
            design: chip.clone(),
        }
    }
}

/// One network on one chip: what was mapped, how long it took, how well its integers follow the floats.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// Unique on its chip; part of file names.
    pub id: String,
    /// Name of the network: `repvgg-a0`.
    pub name: String,
    /// What ran, its layer graph and batch included.
    pub schedule: Schedule,
    /// How long it took.
    pub timeline: Timeline,
    /// What array and DRAM bus did when; empty where nobody looked.
    pub record: Record,
    /// What quantisation lost, layer by layer; empty when only time was asked for.
    pub quality: Vec<LayerQualityRow>,
    /// Against labels and floats; `None` without labelled images.
    pub accuracy: Option<Accuracy>,
}

/// What quantisation lost in one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerQualityRow {
    /// Name of the layer.
    pub name: String,
    /// Real size of one integer step of its output.
    pub scale: f64,
    /// Outputs outside the range, as a fraction of all, 0 to 1.
    pub clipped: f64,
    /// Signal to quantisation noise of its output, in decibels; infinite when exact.
    pub sqnr_db: f64,
}

/// Top-1 of floats and integers on the same labelled images; fractions from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Images judged.
    pub images: u64,
    /// Right answers of the float network.
    pub float_top1: f64,
    /// Right answers of the integer network.
    pub integer_top1: f64,
    /// Images on which both give the same answer.
    pub agreement: f64,
}

impl ChipRun {
    /// Images of every run on this chip; 0 when there is no run.
    #[must_use]
    pub fn batch(&self) -> u64 {
        self.networks
            .first()
            .map_or(0, |network| count(network.schedule.batch))
    }

    /// The contrasts of this chip, with the results they come from.
    pub fn contrasts(&self) -> impl Iterator<Item = Contrasted<'_>> {
        self.pairs.iter().map(|&(first, second)| {
            let (first, second) = (&self.networks[first], &self.networks[second]);
            Contrasted {
                chip: &self.chip,
                contrast: Contrast::new(first.counts(), second.counts()),
                first,
                second,
            }
        })
    }
}

impl RunResult {
    /// The counts that a contrast divides.
    #[must_use]
    pub fn counts(&self) -> Figures {
        let graph = &self.schedule.graph;
        let images = count(self.schedule.batch);
        Figures::of(&self.name, graph.form, graph.input, images, &self.timeline)
    }
}

/// A contrast and the two results behind it.
#[derive(Debug, Clone)]
pub struct Contrasted<'a> {
    /// The chip of both.
    pub chip: &'a ChipFacts,
    /// The quotients.
    pub contrast: Contrast,
    /// Above the line.
    pub first: &'a RunResult,
    /// Below the line.
    pub second: &'a RunResult,
}

/// Writes every file of a report under `out`: `report.html`, `layers.csv`, `<chip>.json` for each chip, and
/// `charts/*.svg` (with `png` also `charts/*.png`). Returns their paths in the order written.
///
/// # Errors
/// When a folder cannot be made or a file cannot be written; then an older report in its place is as before,
/// see [`write::all`].
pub fn write_all(out: &Path, report: &Report, png: bool) -> Result<Vec<PathBuf>, ReportError> {
    let files = files(out, report, png);
    write::all(&files)?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// The files of [`write_all`] with their bytes, not written yet.
#[must_use]
pub fn files(out: &Path, report: &Report, png: bool) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    for run in &report.chips {
        let name = format!("{}.json", write::file_stem(&run.chip.name));
        files.push((out.join(name), json::text(report, run).into_bytes()));
    }
    files.push((out.join("layers.csv"), csv::layers(report)));
    let charts = charts::draw_all(report);
    files.push((
        out.join("report.html"),
        html::page(report, &charts).into_bytes(),
    ));
    for chart in &charts {
        let path = out.join("charts").join(&chart.stem);
        files.push((path.with_added_extension("svg"), chart.svg().into_bytes()));
    }
    if png {
        for (stem, bytes) in charts::encode_all(&charts) {
            let path = out.join("charts").join(stem);
            files.push((path.with_added_extension("png"), bytes));
        }
    }
    files
}

#[cfg(test)]
pub(crate) mod sample;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(paths: &[PathBuf]) -> Vec<Vec<u8>> {
        paths.iter().map(|p| std::fs::read(p).unwrap()).collect()
    }

    #[test]
    fn a_report_is_the_same_files_with_the_same_bytes_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let report = sample::report(4);
        let first = write_all(&one, &report, true).unwrap();
        let second = write_all(&two, &report, true).unwrap();
        let names: Vec<String> = first
            .iter()
            .map(|path| path.strip_prefix(&one).unwrap().display().to_string())
            .collect();
        insta::assert_snapshot!(names.join("\n"), @r"
edge.json
layers.csv
report.html
charts/edge-pairs-contrast.svg
charts/edge-chip-block.svg
charts/edge-repvgg-a0-latency.svg
charts/edge-repvgg-a0-latency-sorted.svg
charts/edge-repvgg-a0-waterfall.svg
charts/edge-repvgg-a0-roofline.svg
charts/edge-repvgg-a0-traffic.svg
charts/edge-repvgg-a0-gantt.svg
charts/edge-repvgg-a0-bandwidth.svg
charts/edge-resnet-18-latency.svg
charts/edge-resnet-18-latency-sorted.svg
charts/edge-resnet-18-waterfall.svg
charts/edge-resnet-18-roofline.svg
charts/edge-resnet-18-traffic.svg
charts/edge-resnet-18-gantt.svg
charts/edge-resnet-18-bandwidth.svg
charts/edge-repvgg-a0-vs-resnet-18-sram.svg
charts/repvgg-a0-utilisation.svg
charts/resnet-18-utilisation.svg
charts/edge-pairs-contrast.png
charts/edge-chip-block.png
charts/edge-repvgg-a0-latency.png
charts/edge-repvgg-a0-latency-sorted.png
charts/edge-repvgg-a0-waterfall.png
charts/edge-repvgg-a0-roofline.png
charts/edge-repvgg-a0-traffic.png
charts/edge-repvgg-a0-gantt.png
charts/edge-repvgg-a0-bandwidth.png
charts/edge-resnet-18-latency.png
charts/edge-resnet-18-latency-sorted.png
charts/edge-resnet-18-waterfall.png
charts/edge-resnet-18-roofline.png
charts/edge-resnet-18-traffic.png
charts/edge-resnet-18-gantt.png
charts/edge-resnet-18-bandwidth.png
charts/edge-repvgg-a0-vs-resnet-18-sram.png
charts/repvgg-a0-utilisation.png
charts/resnet-18-utilisation.png
");
        assert_eq!(bytes(&first), bytes(&second));
    }

    #[test]
    fn without_png_no_png_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let files = write_all(folder.path(), &sample::report(3), false).unwrap();
        assert!(
            files
                .iter()
                .all(|path| path.extension().is_some_and(|e| e != "png"))
        );
        assert!(
            files
                .iter()
                .any(|path| path.extension().is_some_and(|e| e == "svg"))
        );
    }

    #[test]
    fn figures_whose_source_is_assumed_are_found() {
        let report = sample::report(2);
        let assumed: Vec<_> = report.configs[0].assumed().collect();
        assert_eq!(assumed.len(), 1);
        assert_eq!(assumed[0].0, "dram.latency_cycles");
    }
}
