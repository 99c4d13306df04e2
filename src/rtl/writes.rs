//! `writes.log`: the words that the array wrote, and the tensors they make.

use super::RtlError;
use crate::chip::Chip;
use crate::reparam::{LayerId, LayerOp};
use crate::schedule::{Buffer, LayerPlan, OpId, OpKind, Schedule};
use crate::tensor::{Activations, IntType, Sign};
use crate::units::Tick;
use ndarray::Array4;
use std::collections::BTreeMap;
use std::ops::Range;

/// Image, row, column, channel: the value of an element and the cycle of its drain; `None` where it was not written.
pub type Written = Array4<Option<(i32, Tick)>>;

/// One word of activation SRAM, written by a drain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// In which cycle.
    pub cycle: Tick,
    /// The Sweep it belongs to.
    pub op: OpId,
    /// Bank row times bank columns, and bank column.
    pub bank: usize,
    /// Word in the bank.
    pub word: usize,
    /// By lane; `None` where the lane keeps what it holds.
    pub lanes: Vec<Option<u16>>,
}

/// All words that the array wrote in a run, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteLog {
    /// One a line of the file.
    pub writes: Vec<Write>,
}

impl WriteLog {
    /// Reads the text of `writes.log`.
    ///
    /// # Errors
    /// When a line is not cycle, operation, bank, word, lanes and data, or a written lane is unknown.
    pub fn parse(text: &str) -> Result<Self, RtlError> {
        let line = |(at, text): (usize, &str)| {
            write(text).ok_or_else(|| RtlError::Log {
                line: at + 1,
                text: text.to_owned(),
            })
        };
        let writes = text.lines().enumerate().map(line);
        Ok(Self {
            writes: writes.collect::<Result<_, _>>()?,
        })
    }

    /// The output of every layer on the array: image, row, column, channel.
    ///
    /// # Errors
    /// When a word lies outside the rows and channels of its Sweep or is written again, or an element is missing.
    pub fn tensors(
        &self,
        schedule: &Schedule,
        chip: &Chip,
    ) -> Result<BTreeMap<LayerId, Activations>, RtlError> {
        let parts = self.elements(schedule, chip)?.into_iter();
        let whole = parts.map(|(layer, values)| {
            let name = &schedule.graph.layers[layer.0].name;
            Ok((layer, whole(&values, name)?))
        });
        whole.collect()
    }

    /// The output of every layer on the array as far as it is written, each element with the cycle of its drain.
    ///
    /// # Errors
    /// When a word lies outside the rows and channels of its Sweep or is written again.
    pub fn elements(
        &self,
        schedule: &Schedule,
        chip: &Chip,
    ) -> Result<BTreeMap<LayerId, Written>, RtlError> {
        let layers = schedule.layers.iter().enumerate();
        let on_array = layers.filter(|(_, plan)| matches!(plan, LayerPlan::Array(_)));
        let mut parts: BTreeMap<LayerId, Part> = on_array
            .map(|(layer, _)| (LayerId(layer), Part::new(schedule, LayerId(layer))))
            .collect();
        for (index, write) in self.writes.iter().enumerate() {
            let target = Target::of(schedule, chip, write.op);
            let taken = target.is_some_and(|target| {
                let part = parts.get_mut(&target.layer).expect("it is on the array");
                target.take(write, part).is_some()
            });
            if !taken {
                let (line, op) = (index + 1, write.op.0);
                return Err(RtlError::Stray { line, op });
            }
        }
        let parts = parts.into_iter().map(|(layer, part)| (layer, part.values));
        Ok(parts.collect())
    }
}

/// One line.
fn write(line: &str) -> Option<Write> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [cycle, op, bank, word, lanes, data] = fields.try_into().ok()?;
    let lane = |(at, written): (usize, bool)| {
        let Some(digits) = written.then(|| data.len().checked_sub(4 * at)) else {
            return Some(None);
        };
        let digits = data.get(digits?.checked_sub(4)?..digits?)?;
        u16::from_str_radix(digits, 16).ok().map(Some)
    };
    let (mut written, held) = (mask(lanes)?, data.len() / 4);
    // A lane behind the data: the line was cut.
    if written.iter().skip(held).any(|lane| *lane) || !data.len().is_multiple_of(4) {
        return None;
    }
    written.truncate(held);
    Some(Write {
        cycle: Tick(cycle.parse().ok()?),
        op: OpId(op.parse().ok()?),
        bank: bank.parse().ok()?,
        word: word.parse().ok()?,
        lanes: written
            .into_iter()
            .enumerate()
            .map(lane)
            .collect::<Option<_>>()?,
    })
}

/// The bits of a hexadecimal number, the lowest first.
fn mask(digits: &str) -> Option<Vec<bool>> {
    let mut bits = Vec::new();
    for digit in digits.chars().rev() {
        let digit = digit.to_digit(16)?;
        bits.extend((0..4).map(|bit| digit >> bit & 1 == 1));
    }
    Some(bits)
}

/// A tensor as far as it is written.
struct Part {
    values: Written,
    range: IntType,
}

impl Part {
    fn new(schedule: &Schedule, layer: LayerId) -> Self {
        let tensor = layer.output();
        let map = schedule.graph.shape(tensor);
        let dim = (schedule.batch, map.height, map.width, map.channels);
        Self {
            values: Array4::from_elem(dim, None),
            range: schedule.numerics.activations[tensor.0],
        }
    }

    /// Sets an element from its bits in a lane; `None` when there is no such element or it is set.
    fn set(&mut self, at: [usize; 4], raw: u16, cycle: Tick) -> Option<()> {
        let bits = 8 * self.range.bytes().0;
        let sign = 1 << bits;
        let mut value = i32::from(raw) & (sign - 1);
        if self.range.sign == Sign::Signed && value >= sign / 2 {
            value -= sign;
        }
        let element = self.values.get_mut(at)?;
        element.replace((value, cycle)).is_none().then_some(())
    }
}

/// The values, when all are written.
fn whole(values: &Written, layer: &str) -> Result<Activations, RtlError> {
    let missing = values.indexed_iter().find(|(_, v)| v.is_none());
    if let Some(((n, y, x, c), _)) = missing {
        return Err(RtlError::Missing {
            layer: layer.to_owned(),
            at: [n, y, x, c],
        });
    }
    Ok(values.map(|value| value.map_or(0, |(value, _)| value)))
}

/// Where a Sweep writes.
struct Target<'a> {
    layer: LayerId,
    buffer: &'a Buffer,
    images: Range<usize>,
    rows: Range<usize>,
    channels: Range<usize>,
    /// Columns of the map, and words of a pixel.
    width: usize,
    words: usize,
    lanes: usize,
    banks: [usize; 2],
}

impl<'a> Target<'a> {
    /// `None` when `op` is no Sweep.
    fn of(schedule: &'a Schedule, chip: &Chip, op: OpId) -> Option<Self> {
        let op = schedule.ops.get(op.0)?;
        let (
            OpKind::Sweep {
                row_group,
                strip,
                image,
            },
            LayerPlan::Array(plan),
        ) = (&op.kind, &schedule.layers[op.layer.0])
        else {
            return None;
        };
        let map = schedule.graph.shape(op.layer.output());
        let lanes = chip.array.pe.lanes;
        let sram = &chip.activation_sram;
        let patches = matches!(
            schedule.graph.layers[op.layer.0].op,
            LayerOp::FullyConnected { .. }
        );
        Some(Self {
            layer: op.layer,
            buffer: &schedule.buffers[plan.output.0],
            images: if patches {
                0..schedule.batch
            } else {
                *image..image + 1
            },
            rows: plan.strips[*strip].out_rows.clone(),
            channels: plan.work.row_group(*row_group).channels,
            width: map.width,
            words: map.channels.div_ceil(lanes),
            lanes,
            banks: [sram.bank_rows, sram.bank_cols],
        })
    }

    /// Puts the lanes of a word into their elements; `None` when one of them is not of this Sweep.
    fn take(&self, write: &Write, part: &mut Part) -> Option<()> {
        let ([image, y, x], word) = self.place(write)?;
        let written = write.lanes.iter().enumerate();
        for (lane, raw) in written.filter_map(|(lane, raw)| Some((lane, (*raw)?))) {
            let channel = word * self.lanes + lane;
            if lane >= self.lanes || !self.channels.contains(&channel) {
                return None;
            }
            part.set([image, y, x, channel], raw, write.cycle)?;
        }
        Some(())
    }

    /// Image, row and column, and the word of the pixel, that lie at a word of a bank.
    fn place(&self, write: &Write) -> Option<([usize; 3], usize)> {
        let [bank_rows, bank_cols] = self.banks;
        let (bank_row, bank_col) = (write.bank / bank_cols, write.bank % bank_cols);
        let columns = self.width.div_ceil(bank_cols);
        let image_words = self.buffer.rows.div_ceil(bank_rows) * columns * self.words;
        let base = usize::try_from(self.buffer.base.0).ok()?;
        let at = write.word.checked_sub(base)?;
        let (slot, at) = (at / image_words, at % image_words);
        let (band, at) = (at / (columns * self.words), at % (columns * self.words));
        let row = |y: &usize| y % bank_rows == bank_row && y % self.buffer.rows / bank_rows == band;
        let y = self.rows.clone().find(row)?;
        let column = |image: usize| {
            let turned = (bank_col + bank_cols - image % bank_cols) % bank_cols;
            at / self.words * bank_cols + turned
        };
        let here =
            |image: &usize| image % self.buffer.images == slot && column(*image) < self.width;
        let image = self.images.clone().find(here)?;
        Some(([image, y, column(image)], at % self.words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_word_lane_by_lane() {
        let log = WriteLog::parse("12 3 1 40 5 00010002ff80\n").unwrap();
        let want = Write {
            cycle: Tick(12),
            op: OpId(3),
            bank: 1,
            word: 40,
            lanes: vec![Some(0xff80), None, Some(1)],
        };
        assert_eq!(log.writes, [want]);
    }

    #[test]
    fn what_is_no_word_is_told_with_its_line() {
        for bad in [
            "",
            "12 3 1 40 5",
            "12 3 1 40 5 0001 9",
            "x 3 1 40 1 0001",
            "12 3 1 40 x 0001",
            "12 3 1 40 1 xxxx",
            "12 3 1 40 3 0001",
            "12 3 1 40 1 00001",
        ] {
            let text = format!("12 3 1 40 1 0001\n{bad}\n");
            let error = WriteLog::parse(&text).unwrap_err();
            assert!(matches!(error, RtlError::Log { line: 2, .. }), "{bad}");
        }
        assert_eq!(WriteLog::parse(""), Ok(WriteLog::default()));
    }
}
