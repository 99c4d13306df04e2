use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn order(terms: &[&str]) -> Vec<Term> {
    terms.iter().map(|term| term.parse().unwrap()).collect()
}

fn layout(terms: &[&str]) -> Layout {
    Layout {
        order: order(terms),
        ..Layout::default()
    }
}

#[test]
fn the_default_is_a_tensor_in_memory() {
    let placed = Placed::new(&Layout::default(), (2, 3, 4, 5)).unwrap();
    assert!(placed.is_plain());
    assert_eq!((placed.positions(), placed.words()), (120, 120));
    assert_eq!(
        (placed.element(119), placed.element(120)),
        (Some(119), None)
    );
}

#[test]
fn planes_surfaces_and_packed_channels_are_orders() {
    let planes = Placed::new(&layout(&["n", "c", "y", "x"]), (1, 2, 3, 4)).unwrap();
    // Channel 1, row 0, column 2 stands behind one plane of six.
    assert_eq!(planes.element(8), Some(2 * 4 + 1));
    let surfaces = layout(&["n", "c/8", "y", "x", "c%8"]);
    let placed = Placed::new(&surfaces, (1, 2, 3, 12)).unwrap();
    assert_eq!(placed.positions(), 2 * 6 * 8);
    // Channel 9 of row 1, column 2: surface 1, pixel 5, lane 1; channels 12 to 15 are padding.
    assert_eq!(placed.element(48 + 5 * 8 + 1), Some(5 * 12 + 9));
    assert_eq!(placed.element(48 + 5 * 8 + 4), None);
    let words = Layout {
        lanes: NonZeroU32::new(4).unwrap(),
        ..layout(&["n", "y", "x", "c/4", "c%4"])
    };
    assert_eq!(Placed::new(&words, (1, 2, 2, 6)).unwrap().words(), 8);
}

#[test]
fn lines_and_surfaces_may_be_padded() {
    let padded = Layout {
        strides: Some(vec![1024, 256, 64, 8, 1]),
        ..layout(&["n", "c/8", "y", "x", "c%8"])
    };
    let placed = Placed::new(&padded, (2, 3, 5, 16)).unwrap();
    // Image 1, row 2, column 4, channel 11.
    let element = ((3 + 2) * 5 + 4) * 16 + 11;
    let position = 1024 + 256 + 2 * 64 + 4 * 8 + 3;
    assert_eq!(placed.position(element), position);
    assert_eq!(placed.element(position), Some(element));
    // Behind the five pixels of a line there is padding.
    assert_eq!(placed.element(40), None);
}

#[test]
fn layouts_that_leave_out_or_double_elements_are_refused() {
    let told = |layout: &Layout| Placed::new(layout, (1, 4, 4, 12)).unwrap_err().to_string();
    let strides = |strides: [u64; 4]| Layout {
        strides: Some(strides.to_vec()),
        ..Layout::default()
    };
    let refusals = [
        told(&layout(&["n", "y", "x"])),
        told(&layout(&["n", "y", "x", "c%8"])),
        told(&layout(&["n", "y", "x", "c/8"])),
        told(&layout(&["n", "y", "x", "c", "c%8"])),
        told(&layout(&["n", "y", "x", "c/8", "c%4"])),
        told(&strides([192, 48, 11, 1])),
        told(&strides([0, u64::MAX, 12, 1])),
        told(&Layout {
            first_word: u64::MAX - 100,
            ..Layout::default()
        }),
    ];
    insta::assert_snapshot!(refusals.join("\n"), @r"
the loops of axis `c` make up 1 of its 12 elements
the loops of axis `c` make up 8 of its 12 elements
the loops of axis `c` make up 1 of its 12 elements
the loops of axis `c` make up 1 of its 12 elements
the loops of axis `c` make up 4 of its 12 elements
a stride of 11 positions is too short: what lies inside that loop needs 12
first word and strides reach beyond 68719476736 positions, padding included
first word and strides reach beyond 68719476736 positions, padding included
");
}

#[test]
fn words_are_written_lane_by_lane() {
    let range = crate::tensor::IntType::signed(6);
    let layout = |low| Layout {
        lanes: NonZeroU32::new(3).unwrap(),
        word_bits: NonZeroU32::new(24),
        first_lane_low: low,
        first_word: 16,
        ..Layout::default()
    };
    let dim = (1, 1, 1, 4);
    let elements = [1, -2, 3, 31];
    let low = hex(&layout(true), dim, range, &elements).unwrap();
    assert_eq!(low, "@10\n03fe01\n00001f\n");
    let high = hex(&layout(false), dim, range, &elements).unwrap();
    assert_eq!(high, "@10\n01fe03\n1f0000\n");
}

/// Splits each axis at random, shuffles the loops and pads the strides.
fn any_layout() -> impl Strategy<Value = (Layout, Dim)> {
    let dim = (1..3_usize, 1..6_usize, 1..6_usize, 1..20_usize);
    let parts = prop::array::uniform4(prop::collection::vec(2..5_usize, 0..3));
    (
        dim,
        parts,
        any::<u64>(),
        prop::collection::vec(0..3_u64, 12),
        1..5_u32,
    )
        .prop_map(|(dim, parts, seed, pad, lanes)| {
            let mut order = Vec::new();
            for (axis, moduli) in Axis::ALL.into_iter().zip(parts) {
                let mut step = 1;
                for modulo in moduli {
                    order.push(format!("{}/{step}%{modulo}", axis.letter()));
                    step *= modulo;
                }
                order.push(format!("{}/{step}", axis.letter()));
            }
            let mut state = seed;
            for place in (1..order.len()).rev() {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                order.swap(place, usize::try_from(state >> 33).unwrap() % (place + 1));
            }
            let order: Vec<Term> = order.iter().map(|term| term.parse().unwrap()).collect();
            let sizes = [dim.0, dim.1, dim.2, dim.3];
            let mut inner = 1;
            let mut strides = Vec::new();
            for (term, pad) in order.iter().rev().zip(pad.iter().cycle()) {
                strides.insert(0, inner + pad);
                inner = (inner + pad) * count(term.extent(sizes[term.axis.place()]));
            }
            let lanes = NonZeroU32::new(lanes).unwrap();
            (
                Layout {
                    order,
                    strides: Some(strides),
                    lanes,
                    ..Layout::default()
                },
                dim,
            )
        })
}

proptest! {
    #[test]
    fn every_element_has_one_position_and_comes_back((layout, dim) in any_layout()) {
        let placed = Placed::new(&layout, dim).unwrap();
        let elements = dim.0 * dim.1 * dim.2 * dim.3;
        let positions: BTreeSet<u64> = (0..elements).map(|element| placed.position(element)).collect();
        prop_assert_eq!(positions.len(), elements);
        for element in 0..elements {
            prop_assert_eq!(placed.element(placed.position(element)), Some(element));
        }
        for position in (0..placed.positions() + 3).filter(|position| !positions.contains(position)) {
            prop_assert_eq!(placed.element(position), None);
        }
        prop_assert!(positions.last().is_none_or(|last| *last < placed.positions()));
    }
}
