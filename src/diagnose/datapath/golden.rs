//! The rules as the layer has them.

use super::{
    Datapath, Kernel, Lanes, Multiplier, Padding, Read, Requantising, Shortcut, Skip, Source,
    Start, Sum, WeightRead, Whose, Write,
};
use crate::diagnose::Plan;
use crate::fixed::{Accumulator, Overflow};
use crate::tensor::IntType;

impl Datapath {
    /// The rules of a layer.
    ///
    /// A golden run gave its output, so its accumulators did not trap: here they wrap.
    pub(in crate::diagnose) fn golden(plan: &Plan) -> Self {
        let (quant, accumulator) = (&plan.quant, plan.work.array.pe.accumulator);
        let overflow = match accumulator.overflow {
            Overflow::Trap => Overflow::Wrap,
            kept @ (Overflow::Wrap | Overflow::Saturate) => kept,
        };
        Self {
            read: read(plan),
            weight: WeightRead {
                ty: IntType::signed(plan.weight_bits),
                kernel: Kernel::Straight,
                source: Source::Of(Whose::OWN),
                stuck: None,
            },
            dead: None,
            sum: Sum {
                start: Start::Bias {
                    times: 1,
                    of: Whose::OWN,
                },
                skip: Skip::None,
                accumulator: Accumulator {
                    bits: accumulator.bits,
                    overflow,
                },
            },
            shortcut: Shortcut {
                times: 1,
                zero_point: quant.residual.as_ref().map_or(0, |r| r.zero_point),
                shift: 0,
                of: Whose::OWN,
            },
            requantise: requantising(plan),
            write: Write {
                ty: quant.requantise.output,
                lanes: Lanes::Straight,
                offset: [0; 2],
                swap_bytes: false,
                stuck: None,
                constant: None,
                pe: None,
            },
        }
    }
}

fn read(plan: &Plan) -> Read {
    Read {
        ty: plan.input_type,
        zero_point: plan.quant.input_zero_point,
        lanes: Lanes::Straight,
        words: 0,
        swap_bytes: false,
        stuck: None,
        offset: [0; 2],
        stride: plan.work.conv.stride,
        dilation: plan.work.conv.dilation,
        padding: Padding::ZeroPoint,
        stale: None,
        swap: None,
    }
}

fn requantising(plan: &Plan) -> Requantising {
    let requantise = &plan.quant.requantise;
    Requantising {
        rule: requantise.rule,
        multiplier: Multiplier::Of(Whose::OWN),
        shift_of: Whose::OWN,
        shift: 0,
        rounded_before: 0,
        zero_point: requantise.zero_point,
        overflow: requantise.overflow,
        lower: requantise.lower,
        upper: requantise.upper,
    }
}
