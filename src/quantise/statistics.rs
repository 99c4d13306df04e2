//! What calibration images make of a float network: gathered once, read by every choice of integers.

use super::histogram::Histogram;
use super::real::number;
use super::{QuantiseError, build};
use crate::float;
use crate::reparam::{Activation, FoldedNetwork, Layer, LayerId, LayerOp, TensorId};
use crate::units::count;
use ndarray::{Array4, ArrayView4, Axis, s};
use rayon::prelude::*;

/// Images that run together: bounds the memory of a calibration.
const CHUNK: usize = 8;

/// Means come from the first images, at most this many: they settle long before ranges do, and a correction runs the
/// integers on each of them again. A multiple of [`CHUNK`].
const MEAN_IMAGES: usize = 64;

/// Smallest and largest value of a tensor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extremes {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Extremes {
    const NONE: Self = Self {
        low: f64::INFINITY,
        high: f64::NEG_INFINITY,
    };

    fn with(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
        }
    }
}

/// How much is gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Extremes and means: the images run once.
    Extremes,
    /// Histograms too: they run twice.
    Histograms,
}

/// Statistics of every tensor of one network on one set of images. The same for any number of threads.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// By tensor.
    pub(super) extremes: Vec<Extremes>,
    /// By tensor; of magnitudes, but of the network's input.
    pub(super) histograms: Option<Vec<Histogram>>,
    /// By layer and output channel: mean of the sums before the activation, over the [`mean_images`]. Empty without
    /// weights.
    pub(super) means: Vec<Vec<f64>>,
}

impl Statistics {
    /// Runs `images` (NHWC, normalised) through `network`, its residual form applied.
    ///
    /// # Errors
    /// When the images do not fit the network, or a tensor is not finite.
    ///
    /// # Panics
    /// When the parameters do not belong to the graph.
    pub fn gather(
        network: &FoldedNetwork,
        images: &Array4<f32>,
        depth: Depth,
    ) -> Result<Self, QuantiseError> {
        build::check_images(network, images)?;
        let first = first_run(network, images)?;
        let histograms = match depth {
            Depth::Extremes => None,
            Depth::Histograms => Some(histograms(network, images, &first.extremes)),
        };
        Ok(Self {
            means: means(network, first.sums, images.dim().0.min(MEAN_IMAGES)),
            extremes: first.extremes,
            histograms,
        })
    }
}

/// The images whose means are gathered.
pub(super) fn mean_images(images: &Array4<f32>) -> ArrayView4<'_, f32> {
    images.slice(s![..images.dim().0.min(MEAN_IMAGES), .., .., ..])
}

/// What a float run shows.
enum Shown<'a> {
    /// A tensor, as its readers see it.
    Tensor(TensorId, &'a Array4<f32>),
    /// What a layer with weights adds up, before its activation.
    Sums(LayerId, &'a Array4<f32>),
}

/// The layer without its activation, and the activation; `None` for layers without weights.
pub(super) fn without_activation(layer: &Layer) -> Option<(Layer, Activation)> {
    let mut linear = layer.clone();
    match &mut linear.op {
        LayerOp::Conv { activation, .. } | LayerOp::FullyConnected { activation, .. } => {
            let own = std::mem::replace(activation, Activation::None);
            Some((linear, own))
        }
        LayerOp::Add { .. }
        | LayerOp::MaxPool(_)
        | LayerOp::AvgPool(_)
        | LayerOp::GlobalAvgPool
        | LayerOp::Lookup(_)
        | LayerOp::Multiply { .. }
        | LayerOp::Concat
        | LayerOp::AdaptiveAvgPool { .. }
        | LayerOp::Resize(_) => None,
    }
}

/// Runs a few images and shows everything in the order of execution.
fn walk(network: &FoldedNetwork, images: Array4<f32>, show: &mut dyn FnMut(Shown<'_>)) {
    let layers = &network.graph.layers;
    let last_reader = last_readers(layers);
    show(Shown::Tensor(TensorId::INPUT, &images));
    let mut tensors: Vec<Option<Array4<f32>>> = vec![Some(images)];
    for (place, layer) in layers.iter().enumerate() {
        let inputs: Vec<&Array4<f32>> = (layer.inputs.iter())
            .map(|input| tensors[input.0].as_ref().expect("it is still to be read"))
            .collect();
        let params = &network.params.layers[place];
        let output = match without_activation(layer) {
            None => float::layer(layer, params, &inputs),
            Some((linear, activation)) => {
                let sums = float::layer(&linear, params, &inputs);
                show(Shown::Sums(LayerId(place), &sums));
                match activation {
                    Activation::None => sums,
                    Activation::Relu => sums.mapv_into(|x| x.max(0.0)),
                    Activation::Relu6 => sums.mapv_into(|x| x.clamp(0.0, 6.0)),
                }
            }
        };
        show(Shown::Tensor(TensorId(place + 1), &output));
        for input in &layer.inputs {
            if last_reader[input.0] == place {
                tensors[input.0] = None;
            }
        }
        tensors.push(Some(output));
    }
}

/// By tensor: the last layer that reads it, 0 if none does.
pub(super) fn last_readers(layers: &[Layer]) -> Vec<usize> {
    let mut last = vec![0; layers.len() + 1];
    for (place, layer) in layers.iter().enumerate() {
        for input in &layer.inputs {
            last[input.0] = place;
        }
    }
    last
}

/// Runs all images, some at a time, and returns what `one` makes of each part, in the order of the images; it is told
/// the number of the part's first image.
fn by_chunk<T: Send>(images: &Array4<f32>, one: impl Fn(usize, Array4<f32>) -> T + Sync) -> Vec<T> {
    let all = images.dim().0;
    let firsts: Vec<usize> = (0..all).step_by(CHUNK).collect();
    (firsts.into_par_iter())
        .map(|first| {
            let chunk = images.slice(s![first..(first + CHUNK).min(all), .., .., ..]);
            one(first, chunk.to_owned())
        })
        .collect()
}

/// Extremes and sums of the first run.
struct First {
    extremes: Vec<Extremes>,
    /// By layer and output channel, over all pixels of all images.
    sums: Vec<Vec<f64>>,
    /// The first tensor that holds a value which is not finite.
    not_finite: Option<TensorId>,
}

impl First {
    fn new(layers: usize) -> Self {
        Self {
            extremes: vec![Extremes::NONE; layers + 1],
            sums: vec![Vec::new(); layers],
            not_finite: None,
        }
    }

    fn see(&mut self, shown: &Shown<'_>) {
        match shown {
            Shown::Tensor(tensor, map) => {
                let mut seen = Extremes::NONE;
                for &x in *map {
                    if !x.is_finite() {
                        self.not_finite.get_or_insert(*tensor);
                    }
                    seen.low = seen.low.min(f64::from(x));
                    seen.high = seen.high.max(f64::from(x));
                }
                self.extremes[tensor.0] = seen;
            }
            Shown::Sums(layer, map) => {
                let channels = map.axis_iter(Axis(3));
                self.sums[layer.0] = channels
                    .map(|channel| channel.iter().map(|&x| f64::from(x)).sum())
                    .collect();
            }
        }
    }

    /// Adds what later images showed.
    fn join(mut self, later: Self) -> Self {
        for (all, extremes) in self.extremes.iter_mut().zip(later.extremes) {
            *all = all.with(extremes);
        }
        for (all, sums) in self.sums.iter_mut().zip(later.sums) {
            if all.is_empty() {
                *all = sums;
            } else {
                // None from images that are not averaged.
                all.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
            }
        }
        self.not_finite = match (self.not_finite, later.not_finite) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }
}

fn means(network: &FoldedNetwork, sums: Vec<Vec<f64>>, images: usize) -> Vec<Vec<f64>> {
    let layers = network.graph.layers.iter().zip(sums);
    layers
        .map(|(layer, sums)| {
            let pixels = number(count(layer.output.pixels() * images));
            sums.into_iter().map(|sum| sum / pixels).collect()
        })
        .collect()
}

fn first_run(network: &FoldedNetwork, images: &Array4<f32>) -> Result<First, QuantiseError> {
    let layers = network.graph.layers.len();
    let parts = by_chunk(images, |start, chunk| {
        let mut first = First::new(layers);
        let averaged = start < MEAN_IMAGES;
        walk(network, chunk, &mut |shown| match shown {
            Shown::Sums(..) if !averaged => {}
            shown => first.see(&shown),
        });
        first
    });
    let all = parts.into_iter().fold(First::new(layers), First::join);
    match all.not_finite {
        None => Ok(all),
        Some(tensor) => Err(QuantiseError::NotFinite {
            layer: match tensor.producer() {
                None => "input".to_owned(),
                Some(id) => network.graph.layers[id.0].name.clone(),
            },
            what: "its output",
        }),
    }
}

fn histograms(
    network: &FoldedNetwork,
    images: &Array4<f32>,
    extremes: &[Extremes],
) -> Vec<Histogram> {
    let empty: Vec<Histogram> = (extremes.iter().enumerate())
        .map(|(index, seen)| match TensorId(index) {
            TensorId::INPUT => Histogram::new(seen.low.min(0.0), seen.high.max(0.0)),
            TensorId(_) => Histogram::new(0.0, seen.high.max(-seen.low)),
        })
        .collect();
    let parts = by_chunk(images, |_, chunk| {
        let mut all = empty.clone();
        walk(network, chunk, &mut |shown| match shown {
            Shown::Tensor(TensorId::INPUT, map) => {
                map.iter().for_each(|&x| all[0].add(f64::from(x)));
            }
            Shown::Tensor(tensor, map) => {
                let histogram = &mut all[tensor.0];
                map.iter().for_each(|&x| histogram.add(f64::from(x.abs())));
            }
            Shown::Sums(..) => {}
        });
        all
    });
    parts.into_iter().fold(empty, |mut all, part| {
        all.iter_mut()
            .zip(&part)
            .for_each(|(all, part)| all.join(part));
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Network, builtin};
    use crate::reparam::{Branches, fold};
    use ndarray::concatenate;

    fn network() -> (FoldedNetwork, Array4<f32>) {
        let input = builtin::default_input("resnet-mini").expect("built in");
        let graph = builtin::graph("resnet-mini", input).expect("built in");
        let params = float::seeded(&graph, 3);
        let folded = fold(&Network { graph, params }, Branches::Fuse).expect("it folds");
        let images: Vec<Array4<f32>> = (0..11)
            .map(|seed| float::seeded_image(input, seed))
            .collect();
        let views: Vec<_> = images.iter().map(|map| map.view()).collect();
        (folded, concatenate(Axis(0), &views).expect("one shape"))
    }

    #[test]
    fn the_run_is_the_float_run() {
        let (network, images) = network();
        let found = Statistics::gather(&network, &images, Depth::Histograms).expect("finite");
        let mut all = vec![Extremes::NONE; network.graph.layers.len() + 1];
        float::forward(&network, &images, &mut |tensor, map| {
            for &x in map {
                let x = f64::from(x);
                all[tensor.0] = all[tensor.0].with(Extremes { low: x, high: x });
            }
        });
        for (found, wanted) in found.extremes.iter().zip(&all) {
            assert_eq!(found.low.to_bits(), wanted.low.to_bits());
            assert_eq!(found.high.to_bits(), wanted.high.to_bits());
        }
    }

    #[test]
    fn means_are_those_of_the_sums_before_the_activation() {
        let (network, images) = network();
        let found = Statistics::gather(&network, &images, Depth::Extremes).expect("finite");
        let (linear, activation) =
            without_activation(&network.graph.layers[0]).expect("a convolution");
        assert_eq!(activation, Activation::Relu);
        let sums = float::layer(&linear, &network.params.layers[0], &[&images]);
        for (channel, mean) in found.means[0].iter().enumerate() {
            let values = sums.index_axis(Axis(3), channel);
            let sum: f64 = values.iter().map(|&x| f64::from(x)).sum();
            let wanted = sum / number(count(values.len()));
            assert!((mean - wanted).abs() < 1e-9, "{mean} {wanted}");
        }
    }
}
