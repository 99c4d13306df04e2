//! Compares what the program computes with what an oracle did.

use crate::vectors::{Kind, Set, Vectors, read};
use repchip::fixed::{
    AddForm, AverageForm, ChannelRequantise, LastRounding, Requantise, Rule, float32_scale,
    gemmlowp_scale,
};
use std::path::Path;

/// How the values of a file compare, and what they reach.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    pub(crate) kind: Kind,
    /// With its rounding, if its name leaves that open.
    pub(crate) rule: String,
    pub(crate) oracle: String,
    pub(crate) version: String,
    pub(crate) values: u64,
    pub(crate) differing: u64,
    pub(crate) first_difference: Option<String>,
    /// Exactly half way in the last rounding.
    pub(crate) ties: u64,
    pub(crate) negative_ties: u64,
    /// Accumulators that a float32 does not hold.
    pub(crate) above_24_bits: u64,
    /// Outputs at the lower and the upper end.
    pub(crate) saturated: [u64; 2],
    /// Values of layers with an even and with an odd zero point.
    pub(crate) zero_points: [u64; 2],
}

impl Verdict {
    pub(crate) fn on(path: &Path) -> Self {
        let vectors = read(path);
        let rounding = vectors.rule.rounding().map(|rounding| {
            let json = serde_json::to_value(rounding).expect("a name");
            format!(" {}", json.as_str().expect("a string"))
        });
        let mut verdict = Self {
            kind: vectors.kind,
            rule: vectors.rule.name().to_owned() + &rounding.unwrap_or_default(),
            oracle: vectors.oracle.clone(),
            version: vectors.version.clone(),
            values: 0,
            differing: 0,
            first_difference: None,
            ties: 0,
            negative_ties: 0,
            above_24_bits: 0,
            saturated: [0; 2],
            zero_points: [0; 2],
        };
        for set in &vectors.sets {
            match vectors.kind {
                Kind::Requantise => verdict.requantised(&vectors, set),
                Kind::Addition => verdict.added(vectors.rule, set),
                Kind::Average => verdict.averaged(vectors.rule, set),
            }
        }
        verdict
    }

    pub(crate) fn name(&self) -> String {
        format!("{} by {}", self.rule, self.oracle)
    }

    /// Both ways to apply a rule: one accumulator, and a pixel of all channels.
    fn requantised(&mut self, vectors: &Vectors, set: &Set) {
        let requantise = set.requantise(vectors.rule);
        check_scales(vectors.rule, set, &requantise);
        let (base, want) = (set.list("base"), set.list("want"));
        let channels: Vec<ChannelRequantise> = (0..base.len())
            .map(|channel| requantise.channel(channel))
            .collect();
        let rows = set.list("offset").iter().zip(want.chunks_exact(base.len()));
        for (offset, want) in rows {
            let accs: Vec<i64> = base.iter().map(|base| base + offset).collect();
            let mut got = vec![0; accs.len()];
            ChannelRequantise::apply_each(&channels, &accs, &mut got);
            for (channel, (&acc, &want)) in accs.iter().zip(want).enumerate() {
                assert_eq!(
                    got[channel],
                    requantise.apply(acc, channel),
                    "two ways, one answer"
                );
                self.look(&requantise, channel, acc);
                self.compare(set, got[channel], want, || {
                    let (m, s) = (requantise.multiplier[channel], requantise.shift[channel]);
                    format!("accumulator {acc}, scale {m} / 2^{s}")
                });
            }
        }
    }

    fn added(&mut self, rule: Rule, set: &Set) {
        let meta = &set.meta;
        let shifts: [u8; 2] = pair(set, "shifts");
        let form = match meta.form.as_str() {
            "rescaled" => AddForm::Rescaled {
                left_shift: meta.left_shift,
                shifts,
            },
            "float32" => AddForm::Float32 { shifts },
            other => panic!("an addition in the form `{other}`"),
        };
        let requantise = meta.requantise(rule);
        let multipliers = pair(set, "multipliers");
        form.check(multipliers, &requantise).expect("valid vectors");
        let addition = form.ready(meta.zero_points, multipliers, &requantise);
        let (a, b) = (set.narrow::<i32>("a"), set.narrow::<i32>("b"));
        let floats = FloatSum::of(set, multipliers, shifts);
        for ((&a, &b), &want) in a.iter().zip(&b).zip(set.list("want")) {
            match addition.sum(a, b) {
                Some(sum) => self.look(&requantise, 0, sum),
                None => self.tie_of(floats.sum(a, b)),
            }
            self.compare(set, addition.apply(a, b), want, || {
                format!("operands {a} and {b}")
            });
        }
    }

    fn averaged(&mut self, rule: Rule, set: &Set) {
        let meta = &set.meta;
        let form = match meta.form.as_str() {
            "sum" => AverageForm::Sum,
            "quotient" => AverageForm::Quotient,
            "float32" => AverageForm::Float32 {
                multipliers: meta.multipliers,
                shifts: meta.shifts,
            },
            other => panic!("an average in the form `{other}`"),
        };
        let requantise = meta.requantise(rule);
        form.check(meta.zero_in, &requantise)
            .expect("valid vectors");
        let (values, want) = (set.narrow::<i32>("values"), set.list("want"));
        let windows = want.len();
        let average = form.ready(meta.zero_in, &requantise, 0, values.len() / windows);
        for (window, &want) in want.iter().enumerate() {
            let pixels = values.iter().skip(window).step_by(windows).copied();
            let sum: i64 = pixels.clone().map(i64::from).sum();
            let count = i64::try_from(values.len() / windows).expect("few pixels");
            match form {
                AverageForm::Sum => {
                    self.look(&requantise, 0, sum - count * i64::from(meta.zero_in));
                }
                AverageForm::Quotient => {
                    let tie = 2 * sum.rem_euclid(count) == count;
                    self.ties += u64::from(tie);
                    self.negative_ties += u64::from(tie && sum < 0);
                }
                AverageForm::Float32 { .. } => {
                    let [s_x, s_y] = [0, 1].map(|side: usize| {
                        float(meta.multipliers[side]) * 0.5f32.powi(meta.shifts[side].into())
                    });
                    let real = |x: i32| s_x * float(x - meta.zero_in);
                    let sum = pixels.clone().map(real).fold(0.0, |sum, real| sum + real);
                    let steps = sum / float(i32::try_from(count).expect("few")) / s_y;
                    self.tie_of(steps + float(meta.zero_point));
                }
            }
            let told = || format!("pixels {:?}", pixels.clone().collect::<Vec<_>>());
            self.compare(set, average.of(pixels.clone()), want, told);
        }
    }

    /// Counts a number in front of its rounding.
    fn tie_of(&mut self, steps: f32) {
        let tie = (steps - steps.floor()).to_bits() == 0.5f32.to_bits();
        self.ties += u64::from(tie);
        self.negative_ties += u64::from(tie && steps < 0.0);
    }

    /// Counts what an accumulator reaches; nothing is rounded in front of a slice.
    fn look(&mut self, requantise: &Requantise, channel: usize, acc: i64) {
        let (multiplier, shift) = (requantise.multiplier[channel], requantise.shift[channel]);
        let relu = requantise.lower == requantise.zero_point;
        let last = LastRounding::of(requantise.rule, acc, multiplier, shift.into(), relu);
        let rest = last.numerator - ((last.numerator >> last.shift) << last.shift);
        let rounds = last.shift > 0 && requantise.rule != Rule::Slice;
        let tie = rounds && rest == 1 << (last.shift - 1);
        self.ties += u64::from(tie);
        self.negative_ties += u64::from(tie && last.numerator < 0);
        self.above_24_bits += u64::from(acc.unsigned_abs() > 1 << 24);
    }

    fn compare(&mut self, set: &Set, got: i32, want: i64, told: impl FnOnce() -> String) {
        let meta = &set.meta;
        self.values += 1;
        self.saturated[0] += u64::from(want == i64::from(meta.lower));
        self.saturated[1] += u64::from(want == i64::from(meta.upper));
        self.zero_points[usize::from(meta.zero_point % 2 != 0)] += 1;
        if i64::from(got) != want {
            self.differing += 1;
            if self.first_difference.is_none() {
                let zero = meta.zero_point;
                self.first_difference =
                    Some(format!("{}, zero point {zero}: {got}, not {want}", told()));
            }
        }
    }
}

/// A float32 addition in front of its rounding.
struct FloatSum {
    factors: [f32; 2],
    fixed: f32,
}

impl FloatSum {
    fn of(set: &Set, multipliers: [i32; 2], shifts: [u8; 2]) -> Self {
        let factors =
            [0, 1].map(|side: usize| float(multipliers[side]) * 0.5f32.powi(shifts[side].into()));
        let [a, b] = set.meta.zero_points.map(float);
        let fixed = float(set.meta.zero_point) - a.mul_add(factors[0], b * factors[1]);
        Self { factors, fixed }
    }

    fn sum(&self, a: i32, b: i32) -> f32 {
        let b = float(b).mul_add(self.factors[1], self.fixed);
        float(a).mul_add(self.factors[0], b)
    }
}

#[expect(clippy::cast_precision_loss, reason = "operands of 24 bits at most")]
fn float(value: i32) -> f32 {
    value as f32
}

/// The quantiser makes the oracle's numbers of the oracle's real scales.
fn check_scales(rule: Rule, set: &Set, requantise: &Requantise) {
    let Some(ratio) = &set.ratio else {
        return;
    };
    for (channel, &ratio) in ratio.iter().enumerate() {
        let made = match rule {
            Rule::Float32HalfEven =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is a float32")]
                float32_scale(ratio as f32)
            }
            _ => gemmlowp_scale(ratio),
        };
        let own = (requantise.multiplier[channel], requantise.shift[channel]);
        assert_eq!(made, Ok(own), "the scale {ratio}");
    }
}

fn pair<T: TryFrom<i64> + std::fmt::Debug>(set: &Set, name: &str) -> [T; 2] {
    set.narrow(name).try_into().expect("one for each operand")
}
