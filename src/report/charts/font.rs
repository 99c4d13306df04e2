//! The embedded font: the same outlines and widths on every machine.

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::sync::Once;

/// Name of the embedded font and the fonts a reader of the SVG may use in its place.
pub(super) const FAMILY: &str = "DejaVu Sans, Verdana, Helvetica, Arial, sans-serif";

/// Line height of the font over its em: what a bitmap backend calls the size.
pub(super) const LINE: f64 = 1.164;

/// The font at `size`, in the backend's meaning of size.
pub(super) fn at(size: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        let styles = [
            (FontStyle::Normal, dejavu::sans::regular()),
            (FontStyle::Bold, dejavu::sans::bold()),
        ];
        for (style, bytes) in styles {
            assert!(
                register_font(FAMILY, style, bytes).is_ok(),
                "the embedded font is a valid font"
            );
        }
    });
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    FontDesc::new(FontFamily::Name(FAMILY), size, style)
}

/// Width of a text in pixels at an em of `size` pixels.
pub(super) fn width(text: &str, size: f64, bold: bool) -> f64 {
    // Measured at a large size: the backend rounds widths to whole pixels.
    const LARGE: f64 = 64.0;
    let (width, _) = at(LARGE * LINE, bold)
        .box_size(text)
        .expect("the embedded font is registered");
    f64::from(width) * size / LARGE
}

/// A text cut to `room` pixels, with `…` in its middle when it is longer.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size, false) <= room {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    for kept in (2..letters.len()).rev() {
        let head = kept / 2;
        let tail = letters.len() - (kept - head);
        let cut: String = letters[..head]
            .iter()
            .chain(&['…'])
            .chain(&letters[tail..])
            .collect();
        if width(&cut, size, false) <= room {
            return cut;
        }
    }
    "…".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_in_its_middle() {
        assert_eq!(fit("short", 12.0, 200.0), "short");
        let cut = fit("layer4.22.a-very-long-name.conv3", 12.0, 100.0);
        assert!(cut.contains('…') && cut.starts_with("layer") && cut.ends_with("conv3"));
        assert!(width(&cut, 12.0, false) <= 100.0);
    }
}
