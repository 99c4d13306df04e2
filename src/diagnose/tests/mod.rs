//! Every cause injected by plain sums, and found.

mod faults;
mod layers;
mod others;
mod places;

use layers::{Layer, SPECS};
use ndarray::Array4;

/// Whether the cause `key` stands first, alone or tied, and what stands first.
fn first(layer: &Layer, observed: &Array4<Option<i32>>, key: &str) -> Result<(), String> {
    let causes = layer.case(observed).causes().unwrap();
    let best = causes.ranked.iter().filter(|ranked| ranked.rank == 1);
    if best.clone().any(|ranked| ranked.cause.key == key) {
        return Ok(());
    }
    let list: Vec<String> = causes
        .ranked
        .iter()
        .take(4)
        .map(|r| {
            format!(
                "{} {}/{} -{}",
                r.cause.text, r.explained, causes.wrong, r.broken
            )
        })
        .collect();
    Err(format!("{key}: {}", list.join("; ")))
}

/// Injects a fault into every layer that it alters, and expects `key` first; it must alter at least one.
fn found(key: &str, fault: impl Fn(&Layer) -> Option<Array4<Option<i32>>>) {
    let mut altered = 0;
    for (index, spec) in SPECS.into_iter().enumerate() {
        let layer = Layer::new(spec, 7);
        let golden = layer.golden().mapv(Some);
        let Some(observed) = fault(&layer).filter(|observed| *observed != golden) else {
            continue;
        };
        altered += 1;
        if let Err(what) = first(&layer, &observed, key) {
            panic!("layer {index}: {what}");
        }
    }
    assert!(altered > 0, "{key} alters no layer");
}
