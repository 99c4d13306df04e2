//! What integers cost and what repairs it: networks with images, over bit widths, scales and remedies.
//!
//! In: [`Subject`]s (a folded network, images, labels) and the [`Grid`] of what to try. Out: [`Found`]: at each point
//! top-1, agreement with the floats and the noise at the output; layer by layer where it comes from; and how the
//! weights of parallel branches share the range of the kernel they became. A float run and the statistics of the
//! calibration images serve all points of a network. The integers run by themselves, on no chip: accumulators that
//! are too narrow for them are another question. The same figures for any number of threads. This room knows nothing
//! of files, chips or time.

mod branches;
mod grid;
mod layers;
mod method;
mod run;
mod spread;

pub use branches::{Branch, BranchWeights, Magnitudes, OCTAVES};
pub use grid::{Grid, Point};
pub use layers::{LayerFigures, Variant, VariantLayers};
pub use method::{Method, WIDE_OPERANDS};
pub use run::{Found, Outcome, run};
pub use spread::spread;

use crate::reparam::FoldedNetwork;
use ndarray::Array4;

/// A network and what it is judged on.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Unique in a study.
    pub id: String,
    /// Folded, branches fused where they can be.
    pub network: FoldedNetwork,
    /// The same with its branches kept, where it has some.
    pub branches: Option<FoldedNetwork>,
    /// Normalised, NHWC: what scales are chosen and errors measured on.
    pub calibration: Array4<f32>,
    /// Normalised, NHWC: what it is judged on.
    pub images: Array4<f32>,
    /// Classes of these images. Without them only layers are looked at.
    pub labels: Option<Vec<usize>>,
}
