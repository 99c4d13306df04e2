//! Writes a scene as SVG in few bytes: a page holds many charts.
//!
//! Coordinates are quarter pixels, so that thin parts of a bar keep their width. Shapes of one look share
//! one element: rectangles of a colour are one path, words of a size are one group.

use super::super::html::escape;
use super::font;
use super::gather::{self, Look};
use super::palette::Ink;
use super::scene::{Anchor, Scene, Shape};
use crate::report::figures::real;
use std::fmt::Write as _;

/// Ems to move a text down from the middle of its capitals to their foot.
const DROP: f64 = 0.36;

/// A length in quarter pixels, to the nearest.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a length of a picture is far below 2^31 quarters"
)]
pub(super) fn quarters(pixels: f64) -> i32 {
    (pixels * 4.0).round() as i32
}

/// The scene as an SVG document with a title for those who cannot see it.
pub(super) fn write(scene: &Scene, description: &str) -> String {
    let (width, height) = (quarters(scene.width), quarters(scene.height));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"{}\">\n<title>{}</title>\n<path fill=\"{}\" d=\"M0 0h{width}v{height}h-{width}z\"/>\n",
        scene.width,
        scene.height,
        font::FAMILY,
        escape(description),
        Ink::Paper.css(),
    );
    for (look, shapes) in gather::runs(&scene.shapes) {
        let (open, close) = frame(look);
        svg.push_str(&open);
        let mut pen = Pen::default();
        for shape in shapes {
            pen.add(&mut svg, shape);
        }
        pen.lift(&mut svg);
        svg.push_str(close);
    }
    svg.push_str("</svg>\n");
    svg
}

/// What opens and closes a run.
fn frame(look: Look) -> (String, &'static str) {
    let open = match look {
        // Bars that touch must not let the background shine through between them.
        Look::Fill(ink) => {
            let css = ink.css();
            return (
                format!("<path shape-rendering=\"crispEdges\" fill=\"{css}\" d=\""),
                "\"/>\n",
            );
        }
        Look::Stroke(ink, width) => {
            let css = ink.css();
            return (
                format!("<path fill=\"none\" stroke=\"{css}\" stroke-width=\"{width}\" d=\""),
                "\"/>\n",
            );
        }
        Look::Disc(ink) => format!("<g fill=\"{}\">\n", ink.css()),
        Look::Ring(ink) => format!(
            "<g fill=\"none\" stroke=\"{}\" stroke-width=\"4\">\n",
            ink.css()
        ),
        Look::Words(ink, anchor, size, bold) => format!(
            "<g fill=\"{}\" font-size=\"{size}\"{}{}>\n",
            ink.css(),
            match anchor {
                Anchor::Start => "",
                Anchor::Middle => " text-anchor=\"middle\"",
                Anchor::End => " text-anchor=\"end\"",
            },
            if bold { " font-weight=\"bold\"" } else { "" }
        ),
        Look::Tips => "<g fill=\"none\" pointer-events=\"all\">\n".to_owned(),
    };
    (open, "</g>\n")
}

/// Where the path is, and the rectangle that may still grow.
#[derive(Debug, Default)]
struct Pen {
    started: bool,
    at: [i32; 2],
    /// Left, top, right, bottom.
    rect: Option<[i32; 4]>,
}

impl Pen {
    fn add(&mut self, svg: &mut String, shape: &Shape) {
        match shape {
            Shape::Rect { at, size, .. } => {
                let new = [at[0], at[1], at[0] + size[0], at[1] + size[1]].map(quarters);
                match self.rect {
                    Some(old) if joins(old, new) => {
                        self.rect = Some([old[0], old[1], new[2], new[3]])
                    }
                    _ => {
                        self.lift(svg);
                        self.rect = Some(new);
                    }
                }
            }
            Shape::Bars {
                base,
                width,
                heights,
                ..
            } => self.bars(svg, *base, *width, heights),
            Shape::Line { points, .. } => self.line(svg, points),
            Shape::Circle { centre, radius, .. } => {
                let ([x, y], r) = (centre.map(quarters), quarters(*radius));
                let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/>");
            }
            Shape::Text { at, size, text, .. } => {
                let [x, y] = [at[0], at[1] + size * DROP].map(quarters);
                let _ = writeln!(svg, "<text x=\"{x}\" y=\"{y}\">{}</text>", escape(text));
            }
            Shape::Tip { at, size, text } => {
                let [x, y, w, h] = [at[0], at[1], size[0], size[1]].map(quarters);
                let _ = writeln!(
                    svg,
                    "<path d=\"M{x} {y}h{w}v{h}h-{w}z\"><title>{}</title></path>",
                    escape(text)
                );
            }
        }
    }

    /// Writes the rectangle that waits. One narrower than a quarter pixel is not seen.
    fn lift(&mut self, svg: &mut String) {
        if let Some([x0, y0, x1, y1]) = self.rect.take()
            && x1 > x0
            && y1 > y0
        {
            self.go(svg, [x0, y0]);
            let (w, h) = (x1 - x0, y1 - y0);
            let _ = write!(svg, "h{w}v{h}h-{w}z");
        }
    }

    /// The outline of bars; what has no height at either end is left out.
    fn bars(&mut self, svg: &mut String, base: [f64; 2], width: f64, heights: &[f64]) {
        self.lift(svg);
        let mut steps: Vec<(i32, i32)> = Vec::new();
        for (height, end) in heights.iter().zip(1..) {
            let (end, height) = (quarters(base[0] + width * real(end)), quarters(*height));
            match steps.last_mut() {
                Some(last) if last.1 == height => last.0 = end,
                Some(_) | None => steps.push((end, height)),
            }
        }
        steps.pop_if(|last| last.1 == 0);
        let [mut x, foot] = base.map(quarters);
        if steps.first().is_some_and(|first| first.1 == 0) {
            x = steps.remove(0).0;
        }
        if steps.is_empty() {
            return;
        }
        self.go(svg, [x, foot]);
        let mut y = 0;
        for (end, height) in steps {
            let _ = write!(svg, "v{}h{}", y - height, end - x);
            (x, y) = (end, height);
        }
        let _ = write!(svg, "v{y}z");
    }

    fn line(&mut self, svg: &mut String, points: &[[f64; 2]]) {
        for (index, point) in points.iter().enumerate() {
            let [x, y] = point.map(quarters);
            let [dx, dy] = [x - self.at[0], y - self.at[1]];
            match (index, dx, dy) {
                (0, _, _) => self.go(svg, [x, y]),
                (_, 0, 0) => {}
                (_, _, 0) => {
                    let _ = write!(svg, "h{dx}");
                }
                (_, 0, _) => {
                    let _ = write!(svg, "v{dy}");
                }
                _ => {
                    let _ = write!(svg, "l{dx} {dy}");
                }
            }
            self.at = [x, y];
        }
    }

    /// Starts a new part of the path.
    fn go(&mut self, svg: &mut String, [x, y]: [i32; 2]) {
        let _ = if self.started {
            write!(svg, "m{} {}", x - self.at[0], y - self.at[1])
        } else {
            write!(svg, "M{x} {y}")
        };
        (self.started, self.at) = (true, [x, y]);
    }
}

/// Whether `new` goes on where `old` ends, to the right or below.
const fn joins(old: [i32; 4], new: [i32; 4]) -> bool {
    let right = old[1] == new[1] && old[3] == new[3] && old[2] == new[0] && new[2] >= new[0];
    let below = old[0] == new[0] && old[2] == new[2] && old[3] == new[1] && new[3] >= new[1];
    right || below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_one_outline_and_equal_neighbours_one_step() {
        let mut scene = Scene::new(40.0, 10.0);
        let heights = vec![0.0, 2.0, 2.0, 0.0, 5.5, 1.0, 0.0];
        scene.bars([4.0, 9.0], 2.5, heights, Ink::Tensor);
        scene.bars([4.0, 9.0], 2.5, vec![0.0; 3], Ink::Tensor);
        scene.rect([30.0, 0.0], [1.0, 1.0], Ink::Tensor);
        let svg = write(&scene, "");
        let path = svg.lines().find(|line| line.contains("#B4C3D3")).unwrap();
        insta::assert_snapshot!(path, @r##"<path shape-rendering="crispEdges" fill="#B4C3D3" d="M26 36v-8h20v8h10v-22h10v18h10v4zm94 -36h4v4h-4z"/>"##);
    }

    #[test]
    fn shapes_of_one_look_share_an_element() {
        let mut scene = Scene::new(20.0, 10.0);
        for x in [0.0, 2.5, 9.0] {
            scene.rect([x, 1.0], [2.5, 3.0], Ink::Tensor);
        }
        scene.line(vec![[0.0, 9.0], [20.0, 9.0]], Ink::Muted, 1.0);
        scene.line(vec![[0.0, 8.0], [3.0, 7.0]], Ink::Muted, 1.0);
        scene.text([1.0, 5.0], Anchor::Middle, 10.0, Ink::Text, "<a>");
        scene.circle([5.0, 5.0], 2.0, Ink::Text, true);
        scene.tip([0.0, 0.0], [5.0, 5.0], "a \"b\"\n& c");
        insta::assert_snapshot!(write(&scene, "x < y"), @r##"
<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10" viewBox="0 0 80 40" role="img" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif">
<title>x &lt; y</title>
<path fill="#FFFFFF" d="M0 0h80v40h-80z"/>
<path shape-rendering="crispEdges" fill="#B4C3D3" d="M0 4h20v12h-20zm36 0h10v12h-10z"/>
<path fill="none" stroke="#5B636D" stroke-width="4" d="M0 36h80m-80 -4l12 -4"/>
<g fill="#1F2328" font-size="40" text-anchor="middle">
<text x="4" y="34">&lt;a&gt;</text>
</g>
<g fill="none" stroke="#1F2328" stroke-width="4">
<circle cx="20" cy="20" r="8"/>
</g>
<g fill="none" pointer-events="all">
<path d="M0 0h20v20h-20z"><title>a &quot;b&quot;
&amp; c</title></path>
</g>
</svg>
"##);
    }
}
