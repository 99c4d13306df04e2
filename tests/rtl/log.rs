//! The reader of the write log, on logs made from the model's tensors by the rule of `FORMAT.md`.

use crate::cases::{Case, Class};
use rayon::prelude::*;
use repchip::reparam::LayerOp;
use repchip::rtl::{RtlError, WriteLog};
use repchip::schedule::{ArrayPlan, LayerPlan, Op, OpKind};

/// The lines of a run: all words of its Sweeps.
fn lines(case: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, op) in case.schedule.ops.iter().enumerate() {
        let LayerPlan::Array(plan) = &case.schedule.layers[op.layer.0] else {
            continue;
        };
        if let OpKind::Sweep { strip, image, .. } = op.kind {
            let layer = &case.schedule.graph.layers[op.layer.0];
            let images = match layer.op {
                LayerOp::FullyConnected { .. } => 0..case.schedule.batch,
                _ => image..image + 1,
            };
            for image in images {
                for y in plan.strips[strip].out_rows.clone() {
                    for x in 0..layer.output.width {
                        lines.extend(pixel(case, plan, (index, op), [image, y, x]));
                    }
                }
            }
        }
    }
    lines
}

/// The words of one pixel, in a Sweep.
fn pixel(
    case: &Case,
    plan: &ArrayPlan,
    (index, op): (usize, &Op),
    [image, y, x]: [usize; 3],
) -> Vec<String> {
    let OpKind::Sweep { row_group, .. } = op.kind else {
        return Vec::new();
    };
    let tensor = &case.tensors[op.layer.output().0];
    let buffer = &case.schedule.buffers[plan.output.0];
    let (lanes, sram) = (case.chip.array.pe.lanes, &case.chip.activation_sram);
    let channels = plan.work.row_group(row_group).channels;
    let (_, _, width, all) = tensor.dim();
    let (words, columns) = (all.div_ceil(lanes), width.div_ceil(sram.bank_cols));
    let bank = y % sram.bank_rows * sram.bank_cols + (x + image) % sram.bank_cols;
    let line = y % buffer.rows / sram.bank_rows * columns + x / sram.bank_cols;
    let slot = image % buffer.images * (buffer.rows.div_ceil(sram.bank_rows) * columns * words);
    let first = usize::try_from(buffer.base.0).expect("small") + slot + line * words;
    let word = |word: usize| {
        let own = |lane: &usize| channels.contains(&(word * lanes + lane));
        let mask: u64 = (0..lanes).filter(own).map(|lane| 1 << lane).sum();
        let data: String = (0..lanes)
            .rev()
            .map(|lane| match own(&lane) {
                true => format!(
                    "{:04x}",
                    tensor[[image, y, x, word * lanes + lane]] & 0xffff
                ),
                false => "0000".to_owned(),
            })
            .collect();
        let at = first + word;
        format!("{index} {index} {bank} {at} {mask:x} {data}")
    };
    let span = channels.start / lanes..=(channels.end - 1) / lanes;
    span.map(word).collect()
}

fn read(case: &Case, lines: &[String]) -> Result<(), RtlError> {
    let log = WriteLog::parse(&lines.join("\n"))?;
    for (layer, tensor) in log.tensors(&case.schedule, &case.chip)? {
        assert_eq!(tensor, case.tensors[layer.output().0], "{}", case.title);
    }
    Ok(())
}

#[test]
fn a_log_gives_every_layer_back() {
    let all: Vec<(Class, u64)> = Class::ALL
        .iter()
        .flat_map(|class| (0..24).map(|seed| (*class, seed)))
        .collect();
    all.into_par_iter().for_each(|(class, seed)| {
        let case = Case::new(class, seed);
        assert_eq!(read(&case, &lines(&case)), Ok(()), "{}", case.title);
    });
}

#[test]
fn a_word_too_many_too_few_or_elsewhere_is_an_error() {
    let case = Case::new(Class::Chain, 0);
    let whole = lines(&case);
    for at in 0..whole.len() {
        let mut less = whole.clone();
        less.remove(at);
        let missing = read(&case, &less);
        assert!(matches!(missing, Err(RtlError::Missing { .. })), "{at}");
        let mut twice = whole.clone();
        twice.push(whole[at].clone());
        let line = twice.len();
        let stray = read(&case, &twice);
        assert!(matches!(stray, Err(RtlError::Stray { line: l, .. }) if l == line));
        for (field, value) in [(1, "9999"), (1, "0"), (2, "9999"), (3, "9999"), (4, "0")] {
            let mut fields: Vec<&str> = whole[at].split(' ').collect();
            fields[field] = value;
            let mut elsewhere = whole.clone();
            elsewhere[at] = fields.join(" ");
            assert!(read(&case, &elsewhere).is_err(), "{at}: {field}");
        }
    }
}
