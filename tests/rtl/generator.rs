//! The files themselves, without a simulator: they read back the same, and an independent reader of them computes
//! the integers of the model.

use crate::cases::{Case, Class};
use crate::{compare, reader};
use rayon::prelude::*;
use repchip::chip::Pointwise;
use repchip::reparam::TensorId;
use repchip::rtl::{self, Bounds, Counters, Dump, RtlError, Run};
use repchip::schedule::LayerPlan;

const SEEDS: u64 = 24;

pub(crate) fn cases() -> Vec<Case> {
    let all: Vec<(Class, u64)> = Class::ALL
        .iter()
        .flat_map(|class| (0..SEEDS).map(|seed| (*class, seed)))
        .collect();
    all.into_par_iter()
        .map(|(class, seed)| Case::new(class, seed))
        .collect()
}

fn text(files: &[(String, Vec<u8>)], name: &str) -> String {
    let file = files.iter().find(|(n, _)| n == name).expect("the file");
    String::from_utf8(file.1.clone()).expect("text")
}

#[test]
fn a_reader_of_the_files_computes_the_same_bytes() {
    cases().par_iter().for_each(|case| {
        let files = rtl::files(&case.run()).expect("a run that the RTL has");
        let got = reader::run(
            &text(&files, "shape.svh"),
            &text(&files, "layers.hex"),
            &text(&files, "ops.hex"),
            &text(&files, "dram.hex"),
            &text(&files, "host.hex"),
        );
        let want = compare::dram_after(case);
        assert_eq!(got[..want.bytes().len()], *want.bytes(), "{}", case.title);
        assert!(got[want.bytes().len()..].iter().all(|byte| *byte == 0));
    });
}

#[test]
fn a_dump_gives_the_tensors_back() {
    for case in cases() {
        let files = rtl::files(&case.run());
        let before = Dump::parse(&text(&files.unwrap(), "dram.hex")).unwrap();
        let input = before.tensor(&case.schedule, TensorId(0));
        assert_eq!(input.as_ref(), Ok(&case.input));
        let mut after = Dump {
            bytes: compare::dram_after(&case)
                .bytes()
                .iter()
                .map(|b| Some(*b))
                .collect(),
        };
        let output = case.schedule.graph.output();
        let tensor = after.tensor(&case.schedule, output);
        assert_eq!(tensor.as_ref(), Ok(&case.tensors[output.0]));
        let at = case.schedule.dram.tensors[output.0].0;
        after.bytes[usize::try_from(at).unwrap()] = None;
        let unknown = RtlError::Unknown {
            at,
            tensor: output.0,
        };
        assert_eq!(after.tensor(&case.schedule, output), Err(unknown));
        after.bytes.clear();
        let short = after.tensor(&case.schedule, output);
        assert!(matches!(short, Err(RtlError::Short { .. })));
    }
}

#[test]
fn counters_are_read_in_their_order() {
    let text: Vec<String> = (0..33).map(|n| format!("{:016x}", 100 + n)).collect();
    let counters = Counters::parse(&text.join("\n"), 2).unwrap();
    let figures: Vec<u64> = counters.figures().iter().map(|figure| figure.2).collect();
    let want: Vec<u64> = (100..=132).collect();
    assert_eq!(figures, want);
    assert!(matches!(
        Counters::parse("0\n1", 1),
        Err(RtlError::Short { wanted: 17, .. })
    ));
}

#[test]
fn what_the_rtl_does_not_have_is_refused() {
    let case = Case::new(Class::Layer, 0);
    let files = |change: &dyn Fn(&mut repchip::schedule::Schedule, &mut repchip::chip::Chip)| {
        let (mut schedule, mut chip) = (case.schedule.clone(), case.chip.clone());
        change(&mut schedule, &mut chip);
        let files = rtl::files(&Run {
            schedule: &schedule,
            chip: &chip,
            ..case.run()
        });
        files.err().map(|error| error.to_string())
    };
    let said = |text: &str| Some(text.to_owned());
    assert_eq!(files(&|_, _| {}), None);
    let trap = |schedule: &mut repchip::schedule::Schedule, chip: &mut repchip::chip::Chip| {
        schedule.array.pe.accumulator.overflow = repchip::fixed::Overflow::Trap;
        chip.array = schedule.array;
    };
    assert_eq!(files(&trap), said("the RTL has no accumulator that traps"));
    assert_eq!(
        files(&|schedule, _| schedule.layers[0] = vector()),
        said("layer `layer0`: the RTL has no vector unit")
    );
    assert_eq!(
        files(&|schedule, _| schedule.layers[0] = LayerPlan::Host),
        said("layer `layer0`: the RTL has no Fetch or Sweep on the host")
    );
    assert_eq!(
        files(&|schedule, _| schedule.batch = 7),
        said("the schedule was made for another input")
    );
    assert_eq!(
        files(&|_, chip| chip.array.pointwise = Pointwise::Packed),
        said("the schedule was made for another array")
    );
    let many = |schedule: &mut repchip::schedule::Schedule, _: &mut repchip::chip::Chip| {
        schedule.ops[1].after = vec![repchip::schedule::OpId(0); 9];
    };
    assert_eq!(
        files(&many),
        said("operation 1 comes after 9 operations, the RTL has places for 8")
    );
    let bounds = Bounds::default();
    let none = rtl::files_within(&case.run(), &bounds);
    assert_eq!(none, Err(RtlError::Bounds));
}

fn vector() -> LayerPlan {
    LayerPlan::Vector {
        inputs: Vec::new(),
        output: repchip::schedule::BufferId(0),
        strips: Vec::new(),
    }
}

#[test]
fn a_host_needs_its_results() {
    let case = Case::new(Class::Host, 0);
    let refused = |run: &Run<'_>| rtl::files(run).map_err(|error| error.to_string()).err();
    assert_eq!(refused(&case.run()), None);
    let empty = Run {
        tensors: &[],
        ..case.run()
    };
    let said = "the schedule was made for another execution";
    assert_eq!(refused(&empty).as_deref(), Some(said));
    let mut chip = case.chip.clone();
    chip.host = None;
    let run = Run {
        chip: &chip,
        ..case.run()
    };
    let said = "the schedule was made for another host";
    assert_eq!(refused(&run).as_deref(), Some(said));
}

#[test]
fn every_difference_is_told_with_its_place() {
    let case = Case::new(Class::Chain, 0);
    let dump: Vec<String> = compare::dram_after(&case)
        .bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut counters = vec![case.timeline.total.0];
    for layer in Counters::of(&case.timeline).layers {
        counters.extend(layer.figures().iter().map(|figure| figure.1));
    }
    let differs = |dump: &[String], counters: &[u64]| {
        let counters: Vec<String> = counters.iter().map(|n| format!("{n:016x}")).collect();
        compare::compare(&case, &dump.join("\n"), &counters.join("\n")).err()
    };
    assert_eq!(differs(&dump, &counters), None);
    for at in 0..dump.len() {
        let mut spoiled = dump.clone();
        spoiled[at] = "xx".to_owned();
        let told = differs(&spoiled, &counters).expect("one byte differs");
        assert!(told.contains(&format!("byte {at}, ")) && told.contains("unknown"));
    }
    let output = case.schedule.graph.output().0;
    let at = usize::try_from(case.schedule.dram.tensors[output].0).unwrap();
    let mut spoiled = dump.clone();
    spoiled[at] = "xx".to_owned();
    let told = differs(&spoiled, &counters).unwrap();
    assert!(told.contains(&format!("tensor {output} (n 0, y 0, x 0, c 0)")));
    for at in 0..counters.len() {
        let mut spoiled = counters.clone();
        spoiled[at] += 1;
        let told = differs(&dump, &spoiled).expect("one figure differs");
        assert!(told.contains("1 figures differ, 0 of them bytes"));
    }
}
