//! Faults of one bank, PE, array row, halo, pass or Sweep, each named by the cause that is found.

use super::faults::{requantised, with};
use super::found;
use super::layers::{Layer, Rules, SPECS};
use crate::fixed::{Rounding, shift_round};
use crate::schedule::work::ConvWork;
use ndarray::Array4;
use std::collections::BTreeMap;

/// The first cause says this, alone or with others that give the same bits.
fn told(layer: &Layer, observed: &Array4<Option<i32>>, says: &str) {
    let causes = layer.case(observed).causes().unwrap();
    let first = causes.ranked.iter().filter(|ranked| ranked.rank == 1);
    let texts: Vec<&str> = first.map(|ranked| ranked.cause.text.as_str()).collect();
    assert!(
        texts.iter().any(|text| text.contains(says)),
        "{says}: {texts:?}"
    );
    assert_eq!(causes.ranked[0].explained, causes.wrong, "{says}");
    assert_eq!(causes.ranked[0].broken, 0, "{says}");
}

/// The plain layer.
fn plain() -> Layer {
    Layer::new(SPECS[0], 7)
}

fn signed(n: usize) -> i64 {
    i64::try_from(n).unwrap()
}

/// The layer's output with pixels read from elsewhere, `None` for the zero point: by output and input pixel.
fn moved(
    layer: &Layer,
    from: impl Fn([usize; 3], [i64; 2]) -> Option<[i64; 2]>,
) -> Array4<Option<i32>> {
    let observed = with(layer, |r| {
        r.input = Box::new(|out, at, c| {
            let value = from(out, at).and_then(|at| layer.activation(out[0], at, c));
            value.map_or(0, |value| i64::from(value) - 3)
        });
    });
    observed.unwrap()
}

#[test]
fn a_second_rounding() {
    found("rounding_twice", |layer| {
        let q = &layer.plan.quant.requantise;
        with(layer, |rules| {
            rules.finish = Box::new(move |sum, c| {
                let product = i128::from(sum) * i128::from(q.multiplier[c]);
                let first = u32::from(q.shift[c]) - 2;
                let once = shift_round(product, first, Rounding::HalfEven);
                let twice = shift_round(once, 2, Rounding::HalfEven);
                let value = i32::try_from(twice).unwrap() + q.zero_point;
                value.clamp(q.lower, q.upper)
            });
        })
    });
}

#[test]
fn numbers_of_a_neighbour() {
    let mut layer = plain();
    for (c, shift) in layer.plan.quant.requantise.shift.iter_mut().enumerate() {
        *shift += u8::try_from(c % 3).unwrap();
    }
    let observed = requantised(&layer, |q| q.requantise.shift.rotate_left(1)).unwrap();
    told(&layer, &observed, "takes the shift of the next channel");
    let layer = plain();
    let bias = &layer.plan.quant.bias;
    let row = |by: usize| move |c: usize| c / 4 * 4 + (c + by) % 4;
    let observed = with(&layer, |r| r.bias = Box::new(|c| bias[row(1)(c)]));
    told(
        &layer,
        &observed.unwrap(),
        "takes the bias of the next array row",
    );
    let observed = requantised(&layer, |q| {
        let own = q.requantise.multiplier.clone();
        q.requantise.multiplier = (0..own.len()).map(|c| own[row(3)(c)]).collect();
    });
    let text = "takes the multiplier of the previous array row";
    told(&layer, &observed.unwrap(), text);
}

#[test]
fn mirrored_kernels() {
    let layer = plain();
    let weight = &layer.plan.quant.weight;
    let rows = with(&layer, |r| {
        r.weight = Box::new(|[c, y, x, i]| i64::from(weight[[c, 2 - y, x, i]]));
    });
    told(
        &layer,
        &rows.unwrap(),
        "takes the rows of the kernel bottom up",
    );
    let columns = with(&layer, |r| {
        r.weight = Box::new(|[c, y, x, i]| i64::from(weight[[c, y, 2 - x, i]]));
    });
    let text = "takes the columns of the kernel right to left";
    told(&layer, &columns.unwrap(), text);
}

#[test]
fn a_pass_in_the_middle() {
    // A 5x5 has four sub-kernels a word: 3 and 2 rows by 3 and 2 columns.
    let layer = Layer::new(SPECS[3], 7);
    for (word, pass) in [(0, 1), (1, 5)] {
        let observed = with(&layer, |r| {
            r.keep = Box::new(move |[y, x, i]| !(i / 4 == word && y < 3 && x >= 3));
        });
        told(
            &layer,
            &observed.unwrap(),
            &format!("leaves out pass {pass}"),
        );
    }
}

/// The output when accumulators go on from what they hold, from the first Sweep on or within each.
fn not_cleared(layer: &Layer, within: bool) -> Array4<Option<i32>> {
    let mut rules = Rules::of(layer);
    rules.bias = Box::new(|_| 0);
    let sums = layer.sums(&rules);
    let (images, height, width, channels) = sums.dim();
    let bias = &layer.plan.quant.bias;
    let mut observed = Array4::from_elem(sums.dim(), None);
    let mut held: BTreeMap<[usize; 4], i64> = BTreeMap::new();
    for image in 0..images {
        for first in (0..height).step_by(4) {
            for group in (0..channels).step_by(4) {
                if within {
                    held.clear();
                }
                for y in first..(first + 4).min(height) {
                    for (x, row) in (0..width).flat_map(|x| (0..4).map(move |row| (x, row))) {
                        let (at, c) = ([row, y % 2, x % 2, x / 2 % 2], group + row);
                        let before = held.get(&at).copied();
                        let start = match before {
                            Some(before) if within => before,
                            before => before.unwrap_or(0) + bias[c],
                        };
                        let sum = start + sums[(image, y, x, c)];
                        held.insert(at, sum);
                        observed[(image, y, x, c)] = Some((rules.finish)(sum, c));
                    }
                }
            }
        }
    }
    observed
}

#[test]
fn accumulators_that_are_not_cleared() {
    let layer = plain();
    let text = "from the first Sweep on";
    told(&layer, &not_cleared(&layer, false), text);
    let text = "in the same Sweep, whose first elements alone clear it";
    told(&layer, &not_cleared(&layer, true), text);
}

#[test]
fn halos_left_and_right_and_further() {
    for spec in [SPECS[0], SPECS[1]] {
        let layer = Layer::new(spec, 7);
        let stride = signed(spec.stride);
        let tile = move |ox: usize| signed(ox / 2 * 2) * stride;
        let left = moved(&layer, |[_, _, ox], [y, x]| {
            (x >= tile(ox)).then_some([y, x])
        });
        told(
            &layer,
            &left,
            "the columns left of a tile read as the zero point",
        );
        if stride == 1 {
            let right = moved(&layer, |[_, _, ox], [y, x]| {
                let own = x < tile(ox) + 2 * stride || x >= 11;
                Some([y, if own { x } else { x - 2 * stride }])
            });
            let text = "the columns right of a tile read as what lay there before";
            told(&layer, &right, text);
        }
        let above = moved(&layer, |[_, oy, _], [y, x]| {
            let own = y >= signed(oy / 4 * 4) * stride || y < 0;
            Some([if own { y } else { y - 1 }, x])
        });
        told(
            &layer,
            &above,
            "the rows above a strip read as those one further away",
        );
    }
}

#[test]
fn padding_taken_as_none() {
    let layer = Layer::new(SPECS[3], 7);
    let observed = moved(&layer, |_, [y, x]| Some([y + 2, x + 2]));
    told(&layer, &observed, "takes the padding as 0");
}

#[test]
fn banks() {
    let layer = plain();
    let other = |bank: i64, first: i64, of: i64| match bank {
        bank if bank == first => (first + 1) % of,
        bank if bank == (first + 1) % of => first,
        bank => bank,
    };
    for first in 0..3 {
        let observed = moved(&layer, |_, [y, x]| {
            let to = y.div_euclid(3) * 3 + other(y.rem_euclid(3), first, 3);
            let swapped = (0..11).contains(&y) && to < 11;
            Some([if swapped { to } else { y }, x])
        });
        let text = format!("bank rows {first} and {} change places", (first + 1) % 3);
        told(&layer, &observed, &text);
    }
    for first in 0..4 {
        let observed = moved(&layer, |[n, ..], [y, x]| {
            let wanted = other((x + signed(n)).rem_euclid(4), first, 4);
            let begin = x.div_euclid(4) * 4;
            let to = (begin..begin + 4).find(|to| (to + signed(n)).rem_euclid(4) == wanted);
            let swapped = to.filter(|&to| (0..11).contains(&x) && to < 11);
            Some([y, swapped.unwrap_or(x)])
        });
        let text = format!("bank columns {first} and {} change places", (first + 1) % 4);
        told(&layer, &observed, &text);
    }
}

#[test]
fn fours_of_lanes() {
    let mut layer = plain();
    let work = &layer.plan.work;
    let mut array = work.array;
    array.pe.lanes = 8;
    layer.plan.work = ConvWork::new(work.input, work.output, work.conv, false, array);
    let observed = with(&layer, |r| {
        r.input = Box::new(|[n, ..], at, c| {
            let value = layer.activation(n, at, c ^ 3);
            value.map_or(0, |value| i64::from(value) - 3)
        });
    });
    let text = "reads the lanes of a word with each four reversed";
    told(&layer, &observed.unwrap(), text);
}

#[test]
fn broken_elements_and_rows() {
    let layer = plain();
    let rules = Rules::of(&layer);
    let golden = layer.golden();
    let broken = |is: fn([usize; 3]) -> bool, sum: &dyn Fn(usize) -> i64| {
        Array4::from_shape_fn(golden.dim(), |(n, y, x, c)| {
            let value = if is([y, x, c]) {
                (rules.finish)(sum(c), c)
            } else {
                golden[(n, y, x, c)]
            };
            Some(value)
        })
    };
    let pe = |[y, x, c]: [usize; 3]| [y % 2, x % 2, c % 4] == [0, 1, 1];
    let observed = broken(pe, &|c| layer.plan.quant.bias[c]);
    let text = "the PE of array row 1, tile pixel (0, 1) adds nothing to the bias";
    told(&layer, &observed, text);
    let observed = broken(|[_, _, c]| c % 4 == 2, &|_| 0);
    told(
        &layer,
        &observed,
        "array row 2 gives sums of 0, without the bias",
    );
    let observed = broken(|[_, _, c]| c % 4 == 3, &|c| layer.plan.quant.bias[c]);
    told(&layer, &observed, "array row 3 adds nothing to the bias");
}
