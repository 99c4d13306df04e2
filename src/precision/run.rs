//! All points of a network, on one float run and one set of statistics.

use super::branches::{BranchWeights, branches};
use super::layers::{Variant, VariantLayers, layers};
use super::{Grid, Method, Point, Subject};
use crate::execute::Plain;
use crate::float;
use crate::quantise::{
    self, Depth, Equalisation, QuantNetwork, QuantiseError, Statistics, equalise, quantise_with,
    residual,
};
use crate::reparam::FoldedNetwork;
use crate::units::count;
use ndarray::{Array4, s};
use rayon::prelude::*;

/// Images of the test set that are in floats at once: bounds the memory of a run.
const CHUNK: usize = 50;

/// What a point gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Images whose class is right.
    pub right: u64,
    /// Images on which integers and floats choose the same class.
    pub agreed: u64,
    /// Signal to noise of the network's output against the floats, in dB; `None` without any noise.
    pub output_sqnr_db: Option<f64>,
}

/// What was found about one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Test images; 0 without labels, where no point is tried.
    pub images: u64,
    /// Calibration images.
    pub calibration_images: u64,
    /// Images whose class the float network has right.
    pub float_right: u64,
    /// Rounds that equalisation took, and how many pairs of layers it found.
    pub equalised: (u64, u64),
    /// By how much a factor of its last round was off 1 at most.
    pub equalisation_left: f64,
    /// In the order of [`Grid::points`]; or why there are no integers.
    pub points: Vec<(Point, Result<Outcome, String>)>,
    /// Layer by layer, a few variants.
    pub variants: Vec<VariantLayers>,
    /// Weights of parallel branches, block by block.
    pub branches: Vec<BranchWeights>,
}

/// A float network in its residual form, with its statistics.
struct Floats {
    /// Before the residual form was applied.
    before: FoldedNetwork,
    network: FoldedNetwork,
    statistics: Statistics,
}

impl Floats {
    fn new(before: FoldedNetwork, subject: &Subject, grid: &Grid) -> Result<Self, QuantiseError> {
        let network = residual::apply_network(&before, grid.base.residual);
        let statistics = Statistics::gather(&network, &subject.calibration, Depth::Histograms)?;
        Ok(Self {
            before,
            network,
            statistics,
        })
    }
}

/// A subject with all that its points share.
pub(super) struct Prepared<'a> {
    subject: &'a Subject,
    plain: Floats,
    equalised: Floats,
    /// Of the float network on the test images; empty without labels.
    outputs: Array4<f32>,
}

impl<'a> Prepared<'a> {
    fn new(
        subject: &'a Subject,
        grid: &Grid,
        equalised: FoldedNetwork,
    ) -> Result<Self, QuantiseError> {
        let outputs = match &subject.labels {
            Some(_) => outputs(&subject.network, &subject.images),
            None => Array4::zeros((0, 1, 1, 1)),
        };
        Ok(Self {
            plain: Floats::new(subject.network.clone(), subject, grid)?,
            equalised: Floats::new(equalised, subject, grid)?,
            outputs,
            subject,
        })
    }

    fn floats(&self, method: Method) -> &Floats {
        match method.equalisation() {
            Equalisation::Off => &self.plain,
            Equalisation::CrossLayer => &self.equalised,
        }
    }

    /// The float network of a method, before its residual form.
    pub(super) fn network(&self, method: Method) -> &FoldedNetwork {
        &self.floats(method).before
    }

    /// The integers of a point.
    pub(super) fn integers(
        &self,
        grid: &Grid,
        point: Point,
    ) -> Result<QuantNetwork, QuantiseError> {
        let floats = self.floats(point.method);
        let settings = grid.settings(point);
        let calibration = &self.subject.calibration;
        quantise_with(&floats.network, calibration, &floats.statistics, &settings)
    }

    /// The first test images, at most `most`.
    pub(super) fn first_images(&self, most: usize) -> Array4<f32> {
        let images = &self.subject.images;
        images
            .slice(s![..most.min(images.dim().0), .., .., ..])
            .to_owned()
    }

    fn outcome(&self, quant: &QuantNetwork, labels: &[usize]) -> Outcome {
        let plain = Plain::new(quant).expect("it was just made");
        let output = quant.tensors.last().expect("there is an output");
        let images = &self.subject.images;
        let parts: Vec<(u64, u64, f64, f64)> = chunks(images.dim().0)
            .into_iter()
            .map(|part| {
                let pictures = images.slice(s![part.clone(), .., .., ..]).to_owned();
                let input = quant.quantise_images(&pictures);
                let integers = plain.output(&input).expect("the images fit");
                let floats = self.outputs.slice(s![part.clone(), .., .., ..]).to_owned();
                let found = float::top1(&integers);
                let same = |other: &[usize]| {
                    count(found.iter().zip(other).filter(|(a, b)| a == b).count())
                };
                let (signal, noise) =
                    quantise::quality::signal_and_noise(&floats, &integers, output);
                (
                    same(&labels[part]),
                    same(&float::top1(&floats)),
                    signal,
                    noise,
                )
            })
            .collect();
        let sum = |of: fn(&(u64, u64, f64, f64)) -> f64| parts.iter().map(of).sum::<f64>();
        let (signal, noise) = (sum(|part| part.2), sum(|part| part.3));
        Outcome {
            right: parts.iter().map(|part| part.0).sum(),
            agreed: parts.iter().map(|part| part.1).sum(),
            output_sqnr_db: (noise > 0.0).then(|| 10.0 * (signal / noise).log10()),
        }
    }
}

fn chunks(images: usize) -> Vec<std::ops::Range<usize>> {
    let firsts = (0..images).step_by(CHUNK);
    firsts
        .map(|first| first..(first + CHUNK).min(images))
        .collect()
}

fn outputs(network: &FoldedNetwork, images: &Array4<f32>) -> Array4<f32> {
    let parts: Vec<Array4<f32>> = (chunks(images.dim().0).into_par_iter())
        .map(|part| {
            let pictures = images.slice(s![part, .., .., ..]).to_owned();
            float::forward(network, &pictures, &mut |_, _| {})
        })
        .collect();
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(ndarray::Axis(0), &views).expect("all parts have one shape")
}

impl Subject {
    /// Steps that [`run`] tells of.
    #[must_use]
    pub fn steps(&self, grid: &Grid) -> usize {
        let points = match &self.labels {
            Some(_) => grid.points().len(),
            None => 0,
        };
        1 + Variant::ALL.len() + points
    }
}

/// Tries everything on one network; `step` is told each part of the work that is done, [`Subject::steps`] of them.
///
/// # Errors
/// When the calibration images do not fit the network, or a tensor is not finite. A point without integers is a
/// result, not an error.
///
/// # Panics
/// When there are not as many labels as images.
pub fn run(
    subject: &Subject,
    grid: &Grid,
    step: &(dyn Fn() + Sync),
) -> Result<Found, QuantiseError> {
    let equalised = equalise(&subject.network);
    let branches = match &subject.branches {
        Some(kept) => branches(&subject.network, kept, &equalised.network),
        None => Vec::new(),
    };
    let prepared = Prepared::new(subject, grid, equalised.network)?;
    step();
    let variants = (Variant::ALL.into_par_iter())
        .map(|variant| {
            let found = layers(&prepared, grid, variant);
            step();
            found
        })
        .collect();
    let points = match &subject.labels {
        None => Vec::new(),
        Some(labels) => {
            assert_eq!(
                labels.len(),
                subject.images.dim().0,
                "a label for each image"
            );
            let one = |point: Point| {
                let made = prepared.integers(grid, point);
                let outcome = made.map(|quant| prepared.outcome(&quant, labels));
                step();
                (point, outcome.map_err(|error| error.to_string()))
            };
            grid.points().into_par_iter().map(one).collect()
        }
    };
    let float = float::top1(&prepared.outputs);
    let labels = subject.labels.as_deref().unwrap_or_default();
    Ok(Found {
        id: subject.id.clone(),
        images: count(labels.len()),
        calibration_images: count(subject.calibration.dim().0),
        float_right: count(float.iter().zip(labels).filter(|(a, b)| a == b).count()),
        equalised: (count(equalised.rounds), count(equalised.pairs.len())),
        equalisation_left: equalised.last_change,
        points,
        variants,
        branches,
    })
}
