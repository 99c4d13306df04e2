//! Speed of the requantisation: a pixel of 64 channels after the other, by every rule.
//!
//! `one_by_one` looks at the rule for each accumulator, `each` once for a pixel.

use divan::counter::ItemsCount;
use repchip::fixed::{ChannelRequantise, Requantise, Rounding, Rule, Target};
use repchip::tensor::IntType;

fn main() {
    divan::main();
}

const CHANNELS: usize = 64;
const PIXELS: usize = 1024;

const RULES: [Rule; 8] = [
    Rule::Multiplier(Rounding::HalfEven),
    Rule::Multiplier(Rounding::HalfAway),
    Rule::TosaSingle,
    Rule::TosaDouble,
    Rule::TfliteDouble,
    Rule::Ruy,
    Rule::Float32HalfEven,
    Rule::Slice,
];

/// Channels of a layer, and accumulators some of which saturate.
fn layer(rule: Rule) -> (Vec<ChannelRequantise>, Vec<i64>) {
    let (multiplier, shift) = match rule {
        Rule::Slice => (1, 10),
        Rule::Float32HalfEven => (12_345_678, 33),
        _ => (1_234_567_890, 41),
    };
    let target = Target::whole(IntType::unsigned(8), 0).relu();
    let layer = Requantise::new(
        rule,
        vec![multiplier; CHANNELS],
        vec![shift; CHANNELS],
        target,
    );
    let layer = layer.expect("these numbers are valid");
    let accs = (0..CHANNELS * PIXELS).map(|n| {
        let n = i64::try_from(n).expect("small");
        n * 2_654_435_761 % 500_009 - 150_000
    });
    let channels = (0..CHANNELS).map(|c| layer.channel(c)).collect();
    (channels, accs.collect())
}

#[divan::bench(args = RULES)]
fn each(bencher: divan::Bencher<'_, '_>, rule: Rule) {
    let (channels, accs) = layer(rule);
    let mut values = vec![0; accs.len()];
    let bencher = bencher.counter(ItemsCount::new(accs.len()));
    bencher.bench_local(|| {
        let pixels = accs.chunks_exact(CHANNELS);
        for (accs, values) in pixels.zip(values.chunks_exact_mut(CHANNELS)) {
            ChannelRequantise::apply_each(&channels, accs, values);
        }
        divan::black_box(values[7])
    });
}

#[divan::bench(args = RULES)]
fn one_by_one(bencher: divan::Bencher<'_, '_>, rule: Rule) {
    let (channels, accs) = layer(rule);
    let mut values = vec![0; accs.len()];
    let bencher = bencher.counter(ItemsCount::new(accs.len()));
    bencher.bench_local(|| {
        let pixels = accs.chunks_exact(CHANNELS);
        for (accs, values) in pixels.zip(values.chunks_exact_mut(CHANNELS)) {
            for ((value, acc), channel) in values.iter_mut().zip(accs).zip(&channels) {
                *value = channel.apply(*acc);
            }
        }
        divan::black_box(values[7])
    });
}
