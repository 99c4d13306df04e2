//! A model with one constant changed no longer agrees with the RTL.

use crate::READY;
use crate::cases::Case;
use repchip::chip::{Chip, Dram, FlatDram};
use repchip::rtl::Counters;
use repchip::time::{self, Mode};
use repchip::units::{Bandwidth, Bytes, BytesPerCycle, Cycles};
use std::num::NonZeroU64;

/// A constant's name, and the chip with another one.
pub(crate) type Change = (&'static str, fn(&mut Chip));

fn dram(chip: &mut Chip) -> &mut FlatDram {
    let Dram::Flat(dram) = &mut chip.dram;
    dram
}

pub(crate) const CHANGES: [Change; 11] = [
    ("pipeline depth", |chip| {
        chip.control.pipeline_cycles += Cycles(1);
    }),
    ("start of a layer", |chip| {
        chip.control.layer_start_cycles += Cycles(1);
    }),
    ("DRAM latency", |chip| dram(chip).latency += Cycles(1)),
    ("DRAM burst", |chip| {
        let dram = dram(chip);
        dram.burst = Bytes(dram.burst.0 * 2);
    }),
    ("DRAM bandwidth", |chip| {
        let Bandwidth {
            numerator,
            denominator,
        } = dram(chip).bandwidth;
        dram(chip).bandwidth = Bandwidth {
            numerator: numerator.saturating_mul(NonZeroU64::new(99).expect("not zero")),
            denominator: denominator.saturating_mul(NonZeroU64::new(100).expect("not zero")),
        };
    }),
    ("bursts in flight", |chip| dram(chip).in_flight += 1),
    ("weight port", |chip| {
        let BytesPerCycle(bytes) = chip.weight_sram.port;
        chip.weight_sram.port = BytesPerCycle(bytes.saturating_add(1));
    }),
    ("weight slots", |chip| {
        chip.weight_sram.capacity = Bytes(chip.weight_sram.capacity.0 * 2);
    }),
    ("requantisers", |chip| chip.requantise.units += 1),
    ("call of the host", |chip| {
        if let Some(host) = &mut chip.host {
            host.call_cycles += Cycles(1);
        }
    }),
    ("banks of activation SRAM", |chip| {
        chip.activation_sram.bank_cols += 1;
    }),
];

/// The RTL gives the figures of the unchanged model in all these runs, so it differs where they do.
#[test]
fn a_model_with_another_constant_does_not_agree() {
    let cases: Vec<Case> = READY
        .iter()
        .flat_map(|(class, seeds)| (0..*seeds).map(|seed| Case::new(*class, seed)))
        .collect();
    for (constant, change) in CHANGES {
        let differ = cases.iter().filter(|case| {
            let mut chip = case.chip.clone();
            change(&mut chip);
            let changed = time::run(&case.schedule, &chip, Mode::Real);
            Counters::of(&changed) != Counters::of(&case.timeline)
        });
        let differ = differ.count();
        assert!(differ >= 3, "{constant}: only {differ} runs differ");
    }
}
