//! Paints a scene as pixels.

use super::font;
use super::palette::Ink;
use super::scene::{Anchor, Scene, Shape};
use crate::report::figures::real;
use crate::units::count;
use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::prelude::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, RGBColor, ShapeStyle};

/// How a backend's units relate to pixels and ems.
#[derive(Debug, Clone, Copy)]
struct Units {
    /// Backend units a pixel.
    scale: f64,
    /// The backend's font size over the em.
    size_per_em: f64,
    /// Ems to move a text down so that its capitals are centred.
    drop: f64,
}

/// Two dots a pixel.
const PNG: Units = Units {
    scale: 2.0,
    size_per_em: font::LINE,
    drop: 0.235,
};

/// The scene as a PNG file.
pub(super) fn png(scene: &Scene) -> Vec<u8> {
    let (width, height) = (PNG.length(scene.width), PNG.length(scene.height));
    let bytes = usize::try_from(u64::from(width) * u64::from(height) * 3)
        .expect("a picture fits the memory");
    let mut pixels = vec![0; bytes];
    {
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        paint(scene, &area, PNG).expect("the buffer has the size of the picture");
    }
    let mut file = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut file, width, height);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    // Flat areas repeat from row to row: `Up` makes most bytes zero.
    encoder.set_filter(::png::FilterType::Up);
    encoder.set_compression(::png::Compression::Default);
    encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels))
        .expect("memory takes every byte");
    file
}

impl Units {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a length of a picture is positive and far below 2^32"
    )]
    fn length(self, pixels: f64) -> u32 {
        (pixels * self.scale).round() as u32
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a coordinate of a picture is far below 2^31"
    )]
    fn at(self, point: [f64; 2]) -> (i32, i32) {
        let [x, y] = point.map(|c| (c * self.scale).round() as i32);
        (x, y)
    }
}

type Painted<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

fn paint<DB: DrawingBackend>(
    scene: &Scene,
    area: &DrawingArea<DB, Shift>,
    units: Units,
) -> Painted<DB> {
    area.fill(&colour(Ink::Paper))?;
    for shape in &scene.shapes {
        paint_shape(shape, area, units)?;
    }
    area.present()
}

fn paint_shape<DB: DrawingBackend>(
    shape: &Shape,
    area: &DrawingArea<DB, Shift>,
    units: Units,
) -> Painted<DB> {
    match shape {
        Shape::Rect { at, size, fill } => {
            let end = [at[0] + size[0], at[1] + size[1]];
            let corners = [units.at(*at), units.at(end)];
            area.draw(&Rectangle::new(corners, colour(*fill).filled()))
        }
        Shape::Bars {
            base,
            width,
            heights,
            fill,
        } => {
            for (index, height) in heights.iter().enumerate() {
                let at = |index: usize| base[0] + width * real(count(index));
                let corners = [[at(index), base[1] - height], [at(index + 1), base[1]]];
                if units.at(corners[0]).1 < units.at(corners[1]).1 {
                    area.draw(&Rectangle::new(
                        corners.map(|c| units.at(c)),
                        colour(*fill).filled(),
                    ))?;
                }
            }
            Ok(())
        }
        Shape::Line {
            points,
            stroke,
            width,
        } => {
            let points: Vec<_> = points.iter().map(|&p| units.at(p)).collect();
            let style = colour(*stroke).stroke_width(units.length(*width).max(1));
            area.draw(&PathElement::new(points, style))
        }
        Shape::Circle {
            centre,
            radius,
            ink,
            hollow,
        } => {
            let style = ShapeStyle {
                color: colour(*ink).to_rgba(),
                filled: !hollow,
                stroke_width: units.length(1.0),
            };
            area.draw(&Circle::new(
                units.at(*centre),
                units.length(*radius),
                style,
            ))
        }
        Shape::Text {
            at,
            anchor,
            size,
            bold,
            ink,
            text,
        } => {
            let end = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let style = font::at(size * units.scale * units.size_per_em, *bold)
                .color(&colour(*ink))
                .pos(Pos::new(end, VPos::Center));
            let at = units.at([at[0], at[1] + size * units.drop]);
            area.draw(&Text::new(text.as_str(), at, style))
        }
        Shape::Tip { .. } => Ok(()),
    }
}

fn colour(ink: Ink) -> RGBColor {
    let (red, green, blue) = ink.rgb();
    RGBColor(red, green, blue)
}
