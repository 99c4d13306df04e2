//! The schedule: what the chip does, in order. The one thing that `execute`, `time`, the RTL generator
//! and the trace writer read.
//!
//! In: a layer graph, its bit widths, the array. Out: a [`Schedule`]: buffers in activation SRAM and an
//! ordered list of operations, each with what it comes after. Sweeps and fetches are nested counters, not
//! lists of steps. [`Sweep::steps`](work::ConvWork::steps) is the only definition of step order.
//! This room knows nothing of cycles and of a weight's value.

pub mod check;
pub mod fills;
pub mod storage;
mod text;
pub mod weights;
pub mod work;

use crate::chip::Array;
use crate::quantise::Numerics;
use crate::reparam::{LayerGraph, LayerId, LayerOp, TensorId};
use crate::units::{Addr, Bytes, Words};
use serde::Serialize;
use std::ops::Range;
use work::ConvWork;

/// An operation, by its place in [`Schedule::ops`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct OpId(pub usize);

/// A buffer of activation SRAM, by its place in [`Schedule::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct BufferId(pub usize);

/// Why bytes move between DRAM and the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Traffic {
    /// Kernels and parameter blocks.
    Weights,
    /// The network's input.
    Inputs,
    /// The network's output.
    Outputs,
    /// A tensor read again as the shortcut of an addition.
    Shortcuts,
    /// Any other tensor between two layers that does not stay in SRAM, written and read.
    Spills,
    /// To and from the host around a host operator.
    Host,
}

impl Traffic {
    /// All kinds, in the order of every report.
    pub const ALL: [Self; 6] = [
        Self::Weights,
        Self::Inputs,
        Self::Outputs,
        Self::Shortcuts,
        Self::Spills,
        Self::Host,
    ];
}

/// A piece of activation SRAM that holds (a ring of) rows of one tensor.
///
/// Row `y` of an image sits at ring row `y mod rows`, pixel and channel order as in the tensor, channels
/// padded to whole words. A buffer that holds whole maps holds `images` of them one after another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Buffer {
    /// What it holds.
    pub tensor: TensorId,
    /// Images held at once.
    pub images: usize,
    /// Ring rows of one image; the tensor's height when the whole map is held.
    pub rows: usize,
    /// First word, counted within each bank.
    pub base: Words,
    /// Words taken over all banks, padding of rows and columns to the bank grid included.
    pub words: Words,
    /// Unpadded elements held at most.
    pub elements: u64,
    /// First (`start`) and last (`end`, still included) operation that touches it.
    pub live: Range<OpId>,
}

/// A full-width band of output rows and the input rows it needs (inside the map).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Strip {
    /// Output rows.
    pub out_rows: Range<usize>,
    /// Input rows under its windows, clipped to the map.
    pub in_rows: Range<usize>,
}

/// Which loop is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LoopOrder {
    /// For each strip, for each row group.
    StripOuter,
    /// For each row group, for each image, for each strip.
    RowGroupOuter,
}

/// How long a pass of weights stays in its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum WeightMode {
    /// Fetched once for the layer, freed after its last use.
    Resident,
    /// Fetched once for each Sweep; pass `p`'s slot is freed by the Sweep's last block.
    Held,
    /// Fetched once for each block, freed after each pass.
    Streamed,
}

/// How one layer runs on the array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ArrayPlan {
    /// Row groups, passes, tiles.
    pub work: ConvWork,
    /// Output bands, top to bottom.
    pub strips: Vec<Strip>,
    /// Loop order.
    pub order: LoopOrder,
    /// Weight residency.
    pub weights: WeightMode,
    /// Where the input is read.
    pub input: BufferId,
    /// Where the shortcut is read, in residual form `accumulate`.
    pub residual: Option<BufferId>,
    /// Where the output is written.
    pub output: BufferId,
    /// Candidates that the estimate ranked for this layer.
    pub candidates: usize,
}

/// How one layer runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerPlan {
    /// On the array.
    Array(Box<ArrayPlan>),
    /// On the vector unit, strip by strip.
    Vector {
        /// Where each input is read.
        inputs: Vec<BufferId>,
        /// Where the output is written.
        output: BufferId,
        /// Output bands.
        strips: Vec<Strip>,
    },
    /// On the host: inputs are stored, the host works DRAM to DRAM.
    Host,
}

/// What an operation does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "op")]
pub enum OpKind {
    /// DMA: rows of a tensor from DRAM into a buffer.
    Load {
        /// Target.
        buffer: BufferId,
        /// Which image.
        image: usize,
        /// Which rows.
        rows: Range<usize>,
        /// DRAM range.
        start: Addr,
        /// Its length.
        bytes: Bytes,
        /// Why.
        traffic: Traffic,
    },
    /// DMA: rows of a tensor from a buffer to DRAM.
    Store {
        /// Source.
        buffer: BufferId,
        /// Which image.
        image: usize,
        /// Which rows.
        rows: Range<usize>,
        /// DRAM range.
        start: Addr,
        /// Its length.
        bytes: Bytes,
        /// Why.
        traffic: Traffic,
    },
    /// DMA: weights of one row group into slots, pass by pass.
    ///
    /// `fills` counts the slots this Fetch fills, within the sequence of fills that one fetching of the row
    /// group makes: passes for `Resident` and `Held`, (block, pass) pairs with the pass inside for `Streamed`.
    /// Fill 0 brings the parameter block, in front of its pass.
    Fetch {
        /// Which row group.
        row_group: usize,
        /// Which fills, counted over the passes (and blocks) of one Sweep.
        fills: Range<usize>,
    },
    /// Array: one row group on one strip of one image.
    Sweep {
        /// Which row group.
        row_group: usize,
        /// Which strip of [`ArrayPlan::strips`].
        strip: usize,
        /// Which image; 0 for a fully connected layer, whose images are the patches.
        image: usize,
    },
    /// Vector unit: one strip of one image.
    Vector {
        /// Which strip.
        strip: usize,
        /// Which image.
        image: usize,
    },
    /// Host: the whole layer for one image, DRAM to DRAM.
    Host {
        /// Which image.
        image: usize,
    },
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Op {
    /// The layer it belongs to (a Load belongs to the layer that reads, a Store to the layer that wrote).
    pub layer: LayerId,
    /// What it waits for, all earlier in the list. A Load waits for the *steps* of a Sweep whose rows it
    /// overwrites, a Store for its *drain*. Weight slots and the order of each engine are implied.
    pub after: Vec<OpId>,
    /// What it does.
    pub kind: OpKind,
}

/// Where the tensors and the weights of each layer lie in DRAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DramLayout {
    /// First byte of each tensor (NHWC, unpadded, image after image), burst-aligned; by tensor.
    pub tensors: Vec<Addr>,
    /// First byte of each row group's weights (parameter block, then passes), burst-aligned; by layer, then row group.
    pub weights: Vec<Vec<Addr>>,
}

/// The whole run of a network on a chip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Schedule {
    /// The network.
    pub graph: LayerGraph,
    /// Its bit widths.
    pub numerics: Numerics,
    /// The array it was made for.
    pub array: Array,
    /// Images of the batch.
    pub batch: usize,
    /// One per layer.
    pub layers: Vec<LayerPlan>,
    /// Buffers in activation SRAM.
    pub buffers: Vec<Buffer>,
    /// DRAM addresses.
    pub dram: DramLayout,
    /// Operations; each engine (DMA, array, vector unit, host) takes its own in this order.
    pub ops: Vec<Op>,
}

impl Schedule {
    /// Images that a layer runs one after another: those of a fully connected layer of the array are its patches.
    #[must_use]
    pub fn images_swept(&self, layer: LayerId) -> usize {
        match (&self.graph.layers[layer.0].op, &self.layers[layer.0]) {
            (LayerOp::FullyConnected { .. }, LayerPlan::Array(_)) => 1,
            (LayerOp::FullyConnected { .. }, LayerPlan::Vector { .. } | LayerPlan::Host)
            | (
                LayerOp::Conv { .. }
                | LayerOp::Lookup(_)
                | LayerOp::Add { .. }
                | LayerOp::Multiply { .. }
                | LayerOp::Concat
                | LayerOp::MaxPool(_)
                | LayerOp::AvgPool(_)
                | LayerOp::GlobalAvgPool
                | LayerOp::AdaptiveAvgPool { .. }
                | LayerOp::Resize(_),
                _,
            ) => self.batch,
        }
    }
}
