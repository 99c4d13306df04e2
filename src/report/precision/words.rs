//! What the figures say, in sentences made of the figures alone.

use super::{PrecisionReport, at, float_top1, granularity_words, methods_at, percent, top1};
use crate::precision::{Found, Method, Point, Variant, VariantLayers};
use crate::quantise::{Granularity, ScaleSet};
use crate::report::figures::real;
use crate::report::human::short;

/// More points of top-1 lost than this are called a collapse.
const COLLAPSE: f64 = 10.0;
/// A layer below this signal to noise, in dB, is named.
const NOISY: f64 = 20.0;

/// Where a network collapses, and what helps there.
pub(super) fn verdicts(report: &PrecisionReport, network: &Found) -> Vec<String> {
    let mut all = Vec::new();
    if !network.points.is_empty() {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let case = Case {
                report,
                network,
                granularity,
            };
            all.extend(case.by_bits());
            all.extend(case.remedies());
        }
    }
    all
}

/// The sentences of one network.
pub(super) fn of(report: &PrecisionReport, network: &Found) -> Vec<String> {
    let mut all = vec![subject(report, network)];
    if !network.points.is_empty() {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            let case = Case {
                report,
                network,
                granularity,
            };
            all.extend(case.by_bits());
            all.extend(case.remedies());
            all.extend(case.blame());
            all.extend(case.powers_of_two());
        }
    }
    all.extend(network.variants.iter().filter_map(layers));
    all.extend(weights(network));
    all
}

fn subject(report: &PrecisionReport, network: &Found) -> String {
    let mut text = if network.images == 0 {
        format!(
            "{}: no labelled images, so only its layers are looked at.",
            network.id
        )
    } else {
        format!(
            "{}: the floats have {:.1} % of {} images right; a difference of up to {:.1} points (two standard errors) may be chance.",
            network.id,
            float_top1(network),
            network.images,
            2.0 * standard_error(network),
        )
    };
    if network.id.ends_with(super::TWIN_SUFFIX) {
        text.push_str(&format!(
            " It is a twin: the same float function to the bit, its channels up to 2^{} apart.",
            report.spread_octaves
        ));
    }
    let (rounds, pairs) = network.equalised;
    text.push_str(&match pairs {
        0 => " Equalisation finds no pair of layers in it.".to_owned(),
        _ => format!(
            " Equalisation balances {pairs} pairs of layers in {rounds} rounds, the last factor within {} % of 1.",
            short(100.0 * network.equalisation_left, 2)
        ),
    });
    text
}

/// Of the float result, in points.
fn standard_error(network: &Found) -> f64 {
    let share = float_top1(network) / 100.0;
    100.0 * (share * (1.0 - share) / real(network.images.max(1))).sqrt()
}

/// One network with one kind of scales.
struct Case<'a> {
    report: &'a PrecisionReport,
    network: &'a Found,
    granularity: Granularity,
}

impl Case<'_> {
    /// Points of top-1 lost, `None` where nothing was tried or there are no integers.
    fn lost(&self, bits: u8, method: Method, scales: ScaleSet) -> Option<f64> {
        let point = Point {
            granularity: self.granularity,
            scales,
            bits,
            method,
        };
        let outcome = at(self.network, point)?;
        Some(float_top1(self.network) - top1(self.network, outcome))
    }

    fn plain(&self, bits: u8) -> Option<f64> {
        self.lost(bits, Method::None, ScaleSet::Free)
    }

    /// The largest width that collapses, else the one that loses most.
    fn worst(&self) -> Option<(u8, f64)> {
        let lost = self.report.grid.bits.iter();
        let lost: Vec<(u8, f64)> = lost.filter_map(|&b| Some((b, self.plain(b)?))).collect();
        let collapsed = lost.iter().rev().find(|(_, lost)| *lost > COLLAPSE);
        let most = lost.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        collapsed.or(most).copied()
    }

    fn by_bits(&self) -> Option<String> {
        let lost: Vec<String> = (self.report.grid.bits.iter())
            .filter_map(|&bits| Some(format!("{:.1} with {bits} bits", self.plain(bits)?)))
            .collect();
        let (bits, most) = self.worst()?;
        let words = granularity_words(self.granularity);
        let end = if most > COLLAPSE {
            format!("It collapses (more than {COLLAPSE} points) at {bits} bits and fewer.")
        } else {
            "No width that was tried collapses.".to_owned()
        };
        Some(format!(
            "Weights {words}, min-max ranges, points of top-1 lost: {}. {end}",
            lost.join(", ")
        ))
    }

    fn remedies(&self) -> Option<String> {
        let (bits, lost) = self.worst()?;
        let noise = 2.0 * standard_error(self.network);
        if lost <= noise {
            return Some(format!(
                "Weights {}: at {bits} bits {lost:.1} points are lost, within the noise: there is nothing to repair.",
                granularity_words(self.granularity)
            ));
        }
        let mut gains: Vec<(Method, f64)> = methods_at(self.report, bits)
            .into_iter()
            .filter(|method| *method != Method::None && method.keeps_widths())
            .filter_map(|method| Some((method, lost - self.lost(bits, method, ScaleSet::Free)?)))
            .collect();
        gains.sort_by(|a, b| b.1.total_cmp(&a.1));
        let told = |(method, gain): &(Method, f64)| format!("{} {gain:.1}", method.words());
        let (help, rest): (Vec<_>, Vec<_>) = gains.into_iter().partition(|(_, gain)| *gain > noise);
        let (harm, none): (Vec<_>, Vec<_>) = rest.into_iter().partition(|(_, gain)| *gain < -noise);
        let list = |gains: Vec<(Method, f64)>| match gains.len() {
            0 => "nothing".to_owned(),
            _ => gains.iter().map(told).collect::<Vec<_>>().join(", "),
        };
        Some(format!(
            "Weights {}, {bits} bits: of {lost:.1} points lost, these give back: {}. Not told from noise: {}. Harmful: \
             {}.",
            granularity_words(self.granularity),
            list(help),
            list(none),
            list(harm)
        ))
    }

    /// Which operands the loss comes from.
    fn blame(&self) -> Option<String> {
        let (bits, lost) = self.worst()?;
        let weights = self.lost(bits, Method::WideActivations, ScaleSet::Free)?;
        let activations = self.lost(bits, Method::WideWeights, ScaleSet::Free)?;
        let wide = crate::precision::WIDE_OPERANDS;
        Some(format!(
            "Weights {}, {bits} bits: of {lost:.1} points lost, {weights:.1} remain with activations of {wide} bits (the \
             weights' part) and {activations:.1} with weights of {wide} bits (the activations' part).",
            granularity_words(self.granularity)
        ))
    }

    fn powers_of_two(&self) -> Option<String> {
        let parts: Vec<String> = (self.report.grid.bits.iter())
            .filter_map(|&bits| {
                let powers = self.lost(bits, Method::None, ScaleSet::PowerOfTwo)?;
                Some(format!("{:.1} at {bits} bits", powers - self.plain(bits)?))
            })
            .collect();
        (!parts.is_empty()).then(|| {
            format!(
                "Weights {}: scales that are powers of two cost further points: {}.",
                granularity_words(self.granularity),
                parts.join(", ")
            )
        })
    }
}

/// Where a variant's noise becomes large.
fn layers(variant: &VariantLayers) -> Option<String> {
    let rows = variant.layers.as_ref().ok()?;
    let last = rows.last()?;
    let noisy = (rows.iter().enumerate()).find(|(_, row)| row.sqnr_db.is_some_and(|db| db < NOISY));
    let first = match noisy {
        Some((place, row)) => format!(
            "`{}`, number {} of {}, is the first layer below {NOISY} dB",
            row.name,
            place + 1,
            rows.len()
        ),
        None => format!("no layer is below {NOISY} dB"),
    };
    let end = last
        .sqnr_db
        .map_or_else(|| "exact".to_owned(), |db| format!("{db:.1} dB"));
    Some(format!(
        "{}, {} bits, layer by layer against the floats: {first}; the output is {end}.",
        sentence_case(variant.variant.words()),
        variant.bits
    ))
}

/// The layers whose weights share their range worst.
fn weights(network: &Found) -> Option<String> {
    let plain = network
        .variants
        .iter()
        .find(|variant| variant.variant == Variant::PerTensor)?;
    let rows = plain.layers.as_ref().ok()?;
    let most = |of: fn(&crate::quantise::quality::WeightQuality) -> Option<f64>| {
        let found = rows
            .iter()
            .filter_map(|row| Some((row.name.as_str(), of(&row.weights?)?)));
        found.max_by(|a, b| a.1.total_cmp(&b.1))
    };
    let (spread, tail) = (
        most(|w| Some(w.channel_spread))?,
        most(|w| Some(w.tail_share))?,
    );
    let dead: u64 = rows.iter().map(|row| row.dead_channels).sum();
    let mut text = format!(
        "Largest spread of the channels of a layer: {}x in `{}`. Largest part of a range that a thousandth of the \
         weights sets alone: {:.0} % in `{}`. Channels that stay at zero on the images looked at: {dead}.",
        short(spread.1, 3),
        spread.0,
        100.0 * tail.1,
        tail.0
    );
    if let Some((name, ratio)) = most(|w| w.centre_to_ring) {
        text.push_str(&format!(
            " Largest weight under the centre tap over the largest under the ring, at most: {}x in `{name}`.",
            short(ratio, 3)
        ));
    }
    Some(text)
}

/// One sentence on agreement with the floats at the widest point, for the head of the page.
pub(super) fn widest(report: &PrecisionReport, network: &Found) -> Option<String> {
    let bits = *report.grid.bits.last()?;
    let point = Point {
        granularity: Granularity::PerTensor,
        scales: ScaleSet::Free,
        bits,
        method: Method::None,
    };
    let outcome = at(network, point)?;
    Some(format!(
        "{}: with {bits} bits, one scale a layer and no remedy, integers and floats agree on {:.1} % of the images.",
        network.id,
        percent(outcome.agreed, network.images)
    ))
}

fn sentence_case(words: &str) -> String {
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
