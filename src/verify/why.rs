//! The causes of what differs: each layer whose inputs agree is handed to [`crate::diagnose`].

use super::Model;
use super::dumps::{Element, Part, Subject};
use super::judge::Judged;
use crate::diagnose::causes::Causes;
use crate::diagnose::{Banks, Case, Layout, Plan, Tensors};
use crate::reparam::{LayerId, TensorId};
use ndarray::Array4;

/// Gives each layer that differs, and whose inputs the dump does not show to differ, its causes: behind a wrong input
/// every output is wrong and no altered rule explains it.
pub(super) fn explain(model: &Model<'_>, parts: &[Part], judged: &mut [Judged]) {
    let differ = |tensor: &TensorId| {
        let of_tensor = |part: &Judged| matches!(part.subject, Subject::Layer(layer) if layer.output() == *tensor);
        judged
            .iter()
            .any(|part| of_tensor(part) && part.counts.differ() > 0)
    };
    let causes: Vec<Option<Causes>> = parts
        .iter()
        .zip(judged.iter())
        .map(|(part, judged)| match part.subject {
            Subject::Layer(layer) if judged.counts.wrong > 0 => {
                let inputs = &model.run.schedule.graph.layers[layer.0].inputs;
                let clean = !inputs.iter().any(differ);
                clean.then(|| causes(model, layer, part)).flatten()
            }
            Subject::Layer(_) | Subject::Rest => None,
        })
        .collect();
    for (judged, causes) in judged.iter_mut().zip(causes) {
        judged.causes = causes;
    }
}

/// The causes that explain one layer; `None` where it is not on the array.
fn causes(model: &Model<'_>, id: LayerId, part: &Part) -> Option<Causes> {
    let run = &model.run;
    let layer = &run.schedule.graph.layers[id.0];
    let tensor = |place: usize| layer.inputs.get(place).map(|input| &run.tensors[input.0]);
    let golden = &run.tensors[id.output().0];
    let elements = part.elements.iter().zip(&part.expected);
    let observed = elements.map(|(element, expected)| match element {
        Element::Known(value) => Some(*value),
        Element::Unknown | Element::Missing => None,
        Element::Outside => Some(*expected),
    });
    let observed = Array4::from_shape_vec(golden.dim(), observed.collect()).ok()?;
    let sram = &run.chip.activation_sram;
    let layout = Layout {
        elements: true,
        banks: Some(Banks {
            rows: sram.bank_rows,
            cols: sram.bank_cols,
        }),
    };
    let tensors = Tensors {
        input: tensor(0)?,
        shortcut: tensor(1),
        golden,
        observed: &observed,
    };
    let plan = Plan::of(run.schedule, run.network, id).ok()?;
    Case::new(plan, tensors, layout).ok()?.causes().ok()
}

/// What the causes come to, in a sentence.
#[must_use]
pub fn sentence(causes: &Causes) -> String {
    let Some(best) = causes.ranked.first() else {
        return format!("none of {} causes tried explains an element", causes.tried);
    };
    let same = causes.ranked.iter().filter(|cause| cause.rank == best.rank);
    let names: Vec<&str> = same.map(|cause| cause.cause.text.as_str()).collect();
    format!(
        "{} explains {} of {} elements that differ and breaks {} of {} that do not",
        names.join(", or "),
        best.explained,
        causes.wrong,
        best.broken,
        causes.right,
    )
}
