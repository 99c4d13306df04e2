//! Integers of one layer, once the scales of its tensors are known.

use super::addition::Operands;
use super::weights::Scales;
use super::{
    QuantAdd, QuantAverage, QuantConv, QuantiseError, Settings, TensorQuant, factor, shortcut,
};
use crate::fixed::{
    AddForm, AverageForm, FixedError, Requantise, Rounding, Rule, Target, multiplier_and_shift,
    nearest_shift,
};
use crate::reparam::Activation;
use ndarray::{Array1, Array4};

/// A layer between the tensors it reads and the one it makes.
pub(super) struct Site<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Tensors it reads.
    pub(super) inputs: Vec<&'a TensorQuant>,
    /// The tensor it makes.
    pub(super) output: &'a TensorQuant,
    /// All choices.
    pub(super) settings: &'a Settings,
}

impl Site<'_> {
    /// A convolution, or a fully connected layer; with a second input the shortcut goes into the accumulator.
    pub(super) fn conv(
        &self,
        weight: &Array4<f32>,
        bias: &Array1<f32>,
        bits: u8,
        activation: Activation,
    ) -> Result<QuantConv, QuantiseError> {
        if weight.iter().chain(bias).any(|w| !w.is_finite()) {
            return Err(QuantiseError::NotFinite {
                layer: self.name.to_owned(),
                what: "its weight or bias",
            });
        }
        let input = self.inputs[0];
        let mut scales = Scales::choose(
            weight,
            bias,
            input.scale,
            self.output.scale,
            bits,
            self.settings,
        );
        let residual = match self.inputs.get(1) {
            None => None,
            Some(shortcut) => Some(shortcut::fit(
                self.name,
                input,
                shortcut,
                bits,
                self.settings.scale_set(),
                &mut scales,
            )?),
        };
        let (rule, multiplier_bits) = (self.settings.rule, self.settings.multiplier_bits);
        let factors = scales.steps.iter().map(|step| {
            let ratio = factor::of_product(rule, input.scale, *step, self.output.scale);
            factor::scale(rule, ratio, multiplier_bits)
        });
        Ok(QuantConv {
            weight: scales.weights(weight, bits),
            bias: scales.biases(bias, input.scale),
            input_zero_point: input.zero_point,
            residual,
            requantise: self.requantise(rule, factors, activation)?,
        })
    }

    /// An addition, in the form that the rule's program has.
    pub(super) fn add(&self, activation: Activation) -> Result<QuantAdd, QuantiseError> {
        let rule = self.settings.rule;
        let operands = match rule {
            Rule::Shift(_) | Rule::Multiplier(_) | Rule::Slice => self.weighted(),
            Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy => self.rescaled(),
            Rule::Float32HalfEven => self.floats(),
        };
        let rule = factor::beside_convolutions(rule);
        let operands = operands.map_err(|error| self.refused(error))?;
        let (multiplier, shift) = operands.sum;
        let target = self.target(activation);
        let requantise = Requantise::new(rule, vec![multiplier], vec![shift], target)
            .map_err(|error| self.refused(error))?;
        Ok(QuantAdd {
            input_zero_points: [0, 1].map(|side: usize| self.inputs[side].zero_point),
            multipliers: operands.multipliers,
            form: operands.form,
            requantise,
        })
    }

    /// Both operands in one sum of `1 / 2^shift` output steps.
    fn weighted(&self) -> Result<Operands, FixedError> {
        let ratios = [0, 1].map(|side: usize| self.inputs[side].scale / self.output.scale);
        let (multipliers, shift) = operand_factors(ratios, self.settings)?;
        Ok(Operands {
            multipliers,
            form: AddForm::Weighted,
            sum: (1, shift),
        })
    }

    /// A mean over windows of up to `most` pixels, smaller than the map.
    ///
    /// TensorFlow Lite's AVERAGE_POOL_2D, the form `quotient`, keeps the scale of its input. Here the output has a scale
    /// of its own, as calibration chose it, and the sum is requantised as in MEAN.
    pub(super) fn window_average(&self, most: usize) -> Result<QuantAverage, QuantiseError> {
        match self.settings.rule {
            Rule::Float32HalfEven => self.float_average(most),
            Rule::Shift(_)
            | Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Slice => self.average(1..=most),
        }
    }

    /// A mean over 1, 2, ... `entries` pixels, or over `pixels` alone when there is one entry.
    pub(super) fn average(
        &self,
        pixels: impl IntoIterator<Item = usize>,
    ) -> Result<QuantAverage, QuantiseError> {
        let bits = self.settings.multiplier_bits;
        let means: Vec<factor::Mean> = (pixels.into_iter())
            .map(|pixels| factor::Mean {
                input: self.inputs[0].scale,
                output: self.output.scale,
                pixels,
            })
            .collect();
        let ratios: Vec<f64> = means.iter().map(factor::Mean::ratio).collect();
        let rule = self.rule_for(&ratios);
        let scales = means.iter().map(|mean| mean.scale(rule, bits));
        Ok(QuantAverage {
            input_zero_point: self.inputs[0].zero_point,
            form: AverageForm::Sum,
            requantise: self.requantise(rule, scales, Activation::None)?,
        })
    }

    /// A mean in float32 over windows of up to `most` pixels.
    fn float_average(&self, most: usize) -> Result<QuantAverage, QuantiseError> {
        let rule = self.settings.rule;
        let of = |tensor: &TensorQuant| {
            factor::scale(rule, tensor.scale, 24).map_err(|error| self.refused(error))
        };
        let scales = [of(self.inputs[0])?, of(self.output)?];
        let whole = std::iter::repeat_n(Ok((1, 0)), most);
        Ok(QuantAverage {
            input_zero_point: self.inputs[0].zero_point,
            form: AverageForm::Float32 {
                multipliers: scales.map(|(multiplier, _)| multiplier),
                shifts: scales.map(|(_, shift)| shift),
            },
            requantise: self.requantise(rule, whole, Activation::None)?,
        })
    }

    /// The network's rule beside convolutions; for a shift or a slice whose factors are not all powers of two a
    /// multiplier with its rounding, `floor` for a slice.
    pub(super) fn rule_for(&self, ratios: &[f64]) -> Rule {
        let rule = self.settings.rule;
        match rule {
            Rule::Shift(_) | Rule::Slice if ratios.iter().all(|&r| is_power_of_two(r)) => rule,
            Rule::Shift(rounding) => Rule::Multiplier(rounding),
            Rule::Slice => Rule::Multiplier(Rounding::Floor),
            Rule::Multiplier(_)
            | Rule::TosaSingle
            | Rule::TosaDouble
            | Rule::TfliteDouble
            | Rule::TfliteSingle
            | Rule::Ruy
            | Rule::Float32HalfEven => factor::beside_convolutions(rule),
        }
    }

    /// Multipliers and shifts of ratios.
    pub(super) fn scales<'r>(
        &self,
        rule: Rule,
        ratios: &'r [f64],
    ) -> impl Iterator<Item = Result<(i32, u8), FixedError>> + use<'r> {
        let bits = self.settings.multiplier_bits;
        (ratios.iter()).map(move |ratio| factor::scale(rule, *ratio, bits))
    }

    pub(super) fn requantise(
        &self,
        rule: Rule,
        scales: impl Iterator<Item = Result<(i32, u8), FixedError>>,
        activation: Activation,
    ) -> Result<Requantise, QuantiseError> {
        let (multiplier, shift) = scales
            .collect::<Result<Vec<(i32, u8)>, FixedError>>()
            .map_err(|error| self.refused(error))?
            .into_iter()
            .unzip();
        Requantise::new(rule, multiplier, shift, self.target(activation))
            .map_err(|error| self.refused(error))
    }

    fn target(&self, activation: Activation) -> Target {
        let mut target = Target::whole(self.output.range, self.output.zero_point);
        target.overflow = self.settings.output_overflow;
        match activation {
            Activation::None => target,
            Activation::Relu => target.relu(),
            Activation::Relu6 => {
                target.upper = self.output.quantise(6.0);
                target.relu()
            }
        }
    }

    fn refused(&self, error: FixedError) -> QuantiseError {
        let layer = self.name.to_owned();
        QuantiseError::Requantise { layer, error }
    }
}

/// Whether a ratio is a power of two but for the rounding of the scales it came from.
fn is_power_of_two(ratio: f64) -> bool {
    let above = super::real::power_of_two_from(ratio * (1.0 - 1e-12));
    (above / ratio - 1.0).abs() < 1e-12
}

/// Multipliers of two operands and their common right shift: `ratio[i] ≈ multiplier[i] / 2^shift`.
///
/// The larger ratio takes the whole width of a multiplier, the smaller one the same shift, rounded to nearest
/// (ties to even). In the shift family both are powers of two, exact while they differ by less than `2^30`.
fn operand_factors(ratios: [f64; 2], settings: &Settings) -> Result<([i32; 2], u8), FixedError> {
    let larger = ratios[0].max(ratios[1]);
    let shift = match settings.rule {
        Rule::Multiplier(_)
        | Rule::TosaSingle
        | Rule::TosaDouble
        | Rule::TfliteDouble
        | Rule::TfliteSingle
        | Rule::Ruy
        | Rule::Float32HalfEven => multiplier_and_shift(larger, settings.multiplier_bits)?.1,
        Rule::Shift(_) | Rule::Slice => {
            // Enough to make the smaller ratio whole, unless the larger one then leaves 31 bits.
            let wanted = if ratios[0].min(ratios[1]) < 1.0 {
                nearest_shift(ratios[0].min(ratios[1]))?
            } else {
                0
            };
            wanted.min(multiplier_and_shift(larger, 31)?.1)
        }
    };
    let limit = f64::from(i32::MAX);
    let factor = |ratio: f64| {
        let scaled = ratio * 2f64.powi(i32::from(shift));
        super::real::nearest_i32(scaled.min(limit))
    };
    Ok((ratios.map(factor), shift))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::Rounding;
    use crate::tensor::IntType;
    use proptest::prelude::*;

    fn tensor(scale: f64) -> TensorQuant {
        TensorQuant {
            range: IntType::signed(8),
            scale,
            zero_point: 0,
        }
    }

    fn shift_family() -> Settings {
        Settings {
            rule: Rule::Shift(Rounding::HalfEven),
            ..Settings::int8()
        }
    }

    #[test]
    fn a_convolution_worked_by_hand() {
        let (input, output) = (tensor(0.5), tensor(2.0));
        let settings = Settings::int8();
        let site = Site {
            name: "a",
            inputs: vec![&input],
            output: &output,
            settings: &settings,
        };
        let weight = Array4::from_shape_vec((1, 1, 1, 2), vec![1.27, -0.635]).unwrap();
        let conv = site
            .conv(&weight, &Array1::from(vec![0.1]), 8, Activation::Relu)
            .unwrap();
        // s_w = 0.01: weights 127 and -63.5 -> -64 (f32 rounding may make it -63); bias 0.1 / 0.005 = 20
        assert_eq!(conv.weight[[0, 0, 0, 0]], 127);
        assert_eq!(conv.bias, [20]);
        assert_eq!(conv.requantise.lower, 0);
        // an accumulator of 127·100 steps of 0.005 is 63.5, 31.75 output steps
        assert_eq!(conv.requantise.apply(12_700, 0), 32);
        let broken = Array4::from_elem((1, 1, 1, 1), f32::NAN);
        assert!(matches!(
            site.conv(&broken, &Array1::zeros(1), 8, Activation::None),
            Err(QuantiseError::NotFinite { .. })
        ));
    }

    #[test]
    fn a_shift_to_the_left_is_refused_by_name() {
        let (input, output) = (tensor(4.0), tensor(1.0 / 1024.0));
        let settings = shift_family();
        let site = Site {
            name: "a",
            inputs: vec![&input],
            output: &output,
            settings: &settings,
        };
        let weight = Array4::from_elem((1, 1, 1, 1), 1.0);
        let error = site.conv(&weight, &Array1::zeros(1), 8, Activation::None);
        assert!(matches!(error, Err(QuantiseError::Requantise { layer, .. }) if layer == "a"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn an_addition_is_within_its_rounding(
            a in 0.01f64..10.0, b in 0.01f64..10.0, y in 0.1f64..10.0, x in -128i32..=127, z in -128i32..=127,
        ) {
            let (left, right, output) = (tensor(a), tensor(b), tensor(y));
            let settings = Settings::int8();
            let site = Site { name: "a", inputs: vec![&left, &right], output: &output, settings: &settings };
            let add = site.add(Activation::None).unwrap();
            let [m_a, m_b] = add.multipliers.map(i64::from);
            let sum = add.requantise.apply(i64::from(x) * m_a + i64::from(z) * m_b, 0);
            let real = (f64::from(x) * a + f64::from(z) * b) / y;
            prop_assert!((f64::from(sum) - real.clamp(-128.0, 127.0)).abs() <= 0.5 + 1e-5);
        }

        #[test]
        fn in_the_shift_family_factors_are_exact(a in -20i32..6, b in -20i32..6) {
            let ratios = [2f64.powi(a), 2f64.powi(b)];
            let (multipliers, shift) = operand_factors(ratios, &shift_family()).unwrap();
            for (multiplier, ratio) in multipliers.iter().zip(ratios) {
                let back = f64::from(*multiplier) / 2f64.powi(i32::from(shift));
                prop_assert_eq!(back.to_bits(), ratio.to_bits());
            }
        }
    }
}
