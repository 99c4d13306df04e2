//! What a layer is and in which order the array computes it.

use super::DiagnoseError;
use crate::quantise::{QuantConv, QuantLayer, QuantNetwork};
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::work::ConvWork;
use crate::schedule::{LayerPlan, OpKind, Schedule, Strip};
use crate::tensor::IntType;
use crate::units::Words;
use serde::Serialize;

/// One Sweep of the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SweepAt {
    /// Which row group.
    pub row_group: usize,
    /// Which strip.
    pub strip: usize,
    /// Which image; 0 for a fully connected layer.
    pub image: usize,
}

/// The buffer that the output is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct OutputBuffer {
    /// First word in each bank.
    pub base: Words,
    /// Ring rows of one image.
    pub rows: usize,
    /// Images held at once.
    pub images: usize,
}

/// One layer on the array.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Its name.
    pub layer: String,
    /// Row groups, passes, tiles.
    pub work: ConvWork,
    /// Output bands, top to bottom.
    pub strips: Vec<Strip>,
    /// Its Sweeps, in the order of the schedule.
    pub sweeps: Vec<SweepAt>,
    /// Ring rows of the input's buffer.
    pub input_rows: usize,
    /// Where the output is written.
    pub output: OutputBuffer,
    /// Its integers.
    pub quant: QuantConv,
    /// Range of the input.
    pub input_type: IntType,
    /// Bits of a weight.
    pub weight_bits: u8,
    /// Range of the shortcut, if there is one.
    pub shortcut_type: Option<IntType>,
    /// Whether the images are the pixels of one map (fully connected).
    pub images_are_pixels: bool,
}

impl Plan {
    /// Layer `id` of a schedule with the integers of its network.
    ///
    /// # Errors
    /// When the layer is not a convolution or fully connected layer on the array.
    pub fn of(
        schedule: &Schedule,
        network: &QuantNetwork,
        id: LayerId,
    ) -> Result<Self, DiagnoseError> {
        let refused = DiagnoseError::NotOnArray { layer: id.0 };
        let (Some(LayerPlan::Array(plan)), Some(QuantLayer::Conv(quant)), Some(layer)) = (
            schedule.layers.get(id.0),
            network.layers.get(id.0),
            schedule.graph.layers.get(id.0),
        ) else {
            return Err(refused);
        };
        let ranges = &schedule.numerics.activations;
        let range = |place: usize| ranges.get(layer.inputs.get(place)?.0).copied();
        let buffer = |b: usize| schedule.buffers.get(b);
        let (Some(input_type), Some(&weight_bits), Some(input), Some(output)) = (
            range(0),
            schedule.numerics.weight_bits.get(id.0),
            buffer(plan.input.0),
            buffer(plan.output.0),
        ) else {
            return Err(refused);
        };
        let sweeps = schedule.ops.iter().filter(|op| op.layer == id);
        let sweeps = sweeps.filter_map(|op| match op.kind {
            OpKind::Sweep {
                row_group,
                strip,
                image,
            } => Some(SweepAt {
                row_group,
                strip,
                image,
            }),
            _ => None,
        });
        Ok(Self {
            layer: layer.name.clone(),
            work: plan.work.clone(),
            strips: plan.strips.clone(),
            sweeps: sweeps.collect(),
            input_rows: input.rows,
            output: OutputBuffer {
                base: output.base,
                rows: output.rows,
                images: output.images,
            },
            quant: quant.clone(),
            input_type,
            weight_bits,
            shortcut_type: range(1),
            images_are_pixels: matches!(layer.op, LayerOp::FullyConnected { .. }),
        })
    }

    /// What the layer does, in a few words.
    #[must_use]
    pub fn operator(&self) -> String {
        let conv = &self.work.conv;
        if self.images_are_pixels {
            return format!(
                "fully connected {} to {}",
                self.work.input.channels, conv.out_channels
            );
        }
        let mut text = format!("{0}x{0} stride {1}", conv.kernel, conv.stride);
        let extras = [
            (conv.dilation > 1, format!(" dilation {}", conv.dilation)),
            (conv.groups > 1, format!(" groups {}", conv.groups)),
            (self.work.packed, " packed".to_owned()),
            (self.work.residual, " with shortcut".to_owned()),
        ];
        for (_, extra) in extras.into_iter().filter(|(there, _)| *there) {
            text.push_str(&extra);
        }
        text
    }

    /// Whether every integer that an element needs is there.
    pub(super) fn check(&self) -> Result<(), DiagnoseError> {
        let wrong = |what| Err(DiagnoseError::Integers { what });
        let (work, quant) = (&self.work, &self.quant);
        let (conv, outputs) = (&work.conv, work.output.channels);
        let sizes = [
            work.array.rows,
            work.array.tile_h,
            work.array.tile_w,
            work.array.pe.lanes,
            work.array.pe.accumulators,
            conv.kernel,
            conv.stride,
            conv.dilation,
            conv.groups,
        ];
        let maps = [work.input, work.output];
        if sizes.contains(&0) || maps.iter().any(|m| m.pixels() * m.channels == 0) {
            return wrong("sizes");
        }
        if !work.input.channels.is_multiple_of(conv.groups) || !outputs.is_multiple_of(conv.groups)
        {
            return wrong("channel groups");
        }
        let kernel = (outputs, conv.kernel, conv.kernel, work.group_inputs());
        if quant.weight.dim() != kernel {
            return wrong("weights");
        }
        if quant.bias.len() != outputs {
            return wrong("biases");
        }
        if quant.requantise.check().is_err() || quant.requantise.channels() != outputs {
            return wrong("requantisation");
        }
        let shortcut = quant.residual.as_ref();
        let fits = shortcut.is_none_or(|r| {
            r.k.len() == outputs && r.e.len() == outputs && r.e.iter().all(|&e| e <= 15)
        });
        if !fits
            || shortcut.is_some() != work.residual
            || work.residual != self.shortcut_type.is_some()
        {
            return wrong("shortcut's factors");
        }
        let rows = self.strips.iter().map(|strip| &strip.out_rows);
        let ordered = rows
            .clone()
            .zip(rows.skip(1))
            .all(|(a, b)| a.end == b.start);
        let whole = self.strips.first().is_some_and(|s| s.out_rows.start == 0)
            && (self.strips.last()).is_some_and(|s| s.out_rows.end == work.output.height);
        if !ordered || !whole || self.output.rows == 0 || self.output.images == 0 {
            return wrong("strips");
        }
        Ok(())
    }
}
