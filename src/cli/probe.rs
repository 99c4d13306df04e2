//! `--probe` on the command line: `LAYER[:tile=R,C][:cycles=A..B]`.

use super::run::window;
use crate::golden::Probe;

/// The probe that `text` describes.
pub(super) fn probe(text: &str) -> Result<Probe, String> {
    let mut parts = text.split(':');
    let layer = parts.next().unwrap_or_default().to_owned();
    if layer.is_empty() {
        return Err("write LAYER, LAYER:tile=R,C or LAYER:cycles=A..B".to_owned());
    }
    let mut probe = Probe {
        layer,
        tile: None,
        cycles: None,
    };
    for part in parts {
        match part.split_once('=') {
            Some(("tile", at)) => probe.tile = Some(tile(at)?),
            Some(("cycles", range)) => probe.cycles = Some(window(range)?),
            Some(_) | None => {
                return Err(format!("`{part}` is neither tile=R,C nor cycles=A..B"));
            }
        }
    }
    Ok(probe)
}

/// `R,C`.
fn tile(text: &str) -> Result<[usize; 2], String> {
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let pair = text.split_once(',');
    let pair = pair.and_then(|(row, column)| Some([number(row)?, number(column)?]));
    pair.ok_or_else(|| {
        format!("`{text}` is no tile: write tile row and tile column, both from 0, as in tile=3,4")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_a_layer_and_what_narrows_it() {
        let whole = probe("stage1.0").unwrap();
        assert_eq!(
            (whole.layer.as_str(), whole.tile, whole.cycles),
            ("stage1.0", None, None)
        );
        let part = probe("stage1.0:cycles=200..1_000:tile=3,4").unwrap();
        assert_eq!((part.tile, part.cycles), (Some([3, 4]), Some(200..1000)));
        for bad in [
            "",
            ":tile=1,2",
            "a:tile=1",
            "a:tile=1,x",
            "a:cycles=5",
            "a:cycles=5..5",
            "a:rows=1..2",
            "a:",
        ] {
            assert!(probe(bad).is_err(), "{bad}");
        }
    }
}
