//! Layer by layer: where the noise comes from, under a few variants.

use super::{Grid, Method, Point};
use crate::quantise::quality::{LayerQuality, quality};
use crate::quantise::{Granularity, QuantiseError, ScaleSet};

/// A way to make integers that is looked at layer by layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// One scale a layer, no remedy.
    PerTensor,
    /// One scale a layer, all remedies.
    PerTensorAll,
    /// One scale a channel, no remedy.
    PerChannel,
}

impl Variant {
    /// In the order of every table.
    pub const ALL: [Self; 3] = [Self::PerTensor, Self::PerTensorAll, Self::PerChannel];

    /// As in files: `per_tensor_all`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::PerTensor => "per_tensor",
            Self::PerTensorAll => "per_tensor_all",
            Self::PerChannel => "per_channel",
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::PerTensor => "per tensor, min-max",
            Self::PerTensorAll => "per tensor, all four remedies",
            Self::PerChannel => "per channel, min-max",
        }
    }

    /// The point with the widths of `grid`'s settings.
    pub(super) fn point(self, grid: &Grid) -> Point {
        let (granularity, method) = match self {
            Self::PerTensor => (Granularity::PerTensor, Method::None),
            Self::PerTensorAll => (Granularity::PerTensor, Method::All),
            Self::PerChannel => (Granularity::PerChannel, Method::None),
        };
        Point {
            granularity,
            scales: ScaleSet::Free,
            bits: grid.base.widths.weight_bits,
            method,
        }
    }
}

/// What one layer lost, and why.
pub type LayerFigures = LayerQuality;

/// All layers under one variant.
#[derive(Debug, Clone, PartialEq)]
pub struct VariantLayers {
    /// How integers were made.
    pub variant: Variant,
    /// Bits of weights and activations.
    pub bits: u8,
    /// In the order of execution; or why there are no integers.
    pub layers: Result<Vec<LayerFigures>, String>,
}

/// Images that layers are judged on, at most: the noise of a layer is a mean over all its values.
pub(super) const IMAGES: usize = 64;

/// The figures of one variant.
pub(super) fn layers(
    prepared: &super::run::Prepared<'_>,
    grid: &Grid,
    variant: Variant,
) -> VariantLayers {
    let point = variant.point(grid);
    let found = prepared.integers(grid, point).and_then(|quant| {
        let images = prepared.first_images(IMAGES);
        let plain = crate::execute::Plain::new(&quant).expect("it was just made");
        let input = quant.quantise_images(&images);
        let tensors = plain.tensors(&input).expect("the images fit");
        let network = prepared.network(point.method);
        let rows: Result<_, QuantiseError> = quality(network, &quant, &images, &tensors);
        rows
    });
    VariantLayers {
        variant,
        bits: point.bits,
        layers: found.map_err(|error| error.to_string()),
    }
}
