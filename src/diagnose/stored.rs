//! The weights of each row group as they are stored: pass by pass, row by row, lane by lane, tap by tap.

use super::Plan;
use crate::schedule::work::{Pass, PassKind};

/// By row group: its bytes, and where each pass begins.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    groups: Vec<(Vec<u8>, Vec<usize>)>,
    /// Bytes of a weight.
    size: usize,
}

impl Stored {
    pub(super) fn new(plan: &Plan, passes: &[Vec<Pass>]) -> Self {
        let size = usize::from(plan.weight_bits.div_ceil(8).max(1));
        let group = |(row_group, passes): (usize, &Vec<Pass>)| {
            let (mut bytes, mut starts) = (Vec::new(), Vec::new());
            for pass in passes {
                starts.push(bytes.len());
                if pass.kind == PassKind::Residual {
                    continue;
                }
                for channel in plan.work.row_group(row_group).channels {
                    for input in pass.channels.clone() {
                        let input = input % plan.work.group_inputs();
                        for y in pass.tap_rows.clone() {
                            for x in pass.tap_cols.clone() {
                                let weight = plan.quant.weight[[channel, y, x, input]];
                                bytes.extend(weight.to_le_bytes().iter().take(size));
                            }
                        }
                    }
                }
            }
            (bytes, starts)
        };
        Self {
            groups: passes.iter().enumerate().map(group).collect(),
            size,
        }
    }

    /// The weight at byte `address` of a pass, its low bits; 0 outside the row group.
    pub(super) fn weight(&self, row_group: usize, pass: usize, address: isize) -> i32 {
        let (bytes, starts) = &self.groups[row_group];
        let Some(first) = starts[pass].checked_add_signed(address) else {
            return 0;
        };
        let byte = |place: usize| i32::from(bytes.get(first + place).copied().unwrap_or(0));
        (0..self.size).fold(0, |value, place| value | (byte(place) << (8 * place)))
    }

    /// Bytes of a weight.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}
