//! `regs.hex` and `layers.hex`: what the chip and each layer are, as registers.

use super::words::WordList;
use super::{RtlError, coverage};
use crate::chip::{Chip, Dram, Reuse};
use crate::fixed::{Overflow, Requantise, Rounding, Rule};
use crate::quantise::{QuantConv, QuantLayer, QuantNetwork};
use crate::reparam::{LayerId, LayerOp, TensorId};
use crate::schedule::fills::FillPlan;
use crate::schedule::{ArrayPlan, BufferId, LayerPlan, Schedule, WeightMode};
use crate::tensor::{FeatureMap, IntType, Sign};

/// Words of `regs.hex`.
const CHIP_WORDS: usize = 32;
/// Words of a layer.
const LAYER_WORDS: usize = 64;

/// The text of `regs.hex`.
pub(super) fn chip(schedule: &Schedule, chip: &Chip) -> String {
    let Dram::Flat(dram) = &chip.dram;
    let mut list = WordList::default();
    list.push(chip.control.pipeline_cycles.0);
    list.push(chip.control.layer_start_cycles.0);
    list.count(chip.requantise.units);
    list.count(chip.requantise.write_words_per_cycle);
    list.push(chip.weight_sram.port.0.get());
    list.count(chip.weight_slots(schedule.numerics.widest_weight()));
    list.push(dram.latency.0);
    list.push(dram.burst.0);
    list.push(dram.bandwidth.numerator.get());
    list.push(dram.bandwidth.denominator.get());
    list.count(dram.in_flight);
    list.flag(match chip.activation_sram.reuse {
        Reuse::Window => true,
        Reuse::None => false,
    });
    list.count(schedule.layers.len());
    list.count(schedule.ops.len());
    list.count(FillPlan::new(schedule).total);
    list.fill(CHIP_WORDS);
    list.hex()
}

/// The text of `layers.hex`.
///
/// # Errors
/// When a layer needs what the RTL does not have.
pub(super) fn layers(
    schedule: &Schedule,
    chip: &Chip,
    network: &QuantNetwork,
) -> Result<String, RtlError> {
    let mut list = WordList::default();
    for index in 0..schedule.layers.len() {
        let id = LayerId(index);
        let Some((plan, quant)) = array_layer(schedule, network, id)? else {
            list.zeros(LAYER_WORDS);
            continue;
        };
        shape(&mut list, schedule, id, plan);
        arithmetic(&mut list, schedule, id, quant)?;
        places(&mut list, schedule, chip, plan);
        list.flag(images_are_patches(schedule, id));
        list.fill(LAYER_WORDS);
    }
    Ok(list.hex())
}

/// The plan and the integers of a layer on the array; `None` for one on the host.
///
/// # Errors
/// When the RTL does not have what the layer needs, or the network was made for another schedule.
pub(super) fn array_layer<'a>(
    schedule: &'a Schedule,
    network: &'a QuantNetwork,
    id: LayerId,
) -> Result<Option<(&'a ArrayPlan, &'a QuantConv)>, RtlError> {
    coverage::of_layer(schedule, id)?;
    match (&schedule.layers[id.0], &network.layers[id.0]) {
        (LayerPlan::Array(plan), QuantLayer::Conv(quant)) => Ok(Some((plan, quant))),
        (LayerPlan::Host, _) => Ok(None),
        _ => Err(RtlError::Other { what: "network" }),
    }
}

/// Whether the images of a layer are its patches.
fn images_are_patches(schedule: &Schedule, id: LayerId) -> bool {
    matches!(
        schedule.graph.layers[id.0].op,
        LayerOp::FullyConnected { .. }
    )
}

/// Words 0 to 14.
fn shape(list: &mut WordList, schedule: &Schedule, id: LayerId, plan: &ArrayPlan) {
    let work = &plan.work;
    let conv = &work.conv;
    for n in [
        conv.kernel,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
    ] {
        list.count(n);
    }
    list.flag(work.residual);
    list.flag(work.packed);
    for map in [work.input, work.output] {
        let FeatureMap {
            height,
            width,
            channels,
        } = map;
        for n in [height, width, channels] {
            list.count(n);
        }
    }
    list.push(schedule.numerics.weight_bits[id.0].div_ceil(8));
    list.push(match plan.weights {
        WeightMode::Resident => 0_u64,
        WeightMode::Held => 1,
        WeightMode::Streamed => 2,
    });
}

/// Words 15 to 29.
///
/// # Errors
/// When the RTL does not have the layer's requantisation.
fn arithmetic(
    list: &mut WordList,
    schedule: &Schedule,
    id: LayerId,
    quant: &QuantConv,
) -> Result<(), RtlError> {
    let requantise = &quant.requantise;
    let (multiplies, rounding) = match requantise.rule {
        Rule::Shift(rounding) => (false, rounding),
        Rule::Multiplier(rounding) => (true, rounding),
        Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy
        | Rule::Float32HalfEven
        | Rule::Slice => {
            return Err(RtlError::Rule {
                layer: schedule.graph.layers[id.0].name.clone(),
                rule: requantise.rule.name(),
            });
        }
    };
    list.flag(multiplies);
    list.push(match rounding {
        Rounding::Floor => 0_u64,
        Rounding::TowardZero => 1,
        Rounding::HalfUp => 2,
        Rounding::HalfEven => 3,
        Rounding::HalfAway => 4,
    });
    let shortcut = quant.residual.as_ref().map_or(0, |r| r.zero_point);
    list.signed(quant.input_zero_point);
    list.signed(shortcut);
    target(list, requantise);
    let inputs = &schedule.graph.layers[id.0].inputs;
    let ty = |tensor: &TensorId| schedule.numerics.activations[tensor.0];
    storage(list, inputs.first().map(ty));
    storage(list, inputs.get(1).map(ty));
    list.push(requantise.output.bytes().0);
    Ok(())
}

/// Words 19 to 24.
fn target(list: &mut WordList, requantise: &Requantise) {
    list.signed(requantise.zero_point);
    list.signed(requantise.lower);
    list.signed(requantise.upper);
    list.flag(match requantise.overflow {
        Overflow::Wrap => false,
        Overflow::Saturate => true,
        Overflow::Trap => unreachable!("a requantisation is built with `Wrap` or `Saturate`"),
    });
    list.push(requantise.output.bits);
    list.flag(requantise.output.sign == Sign::Signed);
}

/// Bytes of an element, and whether it is signed.
fn storage(list: &mut WordList, ty: Option<IntType>) {
    list.push(ty.map_or(0, |ty| ty.bytes().0));
    list.flag(ty.is_some_and(|ty| ty.sign == Sign::Signed));
}

/// Words 30 to 41.
fn places(list: &mut WordList, schedule: &Schedule, chip: &Chip, plan: &ArrayPlan) {
    for buffer in [Some(plan.input), Some(plan.output), plan.residual] {
        place(list, schedule, chip, buffer);
    }
}

/// First word in each bank, ring rows, words of one image in each bank, images.
///
/// A word of the RTL holds elements of one or two bytes alike: a buffer of two-byte elements uses the lower half of
/// the words it owns.
pub(super) fn place(
    list: &mut WordList,
    schedule: &Schedule,
    chip: &Chip,
    buffer: Option<BufferId>,
) {
    let Some(buffer) = buffer.map(|id| &schedule.buffers[id.0]) else {
        list.zeros(4);
        return;
    };
    let sram = &chip.activation_sram;
    let shape = schedule.graph.shape(buffer.tensor);
    let bands = buffer.rows.div_ceil(sram.bank_rows);
    let columns = shape.width.div_ceil(sram.bank_cols);
    list.push(buffer.base.0);
    list.count(buffer.rows);
    list.count(bands * columns * shape.channels.div_ceil(chip.array.pe.lanes));
    list.count(buffer.images);
}
