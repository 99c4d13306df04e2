//! Places, terms, estimates and comparisons that mean nothing.

use super::super::regression::Skipped;
use super::super::vacuity::{Side, Vacuity};
use super::super::{DiagnoseError, Element};
use super::layers::{Layer, Rules, SPECS};
use proptest::prelude::*;

#[test]
fn the_terms_end_in_the_output() {
    for spec in SPECS {
        let layer = Layer::new(spec, 5);
        let golden = layer.golden();
        let case = layer.case(&golden.mapv(Some));
        let sums = layer.sums(&Rules::of(&layer));
        for (image, row, column, channel) in [(0, 0, 0, 0), (1, 2, 3, 5), (1, 5, 5, 7)] {
            let at = Element {
                image,
                row,
                column,
                channel,
            };
            let terms = case.terms(at).unwrap();
            assert_eq!(terms.output, golden[(image, row, column, channel)]);
            assert_eq!(terms.accumulator, sums[(image, row, column, channel)]);
            let added: i64 = terms.steps.iter().map(|step| step.addend).sum();
            assert_eq!(terms.bias + added, terms.accumulator);
        }
        let nowhere = Element {
            image: 9,
            row: 0,
            column: 0,
            channel: 0,
        };
        assert!(matches!(
            case.terms(nowhere),
            Err(DiagnoseError::NoElement { .. })
        ));
    }
}

#[test]
fn the_order_of_the_weights_used_is_estimated() {
    let layer = Layer::new(SPECS[0], 3);
    let mut rules = Rules::of(&layer);
    rules.weight = Box::new(|[c, y, x, i]| i64::from(layer.plan.quant.weight[[c, x, y, i]]));
    let observed = layer.run(&rules).mapv(Some);
    let estimate = layer.case(&observed).regression(2).unwrap();
    assert_eq!(estimate.orders[0].text, "kernel transposed");
    assert!(estimate.orders[0].distance * 4.0 < estimate.orders[1].distance);
    let large = Layer::new(SPECS[3], 3);
    let case = large.case(&large.golden().mapv(Some));
    assert!(matches!(case.regression(0), Err(Skipped::TooFew { .. })));
    assert!(matches!(
        case.regression(99),
        Err(Skipped::NoChannel { .. })
    ));
}

#[test]
fn a_comparison_that_means_nothing_is_told() {
    let layer = Layer::new(SPECS[0], 3);
    let golden = layer.golden();
    assert!(layer.case(&golden.mapv(Some)).vacuity().is_empty());
    let zeros = layer.case(&golden.mapv(|_| Some(2))).vacuity();
    assert!(zeros.iter().any(|v| matches!(
        v,
        Vacuity::Constant {
            side: Side::Observed,
            value: 2,
            ..
        }
    )));
    assert!(zeros.iter().any(|v| matches!(v, Vacuity::Zero { .. })));
    let full = layer.case(&golden.mapv(|_| Some(127))).vacuity();
    assert!(full.iter().any(|v| matches!(v, Vacuity::Saturated { .. })));
    let mut short = golden.mapv(Some);
    *short.last_mut().unwrap() = None;
    let found = layer.case(&short).vacuity();
    assert!(
        found
            .iter()
            .any(|v| matches!(v, Vacuity::Unknown { unknown: 1, .. }))
    );
    assert!(found.iter().any(|v| matches!(v, Vacuity::Short { .. })));
}

#[test]
fn a_golden_output_of_another_input_is_refused() {
    let mut layer = Layer::new(SPECS[0], 3);
    let case_of_other = {
        let golden = layer.golden();
        layer.plan.quant.bias.fill(90_000);
        let tensors = super::super::Tensors {
            input: &layer.input,
            shortcut: None,
            golden: &golden,
            observed: &golden.mapv(|v| Some(v ^ 1)),
        };
        super::super::Case::new(layer.plan.clone(), tensors, Default::default()).unwrap()
    };
    assert!(matches!(
        case_of_other.causes(),
        Err(DiagnoseError::NotGolden { .. })
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn a_flipped_bit_is_located(spec in 0usize..7, place in any::<prop::sample::Index>(), bit in 0u8..8) {
        let layer = Layer::new(SPECS[spec], 11);
        let mut observed = layer.golden().mapv(Some);
        let all: Vec<_> = observed.indexed_iter().map(|(at, _)| at).collect();
        let at = all[place.index(all.len())];
        observed[at] = observed[at].map(|value| value ^ (1 << bit));
        let found = layer.case(&observed).difference();
        prop_assert_eq!(found.total.wrong, 1);
        let (image, row, column, channel) = at;
        let element = Element { image, row, column, channel };
        let first = found.first_in_memory.unwrap();
        prop_assert_eq!(first.place.element, element);
        prop_assert_eq!(found.first_in_execution.unwrap().place.element, element);
        prop_assert_eq!(first.xor, Some(1 << bit));
        let bits: Vec<u64> = (0..found.bits.len()).map(|b| u64::from(b == usize::from(bit))).collect();
        prop_assert_eq!(found.bits, bits);
        let pe = first.place.pe.unwrap();
        let per_group = 8 / SPECS[spec].groups;
        prop_assert_eq!(pe.row, channel % per_group % 4);
        prop_assert_eq!(pe.pixel, [row % 2, column % 2]);
        let bank = first.place.bank.unwrap();
        prop_assert_eq!([bank.row, bank.col], [row % 3, (column + image) % 4]);
    }
}
