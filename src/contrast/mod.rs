//! Two networks on one chip, side by side: by what factor one is faster, lighter, better used.
//!
//! In: the figures of two runs on the same chip ([`Figures::of`] a timeline). Out: a [`Contrast`] of exact
//! quotients, with and without the cycles of the host, and beside it the ratio that was published for a GPU.
//! Every quotient is the first network's figure over the second's. Images a second is the inverse of the
//! cycles of an image, so the clock cancels. This room knows nothing of seconds, files or pictures.

mod published;

pub use published::{Published, Verdict};

use crate::network::Form;
use crate::tensor::FeatureMap;
use crate::time::{Cause, Timeline};
use crate::units::{Bytes, Cycles, Macs};

/// What one run cost: the counts that a contrast divides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figures {
    /// Name of the network: `repvgg-a0`.
    pub network: String,
    /// Its form.
    pub form: Form,
    /// Shape of one image.
    pub input: FeatureMap,
    /// Images of the run.
    pub images: u64,
    /// From the first DRAM request to the last output byte.
    pub cycles: Cycles,
    /// Of these, cycles that wait for the host.
    pub host_cycles: Cycles,
    /// DRAM payload, read and written.
    pub dram: Bytes,
    /// Most bytes of activation SRAM live at once.
    pub peak_sram: Bytes,
    /// Multiply-accumulates done on the array.
    pub macs: Macs,
    /// Multiply-accumulates the array could do in one cycle.
    pub peak_macs_per_cycle: u64,
}

impl Figures {
    /// The figures of a timeline of `images` images of shape `input`.
    #[must_use]
    pub fn of(
        network: &str,
        form: Form,
        input: FeatureMap,
        images: u64,
        timeline: &Timeline,
    ) -> Self {
        Self {
            network: network.to_owned(),
            form,
            input,
            images,
            cycles: timeline.total,
            host_cycles: timeline.account().get(Cause::Host),
            dram: timeline.dram().payload(),
            peak_sram: timeline.peak_activation_bytes,
            macs: timeline.layers.iter().map(|layer| layer.macs).sum(),
            peak_macs_per_cycle: timeline.peak_macs_per_cycle,
        }
    }

    /// Cycles without those that wait for the host.
    #[must_use]
    pub fn cycles_without_host(&self) -> Cycles {
        Cycles(self.cycles.0 - self.host_cycles.0)
    }

    /// Array MACs over peak · cycles: 0 to 1.
    #[must_use]
    pub fn utilisation(&self) -> f64 {
        ratio(self.macs.0, 1) / (ratio(self.peak_macs_per_cycle, 1) * ratio(self.cycles.0, 1))
    }
}

/// Quotients of the first network's figure over the second's; not a number when both are zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratios {
    /// Cycles of the run.
    pub latency: f64,
    /// Images in the same time.
    pub images_per_s: f64,
    /// DRAM payload.
    pub dram: f64,
    /// Peak activation SRAM.
    pub peak_sram: f64,
    /// Utilisation of the array.
    pub utilisation: f64,
    /// Multiply-accumulates of one image.
    pub macs: f64,
    /// Images in the same time, host cycles left out on both sides.
    pub images_per_s_without_host: f64,
}

/// Two networks on one chip.
#[derive(Debug, Clone, PartialEq)]
pub struct Contrast {
    /// The network above the line of every quotient.
    pub first: Figures,
    /// The network below it.
    pub second: Figures,
    /// The quotients.
    pub ratios: Ratios,
    /// The ratio published for this pair, if there is one: both at the size it was measured at, the plain net
    /// fused.
    pub published: Option<Published>,
}

impl Contrast {
    /// Divides `first` by `second`; both ran on the same chip.
    #[must_use]
    pub fn new(first: Figures, second: Figures) -> Self {
        let images = ratio(first.images, second.images);
        let latency = ratio(first.cycles.0, second.cycles.0);
        let without_host = ratio(
            first.cycles_without_host().0,
            second.cycles_without_host().0,
        );
        let ratios = Ratios {
            latency,
            images_per_s: images / latency,
            dram: ratio(first.dram.0, second.dram.0),
            peak_sram: ratio(first.peak_sram.0, second.peak_sram.0),
            utilisation: first.utilisation() / second.utilisation(),
            macs: ratio(first.macs.0, second.macs.0) / images,
            images_per_s_without_host: images / without_host,
        };
        let published = Published::of(&first, &second);
        Self {
            first,
            second,
            ratios,
            published,
        }
    }

    /// How the simulated speed ratio stands to the published one.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.published
            .map(|published| published.verdict(self.ratios.images_per_s))
    }

    /// The same with the host's cycles left out; `None` as well when neither network waits for the host.
    #[must_use]
    pub fn verdict_without_host(&self) -> Option<Verdict> {
        if self.uses_host() {
            self.published
                .map(|published| published.verdict(self.ratios.images_per_s_without_host))
        } else {
            None
        }
    }

    /// Whether either network waits for the host.
    #[must_use]
    pub fn uses_host(&self) -> bool {
        self.first.host_cycles > Cycles::ZERO || self.second.host_cycles > Cycles::ZERO
    }
}

/// `a / b` rounded once; counts of a run lie far below 2^53, where an `f64` is exact.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts below 2^53 are exact, larger ones are rounded to 16 digits"
)]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A run of one 224x224 image on an array of 576 multipliers.
    pub(crate) fn figures(network: &str, form: Form, cycles: u64, macs: u64) -> Figures {
        Figures {
            network: network.to_owned(),
            form,
            input: FeatureMap::new(224, 224, 3),
            images: 1,
            cycles: Cycles(cycles),
            host_cycles: Cycles(0),
            dram: Bytes(cycles * 4),
            peak_sram: Bytes(1 << 20),
            macs: Macs(macs),
            peak_macs_per_cycle: 576,
        }
    }

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-12
    }

    #[test]
    fn speed_is_the_quotient_of_macs_and_utilisation() {
        let contrast = Contrast::new(
            figures("repvgg-a2", Form::Deploy, 10_000_000, 5_000_000_000),
            figures("resnet-50", Form::Folded, 16_000_000, 4_000_000_000),
        );
        assert!(close(contrast.ratios.latency, 0.625));
        assert!(close(contrast.ratios.images_per_s, 1.6));
        assert!(close(contrast.ratios.macs, 1.25));
        assert!(close(contrast.ratios.utilisation, 2.0));
        assert!(close(
            contrast.ratios.images_per_s,
            contrast.ratios.utilisation / contrast.ratios.macs
        ));
    }

    #[test]
    fn a_batch_counts_its_images() {
        let mut first = figures("a", Form::Deploy, 4_000, 4_000_000);
        first.images = 16;
        let contrast = Contrast::new(first, figures("b", Form::Folded, 1_000, 500_000));
        assert!(close(contrast.ratios.images_per_s, 4.0));
        assert!(close(contrast.ratios.macs, 0.5));
    }

    #[test]
    fn host_cycles_are_left_out_on_both_sides() {
        let mut second = figures("resnet-18", Form::Folded, 3_000, 900);
        second.host_cycles = Cycles(2_000);
        let contrast = Contrast::new(figures("repvgg-a0", Form::Deploy, 2_000, 900), second);
        assert!(close(contrast.ratios.images_per_s, 1.5));
        assert!(close(contrast.ratios.images_per_s_without_host, 0.5));
        assert!(matches!(
            contrast.verdict(),
            Some(Verdict::SameWinner { .. })
        ));
        assert!(matches!(
            contrast.verdict_without_host(),
            Some(Verdict::OtherWinner { .. })
        ));
    }
}
