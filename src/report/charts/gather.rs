//! Brings shapes of one look together, so that a file says the look once, without changing the picture.
//!
//! A shape moves back to the last run of its look when nothing painted since then touches it.

use super::palette::Ink;
use super::scene::{Anchor, Shape, text_box};
use super::{font, svg};
use crate::report::figures::real;
use crate::units::count;

/// How far back a run of the same look is searched, in shapes.
const REACH: usize = 4096;

/// What shapes of one run have in common; lengths in quarter pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Filled rectangles and bars.
    Fill(Ink),
    /// Lines.
    Stroke(Ink, i32),
    /// Discs.
    Disc(Ink),
    /// Rings.
    Ring(Ink),
    /// Words.
    Words(Ink, Anchor, i32, bool),
    /// Words under the pointer.
    Tips,
}

impl Look {
    /// The look of a shape.
    pub(super) fn of(shape: &Shape) -> Self {
        match shape {
            Shape::Rect { fill, .. } | Shape::Bars { fill, .. } => Self::Fill(*fill),
            Shape::Line { stroke, width, .. } => {
                Self::Stroke(*stroke, svg::quarters(*width).max(1))
            }
            Shape::Circle {
                ink, hollow: false, ..
            } => Self::Disc(*ink),
            Shape::Circle { ink, .. } => Self::Ring(*ink),
            Shape::Text {
                anchor,
                size,
                bold,
                ink,
                ..
            } => Self::Words(*ink, *anchor, svg::quarters(*size), *bold),
            Shape::Tip { .. } => Self::Tips,
        }
    }
}

/// Shapes of one look, each with the box it touches.
type Run<'a> = (Look, Vec<(&'a Shape, [i32; 4])>);

/// The shapes in runs of one look, from back to front; tips are the last run.
pub(super) fn runs(shapes: &[Shape]) -> Vec<(Look, Vec<&Shape>)> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut tips = Vec::new();
    for shape in shapes {
        let look = Look::of(shape);
        if look == Look::Tips {
            tips.push(shape);
            continue;
        }
        let space = space(shape);
        match home(&runs, look, space) {
            Some(index) => runs[index].1.push((shape, space)),
            None => runs.push((look, vec![(shape, space)])),
        }
    }
    let mut runs: Vec<_> = runs
        .into_iter()
        .map(|(look, run)| (look, run.into_iter().map(|(shape, _)| shape).collect()))
        .collect();
    if !tips.is_empty() {
        runs.push((Look::Tips, tips));
    }
    runs
}

/// The last run of this look with nothing touching `space` behind it.
fn home(runs: &[Run<'_>], look: Look, space: [i32; 4]) -> Option<usize> {
    let mut seen = 0;
    for (index, (other, run)) in runs.iter().enumerate().rev() {
        if *other == look {
            return Some(index);
        }
        seen += run.len();
        if seen > REACH || run.iter().any(|(_, taken)| touch(space, *taken)) {
            return None;
        }
    }
    None
}

fn touch(a: [i32; 4], b: [i32; 4]) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

/// Left, top, right, bottom in quarter pixels. Rectangles end on whole quarters; all else gets some air.
fn space(shape: &Shape) -> [i32; 4] {
    let aired = |[x0, y0, x1, y1]: [f64; 4], air: f64| {
        [x0 - air, y0 - air, x1 + air, y1 + air].map(svg::quarters)
    };
    match shape {
        Shape::Rect { at, size, .. } | Shape::Tip { at, size, .. } => {
            [at[0], at[1], at[0] + size[0], at[1] + size[1]].map(svg::quarters)
        }
        Shape::Bars {
            base: [x, y],
            width,
            heights,
            ..
        } => {
            let end = x + width * real(count(heights.len()));
            let highest = heights.iter().copied().fold(0.0, f64::max);
            [*x, y - highest, end, *y].map(svg::quarters)
        }
        Shape::Line { points, width, .. } => {
            let far = [
                f64::INFINITY,
                f64::INFINITY,
                f64::NEG_INFINITY,
                f64::NEG_INFINITY,
            ];
            let around = points.iter().fold(far, |[x0, y0, x1, y1], &[x, y]| {
                [x0.min(x), y0.min(y), x1.max(x), y1.max(y)]
            });
            aired(around, width / 2.0 + 0.5)
        }
        Shape::Circle { centre, radius, .. } => {
            let [x, y] = *centre;
            aired([x, y, x, y], radius + 1.0)
        }
        Shape::Text {
            at,
            anchor,
            size,
            bold,
            text,
            ..
        } => {
            // A reader without the font sees letters of other widths.
            let width = font::width(text, *size, *bold) * 1.1;
            aired(text_box(*at, *anchor, width, *size * 1.4), 0.5)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts::Scene;

    #[test]
    fn colours_gather_where_nothing_lies_between() {
        let mut scene = Scene::new(100.0, 100.0);
        for x in [0.0, 20.0, 40.0] {
            scene.rect([x, 0.0], [10.0, 5.0], Ink::Tensor);
            scene.rect([x + 10.0, 0.0], [10.0, 5.0], Ink::Shortcut);
        }
        assert_eq!(runs(&scene.shapes).len(), 2);
        // This one is under the next: the order stays.
        scene.rect([0.0, 0.0], [60.0, 5.0], Ink::Grid);
        scene.rect([5.0, 0.0], [10.0, 5.0], Ink::Tensor);
        let looks: Vec<_> = runs(&scene.shapes).iter().map(|run| run.0).collect();
        let fills = [Ink::Tensor, Ink::Shortcut, Ink::Grid, Ink::Tensor].map(Look::Fill);
        assert_eq!(looks, fills);
    }
}
