//! Functions of one element that no clamp computes: sigmoid, swish and what stands in for them.
//!
//! The exponential is computed here from its series, so that a value has the same bits on every machine.

use serde::{Deserialize, Serialize};

/// A function that a lookup applies to each element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    /// `min(max(x / 6 + 1 / 2, 0), 1)`.
    HardSigmoid,
    /// `x · hard_sigmoid(x)`.
    HardSwish,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `max(x, 0)`, where it changes the scale of integers.
    Relu,
    /// `x`: a change of the scale of integers.
    Identity,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 7] = [
        Self::Sigmoid,
        Self::Silu,
        Self::HardSigmoid,
        Self::HardSwish,
        Self::Relu6,
        Self::Relu,
        Self::Identity,
    ];

    /// Its name in files: `hard_swish`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Silu => "silu",
            Self::HardSigmoid => "hard_sigmoid",
            Self::HardSwish => "hard_swish",
            Self::Relu6 => "relu6",
            Self::Relu => "relu",
            Self::Identity => "identity",
        }
    }

    /// Its name for people: `hard swish`.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Sigmoid => "sigmoid",
            Self::Silu => "swish",
            Self::HardSigmoid => "hard sigmoid",
            Self::HardSwish => "hard swish",
            Self::Relu6 => "relu6",
            Self::Relu => "relu",
            Self::Identity => "identity",
        }
    }

    /// Whether no value of it is below zero.
    #[must_use]
    pub const fn is_positive(self) -> bool {
        match self {
            Self::Sigmoid | Self::HardSigmoid | Self::Relu6 | Self::Relu => true,
            Self::Silu | Self::HardSwish | Self::Identity => false,
        }
    }

    /// Its value at `x`.
    #[must_use]
    pub fn value(self, x: f64) -> f64 {
        let hard_sigmoid = |x: f64| (x / 6.0 + 0.5).clamp(0.0, 1.0);
        match self {
            Self::Sigmoid => sigmoid(x),
            Self::Silu => x * sigmoid(x),
            Self::HardSigmoid => hard_sigmoid(x),
            Self::HardSwish => x * hard_sigmoid(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Relu => x.max(0.0),
            Self::Identity => x,
        }
    }
}

/// Of a negative number, so that nothing overflows; the other half by symmetry.
fn sigmoid(x: f64) -> f64 {
    let small = exponential(-x.abs());
    let low = small / (1.0 + small);
    if x < 0.0 { low } else { 1.0 - low }
}

/// `exp(x)` for `x <= 0`: `2^k · exp(r)` with `|r| <= ln(2) / 2`, the second factor by its series to the 14th power,
/// whose rest is below one part in `2^60`.
fn exponential(x: f64) -> f64 {
    // Below, not even the smallest normal number is left.
    if x < -708.0 {
        return 0.0;
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    // ln(2) in two parts, the first with few enough bits that its product with k is exact.
    let r = x - k * 0.693_147_180_369_123_8 - k * 1.908_214_929_270_587_7e-10;
    let series = (1..=14)
        .rev()
        .fold(1.0, |sum, n| 1.0 + r / f64::from(n) * sum);
    (0..)
        .take_while(|n| f64::from(*n) < -k)
        .fold(series, |value, _: i32| value / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_by_hand() {
        let at = |function: Function, x: f64| function.value(x);
        for (function, x, want) in [
            (Function::Sigmoid, 0.0, 0.5),
            (Function::Sigmoid, f64::INFINITY, 1.0),
            (Function::Sigmoid, f64::NEG_INFINITY, 0.0),
            (Function::Silu, 0.0, 0.0),
            (Function::HardSigmoid, 3.0, 1.0),
            (Function::HardSigmoid, -1.5, 0.25),
            (Function::HardSwish, -1.5, -0.375),
            (Function::HardSwish, -9.0, 0.0),
            (Function::Relu6, 7.0, 6.0),
            (Function::Relu6, -1.0, 0.0),
        ] {
            assert!(
                (at(function, x) - want).abs() < 1e-15,
                "{function:?} at {x}"
            );
        }
        // The least value of swish, where 1 + exp(x) + x · ... has its zero.
        assert!(
            (at(Function::Silu, -1.278_464_542_761_073_7) + 0.278_464_542_761_073_8).abs() < 1e-15
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

        #[test]
        fn the_exponential_is_that_of_the_library(x in -708.0f64..=0.0) {
            prop_assert!((exponential(x) / x.exp() - 1.0).abs() < 1e-15);
        }

        #[test]
        fn a_positive_function_is_never_below_zero(x in any::<f32>()) {
            prop_assume!(!x.is_nan());
            for function in Function::ALL {
                prop_assert!(!function.is_positive() || function.value(f64::from(x)) >= 0.0);
            }
        }
    }
}
