//! What the Sweeps of one layer cost, whatever the stalls: reads of each patch, kernel reads, drains, accesses.
//!
//! Worked out once a layer. Rows and columns of tiles that read alike share their figures.

use super::reads::{RowReads, Window};
use crate::chip::Chip;
use crate::schedule::weights;
use crate::schedule::work::{ConvWork, Pass, PassKind};
use crate::units::{BytesPerCycle, Cycles, count};
use std::ops::Range;

/// Passes of one kind in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Index into [`SweepCost::kinds`].
    pub(super) kind: usize,
    /// Passes.
    pub(super) passes: usize,
    /// Cycles to read the kernel of one of them.
    pub(super) kernel: Cycles,
    /// Bytes of that read.
    kernel_bytes: u64,
}

/// One kind of pass: where it reads, and how long each block takes.
#[derive(Debug, Clone)]
struct Kind {
    window: Window,
    words: u32,
    /// By worst row load: filled where a tile row has it.
    reads: Vec<Option<RowReads>>,
}

/// Costs that all Sweeps of a layer share.
#[derive(Debug, Clone)]
pub(super) struct SweepCost {
    pub(super) work: ConvWork,
    kinds: Vec<Kind>,
    conv: Vec<Run>,
    residual: Option<usize>,
    requantisers: u64,
    write_words: u64,
    weight_bytes: u64,
    /// Weights of one output channel in front of each convolution pass, in step order; last the sum.
    weights_before: Vec<u64>,
}

/// Byte ranges of a row group's fills: parameter block, then passes in step order.
pub(super) struct PassBytes<'a> {
    block: u64,
    pass: u64,
    weights_before: &'a [u64],
}

impl PassBytes<'_> {
    /// Range of pass `pass`; the first fill of a fetching begins with the parameter block.
    pub(super) fn range(&self, pass: usize, first: bool) -> Range<u64> {
        let weights = |pass: usize| self.block + self.pass * self.weights_before[pass];
        let start = if first { 0 } else { weights(pass) };
        start..weights(pass + 1)
    }
}

/// Channels of a row group, and words of one pixel that they touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowGroupShape {
    channels: usize,
    words: u64,
}

/// What one Sweep asks of memories and requantisers, whatever the stalls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SweepAccess {
    pub(super) steps: u64,
    pub(super) residual_steps: u64,
    pub(super) activation_reads: u64,
    pub(super) activation_writes: u64,
    pub(super) weight_port_bytes: u64,
    pub(super) requantised: u64,
}

impl SweepCost {
    pub(super) fn new(work: &ConvWork, chip: &Chip, weight_bytes: u64) -> Self {
        let mut cost = Self {
            work: work.clone(),
            kinds: Vec::new(),
            conv: Vec::new(),
            residual: None,
            requantisers: count(chip.requantise.units),
            write_words: count(chip.requantise.write_words_per_cycle),
            weight_bytes,
            weights_before: vec![0],
        };
        let mut seen: Vec<(PassKind, Range<usize>, Range<usize>, usize)> = Vec::new();
        for pass in work.passes(0) {
            let key = (
                pass.kind,
                pass.tap_rows.clone(),
                pass.tap_cols.clone(),
                pass.words,
            );
            let kind = seen.iter().position(|k| *k == key).unwrap_or_else(|| {
                seen.push(key);
                cost.kinds.push(Kind::new(work, &pass, chip));
                seen.len() - 1
            });
            if pass.kind == PassKind::Residual {
                cost.residual = Some(kind);
                continue;
            }
            let before = *cost.weights_before.last().expect("starts with one entry");
            let own = match pass.kind {
                PassKind::Window => pass.channels.len() * pass.weight_taps,
                PassKind::Packed => pass.channels.len(),
                PassKind::Residual => 0,
            };
            cost.weights_before.push(before + count(own));
            let kernel_bytes =
                count(work.array.rows * work.array.pe.lanes * pass.weight_taps) * weight_bytes;
            let kernel = kernel_cycles(kernel_bytes, chip.weight_sram.port);
            match cost.conv.last_mut() {
                Some(run) if run.kind == kind => run.passes += 1,
                Some(_) | None => cost.conv.push(Run {
                    kind,
                    passes: 1,
                    kernel,
                    kernel_bytes,
                }),
            }
        }
        cost
    }

    /// Passes of row group `row_group` in order, as runs of one kind.
    pub(super) fn runs(&self, row_group: usize) -> Vec<Run> {
        let mut runs = self.conv.clone();
        if let Some(kind) = self.residual {
            let passes = self.work.pass_count(row_group) - self.work.conv_pass_count();
            runs.push(Run {
                kind,
                passes,
                kernel: Cycles::ZERO,
                kernel_bytes: 0,
            });
        }
        runs
    }

    /// Where the passes of a row group of `channels` channels lie within its DRAM range.
    pub(super) fn pass_bytes(&self, channels: &Range<usize>) -> PassBytes<'_> {
        PassBytes {
            block: count(channels.len()) * weights::CHANNEL_PARAMETER_BYTES.0,
            pass: count(channels.len()) * self.weight_bytes,
            weights_before: &self.weights_before,
        }
    }

    /// Read times of `tile_row` in a pass of `kind`.
    pub(super) fn reads(&self, kind: usize, tile_row: usize) -> &RowReads {
        let kind = &self.kinds[kind];
        let worst = kind.window.rows[tile_row].worst;
        kind.reads[worst as usize]
            .as_ref()
            .expect("made for every worst row load that occurs")
    }

    /// Drain cycles of each patch of a tile row: of a full tile and of the last tile column.
    ///
    /// The larger of requantising and writing is reached when the words that a row group fills only in part are
    /// written first; in channel order some patches would take a cycle more.
    pub(super) fn drain_times(&self, channels: &Range<usize>, tile_row: usize) -> [u64; 2] {
        let rows = self.work.valid_rows(tile_row).len();
        let last = self.work.tile_cols() - 1;
        [0, last].map(|tile| {
            let pixels = count(rows * self.work.valid_cols(tile).len());
            let outputs = pixels * count(channels.len());
            let words = pixels * self.output_words(channels);
            outputs
                .div_ceil(self.requantisers)
                .max(words.div_ceil(self.write_words))
        })
    }

    /// Words of one pixel that a row group's channels touch.
    fn output_words(&self, channels: &Range<usize>) -> u64 {
        let lanes = self.work.array.pe.lanes;
        count((channels.end - 1) / lanes - channels.start / lanes + 1)
    }

    /// What the accesses of a Sweep depend on.
    pub(super) fn shape(&self, row_group: usize) -> RowGroupShape {
        let channels = self.work.row_group(row_group).channels;
        RowGroupShape {
            channels: channels.len(),
            words: self.output_words(&channels),
        }
    }

    /// Accesses of one Sweep.
    pub(super) fn access(&self, row_group: usize, out_rows: &Range<usize>) -> SweepAccess {
        let rows = self.work.row_group(row_group);
        let tiles = self.work.tile_rows(out_rows);
        let patches = count(tiles.len() * self.work.tile_cols());
        let blocks = count(tiles.len() * self.work.blocks());
        let pixels = count(out_rows.len() * self.work.output.width);
        let mut access = SweepAccess {
            activation_writes: pixels * self.output_words(&rows.channels),
            requantised: pixels * count(rows.channels.len()),
            ..SweepAccess::default()
        };
        for run in self.runs(row_group) {
            let kind = &self.kinds[run.kind];
            let passes = count(run.passes);
            let lines: u64 = tiles
                .clone()
                .map(|tile| u64::from(kind.window.rows[tile].count))
                .sum();
            access.activation_reads +=
                passes * lines * kind.columns(&self.work) * u64::from(kind.words);
            access.weight_port_bytes += passes * blocks * run.kernel_bytes;
            access.steps += passes * patches;
            if Some(run.kind) == self.residual {
                access.residual_steps += passes * patches;
            }
        }
        access
    }
}

fn kernel_cycles(bytes: u64, port: BytesPerCycle) -> Cycles {
    crate::units::Bytes(bytes).over(port)
}

impl Kind {
    fn new(work: &ConvWork, pass: &Pass, chip: &Chip) -> Self {
        let sram = &chip.activation_sram;
        let window = Window::new(work, pass, sram);
        let small = |n: usize| u32::try_from(n).expect("at most nine words a pixel");
        let words = small(pass.words);
        let bank_words = if words > 1 {
            small(sram.bank_channels)
        } else {
            1
        };
        let most = window.rows.iter().map(|r| r.worst).max().unwrap_or(0);
        let mut reads = vec![None; most as usize + 1];
        for row in &window.rows {
            reads[row.worst as usize].get_or_insert_with(|| {
                RowReads::new(work, &window.columns, row.worst, words, bank_words)
            });
        }
        Self {
            window,
            words,
            reads,
        }
    }

    /// Columns read in one tile row of a pass.
    fn columns(&self, work: &ConvWork) -> u64 {
        (0..work.tile_cols())
            .map(|tile| {
                let first = tile % work.array.pe.accumulators == 0;
                let columns = &self.window.columns;
                u64::from(if first {
                    columns.fresh[tile].count
                } else {
                    columns.reused[tile].count
                })
            })
            .sum()
    }
}
