//! The RTL under `hw/` beside the model: random small runs, all bytes of DRAM and all counters equal.

mod cases;
mod checked;
mod chips;
mod compare;
mod constants;
mod coverage;
mod generator;
mod hosts;
mod integers;
mod log;
mod networks;
mod reader;
mod simulate;
mod validation;
mod verilator;
mod whole;

use cases::{Case, Class};

/// What the RTL is tested with: a class, and its seeds.
const READY: [(Class, u64); 8] = [
    (Class::Layer, 12),
    (Class::Chain, 12),
    (Class::Packed, 12),
    (Class::Residual, 12),
    (Class::Arithmetic, 12),
    (Class::Batch, 12),
    (Class::Wide, 12),
    (Class::Host, 12),
];

/// With `REPCHIP_RTL_CASE=class:seed` only that case runs, ready or not; see `FORMAT.md`.
#[test]
fn the_rtl_and_the_model_agree() {
    let chosen = std::env::var("REPCHIP_RTL_CASE").ok();
    let wanted: Vec<(Class, u64)> = match &chosen {
        Some(text) => Class::parse(text).unwrap_or_else(|| {
            panic!("REPCHIP_RTL_CASE is `{text}`, not `class:seed` or `class:first..end`")
        }),
        None => READY
            .iter()
            .flat_map(|(class, seeds)| (0..*seeds).map(|seed| (*class, seed)))
            .collect(),
    };
    let failures = simulate::all(&wanted);
    assert!(
        failures.is_empty(),
        "{} of {} runs differ\n{}",
        failures.len(),
        wanted.len(),
        failures.join("\n")
    );
}

#[test]
fn a_second_simulator_and_the_model_agree() {
    let ready = READY
        .iter()
        .flat_map(|(class, seeds)| (0..*seeds).map(|seed| (*class, seed)));
    let cases = ready.map(|(class, seed)| Case::new(class, seed)).collect();
    let (runs, failures) = verilator::all(cases);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(runs >= 8, "only {runs} runs have one shape");
}
