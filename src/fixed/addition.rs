//! From two operands to an activation: the additions in use.

use super::rules::float32::Factors;
use super::{ChannelRequantise, FixedError, Requantise, Rule, scaled};
use serde::{Deserialize, Serialize};

/// How the two operands of an addition become one sum. Every form has one multiplier an operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum AddForm {
    /// `requantise((a - z_a)·m_a + (b - z_b)·m_b)`: one exact sum, one rounding.
    #[default]
    Weighted,
    /// Each operand is shifted left, then scaled by `multiplier / 2^shift` with the rule of the requantisation,
    /// and so is their sum: three roundings.
    ///
    /// Source: tensorflow `lite/kernels/internal/reference/add.h`. TOSA writes it as three RESCALEs.
    Rescaled {
        /// Bits to the left: 20 in 8-bit TensorFlow Lite, 15 in 16-bit.
        left_shift: u8,
        /// Right shift of each operand.
        shifts: [u8; 2],
    },
    /// `rint(fma(a, r_a, fma(b, r_b, z_y - fma(r_a, z_a, r_b·z_b))))` in float32, with `r = multiplier / 2^shift`.
    ///
    /// The zero point is added before the rounding, so ties depend on whether it is odd. Source: ONNX Runtime
    /// `QLinearAdd`, the AVX2 kernel `MlasQLinearAddKernelAvx2`; the kernel for Arm rounds fixed-point numbers.
    Float32 {
        /// Shift of each operand.
        shifts: [u8; 2],
    },
}

impl AddForm {
    /// Whether it is the form that a file need not name.
    #[must_use]
    pub fn is_weighted(&self) -> bool {
        *self == Self::Weighted
    }

    /// Whether `multipliers` and `requantise` belong to this form.
    ///
    /// # Errors
    /// When there is not one scale for the sum, an operand's scale is outside the rule's limits, three rescales
    /// follow a rule that is not one of TOSA and TensorFlow Lite, or the sum of floats is scaled once more.
    pub fn check(&self, multipliers: [i32; 2], requantise: &Requantise) -> Result<(), FixedError> {
        let rule = requantise.rule;
        let refuse = |what| {
            Err(FixedError::Operator {
                operator: "addition",
                what,
            })
        };
        if requantise.channels() != 1 {
            return refuse("it has more than one scale for its sum");
        }
        let shifts = match *self {
            Self::Weighted => return Ok(()),
            Self::Rescaled { left_shift, shifts } => {
                if left_shift > 20 {
                    return refuse("it shifts its operands left by more than 20 bits");
                }
                if !rescales(rule) {
                    return refuse("three rescales need a rule of TOSA or TensorFlow Lite");
                }
                shifts
            }
            Self::Float32 { shifts } => {
                let whole = [(1, 0)] == [(requantise.multiplier[0], requantise.shift[0])];
                if rule != Rule::Float32HalfEven || !whole {
                    return refuse(
                        "a sum of floats needs the rule float32_half_even and the scale 1",
                    );
                }
                shifts
            }
        };
        let (good, least) = rule.limits();
        let fits = |(m, s): (&i32, &u8)| good.contains(m) && least.contains(s);
        if multipliers.iter().zip(&shifts).all(fits) {
            Ok(())
        } else {
            refuse("the scale of an operand is outside the limits of its rule")
        }
    }

    /// The addition, ready to apply.
    ///
    /// * `zero_points`, `multipliers`: of the two operands
    #[must_use]
    pub fn ready(
        &self,
        zero_points: [i32; 2],
        multipliers: [i32; 2],
        requantise: &Requantise,
    ) -> Addition {
        let sum = match *self {
            Self::Weighted => Sum::Weighted {
                multipliers: multipliers.map(i64::from),
            },
            Self::Rescaled { left_shift, shifts } => Sum::Rescaled {
                rule: requantise.rule,
                left_shift: left_shift.into(),
                scales: [0, 1].map(|side: usize| (multipliers[side], shifts[side].into())),
            },
            Self::Float32 { shifts } => {
                let scales = [0, 1].map(|side: usize| (multipliers[side], shifts[side].into()));
                let zero_point = requantise.zero_point;
                Sum::Float32(Factors::new(scales, zero_points, zero_point))
            }
        };
        Addition {
            zero_points: zero_points.map(i64::from),
            sum,
            requantise: requantise.channel(0),
            bounds: [requantise.lower, requantise.upper],
        }
    }
}

/// Whether an addition may consist of rescales by this rule.
const fn rescales(rule: Rule) -> bool {
    match rule {
        Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy => true,
        Rule::Shift(_) | Rule::Multiplier(_) | Rule::Float32HalfEven | Rule::Slice => false,
    }
}

/// An addition, ready to apply.
#[derive(Debug, Clone, Copy)]
pub struct Addition {
    zero_points: [i64; 2],
    sum: Sum,
    requantise: ChannelRequantise,
    bounds: [i32; 2],
}

/// A form with its numbers.
#[derive(Debug, Clone, Copy)]
enum Sum {
    Weighted {
        multipliers: [i64; 2],
    },
    Rescaled {
        rule: Rule,
        left_shift: u32,
        scales: [(i32, u32); 2],
    },
    Float32(Factors),
}

impl Addition {
    /// The sum that is requantised; `None` where it is no integer.
    #[must_use]
    #[inline]
    pub fn sum(&self, a: i32, b: i32) -> Option<i64> {
        let [a, b] = [
            i64::from(a) - self.zero_points[0],
            i64::from(b) - self.zero_points[1],
        ];
        match &self.sum {
            Sum::Weighted {
                multipliers: [m_a, m_b],
            } => Some(a * m_a + b * m_b),
            Sum::Rescaled {
                rule,
                left_shift,
                scales: [by_a, by_b],
            } => {
                let part = |value: i64, (multiplier, shift): (i32, u32)| {
                    // No rule that rescales looks at the clamp.
                    scaled(*rule, value << left_shift, multiplier, shift, [0, 0])
                };
                let sum = part(a, *by_a) + part(b, *by_b);
                Some(i64::try_from(sum).expect("two results below 2^61 each"))
            }
            Sum::Float32(_) => None,
        }
    }

    /// The output for one pair of operands.
    #[must_use]
    #[inline]
    pub fn apply(&self, a: i32, b: i32) -> i32 {
        match &self.sum {
            Sum::Float32(factors) => factors.rounded([a, b], self.bounds),
            Sum::Weighted { .. } | Sum::Rescaled { .. } => {
                let sum = self.sum(a, b).expect("these sums are integers");
                self.requantise.apply(sum)
            }
        }
    }
}
