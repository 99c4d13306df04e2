//! One fault after another.

use super::layers::{Layer, Rules, SPECS};
use super::{first, found};
use crate::fixed::{Overflow, Rounding, Rule, wrap};
use crate::quantise::QuantConv;
use ndarray::{Array4, s};

pub(super) type Observed = Option<Array4<Option<i32>>>;

/// The layer's output with some rules replaced.
pub(super) fn with<'a>(layer: &'a Layer, alter: impl FnOnce(&mut Rules<'a>)) -> Observed {
    let mut rules = Rules::of(layer);
    alter(&mut rules);
    Some(layer.run(&rules).mapv(Some))
}

/// The golden sums, requantised by other numbers.
pub(super) fn requantised(layer: &Layer, alter: impl FnOnce(&mut QuantConv)) -> Observed {
    let mut quant = layer.plan.quant.clone();
    alter(&mut quant);
    with(layer, |rules| {
        rules.finish = Box::new(move |sum, c| quant.requantise.apply(sum, c));
    })
}

/// The golden output, its channels taken from elsewhere.
fn channels(layer: &Layer, from: impl Fn(usize) -> usize) -> Observed {
    let golden = layer.golden();
    Some(Array4::from_shape_fn(golden.dim(), |(n, y, x, c)| {
        golden.get((n, y, x, from(c))).copied()
    }))
}

#[test]
fn roundings() {
    for (rounding, key) in [
        (Rounding::Floor, "rounding_floor"),
        (Rounding::TowardZero, "rounding_toward_zero"),
        (Rounding::HalfUp, "rounding_half_up"),
        (Rounding::HalfAway, "rounding_half_away"),
    ] {
        found(key, |layer| {
            requantised(layer, |q| {
                q.requantise.rule = match q.requantise.rule {
                    Rule::Shift(_) => Rule::Shift(rounding),
                    Rule::Multiplier(_) => Rule::Multiplier(rounding),
                    whole => unreachable!("no layer has the rule {whole:?}"),
                };
            })
        });
    }
}

#[test]
fn multipliers_and_shifts() {
    let shift = |by: i8| {
        move |layer: &Layer| {
            requantised(layer, |q| {
                for shift in &mut q.requantise.shift {
                    *shift = shift.saturating_add_signed(by);
                }
            })
        }
    };
    found("shift_too_large", shift(1));
    found("shift_too_small", shift(-1));
    found("multiplier_missing", |layer| {
        requantised(layer, |q| q.requantise.multiplier.fill(1))
    });
    found("multiplier_of_neighbour", |layer| {
        requantised(layer, |q| q.requantise.multiplier.rotate_left(1))
    });
    found("multiplier_power_of_two", |layer| {
        let shift = matches!(layer.plan.quant.requantise.rule, Rule::Shift(_));
        (!shift).then(|| requantised(layer, |q| q.requantise.multiplier.fill(256)))?
    });
}

/// A layer that follows the rule of one program, and outputs by that of another.
#[test]
fn rules_of_other_programs() {
    let even = Rule::Multiplier(Rounding::HalfEven);
    for (own, other, key) in [
        (even, Rule::Ruy, "rule_ruy"),
        (even, Rule::TosaDouble, "rule_tosa_double"),
        (Rule::TfliteDouble, Rule::Ruy, "rule_ruy"),
        (Rule::Ruy, Rule::TosaDouble, "rule_tosa_double"),
        (
            Rule::TfliteDouble,
            Rule::Multiplier(Rounding::Floor),
            "rounding_floor",
        ),
    ] {
        let mut layer = Layer::new(SPECS[0], 7);
        let requantise = &mut layer.plan.quant.requantise;
        requantise.rule = own;
        // Half the output's range, in multipliers of 31 bits: ties of the second rounding.
        requantise.multiplier.fill(1 << 30);
        for shift in &mut requantise.shift {
            *shift += 23;
        }
        requantise.check().unwrap();
        let observed = requantised(&layer, |q| q.requantise.rule = other).unwrap();
        if let Err(what) = first(&layer, &observed, key) {
            panic!("{own:?}, observed {other:?}: {what}");
        }
    }
}

#[test]
fn ranges_and_zero_points() {
    found("saturation_missing", |layer| {
        requantised(layer, |q| q.requantise.overflow = Overflow::Wrap)
    });
    found("relu_missing", |layer| {
        let relu = layer.plan.quant.requantise.lower == 2;
        relu.then(|| requantised(layer, |q| q.requantise.lower = q.requantise.output.min()))?
    });
    found("relu_added", |layer| {
        requantised(layer, |q| q.requantise.lower = 2)
    });
    found("output_zero_point_missing", |layer| {
        requantised(layer, |q| q.requantise.zero_point = 0)
    });
    found("input_zero_point_missing", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], at, c| layer.activation(n, at, c).map_or(0, i64::from));
        })
    });
    found("padding_zero", |layer| {
        with(layer, |r| {
            r.input =
                Box::new(|[n, ..], at, c| layer.activation(n, at, c).map_or(0, i64::from) - 3);
        })
    });
    found("padding_zero_point_missing", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], at, c| {
                layer.activation(n, at, c).map_or(3, |v| i64::from(v) - 3)
            });
        })
    });
    found("padding_edge", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], at, c| {
                i64::from(layer.activation(n, at.map(|a| a.clamp(0, 10)), c).unwrap()) - 3
            });
        })
    });
}

#[test]
fn signs() {
    found("input_sign", |layer| {
        let range = 1 << layer.plan.input_type.bits;
        with(layer, |r| {
            r.input = Box::new(move |[n, ..], at, c| {
                let value = layer.activation(n, at, c);
                value.map_or(0, |v| i64::from(v.rem_euclid(range)) - 3)
            });
        })
    });
    found("weights_unsigned", |layer| {
        with(layer, |r| {
            r.weight = Box::new(|at| i64::from(layer.plan.quant.weight[at].rem_euclid(256)));
        })
    });
    found("output_sign", |layer| {
        let range = 1 << layer.plan.input_type.bits;
        Some(layer.golden().mapv(|v| Some(v.rem_euclid(range))))
    });
}

#[test]
fn lanes_words_and_bytes() {
    let read = |from: fn(usize) -> usize| {
        move |layer: &Layer| {
            let channels = layer.input.dim().3;
            with(layer, |r| {
                r.input = Box::new(move |[n, ..], at, c| {
                    let value = layer.activation(n, at, from(c) % channels);
                    value.map_or(0, |v| i64::from(v) - 3)
                });
            })
        }
    };
    found("input_lanes", read(|c| c / 4 * 4 + 3 - c % 4));
    found("input_lanes", read(|c| c ^ 1));
    found("input_lanes", read(|c| c ^ 2));
    found("input_lanes", read(|c| c / 4 * 4 + (c + 1) % 4));
    found("input_word", read(|c| c + 4));
    found("output_lanes", |layer| {
        channels(layer, |c| c / 4 * 4 + 3 - c % 4)
    });
    found("output_lanes", |layer| {
        channels(layer, |c| c / 4 * 4 + (c + 3) % 4)
    });
    let swapped = |v: i32| {
        let [a, b, ..] = v.to_le_bytes();
        i32::from(i16::from_le_bytes([b, a])) << 20 >> 20
    };
    found("output_bytes", |layer| {
        let wide = layer.plan.input_type.bits > 8;
        // Twelve bits in two bytes: the upper four are the sign.
        wide.then(|| layer.golden().mapv(|v| Some(swapped(v))))
    });
}

#[test]
fn positions() {
    let read = |dy: i64, dx: i64| {
        move |layer: &Layer| {
            with(layer, |r| {
                r.input = Box::new(move |[n, ..], [y, x], c| {
                    let value = layer.activation(n, [y + dy, x + dx], c);
                    value.map_or(0, |v| i64::from(v) - 3)
                });
            })
        }
    };
    for (dy, dx) in [(1, 0), (-1, 0), (0, 1), (0, -1)] {
        found("input_offset", read(dy, dx));
    }
    found("output_offset", |layer| {
        let golden = layer.golden();
        Some(Array4::from_shape_fn(golden.dim(), |(n, y, x, c)| {
            golden.get((n, y + 1, x, c)).copied()
        }))
    });
    found("stride_two", |layer| {
        (layer.plan.work.conv.stride == 1).then(|| with(layer, |r| r.stride = 2))?
    });
    found("stride_one", |layer| with(layer, |r| r.stride = 1));
    found("banks_swapped", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], [y, x], c| {
                let other = if y >= 0 && (y ^ 1) < 11 { y ^ 1 } else { y };
                layer
                    .activation(n, [other, x], c)
                    .map_or(0, |v| i64::from(v) - 3)
            });
        })
    });
}

#[test]
fn halos() {
    found("halo_above", |layer| {
        let stride = i64::try_from(layer.plan.work.conv.stride).unwrap();
        with(layer, |r| {
            r.input = Box::new(move |[n, oy, _], [y, x], c| {
                let strip = i64::try_from(oy / 4 * 4).unwrap() * stride;
                let value = layer.activation(n, [y, x], c).filter(|_| y >= strip);
                value.map_or(0, |v| i64::from(v) - 3)
            });
        })
    });
    found("halo_below", |layer| {
        let stride = i64::try_from(layer.plan.work.conv.stride).unwrap();
        with(layer, |r| {
            r.input = Box::new(move |[n, oy, _], [y, x], c| {
                let end = i64::try_from((oy / 4 * 4 + 4).min(11)).unwrap() * stride;
                let y = if y >= end && y < 11 { y - 6 } else { y };
                layer
                    .activation(n, [y, x], c)
                    .map_or(0, |v| i64::from(v) - 3)
            });
        })
    });
}

#[test]
fn kernels() {
    let weight = |from: fn([usize; 4], usize) -> [usize; 4]| {
        move |layer: &Layer| {
            let last = layer.plan.work.conv.kernel - 1;
            with(layer, |r| {
                r.weight = Box::new(move |at| i64::from(layer.plan.quant.weight[from(at, last)]));
            })
        }
    };
    found("kernel_transposed", weight(|[c, y, x, i], _| [c, x, y, i]));
    found(
        "kernel_rotated",
        weight(|[c, y, x, i], l| [c, l - y, l - x, i]),
    );
    found(
        "weights_of_neighbour",
        weight(|[c, y, x, i], _| [(c + 1) % 8, y, x, i]),
    );
    found(
        "weights_of_row_group_before",
        weight(|[c, y, x, i], _| [c % 4, y, x, i]),
    );
    found("weights_start", |layer| {
        let kernel = layer.plan.work.conv.kernel;
        let inner = (kernel == 3).then_some(4 * 9)?;
        with(layer, |r| {
            r.weight = Box::new(move |[c, y, x, i]| {
                stored(layer, c, (i % 4) * 9 + y * 3 + x + 1, i / 4, inner)
            });
        })
    });
    found("weights_stride", |layer| {
        let kernel = layer.plan.work.conv.kernel;
        let inner = (kernel == 3).then_some(4 * 9)?;
        with(layer, |r| {
            r.weight = Box::new(move |[c, y, x, i]| {
                let row = c % (8 / layer.plan.work.conv.groups) % 4;
                stored(layer, c, (i % 4) * 9 + y * 3 + x + row, i / 4, inner)
            });
        })
    });
}

/// The weight of a 3x3 layer at `place` from the beginning of a channel in pass `pass` of its row group.
fn stored(layer: &Layer, c: usize, place: usize, pass: usize, inner: usize) -> i64 {
    let first = c / 4 * 4;
    let row = c % 4 + place / inner;
    let (pass, row) = (pass + row / 4, row % 4);
    let (lane, tap) = (place % inner / 9, place % inner % 9);
    let at = [first + row, tap / 3, tap % 3, pass * 4 + lane];
    layer.plan.quant.weight.get(at).map_or(0, |&w| i64::from(w))
}

#[test]
fn biases_steps_and_accumulators() {
    let bias = |of: fn(&[i64], usize) -> i64| {
        move |layer: &Layer| {
            with(layer, |r| {
                r.bias = Box::new(move |c| of(&layer.plan.quant.bias, c))
            })
        }
    };
    found("bias_missing", bias(|_, _| 0));
    found("bias_twice", bias(|b, c| 2 * b[c]));
    found("bias_of_neighbour", bias(|b, c| b[(c + 1) % 8]));
    found("first_step_missing", |layer| {
        (layer.plan.work.conv.kernel == 3)
            .then(|| with(layer, |r| r.keep = Box::new(|[_, _, i]| i >= 4)))?
    });
    found("last_step_missing", |layer| {
        (layer.plan.work.conv.kernel == 3 && !layer.plan.work.residual)
            .then(|| with(layer, |r| r.keep = Box::new(|[_, _, i]| i < 4)))?
    });
    found("accumulator_width", |layer| {
        with(layer, |r| {
            let quant = &layer.plan.quant;
            r.finish = Box::new(|sum, c| {
                let sum = wrap(i128::from(sum), 18);
                quant.requantise.apply(i64::try_from(sum).unwrap(), c)
            });
        })
    });
    found("accumulator_not_cleared", |layer| {
        let rules = Rules::of(layer);
        let sums = layer.sums(&rules);
        let observed = Array4::from_shape_fn(sums.dim(), |(n, y, x, c)| {
            // Two accumulators of tiles two wide: a block has four columns. The first block of a row is left right.
            let before = if x >= 4 { sums[(n, y, x - 4, c)] } else { 0 };
            Some((rules.finish)(sums[(n, y, x, c)] + before, c))
        });
        Some(observed)
    });
}

#[test]
fn shortcuts() {
    let shortcut = |of: fn(i64) -> i64| {
        move |layer: &Layer| {
            with(layer, |r| {
                r.shortcut = Box::new(move |value| of(i64::from(value)))
            })
        }
    };
    found("shortcut_missing", shortcut(|_| 0));
    found("shortcut_shift", shortcut(|v| 2 * (v - 5)));
    found("shortcut_negated", shortcut(|v| 5 - v));
    found("shortcut_zero_point_missing", shortcut(|v| v));
}

#[test]
fn what_is_stuck_or_dead() {
    found("output_zero", |layer| {
        Some(layer.golden().mapv(|_| Some(0)))
    });
    found("output_constant", |layer| {
        Some(layer.golden().mapv(|_| Some(7)))
    });
    found("output_bit", |layer| {
        Some(layer.golden().mapv(|v| Some(v | 4)))
    });
    found("input_bit", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], at, c| {
                layer
                    .activation(n, at, c)
                    .map_or(0, |v| i64::from(v & !8) - 3)
            });
        })
    });
    found("input_lane_bit", |layer| {
        with(layer, |r| {
            r.input = Box::new(|[n, ..], at, c| {
                let bit = if c % 4 == 2 { 16 } else { 0 };
                layer
                    .activation(n, at, c)
                    .map_or(0, |v| i64::from(v | bit) - 3)
            });
        })
    });
    found("weight_bit", |layer| {
        with(layer, |r| {
            r.weight = Box::new(|at| i64::from(layer.plan.quant.weight[at] | 2));
        })
    });
    let dead = |keep: fn([usize; 3]) -> bool| {
        move |layer: &Layer| with(layer, |r| r.keep = Box::new(keep))
    };
    found("dead_lane", dead(|[_, _, i]| i % 4 != 3));
    let three = |keep: fn([usize; 3]) -> bool| {
        move |layer: &Layer| {
            (layer.plan.work.conv.kernel == 3).then(|| with(layer, |r| r.keep = Box::new(keep)))?
        }
    };
    found("dead_tap", three(|[y, x, _]| [y, x] != [2, 0]));
    found("dead_column", three(|[_, x, _]| x != 1));
    found("dead_row", three(|[y, ..]| y != 2));
    found(
        "dead_multiplier",
        three(|[y, x, i]| [y, x, i % 4] != [0, 1, 2]),
    );
    found("pe_stuck", |layer| {
        let mut observed = layer.golden().mapv(Some);
        observed.slice_mut(s![.., 1..;2, ..;2, 2..;4]).fill(Some(9));
        Some(observed)
    });
}
