//! The points that are tried.

use super::Method;
use crate::quantise::{
    BiasCorrection, Calibration, Granularity, ScaleSet, Settings, WeightCalibration, Widths,
};

/// Whether a remedy is worth trying there, see [`Grid::points`].
const fn stands(method: Method, scales: ScaleSet, bits: u8) -> bool {
    match (method, scales) {
        (Method::None, _) => true,
        (Method::All, _) | (_, ScaleSet::Free) => bits < 16,
        (_, ScaleSet::PowerOfTwo) => false,
    }
}

/// One way to make integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// Scales of the weights.
    pub granularity: Granularity,
    /// Which scales there are.
    pub scales: ScaleSet,
    /// Bits of weights and activations.
    pub bits: u8,
    /// The remedy.
    pub method: Method,
}

/// What is tried, and what all points have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// Rule, multiplier, residual form and output width; its remedies are not used.
    pub base: Settings,
    /// Of [`Method::Percentile`], in percent.
    pub percentile: f64,
    /// Widths, in the order of the tables.
    pub bits: Vec<u8>,
    /// Remedies, in the order of the tables.
    pub methods: Vec<Method>,
}

impl Grid {
    /// All points: per tensor before per channel, free scales before powers of two, then bits, then remedies.
    ///
    /// Powers of two stand beside free scales with [`Method::None`] and [`Method::All`] alone: that is what they cost
    /// and whether it can be had back. With 16 bits nothing is lost that a remedy could give back: [`Method::None`]
    /// stands there alone.
    #[must_use]
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            for scales in [ScaleSet::Free, ScaleSet::PowerOfTwo] {
                for &bits in &self.bits {
                    let methods = self.methods.iter().copied();
                    let tried = methods.filter(|&method| stands(method, scales, bits));
                    points.extend(tried.map(|method| Point {
                        granularity,
                        scales,
                        bits,
                        method,
                    }));
                }
            }
        }
        points
    }

    /// The settings of a point. The output keeps at least its width in the study: classes should differ.
    #[must_use]
    pub fn settings(&self, point: Point) -> Settings {
        let mut settings = Settings {
            widths: Widths {
                activation_bits: point.bits,
                weight_bits: point.bits,
                output_bits: self.base.widths.output_bits.max(point.bits),
            },
            layers: Vec::new(),
            granularity: point.granularity,
            calibration: Calibration::MinMax,
            weight_calibration: WeightCalibration::Max,
            bias_correction: BiasCorrection::Off,
            scales: point.scales,
            ..self.base.clone()
        };
        point.method.apply(&mut settings, self.percentile);
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_end_where_nothing_is_lost() {
        let grid = Grid {
            base: Settings::int8(),
            percentile: 99.99,
            bits: vec![4, 16],
            methods: Method::ALL.to_vec(),
        };
        let points = grid.points();
        assert_eq!(points.len(), 2 * 12 + 2 * 2 + 4);
        let settings = grid.settings(points[0]);
        assert_eq!(
            (settings.widths.weight_bits, settings.widths.output_bits),
            (4, 8)
        );
        assert!(
            points
                .iter()
                .all(|&point| grid.settings(point).check().is_ok())
        );
    }
}
