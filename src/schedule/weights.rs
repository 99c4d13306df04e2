//! How many bytes of weights each fill brings, and how many fills a Sweep needs.
//!
//! A row group lies in DRAM as its parameter block, then its passes in step order. A pass holds valid rows,
//! valid lanes and valid taps only. A residual pass has no weights: it fills no slot and reads no slot.

use super::WeightMode;
use super::work::{ConvWork, Pass, PassKind, RowGroup};
use crate::units::{Bytes, count};
use std::ops::Range;

/// Bytes of the parameters of one output channel: bias 8, multiplier 4, shift 1, residual factor 2, residual shift 1.
pub const CHANNEL_PARAMETER_BYTES: Bytes = Bytes(16);

/// Bytes of the parameter block of a row group: [`CHANNEL_PARAMETER_BYTES`] for each of its channels.
#[must_use]
pub fn parameter_block_bytes(row_group: &RowGroup) -> Bytes {
    Bytes(count(row_group.channels.len()) * CHANNEL_PARAMETER_BYTES.0)
}

/// Bytes of one pass of a row group in DRAM, for weights of `weight` bytes each.
///
/// Valid rows times valid lanes times taps; a packed pass holds each of its input channels once for each
/// row; a residual pass holds nothing.
#[must_use]
pub fn pass_bytes(row_group: &RowGroup, pass: &Pass, weight: Bytes) -> Bytes {
    let rows = row_group.channels.len();
    let weights = match pass.kind {
        PassKind::Window => rows * pass.channels.len() * pass.weight_taps,
        PassKind::Packed => rows * pass.channels.len(),
        PassKind::Residual => 0,
    };
    Bytes(count(weights) * weight.0)
}

/// Bytes of one row group in DRAM: parameter block and all passes.
#[must_use]
pub fn row_group_bytes(work: &ConvWork, row_group: &RowGroup, weight: Bytes) -> Bytes {
    let kernel = work.conv.kernel * work.conv.kernel;
    let weights = row_group.channels.len() * work.group_inputs() * kernel;
    parameter_block_bytes(row_group) + Bytes(count(weights) * weight.0)
}

/// Bytes of a whole layer in DRAM, without the padding of row groups to bursts.
#[must_use]
pub fn layer_bytes(work: &ConvWork, weight: Bytes) -> Bytes {
    let outputs = work.output.channels;
    let weights = outputs * work.group_inputs() * work.conv.kernel * work.conv.kernel;
    Bytes(count(outputs) * CHANNEL_PARAMETER_BYTES.0 + count(weights) * weight.0)
}

/// Fills of one fetching of a row group: its passes with weights, and for [`WeightMode::Streamed`] those of
/// every block of the Sweep over `out_rows`, block outside.
#[must_use]
pub fn fills(work: &ConvWork, mode: WeightMode, out_rows: &Range<usize>) -> usize {
    match mode {
        WeightMode::Resident | WeightMode::Held => work.conv_pass_count(),
        WeightMode::Streamed => {
            work.conv_pass_count() * work.tile_rows(out_rows).len() * work.blocks()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chip::{Array, Pe, PeKind, Pointwise};
    use crate::fixed::{Accumulator, Overflow};
    use crate::network::Conv;
    use crate::tensor::FeatureMap;
    use proptest::prelude::*;

    fn work(inputs: usize, outputs: usize, kernel: usize, groups: usize, packed: bool) -> ConvWork {
        let array = Array {
            pe: Pe {
                kind: PeKind::Direct,
                lanes: 4,
                accumulators: 2,
                accumulator: Accumulator {
                    bits: 32,
                    overflow: Overflow::Wrap,
                },
            },
            rows: 8,
            tile_h: 2,
            tile_w: 2,
            pointwise: if packed {
                Pointwise::Packed
            } else {
                Pointwise::Naive
            },
        };
        let conv = Conv {
            out_channels: outputs * groups,
            kernel,
            stride: 1,
            padding: kernel / 2,
            dilation: 1,
            groups,
        };
        ConvWork::new(
            FeatureMap::new(8, 9, inputs * groups),
            FeatureMap::new(8, 9, outputs * groups),
            conv,
            true,
            array,
        )
    }

    #[test]
    fn a_streamed_sweep_fills_every_block_again() {
        let work = work(10, 8, 3, 1, false);
        assert_eq!(work.conv_pass_count(), 3);
        assert_eq!(fills(&work, WeightMode::Held, &(0..4)), 3);
        // Two tile rows of ceil(5 / 2) blocks.
        assert_eq!(fills(&work, WeightMode::Streamed, &(0..4)), 3 * 2 * 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

        #[test]
        fn passes_add_up_to_the_layer(
            inputs in 1usize..50, outputs in 1usize..20, kernel in 1usize..8, groups in 1usize..4,
            packed: bool, weight in 1u64..3,
        ) {
            let work = work(inputs, outputs, kernel, groups, packed);
            let weight = Bytes(weight);
            let mut total = Bytes::ZERO;
            for index in 0..work.row_groups() {
                let group = work.row_group(index);
                let passes = work.passes(index);
                let sum = passes.iter().map(|p| pass_bytes(&group, p, weight)).sum::<Bytes>()
                    + parameter_block_bytes(&group);
                prop_assert_eq!(sum, row_group_bytes(&work, &group, weight));
                total += sum;
            }
            prop_assert_eq!(total, layer_bytes(&work, weight));
        }
    }
}
