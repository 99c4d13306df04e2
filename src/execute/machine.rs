//! Follows the operations of a schedule in list order.

use super::dram::copy_block;
use super::gather::Gather;
use super::layer::ConvLayer;
use super::memory::Memory;
use super::operation::At;
use super::sweeps::Pending;
use super::view::{Area, Block, View};
use super::watch::Watch;
use super::{ConvRun, ExecuteError, Options, Run, vector};
use crate::quantise::{QuantLayer, QuantNetwork};
use crate::reparam::{LayerId, TensorId};
use crate::schedule::{LayerPlan, OpId, OpKind, Schedule};
use crate::tensor::{Activations, FeatureMap};
use ndarray::Array4;
use std::collections::BTreeMap;
use std::ops::Range;

/// The state between two operations.
pub(super) struct Machine<'a> {
    pub(super) schedule: &'a Schedule,
    pub(super) network: &'a QuantNetwork,
    pub(super) options: &'a Options,
    pub(super) memory: Memory<'a>,
    /// The convolution worked on.
    pub(super) conv: Option<ConvLayer<'a>>,
    /// The mean worked on by the vector unit: its layer and image.
    gather: Option<(LayerId, usize, Gather<'a>)>,
    pub(super) pending: Vec<Pending<'a>>,
    pub(super) tensors: Vec<Activations>,
    pub(super) watch: Option<Watch<'a>>,
    pub(super) accumulators: BTreeMap<LayerId, Array4<i64>>,
    pub(super) layers: Vec<Option<ConvRun>>,
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
        let zeros = |tensor: usize| {
            let shape = graph.shape(TensorId(tensor));
            (schedule.batch, shape.height, shape.width, shape.channels)
        };
        let mut tensors = Vec::new();
        if options.keep_tensors {
            tensors.push(input.clone());
            tensors.extend((1..=graph.layers.len()).map(|t| Activations::zeros(zeros(t))));
        }
        let wanted = options.accumulators.iter();
        Self {
            schedule,
            network,
            options,
            memory: Memory::new(schedule, input),
            conv: None,
            gather: None,
            pending: Vec::new(),
            tensors,
            watch: None,
            accumulators: wanted
                .map(|&l| (l, Array4::zeros(zeros(l.output().0))))
                .collect(),
            layers: vec![None; graph.layers.len()],
        }
    }

    /// Shows each layer as it is finished.
    pub(super) fn watched(self, watch: Watch<'a>) -> Self {
        Self {
            watch: Some(watch),
            ..self
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
                    self.memory.load(&at, *buffer, *image, rows)?;
                }
                OpKind::Store {
                    buffer,
                    image,
                    rows,
                    ..
                } => {
                    self.finish_sweeps()?;
                    self.memory.store(&at, *buffer, *image, rows)?;
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
            self.show(&at)?;
            if self.pending.is_empty() {
                self.memory.release(index);
            }
        }
        self.finish_sweeps()?;
        self.result()
    }

    /// Shows the layer to who looks on, if this was the last operation that computes it.
    fn show(&mut self, at: &At<'_>) -> Result<(), ExecuteError> {
        let ends = |watch: &Watch<'_>| watch.ends(at.op.0, at.id);
        if self.watch.as_ref().is_some_and(ends) {
            self.finish_sweeps()?;
            if let Some(watch) = &mut self.watch {
                watch.finish(&self.network.graph, at.id);
            }
        }
        Ok(())
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
        let stored = self.memory.take(output).ok_or_else(|| missing((0, 0)))?;
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
        let last = strip + 1 == strips.len();
        let Some(strip) = strips.get(strip) else {
            return Err(at.fault(format!("there is no strip {strip}")));
        };
        self.memory
            .inside(at, image, &strip.out_rows, at.layer.output)?;
        if self.conv_like(at) || inputs.len() != at.layer.inputs.len() {
            return Err(at.fault("the vector unit does not compute this operator".to_owned()));
        }
        self.memory.touch(at, *output, Some(at.id.output()))?;
        for (&buffer, &tensor) in inputs.iter().zip(&at.layer.inputs) {
            self.memory.touch(at, buffer, Some(tensor))?;
        }
        let views = inputs
            .iter()
            .zip(&at.layer.inputs)
            .map(|(&buffer, &tensor)| {
                let shape = self.network.graph.shape(tensor);
                let rows = if at.layer.op.gathers() {
                    strip.in_rows.clone()
                } else {
                    vector::input_rows(&at.layer.op, shape, &strip.out_rows)
                };
                self.memory.sram_view(at, buffer, image, &rows)
            });
        let views = views.collect::<Result<Vec<_>, _>>()?;
        let block = if at.layer.op.gathers() {
            let shape = self.network.graph.shape(at.layer.inputs[0]);
            let quant = &self.network.layers[at.id.0];
            let before = self.gather.take();
            let gather = gathered(before, at, (quant, shape), image, &views[0], &strip.in_rows)?;
            if !last {
                self.gather = Some((at.id, image, gather));
                return Ok(());
            }
            let area = Area {
                image,
                rows: 0..at.layer.output.height,
                channels: 0..at.layer.output.channels,
            };
            whole_mean(at, &gather, shape, area)?
        } else {
            self.element_wise(at, image, &views, strip.out_rows.clone())
        };
        self.observe(at, &block);
        self.memory.write_sram(*output, &block);
        Ok(())
    }

    /// Whether the layer is a convolution or fully connected.
    pub(super) fn conv_like(&self, at: &At<'_>) -> bool {
        matches!(self.network.layers[at.id.0], QuantLayer::Conv(_))
    }

    /// Rows of an addition or a pooling.
    pub(super) fn element_wise(
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

    /// Copies a block for those who asked to see it.
    pub(super) fn observe(&mut self, at: &At<'_>, block: &Block) {
        if let Some(tensor) = self.tensors.get_mut(at.id.output().0) {
            copy_block(tensor, block, &block.values);
        }
        if let Some(watch) = &mut self.watch {
            watch.observe(at.id.output(), block);
        }
        if let Some(kept) = self.accumulators.get_mut(&at.id)
            && let Some(accumulators) = &block.accumulators
        {
            copy_block(kept, block, accumulators);
        }
    }
}

/// The sums of a mean with a band of rows more: of the one under way, or of a new one at the first row.
fn gathered<'a>(
    before: Option<(LayerId, usize, Gather<'a>)>,
    at: &At<'_>,
    (quant, shape): (&'a QuantLayer, FeatureMap),
    image: usize,
    view: &View<'_>,
    rows: &Range<usize>,
) -> Result<Gather<'a>, ExecuteError> {
    let under_way = before.filter(|(id, of, _)| (*id, *of) == (at.id, image) && rows.start > 0);
    let mut gather = match (under_way, quant) {
        (Some((_, _, gather)), _) => gather,
        (None, QuantLayer::Average(quant)) => Gather::new(&at.layer.op, quant, shape)
            .expect("the caller knows that the operator gathers"),
        (None, _) => unreachable!("the network was checked: only averages have these integers"),
    };
    if rows.start != gather.next {
        let (first, next) = (rows.start, gather.next);
        return Err(at.fault(format!("row {first} comes where row {next} must be added")));
    }
    gather.take(view, rows);
    Ok(gather)
}

/// A mean whose every row was added.
fn whole_mean(
    at: &At<'_>,
    gather: &Gather<'_>,
    input: FeatureMap,
    area: Area,
) -> Result<Block, ExecuteError> {
    if gather.next != input.height {
        let missing = input.height - gather.next;
        return Err(at.fault(format!(
            "the mean is written without its last {missing} rows"
        )));
    }
    Ok(Block {
        values: gather.finish(),
        area,
        accumulators: None,
    })
}
