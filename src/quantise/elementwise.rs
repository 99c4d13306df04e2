//! Integers of functions, products, concatenations and interpolations.

use super::operators::Site;
use super::{QuantConcat, QuantMultiply, QuantResize, QuantTable, QuantiseError};
use crate::network::Function;
use crate::network::sampling::WEIGHT_BITS;
use crate::reparam::Activation;

impl Site<'_> {
    /// A function: its value at each input, as the output's integer.
    pub(super) fn table(&self, function: Function) -> QuantTable {
        let input = self.inputs[0];
        let value = |x: i32| {
            let real = function.value(input.dequantise(x));
            self.output.quantise(super::real::nearest_f32(real))
        };
        QuantTable {
            first: input.range.min(),
            values: (input.range.min()..=input.range.max()).map(value).collect(),
        }
    }

    /// A product.
    pub(super) fn multiply(&self, activation: Activation) -> Result<QuantMultiply, QuantiseError> {
        let ratio = self.inputs[0].scale * self.inputs[1].scale / self.output.scale;
        let rule = self.rule_for(&[ratio]);
        Ok(QuantMultiply {
            input_zero_points: [0, 1].map(|side: usize| self.inputs[side].zero_point),
            requantise: self.requantise(rule, self.scales(rule, &[ratio]), activation)?,
        })
    }

    /// A concatenation that brings every operand to the output's scale.
    pub(super) fn concat(&self) -> Result<QuantConcat, QuantiseError> {
        let ratios: Vec<f64> = (self.inputs.iter())
            .map(|input| input.scale / self.output.scale)
            .collect();
        let rule = self.rule_for(&ratios);
        Ok(QuantConcat {
            input_zero_points: self.inputs.iter().map(|input| input.zero_point).collect(),
            requantise: self.requantise(rule, self.scales(rule, &ratios), Activation::None)?,
        })
    }

    /// An interpolation; the weights of both axes are taken out by the requantisation.
    pub(super) fn resize(&self) -> Result<QuantResize, QuantiseError> {
        let one = f64::from(1_u32 << WEIGHT_BITS);
        let ratio = self.inputs[0].scale / self.output.scale / (one * one);
        let rule = self.rule_for(&[ratio]);
        Ok(QuantResize {
            input_zero_point: self.inputs[0].zero_point,
            requantise: self.requantise(rule, self.scales(rule, &[ratio]), Activation::None)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::{Rounding, Rule};
    use crate::quantise::{Settings, TensorQuant};
    use crate::tensor::IntType;
    use proptest::prelude::*;

    fn tensor(scale: f64) -> TensorQuant {
        TensorQuant {
            range: IntType::signed(8),
            scale,
            zero_point: 0,
        }
    }

    #[test]
    fn a_relu6_ends_at_the_integer_nearest_to_six() {
        let (input, output) = (tensor(1.0), tensor(0.25));
        let settings = Settings::int8();
        let site = Site {
            name: "a",
            inputs: vec![&input, &input],
            output: &output,
            settings: &settings,
        };
        let quant = site.multiply(Activation::Relu6).unwrap();
        assert_eq!(
            [-3, 5, 7].map(|p| quant.requantise.apply(p, 0)),
            [0, 20, 24]
        );
    }

    #[test]
    fn an_interpolation_of_one_scale_takes_its_weights_out_exactly() {
        for rule in [
            Rule::Shift(Rounding::HalfUp),
            Rule::Multiplier(Rounding::HalfUp),
        ] {
            let settings = Settings {
                rule,
                ..Settings::int8()
            };
            let map = tensor(0.25);
            let site = Site {
                name: "a",
                inputs: vec![&map],
                output: &map,
                settings: &settings,
            };
            let quant = site.resize().unwrap();
            // Half way between 3 and 4 along both axes.
            let sum = (3 + 4) * 1024 * 1024 * 2;
            assert_eq!(quant.requantise.apply(sum, 0), 4);
            assert_eq!(quant.requantise.apply(sum - 1, 0), 3);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

        #[test]
        fn a_product_is_within_its_rounding(
            a in 0.01f64..1.0, b in 0.01f64..1.0, y in 0.1f64..100.0, x in -128i32..=127, z in -128i32..=127,
        ) {
            let (left, right, output) = (tensor(a), tensor(b), tensor(y));
            let settings = Settings::int8();
            let site = Site { name: "a", inputs: vec![&left, &right], output: &output, settings: &settings };
            let found = site.multiply(Activation::None).unwrap().requantise.apply(i64::from(x) * i64::from(z), 0);
            let real = f64::from(x) * f64::from(z) * a * b / y;
            prop_assert!((f64::from(found) - real.clamp(-128.0, 127.0)).abs() <= 0.5 + 1e-4);
        }

        #[test]
        fn a_table_is_the_nearest_integer_of_the_function(
            scale in 0.001f64..0.5, x in -128i32..=127, pick in 0usize..5,
        ) {
            let (input, output) = (tensor(scale), tensor(0.05));
            let settings = Settings::int8();
            let site = Site { name: "a", inputs: vec![&input], output: &output, settings: &settings };
            let table = site.table(Function::ALL[pick]);
            prop_assert_eq!(table.values.len(), 256);
            let real = Function::ALL[pick].value(scale * f64::from(x)) / 0.05;
            prop_assert!((f64::from(table.apply(x)) - real.clamp(-128.0, 127.0)).abs() <= 0.5 + 1e-4);
        }
    }
}
