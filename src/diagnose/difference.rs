//! Where observed and golden output differ: counted along every axis, and the first of them.

use super::{Case, Element, Place};
use serde::Serialize;

/// Elements that do not match.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// With another value.
    pub wrong: u64,
    /// Unknown or missing.
    pub unknown: u64,
}

impl Count {
    /// Both kinds together.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.wrong + self.unknown
    }

    const fn add(&mut self, known: bool) {
        if known {
            self.wrong += 1;
        } else {
            self.unknown += 1;
        }
    }
}

/// How observed and golden output differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Elements compared.
    pub elements: u64,
    /// Over all elements.
    pub total: Count,
    /// By output channel.
    pub channels: Vec<Count>,
    /// By row of the map.
    pub rows: Vec<Count>,
    /// By column of the map.
    pub columns: Vec<Count>,
    /// By image.
    pub images: Vec<Count>,
    /// By lane of a word.
    pub lanes: Vec<Count>,
    /// By array row, where the layout has PEs.
    pub array_rows: Option<Vec<Count>>,
    /// By pixel of the tile, row by row, where the layout has PEs.
    pub pixels: Option<Vec<Count>>,
    /// By bank, row by row, where the layout has banks.
    pub banks: Option<Vec<Count>>,
    /// By bit of an output: how often it is another one.
    pub bits: Vec<u64>,
    /// The first in memory order.
    pub first_in_memory: Option<Mismatch>,
    /// The first in the order in which the schedule's Sweeps drain.
    pub first_in_execution: Option<Mismatch>,
}

/// One element that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// Where and when it is made.
    pub place: Place,
    /// Golden.
    pub expected: i32,
    /// Observed; `None` when unknown.
    pub observed: Option<i32>,
    /// Golden, in hexadecimal, as wide as the output is stored.
    pub expected_hex: String,
    /// Observed, likewise.
    pub observed_hex: Option<String>,
    /// The bits that differ.
    pub xor: Option<u32>,
}

impl Case {
    /// Everything about where the outputs differ.
    #[must_use]
    pub fn difference(&self) -> Difference {
        let (images, height, width, channels) = self.golden.dim();
        let array = &self.plan.work.array;
        let zeros = |n: usize| vec![Count::default(); n];
        let (pixel_images, images) = if self.plan.images_are_pixels {
            (width, 1)
        } else {
            (0, images)
        };
        let banks = self.layout.banks.filter(|b| b.rows > 0 && b.cols > 0);
        let elements = self.layout.elements;
        let mut found = Difference {
            elements: crate::units::count(self.golden.len()),
            total: Count::default(),
            channels: zeros(channels),
            rows: zeros(height),
            columns: zeros(if pixel_images > 0 { 1 } else { width }),
            images: zeros(images.max(pixel_images)),
            lanes: zeros(array.pe.lanes),
            array_rows: elements.then(|| zeros(array.rows)),
            pixels: elements.then(|| zeros(array.tile_h * array.tile_w)),
            banks: banks.map(|b| zeros(b.rows * b.cols)),
            bits: vec![0; self.output_bits()],
            first_in_memory: None,
            first_in_execution: None,
        };
        for at in self.mismatches() {
            self.count(&mut found, at);
        }
        let first = self.mismatches().next();
        found.first_in_memory = first.map(|at| self.mismatch(at));
        let first = self.mismatches().min_by_key(|&at| self.moment(at));
        found.first_in_execution = first.map(|at| self.mismatch(at));
        found
    }

    fn count(&self, found: &mut Difference, at: [usize; 4]) {
        let observed = self.observed[at];
        let known = observed.is_some();
        let element = self.outside(at);
        found.total.add(known);
        found.channels[element.channel].add(known);
        found.rows[element.row].add(known);
        found.columns[element.column].add(known);
        found.images[element.image].add(known);
        found.lanes[at[3] % self.plan.work.array.pe.lanes].add(known);
        let moment = self.moment(at);
        if let Some(rows) = &mut found.array_rows {
            rows[moment.row].add(known);
        }
        if let Some(pixels) = &mut found.pixels {
            let [y, x] = moment.pixel;
            pixels[y * self.plan.work.array.tile_w + x].add(known);
        }
        if let (Some(banks), Some(bank), Some(grid)) =
            (&mut found.banks, self.bank(at), self.layout.banks)
        {
            banks[bank.row * grid.cols + bank.col].add(known);
        }
        if let Some(value) = observed {
            let xor = self.stored_bits(value ^ self.golden[at]);
            for (bit, count) in found.bits.iter_mut().enumerate() {
                *count += u64::from((xor >> bit) & 1);
            }
        }
    }

    /// The difference at an element, whether there is one or not; `None` when there is no such element.
    #[must_use]
    pub fn mismatch_at(&self, element: Element) -> Option<Mismatch> {
        self.inside(element).map(|at| self.mismatch(at))
    }

    fn mismatch(&self, at: [usize; 4]) -> Mismatch {
        let (expected, observed) = (self.golden[at], self.observed[at]);
        let digits = self.output_bits() / 4;
        let hex = |value: i32| format!("{:0digits$x}", self.stored_bits(value));
        Mismatch {
            place: self.place(at),
            expected,
            observed,
            expected_hex: hex(expected),
            observed_hex: observed.map(hex),
            xor: observed.map(|value| self.stored_bits(value ^ expected)),
        }
    }

    /// Bits that an output takes in memory.
    fn output_bits(&self) -> usize {
        usize::from(self.plan.quant.requantise.output.bits.div_ceil(8)) * 8
    }

    /// The low bits of a value, as it lies in memory.
    fn stored_bits(&self, value: i32) -> u32 {
        value.cast_unsigned() & (u32::MAX >> (32 - self.output_bits()))
    }
}
