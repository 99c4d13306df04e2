//! Runs all pairs through the RTL: one compiled program a shape, two pairs at a time.

use super::pair::{self, Pair};
use super::record::{Row, figures};
use super::{HELD_OUT, Set, TUNED, TUNED_SEED};
use crate::cases::Case;
use crate::compare::{bytes_that_differ, dram_after};
use crate::simulate::{ask, folder, write};
use crate::verilator::program;
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;
use repchip::rtl::{Bounds, Counters, Dump};
use repchip::units::count;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All pairs of both sets, and how many points of the hypercubes they took.
pub(super) fn pairs(held_out_seed: u64) -> (Vec<Pair>, [u32; 2]) {
    let (mut pairs, tuned) = pair::draw(Set::Tuned, TUNED_SEED, TUNED);
    let (others, held_out) = pair::draw(Set::HeldOut, held_out_seed, HELD_OUT);
    pairs.extend(others);
    (pairs, [tuned, held_out])
}

/// What the RTL says of each pair.
pub(super) fn measure(pairs: Vec<Pair>) -> Vec<Row> {
    let root = tempfile::tempdir().expect("a temporary folder can be made");
    let shapes = shapes(&pairs);
    let programs: Vec<(usize, Bounds, PathBuf)> = shapes
        .into_par_iter()
        .with_max_len(1)
        .map(|(shape, bounds, case)| {
            let place = root.path().join(format!("shape{shape}"));
            write(&place, &case, &bounds);
            let program = program(&place).unwrap_or_else(|error| panic!("{error}"));
            (shape, bounds, program)
        })
        .collect();
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} pairs, {elapsed} of about {duration}");
    let bar = ProgressBar::new(count(pairs.len())).with_style(style.expect("a valid template"));
    let run = |pair: Pair| {
        let of_shape = programs.iter().find(|(shape, _, _)| *shape == pair.shape);
        let (_, bounds, program) = of_shape.expect("each shape was compiled");
        let row = one(root.path(), pair, bounds, program);
        bar.inc(1);
        row
    };
    pairs.into_par_iter().with_max_len(1).map(run).collect()
}

/// Each shape with memories for all its pairs, and one case to compile it for.
fn shapes(pairs: &[Pair]) -> Vec<(usize, Bounds, Case)> {
    let mut shapes: Vec<usize> = pairs.iter().map(|pair| pair.shape).collect();
    shapes.sort_unstable();
    shapes.dedup();
    let of = |shape: usize| {
        let all: Vec<&Pair> = pairs.iter().filter(|pair| pair.shape == shape).collect();
        let needs = all
            .iter()
            .map(|pair| Bounds::of(&pair.schedule, &pair.chip));
        let mut bounds = needs
            .map(|bounds| bounds.expect("the chip it was mapped to"))
            .fold(Bounds::default(), Bounds::join);
        bounds.dram_bytes.0 = bounds.dram_bytes.0.next_multiple_of(bounds.burst.0);
        (shape, bounds, all[0].case())
    };
    shapes.into_iter().map(of).collect()
}

fn one(root: &Path, pair: Pair, bounds: &Bounds, program: &Path) -> Row {
    let case = pair.case();
    let place = folder(root, &case);
    write(&place, &case, bounds);
    let [dump, counters, _] = ask(&place, &case, Command::new(program))
        .unwrap_or_else(|error| panic!("{}: {error}", case.title));
    let want = dram_after(&case);
    let dump = Dump::parse(&dump).unwrap_or_else(|error| panic!("{}: {error}", case.title));
    let counters =
        Counters::parse(&counters, 1).unwrap_or_else(|error| panic!("{}: {error}", case.title));
    fs::remove_dir_all(&place).expect("the folder is ours");
    Row {
        rtl: figures(&counters),
        bytes_compared: count(want.bytes().len()),
        bytes_differ: count(bytes_that_differ(&dump, want.bytes())),
        pair,
    }
}
