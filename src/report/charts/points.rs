//! Many things on a plane of two figures, with lines to measure them by.

use super::axis::{Log, tick_text};
use super::palette::Ink;
use super::scene::{Anchor, Scene};
use super::{font, legend};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = WIDTH - 24.0;
const PLOT: f64 = 440.0;
const SIZE: f64 = 11.0;
const RADIUS: f64 = 3.0;
/// Steps of a linear axis at most.
const STEPS: f64 = 8.0;

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Points {
    /// Heading.
    pub title: String,
    /// A line of figures below it.
    pub figures: String,
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
    /// Behind the points.
    pub guides: Vec<Guide>,
    /// From back to front.
    pub series: Vec<Series>,
}

/// One axis.
#[derive(Debug, Clone)]
pub struct Axis {
    /// The figure, with its unit.
    pub label: String,
    /// Least figure shown.
    pub low: f64,
    /// Largest figure shown, above `low`.
    pub high: f64,
    /// Equal ratios are equal lengths; both ends are above zero.
    pub logarithmic: bool,
}

/// A broken line.
#[derive(Debug, Clone)]
pub struct Guide {
    /// In the legend.
    pub label: String,
    /// Its colour.
    pub ink: Ink,
    /// Its corners, at least two, each within the axes.
    pub corners: Vec<[f64; 2]>,
}

/// Things of one kind.
#[derive(Debug, Clone)]
pub struct Series {
    /// In the legend.
    pub label: String,
    /// Their colour.
    pub ink: Ink,
    /// Rings instead of discs.
    pub hollow: bool,
    /// Each with the words that show under the pointer; those outside the axes stand on their edge.
    pub points: Vec<([f64; 2], String)>,
}

/// An axis and its pixels.
enum Scale {
    Linear { low: f64, start: f64, each: f64 },
    Log(Log),
}

impl Scale {
    fn new(axis: &Axis, start: f64, end: f64) -> Self {
        let &Axis { low, high, .. } = axis;
        if axis.logarithmic {
            Self::Log(Log {
                low,
                high,
                start,
                end,
            })
        } else {
            let each = (end - start) / (high - low);
            Self::Linear { low, start, each }
        }
    }

    fn at(&self, value: f64) -> f64 {
        match self {
            Self::Linear { low, start, each } => start + (value - low) * each,
            Self::Log(log) => log.at(value),
        }
    }
}

/// Figures that are written on an axis.
fn ticks(axis: &Axis) -> Vec<f64> {
    let candidates: Vec<f64> = if axis.logarithmic {
        (-9..=12)
            .flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)))
            .collect()
    } else {
        let least = (axis.high - axis.low) / STEPS;
        let power = 10f64.powf(least.log10().floor());
        let round = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
        let step = round.into_iter().find(|step| *step >= least * (1.0 - 1e-9));
        let step = step.unwrap_or(least);
        let first = (axis.low / step - 1e-9).ceil();
        (0..=16).map(|n| (first + f64::from(n)) * step).collect()
    };
    let room = (axis.high - axis.low) * 1e-9;
    let shown = |value: &f64| *value >= axis.low - room && *value <= axis.high + room;
    candidates.into_iter().filter(shown).collect()
}

/// Lays the points out.
#[must_use]
pub fn scene(points: &Points) -> Scene {
    let mut scene = Scene::new(WIDTH, 0.0);
    scene.title(&points.title, &points.figures);
    let guides = points.guides.iter().map(|guide| (guide.ink, &guide.label));
    let series = points.series.iter().map(|one| (one.ink, &one.label));
    let entries: Vec<(Ink, String)> = guides
        .chain(series)
        .filter(|(_, label)| !label.is_empty())
        .map(|(ink, label)| (ink, label.clone()))
        .collect();
    let top = 70.0 + legend::draw(&mut scene, &entries, 16.0, RIGHT, 68.0) + 20.0;
    let x = Scale::new(&points.x, LEFT, RIGHT);
    let y = Scale::new(&points.y, top + PLOT, top);
    grid(&mut scene, points, (&x, &y), top);
    for guide in &points.guides {
        let corners = guide.corners.iter().map(|[a, b]| [x.at(*a), y.at(*b)]);
        scene.line(corners.collect(), guide.ink, 1.0);
    }
    for series in &points.series {
        for ([a, b], words) in &series.points {
            let at = [
                x.at(a.clamp(points.x.low, points.x.high)),
                y.at(b.clamp(points.y.low, points.y.high)),
            ];
            scene.circle(at, RADIUS, series.ink, series.hollow);
            let corner = at.map(|n| n - RADIUS - 1.0);
            scene.tip(corner, [2.0 * RADIUS + 2.0; 2], words.as_str());
        }
    }
    scene.height = top + PLOT + 56.0;
    scene
}

fn grid(scene: &mut Scene, points: &Points, (x, y): (&Scale, &Scale), top: f64) {
    let bottom = top + PLOT;
    let mut taken = f64::NEG_INFINITY;
    for tick in ticks(&points.x) {
        let at = x.at(tick);
        scene.line(vec![[at, top], [at, bottom]], Ink::Grid, 1.0);
        let text = tick_text(tick);
        let half = font::width(&text, SIZE, false) / 2.0;
        if at - half > taken + 6.0 {
            scene.text([at, bottom + 14.0], Anchor::Middle, SIZE, Ink::Muted, text);
            taken = at + half;
        }
    }
    for tick in ticks(&points.y) {
        let at = y.at(tick);
        scene.line(vec![[LEFT, at], [RIGHT, at]], Ink::Grid, 1.0);
        scene.text(
            [LEFT - 8.0, at],
            Anchor::End,
            SIZE,
            Ink::Muted,
            tick_text(tick),
        );
    }
    let middle = f64::midpoint(LEFT, RIGHT);
    scene.text(
        [middle, bottom + 36.0],
        Anchor::Middle,
        12.0,
        Ink::Text,
        points.x.label.as_str(),
    );
    // Above the plot, where a line of text needs no turning.
    scene.text(
        [16.0, top - 18.0],
        Anchor::Start,
        12.0,
        Ink::Text,
        format!("↑ {}", points.y.label),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(low: f64, high: f64, logarithmic: bool) -> Axis {
        let label = "cycles".to_owned();
        Axis {
            label,
            low,
            high,
            logarithmic,
        }
    }

    #[test]
    fn ticks_are_round_and_within_the_axis() {
        let texts = |axis: &Axis| ticks(axis).into_iter().map(tick_text).collect::<Vec<_>>();
        assert_eq!(texts(&axis(-1.0, 1.0, false)).len(), 5);
        assert_eq!(
            texts(&axis(0.0, 8.0, false)),
            ["0", "1", "2", "3", "4", "5", "6", "7", "8"]
        );
        assert_eq!(texts(&axis(10.0, 100.0, true)), ["10", "20", "50", "100"]);
    }

    #[test]
    fn points_outside_stand_on_the_edge_and_every_text_is_inside() {
        let points = Points {
            title: "Title".to_owned(),
            figures: "figures".to_owned(),
            x: axis(1.0, 1e5, true),
            y: axis(-1.0, 1.0, false),
            guides: vec![Guide {
                label: "limit".to_owned(),
                ink: Ink::Muted,
                corners: vec![[1.0, 0.5], [1e5, 0.5]],
            }],
            series: vec![Series {
                label: "pairs".to_owned(),
                ink: Ink::Text,
                hollow: false,
                points: vec![([10.0, 7.0], "outside".to_owned())],
            }],
        };
        let scene = scene(&points);
        for (text, [left, top, right, bottom]) in scene.text_boxes() {
            assert!(left >= 0.0 && right <= scene.width, "{text}");
            assert!(top >= 0.0 && bottom <= scene.height, "{text}");
        }
        let mut circles = scene.shapes.iter().filter_map(|shape| match shape {
            super::super::Shape::Circle { centre, .. } => Some(centre[1]),
            _ => None,
        });
        let top = circles.next_back().expect("a point");
        assert!(scene.shapes.iter().any(|shape| matches!(shape,
            super::super::Shape::Line { points, .. } if (points[0][1] - top).abs() < 1e-9)));
    }
}
