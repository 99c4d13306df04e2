//! From the pixels of a window to their mean: the averages in use.

use super::rules::float32::Scales;
use super::{ChannelRequantise, FixedError, Requantise, Rule};
use serde::{Deserialize, Serialize};

/// How the pixels of a window become their mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AverageForm {
    /// `requantise(sum(x - z_x))`: one exact sum; the number of pixels is in the scale.
    ///
    /// ONNX Runtime's `QLinearGlobalAveragePool` with the rule `float32_half_even`, and MEAN of TensorFlow Lite's
    /// reference kernels with `tflite_double`.
    #[default]
    Sum,
    /// `round(sum(x) / n)`, ties away from zero, of integers that still hold their zero point: input and output
    /// share it, and their scale.
    ///
    /// Source: tensorflow `lite/kernels/internal/reference/integer_ops/pooling.h`, AVERAGE_POOL_2D.
    Quotient,
    /// `rint(mean / s_y + z_y)` of `mean = (s_x·(x_1 - z_x) + s_x·(x_2 - z_x) + ...) / n`, every operation in
    /// float32, pixels row by row. The scales are `multiplier / 2^shift`.
    ///
    /// Source: ONNX Runtime `QLinearAveragePool`. The zero point is added before the rounding. A window as large
    /// as the map takes the kernel of `QLinearGlobalAveragePool` there, which is `Sum`.
    Float32 {
        /// Of input and output.
        multipliers: [i32; 2],
        /// Of input and output.
        shifts: [u8; 2],
    },
}

impl AverageForm {
    /// Whether it is the form that a file need not name.
    #[must_use]
    pub fn is_sum(&self) -> bool {
        *self == Self::Sum
    }

    /// Whether a zero point of the input and `requantise` belong to this form.
    ///
    /// # Errors
    /// When a mean that is no requantised sum has scales, a quotient changes the zero point, or a mean of floats
    /// has another rule or a scale outside its limits.
    pub fn check(&self, zero_point: i32, requantise: &Requantise) -> Result<(), FixedError> {
        let refuse = |what| {
            Err(FixedError::Operator {
                operator: "average",
                what,
            })
        };
        let scales = requantise.multiplier.iter().zip(&requantise.shift);
        let whole = scales.clone().all(|scale| scale == (&1, &0));
        match *self {
            Self::Sum => Ok(()),
            Self::Quotient | Self::Float32 { .. } if !whole => {
                refuse("only a requantised sum has scales other than 1")
            }
            Self::Quotient if zero_point != requantise.zero_point => {
                refuse("a quotient keeps the zero point of its input")
            }
            Self::Quotient => Ok(()),
            Self::Float32 {
                multipliers,
                shifts,
            } => {
                let (good, right) = Rule::Float32HalfEven.limits();
                let fits = |(m, s): (&i32, &u8)| *m > 0 && good.contains(m) && right.contains(s);
                if requantise.rule != Rule::Float32HalfEven {
                    refuse("a mean of floats needs the rule float32_half_even")
                } else if multipliers.iter().zip(&shifts).all(fits) {
                    Ok(())
                } else {
                    refuse("a scale is no float32 within the limits of its rule")
                }
            }
        }
    }

    /// The average of windows of `pixels` pixels, ready to apply.
    ///
    /// * `zero_point`: of the input; `entry`: place of the window's scale in `requantise`
    #[must_use]
    pub fn ready(
        &self,
        zero_point: i32,
        requantise: &Requantise,
        entry: usize,
        pixels: usize,
    ) -> Average {
        let pixels = i64::try_from(pixels).expect("a window has fewer than 2^63 pixels");
        let mean = match *self {
            Self::Sum => Mean::Sum,
            Self::Quotient => Mean::Quotient { pixels },
            Self::Float32 {
                multipliers,
                shifts,
            } => {
                let scales = [0, 1].map(|side: usize| (multipliers[side], shifts[side].into()));
                Mean::Floats(Scales::new(
                    scales,
                    [zero_point, requantise.zero_point],
                    pixels,
                ))
            }
        };
        Average {
            zero_point: zero_point.into(),
            mean,
            requantise: requantise.channel(entry),
            bounds: [requantise.lower, requantise.upper],
        }
    }
}

/// An average over windows of one size, ready to apply.
#[derive(Debug, Clone, Copy)]
pub struct Average {
    zero_point: i64,
    mean: Mean,
    requantise: ChannelRequantise,
    bounds: [i32; 2],
}

/// A form with its numbers.
#[derive(Debug, Clone, Copy)]
enum Mean {
    Sum,
    Quotient { pixels: i64 },
    Floats(Scales),
}

impl Average {
    /// The mean of one channel over the pixels of a window, row by row.
    #[must_use]
    pub fn of(&self, values: impl Iterator<Item = i32>) -> i32 {
        let [lower, upper] = self.bounds;
        match &self.mean {
            Mean::Sum => {
                let centred = values.map(|value| i64::from(value) - self.zero_point);
                self.requantise.apply(centred.sum())
            }
            Mean::Quotient { pixels } => {
                let sum: i64 = values.map(i64::from).sum();
                let mean = quotient(sum, *pixels).clamp(lower.into(), upper.into());
                i32::try_from(mean).expect("clamped to an output of at most 16 bits")
            }
            Mean::Floats(scales) => scales.mean(values, self.bounds),
        }
    }
}

/// `round(sum / pixels)`, ties away from zero.
const fn quotient(sum: i64, pixels: i64) -> i64 {
    let half = pixels / 2;
    if sum > 0 {
        (sum + half) / pixels
    } else {
        (sum - half) / pixels
    }
}

/// The multiplier and the shift of a mean over `pixels`, from those of the ratio of its scales.
///
/// Source: tensorflow `lite/kernels/internal/reference/reduce.h`, `QuantizedMeanOrSum`: the multiplier is divided
/// towards zero, after as many bits to the left as the number of pixels has.
///
/// # Errors
/// When the mean needs a shift above 62.
pub fn gemmlowp_mean((multiplier, shift): (i32, u8), pixels: u32) -> Result<(i32, u8), FixedError> {
    let left = pixels.max(1).ilog2();
    let quotient = (i64::from(multiplier) << left) / i64::from(pixels.max(1));
    let multiplier = i32::try_from(quotient).expect("at most the multiplier itself");
    let shift = u32::from(shift) + left;
    match u8::try_from(shift) {
        Ok(shift) if shift <= 62 => Ok((multiplier, shift)),
        Ok(_) | Err(_) => Err(FixedError::RatioTooSmall {
            ratio: f64::from(multiplier) * 0.5f64.powi(i32::try_from(shift).unwrap_or(i32::MAX)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, Target};
    use crate::tensor::IntType;

    fn whole(rule: Rule, zero_point: i32) -> Requantise {
        let target = Target::whole(IntType::signed(8), zero_point);
        Requantise::new(rule, vec![1], vec![0], target).unwrap()
    }

    #[test]
    fn worked_by_hand() {
        let rule = whole(Rule::Multiplier(Rounding::HalfAway), -3);
        assert!(AverageForm::Quotient.check(-3, &rule).is_ok());
        assert!(AverageForm::Quotient.check(0, &rule).is_err());
        let of = |values: [i32; 2]| {
            let ready = AverageForm::Quotient.ready(-3, &rule, 0, 2);
            ready.of(values.into_iter())
        };
        // 5 / 2 and -5 / 2 go away from zero, though the reals around the zero point -3 are 5.5 and 0.5.
        assert_eq!([of([2, 3]), of([-2, -3])], [3, -3]);

        // 0.5 · (1 + 2) / 2 = 0.75; in steps of 0.5 it is 1.5, + 3 = 4.5, to even.
        let form = AverageForm::Float32 {
            multipliers: [1 << 23; 2],
            shifts: [24; 2],
        };
        let rule = whole(Rule::Float32HalfEven, 3);
        assert!(form.check(0, &rule).is_ok());
        assert_eq!(form.ready(0, &rule, 0, 2).of([1, 2].into_iter()), 4);
        // Of 3 pixels q / 3 · 2, and one bit more.
        assert_eq!(gemmlowp_mean((3 << 29, 31), 3), Ok((1 << 30, 32)));
    }
}
