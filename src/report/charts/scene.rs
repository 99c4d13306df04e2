//! A drawing as plain shapes in pixels, before any backend.

use super::palette::Ink;
use super::{font, svg};

/// A picture: shapes in painting order, origin at the upper left, y downwards.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Pixels.
    pub width: f64,
    /// Pixels.
    pub height: f64,
    /// From back to front.
    pub shapes: Vec<Shape>,
}

/// Which end of a text stands at its position; the text's capitals are centred on its y.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The left end.
    Start,
    /// The middle.
    Middle,
    /// The right end.
    End,
}

/// One thing to paint.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A filled rectangle.
    Rect {
        /// Upper left corner.
        at: [f64; 2],
        /// Width and height.
        size: [f64; 2],
        /// Its fill.
        fill: Ink,
    },
    /// Bars of one width side by side on one base, painted as one.
    Bars {
        /// Lower left corner of the first.
        base: [f64; 2],
        /// Of each.
        width: f64,
        /// Of each, upwards; none below zero.
        heights: Vec<f64>,
        /// Their fill.
        fill: Ink,
    },
    /// A broken line through at least two points.
    Line {
        /// The points.
        points: Vec<[f64; 2]>,
        /// Its stroke.
        stroke: Ink,
        /// Width of the stroke.
        width: f64,
    },
    /// A disc, or with `hollow` a ring one pixel wide.
    Circle {
        /// Its centre.
        centre: [f64; 2],
        /// Its radius.
        radius: f64,
        /// Its colour.
        ink: Ink,
        /// Only the ring.
        hollow: bool,
    },
    /// A line of text.
    Text {
        /// Where its anchor stands.
        at: [f64; 2],
        /// Which end stands there.
        anchor: Anchor,
        /// Pixels of an em.
        size: f64,
        /// Heavy type.
        bold: bool,
        /// Its colour.
        ink: Ink,
        /// The words.
        text: String,
    },
    /// Words that show while the pointer is over a rectangle; nothing is painted, and a PNG has none.
    Tip {
        /// Upper left corner.
        at: [f64; 2],
        /// Width and height.
        size: [f64; 2],
        /// The words; `\n` starts a new line.
        text: String,
    },
}

impl Scene {
    /// An empty picture.
    #[must_use]
    pub const fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    pub(super) fn rect(&mut self, at: [f64; 2], size: [f64; 2], fill: Ink) {
        self.shapes.push(Shape::Rect { at, size, fill });
    }

    pub(super) fn bars(&mut self, base: [f64; 2], width: f64, heights: Vec<f64>, fill: Ink) {
        self.shapes.push(Shape::Bars {
            base,
            width,
            heights,
            fill,
        });
    }

    pub(super) fn line(&mut self, points: Vec<[f64; 2]>, stroke: Ink, width: f64) {
        self.shapes.push(Shape::Line {
            points,
            stroke,
            width,
        });
    }

    pub(super) fn circle(&mut self, centre: [f64; 2], radius: f64, ink: Ink, hollow: bool) {
        self.shapes.push(Shape::Circle {
            centre,
            radius,
            ink,
            hollow,
        });
    }

    pub(super) fn text(
        &mut self,
        at: [f64; 2],
        anchor: Anchor,
        size: f64,
        ink: Ink,
        text: impl Into<String>,
    ) {
        self.shapes.push(Shape::Text {
            at,
            anchor,
            size,
            bold: false,
            ink,
            text: text.into(),
        });
    }

    /// Words that show while the pointer is over the rectangle.
    pub(super) fn tip(&mut self, at: [f64; 2], size: [f64; 2], text: impl Into<String>) {
        self.shapes.push(Shape::Tip {
            at,
            size,
            text: text.into(),
        });
    }

    /// A title at the left, and a line of figures below it.
    /// What does not fit is cut in its middle.
    pub(super) fn title(&mut self, title: &str, figures: &str) {
        let room = self.width - 32.0;
        self.shapes.push(Shape::Text {
            at: [16.0, 22.0],
            anchor: Anchor::Start,
            size: 15.0,
            bold: true,
            ink: Ink::Text,
            // Heavy type is about a tenth wider than what `fit` measures.
            text: font::fit(title, 15.0, room * 0.85),
        });
        let figures = font::fit(figures, 12.0, room);
        self.text([16.0, 44.0], Anchor::Start, 12.0, Ink::Muted, figures);
    }

    /// The drawing as an SVG document; `description` is a sentence for those who cannot see it.
    #[must_use]
    pub fn svg(&self, description: &str) -> String {
        svg::write(self, description)
    }

    /// Every text with its box: left, top, right, bottom.
    pub fn text_boxes(&self) -> impl Iterator<Item = (&str, [f64; 4])> {
        self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text {
                at,
                anchor,
                size,
                bold,
                text,
                ..
            } => Some((
                text.as_str(),
                text_box(*at, *anchor, font::width(text, *size, *bold), *size),
            )),
            Shape::Rect { .. }
            | Shape::Bars { .. }
            | Shape::Line { .. }
            | Shape::Circle { .. }
            | Shape::Tip { .. } => None,
        })
    }
}

/// The box of a text of `width` pixels: its capitals, and a little air above and below.
pub(super) fn text_box(at: [f64; 2], anchor: Anchor, width: f64, size: f64) -> [f64; 4] {
    let left = match anchor {
        Anchor::Start => at[0],
        Anchor::Middle => at[0] - width / 2.0,
        Anchor::End => at[0] - width,
    };
    let half = size * 0.5;
    [left, at[1] - half, left + width, at[1] + half]
}
