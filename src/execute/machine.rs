//! Follows the operations of a schedule in list order.

use super::dram::{Stored, copy_block};
use super::exact::{self, TrapAt};
use super::layer::{ConvLayer, images_are_pixels};
use super::sram::Ring;
use super::view::{Area, Block, View, join};
use super::{ConvRun, ExecuteError, Options, Path, Run, fast, vector};
use crate::quantise::QuantNetwork;
use crate::reparam::{Layer, LayerId, TensorId};
use crate::schedule::{ArrayPlan, BufferId, LayerPlan, OpId, OpKind, Schedule};
use crate::tensor::{Activations, FeatureMap};
use ndarray::Array4;
use std::collections::BTreeMap;
use std::ops::Range;

/// A Sweep taken up but not yet computed: Sweeps of one layer in a row are computed together.
struct Pending {
    row_group: usize,
    image: usize,
    out_rows: Range<usize>,
}

/// The state between two operations.
pub(super) struct Machine<'a> {
    schedule: &'a Schedule,
    network: &'a QuantNetwork,
    options: &'a Options,
    /// By tensor.
    dram: Vec<Option<Stored>>,
    /// The last operation that reads each tensor from DRAM.
    last_read: Vec<Option<usize>>,
    /// By buffer.
    sram: Vec<Option<Ring>>,
    /// By buffer: others that share its storage while it lives.
    shared: Vec<Vec<usize>>,
    /// The convolution worked on.
    conv: Option<ConvLayer<'a>>,
    pending: Vec<Pending>,
    tensors: Vec<Activations>,
    accumulators: BTreeMap<LayerId, Array4<i64>>,
    layers: Vec<Option<ConvRun>>,
}

impl<'a> Machine<'a> {
    /// Before the first operation: the input is in DRAM, the SRAM holds nothing.
    pub(super) fn new(
        schedule: &'a Schedule,
        network: &'a QuantNetwork,
        input: &Activations,
        options: &'a Options,
    ) -> Self {
        let graph = &network.graph;
        let zeros = |tensor: usize| dims(schedule.batch, graph.shape(TensorId(tensor)));
        let mut dram: Vec<Option<Stored>> = Vec::new();
        dram.resize_with(graph.layers.len() + 1, || None);
        dram[0] = Some(Stored::whole(input.clone()));
        let mut tensors = Vec::new();
        if options.keep_tensors {
            tensors.push(input.clone());
            tensors.extend((1..=graph.layers.len()).map(|t| Activations::zeros(zeros(t))));
        }
        let wanted = options.accumulators.iter();
        let mut sram = Vec::new();
        sram.resize_with(schedule.buffers.len(), || None);
        Self {
            schedule,
            network,
            options,
            dram,
            last_read: last_reads(schedule),
            sram,
            shared: shared_storage(schedule),
            conv: None,
            pending: Vec::new(),
            tensors,
            accumulators: wanted
                .map(|&l| (l, Array4::zeros(zeros(l.output().0))))
                .collect(),
            layers: vec![None; graph.layers.len()],
        }
    }

    /// All operations, then the output.
    pub(super) fn run(mut self, progress: &mut dyn FnMut(OpId)) -> Result<Run, ExecuteError> {
        let schedule = self.schedule;
        for (index, op) in schedule.ops.iter().enumerate() {
            progress(OpId(index));
            if op.layer.0 >= schedule.layers.len() {
                return Err(ExecuteError::OtherNetwork {
                    what: "the layers of operations",
                });
            }
            let at = At {
                op: OpId(index),
                id: op.layer,
                layer: &schedule.graph.layers[op.layer.0],
            };
            match &op.kind {
                OpKind::Fetch { .. } => {}
                OpKind::Sweep {
                    row_group,
                    strip,
                    image,
                } => self.take_up(&at, *row_group, *strip, *image)?,
                OpKind::Load {
                    buffer,
                    image,
                    rows,
                    ..
                } => {
                    self.finish_sweeps()?;
                    self.load(&at, *buffer, *image, rows)?;
                }
                OpKind::Store {
                    buffer,
                    image,
                    rows,
                    ..
                } => {
                    self.finish_sweeps()?;
                    self.store(&at, *buffer, *image, rows)?;
                }
                OpKind::Vector { strip, image } => {
                    self.finish_sweeps()?;
                    self.vector(&at, *strip, *image)?;
                }
                OpKind::Host { image } => {
                    self.finish_sweeps()?;
                    self.host(&at, *image)?;
                }
            }
            if self.pending.is_empty() {
                self.release(index);
            }
        }
        self.finish_sweeps()?;
        self.result()
    }

    fn result(mut self) -> Result<Run, ExecuteError> {
        let output = self.network.graph.output();
        let layer = self.network.graph.layers.last();
        let missing = |(image, row)| ExecuteError::NotInDram {
            layer: layer.map_or_else(String::new, |layer| layer.name.clone()),
            tensor: output.0,
            image,
            row,
        };
        let stored = self.dram[output.0].take().ok_or_else(|| missing((0, 0)))?;
        if let Some(place) = stored.first_missing() {
            return Err(missing(place));
        }
        Ok(Run {
            output: stored.into_data(),
            tensors: self.tensors,
            accumulators: self.accumulators,
            layers: self.layers,
        })
    }

    /// Frees what no later operation reads.
    fn release(&mut self, op: usize) {
        for (ring, buffer) in self.sram.iter_mut().zip(&self.schedule.buffers) {
            if ring.is_some() && buffer.live.end.0 < op {
                *ring = None;
            }
        }
        let output = self.network.graph.output().0;
        for (tensor, last) in self.last_read.iter().enumerate() {
            if *last == Some(op) && tensor != output {
                self.dram[tensor] = None;
            }
        }
    }

    /// Makes sure that `buffer` lives now and holds `tensor`.
    fn touch(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        tensor: Option<TensorId>,
    ) -> Result<(), ExecuteError> {
        let Some(found) = self.schedule.buffers.get(buffer.0) else {
            return Err(at.fault(format!("there is no buffer {}", buffer.0)));
        };
        if !(found.live.start..=found.live.end).contains(&at.op) {
            return Err(ExecuteError::NotLive {
                layer: at.layer.name.clone(),
                op: at.op,
                buffer,
                live: [found.live.start, found.live.end],
            });
        }
        if tensor.is_some_and(|tensor| tensor != found.tensor) {
            return Err(at.fault(format!("buffer {} holds another tensor", buffer.0)));
        }
        let shape = self.network.graph.shape(found.tensor);
        self.sram[buffer.0].get_or_insert_with(|| Ring::new(found, shape));
        Ok(())
    }

    /// Makes sure that image and rows are of the map `shape`.
    fn inside(
        &self,
        at: &At<'_>,
        image: usize,
        rows: &Range<usize>,
        shape: FeatureMap,
    ) -> Result<(), ExecuteError> {
        if image >= self.schedule.batch || rows.is_empty() || rows.end > shape.height {
            return Err(at.fault(format!(
                "rows {rows:?} of image {image} are outside {} images of {shape}",
                self.schedule.batch
            )));
        }
        Ok(())
    }

    fn load(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ExecuteError> {
        self.touch(at, buffer, None)?;
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let shape = self.network.graph.shape(tensor);
        self.inside(at, image, rows, shape)?;
        let ring = self.sram[buffer.0].as_mut().expect("touched above");
        let mut slots = Vec::with_capacity(rows.len());
        for y in rows.clone() {
            let row = dram_row(&self.dram, at, tensor, image, y)?;
            slots.push(ring.write(image, y, 0..shape.channels, row));
        }
        self.overwrite_shared(buffer, &slots);
        Ok(())
    }

    fn store(
        &mut self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<(), ExecuteError> {
        self.touch(at, buffer, None)?;
        let tensor = self.schedule.buffers[buffer.0].tensor;
        let shape = self.network.graph.shape(tensor);
        self.inside(at, image, rows, shape)?;
        let batch = self.schedule.batch;
        let stored = self.dram[tensor.0].get_or_insert_with(|| Stored::empty(batch, shape));
        for y in rows.clone() {
            let row = ring_row(&self.sram, at, buffer, image, y)?;
            stored.write(image, y, 0..shape.channels, row);
        }
        Ok(())
    }

    /// Checks a Sweep and puts it with those to be computed.
    fn take_up(
        &mut self,
        at: &At<'a>,
        row_group: usize,
        strip: usize,
        image: usize,
    ) -> Result<(), ExecuteError> {
        if self.conv.as_ref().is_none_or(|conv| conv.id != at.id) {
            self.finish_sweeps()?;
            self.prepare(at, self.schedule.batch)?;
        }
        let plan = self.array_plan(at)?;
        let conv = self.conv.as_ref().expect("prepared above");
        if plan.work != conv.work {
            return Err(at.fault("its work is not that of the layer on this array".to_owned()));
        }
        if row_group >= plan.work.row_groups() {
            return Err(at.fault(format!("there is no row group {row_group}")));
        }
        let Some(strip) = plan.strips.get(strip) else {
            return Err(at.fault(format!("there is no strip {strip}")));
        };
        self.inside(at, image, &strip.out_rows, plan.work.output)?;
        if strip.out_rows.start % self.schedule.array.tile_h != 0 {
            return Err(at.fault("a strip starts inside a tile".to_owned()));
        }
        self.touch(at, plan.input, Some(at.layer.inputs[0]))?;
        self.touch(at, plan.output, Some(at.id.output()))?;
        match (plan.residual, at.layer.inputs.get(1)) {
            (Some(buffer), Some(&tensor)) => self.touch(at, buffer, Some(tensor))?,
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => {
                return Err(
                    at.fault("the shortcut has no buffer, or the buffer no shortcut".to_owned())
                );
            }
        }
        self.pending.push(Pending {
            row_group,
            image,
            out_rows: strip.out_rows.clone(),
        });
        Ok(())
    }

    fn array_plan(&self, at: &At<'_>) -> Result<&'a ArrayPlan, ExecuteError> {
        match &self.schedule.layers[at.id.0] {
            LayerPlan::Array(plan) => Ok(plan),
            LayerPlan::Vector { .. } | LayerPlan::Host => {
                Err(at.fault("the layer is not planned on the array".to_owned()))
            }
        }
    }

    /// Packs the weights of the layer, once.
    fn prepare(&mut self, at: &At<'_>, batch: usize) -> Result<(), ExecuteError> {
        let array = self.schedule.array;
        let conv = ConvLayer::new(self.network, array, batch, at.id, self.options.kernel)
            .ok_or_else(|| at.fault("the layer is no convolution".to_owned()))?;
        self.layers[at.id.0] = Some(ConvRun {
            path: conv.path,
            accumulator_bits: conv.proof.bits(),
            proven: conv.proof.holds(array.pe.accumulator),
        });
        self.conv = Some(conv);
        Ok(())
    }

    /// Computes the Sweeps taken up: nothing but Fetches came between them.
    fn finish_sweeps(&mut self) -> Result<(), ExecuteError> {
        let pending = std::mem::take(&mut self.pending);
        let Some(conv) = self.conv.as_ref().filter(|_| !pending.is_empty()) else {
            return Ok(());
        };
        let at = At {
            op: OpId(0),
            id: conv.id,
            layer: &self.network.graph.layers[conv.id.0],
        };
        let plan = self.array_plan(&at)?;
        let blocks = match conv.path {
            Path::Fast => {
                let areas = pending.into_iter().map(|sweep| Area {
                    image: sweep.image,
                    channels: plan.work.row_group(sweep.row_group).channels,
                    rows: sweep.out_rows,
                });
                let keep = self.options.accumulators.contains(&conv.id);
                let areas = join(areas).into_iter();
                let block = |area: Area| {
                    self.with_views(&at, plan, area.image, &area.rows, |input, shortcut| {
                        Ok(fast::area(conv, area.clone(), input, shortcut, keep))
                    })
                };
                areas.map(block).collect::<Result<Vec<_>, _>>()?
            }
            Path::StepOrder => {
                let block = |sweep: Pending| {
                    let Pending {
                        row_group,
                        image,
                        out_rows,
                    } = sweep;
                    self.with_views(&at, plan, image, &out_rows, |input, shortcut| {
                        exact::sweep(conv, image, row_group, &out_rows, input, shortcut)
                            .map_err(|trap| at.trap(image, trap))
                    })
                };
                pending
                    .into_iter()
                    .map(block)
                    .collect::<Result<Vec<_>, _>>()?
            }
        };
        for block in at.blocks(blocks) {
            self.observe(&at, &block);
            self.write_sram(plan.output, &block);
        }
        Ok(())
    }

    /// Gives `compute` the rows that output rows `out_rows` of `image` need, from SRAM.
    fn with_views(
        &self,
        at: &At<'_>,
        plan: &ArrayPlan,
        image: usize,
        out_rows: &Range<usize>,
        compute: impl FnOnce(&View<'_>, Option<&View<'_>>) -> Result<Block, ExecuteError>,
    ) -> Result<Block, ExecuteError> {
        let shape = self.network.graph.shape(at.layer.inputs[0]);
        if images_are_pixels(&at.layer.op) {
            let mut flat = Vec::new();
            for image in 0..self.schedule.batch {
                for y in 0..shape.height {
                    flat.extend_from_slice(ring_row(&self.sram, at, plan.input, image, y)?);
                }
            }
            return compute(&flat_view(&flat, self.schedule.batch), None);
        }
        let rows = plan.work.input_rows(out_rows);
        let input = self.sram_view(at, plan.input, image, &rows)?;
        match plan.residual {
            Some(buffer) => {
                let shortcut = self.sram_view(at, buffer, image, out_rows)?;
                compute(&input, Some(&shortcut))
            }
            None => compute(&input, None),
        }
    }

    fn sram_view(
        &self,
        at: &At<'_>,
        buffer: BufferId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<View<'_>, ExecuteError> {
        let shape = self
            .network
            .graph
            .shape(self.schedule.buffers[buffer.0].tensor);
        let row = |y| ring_row(&self.sram, at, buffer, image, y);
        view(shape, rows, row)
    }

    fn dram_view(
        &self,
        at: &At<'_>,
        tensor: TensorId,
        image: usize,
        rows: &Range<usize>,
    ) -> Result<View<'_>, ExecuteError> {
        let shape = self.network.graph.shape(tensor);
        let row = |y| dram_row(&self.dram, at, tensor, image, y);
        view(shape, rows, row)
    }

    fn vector(&mut self, at: &At<'_>, strip: usize, image: usize) -> Result<(), ExecuteError> {
        let schedule = self.schedule;
        let LayerPlan::Vector {
            inputs,
            output,
            strips,
        } = &schedule.layers[at.id.0]
        else {
            return Err(at.fault("the layer is not planned on the vector unit".to_owned()));
        };
        let Some(strip) = strips.get(strip) else {
            return Err(at.fault(format!("there is no strip {strip}")));
        };
        self.inside(at, image, &strip.out_rows, at.layer.output)?;
        if self.conv_like(at) || inputs.len() != at.layer.inputs.len() {
            return Err(at.fault("the vector unit does not compute this operator".to_owned()));
        }
        self.touch(at, *output, Some(at.id.output()))?;
        for (&buffer, &tensor) in inputs.iter().zip(&at.layer.inputs) {
            self.touch(at, buffer, Some(tensor))?;
        }
        let views = inputs
            .iter()
            .zip(&at.layer.inputs)
            .map(|(&buffer, &tensor)| {
                let shape = self.network.graph.shape(tensor);
                let rows = vector::input_rows(&at.layer.op, shape, &strip.out_rows);
                self.sram_view(at, buffer, image, &rows)
            });
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let block = self.element_wise(at, image, &views, strip.out_rows.clone());
        self.observe(at, &block);
        self.write_sram(*output, &block);
        Ok(())
    }

    fn conv_like(&self, at: &At<'_>) -> bool {
        matches!(
            self.network.layers[at.id.0],
            crate::quantise::QuantLayer::Conv(_)
        )
    }

    fn element_wise(
        &self,
        at: &At<'_>,
        image: usize,
        views: &[View<'_>],
        rows: Range<usize>,
    ) -> Block {
        let quant = &self.network.layers[at.id.0];
        let shape = at.layer.output;
        Block {
            values: vector::rows(&at.layer.op, quant, views, shape, &rows),
            area: Area {
                image,
                rows,
                channels: 0..shape.channels,
            },
            accumulators: None,
        }
    }

    /// A whole layer for one image, DRAM to DRAM.
    fn host(&mut self, at: &At<'a>, image: usize) -> Result<(), ExecuteError> {
        match &self.schedule.layers[at.id.0] {
            LayerPlan::Host => {}
            LayerPlan::Array(_) | LayerPlan::Vector { .. } => {
                return Err(at.fault("the layer is not planned on the host".to_owned()));
            }
        }
        let shape = at.layer.output;
        self.inside(at, image, &(0..shape.height), shape)?;
        let blocks = if self.conv_like(at) {
            if self.conv.as_ref().is_none_or(|conv| conv.id != at.id) {
                self.prepare(at, 1)?;
            }
            at.blocks(self.host_conv(at, image)?)
        } else {
            let views = at.layer.inputs.iter().map(|&tensor| {
                let height = self.network.graph.shape(tensor).height;
                self.dram_view(at, tensor, image, &(0..height))
            });
            let views = views.collect::<Result<Vec<_>, _>>()?;
            vec![self.element_wise(at, image, &views, 0..shape.height)]
        };
        for block in blocks {
            self.observe(at, &block);
            self.write_dram(at.id.output(), &block);
        }
        Ok(())
    }

    /// The host adds in the order of the array, so that it gives the array's integers.
    fn host_conv(&self, at: &At<'_>, image: usize) -> Result<Vec<Block>, ExecuteError> {
        let conv = self.conv.as_ref().expect("prepared by the caller");
        let shape = self.network.graph.shape(at.layer.inputs[0]);
        let mut input = self.dram_view(at, at.layer.inputs[0], image, &(0..shape.height))?;
        let flat;
        if images_are_pixels(&at.layer.op) {
            flat = input.rows.concat();
            input = flat_view(&flat, 1);
        }
        let rows = 0..conv.work.output.height;
        let shortcut = match at.layer.inputs.get(1) {
            Some(&tensor) => Some(self.dram_view(at, tensor, image, &rows)?),
            None => None,
        };
        let shortcut = shortcut.as_ref();
        match conv.path {
            Path::Fast => {
                let area = Area {
                    image,
                    rows,
                    channels: 0..at.layer.output.channels,
                };
                let keep = self.options.accumulators.contains(&at.id);
                Ok(vec![fast::area(conv, area, &input, shortcut, keep)])
            }
            Path::StepOrder => (0..conv.work.row_groups())
                .map(|row_group| {
                    exact::sweep(conv, image, row_group, &rows, &input, shortcut)
                        .map_err(|trap| at.trap(image, trap))
                })
                .collect(),
        }
    }

    /// Copies a block for those who asked to see it.
    fn observe(&mut self, at: &At<'_>, block: &Block) {
        if let Some(tensor) = self.tensors.get_mut(at.id.output().0) {
            copy_block(tensor, block, &block.values);
        }
        if let Some(kept) = self.accumulators.get_mut(&at.id)
            && let Some(accumulators) = &block.accumulators
        {
            copy_block(kept, block, accumulators);
        }
    }

    fn write_sram(&mut self, buffer: BufferId, block: &Block) {
        let area = &block.area;
        let ring = self.sram[buffer.0]
            .as_mut()
            .expect("touched when the operation was taken up");
        let row = block.values.len() / area.rows.len();
        let slots: Vec<usize> = area
            .rows
            .clone()
            .zip(block.values.chunks_exact(row))
            .map(|(y, values)| ring.write(area.image, y, area.channels.clone(), values))
            .collect();
        self.overwrite_shared(buffer, &slots);
    }

    fn write_dram(&mut self, tensor: TensorId, block: &Block) {
        let shape = self.network.graph.shape(tensor);
        let (batch, area) = (self.schedule.batch, &block.area);
        let stored = self.dram[tensor.0].get_or_insert_with(|| Stored::empty(batch, shape));
        let row = block.values.len() / area.rows.len();
        for (y, values) in area.rows.clone().zip(block.values.chunks_exact(row)) {
            stored.write(area.image, y, area.channels.clone(), values);
        }
    }

    /// Buffers on the same storage lose what a write put in its place.
    fn overwrite_shared(&mut self, buffer: BufferId, slots: &[usize]) {
        for &other in &self.shared[buffer.0] {
            if let Some(ring) = &mut self.sram[other] {
                for &slot in slots {
                    ring.overwrite(slot);
                }
            }
        }
    }
}

/// The operation at hand.
struct At<'a> {
    op: OpId,
    id: LayerId,
    layer: &'a Layer,
}

impl At<'_> {
    fn fault(&self, what: String) -> ExecuteError {
        ExecuteError::Operation {
            op: self.op,
            layer: self.layer.name.clone(),
            what,
        }
    }

    /// A trap in terms of the layer: the pixels of a fully connected layer are images.
    fn trap(&self, image: usize, at: TrapAt) -> ExecuteError {
        let (image, pixel) = if images_are_pixels(&self.layer.op) {
            (image + at.pixel[1], [0, 0])
        } else {
            (image, at.pixel)
        };
        ExecuteError::Trap {
            layer: self.layer.name.clone(),
            image,
            pixel,
            channel: at.channel,
            step: at.step,
            trap: at.trap,
        }
    }

    /// Blocks in terms of the layer: those of a fully connected layer are cut into images.
    fn blocks(&self, blocks: Vec<Block>) -> Vec<Block> {
        if !images_are_pixels(&self.layer.op) {
            return blocks;
        }
        let mut cut = Vec::new();
        for block in blocks {
            let size = block.area.channels.len();
            for (image, values) in block.values.chunks_exact(size).enumerate() {
                let pixel = image * size..(image + 1) * size;
                cut.push(Block {
                    area: Area {
                        image: block.area.image + image,
                        ..block.area.clone()
                    },
                    values: values.to_vec(),
                    accumulators: block.accumulators.as_ref().map(|a| a[pixel].to_vec()),
                });
            }
        }
        cut
    }
}

const fn dims(batch: usize, shape: FeatureMap) -> (usize, usize, usize, usize) {
    (batch, shape.height, shape.width, shape.channels)
}

fn view<'v>(
    shape: FeatureMap,
    rows: &Range<usize>,
    row: impl FnMut(usize) -> Result<&'v [i32], ExecuteError>,
) -> Result<View<'v>, ExecuteError> {
    Ok(View {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        first: rows.start,
        rows: rows.clone().map(row).collect::<Result<_, _>>()?,
    })
}

/// Whole images as the pixels of one row.
fn flat_view(flat: &[i32], images: usize) -> View<'_> {
    View {
        height: 1,
        width: images,
        channels: flat.len() / images,
        first: 0,
        rows: vec![flat],
    }
}

fn ring_row<'r>(
    sram: &'r [Option<Ring>],
    at: &At<'_>,
    buffer: BufferId,
    image: usize,
    row: usize,
) -> Result<&'r [i32], ExecuteError> {
    let ring = sram[buffer.0]
        .as_ref()
        .expect("touched when the operation was taken up");
    ring.read(image, row)
        .map_err(|held| ExecuteError::StaleRow {
            layer: at.layer.name.clone(),
            buffer,
            image,
            row,
            held,
        })
}

fn dram_row<'d>(
    dram: &'d [Option<Stored>],
    at: &At<'_>,
    tensor: TensorId,
    image: usize,
    row: usize,
) -> Result<&'d [i32], ExecuteError> {
    let stored = dram[tensor.0].as_ref();
    stored
        .and_then(|stored| stored.row(image, row))
        .ok_or_else(|| ExecuteError::NotInDram {
            layer: at.layer.name.clone(),
            tensor: tensor.0,
            image,
            row,
        })
}

/// For each tensor the last operation that reads it from DRAM.
fn last_reads(schedule: &Schedule) -> Vec<Option<usize>> {
    let mut last = vec![None; schedule.graph.layers.len() + 1];
    for (index, op) in schedule.ops.iter().enumerate() {
        match &op.kind {
            OpKind::Load { buffer, .. } => {
                if let Some(buffer) = schedule.buffers.get(buffer.0) {
                    last[buffer.tensor.0] = Some(index);
                }
            }
            OpKind::Host { .. } => {
                if let Some(layer) = schedule.graph.layers.get(op.layer.0) {
                    for tensor in &layer.inputs {
                        last[tensor.0] = Some(index);
                    }
                }
            }
            OpKind::Store { .. }
            | OpKind::Fetch { .. }
            | OpKind::Sweep { .. }
            | OpKind::Vector { .. } => {}
        }
    }
    last
}

/// For each buffer the others of the same place and form whose lives meet its own: a sum in the storage of its
/// shortcut.
fn shared_storage(schedule: &Schedule) -> Vec<Vec<usize>> {
    let form = |index: usize| {
        let buffer = &schedule.buffers[index];
        let shape = schedule.graph.shape(buffer.tensor);
        (buffer.base, buffer.words, buffer.images, buffer.rows, shape)
    };
    let meets = |a: usize, b: usize| {
        let (a, b) = (&schedule.buffers[a].live, &schedule.buffers[b].live);
        a.start <= b.end && b.start <= a.end
    };
    let all = 0..schedule.buffers.len();
    all.clone()
        .map(|a| {
            let same = |&b: &usize| a != b && form(a) == form(b) && meets(a, b);
            all.clone().filter(same).collect()
        })
        .collect()
}
