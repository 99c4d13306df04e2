//! The RTL's answers beside the model's, as a table of what differs.

use crate::cases::Case;
use comfy_table::{Table, presets};
use repchip::reparam::TensorId;
use repchip::rtl::{Counters, DramImage, Dump, RtlError, WriteLog};
use repchip::schedule::{LayerPlan, Schedule};
use std::fmt::Write;

/// Rows of a table at most.
const ROWS: usize = 24;

/// DRAM as the model leaves it.
pub(crate) fn dram_after(case: &Case) -> DramImage {
    DramImage::after(&case.run()).expect("a run that the RTL has")
}

/// What lies at an address.
fn place(schedule: &Schedule, at: u64) -> String {
    for (index, start) in schedule.dram.tensors.iter().enumerate() {
        let shape = schedule.graph.shape(TensorId(index));
        let element = schedule.numerics.activations[index].bytes().0;
        let size = shape.elements().0 * element;
        let batch = u64::try_from(schedule.batch).expect("small");
        if (start.0..start.0 + size * batch).contains(&at) {
            let offset = usize::try_from((at - start.0) / element).expect("small");
            let (pixel, channel) = (offset / shape.channels, offset % shape.channels);
            let (line, x) = (pixel / shape.width, pixel % shape.width);
            let (image, y) = (line / shape.height, line % shape.height);
            return format!("tensor {index} (n {image}, y {y}, x {x}, c {channel})");
        }
    }
    "outside all tensors".to_owned()
}

/// Compares the output of every layer on the array, word by word as it was written.
pub(crate) fn writes(case: &Case, log: &str) -> Result<(), String> {
    let told = |error: RtlError| error.to_string();
    let log = WriteLog::parse(log).map_err(told)?;
    let tensors = log.tensors(&case.schedule, &case.chip).map_err(told)?;
    for (layer, tensor) in tensors {
        let want = &case.tensors[layer.output().0];
        let mut pairs = tensor.indexed_iter().zip(want);
        if let Some(((at, got), want)) = pairs.find(|((_, got), want)| got != want) {
            let layer = &case.schedule.graph.layers[layer.0].name;
            return Err(format!(
                "{}{layer} {at:?}: the RTL writes {got}, the model {want}",
                about(case)
            ));
        }
    }
    Ok(())
}

/// Compares all bytes and all figures.
pub(crate) fn compare(case: &Case, dump: &str, counters: &str) -> Result<(), String> {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).force_no_tty();
    table.set_header(["layer", "figure", "RTL", "model"]);
    let mut differ = 0;
    let mut row = |layer: String, figure: String, rtl: String, model: String| {
        differ += 1;
        if differ <= ROWS {
            table.add_row([layer, figure, rtl, model]);
        }
    };
    let schedule = &case.schedule;
    let dump = Dump::parse(dump).map_err(|error| error.to_string())?;
    let want = dram_after(case);
    for (at, want) in want.bytes().iter().enumerate() {
        let got = dump.bytes.get(at).copied().flatten();
        if got != Some(*want) {
            let got = got.map_or("unknown".to_owned(), |n| format!("{n:#04x}"));
            let figure = format!(
                "byte {at}, {}",
                place(schedule, u64::try_from(at).expect("small"))
            );
            row(String::new(), figure, got, format!("{want:#04x}"));
        }
    }
    let bytes = bytes_that_differ(&dump, want.bytes());
    let got = Counters::parse(counters, schedule.layers.len()).map_err(|e| e.to_string())?;
    let want = Counters::of(&case.timeline);
    for (got, want) in got.figures().into_iter().zip(want.figures()) {
        if got != want {
            let layer = want.0.map_or("run".to_owned(), |layer| layer.to_string());
            row(
                layer,
                want.1.to_owned(),
                got.2.to_string(),
                want.2.to_string(),
            );
        }
    }
    if differ == 0 {
        return Ok(());
    }
    Err(format!(
        "{}{table}\n{differ} figures differ, {bytes} of them bytes of DRAM",
        about(case)
    ))
}

/// How many bytes of DRAM are not as wanted.
pub(crate) fn bytes_that_differ(dump: &Dump, want: &[u8]) -> usize {
    want.iter()
        .enumerate()
        .filter(|(at, want)| dump.bytes.get(*at).copied().flatten() != Some(**want))
        .count()
}

/// The case in some lines.
fn about(case: &Case) -> String {
    let mut text = String::new();
    let chip = &case.chip;
    let _ = writeln!(text, "{:?} {:?}", chip.array, chip.activation_sram);
    let _ = writeln!(
        text,
        "{:?} {:?} {:?} {:?}",
        chip.control, chip.requantise, chip.weight_sram, chip.dram
    );
    for (layer, plan) in case.schedule.graph.layers.iter().zip(&case.schedule.layers) {
        let input = case.schedule.graph.shape(layer.inputs[0]);
        let _ = write!(
            text,
            "{}: {input} -> {} {:?}",
            layer.name, layer.output, layer.op
        );
        if let LayerPlan::Array(plan) = plan {
            let rows: Vec<_> = plan.strips.iter().map(|s| s.out_rows.clone()).collect();
            let _ = write!(text, " {:?} {:?} strips {rows:?}", plan.weights, plan.order);
        }
        text.push('\n');
    }
    text
}
