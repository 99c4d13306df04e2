//! A schedule as stable text, to read and to compare: one line an item, no figure without its unit.

use super::weights::{parameter_block_bytes, pass_bytes};
use super::{ArrayPlan, BufferId, LayerPlan, Op, OpId, OpKind, Schedule, Strip};
use crate::reparam::{LayerId, TensorId};
use crate::units::{Addr, Bytes, count};
use serde::Serialize;
use std::fmt::{self, Display, Write};
use std::ops::Range;

const HEAD: &str = "\
# One line an item. Ranges are first..end, the end not included; but live is first..last operation, both included.
# batch, image and images count images; rows, strips and tiles are in pixels; t0 is the network's input, t<n + 1>
# the output of layer n. A buffer's base is its first word in each bank, words are those of all banks, elements are
# without padding. address and bytes are in bytes of DRAM. A fetch brings fills: passes of weights, counted over
# the fetching of its row group, fill 0 with the parameters in front; its address is that of its first byte.
# op: number, engine, kind, layer, what; after names the operations it waits for.
";

impl Schedule {
    /// The schedule as text that ends in a newline: a head that explains it, a line of totals, then layers with
    /// their strips, buffers, the layout of DRAM, and the operations in order.
    ///
    /// ```text
    /// op 5 dma load layer=1 buffer=b2 image=0 rows=0..14 address=1024 bytes=784 traffic=spills after=3,4
    /// op 6 array sweep layer=1 row_group=0 strip=0 image=0 after=5
    /// ```
    #[must_use]
    pub fn text(&self) -> String {
        // A line of an operation has about a hundred characters.
        let mut text = String::with_capacity(HEAD.len() + 100 * self.ops.len());
        text.push_str(HEAD);
        self.write(&mut text)
            .expect("writing to a String never fails");
        text
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        self.totals(out)?;
        for (id, plan) in self.graph.ids().zip(&self.layers) {
            self.layer(out, id, plan)?;
        }
        self.write_buffers(out)?;
        self.write_dram(out)?;
        for (index, op) in self.ops.iter().enumerate() {
            self.op(out, index, op)?;
        }
        Ok(())
    }

    fn totals(&self, out: &mut String) -> fmt::Result {
        let array = &self.array;
        writeln!(
            out,
            "schedule {} form={} batch={} layers={} buffers={} ops={}",
            self.graph.name,
            self.graph.form,
            self.batch,
            self.layers.len(),
            self.buffers.len(),
            self.ops.len()
        )?;
        writeln!(
            out,
            "array kind={} rows={} lanes={} accumulators={} accumulator_bits={} overflow={} tile={}x{} pointwise={}",
            word(array.pe.kind),
            array.rows,
            array.pe.lanes,
            array.pe.accumulators,
            array.pe.accumulator.bits,
            word(array.pe.accumulator.overflow),
            array.tile_h,
            array.tile_w,
            word(array.pointwise)
        )
    }

    fn layer(&self, out: &mut String, id: LayerId, plan: &LayerPlan) -> fmt::Result {
        write!(out, "layer {} {} ", id.0, self.graph.layers[id.0].name)?;
        match plan {
            LayerPlan::Array(plan) => self.array_layer(out, id, plan),
            LayerPlan::Vector {
                inputs,
                output,
                strips,
            } => {
                writeln!(
                    out,
                    "vector reads={} writes={output} strips={}",
                    list(inputs),
                    strips.len()
                )?;
                write_strips(out, id, strips)
            }
            LayerPlan::Host => writeln!(out, "host"),
        }
    }

    fn array_layer(&self, out: &mut String, id: LayerId, plan: &ArrayPlan) -> fmt::Result {
        let reads: Vec<BufferId> = [plan.input].into_iter().chain(plan.residual).collect();
        writeln!(
            out,
            "array reads={} writes={} order={} weights={} weight_bits={} packed={} row_groups={} passes={} strips={}",
            list(&reads),
            plan.output,
            word(plan.order),
            word(plan.weights),
            self.numerics.weight_bits[id.0],
            plan.work.packed,
            plan.work.row_groups(),
            plan.work.conv_pass_count(),
            plan.strips.len()
        )?;
        write_strips(out, id, &plan.strips)
    }

    fn write_buffers(&self, out: &mut String) -> fmt::Result {
        for (index, buffer) in self.buffers.iter().enumerate() {
            writeln!(
                out,
                "buffer {} tensor={} images={} rows={} base={} words={} elements={} live={}..{}",
                BufferId(index),
                buffer.tensor,
                buffer.images,
                buffer.rows,
                buffer.base,
                buffer.words,
                buffer.elements,
                buffer.live.start.0,
                buffer.live.end.0
            )?;
        }
        Ok(())
    }

    fn write_dram(&self, out: &mut String) -> fmt::Result {
        for (index, address) in self.dram.tensors.iter().enumerate() {
            let shape = self.graph.shape(TensorId(index));
            let kind = self.numerics.activations[index];
            let bytes = count(self.batch) * shape.elements().0 * kind.bytes().0;
            writeln!(
                out,
                "tensor {} shape={shape} type={kind} address={address} bytes={bytes}",
                TensorId(index)
            )?;
        }
        for (layer, groups) in self.dram.weights.iter().enumerate() {
            for (group, address) in groups.iter().enumerate() {
                writeln!(
                    out,
                    "weights layer={layer} row_group={group} address={address}"
                )?;
            }
        }
        Ok(())
    }

    fn op(&self, out: &mut String, index: usize, op: &Op) -> fmt::Result {
        write!(out, "op {index} {} layer={}", unit(&op.kind), op.layer.0)?;
        match &op.kind {
            OpKind::Load {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic,
            }
            | OpKind::Store {
                buffer,
                image,
                rows,
                start,
                bytes,
                traffic,
            } => write!(
                out,
                " buffer={buffer} image={image} rows={} address={start} bytes={bytes} traffic={}",
                range(rows),
                word(*traffic)
            ),
            OpKind::Fetch { row_group, fills } => {
                let (address, bytes) = self.fetched(op.layer, *row_group, fills);
                let fills = range(fills);
                write!(
                    out,
                    " row_group={row_group} fills={fills} address={address} bytes={bytes}"
                )
            }
            OpKind::Sweep {
                row_group,
                strip,
                image,
            } => write!(out, " row_group={row_group} strip={strip} image={image}"),
            OpKind::Vector { strip, image } => write!(out, " strip={strip} image={image}"),
            OpKind::Host { image } => write!(out, " image={image}"),
        }?;
        writeln!(out, " after={}", list(&op.after))
    }

    /// First byte and number of bytes of a Fetch.
    ///
    /// # Panics
    /// When the layer does not run on the array: it has no weights to fetch.
    #[must_use]
    pub fn fetched(&self, layer: LayerId, row_group: usize, fills: &Range<usize>) -> (Addr, Bytes) {
        let LayerPlan::Array(plan) = &self.layers[layer.0] else {
            panic!("a Fetch belongs to a layer of the array");
        };
        let element = Bytes(u64::from(self.numerics.weight_bits[layer.0].div_ceil(8)));
        let group = plan.work.row_group(row_group);
        let conv_passes = plan.work.conv_pass_count();
        let mut passes = plan.work.passes(row_group);
        passes.truncate(conv_passes);
        let sizes: Vec<Bytes> = (passes.iter())
            .map(|pass| pass_bytes(&group, pass, element))
            .collect();
        let parameters = parameter_block_bytes(&group);
        let filled: Bytes = fills.clone().map(|fill| sizes[fill % conv_passes]).sum();
        let base = self.dram.weights[layer.0][row_group];
        if fills.start == 0 {
            return (base, parameters + filled);
        }
        let before: Bytes = sizes[..fills.start % conv_passes].iter().copied().sum();
        (base + parameters + before, filled)
    }
}

impl Display for BufferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.0)
    }
}

impl Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

fn write_strips(out: &mut String, layer: LayerId, strips: &[Strip]) -> fmt::Result {
    for (index, strip) in strips.iter().enumerate() {
        let (output, input) = (range(&strip.out_rows), range(&strip.in_rows));
        writeln!(
            out,
            "strip layer={} strip={index} output_rows={output} input_rows={input}",
            layer.0
        )?;
    }
    Ok(())
}

/// The engine that does it, and the operation's name.
const fn unit(kind: &OpKind) -> &'static str {
    match kind {
        OpKind::Load { .. } => "dma load",
        OpKind::Store { .. } => "dma store",
        OpKind::Fetch { .. } => "dma fetch",
        OpKind::Sweep { .. } => "array sweep",
        OpKind::Vector { .. } => "vector strip",
        OpKind::Host { .. } => "host layer",
    }
}

/// The name of a choice, as in JSON.
fn word(choice: impl Serialize) -> String {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(_) | Err(_) => unreachable!("a choice without fields is written as its name"),
    }
}

fn range(range: &Range<usize>) -> String {
    format!("{}..{}", range.start, range.end)
}

/// `1,2`, or `none`.
fn list<T: Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    let items: Vec<String> = items.iter().map(T::to_string).collect();
    items.join(",")
}
