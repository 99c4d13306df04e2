//! Charts of a study of precision: top-1 over bits, noise over layers, magnitudes of weights.

use super::{PrecisionReport, at, float_top1, granularity_key, granularity_words, top1};
use crate::precision::{Branch, Found, Method, OCTAVES, Point, Variant};
use crate::quantise::{Granularity, ScaleSet};
use crate::report::charts::palette::Ink;
use crate::report::charts::points::{Axis, Guide, Points, Series, scene};
use crate::report::charts::{Chart, Kind};
use crate::report::figures::real;
use crate::report::write::file_stem;
use crate::schedule::Traffic;
use crate::time::Cause;
use crate::units::count;

/// Widths above this are left out of the picture: nothing is lost there.
const MOST_BITS: u8 = 12;

/// All charts, network by network.
pub(super) fn draw(report: &PrecisionReport) -> Vec<Chart> {
    let mut charts = Vec::new();
    for network in &report.networks {
        for granularity in [Granularity::PerTensor, Granularity::PerChannel] {
            charts.extend(accuracy(report, network, granularity));
        }
        charts.extend(noise(network));
        charts.extend(magnitudes(network));
    }
    charts
}

fn chart(network: &Found, end: &str, description: String, points: &Points) -> Chart {
    Chart {
        kind: Kind::Precision,
        chip: None,
        network: Some(network.id.clone()),
        stem: file_stem(&format!("{}-{end}", network.id)),
        description,
        scene: scene(points),
    }
}

/// A line with its marks.
fn line(points: &mut Points, label: &str, ink: Ink, marks: Vec<([f64; 2], String)>) {
    let inside = |[x, y]: [f64; 2]| {
        [
            x.clamp(points.x.low, points.x.high),
            y.clamp(points.y.low, points.y.high),
        ]
    };
    let corners: Vec<[f64; 2]> = marks.iter().map(|(at, _)| inside(*at)).collect();
    if corners.len() > 1 {
        points.guides.push(Guide {
            label: String::new(),
            ink,
            corners,
        });
    }
    points.series.push(Series {
        label: label.to_owned(),
        ink,
        hollow: false,
        points: marks,
    });
}

fn axis(label: &str, low: f64, high: f64) -> Axis {
    Axis {
        label: label.to_owned(),
        low,
        high,
        logarithmic: false,
    }
}

fn accuracy(report: &PrecisionReport, network: &Found, granularity: Granularity) -> Option<Chart> {
    let bits: Vec<u8> = report
        .grid
        .bits
        .iter()
        .copied()
        .filter(|bits| *bits <= MOST_BITS)
        .collect();
    let (low, high) = (*bits.first()?, *bits.last()?);
    if network.points.is_empty() {
        return None;
    }
    let words = granularity_words(granularity);
    let float = float_top1(network);
    let mut points = Points {
        title: format!("{}, weights {words}", network.id),
        figures: format!(
            "top-1 over bits of weights and activations, free scales; floats {float:.1} %"
        ),
        x: axis("bits", f64::from(low) - 0.25, f64::from(high) + 0.25),
        y: axis("top-1 in %", 0.0, 100.0),
        guides: Vec::new(),
        series: Vec::new(),
    };
    points.guides.push(Guide {
        label: "floats".to_owned(),
        ink: Ink::Muted,
        corners: vec![[points.x.low, float], [points.x.high, float]],
    });
    for &method in &report.grid.methods {
        let marks = bits.iter().filter_map(|&bits| {
            let point = Point {
                granularity,
                scales: ScaleSet::Free,
                bits,
                method,
            };
            let right = top1(network, at(network, point)?);
            let tip = format!("{}, {bits} bits: {right:.1} %", method.words());
            Some(([f64::from(bits), right], tip))
        });
        let marks: Vec<_> = marks.collect();
        if !marks.is_empty() {
            line(&mut points, method.words(), method_ink(method), marks);
        }
    }
    let description = format!("Top-1 of {} over bits, weights {words}", network.id);
    let end = format!("{}-top1", granularity_key(granularity));
    Some(chart(network, &end, description, &points))
}

fn noise(network: &Found) -> Option<Chart> {
    let shown: Vec<_> = (network.variants.iter())
        .filter_map(|variant| Some((variant, variant.layers.as_ref().ok()?)))
        .collect();
    let (first, rows) = shown.first()?;
    let most = shown
        .iter()
        .flat_map(|(_, rows)| rows.iter())
        .filter_map(|row| row.sqnr_db)
        .fold(10.0, f64::max);
    let mut points = Points {
        title: format!("{}: noise layer by layer", network.id),
        figures: format!("signal to noise against the floats, {} bits", first.bits),
        x: axis(
            "layer, in the order of execution",
            0.0,
            real(count(rows.len())) + 1.0,
        ),
        y: axis("signal to noise in dB", 0.0, (most / 10.0).ceil() * 10.0),
        guides: Vec::new(),
        series: Vec::new(),
    };
    for (variant, rows) in &shown {
        let marks = (1u32..).zip(rows.iter()).filter_map(|(number, row)| {
            let db = row.sqnr_db?;
            let tip = format!("{}, {}: {db:.1} dB", row.name, variant.variant.words());
            Some(([f64::from(number), db], tip))
        });
        let marks = marks.collect();
        line(
            &mut points,
            variant.variant.words(),
            variant_ink(variant.variant),
            marks,
        );
    }
    let description = format!("Signal to noise of every layer of {} in dB", network.id);
    Some(chart(network, "noise", description, &points))
}

/// Shares of the weights of all blocks by their distance from the largest weight of their kernel.
fn magnitudes(network: &Found) -> Option<Chart> {
    let mut sums = [[0u64; OCTAVES]; Branch::ALL.len()];
    for (branch, found) in network.branches.iter().flat_map(|block| &block.branches) {
        let row = Branch::ALL.iter().position(|other| other == branch)?;
        for (sum, count) in sums[row].iter_mut().zip(found.counts) {
            *sum += count;
        }
    }
    let share = |row: &[u64; OCTAVES], place: usize| {
        100.0 * real(row[place]) / real(row.iter().sum::<u64>().max(1))
    };
    if network.branches.is_empty() {
        return None;
    }
    let most = sums
        .iter()
        .flat_map(|row| (0..OCTAVES).map(move |place| share(row, place)))
        .fold(10.0, f64::max);
    let mut points = Points {
        title: format!("{}: weights before and after fusion", network.id),
        figures:
            "share of the weights by powers of two below the largest weight of their fused kernel"
                .to_owned(),
        x: axis("powers of two below the largest weight", 0.0, 16.0),
        y: axis("weights in %", 0.0, (most / 10.0).ceil() * 10.0),
        guides: Vec::new(),
        series: Vec::new(),
    };
    for (branch, row) in Branch::ALL.into_iter().zip(&sums) {
        if row.iter().sum::<u64>() == 0 {
            continue;
        }
        let marks = (0u32..).zip(0..OCTAVES).map(|(octave, place)| {
            let share = share(row, place);
            let tip = format!("{}, 2^-{octave}: {share:.1} %", branch.words());
            ([f64::from(octave) + 0.5, share], tip)
        });
        line(
            &mut points,
            branch.words(),
            branch_ink(branch),
            marks.collect(),
        );
    }
    let description = format!(
        "Magnitudes of the weights of {} before and after fusion",
        network.id
    );
    Some(chart(network, "weights", description, &points))
}

const fn method_ink(method: Method) -> Ink {
    match method {
        Method::None => Ink::Text,
        Method::Percentile => Ink::Cause(Cause::KernelIdle),
        Method::Mse => Ink::Cause(Cause::Useful),
        Method::Entropy => Ink::Cause(Cause::LaneIdle),
        Method::WeightMse => Ink::Cause(Cause::TileEdge),
        Method::BiasCorrection => Ink::Cause(Cause::ActPort),
        Method::Equalisation => Ink::Cause(Cause::InputsWait),
        Method::All => Ink::Cause(Cause::WeightsWait),
        Method::WideEnds => Ink::Cause(Cause::OutputsWait),
        Method::AllWideEnds => Ink::Cause(Cause::Host),
        Method::WideWeights => Ink::Traffic(Traffic::Weights),
        Method::WideActivations => Ink::Traffic(Traffic::Inputs),
    }
}

const fn variant_ink(variant: Variant) -> Ink {
    match variant {
        Variant::PerTensor => Ink::Text,
        Variant::PerTensorAll => Ink::Cause(Cause::WeightsWait),
        Variant::PerChannel => Ink::Cause(Cause::Useful),
    }
}

const fn branch_ink(branch: Branch) -> Ink {
    match branch {
        Branch::ThreeByThree => Ink::Cause(Cause::Useful),
        Branch::OneByOne => Ink::Cause(Cause::LaneIdle),
        Branch::Identity => Ink::Cause(Cause::ActPort),
        Branch::Fused => Ink::Text,
        Branch::Equalised => Ink::Cause(Cause::WeightsWait),
    }
}
