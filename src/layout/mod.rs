//! How the elements of a tensor lie in the words of a dump.
//!
//! In: a [`Layout`], read from TOML by [`Description`], and the shape of a tensor. Out: [`Placed`], which gives the
//! element at a position and the position of an element. A position counts the lanes of all words: lane `l` of word
//! `w` is position `w * lanes + l`. An order of loops, outermost first, places the elements; a loop counts an axis, or
//! a part of it ([`Term`]), so that planes, tiles, surfaces of 8 channels and 4 channels a word are all orders. A
//! stride of a loop may be told where lines or surfaces are padded. This room reads no dump and knows no network.

mod error;
mod raw;
mod read;
mod term;
mod write;

pub use error::LayoutError;
pub use read::{Array, Description, Listed, Mapping, Signals};
pub use term::{Axis, Term};
pub use write::hex;

use crate::tensor::IntType;
use crate::units::count;
use std::num::NonZeroU32;

/// Positions of a tensor at most, padding included: beyond, a stride is a slip of the pen.
const MOST: u64 = 1 << 36;

/// Images, rows, columns, channels.
pub type Dim = (usize, usize, usize, usize);

/// How the words of a dump hold a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Loops, outermost first.
    pub order: Vec<Term>,
    /// Positions between two counts of a loop, for each loop; without them elements lie dense.
    pub strides: Option<Vec<u64>>,
    /// Elements of a word.
    pub lanes: NonZeroU32,
    /// Whether lane 0 is in the lowest bits of a word, else in the highest.
    pub first_lane_low: bool,
    /// Width of a word; `None`: as many bytes as its elements have.
    pub word_bits: Option<NonZeroU32>,
    /// Address of the first word.
    pub first_word: u64,
}

impl Default for Layout {
    /// Image, row, column, channel, an element a word, as a tensor lies in memory.
    fn default() -> Self {
        let whole = |axis| Term {
            axis,
            step: std::num::NonZeroUsize::MIN,
            modulo: None,
        };
        Self {
            order: Axis::ALL.map(whole).to_vec(),
            strides: None,
            lanes: NonZeroU32::MIN,
            first_lane_low: true,
            word_bits: None,
            first_word: 0,
        }
    }
}

impl Layout {
    /// Width of a word that holds elements of `range`.
    #[must_use]
    pub fn word_bits(&self, range: IntType) -> NonZeroU32 {
        let element = 8 * u32::from(range.bits.div_ceil(8));
        let element = NonZeroU32::new(element).unwrap_or(NonZeroU32::MIN);
        self.word_bits.unwrap_or(element.saturating_mul(self.lanes))
    }

    /// Bits of a lane of a word that holds elements of `range`.
    #[must_use]
    pub fn lane_bits(&self, range: IntType) -> u32 {
        self.word_bits(range).get() / self.lanes.get()
    }
}

/// A loop on a tensor of some shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Loop {
    axis: usize,
    /// Elements of the axis in one count.
    step: usize,
    extent: u64,
    stride: u64,
}

/// A layout on a tensor of some shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    dim: [usize; 4],
    /// The largest stride first.
    loops: Vec<Loop>,
    /// Terms with their strides, for the way back.
    terms: Vec<(Term, u64)>,
    positions: u64,
    lanes: u64,
    words: u64,
    first_word: u64,
    /// Whether positions are elements in memory order.
    plain: bool,
}

impl Placed {
    /// `layout` on a tensor of shape `dim`.
    ///
    /// # Errors
    /// When an axis is not counted as a whole and once, or two elements have one position.
    pub fn new(layout: &Layout, (n, y, x, c): Dim) -> Result<Self, LayoutError> {
        let dim = [n, y, x, c];
        whole_axes(&layout.order, dim)?;
        let mut inner = 1_u64;
        let mut terms = Vec::new();
        for (place, term) in layout.order.iter().enumerate().rev() {
            let extent = count(term.extent(dim[term.axis.place()]));
            let told = layout
                .strides
                .as_ref()
                .and_then(|strides| strides.get(place));
            let stride = told.copied().unwrap_or(inner);
            inner = stride
                .max(inner)
                .checked_mul(extent)
                .ok_or(LayoutError::TooLarge { most: MOST })?;
            terms.push((*term, extent, stride));
        }
        let mut loops: Vec<Loop> = terms
            .iter()
            .map(|(term, extent, stride)| Loop {
                axis: term.axis.place(),
                step: term.step.get(),
                extent: *extent,
                stride: *stride,
            })
            .collect();
        loops.retain(|one| one.extent > 1);
        loops.sort_by_key(|one| std::cmp::Reverse(one.stride));
        let positions = apart(&loops)?;
        // No word has an address beyond 64 bits.
        layout
            .first_word
            .checked_add(positions)
            .ok_or(LayoutError::TooLarge { most: MOST })?;
        Ok(Self {
            dim,
            plain: count(dim.iter().product()) == positions
                && layout.order == Layout::default().order,
            loops,
            terms: terms
                .into_iter()
                .map(|(term, _, stride)| (term, stride))
                .collect(),
            positions,
            lanes: u64::from(layout.lanes.get()),
            words: positions.div_ceil(u64::from(layout.lanes.get())),
            first_word: layout.first_word,
        })
    }

    /// Positions that the tensor takes, padding included.
    #[must_use]
    pub const fn positions(&self) -> u64 {
        self.positions
    }

    /// Words of the tensor.
    #[must_use]
    pub const fn words(&self) -> u64 {
        self.words
    }

    /// Address of the first word.
    #[must_use]
    pub const fn first_word(&self) -> u64 {
        self.first_word
    }

    /// Whether positions are elements in memory order, one a word.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        self.plain && self.lanes == 1
    }

    /// The element at a position, its number in memory order; `None` for padding.
    #[must_use]
    pub fn element(&self, position: u64) -> Option<usize> {
        if self.plain {
            return usize::try_from(position)
                .ok()
                .filter(|_| position < self.positions);
        }
        let (mut at, mut rest) = ([0; 4], position);
        for one in &self.loops {
            let digit = rest / one.stride;
            rest %= one.stride;
            if digit >= one.extent {
                return None;
            }
            at[one.axis] += usize::try_from(digit).ok()? * one.step;
        }
        let inside = rest == 0 && at.iter().zip(&self.dim).all(|(at, size)| at < size);
        inside.then(|| {
            at.iter()
                .zip(&self.dim)
                .fold(0, |number, (at, size)| number * size + at)
        })
    }

    /// Address of the word that holds an element, and the lane where words have several.
    #[must_use]
    pub fn word(&self, element: usize) -> (u64, Option<u64>) {
        let position = self.position(element);
        let lane = (self.lanes > 1).then_some(position % self.lanes);
        (self.first_word + position / self.lanes, lane)
    }

    /// The position of the element with this number in memory order.
    #[must_use]
    pub fn position(&self, element: usize) -> u64 {
        let (mut at, mut rest) = ([0; 4], element);
        for (at, size) in at.iter_mut().zip(&self.dim).rev() {
            *at = rest % size;
            rest /= size;
        }
        let terms = self.terms.iter();
        terms
            .map(|(term, stride)| count(term.at(at)) * stride)
            .sum()
    }
}

/// That the terms of each axis are its digits: each counts where the next smaller one begins again.
fn whole_axes(order: &[Term], dim: [usize; 4]) -> Result<(), LayoutError> {
    for axis in Axis::ALL {
        let size = dim[axis.place()];
        let mut terms: Vec<&Term> = order.iter().filter(|term| term.axis == axis).collect();
        terms.sort_by_key(|term| term.step);
        let mut next = 1;
        for (place, term) in terms.iter().enumerate() {
            let last = place + 1 == terms.len();
            if term.step.get() != next || (term.modulo.is_none() && !last) {
                return Err(LayoutError::Axis {
                    axis: axis.letter(),
                    counted: next,
                    size,
                });
            }
            let modulo = term.modulo.map_or(size.max(1), std::num::NonZeroUsize::get);
            next = next.saturating_mul(modulo);
        }
        if next < size {
            return Err(LayoutError::Axis {
                axis: axis.letter(),
                counted: next,
                size,
            });
        }
    }
    Ok(())
}

/// Positions of all counts, padding behind the last included, when no two counts of the loops meet.
fn apart(loops: &[Loop]) -> Result<u64, LayoutError> {
    let mut end = 1_u64;
    for one in loops.iter().rev() {
        if one.stride < end {
            return Err(LayoutError::Overlap {
                stride: one.stride,
                needed: end,
            });
        }
        let all = one.extent.checked_mul(one.stride);
        let all = all.filter(|all| *all <= MOST);
        end = all.ok_or(LayoutError::TooLarge { most: MOST })?;
    }
    Ok(end)
}

#[cfg(test)]
mod tests;
