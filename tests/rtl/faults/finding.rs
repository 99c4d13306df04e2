//! A fault run through the RTL, and what `repchip verify` makes of what it left.

use super::list::Fault;
use crate::cases::Case;
use crate::simulate;
use repchip::diagnose::causes::{Causes, Ranked};
use repchip::execute::{Finished, Options, run_by_layer};
use repchip::layout::Description;
use repchip::rtl::Bounds;
use repchip::verify::dumps::{self, Dump, Subject};
use repchip::verify::judge::{Counts, Judged, Of};
use repchip::verify::masks::Masks;
use repchip::verify::{Comparison, Model, Report, Verdict};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a fault comes to.
pub(super) struct Finding {
    pub(super) fault: Fault,
    /// The first layer with causes.
    pub(super) layer: String,
    pub(super) counts: Counts,
    pub(super) causes: Causes,
}

impl Finding {
    /// Place of the true cause among those told, from 0.
    fn place(&self) -> Option<usize> {
        let (key, says) = (self.fault.cause, self.fault.says);
        let is = |ranked: &Ranked| ranked.cause.key == key && ranked.cause.text.contains(says);
        self.causes.ranked.iter().position(is)
    }

    /// The true cause as it is told.
    pub(super) fn true_cause(&self) -> Option<&Ranked> {
        self.place().map(|place| &self.causes.ranked[place])
    }

    /// Other causes of its rank: whether they give the same bits, and what they say.
    pub(super) fn tied(&self) -> Vec<(bool, &str)> {
        let Some(place) = self.place() else {
            return Vec::new();
        };
        let list = &self.causes.ranked;
        let bits = |place: usize| list[place].same_as.unwrap_or(place);
        let others = (0..list.len()).filter(|&n| n != place && list[n].rank == list[place].rank);
        others
            .map(|n| (bits(n) == bits(place), list[n].cause.text.as_str()))
            .collect()
    }

    /// Whether the stimulus tells the true cause from every other.
    pub(super) fn separated(&self) -> bool {
        self.true_cause().is_some_and(|cause| cause.rank == 1) && self.tied().is_empty()
    }

    /// Why this is not as it must be: the true cause first, tied with such as give the same bits.
    pub(super) fn wrong(&self) -> Option<String> {
        let first = self.true_cause().is_some_and(|cause| cause.rank == 1);
        if first && self.tied().iter().all(|(same, _)| *same) {
            return None;
        }
        let told = self.causes.ranked.iter().take(4).map(|ranked| {
            let Ranked {
                rank,
                explained,
                broken,
                ..
            } = ranked;
            format!("{rank}: {} (+{explained} -{broken})", ranked.cause.text)
        });
        Some(format!(
            "{} at {} in {} ({} wrong): {}",
            self.fault.name,
            self.fault.at,
            self.layer,
            self.causes.wrong,
            told.collect::<Vec<_>>().join("; ")
        ))
    }
}

/// Runs a fault on its stimulus; none when all is equal.
///
/// # Errors
/// When the run has no end, what it left cannot be judged, or no layer has causes.
pub(super) fn found(
    fault: Fault,
    (program, bounds): &(PathBuf, Bounds),
) -> Result<Option<Finding>, String> {
    let case = fault.stimulus.case();
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    simulate::write(root.path(), case, bounds);
    let mut command = Command::new(program);
    command.arg(format!("+fault={}", fault.number));
    command.arg(format!("+fault_at={}", fault.at));
    let [dump, ..] = simulate::ask(root.path(), case, command)?;
    // The RTL is compiled for a larger DRAM than this run has.
    let own = Bounds::of(&case.schedule, &case.chip).map_err(|error| error.to_string())?;
    let bytes = usize::try_from(own.dram_bytes.0).expect("a small DRAM");
    let dump: Vec<&str> = dump.lines().take(bytes).collect();
    fs::write(root.path().join("dump.hex"), dump.join("\n")).expect("the file can be written");
    let layers = &case.schedule.graph.layers;
    let report = Report {
        of: Of::default(),
        layers: layers.iter().map(|layer| layer.name.clone()).collect(),
        judged: judged(case, root.path())?,
        masks: Vec::new(),
        cycles: None,
        limit: 0,
    };
    match report.verdict() {
        Verdict::Match => return Ok(None),
        Verdict::Unjudged => return Err("it cannot be judged".to_owned()),
        Verdict::Mismatch => {}
    }
    let explained = report
        .judged
        .into_iter()
        .filter_map(|judged| match judged.subject {
            Subject::Layer(layer) => {
                let causes = judged.explained?.causes;
                Some((layer, judged.counts, judged.name, causes))
            }
            Subject::Rest => None,
        });
    let first = explained.min_by_key(|(layer, ..)| *layer);
    let (_, counts, layer, causes) = first.ok_or("no layer has causes")?;
    Ok(Some(Finding {
        fault,
        layer,
        counts,
        causes,
    }))
}

/// What a run left in a folder beside the model, as the command reads and judges it.
fn judged(case: &Case, folder: &Path) -> Result<Vec<Judged>, String> {
    let model = Model {
        schedule: &case.schedule,
        chip: &case.chip,
        network: &case.network,
        input: &case.input,
        timeline: &case.timeline,
    };
    let dump = Dump {
        path: folder,
        format: None,
        description: &Description::default(),
        scheduled: true,
    };
    let parts = dumps::read(&model, &dump).map_err(|problem| format!("{problem:?}"))?;
    let mut masks = Masks::default();
    let mut comparison = Comparison::new(model, parts, &mut masks, 0);
    let kept = Options::default();
    let each = &mut |layer: Finished<'_>| comparison.layer(layer);
    let run = run_by_layer(&case.schedule, &case.network, &case.input, &kept, each);
    run.map_err(|error| error.to_string())?;
    comparison.finish().map_err(|problem| problem.message)
}
