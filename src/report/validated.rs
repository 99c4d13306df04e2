//! Which figures the RTL stands behind: layers that it does not have are marked wherever they are told.

use super::figures::share;
use super::human::percent;
use super::{ChipFacts, ChipRun, RunResult, work};
use crate::reparam::LayerId;
use crate::rtl;
use crate::units::Cycles;

/// What the mark behind an operator means.
pub const FOOTNOTE: &str = "† not RTL-validated";

/// Whether the cycles of a layer are validated by the RTL.
#[must_use]
pub fn layer(chip: &ChipFacts, network: &RunResult, id: LayerId) -> bool {
    rtl::validated(&network.schedule, &chip.design, id)
}

/// The operator of a layer for people, marked where the RTL does not validate its cycles: `add †`.
#[must_use]
pub fn operator(chip: &ChipFacts, network: &RunResult, id: LayerId) -> String {
    let words = work::op_words(&network.schedule.graph.layers[id.0].op);
    if layer(chip, network, id) {
        words
    } else {
        format!("{words} †")
    }
}

/// The line below a table of this network's layers; `None` when the RTL validates all of them.
#[must_use]
pub fn footnote(chip: &ChipFacts, network: &RunResult) -> Option<&'static str> {
    let mut layers = network.timeline.layers.iter();
    let marked = layers.any(|time| !layer(chip, network, time.layer));
    marked.then_some(FOOTNOTE)
}

/// Cycles of a run in layers that the RTL does not validate.
#[must_use]
pub fn cycles_without(chip: &ChipFacts, network: &RunResult) -> Cycles {
    (network.timeline.layers.iter())
        .filter(|time| !layer(chip, network, time.layer))
        .map(|time| time.account.total())
        .sum()
}

/// How much of each run on a chip the RTL does not validate; `None` when it validates every layer.
#[must_use]
pub fn sentence(run: &ChipRun) -> Option<String> {
    let parts: Vec<String> = (run.networks.iter())
        .filter_map(|network| {
            footnote(&run.chip, network)?;
            let cycles = cycles_without(&run.chip, network);
            let part = percent(share(cycles, network.timeline.total));
            Some(format!("{part} of {}", network.id))
        })
        .collect();
    (!parts.is_empty()).then(|| {
        format!(
            "Cycles on {} in layers without RTL: {}.",
            run.chip.name,
            parts.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Overflow;
    use crate::report::{Borders, Report, charts, csv, html, sample, table};

    /// Daggers behind operators on the terminal and on the page, and `false` in the CSV.
    fn marks(report: &Report) -> [usize; 3] {
        let csv = String::from_utf8(csv::layers(report)).unwrap();
        let page = html::page(report, &charts::draw_all(report));
        [
            table::layers(report, 200, Borders::Utf8)
                .matches(" † ")
                .count(),
            page.matches(" †</td>").count(),
            csv.lines().filter(|row| row.ends_with(",false")).count(),
        ]
    }

    /// Runs whose fully connected layer reads one pixel, as the RTL needs it.
    fn pooled(layers: usize) -> Report {
        let mut report = sample::report(layers);
        for network in &mut report.chips[0].networks {
            let last = network.schedule.graph.layers.len() - 2;
            let map = &mut network.schedule.graph.layers[last].output;
            (map.height, map.width) = (1, 1);
        }
        report
    }

    #[test]
    fn layers_without_rtl_are_marked_everywhere() {
        let report = pooled(22);
        let additions = report.chips[0].networks[1].schedule.graph.layers.iter();
        let additions = additions.filter(|l| work::op_key(&l.op) == "add").count();
        assert!(additions > 0);
        // The footnote has no space before its dagger.
        assert_eq!(marks(&report), [additions; 3]);
        let text = table::layers(&report, 200, Borders::Utf8);
        assert_eq!(text.matches(FOOTNOTE).count(), 1);
        assert!(text.ends_with(&format!("{FOOTNOTE}\n")));
        let plain = &report.chips[0].networks[0];
        assert_eq!(cycles_without(&report.chips[0].chip, plain), Cycles::ZERO);
        assert!(!sentence(&report.chips[0]).unwrap().contains("repvgg"));
    }

    #[test]
    fn where_the_rtl_validates_all_nothing_is_said() {
        let mut report = pooled(8);
        report.chips[0].networks.truncate(1);
        report.chips[0].pairs.clear();
        assert_eq!(marks(&report), [0; 3]);
        assert_eq!(sentence(&report.chips[0]), None);
        assert!(!table::layers(&report, 200, Borders::Utf8).contains('†'));
    }

    #[test]
    fn a_chip_that_the_rtl_cannot_be_has_all_its_layers_marked() {
        let mut report = pooled(8);
        let design = &mut report.chips[0].chip.design;
        design.array.pe.accumulator.overflow = Overflow::Trap;
        assert_eq!(marks(&report), [16; 3]);
        let all =
            "Cycles on edge in layers without RTL: 100.0 % of repvgg-a0, 100.0 % of resnet-18.";
        assert_eq!(sentence(&report.chips[0]).as_deref(), Some(all));
    }
}
