//! From real scales to the multiplier and the shift of a rule, as the makers of its model files compute them.
//!
//! | rules | ratio | multiplier and shift |
//! |---|---|---|
//! | `shift`, `slice` | f64 | the nearest power of two |
//! | `multiplier` | f64 | as many significant bits as the settings say |
//! | TOSA, TensorFlow Lite, ruy | f64, of float32 scales | 31 bits by `frexp` |
//! | `float32_half_even` | float32, each operation rounded | the 24 bits of the float32 |

use super::real::nearest_f32;
use crate::fixed::{
    FixedError, Rule, float32_scale, gemmlowp_mean, gemmlowp_scale, multiplier_and_shift,
    nearest_shift,
};

/// `s_x · s_w / s_y`: output steps in one accumulator step.
pub(super) fn of_product(rule: Rule, input: f64, weight: f64, output: f64) -> f64 {
    match rule {
        Rule::Shift(_) | Rule::Multiplier(_) | Rule::Slice => input * weight / output,
        Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy => float32(input) * float32(weight) / float32(output),
        Rule::Float32HalfEven => {
            f64::from(nearest_f32(input) * nearest_f32(weight) / nearest_f32(output))
        }
    }
}

/// `s_x / s_y`: output steps in one step of an operand of an addition.
pub(super) fn of_operand(rule: Rule, input: f64, output: f64) -> f64 {
    of_product(rule, input, 1.0, output)
}

/// A mean over `pixels`: scales of its input and its output.
pub(super) struct Mean {
    pub(super) input: f64,
    pub(super) output: f64,
    pub(super) pixels: usize,
}

impl Mean {
    /// `s_x / s_y / pixels`: output steps in one step of the sum.
    pub(super) fn ratio(&self) -> f64 {
        self.input / self.output / self.count()
    }

    /// The multiplier and the shift of the sum.
    pub(super) fn scale(&self, rule: Rule, bits: u8) -> Result<(i32, u8), FixedError> {
        match rule {
            Rule::Shift(_) | Rule::Multiplier(_) | Rule::Slice => scale(rule, self.ratio(), bits),
            Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy => {
                let ratio = float32(self.input) / float32(self.output);
                let pixels = u32::try_from(self.pixels).unwrap_or(u32::MAX);
                gemmlowp_mean(gemmlowp_scale(ratio)?, pixels)
            }
            // ONNX Runtime, QLinearGlobalAveragePool.
            Rule::Float32HalfEven => float32_scale(
                nearest_f32(self.input) / (nearest_f32(self.output) * nearest_f32(self.count())),
            ),
        }
    }

    fn count(&self) -> f64 {
        super::real::number(crate::units::count(self.pixels))
    }
}

/// The rule of additions and means where convolutions have `rule`: LiteRT adds with the reference's two roundings
/// whatever its convolutions run on.
pub(super) const fn beside_convolutions(rule: Rule) -> Rule {
    match rule {
        Rule::Ruy => Rule::TfliteDouble,
        Rule::Shift(_)
        | Rule::Multiplier(_)
        | Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Float32HalfEven
        | Rule::Slice => rule,
    }
}

/// The multiplier and the shift of a ratio; `bits` are those of a multiplier of the family `multiplier`.
pub(super) fn scale(rule: Rule, ratio: f64, bits: u8) -> Result<(i32, u8), FixedError> {
    match rule {
        Rule::Shift(_) | Rule::Slice => Ok((1, nearest_shift(ratio)?)),
        Rule::Multiplier(_) => multiplier_and_shift(ratio, bits),
        Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy => gemmlowp_scale(ratio),
        Rule::Float32HalfEven => float32_scale(nearest_f32(ratio)),
    }
}

/// A scale as a model file holds it.
fn float32(scale: f64) -> f64 {
    f64::from(nearest_f32(scale))
}
