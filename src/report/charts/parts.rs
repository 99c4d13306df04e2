//! What a block diagram is drawn of: boxes of words, and arrows with their widths.

use super::font;
use super::palette::Ink;
use super::scene::{Anchor, Scene};

/// Pixels of an em of all words but headings.
const SIZE: f64 = 10.0;
const LINE: f64 = 14.0;

/// Left and top, right and bottom.
pub(super) type Area = [f64; 4];

/// A box with a heading and lines of words; what is too long is cut.
pub(super) fn part(
    scene: &mut Scene,
    [left, top, right, bottom]: Area,
    name: &str,
    lines: &[String],
) {
    scene.rect([left, top], [right - left, bottom - top], Ink::Grid);
    let room = right - left - 12.0;
    let middle = f64::midpoint(left, right);
    let mut y = top + 15.0;
    let heading = font::fit(name, 12.0, room);
    scene.text([middle, y], Anchor::Middle, 12.0, Ink::Text, heading);
    y += 4.0;
    for line in lines {
        y += LINE;
        let text = font::fit(line, SIZE, room);
        scene.text([middle, y], Anchor::Middle, SIZE, Ink::Text, text);
    }
}

/// An arrow one way; the words stand in two lines around `words`, the first above.
pub(super) fn one(
    scene: &mut Scene,
    from: [f64; 2],
    to: [f64; 2],
    words: [f64; 2],
    text: &[String; 2],
) {
    scene.line(vec![from, to], Ink::Text, 1.5);
    head(scene, from, to);
    label(scene, words, text, (from[1] - to[1]).abs() < 1.0);
}

/// An arrow both ways.
pub(super) fn both(
    scene: &mut Scene,
    from: [f64; 2],
    to: [f64; 2],
    words: [f64; 2],
    text: &[String; 2],
) {
    one(scene, from, to, words, text);
    head(scene, to, from);
}

/// Two strokes at the end of an arrow along an axis.
fn head(scene: &mut Scene, from: [f64; 2], to: [f64; 2]) {
    let [dx, dy] = [(from[0] - to[0]).signum(), (from[1] - to[1]).signum()];
    let points = if (from[1] - to[1]).abs() < 1.0 {
        [
            [to[0] + 7.0 * dx, to[1] - 4.0],
            to,
            [to[0] + 7.0 * dx, to[1] + 4.0],
        ]
    } else {
        [
            [to[0] - 4.0, to[1] + 7.0 * dy],
            to,
            [to[0] + 4.0, to[1] + 7.0 * dy],
        ]
    };
    scene.line(points.to_vec(), Ink::Text, 1.5);
}

/// Around a level arrow one line above and one below, beside an upright one both together.
fn label(scene: &mut Scene, [x, y]: [f64; 2], [first, second]: &[String; 2], level: bool) {
    let (room, ys) = if level {
        (96.0, [y, y + 25.0])
    } else {
        (84.0, [y - 13.0, y])
    };
    for (text, y) in [(first, ys[0]), (second, ys[1])] {
        let text = font::fit(text, SIZE, room);
        scene.text([x, y], Anchor::Middle, SIZE, Ink::Text, text);
    }
}
