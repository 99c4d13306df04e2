//! Writes legal schedules of chains of convolutions, from choices that say how each layer runs.

use repchip::chip::{Chip, Dram};
use repchip::network::Form;
use repchip::quantise::Numerics;
use repchip::reparam::{Layer, LayerGraph, LayerId, LayerOp, TensorId};
use repchip::schedule::work::ConvWork;
use repchip::schedule::{
    ArrayPlan, Buffer, BufferId, DramLayout, LayerPlan, LoopOrder, Op, OpId, OpKind, Schedule,
    Strip, Traffic, WeightMode, weights,
};
use repchip::tensor::{FeatureMap, IntType};
use repchip::units::{Addr, Bytes, Words, count};
use std::collections::BTreeMap;
use std::ops::Range;

/// A chip, a schedule for it, and which Fetch brings which pass of which Sweep.
pub(crate) struct Job {
    pub(crate) chip: Chip,
    pub(crate) schedule: Schedule,
    /// By Sweep: the Fetch of each pass; of each (block, pass) when streamed.
    pub(crate) fetched_by: BTreeMap<usize, Vec<usize>>,
}

/// How the mapper's choices fall.
pub(crate) struct Choices {
    pub(crate) mode: WeightMode,
    pub(crate) order: LoopOrder,
    /// Whether the output goes to DRAM and the next layer loads it.
    pub(crate) spill: bool,
    /// Whether Stores stand at the layer's end, and do not hold up the Fetches in between.
    pub(crate) late_stores: bool,
    /// Whether a strip's Sweeps wait for the Store before last, and its Load for the Sweep written before.
    pub(crate) ring: bool,
    pub(crate) bands: Vec<Range<usize>>,
}

/// Writes a schedule layer by layer.
pub(crate) struct Writer {
    pub(crate) chip: Chip,
    pub(crate) graph: LayerGraph,
    weight_bits: Vec<u8>,
    batch: usize,
    plans: Vec<LayerPlan>,
    ops: Vec<Op>,
    tensors: Vec<Addr>,
    weights: Vec<Vec<Addr>>,
    free: u64,
    fetched_by: BTreeMap<usize, Vec<usize>>,
    /// Stores of the tensor that the next layer reads, if it reads it from DRAM.
    stores: Option<Vec<OpId>>,
}

impl Writer {
    pub(crate) fn new(
        chip: Chip,
        input: FeatureMap,
        layers: Vec<Layer>,
        weight_bits: Vec<u8>,
        batch: usize,
    ) -> Self {
        let graph = LayerGraph {
            name: "chain".to_owned(),
            form: Form::Folded,
            input,
            layers,
        };
        let mut writer = Self {
            chip,
            graph,
            weight_bits,
            batch,
            plans: Vec::new(),
            ops: Vec::new(),
            tensors: Vec::new(),
            weights: Vec::new(),
            free: 0,
            fetched_by: BTreeMap::new(),
            stores: Some(Vec::new()),
        };
        for tensor in 0..=writer.graph.layers.len() {
            let bytes = writer.graph.shape(TensorId(tensor)).elements().0 * count(batch);
            let at = writer.place(bytes);
            writer.tensors.push(at);
        }
        for index in 0..writer.graph.layers.len() {
            let work = writer.work(index);
            let weight = Bytes(u64::from(writer.weight_bits[index].div_ceil(8)));
            let groups = (0..work.row_groups())
                .map(|g| {
                    writer.place(weights::row_group_bytes(&work, &work.row_group(g), weight).0)
                })
                .collect();
            writer.weights.push(groups);
        }
        writer
    }

    pub(crate) fn widest(&self) -> u8 {
        self.weight_bits
            .iter()
            .copied()
            .max()
            .expect("there are layers")
    }

    fn place(&mut self, bytes: u64) -> Addr {
        let Dram::Flat(dram) = &self.chip.dram;
        let at = self.free;
        self.free = (at + bytes).next_multiple_of(dram.burst.0);
        Addr(at)
    }

    pub(crate) fn work(&self, index: usize) -> ConvWork {
        let layer = &self.graph.layers[index];
        let LayerOp::Conv { conv, .. } = layer.op else {
            unreachable!("a chain of convolutions")
        };
        let input = self.graph.shape(layer.inputs[0]);
        let residual = layer.inputs.len() == 2;
        ConvWork::new(input, layer.output, conv, residual, self.chip.array)
    }

    fn push(&mut self, layer: usize, after: Vec<OpId>, kind: OpKind) -> OpId {
        let layer = LayerId(layer);
        self.ops.push(Op { layer, after, kind });
        OpId(self.ops.len() - 1)
    }

    /// Rows of a tensor to or from DRAM.
    fn transfer(
        &mut self,
        layer: usize,
        after: Vec<OpId>,
        Rows {
            tensor,
            image,
            rows,
        }: Rows,
        is_load: bool,
    ) -> OpId {
        let shape = self.graph.shape(TensorId(tensor));
        let row = count(shape.width * shape.channels);
        let first = count(image * shape.height + rows.start) * row;
        let start = self.tensors[tensor] + Bytes(first);
        let bytes = Bytes(count(rows.len()) * row);
        let buffer = BufferId(tensor);
        let kind = if is_load {
            let traffic = if tensor == 0 {
                Traffic::Inputs
            } else {
                Traffic::Spills
            };
            OpKind::Load {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic,
            }
        } else {
            OpKind::Store {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic: Traffic::Outputs,
            }
        };
        self.push(layer, after, kind)
    }

    /// One Fetch for each fill, so that each fill's tick is the end of an operation.
    fn fetch(&mut self, layer: usize, row_group: usize, fills: usize) -> Vec<usize> {
        (0..fills)
            .map(|fill| {
                let fills = fill..fill + 1;
                self.push(layer, Vec::new(), OpKind::Fetch { row_group, fills })
                    .0
            })
            .collect()
    }

    pub(crate) fn layer(&mut self, index: usize, choices: &Choices) {
        let work = self.work(index);
        let strips: Vec<Strip> = choices
            .bands
            .iter()
            .map(|out_rows| Strip {
                in_rows: work.input_rows(out_rows),
                out_rows: out_rows.clone(),
            })
            .collect();
        let last = index + 1 == self.graph.layers.len();
        let mut run = LayerRun {
            stored: last || choices.spill,
            source: self.stores.take(),
            resident: vec![None; work.row_groups()],
            loads: vec![Vec::new(); self.batch],
            loaded: vec![0; self.batch],
            last_sweep: None,
            stores: Vec::new(),
            late: Vec::new(),
        };
        if choices.mode == WeightMode::Resident {
            for group in 0..work.row_groups() {
                run.resident[group] = Some(self.fetch(index, group, work.conv_pass_count()));
            }
        }
        let groups = work.row_groups();
        let at_once = match choices.order {
            LoopOrder::StripOuter => groups,
            LoopOrder::RowGroupOuter => 1,
        };
        for first in (0..groups).step_by(at_once) {
            for image in 0..self.batch {
                for (place, strip) in strips.iter().enumerate() {
                    self.strip(
                        index,
                        (&work, strip, choices),
                        (first..first + at_once, place, image),
                        &mut run,
                    );
                }
            }
        }
        for (after, what) in std::mem::take(&mut run.late) {
            let store = self.transfer(index, vec![after], what, false);
            run.stores.push(store);
        }
        self.stores = run.stored.then_some(run.stores);
        self.plans.push(LayerPlan::Array(Box::new(ArrayPlan {
            strips,
            order: choices.order,
            weights: choices.mode,
            input: BufferId(index),
            residual: work.residual.then_some(BufferId(index)),
            output: BufferId(index + 1),
            candidates: 1,
            work,
        })));
    }

    fn strip(
        &mut self,
        index: usize,
        (work, strip, choices): (&ConvWork, &Strip, &Choices),
        (groups, place, image): (Range<usize>, usize, usize),
        run: &mut LayerRun,
    ) {
        let mut need = strip.in_rows.end;
        if work.residual {
            need = need.max(strip.out_rows.end);
        }
        if let Some(stores) = &run.source
            && need > run.loaded[image]
        {
            let what = Rows {
                tensor: index,
                image,
                rows: run.loaded[image]..need,
            };
            let mut after = stores.clone();
            if choices.ring {
                after.extend(run.last_sweep);
            }
            let load = self.transfer(index, after, what, true);
            run.loads[image].push(load);
            run.loaded[image] = need;
        }
        let all = groups.end == work.row_groups();
        let mut after = run.loads[image].clone();
        if choices.ring && run.stores.len() >= 2 {
            after.push(run.stores[run.stores.len() - 2]);
        }
        let mut last = OpId(0);
        for row_group in groups {
            let fetches = match &run.resident[row_group] {
                Some(fetches) => fetches.clone(),
                None => {
                    let fills = weights::fills(work, choices.mode, &strip.out_rows);
                    self.fetch(index, row_group, fills)
                }
            };
            let kind = OpKind::Sweep {
                row_group,
                strip: place,
                image,
            };
            last = self.push(index, after.clone(), kind);
            self.fetched_by.insert(last.0, fetches);
        }
        run.last_sweep = Some(last);
        if run.stored && all {
            let what = Rows {
                tensor: index + 1,
                image,
                rows: strip.out_rows.clone(),
            };
            if choices.late_stores {
                run.late.push((last, what));
            } else {
                let store = self.transfer(index, vec![last], what, false);
                run.stores.push(store);
            }
        }
    }

    pub(crate) fn finish(self) -> Job {
        let buffers = (0..=self.graph.layers.len())
            .map(|tensor| {
                let shape = self.graph.shape(TensorId(tensor));
                Buffer {
                    tensor: TensorId(tensor),
                    images: self.batch,
                    rows: shape.height,
                    base: Words(0),
                    words: Words(count(shape.pixels())),
                    elements: shape.elements().0,
                    live: OpId(0)..OpId(self.ops.len() - 1),
                }
            })
            .collect();
        let activations = vec![IntType::signed(8); self.graph.layers.len() + 1];
        Job {
            schedule: Schedule {
                graph: self.graph,
                numerics: Numerics {
                    activations,
                    weight_bits: self.weight_bits,
                },
                array: self.chip.array,
                batch: self.batch,
                layers: self.plans,
                buffers,
                dram: DramLayout {
                    tensors: self.tensors,
                    weights: self.weights,
                },
                ops: self.ops,
            },
            chip: self.chip,
            fetched_by: self.fetched_by,
        }
    }
}

/// What a layer has done so far.
struct LayerRun {
    stored: bool,
    /// Stores of the input, when it is read from DRAM.
    source: Option<Vec<OpId>>,
    resident: Vec<Option<Vec<usize>>>,
    loads: Vec<Vec<OpId>>,
    loaded: Vec<usize>,
    /// The Sweep written last.
    last_sweep: Option<OpId>,
    stores: Vec<OpId>,
    late: Vec<(OpId, Rows)>,
}

/// Rows of one image of a tensor.
struct Rows {
    tensor: usize,
    image: usize,
    rows: Range<usize>,
}
