//! Single faults in the RTL: each changes the output of a layer, and without one nothing differs.

mod list;
mod stimuli;

use crate::cases::Case;
use crate::{simulate, verilator, whole};
use list::{FAULTS, Fault, none};
use rayon::prelude::*;
use repchip::quantise::{QuantConv, QuantLayer};
use repchip::reparam::LayerId;
use repchip::rtl::{Bounds, WriteLog};
use repchip::schedule::LayerPlan;
use repchip::tensor::Activations;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use stimuli::{Stimulus, edge};

/// A layer whose output in the RTL is not the model's, though its inputs are.
pub(crate) struct Observed {
    /// Whose schedule, chip and tensors these are.
    pub(crate) case: &'static Case,
    pub(crate) layer: LayerId,
    pub(crate) plan: &'static LayerPlan,
    pub(crate) quant: &'static QuantConv,
    pub(crate) input: &'static Activations,
    pub(crate) shortcut: Option<&'static Activations>,
    pub(crate) expected: &'static Activations,
    pub(crate) observed: Activations,
}

impl Observed {
    fn new(case: &'static Case, layer: LayerId, observed: Activations) -> Self {
        let QuantLayer::Conv(quant) = &case.network.layers[layer.0] else {
            unreachable!("all layers are convolutions");
        };
        let inputs = &case.schedule.graph.layers[layer.0].inputs;
        Self {
            case,
            layer,
            plan: &case.schedule.layers[layer.0],
            quant,
            input: &case.tensors[inputs[0].0],
            shortcut: inputs.get(1).map(|tensor| &case.tensors[tensor.0]),
            expected: &case.tensors[layer.output().0],
            observed,
        }
    }

    /// That the parts belong together.
    fn check(&self) {
        assert!(matches!(self.plan, LayerPlan::Array(_)));
        let (outputs, _, _, inputs) = self.quant.weight.dim();
        assert_eq!(
            (self.input.dim().3, self.observed.dim().3),
            (inputs, outputs)
        );
        assert_eq!(self.shortcut.is_some(), self.quant.residual.is_some());
        let like = self.shortcut.map_or(self.expected.dim(), Activations::dim);
        assert_eq!((like, self.expected.dim()), (self.observed.dim(), like));
    }

    /// How many elements differ, of how many.
    fn differ(&self) -> (usize, usize) {
        let pairs = self.expected.iter().zip(&self.observed);
        let differ = pairs.filter(|(expected, observed)| expected != observed);
        (differ.count(), self.expected.len())
    }
}

/// The compiled RTL, as a trained network on chip `edge` has it, and its bounds.
fn program() -> (PathBuf, Bounds) {
    let chip = edge();
    let bounds = Bounds::of(&whole::schedule(&chip), &chip).expect("the chip it was mapped to");
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    simulate::write(root.path(), Stimulus::Ties.case(), &bounds);
    let program = verilator::program(root.path()).unwrap_or_else(|message| panic!("{message}"));
    (program, bounds)
}

/// Runs a fault on its stimulus: the first layer in the order of execution that differs, or none.
///
/// # Errors
/// When the run has no end, or words are missing or elsewhere.
pub(crate) fn observed(
    fault: &Fault,
    (program, bounds): &(PathBuf, Bounds),
) -> Result<Option<Observed>, String> {
    let case = fault.stimulus.case();
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    simulate::write(root.path(), case, bounds);
    let mut command = Command::new(program);
    command.arg(format!("+fault={}", fault.number));
    command.arg(format!("+fault_at={}", fault.at));
    let [_, _, log] = simulate::ask(root.path(), case, command)?;
    let log = WriteLog::parse(&log).map_err(|error| error.to_string())?;
    let written = log.tensors(&case.schedule, &case.chip);
    let written = written.map_err(|error| error.to_string())?;
    let differs =
        |(layer, tensor): &(LayerId, Activations)| *tensor != case.tensors[layer.output().0];
    let first = written.into_iter().find(differs);
    Ok(first.map(|(layer, tensor)| Observed::new(case, layer, tensor)))
}

#[test]
fn without_a_fault_nothing_differs() {
    let program = program();
    for stimulus in Stimulus::ALL {
        let first = observed(&none(stimulus), &program).expect("a whole log");
        let layer = first.map(|observed| observed.layer);
        assert_eq!(layer, None, "{stimulus:?}");
    }
}

#[test]
fn each_fault_changes_the_output_of_a_layer() {
    let program = program();
    let run = |fault: &Fault| match observed(fault, &program) {
        Ok(Some(first)) => {
            first.check();
            let (differ, all) = first.differ();
            let layer = &first.case.schedule.graph.layers[first.layer.0].name;
            println!(
                "{} at {} {}: {:?} {layer}, {differ} of {all} elements",
                fault.number, fault.at, fault.name, fault.stimulus
            );
            None
        }
        Ok(None) => Some(format!("{fault:?}: no layer differs")),
        Err(message) => Some(format!("{fault:?}: {message}")),
    };
    let failures: Vec<String> = FAULTS.par_iter().with_max_len(1).filter_map(run).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Number and name of each fault, by `line` from the lines of a text.
fn named(text: &str, line: impl Fn(&str) -> Option<(u32, String)>) -> BTreeSet<(u32, String)> {
    text.lines().filter_map(line).collect()
}

#[test]
fn rtl_table_and_list_have_the_same_faults() {
    let list: BTreeSet<(u32, String)> = FAULTS
        .iter()
        .map(|fault| (fault.number, fault.name.to_owned()))
        .collect();
    let rtl = named(include_str!("../hw/faults.svh"), |line| {
        let (name, number) = line.strip_prefix("`define F_")?.split_once(' ')?;
        Some((number.parse().ok()?, name.to_owned()))
    });
    assert_eq!(rtl, list);
    let table = named(include_str!("../FAULTS.md"), |line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let number = cells.next()?.parse().ok()?;
        Some((number, cells.next()?.trim_matches('`').to_uppercase()))
    });
    assert_eq!(table, list);
}
