//! Scales from figures to pixels, and the ticks on them.

use super::super::human::short;

/// A linear scale that starts at zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linear {
    /// Pixel of zero.
    pub origin: f64,
    /// Pixels a unit; negative when the axis points up.
    pub per_unit: f64,
}

impl Linear {
    /// Zero at `origin`, `top` at `end`.
    pub(super) fn new(origin: f64, end: f64, top: f64) -> Self {
        Self {
            origin,
            per_unit: (end - origin) / top,
        }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        self.origin + value * self.per_unit
    }
}

/// Ticks from zero up to `top`, at most `most` of them besides zero, at steps of 1, 2 or 5 times a power of ten.
pub(super) fn ticks(top: f64, most: u32) -> Vec<f64> {
    let step = nice_step(top / f64::from(most));
    (0..=most)
        .map(|i| f64::from(i) * step)
        .take_while(|&tick| tick <= top * (1.0 + 1e-9))
        .collect()
}

fn nice_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|&step| step >= least * (1.0 - 1e-9))
        .unwrap_or(10.0 * power)
}

/// A figure on an axis: no more digits than it needs.
pub(super) fn tick_text(value: f64) -> String {
    short(value, 3)
}

/// A logarithmic scale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log {
    /// Figure at `start`.
    pub low: f64,
    /// Figure at `end`.
    pub high: f64,
    /// Pixel of `low`.
    pub start: f64,
    /// Pixel of `high`.
    pub end: f64,
}

impl Log {
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.start + part * (self.end - self.start)
    }

    /// Powers of ten on the scale.
    pub(super) fn decades(&self) -> Vec<f64> {
        (-9..=12)
            .map(|power| 10f64.powi(power))
            .filter(|&value| value >= self.low * (1.0 - 1e-9) && value <= self.high * (1.0 + 1e-9))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let texts =
            |top: f64| -> Vec<String> { ticks(top, 6).into_iter().map(tick_text).collect() };
        assert_eq!(texts(1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(texts(370.0), ["0", "100", "200", "300"]);
        assert_eq!(texts(0.047), ["0", "0.01", "0.02", "0.03", "0.04"]);
    }
}
