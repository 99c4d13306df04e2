//! What the words of the page mean: each cause of cycles, and the terms of the tables.

use super::super::charts::palette::words;
use super::escape;
use crate::time::Cause;
use std::fmt::Write as _;

/// What the array does, or waits for, in a cycle of this cause.
const fn meaning(cause: Cause) -> &'static str {
    match cause {
        Cause::Useful => "Steps the array would need if every multiplier worked.",
        Cause::KernelIdle => {
            "Steps lost to taps that a kernel does not have, as in a 1x1 kernel on 3x3 elements."
        }
        Cause::LaneIdle => "Steps lost to lanes without an input channel.",
        Cause::RowIdle => "Steps lost to array rows without an output channel.",
        Cause::TileEdge => "Steps lost to tiles that hang over the edge of the map.",
        Cause::Residual => "Steps that add a shortcut.",
        Cause::Halo => "Steps that compute rows at the edge of a strip again.",
        Cause::Setup => "The start of a layer on the array.",
        Cause::Host => "The array waits for the host, transfers around the call included.",
        Cause::Vector => "The array waits for the vector unit.",
        Cause::OutputsWait => {
            "No output rows are free; after the last layer: the output is still on its way to DRAM."
        }
        Cause::InputsWait => "Input rows are still on their way from DRAM.",
        Cause::Drain => {
            "The drain register is full; at the end of a layer: its last results leave."
        }
        Cause::ActPort => "The activation SRAM is still reading the words of the patch.",
        Cause::WeightsWait => "The next weights have not come from DRAM.",
        Cause::WeightPort => "The weight SRAM is still reading the kernel.",
        Cause::Fill => "The pipeline or the first kernel of a layer fills.",
    }
}

const TERMS: [(&str, &str); 12] = [
    (
        "MAC",
        "One multiplication and addition of the array; MMAC: a million of them.",
    ),
    (
        "cycles",
        "Cycles of the chip's clock; every cycle of a run has exactly one cause.",
    ),
    (
        "share",
        "Cycles of a layer over cycles of its run, in percent.",
    ),
    (
        "utilisation",
        "MACs done over the MACs the array could do in the same cycles, in percent.",
    ),
    (
        "latency",
        "First DRAM request to last output byte, nothing on the chip before.",
    ),
    (
        "RTL-validated",
        "The RTL has the unit, the operator and the chip's parameters: cycles of such layers are compared with it.",
    ),
    (
        "DRAM bytes",
        "Bytes asked for, read and written, without what fills a burst; kB and MB are powers of 1000.",
    ),
    (
        "GB/s",
        "Powers of 1000: bytes on the DRAM bus a second, with what fills a burst.",
    ),
    (
        "spills",
        "Activations written to DRAM and read back because the SRAM was full.",
    ),
    ("shortcuts", "Tensors kept for a later addition."),
    (
        "SRAM KiB, MiB",
        "Powers of 1024; padding to whole words and banks included.",
    ),
    (
        "SQNR",
        "Signal to quantisation noise of a layer's output, in decibels; clipped: outputs outside the range.",
    ),
];

/// A cause with its colour; what it means shows under the pointer.
pub(super) fn named(cause: Cause) -> String {
    format!(
        "<i class=\"{}\"></i><abbr title=\"{}\">{}</abbr>",
        cause.key(),
        escape(meaning(cause)),
        words(cause)
    )
}

/// All words with what they mean.
pub(super) fn section() -> String {
    let mut html = "<h3>Causes of cycles</h3>\n<dl>\n".to_owned();
    for cause in Cause::ALL {
        let _ = writeln!(
            html,
            "<dt><i class=\"{}\"></i>{}</dt><dd>{}</dd>",
            cause.key(),
            words(cause),
            escape(meaning(cause))
        );
    }
    html.push_str("</dl>\n<h3>Figures</h3>\n<dl>\n");
    for (term, meaning) in TERMS {
        let _ = writeln!(html, "<dt>{term}</dt><dd>{}</dd>", escape(meaning));
    }
    html.push_str("</dl>\n");
    html
}
