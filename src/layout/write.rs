//! The words of a tensor, the other way round.

use super::{Dim, Layout, LayoutError, Placed};
use crate::tensor::IntType;
use std::fmt::Write;

/// Words of a text at most: half a gigabyte of bytes.
const MOST_WORDS: u64 = 1 << 27;

/// A tensor as text for `$readmemh`: a word a line, behind the address of the first; padding is 0.
///
/// * `elements`: in memory order, image, row, column, channel
///
/// # Errors
/// When the layout does not fit the shape.
pub fn hex(
    layout: &Layout,
    dim: Dim,
    range: IntType,
    elements: &[i32],
) -> Result<String, LayoutError> {
    let placed = Placed::new(layout, dim)?;
    if placed.words() > MOST_WORDS {
        return Err(LayoutError::TooLarge {
            most: MOST_WORDS * u64::from(layout.lanes.get()),
        });
    }
    let digits = layout.word_bits(range).get().div_ceil(4) as usize;
    let mut text = String::new();
    if layout.first_word > 0 {
        text += &format!("@{:x}\n", layout.first_word);
    }
    for word in 0..placed.words() {
        let bits = word_of(layout, &placed, range, elements, word);
        let nibble = |digit: usize| {
            (0..4).rev().fold(0, |sum, bit| {
                sum << 1 | u8::from(bits.get(4 * digit + bit) == Some(&true))
            })
        };
        for digit in (0..digits).rev() {
            let _ = write!(text, "{:x}", nibble(digit));
        }
        text.push('\n');
    }
    Ok(text)
}

/// The bits of a word, the lowest first.
fn word_of(
    layout: &Layout,
    placed: &Placed,
    range: IntType,
    elements: &[i32],
    word: u64,
) -> Vec<bool> {
    let (lanes, lane_bits) = (layout.lanes.get(), layout.lane_bits(range));
    let mut bits = vec![false; layout.word_bits(range).get() as usize];
    for lane in 0..lanes {
        let position = word * u64::from(lanes) + u64::from(lane);
        let element = placed.element(position).and_then(|at| elements.get(at));
        let slot = if layout.first_lane_low {
            lane
        } else {
            lanes - 1 - lane
        };
        let start = (slot * lane_bits) as usize;
        let lane = &mut bits[start..start + lane_bits as usize];
        for (place, bit) in lane.iter_mut().enumerate() {
            // Bits above a negative element are those of its sign.
            *bit = element.is_some_and(|value| value >> place.min(31) & 1 == 1);
        }
    }
    bits
}
