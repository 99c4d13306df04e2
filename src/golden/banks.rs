//! Outputs as they lie in activation SRAM: a file for `$readmemh` for each layer, bank and turn of the ring.
//!
//! `expected/banks/<layer>.bank<NN>.hex`. A line is a word: all lanes, lane 0 in the low digits, each element in its
//! bytes; a lane without a channel is `x`. `@` and an address in hexadecimal stands where words are left out. A buffer
//! with fewer rows or images than its tensor is a ring: the same word holds several rows in turn. Then each turn has
//! files of its own, `<layer>.bank<NN>.gen<K>.hex`; loaded from turn 0 to `K` they give the bank after turn `K`.

use super::File;
use super::tensors::stem;
use crate::reparam::LayerId;
use crate::rtl::Run;
use crate::schedule::storage::Grid;
use crate::schedule::{Buffer, LayerPlan, Schedule};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Elements of a word, lane 0 first.
type Word = Vec<Option<i32>>;
/// Words by turn and bank, then by address.
type Banks = BTreeMap<(usize, usize), BTreeMap<usize, Word>>;

/// The files of all layers whose output is written to activation SRAM.
pub(super) fn files(run: &Run<'_>) -> Vec<File> {
    let mut files = Vec::new();
    for layer in run.schedule.graph.ids() {
        let Some(buffer) = output(run.schedule, layer) else {
            continue;
        };
        let banks = banks(run, layer, buffer);
        let rings = banks.keys().any(|(turn, _)| *turn > 0);
        let bytes = run.schedule.numerics.activations[layer.output().0].bytes();
        let digits = if bytes.0 > 1 { 4 } else { 2 };
        for ((turn, bank), words) in &banks {
            let generation = if rings {
                format!(".gen{turn}")
            } else {
                String::new()
            };
            let stem = stem(run, layer);
            let name = format!("expected/banks/{stem}.bank{bank:02}{generation}.hex");
            files.push((name, text(words, digits).into_bytes()));
        }
    }
    files
}

/// The buffer that a layer writes; `None` on the host.
pub(super) fn output(schedule: &Schedule, layer: LayerId) -> Option<&Buffer> {
    let id = match &schedule.layers[layer.0] {
        LayerPlan::Array(plan) => plan.output,
        LayerPlan::Vector { output, .. } => *output,
        LayerPlan::Host => return None,
    };
    Some(&schedule.buffers[id.0])
}

fn banks(run: &Run<'_>, layer: LayerId, buffer: &Buffer) -> Banks {
    let grid = Grid::of(run.chip);
    let map = run.schedule.graph.shape(layer.output());
    let mut banks = Banks::new();
    for ((image, y, x, c), value) in run.tensors[layer.output().0].indexed_iter() {
        let place = grid.place(buffer, map, [image, y, x, c]);
        let key = (buffer.turn(map, image, y), place.bank);
        let words = banks.entry(key).or_default();
        let word = words
            .entry(place.word)
            .or_insert_with(|| vec![None; grid.lanes]);
        word[place.lane] = Some(*value);
    }
    banks
}

fn text(words: &BTreeMap<usize, Word>, digits: usize) -> String {
    let mut text = String::new();
    let mut next = None;
    for (address, word) in words {
        if next != Some(*address) {
            writeln!(text, "@{address:x}").expect("a string takes all text");
        }
        for element in word.iter().rev() {
            text.push_str(&element_text(*element, digits));
        }
        text.push('\n');
        next = Some(address + 1);
    }
    text
}

/// The low `digits` hexadecimal digits of an element.
fn element_text(element: Option<i32>, digits: usize) -> String {
    element.map_or_else(
        || "x".repeat(digits),
        |value| {
            let text = format!("{value:08x}");
            text[text.len() - digits..].to_owned()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lane_0_is_low_and_gaps_have_addresses() {
        let word = |lanes: [Option<i32>; 2]| lanes.to_vec();
        let words = BTreeMap::from([
            (30, word([Some(1), Some(-2)])),
            (31, word([Some(127), None])),
            (40, word([Some(0), Some(255)])),
        ]);
        assert_eq!(text(&words, 2), "@1e\nfe01\nxx7f\n@28\nff00\n");
        assert_eq!(element_text(Some(-2), 4), "fffe");
    }
}
