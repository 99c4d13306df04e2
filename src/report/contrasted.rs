//! A contrast in words: who is faster, why, and what was published.

use super::Contrasted;
use super::human::{grouped, times};
use crate::contrast::Verdict;

/// Where the published figures come from, and what sets that machine apart.
pub const PUBLISHED_SOURCE: &str = "Published ratios: Ding et al., RepVGG, CVPR 2021, Tables 4 and 5: images/s on \
a GTX 1080Ti, fp32, batch 128, 224x224 (EfficientNet-B3 300x300). There the library may run 3x3 kernels by Winograd and 1x1 kernels \
reach about a quarter of the density of 3x3 ones; this array multiplies directly.";

/// Pairs named in the headline; further ones are counted.
const NAMED: usize = 2;

/// All contrasts in one sentence: how often the first network is faster, by how much, and where it is not. `None`
/// when fewer than two pairs were run: then [`sentence`] says it all.
#[must_use]
pub fn headline(contrasts: &[Contrasted<'_>]) -> Option<String> {
    if contrasts.len() < 2 {
        return None;
    }
    let speed = |pair: &Contrasted<'_>| pair.contrast.ratios.images_per_s;
    let (faster, others): (Vec<_>, Vec<_>) = contrasts.iter().partition(|pair| speed(pair) > 1.0);
    let gains = faster.iter().map(|pair| speed(pair));
    let most = gains.clone().fold(f64::NAN, f64::max);
    let gain = match gains.fold(f64::NAN, f64::min) {
        _ if faster.is_empty() => String::new(),
        least if times(least) == times(most) => format!(", at {} the images/s", times(least)),
        least => format!(", at {} to {} the images/s", times(least), times(most)),
    };
    let mut exceptions: Vec<String> = (others.iter().take(NAMED))
        .map(|pair| {
            let (chip, first, second) = (&pair.chip.name, &pair.first.id, &pair.second.id);
            format!(
                "on {chip}, {first} runs {} the images/s of {second}",
                times(speed(pair))
            )
        })
        .collect();
    match others.len().saturating_sub(NAMED) {
        0 => {}
        1 => exceptions.push("one more is not faster".to_owned()),
        more => exceptions.push(format!("{more} more are not faster")),
    }
    exceptions.insert(0, String::new());
    Some(format!(
        "The first network of a pair is the faster one in {} of {} contrasts{gain}{}.",
        faster.len(),
        contrasts.len(),
        exceptions.join("; ")
    ))
}

/// One sentence with the two networks, the factor of speed and its two reasons.
///
/// Speed is utilisation over MACs, exactly: an image takes MACs / (peak · utilisation) cycles.
#[must_use]
pub fn sentence(contrasted: &Contrasted<'_>) -> String {
    let (first, second) = (&contrasted.first.name, &contrasted.second.name);
    let ratios = &contrasted.contrast.ratios;
    let published = match (contrasted.contrast.published, contrasted.contrast.verdict()) {
        (Some(published), Some(verdict)) => format!(
            " The ratio published for a GPU is {}; this chip {verdict}.",
            times(published.ratio())
        ),
        _ => String::new(),
    };
    format!(
        "On {}, {first} runs {} the images/s of {second}: it does {} the MACs of an image at {} the array \
         utilisation.{published}",
        contrasted.chip.name,
        times(ratios.images_per_s),
        times(ratios.macs),
        times(ratios.utilisation),
    )
}

/// One sentence about the run without the host's cycles; `None` when neither network waits for the host.
#[must_use]
pub fn without_host(contrasted: &Contrasted<'_>) -> Option<String> {
    let contrast = &contrasted.contrast;
    if !contrast.uses_host() {
        return None;
    }
    let verdict = contrast
        .verdict_without_host()
        .map_or_else(String::new, |verdict: Verdict| {
            format!(" The chip then {verdict}.")
        });
    Some(format!(
        "Without host cycles ({} and {} cycles) it is {} the images/s.{verdict}",
        grouped(contrast.first.host_cycles.0),
        grouped(contrast.second.host_cycles.0),
        times(contrast.ratios.images_per_s_without_host),
    ))
}

/// Name and quotient of each figure, first network over second; published and simulated speed side by side.
#[must_use]
pub fn rows(contrasted: &Contrasted<'_>) -> Vec<(&'static str, String)> {
    let contrast = &contrasted.contrast;
    let ratios = &contrast.ratios;
    let mut rows = vec![
        ("images/s", times(ratios.images_per_s)),
        (
            "images/s without host",
            times(ratios.images_per_s_without_host),
        ),
        ("images/s published, GPU", "none".to_owned()),
        ("latency", times(ratios.latency)),
        ("MACs of an image", times(ratios.macs)),
        ("array utilisation", times(ratios.utilisation)),
        ("DRAM bytes", times(ratios.dram)),
        ("peak activation SRAM", times(ratios.peak_sram)),
    ];
    if let Some(published) = contrast.published {
        rows[2].1 = times(published.ratio());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::time::Cause;
    use crate::units::Cycles;

    #[test]
    fn the_sentence_gives_the_factor_and_its_reasons() {
        let report = sample::report(22);
        let contrasted = report.chips[0].contrasts().next().unwrap();
        insta::assert_snapshot!(sentence(&contrasted), @"On edge, repvgg-a0 runs 0.88x the images/s of resnet-18: it does 1.14x the MACs of an image at 1.01x the array utilisation. The ratio published for a GPU is 1.33x; this chip disagrees on the faster network (0.66 times the published ratio).");
        assert_eq!(without_host(&contrasted), None);
    }

    #[test]
    fn a_headline_counts_and_names_the_exceptions() {
        let mut report = sample::report(22);
        let pair = report.chips[0].pairs[0];
        report.chips[0].pairs = vec![pair, (pair.1, pair.0), pair, pair];
        let contrasts: Vec<_> = report.chips[0].contrasts().collect();
        assert_eq!(headline(&contrasts[..1]), None);
        let told = |range: std::ops::Range<usize>| headline(&contrasts[range]).unwrap();
        insta::assert_snapshot!(told(0..2), @"The first network of a pair is the faster one in 1 of 2 contrasts, at 1.13x the images/s; on edge, repvgg-a0 runs 0.88x the images/s of resnet-18.");
        insta::assert_snapshot!(told(2..4), @"The first network of a pair is the faster one in 0 of 2 contrasts; on edge, repvgg-a0 runs 0.88x the images/s of resnet-18; on edge, repvgg-a0 runs 0.88x the images/s of resnet-18.");
        insta::assert_snapshot!(told(0..4), @"The first network of a pair is the faster one in 1 of 4 contrasts, at 1.13x the images/s; on edge, repvgg-a0 runs 0.88x the images/s of resnet-18; on edge, repvgg-a0 runs 0.88x the images/s of resnet-18; one more is not faster.");
    }

    #[test]
    fn a_host_gets_its_own_sentence() {
        let mut report = sample::report(22);
        let timeline = &mut report.chips[0].networks[1].timeline;
        timeline.layers[3]
            .account
            .add(Cause::Host, Cycles(5_000_000));
        timeline.total = timeline.account().total();
        let contrasted = report.chips[0].contrasts().next().unwrap();
        insta::assert_snapshot!(without_host(&contrasted).unwrap(), @"Without host cycles (0 and 5,000,000 cycles) it is 0.88x the images/s. The chip then disagrees on the faster network (0.66 times the published ratio).");
    }
}
