//! The report for programs: every figure has its unit in its name.

use super::super::Report;
use super::super::cycles::Cycles;
use super::super::judge::{AXES, Counts, Difference, Judged, Verdict};
use super::super::observed::Element;
use super::super::why::Explained;
use super::{headline, hex, xor};
use serde_json::{Value, json};

/// Changes when a key changes its meaning or goes.
const SCHEMA: u32 = 1;

/// The JSON text.
#[must_use]
pub fn json(report: &Report) -> String {
    let verdict = match report.verdict() {
        Verdict::Match => "match",
        Verdict::Mismatch => "mismatch",
        Verdict::Unjudged => "cannot_judge",
    };
    let first =
        |found: Option<(&Judged, &Difference)>| found.map(|(part, one)| difference(part, one));
    let of = &report.of;
    let masks = report.masks.iter().map(|mask| {
        let ranges: Vec<[usize; 2]> = mask.ranges.iter().map(|r| [r.start, r.end]).collect();
        json!({
            "layer": mask.name, "elements": ranges, "reason": mask.reason, "hidden_elements": mask.hidden,
        })
    });
    let object = json!({
        "schema_version": SCHEMA,
        "verdict": verdict,
        "sentence": headline(report),
        "vacuous": report.vacuous().collect::<Vec<_>>(),
        "command": of.command,
        "study": of.study,
        "chip": of.chip,
        "network": of.network,
        "first_image": of.image,
        "images": of.batch,
        "dump": of.dump,
        "elements": counts(&report.counts()),
        "first_in_execution_order": first(report.first_in_execution()),
        "first_in_memory_order": first(report.first_in_memory()),
        "tensors": report.judged.iter().map(tensor).collect::<Vec<Value>>(),
        "layers_not_compared": report.not_compared(),
        "masks": masks.collect::<Vec<Value>>(),
        "counters": report.cycles.as_ref().map(|cycles| counters(report, cycles)),
    });
    format!("{object:#}\n")
}

fn counts(counts: &Counts) -> Value {
    json!({
        "compared_elements": counts.compared,
        "wrong_elements": counts.wrong,
        "unknown_elements": counts.unknown,
        "missing_elements": counts.missing,
        "hidden_elements": counts.hidden,
    })
}

fn tensor(part: &Judged) -> Value {
    let by = AXES.iter().zip(&part.spread.by);
    let by: serde_json::Map<String, Value> = by
        .map(|(axis, counts)| (key(axis), json!(counts)))
        .collect();
    let explained = |of: fn(&Explained) -> Value| part.explained.as_ref().map(of);
    json!({
        "layer": part.name,
        "operator": part.operator,
        "file": part.source,
        "elements": counts(&part.counts),
        "differing_elements": by,
        "notes": part.notes,
        "causes": explained(|of| json!(of.causes)),
        "terms_of_first": explained(|of| json!(of.terms)),
        "weights_in_effect": explained(|of| match &of.estimate {
            Some(Ok(estimate)) => json!(estimate),
            Some(Err(skipped)) => json!({ "skipped": skipped.to_string() }),
            None => Value::Null,
        }),
        "differences": part.some.iter().map(|one| difference(part, one)).collect::<Vec<Value>>(),
    })
}

/// `by_pe_row`.
fn key(axis: &str) -> String {
    format!("by_{}", axis.to_lowercase().replace(' ', "_"))
}

fn difference(part: &Judged, one: &Difference) -> Value {
    let (state, found) = match one.found {
        Element::Known(value) => ("wrong", Some(value)),
        Element::Unknown => ("unknown", None),
        Element::Missing | Element::Outside => ("missing", None),
    };
    let mut object = json!({
        "layer": part.name,
        "file": part.source,
        "state": state,
        "expected": one.expected,
        "expected_hex": hex(one, one.expected),
        "found": found,
        "found_hex": found.map(|value| hex(one, value)),
        "xor_hex": xor(one),
        "dram_byte": one.dram_byte,
        "dump_word": one.word.map(|(word, _)| word),
        "dump_lane": one.word.and_then(|(_, lane)| lane),
        "write_cycle": one.drained,
    });
    let Some(place) = &one.place else {
        return object;
    };
    let [image, row, column, channel] = place.at;
    let more = json!({
        "image": image, "row": row, "column": column, "channel": channel, "element": place.index,
        "tile": place.array.map(|a| a.tile),
        "block_and_patch": place.array.map(|a| a.patch),
        "pe_row": place.array.map(|a| a.row).or(place.told.and_then(|told| told.pe_row)),
        "pe_column": place.told.and_then(|told| told.pe_column),
        "pixel": place.array.map(|a| a.pixel),
        "bank": place.sram.map(|s| s.bank).or(place.told.and_then(|told| told.bank)),
        "word": place.sram.map(|s| s.word),
        "lane": place.sram.map(|s| s.lane),
        "operation": place.op,
        "operation_start_cycle": place.span.map(|s| s.start),
        "operation_end_cycle": place.span.map(|s| s.end),
    });
    if let (Value::Object(object), Value::Object(more)) = (&mut object, more) {
        object.extend(more);
    }
    object
}

fn counters(report: &Report, cycles: &Cycles) -> Value {
    let figures = cycles.figures.iter().map(|figure| {
        json!({
            "layer": figure.layer.and_then(|layer| report.layers.get(layer)),
            "name": figure.name,
            "unit": figure.unit,
            "model": figure.model,
            "hardware": figure.hardware,
            "difference": i64::try_from(figure.difference()).ok(),
        })
    });
    json!({
        "checked": cycles.checked,
        "tolerance_cycles": cycles.tolerance,
        "off": cycles.off().count(),
        "figures": figures.collect::<Vec<Value>>(),
    })
}
