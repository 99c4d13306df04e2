//! Why a layer differs: handed to [`crate::diagnose`], where its inputs do not differ themselves.

use super::Model;
use super::dumps::Part;
use super::observed::Element;
use crate::diagnose::causes::Causes;
use crate::diagnose::regression::{Estimate, Skipped};
use crate::diagnose::terms::Terms;
use crate::diagnose::{Banks, Case, Element as At, Layout, Plan, Tensors};
use crate::execute::Finished;
use crate::layout::Mapping;
use ndarray::Array4;

/// What was found out about one layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// Altered rules that give what was found.
    pub causes: Causes,
    /// What the model makes the first element that differs of.
    pub terms: Option<Terms>,
    /// The weights that worked in the channel with the most differences, or why they cannot be estimated.
    pub estimate: Option<Result<Estimate, Skipped>>,
}

/// Explains a layer whose inputs agree: behind a wrong input every output is wrong and no altered rule explains it.
/// `None` where it is not on the array.
pub(super) fn explain(
    model: &Model<'_>,
    finished: Finished<'_>,
    part: &Part,
    first: Option<[usize; 4]>,
) -> Option<Explained> {
    let layer = &model.schedule.graph.layers[finished.layer.0];
    let tensor = |place: usize| {
        layer
            .inputs
            .get(place)
            .and_then(|input| finished.tensor(*input))
    };
    let golden = finished.tensor(finished.layer.output())?;
    let observed = part.observed.iter().zip(golden);
    let observed = observed.map(|(element, expected)| match element {
        Element::Known(value) => Some(value),
        Element::Unknown | Element::Missing => None,
        Element::Outside => Some(*expected),
    });
    let observed = Array4::from_shape_vec(golden.dim(), observed.collect()).ok()?;
    let tensors = Tensors {
        input: tensor(0)?,
        shortcut: tensor(1),
        golden,
        observed: &observed,
    };
    let plan = Plan::of(model.schedule, model.network, finished.layer).ok()?;
    let case = Case::new(plan, tensors, layout(model, part)).ok()?;
    let first = first.map(|[image, row, column, channel]| At {
        image,
        row,
        column,
        channel,
    });
    Some(Explained {
        causes: case.causes().ok()?,
        terms: first.and_then(|first| case.terms(first).ok()),
        estimate: case.worst_channel().map(|channel| case.regression(channel)),
    })
}

/// What the hardware is known to share with the model's array.
fn layout(model: &Model<'_>, part: &Part) -> Layout {
    let scheduled = part.mapping == Some(Mapping::Schedule);
    let sram = &model.chip.activation_sram;
    Layout {
        elements: scheduled,
        banks: scheduled.then_some(Banks {
            rows: sram.bank_rows,
            cols: sram.bank_cols,
        }),
    }
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
