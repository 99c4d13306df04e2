//! From an entry of a study to what runs: graph and bit widths, with integers and images where it has weights.

use super::run::marked;
use super::source::Loaded;
use super::{Failure, images, source};
use crate::float;
use crate::problem::{Problem, Problems};
use crate::quantise::{
    self, Calibration, Equalisation, Granularity, Numerics, QuantNetwork, QuantiseError, Settings,
    residual,
};
use crate::reparam::{FoldedNetwork, LayerGraph};
use crate::study::{self, ImageFiles, Images, NetworkEntry, NumericsEntry, Source, Study};
use crate::tensor::FeatureMap;
use ndarray::{Array, Array1, Array2, Array4, ArrayView, Dimension};
use ndarray_npy::{ReadNpyExt, ReadableElement, ViewElement, ViewNpyError, ViewNpyExt};
use std::path::Path;

/// A network as it is mapped.
pub(super) struct Model {
    /// Residual form applied.
    pub(super) graph: LayerGraph,
    pub(super) numerics: Numerics,
    /// Present where the study gives weights.
    pub(super) integers: Option<Integers>,
}

/// A network with its integers and what it runs on.
pub(super) struct Integers {
    /// Before the residual form was applied; absent where a file holds integers alone.
    pub(super) folded: Option<FoldedNetwork>,
    pub(super) network: QuantNetwork,
    /// Normalised, NHWC.
    pub(super) images: Array4<f32>,
    pub(super) labels: Option<Labels>,
}

/// What the labelled images are, and what the float network takes them for.
pub(super) struct Labels {
    pub(super) classes: Vec<usize>,
    /// Absent where there is no float network.
    pub(super) float: Option<Vec<usize>>,
}

impl Model {
    fn of(integers: Integers) -> Self {
        Self {
            graph: integers.network.graph.clone(),
            numerics: integers.network.numerics.clone(),
            integers: Some(integers),
        }
    }
}

/// Builds the entry; `with_integers` also reads or makes its weights, calibrates and quantises.
pub(super) fn model(
    entry: &NetworkEntry,
    study: &Study,
    with_integers: bool,
) -> Result<Model, Failure> {
    let folded = match source::load(entry, with_integers)? {
        Loaded::Layers(folded) => folded,
        Loaded::Reals(folded) => {
            let folded = match study.numerics.equalisation {
                Equalisation::Off => folded,
                Equalisation::CrossLayer => quantise::equalise(&folded).network,
            };
            return Ok(Model::of(integers(entry, study, folded)?));
        }
        Loaded::Integers(network) => {
            let Pictures { test, labels, .. } = read_pictures(entry)?;
            return Ok(Model::of(Integers {
                folded: None,
                network,
                images: test,
                labels: labels.map(|classes| Labels {
                    classes,
                    float: None,
                }),
            }));
        }
    };
    let graph = residual::apply(&folded, study.numerics.residual);
    let entry = &study.numerics;
    let numerics = Numerics::mixed(&graph, entry.widths, &entry.layers);
    Ok(Model {
        graph,
        numerics,
        integers: None,
    })
}

/// The images of a network, and their classes.
pub(super) struct Pictures {
    /// Normalised, NHWC: what scales are chosen on.
    pub(super) calibration: Array4<f32>,
    /// Normalised, NHWC: what the network is executed on.
    pub(super) test: Array4<f32>,
    pub(super) labels: Option<Vec<usize>>,
}

/// Reads the images of `entry`; where it has none, one image from the seed of its weights stands in.
pub(super) fn read_pictures(entry: &NetworkEntry) -> Result<Pictures, Problems> {
    let seeded = || float::seeded_image(entry.input, source::seed(entry));
    let Some(files) = &entry.images else {
        return Ok(Pictures {
            calibration: seeded(),
            test: seeded(),
            labels: None,
        });
    };
    let test = match &files.test {
        Some(path) => pictures(path, entry.input, files)?,
        None => seeded(),
    };
    let labels = files
        .labels
        .as_deref()
        .map(|path| labels(path, test.dim().0));
    Ok(Pictures {
        calibration: match &files.calibration {
            Some(path) => pictures(path, entry.input, files)?,
            None => seeded(),
        },
        labels: labels.transpose()?,
        test,
    })
}

fn integers(
    entry: &NetworkEntry,
    study: &Study,
    folded: FoldedNetwork,
) -> Result<Integers, Failure> {
    let Pictures {
        calibration,
        test: images,
        labels,
    } = read_pictures(entry)?;
    let logits = entry
        .images
        .as_ref()
        .and_then(|files| files.logits.as_deref());
    let labels = if labels.is_some() || logits.is_some() {
        let outputs = float::forward(&folded, &images, &mut |_, _| {});
        if let Some(path) = logits {
            compare_logits(path, &outputs)?;
        }
        let float = float::top1(&outputs);
        labels.map(|classes| Labels {
            classes,
            float: Some(float),
        })
    } else {
        None
    };
    let network = quantise::quantise(&folded, &calibration, &settings(&study.numerics))
        .map_err(|error| unquantised(error, entry, study))?;
    Ok(Integers {
        folded: Some(folded),
        network,
        images,
        labels,
    })
}

/// Why there are no integers, with the network; a shortcut that cannot be accumulated marks the key that asks for it.
fn unquantised(error: QuantiseError, entry: &NetworkEntry, study: &Study) -> Problem {
    let shortcut = matches!(error, QuantiseError::Shortcut { .. });
    let mut problem = Problem::from(error);
    problem.message = format!("`{}`: {}", entry.id, problem.message);
    if shortcut {
        let settings = study.effective().iter();
        return marked(problem, "numerics.residual", "asks for it", settings);
    }
    problem
}

pub(super) fn settings(entry: &NumericsEntry) -> Settings {
    Settings {
        widths: entry.widths,
        granularity: match entry.weights {
            study::WeightScales::PerChannel => Granularity::PerChannel,
            study::WeightScales::PerTensor => Granularity::PerTensor,
        },
        calibration: match entry.calibration {
            study::Calibration::MinMax => Calibration::MinMax,
            study::Calibration::Percentile(percent) => Calibration::Percentile(percent),
            study::Calibration::Mse => Calibration::Mse,
            study::Calibration::Entropy => Calibration::Entropy,
        },
        layers: entry.layers.clone(),
        weight_calibration: entry.weight_calibration,
        bias_correction: entry.bias_correction,
        scales: entry.scales,
        rule: entry.rule,
        residual: entry.residual,
        ..Settings::int8()
    }
}

/// Images of one of the forms that a study names, normalised.
fn pictures(
    source: &ImageFiles,
    shape: FeatureMap,
    images: &Images,
) -> Result<Array4<f32>, Problems> {
    let pixels = images::pixels(source, shape, images.resize)?;
    let found = FeatureMap::new(pixels.dim().1, pixels.dim().2, pixels.dim().3);
    if found != shape || pixels.is_empty() {
        let message = format!(
            "`{}` holds {} images of {found}, the network takes {shape}",
            source.path.display(),
            pixels.dim().0
        );
        let help = "give at least one image of the network's input shape";
        return Err(Problem::new("run::image_shape", message, help).into());
    }
    let normalisation = &images.normalisation;
    Ok(float::normalise(
        &pixels,
        &normalisation.mean,
        &normalisation.std,
    ))
}

fn labels(path: &Path, images: usize) -> Result<Vec<usize>, Problems> {
    let labels: Array1<u8> = npy(path, "u8, one axis")?;
    if labels.len() != images {
        let message = format!(
            "`{}` holds {} labels for {images} images",
            path.display(),
            labels.len()
        );
        let help = "give one label for each test image, in the same order";
        return Err(Problem::new("run::labels", message, help).into());
    }
    Ok(labels.iter().map(|label| usize::from(*label)).collect())
}

/// Largest difference from given logits, as a share of the largest of them, that summation order explains.
const LOGIT_TOLERANCE: f32 = 1e-4;

/// Checks the float network against outputs that the study gives: an error in loading or folding shows here.
fn compare_logits(path: &Path, outputs: &Array4<f32>) -> Result<(), Failure> {
    let given: Array2<f32> = npy(path, "f32, axes image, class")?;
    let (images, classes) = given.dim();
    let (n, h, w, c) = outputs.dim();
    if (images, classes) != (n, h * w * c) {
        let message = format!(
            "`{}` holds {images} x {classes} logits, the network gives {n} x {}",
            path.display(),
            h * w * c
        );
        let help = "give one row of logits for each test image";
        return Err(Problem::new("run::logits_shape", message, help).into());
    }
    let largest = given
        .iter()
        .fold(0.0, |most: f32, value| most.max(value.abs()));
    let off = (given.iter().zip(outputs))
        .map(|(given, made)| (given - made).abs())
        .fold(0.0, f32::max);
    if off <= LOGIT_TOLERANCE * largest {
        return Ok(());
    }
    let message = format!(
        "the float network is up to {off:.3e} off the logits of `{}`, whose largest is {largest:.3}",
        path.display()
    );
    let help = "check that weights, images, mean and std belong to these logits";
    Err(Failure::Check(
        Problem::new("run::logits", message, help).into(),
    ))
}

/// An array of a npy file.
fn npy<A: Element, D: Dimension>(path: &Path, wanted: &str) -> Result<Array<A, D>, Problems> {
    let bytes = npy_bytes(path)?;
    let array = npy_of_type(path, &bytes)?;
    array.ok_or_else(|| npy_problem(path, "its elements have another type", wanted))
}

/// Element types of the npy files that are read.
pub(super) trait Element: ViewElement + ReadableElement + Clone {}
impl<A: ViewElement + ReadableElement + Clone> Element for A {}

/// A whole file.
pub(super) fn npy_bytes(path: &Path) -> Result<Vec<u8>, Problems> {
    std::fs::read(path).map_err(|error| npy_problem(path, &error.to_string(), "images or labels"))
}

/// The array in a npy file's bytes; `None` if its elements have another type. A header that promises more than the file
/// holds is refused before anything is allocated.
pub(super) fn npy_of_type<A: Element, D: Dimension>(
    path: &Path,
    bytes: &[u8],
) -> Result<Option<Array<A, D>>, Problems> {
    let wanted = "the axes and type asked for, in this machine's byte order";
    match ArrayView::<A, D>::view_npy(bytes) {
        Ok(view) => Ok(Some(view.to_owned())),
        Err(ViewNpyError::WrongDescriptor(_)) => Ok(None),
        Err(ViewNpyError::MisalignedData) => Array::<A, D>::read_npy(bytes)
            .map(Some)
            .map_err(|error| npy_problem(path, &error.to_string(), wanted)),
        Err(error) => Err(npy_problem(path, &error.to_string(), wanted)),
    }
}

pub(super) fn npy_problem(path: &Path, cause: &str, wanted: &str) -> Problems {
    let message = format!("cannot read `{}`: {cause}", path.display());
    Problem::new(
        "run::npy",
        message,
        format!("give a whole npy file of {wanted}"),
    )
    .into()
}

/// The entry `id`, or the only one that can be meant.
pub(super) fn chosen<'s>(study: &'s Study, id: Option<&str>) -> Result<&'s NetworkEntry, Problems> {
    let ids = || {
        let ids: Vec<&str> = study
            .networks
            .iter()
            .map(|entry| entry.id.as_str())
            .collect();
        format!("give `--network` with one of: {}", ids.join(", "))
    };
    let message = match (id, study.networks.as_slice()) {
        (None, [only]) => return Ok(only),
        (None, many) => format!("the study holds {} networks", many.len()),
        (Some(id), entries) => match entries.iter().find(|entry| entry.id == id) {
            Some(entry) => return Ok(entry),
            None => format!("the study holds no network `{id}`"),
        },
    };
    Err(Problem::new("run::which_network", message, ids()).into())
}

/// That an entry without weights was asked for something that needs them.
pub(super) fn no_weights(entry: &NetworkEntry) -> Problem {
    let (what, help) = match &entry.source {
        Source::Builtin { .. } => ("weights", "give it `weights = { seed = 1 }` or a file"),
        Source::Model { .. } => (
            "weights in real numbers",
            "give the model before it was quantised",
        ),
    };
    let message = format!("network `{}` has no {what}", entry.id);
    Problem::new("run::no_weights", message, help)
}

/// The integers of a model whose entry must have weights.
pub(super) fn with_weights(entry: &NetworkEntry, study: &Study) -> Result<Integers, Failure> {
    let model = model(entry, study, true)?;
    model.integers.ok_or_else(|| no_weights(entry).into())
}
