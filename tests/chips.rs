//! Every chip of `configs/chips` loads, says where its figures come from, and is balanced.

use repchip::chip::{Chip, Dram, WeightSram};
use std::path::{Path, PathBuf};

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/chips");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("configs/chips is a folder")
        .map(|entry| entry.expect("its entries are readable").path())
        .collect();
    files.sort();
    files
}

fn chips() -> Vec<Chip> {
    files()
        .iter()
        .map(|path| Chip::read(path).unwrap_or_else(|problems| panic!("{problems}")))
        .collect()
}

#[test]
fn each_file_is_named_after_its_chip_and_opens_with_a_comment() {
    for path in files() {
        let chip = Chip::read(&path).unwrap();
        assert_eq!(path.file_stem().unwrap().to_str().unwrap(), chip.name);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("#:schema ../schema/chip.json\n# "));
    }
    let mut names: Vec<_> = chips().into_iter().map(|chip| chip.name).collect();
    names.sort();
    let shipped = [
        "edge",
        "edge-general",
        "edge-general-4mib",
        "k210-like",
        "large",
        "tiny",
        "ucla-kneron-like",
    ];
    assert_eq!(names, shipped);
}

#[test]
fn kernel_reads_hide_behind_a_block() {
    for chip in chips() {
        let read = WeightSram::slot(&chip.array, 8).over(chip.weight_sram.port);
        assert!(
            chip.array.pe.accumulators as u64 >= read.0,
            "{}: {} accumulators, a kernel read takes {read}",
            chip.name,
            chip.array.pe.accumulators
        );
    }
}

/// A block has at least as many steps as patches: one pass. So no patch may drain longer than one cycle.
#[test]
fn drains_hide_behind_the_shortest_block() {
    for chip in chips() {
        let pixels = chip.array.tile_h * chip.array.tile_w;
        let (rows, lanes) = (chip.array.rows, chip.array.pe.lanes);
        assert!(
            lanes % rows == 0 || rows % lanes == 0,
            "a row group straddles words"
        );
        let words = pixels * rows.div_ceil(lanes);
        let requantised = (rows * pixels).div_ceil(chip.requantise.units);
        let written = words.div_ceil(chip.requantise.write_words_per_cycle);
        assert_eq!(requantised.max(written), 1, "{}", chip.name);
    }
}

#[test]
fn bursts_in_flight_cover_the_latency() {
    for chip in chips() {
        let Dram::Flat(dram) = chip.dram;
        let rate = dram.bandwidth;
        // Cycles of one burst on the bus, rounded up, and the latency before it.
        let bus = (dram.burst.0 * rate.denominator.get()).div_ceil(rate.numerator.get());
        let moved = dram.burst.0 * dram.in_flight as u64 * rate.denominator.get();
        assert!(
            moved >= (dram.latency.0 + bus) * rate.numerator.get(),
            "{}",
            chip.name
        );
    }
}

#[test]
fn every_figure_with_a_source_is_listed_and_assumptions_are_a_part_of_them() {
    for chip in chips() {
        let assumed = chip.assumed();
        assert!(!assumed.is_empty() && assumed.len() < chip.sources.len());
        for source in &chip.sources {
            let marked = assumed.iter().any(|a| a.key == source.key);
            assert_eq!(
                marked,
                source.source.starts_with("assumed: "),
                "{}",
                source.key
            );
        }
    }
}

#[test]
fn the_edge_chip_is_as_described() {
    let chips = chips();
    let edge = chips.iter().find(|chip| chip.name == "edge").unwrap();
    assert_eq!(edge.array.peak_macs_per_cycle(), 576);
    assert_eq!(edge.slots(8), 227);
    assert_eq!(edge.slots(16), 113);
    let Dram::Flat(dram) = edge.dram;
    assert_eq!(
        (
            dram.bandwidth.numerator.get(),
            dram.bandwidth.denominator.get()
        ),
        (64, 5)
    );
    assert!(edge.vector.is_none() && edge.host.is_some());
    let absent = edge.effective().iter().find(|s| s.key == "vector").unwrap();
    assert_eq!(
        (absent.value.as_str(), absent.source.as_str()),
        ("none", "default")
    );
}
