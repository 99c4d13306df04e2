//! The speed ratios that were published for a GPU, and what a simulated one says of them.
//!
//! Source: Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", CVPR 2021, Tables 4 and 5: images a second
//! on a GTX 1080Ti, fp32, batch 128, 224x224 (EfficientNet-B3 300x300), batch norms folded on both sides.

use super::Figures;
use crate::network::Form;
use crate::tensor::FeatureMap;
use std::fmt;

/// Within this factor, either way, two ratios count as equal.
const TOLERANCE: f64 = 1.1;

/// Two published speeds in images a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// Of the first network.
    pub first: u32,
    /// Of the second network.
    pub second: u32,
}

/// How a simulated ratio stands to the published one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Verdict {
    /// The two ratios differ by at most 10 %.
    Agrees {
        /// Simulated over published.
        factor: f64,
    },
    /// The same network is faster, by another factor.
    SameWinner {
        /// Simulated over published.
        factor: f64,
    },
    /// The network that was faster on the GPU is slower on this chip.
    OtherWinner {
        /// Simulated over published.
        factor: f64,
    },
}

/// Plain net and another of like accuracy, their images a second.
const TABLE: [(&str, &str, u32, u32); 12] = [
    ("repvgg-a0", "resnet-18", 3256, 2442),
    ("repvgg-a1", "resnet-34", 2339, 1419),
    ("repvgg-a2", "resnet-50", 1322, 719),
    ("repvgg-a2", "efficientnet-b0", 1322, 829),
    ("repvgg-b1g4", "resnet-101", 868, 430),
    ("repvgg-b1g4", "resnext-50-32x4d", 868, 484),
    ("repvgg-b1g2", "resnet-152", 792, 297),
    ("repvgg-b1", "regnetx-3.2gf", 685, 671),
    ("repvgg-b1", "resnext-101-32x4d", 685, 295),
    ("repvgg-b2", "vgg-16", 460, 415),
    ("repvgg-b2g4", "efficientnet-b3", 581, 224),
    ("repvgg-b3", "regnetx-12gf", 363, 277),
];

impl Published {
    /// The published speeds of this pair, in either order.
    ///
    /// The plain net must be fused and both must see the size of the table: 224x224x3, EfficientNet-B3 300x300x3.
    /// ResNet is v1 there; for 18 and 34 layers v1.5 is the same network.
    #[must_use]
    pub fn of(first: &Figures, second: &Figures) -> Option<Self> {
        TABLE.iter().find_map(|&(plain, other, fast, slow)| {
            if is_plain(first, plain) && is_other(second, other) {
                Some(Self {
                    first: fast,
                    second: slow,
                })
            } else if is_other(first, other) && is_plain(second, plain) {
                Some(Self {
                    first: slow,
                    second: fast,
                })
            } else {
                None
            }
        })
    }

    /// First over second.
    #[must_use]
    pub fn ratio(self) -> f64 {
        f64::from(self.first) / f64::from(self.second)
    }

    /// Judges a simulated ratio of images a second.
    #[must_use]
    pub fn verdict(self, simulated: f64) -> Verdict {
        let factor = simulated / self.ratio();
        if (1.0 / TOLERANCE..=TOLERANCE).contains(&factor) {
            Verdict::Agrees { factor }
        } else if (simulated > 1.0) == (self.ratio() > 1.0) {
            Verdict::SameWinner { factor }
        } else {
            Verdict::OtherWinner { factor }
        }
    }
}

fn is_plain(figures: &Figures, name: &str) -> bool {
    figures.network == name && figures.form == Form::Deploy && sees(figures, 224)
}

fn is_other(figures: &Figures, name: &str) -> bool {
    let versions: &[&str] = match name {
        "resnet-18" | "resnet-34" => &["", "-v1", "-v1.5"],
        _ => &["", "-v1"],
    };
    let side = match name {
        "efficientnet-b3" => 300,
        _ => 224,
    };
    let named = figures
        .network
        .strip_prefix(name)
        .is_some_and(|version| versions.contains(&version));
    named && figures.form != Form::Train && sees(figures, side)
}

fn sees(figures: &Figures, side: usize) -> bool {
    figures.input == FeatureMap::new(side, side, 3)
}

impl Verdict {
    /// Simulated over published.
    #[must_use]
    pub const fn factor(self) -> f64 {
        match self {
            Self::Agrees { factor }
            | Self::SameWinner { factor }
            | Self::OtherWinner { factor } => factor,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factor = self.factor();
        match self {
            Self::Agrees { .. } => write!(f, "agrees ({factor:.2} times the published ratio)"),
            Self::SameWinner { .. } => write!(
                f,
                "agrees on the faster network, disagrees on the factor ({factor:.2} times the published ratio)"
            ),
            Self::OtherWinner { .. } => write!(
                f,
                "disagrees on the faster network ({factor:.2} times the published ratio)"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contrast::tests::figures;

    fn pair(first: &str, second: &str) -> Option<Published> {
        Published::of(
            &figures(first, Form::Deploy, 1, 1),
            &figures(second, Form::Folded, 1, 1),
        )
    }

    #[test]
    fn the_pairs_give_the_printed_ratios() {
        let ratio = |first, second| pair(first, second).map(|p| format!("{:.3}", p.ratio()));
        assert_eq!(ratio("repvgg-a0", "resnet-18").as_deref(), Some("1.333"));
        assert_eq!(ratio("repvgg-a1", "resnet-34").as_deref(), Some("1.648"));
        assert_eq!(ratio("repvgg-a2", "resnet-50").as_deref(), Some("1.839"));
        assert_eq!(ratio("repvgg-b1g4", "resnet-101").as_deref(), Some("2.019"));
        assert_eq!(ratio("repvgg-b3", "regnetx-12gf").as_deref(), Some("1.310"));
        let plain = figures("repvgg-b2g4", Form::Deploy, 1, 1);
        let mut larger = figures("efficientnet-b3", Form::Folded, 1, 1);
        assert!(Published::of(&plain, &larger).is_none());
        larger.input = FeatureMap::new(300, 300, 3);
        let published = Published::of(&plain, &larger).map(|p| format!("{:.3}", p.ratio()));
        assert_eq!(published.as_deref(), Some("2.594"));
    }

    #[test]
    fn only_what_was_measured_has_a_published_ratio() {
        assert!(pair("repvgg-a2", "resnet-50-v1").is_some());
        assert!(pair("repvgg-a0", "resnet-18-v1.5").is_some());
        assert!(pair("repvgg-a2", "resnet-50-v1.5").is_none());
        assert!(pair("repvgg-a0", "resnet-50").is_none());
        let mut small = figures("repvgg-a0", Form::Deploy, 1, 1);
        small.input = FeatureMap::new(32, 32, 3);
        assert!(Published::of(&small, &figures("resnet-18", Form::Folded, 1, 1)).is_none());
        let kept = figures("repvgg-a0", Form::Folded, 1, 1);
        assert!(Published::of(&kept, &figures("resnet-18", Form::Folded, 1, 1)).is_none());
    }

    #[test]
    fn either_order_gives_the_inverse() {
        let swapped = Published::of(
            &figures("resnet-50", Form::Folded, 1, 1),
            &figures("repvgg-a2", Form::Deploy, 1, 1),
        );
        assert_eq!(
            swapped,
            Some(Published {
                first: 719,
                second: 1322
            })
        );
    }

    #[test]
    fn a_verdict_names_the_factor() {
        let published = Published {
            first: 1322,
            second: 719,
        };
        insta::assert_snapshot!(published.verdict(1.9), @"agrees (1.03 times the published ratio)");
        insta::assert_snapshot!(published.verdict(3.0), @"agrees on the faster network, disagrees on the factor (1.63 times the published ratio)");
        insta::assert_snapshot!(published.verdict(0.806), @"disagrees on the faster network (0.44 times the published ratio)");
    }
}
