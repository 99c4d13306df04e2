//! What limits each layer: MACs for each byte against MACs a cycle, both logarithmic.
//!
//! A disc is a layer by its DRAM bytes; its area is the layer's share of the time, its colour the layer's
//! largest cause. A small ring is the same layer by the bytes the array read from SRAM. No disc lies above
//! the roof of DRAM, no ring above the roof of SRAM. Numbers mark the layers that take most of the time; a line joins each to its ideal.

use super::axis::{Log, tick_text};
use super::palette::{Ink, words};
use super::scene::{Anchor, Scene, text_box};
use super::{font, legend};
use crate::report::figures::{intensity, real, share, sram_reads};
use crate::report::human::{percent, significant};
use crate::report::{ChipFacts, RunResult};
use crate::time::Cause;
use std::collections::BTreeSet;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 24.0;
const PLOT: f64 = 420.0;
/// Radius of a layer that takes all the time.
const LARGEST: f64 = 60.0;
const NAMED: usize = 5;
/// Places tried for a tag.
const PLACES: u32 = 10 * RING;
/// Places on one ring around a disc.
const RING: u32 = 8;
const SIZE: f64 = 11.0;

struct Dot {
    index: usize,
    cause: Cause,
    dram: f64,
    sram: Option<f64>,
    speed: f64,
    share: f64,
}

/// Lays the chart out.
pub(super) fn scene(network: &RunResult, chip: &ChipFacts) -> Scene {
    let dots = dots(network);
    let mut scene = Scene::new(WIDTH, 0.0);
    let drawn: f64 = dots.iter().map(|dot| dot.share).sum();
    scene.title(
        &format!("Roofline: {} on {}", network.id, chip.name),
        &format!(
            "{} layers with array MACs take {} of the time; disc: by DRAM bytes, area = share of time; \
             small ring: by SRAM reads of the array",
            dots.len(),
            percent(drawn),
        ),
    );
    let causes: BTreeSet<Cause> = dots.iter().map(|dot| dot.cause).collect();
    let mut entries: Vec<(Ink, String)> = causes
        .into_iter()
        .map(|cause| (Ink::Cause(cause), format!("mostly {}", words(cause))))
        .collect();
    entries.push((Ink::Text, "roofs".to_owned()));
    entries.push((Ink::Muted, "up to the ideal of the same layer".to_owned()));
    let top = 70.0 + legend::draw(&mut scene, &entries, 16.0, RIGHT, 68.0) + 16.0;
    let (x, y) = scales(&dots, chip, top);
    grid(&mut scene, x, y);
    let taken = roofs(&mut scene, chip, x, y);
    join_ideals(&mut scene, &dots, chip, (x, y));
    draw_dots(&mut scene, &dots, x, y);
    tag_largest(&mut scene, &dots, (x, y), taken);
    let below = top + PLOT + 54.0;
    scene.height = below + key(&mut scene, network, chip, &dots, below);
    scene
}

fn dots(network: &RunResult) -> Vec<Dot> {
    let timeline = &network.timeline;
    let layers = timeline.layers.iter().enumerate();
    layers
        .filter_map(|(index, time)| {
            let cycles = time.account.total();
            let dram = intensity(time.macs, time.dram.payload())?;
            let largest = Cause::ALL
                .into_iter()
                .rev()
                .max_by_key(|&cause| time.account.get(cause))?;
            (cycles.0 > 0).then(|| Dot {
                index,
                cause: largest,
                dram,
                sram: intensity(time.macs, sram_reads(network, index)),
                speed: real(time.macs.0) / real(cycles.0),
                share: share(cycles, timeline.total),
            })
        })
        .collect()
}

/// Axes wide enough for every dot, the ends of the roofs included.
fn scales(dots: &[Dot], chip: &ChipFacts, top: f64) -> (Log, Log) {
    let roofs = &chip.roofs;
    let ridges = [
        roofs.peak_macs_per_cycle / roofs.dram_bytes_per_cycle,
        roofs.peak_macs_per_cycle / roofs.sram_bytes_per_cycle,
    ];
    let bytes = dots
        .iter()
        .flat_map(|dot| [Some(dot.dram), dot.sram])
        .flatten();
    let (low, high) = bounds(bytes.chain(ridges));
    let x = Log {
        low: low / 2.0,
        high: high * 3.0,
        start: LEFT,
        end: RIGHT,
    };
    let (low, high) = bounds(
        dots.iter()
            .map(|dot| dot.speed)
            .chain([roofs.peak_macs_per_cycle]),
    );
    let y = Log {
        low: (low / 2.0).min(high / 50.0),
        high: high * 2.2,
        start: top + PLOT,
        end: top,
    };
    (x, y)
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite() && *value > 0.0)
        .fold((f64::INFINITY, 0.0), |(low, high), value| {
            (value.min(low), value.max(high))
        })
}

fn grid(scene: &mut Scene, x: Log, y: Log) {
    for tick in x.decades() {
        let at = x.at(tick);
        scene.line(vec![[at, y.start], [at, y.end]], Ink::Grid, 1.0);
        scene.text(
            [at, y.start + 13.0],
            Anchor::Middle,
            10.0,
            Ink::Muted,
            tick_text(tick),
        );
    }
    for tick in y.decades() {
        let at = y.at(tick);
        scene.line(vec![[x.start, at], [x.end, at]], Ink::Grid, 1.0);
        scene.text(
            [x.start - 6.0, at],
            Anchor::End,
            10.0,
            Ink::Muted,
            tick_text(tick),
        );
    }
    let corner = vec![[x.start, y.end], [x.start, y.start], [x.end, y.start]];
    scene.line(corner, Ink::Muted, 1.0);
    scene.text(
        [16.0, y.end - 10.0],
        Anchor::Start,
        SIZE,
        Ink::Muted,
        "MAC/cycle",
    );
    scene.text(
        [x.end, y.start + 32.0],
        Anchor::End,
        SIZE,
        Ink::Muted,
        "MAC/byte",
    );
}

/// Draws the three roofs; returns the boxes of their names.
fn roofs(scene: &mut Scene, chip: &ChipFacts, x: Log, y: Log) -> Vec<[f64; 4]> {
    let roofs = &chip.roofs;
    let peak = roofs.peak_macs_per_cycle;
    let mut taken = Vec::new();
    let mut named = |scene: &mut Scene, at: [f64; 2], anchor: Anchor, text: String| {
        taken.push(text_box(at, anchor, font::width(&text, SIZE, false), SIZE));
        scene.text(at, anchor, SIZE, Ink::Text, text);
    };
    let first_ridge = peak / roofs.sram_bytes_per_cycle.max(roofs.dram_bytes_per_cycle);
    let height = y.at(peak);
    scene.line(
        vec![[x.at(first_ridge.max(x.low)), height], [x.end, height]],
        Ink::Text,
        1.5,
    );
    let text = format!("peak {} MAC/cycle", significant(peak, 1));
    named(scene, [x.end - 4.0, height - 10.0], Anchor::End, text);
    let slopes = [
        ("SRAM", roofs.sram_bytes_per_cycle),
        ("DRAM", roofs.dram_bytes_per_cycle),
    ];
    for (index, (name, rate)) in slopes.into_iter().enumerate() {
        let from = x.low.max(y.low / rate);
        let to = peak / rate;
        scene.line(
            vec![[x.at(from), y.at(from * rate)], [x.at(to), height]],
            Ink::Text,
            1.5,
        );
        // The names stand where their line meets the top, one above the other.
        let text = format!("{name} {} B/cycle", tick_text(rate));
        let above = height - 10.0 - 15.0 * real(crate::units::count(index));
        let width = font::width(&text, SIZE, false);
        let at = x.at(to).clamp(x.start + width + 4.0, x.end - width);
        named(scene, [at, above], Anchor::End, text);
    }
    taken
}

/// MACs a cycle that the peak and the DRAM rate allow a layer of these bytes.
fn ideal(dot: &Dot, chip: &ChipFacts) -> f64 {
    let roofs = &chip.roofs;
    (dot.dram * roofs.dram_bytes_per_cycle).min(roofs.peak_macs_per_cycle)
}

/// A line from each of the largest layers up to where it could be, with a small dot there.
fn join_ideals(scene: &mut Scene, dots: &[Dot], chip: &ChipFacts, (x, y): (Log, Log)) {
    for dot in largest(dots) {
        let at = x.at(dot.dram);
        let top = [at, y.at(ideal(dot, chip))];
        scene.line(vec![[at, y.at(dot.speed)], top], Ink::Muted, 1.0);
        scene.circle(top, 2.5, Ink::Muted, false);
    }
}

fn draw_dots(scene: &mut Scene, dots: &[Dot], x: Log, y: Log) {
    let mut by_size: Vec<&Dot> = dots.iter().collect();
    by_size.sort_by(|a, b| b.share.total_cmp(&a.share));
    for dot in &by_size {
        let centre = [x.at(dot.dram), y.at(dot.speed)];
        scene.circle(centre, radius(dot) + 1.0, Ink::Paper, false);
        scene.circle(centre, radius(dot), Ink::Cause(dot.cause), false);
    }
    for dot in &by_size {
        if let Some(sram) = dot.sram {
            scene.circle([x.at(sram), y.at(dot.speed)], 3.0, Ink::Muted, true);
        }
    }
}

fn radius(dot: &Dot) -> f64 {
    (LARGEST * dot.share.sqrt()).max(2.5)
}

/// Numbers the layers that take most of the time; layers on one spot share a tag.
fn tag_largest(scene: &mut Scene, dots: &[Dot], (x, y): (Log, Log), mut taken: Vec<[f64; 4]>) {
    let centre = |dot: &Dot| [x.at(dot.dram), y.at(dot.speed)];
    let discs: Vec<[f64; 4]> = dots
        .iter()
        .map(|dot| {
            let ([cx, cy], r) = (centre(dot), radius(dot));
            [cx - r, cy - r, cx + r, cy + r]
        })
        .collect();
    let mut spots: Vec<(&Dot, String)> = Vec::new();
    for (number, dot) in (1..).zip(largest(dots)) {
        let [cx, cy] = centre(dot);
        let near = |other: &Dot| {
            let [ox, oy] = centre(other);
            (ox - cx).hypot(oy - cy) < 4.0
        };
        match spots.iter_mut().find(|(other, _)| near(other)) {
            Some((_, tag)) => *tag = format!("{tag}, {number}"),
            None => spots.push((dot, number.to_string())),
        }
    }
    for (dot, tag) in spots {
        let width = font::width(&tag, SIZE, true);
        let space = |step: u32| {
            let at = place(centre(dot), radius(dot), width, step);
            (at, text_box(at, Anchor::Middle, width, SIZE))
        };
        let free = |step: &u32, discs: &[[f64; 4]]| {
            let (_, space) = space(*step);
            let inside =
                space[0] > x.start && space[2] < x.end && space[1] > y.end && space[3] < y.start;
            inside && taken.iter().chain(discs).all(|other| apart(space, *other))
        };
        let found = (0..PLACES)
            .find(|step| free(step, &discs))
            .or_else(|| (0..PLACES).find(|step| free(step, &[])));
        if let Some(step) = found {
            let (at, space) = space(step);
            if step >= RING {
                scene.line(vec![centre(dot), at], Ink::Muted, 0.75);
            }
            let size = [space[2] - space[0] + 2.0, space[3] - space[1]];
            scene.rect([space[0] - 1.0, space[1]], size, Ink::Paper);
            scene.text(at, Anchor::Middle, SIZE, Ink::Text, tag);
            taken.push(space);
        }
    }
}

/// The dots with the most time, the largest first; of equal ones the earlier layer.
fn largest(dots: &[Dot]) -> Vec<&Dot> {
    let mut largest: Vec<&Dot> = dots.iter().collect();
    largest.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.index.cmp(&b.index)));
    largest.truncate(NAMED);
    largest
}

/// Places for the middle of a tag: eight around the disc, then eight on each wider ring.
fn place([x, y]: [f64; 2], radius: f64, width: f64, step: u32) -> [f64; 2] {
    const DIAGONAL: f64 = std::f64::consts::FRAC_1_SQRT_2;
    let away = radius + 9.0 + 13.0 * f64::from(step / RING);
    let sideways = away + width / 2.0 - 3.0;
    match step % RING {
        0 => [x + sideways, y],
        1 => [x - sideways, y],
        2 => [x, y + away],
        3 => [x, y - away],
        4 => [x + sideways * DIAGONAL, y + away * DIAGONAL],
        5 => [x - sideways * DIAGONAL, y + away * DIAGONAL],
        6 => [x + sideways * DIAGONAL, y - away * DIAGONAL],
        _ => [x - sideways * DIAGONAL, y - away * DIAGONAL],
    }
}

/// Writes what the numbers stand for from `y` on; returns the height.
fn key(scene: &mut Scene, network: &RunResult, chip: &ChipFacts, dots: &[Dot], y: f64) -> f64 {
    let (mut x, mut line) = (LEFT, y);
    for (number, dot) in (1..).zip(largest(dots)) {
        let layer = network.timeline.layers[dot.index].layer;
        let name = font::fit(&network.schedule.graph.layers[layer.0].name, SIZE, 200.0);
        let text = format!(
            "{number}: {name} {}, at {} of its roof",
            percent(dot.share),
            percent(dot.speed / ideal(dot, chip)),
        );
        let width = font::width(&text, SIZE, false);
        if x > LEFT && x + width > RIGHT {
            (x, line) = (LEFT, line + 18.0);
        }
        scene.text([x, line], Anchor::Start, SIZE, Ink::Text, text);
        x += width + 22.0;
    }
    line - y + 18.0
}

fn apart(a: [f64; 4], b: [f64; 4]) -> bool {
    a[2] + 3.0 <= b[0] || b[2] + 3.0 <= a[0] || a[3] + 1.0 <= b[1] || b[3] + 1.0 <= a[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn no_layer_lies_above_its_ideal_by_the_peak() {
        let report = sample::report(22);
        let (chip, network) = (&report.chips[0].chip, &report.chips[0].networks[0]);
        let dots = dots(network);
        assert!(!dots.is_empty());
        let peak = chip.roofs.peak_macs_per_cycle;
        for dot in &dots {
            let (ideal, by_dram) = (ideal(dot, chip), dot.dram * chip.roofs.dram_bytes_per_cycle);
            assert!(ideal <= peak && ideal <= by_dram);
            assert!((ideal - peak).abs() < 1e-9 || (ideal - by_dram).abs() < 1e-9);
        }
    }
}
