//! `dram.hex`: DRAM before the run, with the input and all weights in their places.

use super::registers::array_layer;
use super::words::bytes_hex;
use super::{RtlError, Run, host};
use crate::quantise::QuantConv;
use crate::reparam::LayerId;
use crate::schedule::OpKind;
use crate::schedule::work::{ConvWork, Pass, PassKind};
use crate::tensor::IntType;
use crate::units::{Addr, Bytes};

/// DRAM, byte by byte from address 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DramImage {
    bytes: Vec<u8>,
}

impl DramImage {
    /// DRAM before a run: input and weights; all else is 0.
    ///
    /// # Errors
    /// When a layer is on the vector unit, or schedule, network and input do not belong together.
    pub fn before(run: &Run<'_>) -> Result<Self, RtlError> {
        run.check()?;
        let (schedule, range) = (run.schedule, run.schedule.numerics.activations[0]);
        let mut image = Self::default();
        image.write(schedule.dram.tensors[0], &tensor_bytes(run.input, range));
        for (layer, starts) in schedule.dram.weights.iter().enumerate() {
            let Some((plan, quant)) = array_layer(schedule, run.network, LayerId(layer))? else {
                continue;
            };
            let work = &plan.work;
            let kernel = work.conv.kernel;
            let shape = (work.output.channels, kernel, kernel, work.group_inputs());
            let channels = [quant.bias.len(), quant.requantise.shift.len()];
            if quant.weight.dim() != shape || channels != [shape.0; 2] {
                return Err(RtlError::Other { what: "network" });
            }
            let weight = Bytes(u64::from(schedule.numerics.weight_bits[layer].div_ceil(8)));
            for (row_group, start) in starts.iter().enumerate() {
                image.write(*start, &row_group_bytes(work, quant, row_group, weight));
            }
        }
        Ok(image)
    }

    /// DRAM after a run as the model leaves it: as before, with each stored range and each result of the host.
    ///
    /// # Errors
    /// As [`Self::before`], and when the run brings no tensors.
    ///
    /// # Panics
    /// As [`Self::write`].
    pub fn after(run: &Run<'_>) -> Result<Self, RtlError> {
        let schedule = run.schedule;
        let mut image = Self::before(run)?;
        for op in &schedule.ops {
            if let OpKind::Store {
                buffer,
                start,
                bytes,
                ..
            } = &op.kind
            {
                let tensor = schedule.buffers[buffer.0].tensor;
                let range = schedule.numerics.activations[tensor.0];
                let whole = tensor_bytes(run.tensor(tensor)?, range);
                let at = |n: u64| usize::try_from(n).expect("an address of a small DRAM");
                let first = at(start.0 - schedule.dram.tensors[tensor.0].0);
                image.write(*start, &whole[first..first + at(bytes.0)]);
            }
        }
        for call in host::calls(schedule, run.chip)?.values() {
            image.write(call.start, &host::result(run, call)?);
        }
        Ok(image)
    }

    /// Puts `bytes` from address `at` on; DRAM grows as needed.
    ///
    /// # Panics
    /// When an address does not fit the memory of this computer.
    pub fn write(&mut self, at: Addr, bytes: &[u8]) {
        let start = usize::try_from(at.0).expect("an address of a small DRAM");
        let end = start + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.bytes[start..end].copy_from_slice(bytes);
    }

    /// All bytes up to the last that was written.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// One byte a line, up to `size`.
    ///
    /// # Panics
    /// As [`Self::write`].
    #[must_use]
    pub fn hex(&self, size: Bytes) -> String {
        let mut bytes = self.bytes.clone();
        bytes.resize(
            usize::try_from(size.0).expect("an address of a small DRAM"),
            0,
        );
        bytes_hex(&bytes)
    }
}

/// A tensor as it lies in DRAM: image, row, column, channel, without padding, each element in whole bytes, little
/// endian.
#[must_use]
pub fn tensor_bytes<'t>(tensor: impl IntoIterator<Item = &'t i32>, range: IntType) -> Vec<u8> {
    let mut bytes = Vec::new();
    for value in tensor {
        put(&mut bytes, *value, range.bytes());
    }
    bytes
}

/// The low `size` bytes of `value`.
fn put(bytes: &mut Vec<u8>, value: i32, size: Bytes) {
    bytes.extend(value.to_le_bytes().iter().take(usize::from(size.0 > 1) + 1));
}

/// One row group: parameter block, then passes in step order.
fn row_group_bytes(work: &ConvWork, quant: &QuantConv, row_group: usize, weight: Bytes) -> Vec<u8> {
    let channels = work.row_group(row_group).channels;
    let mut bytes = Vec::new();
    for channel in channels.clone() {
        parameters(&mut bytes, quant, channel);
    }
    for pass in work.passes(row_group) {
        for channel in channels.clone() {
            pass_bytes(&mut bytes, work, quant, &pass, channel, weight);
        }
    }
    bytes
}

/// 16 bytes of one output channel.
fn parameters(bytes: &mut Vec<u8>, quant: &QuantConv, channel: usize) {
    bytes.extend(quant.bias[channel].to_le_bytes());
    bytes.extend(quant.requantise.multiplier[channel].to_le_bytes());
    bytes.push(quant.requantise.shift[channel]);
    let (factor, shift) = match &quant.residual {
        Some(residual) => (residual.k[channel], residual.e[channel]),
        None => (0, 0),
    };
    put(bytes, factor, Bytes(2));
    bytes.push(shift);
}

/// Weights of one output channel in one pass: for each lane its taps; packed: channel by channel.
fn pass_bytes(
    bytes: &mut Vec<u8>,
    work: &ConvWork,
    quant: &QuantConv,
    pass: &Pass,
    channel: usize,
    weight: Bytes,
) {
    let first = pass.channels.start / work.group_inputs() * work.group_inputs();
    match pass.kind {
        PassKind::Window | PassKind::Packed => {
            for input in pass.channels.clone() {
                for y in pass.tap_rows.clone() {
                    for x in pass.tap_cols.clone() {
                        put(bytes, quant.weight[[channel, y, x, input - first]], weight);
                    }
                }
            }
        }
        PassKind::Residual => {}
    }
}
