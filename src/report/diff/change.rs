//! One figure of both runs: A's, B's, the difference, and the difference in percent of A.

use crate::report::figures::real;
use crate::report::human::{grouped, short, significant};

/// What a figure counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Cycles of the chip's clock.
    Cycles,
    /// Bytes.
    Bytes,
    /// Elements of tensors.
    Elements,
    /// Multiply-accumulates of one image.
    Macs,
    /// Parameters of the network.
    Parameters,
    /// Images.
    Images,
    /// Milliseconds.
    Milliseconds,
    /// Images a second.
    ImagesPerSecond,
    /// A part of a whole, 0 to 1.
    Fraction,
}

impl Unit {
    /// The unit in files: `cycles`, `B`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::Bytes => "B",
            Self::Elements => "elements",
            Self::Macs => "MAC",
            Self::Parameters => "parameters",
            Self::Images => "images",
            Self::Milliseconds => "ms",
            Self::ImagesPerSecond => "images/s",
            Self::Fraction => "fraction",
        }
    }
}

/// A figure; never negative, always finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// Counted, exact.
    Count(u64),
    /// Divided.
    Real(f64),
}

impl Amount {
    fn value(self) -> f64 {
        match self {
            Self::Count(count) => real(count),
            Self::Real(value) => value,
        }
    }
}

/// One figure of both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The key in files: `dram_bytes.weights`.
    pub key: String,
    /// For people, without the unit: `DRAM weights`.
    pub words: String,
    /// Of both amounts.
    pub unit: Unit,
    /// A's; `None` where A has no such thing.
    pub a: Option<Amount>,
    /// B's; `None` where B has no such thing.
    pub b: Option<Amount>,
}

impl Change {
    /// Of two counts that both runs have.
    #[must_use]
    pub fn counts(key: &str, words: &str, unit: Unit, [a, b]: [u64; 2]) -> Self {
        Self::new(key, words, unit, [a, b].map(|n| Some(Amount::Count(n))))
    }

    /// Of two quotients that both runs have.
    #[must_use]
    pub fn reals(key: &str, words: &str, unit: Unit, [a, b]: [f64; 2]) -> Self {
        Self::new(key, words, unit, [a, b].map(|n| Some(Amount::Real(n))))
    }

    /// Of two amounts that may be absent.
    #[must_use]
    pub fn new(key: &str, words: &str, unit: Unit, [a, b]: [Option<Amount>; 2]) -> Self {
        Self {
            key: key.to_owned(),
            words: words.to_owned(),
            unit,
            a,
            b,
        }
    }

    /// Whether the runs do not agree.
    #[must_use]
    pub fn differs(&self) -> bool {
        self.a != self.b
    }

    /// B's over A's as a growth in percent: 3.2 for 3.2 % more. 0 for equal amounts, `None` where A has
    /// nothing to grow from.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        let b = self.b.map_or(0.0, Amount::value);
        match self.a {
            _ if !self.differs() => Some(0.0),
            Some(a) if a.value() > 0.0 => Some(match (a, self.b) {
                (Amount::Count(a), Some(Amount::Count(b))) => {
                    real(a.abs_diff(b)) / real(a) * if b < a { -100.0 } else { 100.0 }
                }
                (a, _) => (b - a.value()) / a.value() * 100.0,
            }),
            _ => None,
        }
    }

    /// B's without A's, exact for counts, absent ones as 0: `-41000`.
    #[must_use]
    pub fn difference(&self) -> String {
        let sides = [self.a, self.b].map(|side| side.unwrap_or(Amount::Count(0)));
        match sides {
            [Amount::Count(a), Amount::Count(b)] => (i128::from(b) - i128::from(a)).to_string(),
            [a, b] => (b.value() - a.value()).to_string(),
        }
    }

    /// A's amount, B's amount, the difference and its percent, as people read them.
    #[must_use]
    pub fn cells(&self) -> [String; 4] {
        [
            self.shown(self.a),
            self.shown(self.b),
            self.difference_shown(),
            percent_shown(self.percent()),
        ]
    }

    fn shown(&self, amount: Option<Amount>) -> String {
        match amount {
            None => "absent".to_owned(),
            Some(Amount::Count(count)) => grouped(count),
            Some(Amount::Real(value)) if self.unit == Unit::Fraction => {
                format!("{:.2} %", value * 100.0)
            }
            Some(Amount::Real(value)) => significant(value, 4),
        }
    }

    fn difference_shown(&self) -> String {
        let sides = [self.a, self.b].map(|side| side.unwrap_or(Amount::Count(0)));
        match sides {
            [Amount::Count(a), Amount::Count(b)] => signed(a, b),
            [a, b] => {
                let difference = b.value() - a.value();
                let sign = sign(difference);
                if self.unit == Unit::Fraction {
                    format!("{sign}{:.2} points", difference.abs() * 100.0)
                } else {
                    format!("{sign}{}", short(difference.abs(), 4))
                }
            }
        }
    }
}

/// The way from `a` to `b` with its sign: `-41,000`, `+7`, `0`.
#[must_use]
pub fn signed(a: u64, b: u64) -> String {
    let sign = match b.cmp(&a) {
        std::cmp::Ordering::Less => "-",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", grouped(a.abs_diff(b)))
}

fn sign(difference: f64) -> &'static str {
    if difference > 0.0 {
        "+"
    } else if difference < 0.0 {
        "-"
    } else {
        ""
    }
}

/// A growth with its sign: `+3.2 %`, `-0.003 %`, `0 %`; what grew from nothing is `from 0`.
#[must_use]
pub fn percent_shown(percent: Option<f64>) -> String {
    percent.map_or_else(
        || "from 0".to_owned(),
        |percent| format!("{}{}", sign(percent), percent_of(percent.abs())),
    )
}

/// A positive percentage: one digit behind the point, more only where it would be 0.
#[must_use]
pub fn percent_of(percent: f64) -> String {
    if percent > 0.0 && percent < 0.05 {
        format!("{} %", short(percent, 1))
    } else if percent > 0.0 {
        format!("{percent:.1} %")
    } else {
        "0 %".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_tells_its_way_in_figures() {
        let of = |a, b| {
            Change::counts("k", "w", Unit::Cycles, [a, b])
                .cells()
                .join(" | ")
        };
        assert_eq!(of(1_000, 968), "1,000 | 968 | -32 | -3.2 %");
        assert_eq!(of(0, 5), "0 | 5 | +5 | from 0");
        assert_eq!(of(7, 7), "7 | 7 | 0 | 0 %");
        assert_eq!(
            of(100_000_000, 100_003_000),
            "100,000,000 | 100,003,000 | +3,000 | +0.003 %"
        );
        let real = Change::reals("k", "w", Unit::Fraction, [0.5, 0.525]);
        assert_eq!(
            real.cells().join(" | "),
            "50.00 % | 52.50 % | +2.50 points | +5.0 %"
        );
        let gone = Change::new("k", "w", Unit::Bytes, [Some(Amount::Count(12)), None]);
        assert_eq!(gone.cells().join(" | "), "12 | absent | -12 | -100.0 %");
    }

    #[test]
    fn the_largest_counts_do_not_wrap() {
        let change = Change::counts("k", "w", Unit::Cycles, [u64::MAX, 0]);
        assert_eq!(change.difference(), "-18446744073709551615");
        assert_eq!(change.percent(), Some(-100.0));
    }
}
