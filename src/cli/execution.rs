//! Executes a mapped network on its images: what its integers lose against the floats, layer by layer and in classes.

use super::Failure;
use super::model::{Integers, Labels};
use crate::execute::{self, Options};
use crate::float;
use crate::problem::Problem;
use crate::quantise::quality;
use crate::report::{Accuracy, LayerQualityRow};
use crate::schedule::Schedule;
use crate::tensor::Activations;
use crate::units::count;
use ndarray::{Array4, Axis, s};
use rayon::prelude::*;

/// What an execution found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) quality: Vec<LayerQualityRow>,
    /// Of networks with labelled images.
    pub(super) accuracy: Option<Accuracy>,
    /// Images whose class is right, of how many, where there is no float network to compare with.
    pub(super) integers_alone: Option<(usize, usize)>,
    /// Layers whose sums no proof keeps inside the accumulators, and the bits that would do.
    pub(super) unproven: Vec<(String, u32)>,
}

/// Executes `schedule`: the first batch with every tensor kept, all whole batches where there are labels.
pub(super) fn execute(schedule: &Schedule, integers: &Integers) -> Result<Found, Failure> {
    let batch = schedule.batch;
    let images = integers.images.dim().0;
    if images < batch && integers.labels.is_some() {
        let message = format!("a batch of {batch} cannot be filled with {images} images");
        let help = "lower `input.batch`, or give more test images";
        return Err(Failure::Input(
            Problem::new("run::few_images", message, help).into(),
        ));
    }
    let first = repeated(&integers.images, batch);
    let options = Options {
        keep_tensors: true,
        ..Options::default()
    };
    let run = run(schedule, integers, &first, &options)?;
    let layers = schedule.graph.layers.iter().zip(&run.layers);
    let unproven = layers
        .filter_map(|(layer, conv)| {
            let conv = conv.filter(|conv| !conv.proven)?;
            Some((layer.name.clone(), conv.accumulator_bits))
        })
        .collect();
    let rows = match &integers.folded {
        Some(folded) => quality::quality(folded, &integers.network, &first, &run.tensors)
            .map_err(Problem::from)?,
        None => Vec::new(),
    };
    let quality = (rows.into_iter())
        .map(|row| LayerQualityRow {
            name: row.name,
            scale: row.scale,
            clipped: row.clip_rate,
            sqnr_db: row.sqnr_db.unwrap_or(f64::INFINITY),
        })
        .collect();
    let judged = match &integers.labels {
        Some(labels) => Some((labels, classes(schedule, integers)?)),
        None => None,
    };
    let accuracy = (judged.as_ref())
        .and_then(|(labels, found)| Some(accuracy(found, labels, labels.float.as_ref()?)));
    let integers_alone = judged
        .filter(|(labels, _)| labels.float.is_none())
        .map(|(labels, found)| (right(&found, labels), found.len()));
    Ok(Found {
        quality,
        accuracy,
        integers_alone,
        unproven,
    })
}

/// The first `batch` images; the only image again where there are fewer.
fn repeated(images: &Array4<f32>, batch: usize) -> Array4<f32> {
    let indices: Vec<usize> = (0..batch).map(|i| i % images.dim().0).collect();
    images.select(Axis(0), &indices)
}

fn run(
    schedule: &Schedule,
    integers: &Integers,
    images: &Array4<f32>,
    options: &Options,
) -> Result<execute::Run, Failure> {
    let input = integers.network.quantise_images(images);
    execute::run(schedule, &integers.network, &input, options, &mut |_| {}).map_err(Failure::from)
}

/// The class of each image of all whole batches.
fn classes(schedule: &Schedule, integers: &Integers) -> Result<Vec<usize>, Failure> {
    let batch = schedule.batch;
    let batches = integers.images.dim().0 / batch;
    let outputs: Vec<Activations> = (0..batches)
        .into_par_iter()
        .map(|place| {
            let images = integers
                .images
                .slice(s![place * batch..(place + 1) * batch, .., .., ..]);
            let kept = Options::default();
            Ok(run(schedule, integers, &images.to_owned(), &kept)?.output)
        })
        .collect::<Result<_, Failure>>()?;
    Ok(outputs.iter().flat_map(float::top1).collect())
}

/// Images whose class is the label's.
fn right(found: &[usize], labels: &Labels) -> usize {
    let pairs = found.iter().zip(&labels.classes);
    pairs.filter(|(found, label)| found == label).count()
}

/// Top-1 of the integers beside the float network's.
fn accuracy(integer: &[usize], labels: &Labels, float: &[usize]) -> Accuracy {
    let share = |hits: usize| quotient(hits, integer.len());
    let same = integer.iter().zip(float).filter(|(i, f)| i == f).count();
    Accuracy {
        images: count(integer.len()),
        float_top1: share(right(&float[..integer.len()], labels)),
        integer_top1: share(right(integer, labels)),
        agreement: share(same),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of images are far below 2^53"
)]
fn quotient(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}
